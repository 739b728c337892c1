// SPDX-License-Identifier: MIT
#pragma once

#include <array>

#include "frames.hpp"
#include "lib/udmabuf.hpp"

namespace gst_tests {

/// Where the planes of a frame lie.
struct Layout {
    std::array<gsize, GST_VIDEO_MAX_PLANES> offset{};
    std::array<gint, GST_VIDEO_MAX_PLANES> stride{};
};

Layout default_layout(const GstVideoInfo& info);

/// Lines longer than they need, planes apart from one another, and none at the start.
Layout odd_layout(const GstVideoInfo& info);

/// Memory for a frame in any of the layouts, in whole pages.
gsize dmabuf_size(const GstVideoInfo& info);

/// A buffer of one dma-buf that somebody else made. The descriptor is duplicated, as unixfdsrc does
/// for every frame.
Handle<GstBuffer> wrap_dmabuf(int fd, gsize size);

/// The same, with a GstVideoMeta.
Handle<GstBuffer> wrap_frame(int fd, gsize size, const GstVideoInfo& info, const Layout& layout);

}  // namespace gst_tests
