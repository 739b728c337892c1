// SPDX-License-Identifier: MIT
#pragma once

#include <gst/video/video.h>

#include <cstdint>
#include <functional>
#include <string>

#include "handles.hpp"

namespace gst_tests {

/// "video/x-raw,format=NV12,width=64,height=48,framerate=25/1", and @p more.
std::string raw_caps(const std::string& format, int width, int height,
                     const std::string& more = {});

/// The same for dma-bufs, by DRM's name of the format.
std::string drm_caps(const std::string& drm_format, int width, int height,
                     const std::string& more = {});

/// Of fixed caps of either kind.
GstVideoInfo info_of(const std::string& caps);

/// A frame of zeros in system memory, in the default layout.
Handle<GstBuffer> new_frame(const GstVideoInfo& info);

struct Colour {
    int r, g, b;
};

/// The colour of the pixel at a place.
using Picture = std::function<Colour(int x, int y)>;

/// Every colour and every grey in slopes.
Picture smooth(int width, int height);

/// Blocks of black, white and the primary colours, four pixels wide.
Picture saturated();

/// Paints into a frame of any format of the elements, by the caps' matrix and range; chroma that
/// stands for several pixels is the first one's.
void paint(GstBuffer* frame, const GstVideoInfo& info, const Picture& picture);

/// Sample of a component, in the component's own grid.
std::uint8_t sample(const GstVideoFrame& frame, guint component, int x, int y);

/// Sets each to what the function makes of component, x and y.
void for_each_sample(GstVideoFrame& frame,
                     const std::function<std::uint8_t(guint, int, int)>& value);

/// Where two frames of the same format differ most.
struct Difference {
    int worst = 0;
    double mean = 0;
    guint component = 0;
    int x = 0, y = 0;
    int got = 0, expected = 0;
};

Difference compare(GstBuffer* got, GstBuffer* expected, const GstVideoInfo& info);

std::ostream& operator<<(std::ostream& out, const Difference& difference);

}  // namespace gst_tests
