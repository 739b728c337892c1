// SPDX-License-Identifier: MIT
#pragma once

#include <drm/zaccel_accel.h>

#include "device.hpp"

namespace uapi_tests {

/// What DRM_IOCTL_ZACCEL_QUERY says of the device as a whole.
drm_zaccel_device_info device_info(const Fd& device);

}  // namespace uapi_tests
