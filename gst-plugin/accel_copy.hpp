// SPDX-License-Identifier: MIT
#pragma once

#include "accel_caps.hpp"

namespace accelgst {

/// The crop of a frame that is larger than its caps, where it leaves what the caps say:
/// PlaneOffsets has it applied. Null for any other crop, which stays the affair of who shows the
/// picture.
const GstVideoCropMeta* applicable_crop(GstBuffer* buffer, const FrameCaps& caps);

/// Where the planes of a frame begin in its buffer, by its GstVideoMeta or else by the caps. The
/// applicable crop moves the begin, by whole pairs of pixels where chroma is subsampled.
struct PlaneOffsets {
    gsize offset[GST_VIDEO_MAX_PLANES];
    gint stride[GST_VIDEO_MAX_PLANES];

    static PlaneOffsets of(GstBuffer* buffer, const FrameCaps& caps);
};

/// Bytes of all planes' samples.
guint64 frame_bytes(const FrameCaps& caps);

/// Copies the samples of all planes by the CPU.
/// @throws std::runtime_error when a frame is too short for its caps, or cannot be mapped
void copy_frame(GstBuffer* to, GstBuffer* from, const FrameCaps& caps);

}  // namespace accelgst
