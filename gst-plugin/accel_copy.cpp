// SPDX-License-Identifier: MIT
#include "accel_copy.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace accelgst {
namespace {

// Bytes of one plane, mapped; the lines may run backwards.
class MappedPlane {
 public:
    MappedPlane(GstBuffer* buffer, const FrameCaps& caps, guint plane, GstMapFlags flags)
        : buffer_(buffer) {
        const PlaneOffsets offsets = PlaneOffsets::of(buffer, caps);
        stride_ = offsets.stride[plane];
        const gsize lines = caps.rows(plane) - 1;
        const gsize behind = lines * static_cast<gsize>(std::abs(stride_));
        const gsize start = offsets.offset[plane] - (stride_ < 0 ? behind : 0);
        guint first = 0, count = 0;
        gsize skip = 0;
        if (start > offsets.offset[plane] ||
            !gst_buffer_find_memory(buffer, start, behind + caps.row_bytes(plane), &first, &count,
                                    &skip))
            throw std::runtime_error("the frame is shorter than its caps say");
        if (!gst_buffer_map_range(buffer, first, static_cast<gint>(count), &map_, flags))
            throw std::runtime_error("the frame cannot be mapped");
        data_ = map_.data + skip + (stride_ < 0 ? behind : 0);
    }
    MappedPlane(const MappedPlane&) = delete;
    MappedPlane& operator=(const MappedPlane&) = delete;
    ~MappedPlane() { gst_buffer_unmap(buffer_, &map_); }

    guint8* line(guint y) const { return data_ + static_cast<gssize>(y) * stride_; }

 private:
    GstBuffer* buffer_;
    GstMapInfo map_{};
    guint8* data_ = nullptr;
    gint stride_ = 0;
};

void copy_plane(GstBuffer* to, GstBuffer* from, const FrameCaps& caps, guint plane) {
    const MappedPlane source(from, caps, plane, GST_MAP_READ);
    const MappedPlane destination(to, caps, plane, GST_MAP_WRITE);
    const guint rows = caps.rows(plane);
    const guint bytes = caps.row_bytes(plane);
    for (guint y = 0; y < rows; y++) std::memcpy(destination.line(y), source.line(y), bytes);
}

void apply(const GstVideoCropMeta& crop, const FrameCaps& caps, PlaneOffsets& offsets) {
    const guint x = crop.x - crop.x % static_cast<guint>(caps.format->width_step);
    const guint y = crop.y - crop.y % static_cast<guint>(caps.format->height_step);
    for (guint plane = 0; plane < caps.planes(); plane++)
        offsets.offset[plane] +=
            static_cast<gsize>(caps.distance(plane, x, y, offsets.stride[plane]));
}

}  // namespace

const GstVideoCropMeta* applicable_crop(GstBuffer* buffer, const FrameCaps& caps) {
    const GstVideoMeta* meta = gst_buffer_get_video_meta(buffer);
    const GstVideoCropMeta* crop = gst_buffer_get_video_crop_meta(buffer);
    if (!meta || meta->n_planes < caps.planes() || !crop) return nullptr;
    const bool fits = accel::Size{crop->width, crop->height} == caps.size() &&
                      guint64{crop->x} + crop->width <= meta->width &&
                      guint64{crop->y} + crop->height <= meta->height;
    return fits ? crop : nullptr;
}

PlaneOffsets PlaneOffsets::of(GstBuffer* buffer, const FrameCaps& caps) {
    PlaneOffsets offsets{};
    const GstVideoMeta* meta = gst_buffer_get_video_meta(buffer);
    // A meta may describe more than the caps: a padded frame. One that has less is broken.
    const bool use = meta && meta->n_planes >= caps.planes();
    std::copy_n(use ? meta->offset : caps.info.offset, caps.planes(), offsets.offset);
    std::copy_n(use ? meta->stride : caps.info.stride, caps.planes(), offsets.stride);
    if (const GstVideoCropMeta* crop = applicable_crop(buffer, caps)) apply(*crop, caps, offsets);
    return offsets;
}

guint64 frame_bytes(const FrameCaps& caps) {
    guint64 bytes = 0;
    for (guint plane = 0; plane < caps.planes(); plane++)
        bytes += guint64{caps.rows(plane)} * caps.row_bytes(plane);
    return bytes;
}

void copy_frame(GstBuffer* to, GstBuffer* from, const FrameCaps& caps) {
    for (guint plane = 0; plane < caps.planes(); plane++) copy_plane(to, from, caps, plane);
}

}  // namespace accelgst
