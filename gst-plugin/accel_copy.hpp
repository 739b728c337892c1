// SPDX-License-Identifier: MIT
#pragma once

#include "accel_caps.hpp"

namespace accelgst {

/// Where the planes of a frame begin in its buffer, by its GstVideoMeta or else by the caps.
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
