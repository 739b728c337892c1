// SPDX-License-Identifier: MIT
#pragma once

#include "accel_caps.hpp"

namespace accelgst {

/// Makes one choice of what the other side of a converter may have: the first kind of memory it
/// lists; the format that loses least; the size nearest to the input's that keeps the display
/// aspect ratio; and colours as they are.
/// @param in fixed caps of this side
/// @param other not empty
GstPtr<GstCaps> fixate_conversion(const GstCaps* in, GstPtr<GstCaps> other);

}  // namespace accelgst
