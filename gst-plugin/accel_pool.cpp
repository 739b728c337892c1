// SPDX-License-Identifier: MIT
#include "accel_pool.hpp"

#include <gst/video/gstvideometa.h>
#include <gst/video/gstvideopool.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace {

using accelgst::FrameCaps;
using accelgst::GstPtr;

struct Layout {
    gsize offset[GST_VIDEO_MAX_PLANES] = {};
    gint stride[GST_VIDEO_MAX_PLANES] = {};
    gsize size = 0;
    GstVideoAlignment alignment = {};  // by which the strides follow from the width
};

constexpr std::uint32_t least_alignment = 64;

struct PoolState {
    std::uint32_t alignment = least_alignment;  // of lines and planes, in bytes; a power of two
    GstPtr<GstAllocator> allocator;
    std::optional<FrameCaps> caps;
    Layout layout;
    std::mutex mutex;
    std::exception_ptr failure;  // the last, for acquire(); guarded by mutex
};

}  // namespace

struct GstAccelBufferPool {
    GstBufferPool parent;
    PoolState* state;
};

struct GstAccelBufferPoolClass {
    GstBufferPoolClass parent_class;
};

GST_DEBUG_CATEGORY_STATIC(accel_pool_debug);
#define GST_CAT_DEFAULT accel_pool_debug

G_DEFINE_TYPE_WITH_CODE(GstAccelBufferPool, gst_accel_buffer_pool, GST_TYPE_BUFFER_POOL,
                        GST_DEBUG_CATEGORY_INIT(accel_pool_debug, "accelpool", 0,
                                                "frames in accelerators' memory"))

namespace {

PoolState& state_of(GstBufferPool* pool) {
    return *reinterpret_cast<GstAccelBufferPool*>(pool)->state;
}

Layout layout_of(const GstVideoInfo& info, const GstVideoAlignment& alignment) {
    Layout layout;
    std::copy_n(info.offset, GST_VIDEO_INFO_N_PLANES(&info), layout.offset);
    std::copy_n(info.stride, GST_VIDEO_INFO_N_PLANES(&info), layout.stride);
    layout.size = GST_VIDEO_INFO_SIZE(&info);
    layout.alignment = alignment;
    return layout;
}

// The lines of all planes get as many more pixels, and not each plane as many as it needs: peers
// that are told the first plane's pitch only (V4L2) take the others' from it.
std::optional<Layout> aligned_layout(const FrameCaps& caps, std::uint32_t bytes) {
    GstVideoInfo info = caps.info;
    GstVideoAlignment alignment{};
    std::ranges::fill(alignment.stride_align, bytes - 1);
    if (!gst_video_info_align(&info, &alignment)) return std::nullopt;
    return layout_of(info, alignment);
}

const gchar** get_options(GstBufferPool*) {
    static const gchar* options[] = {GST_BUFFER_POOL_OPTION_VIDEO_META, nullptr};
    return options;
}

gboolean set_config(GstBufferPool* pool, GstStructure* config) {
    PoolState& state = state_of(pool);
    GstCaps* caps = nullptr;
    guint size = 0, min = 0, max = 0;
    if (!gst_buffer_pool_config_get_params(config, &caps, &size, &min, &max)) return FALSE;
    state.caps = FrameCaps::parse(caps);
    if (!state.caps) {
        GST_WARNING_OBJECT(pool, "cannot hold %" GST_PTR_FORMAT, caps);
        return FALSE;
    }
    const bool aligned = state.caps->dmabuf || gst_buffer_pool_config_has_option(
                                                   config, GST_BUFFER_POOL_OPTION_VIDEO_META);
    const std::optional<Layout> layout =
        aligned ? aligned_layout(*state.caps, state.alignment) : layout_of(state.caps->info, {});
    if (!layout) {
        GST_WARNING_OBJECT(pool, "no aligned lines for %" GST_PTR_FORMAT, caps);
        return FALSE;
    }
    state.layout = *layout;
    state.layout.size = std::max<gsize>(state.layout.size, size);
    gst_buffer_pool_config_set_params(config, caps, static_cast<guint>(state.layout.size), min,
                                      max);
    return GST_BUFFER_POOL_CLASS(gst_accel_buffer_pool_parent_class)->set_config(pool, config);
}

GstBuffer* new_frame(PoolState& state) {
    const FrameCaps& caps = *state.caps;
    Layout& layout = state.layout;
    GstMemory* memory = accelgst::allocate_memory(state.allocator.get(), layout.size);
    gst_memory_resize(memory, 0, layout.size);  // not the rest of its last page
    GstBuffer* buffer = gst_buffer_new();
    gst_buffer_append_memory(buffer, memory);
    GstVideoMeta* meta = gst_buffer_add_video_meta_full(
        buffer, GST_VIDEO_FRAME_FLAG_NONE, caps.format->video, static_cast<guint>(caps.info.width),
        static_cast<guint>(caps.info.height), caps.planes(), layout.offset, layout.stride);
    gst_video_meta_set_alignment(meta, layout.alignment);
    return buffer;
}

GstFlowReturn alloc_buffer(GstBufferPool* pool, GstBuffer** buffer, GstBufferPoolAcquireParams*) {
    PoolState& state = state_of(pool);
    try {
        *buffer = new_frame(state);
        return GST_FLOW_OK;
    } catch (const std::exception& error) {
        GST_WARNING_OBJECT(pool, "%s", error.what());
        const std::scoped_lock lock(state.mutex);
        state.failure = std::current_exception();
        return GST_FLOW_ERROR;
    }
}

void finalize(GObject* object) {
    delete reinterpret_cast<GstAccelBufferPool*>(object)->state;
    G_OBJECT_CLASS(gst_accel_buffer_pool_parent_class)->finalize(object);
}

// Throws what went wrong in alloc_buffer(), which can only tell that something did.
[[noreturn]] void fail(GstBufferPool* pool, const char* why) {
    PoolState& state = state_of(pool);
    const std::scoped_lock lock(state.mutex);
    if (state.failure) std::rethrow_exception(state.failure);
    throw std::runtime_error(std::string("buffer pool: ") + why);
}

bool configure(GstBufferPool* pool, const accelgst::PoolRequest& request) {
    GstStructure* config = gst_buffer_pool_get_config(pool);
    gst_buffer_pool_config_set_params(config, request.caps, 0, request.min, request.max);
    if (request.video_meta)
        gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
    return gst_buffer_pool_set_config(pool, config);
}

}  // namespace

static void gst_accel_buffer_pool_class_init(GstAccelBufferPoolClass* klass) {
    G_OBJECT_CLASS(klass)->finalize = finalize;
    klass->parent_class.get_options = get_options;
    klass->parent_class.set_config = set_config;
    klass->parent_class.alloc_buffer = alloc_buffer;
}

static void gst_accel_buffer_pool_init(GstAccelBufferPool* self) { self->state = new PoolState; }

namespace accelgst {

GstPtr<GstBufferPool> new_pool(const DevicePtr& device, const PoolRequest& request) {
    auto* self =
        static_cast<GstAccelBufferPool*>(g_object_new(gst_accel_buffer_pool_get_type(), nullptr));
    gst_object_ref_sink(self);
    self->state->allocator = new_allocator(device);
    self->state->alignment = std::max(least_alignment, device->info().limits.pitch_align);
    GstPtr<GstBufferPool> pool(GST_BUFFER_POOL(self));
    if (!configure(pool.get(), request)) return nullptr;
    return pool;
}

guint pool_size(GstBufferPool* pool) { return static_cast<guint>(state_of(pool).layout.size); }

void activate(GstBufferPool* pool) {
    if (!gst_buffer_pool_set_active(pool, TRUE)) fail(pool, "cannot be started");
}

GstPtr<GstBuffer> acquire(GstBufferPool* pool) {
    GstBuffer* buffer = nullptr;
    const GstFlowReturn flow = gst_buffer_pool_acquire_buffer(pool, &buffer, nullptr);
    if (flow != GST_FLOW_OK) fail(pool, gst_flow_get_name(flow));
    return GstPtr<GstBuffer>(buffer);
}

void retire(GstPtr<GstBufferPool>& pool) {
    if (pool) gst_buffer_pool_set_active(pool.get(), FALSE);
    pool.reset();
}

}  // namespace accelgst
