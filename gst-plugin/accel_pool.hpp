// SPDX-License-Identifier: MIT
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

#include "accel_allocator.hpp"
#include "accel_caps.hpp"
#include "accel_context.hpp"
#include "gst_ptr.hpp"

namespace accelgst {

/// What a pool is set up for.
struct PoolRequest {
    GstCaps* caps = nullptr;  ///< Fixed; borrowed.
    guint min = 0;
    guint max = 0;  ///< 0: as many as are asked for.

    /// The users understand GstVideoMeta, so that lines may be aligned as the accelerator likes.
    /// Without it plain caps mean the default layout. A pool for users not known yet goes without:
    /// who understands GstVideoMeta configures the pool anew.
    bool video_meta = false;
};

/// A pool of frames in the accelerator's memory, one dma-buf a frame, each with a GstVideoMeta.
/// Whoever configures it for themselves gets aligned lines by the option VIDEO_META, and the
/// default layout without it.
/// @return null when the caps are none of ours
GstPtr<GstBufferPool> new_pool(const DevicePtr& device, const PoolRequest& request);

/// Bytes of a frame, once configured.
guint pool_size(GstBufferPool* pool);

/// Allocates the least number of frames.
/// @throws as acquire() does
void activate(GstBufferPool* pool);

/// An active pool's next frame.
/// @throws accel::Error, or std::runtime_error when the pool is being stopped
GstPtr<GstBuffer> acquire(GstBufferPool* pool);

/// Stops the pool and lets go of it. Buffers that are still out stay what they are.
void retire(GstPtr<GstBufferPool>& pool);

}  // namespace accelgst
