// SPDX-License-Identifier: MIT
#pragma once

#include <gst/gst.h>

#include <accel/accel.hpp>
#include <string>

namespace accelgst {

/// Posts an element error whose domain and code say what kind of failure @p error is, whose text
/// says what to do where there is something to do, and whose debug text is error.what(), with the
/// errno's meaning.
/// @param doing what the element was about, such as "open the accelerator"
void post_error(GstElement* element, const std::string& doing, const accel::Error& error);

/// The same for what is not of the library: a failed allocation, a broken invariant.
void post_error(GstElement* element, const std::string& doing, const std::exception& error);

}  // namespace accelgst
