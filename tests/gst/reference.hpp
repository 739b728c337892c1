// SPDX-License-Identifier: MIT
#pragma once

#include "frames.hpp"

namespace gst_tests {

/// What GStreamer's own converter, the one of videoconvertscale, makes of a frame.
///
/// Without dithering. Chroma that is made smaller is filtered; chroma that is made larger only with
/// @p bilinear, and repeated otherwise. (The converter's "chroma-resampler" has a value "nearest"
/// too, which changes nothing.)
///
/// It goes through 16 bits per component: at 8 bits the converter has short cuts which repeat or
/// drop chroma whatever it was told, and a matrix of 8-bit coefficients that is off by up to 8 of
/// 255. The same converter without short cuts is as exact as one may ask for.
Handle<GstBuffer> convert_by_cpu(GstBuffer* frame, const GstVideoInfo& in, const GstVideoInfo& out,
                                 bool bilinear);

}  // namespace gst_tests
