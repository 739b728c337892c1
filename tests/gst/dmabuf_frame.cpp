// SPDX-License-Identifier: MIT
#include "dmabuf_frame.hpp"

#include <fcntl.h>
#include <gst/allocators/gstdmabuf.h>

#include <algorithm>

namespace gst_tests {

Layout default_layout(const GstVideoInfo& info) {
    Layout layout;
    std::copy_n(info.offset, GST_VIDEO_MAX_PLANES, layout.offset.begin());
    std::copy_n(info.stride, GST_VIDEO_MAX_PLANES, layout.stride.begin());
    return layout;
}

Layout odd_layout(const GstVideoInfo& info) {
    Layout layout;
    gsize end = 4096;
    for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES(&info); i++) {
        layout.offset[i] = end;
        layout.stride[i] = info.stride[i] + 20;
        end += static_cast<gsize>(layout.stride[i]) * static_cast<gsize>(info.height) + 128;
    }
    return layout;
}

gsize dmabuf_size(const GstVideoInfo& info) {
    return (2 * GST_VIDEO_INFO_SIZE(&info) + 16384) / 4096 * 4096;
}

Handle<GstBuffer> wrap_dmabuf(int fd, gsize size) {
    GstAllocator* allocator = gst_dmabuf_allocator_new();
    Handle<GstBuffer> buffer(gst_buffer_new());
    gst_buffer_append_memory(
        buffer.get(), gst_dmabuf_allocator_alloc(allocator, fcntl(fd, F_DUPFD_CLOEXEC, 0), size));
    gst_object_unref(allocator);
    return buffer;
}

Handle<GstBuffer> wrap_frame(int fd, gsize size, const GstVideoInfo& info, const Layout& layout) {
    Handle<GstBuffer> buffer = wrap_dmabuf(fd, size);
    gst_buffer_add_video_meta_full(buffer.get(), GST_VIDEO_FRAME_FLAG_NONE,
                                   GST_VIDEO_INFO_FORMAT(&info), static_cast<guint>(info.width),
                                   static_cast<guint>(info.height), GST_VIDEO_INFO_N_PLANES(&info),
                                   layout.offset.data(), layout.stride.data());
    return buffer;
}

}  // namespace gst_tests
