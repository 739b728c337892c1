// SPDX-License-Identifier: MIT
#include "accel_allocator.hpp"

#include <gst/allocators/allocators.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <mutex>

namespace {

using accelgst::DevicePtr;

struct AllocatorState {
    DevicePtr device;
};

// What a memory carries besides its descriptor.
struct Backing {
    DevicePtr device;
    accel::Buffer buffer;
};

}  // namespace

struct GstAccelAllocator {
    GstDmaBufAllocator parent;
    AllocatorState* state;
};

struct GstAccelAllocatorClass {
    GstDmaBufAllocatorClass parent_class;
};

GST_DEBUG_CATEGORY_STATIC(accel_allocator_debug);
#define GST_CAT_DEFAULT accel_allocator_debug

G_DEFINE_TYPE_WITH_CODE(GstAccelAllocator, gst_accel_allocator, GST_TYPE_DMABUF_ALLOCATOR,
                        GST_DEBUG_CATEGORY_INIT(accel_allocator_debug, "accelallocator", 0,
                                                "memory of accelerators"))

namespace {

bool sync(GstMemory* memory, guint64 when, GstMapFlags flags) {
    dma_buf_sync argument{};
    argument.flags = when;
    if (flags & GST_MAP_READ) argument.flags |= DMA_BUF_SYNC_READ;
    if (flags & GST_MAP_WRITE) argument.flags |= DMA_BUF_SYNC_WRITE;
    int result = 0;
    do {
        result = ioctl(gst_fd_memory_get_fd(memory), DMA_BUF_IOCTL_SYNC, &argument);
    } while (result < 0 && (errno == EINTR || errno == EAGAIN));
    if (result < 0)
        GST_WARNING_OBJECT(memory->allocator, "DMA_BUF_IOCTL_SYNC: %s", g_strerror(errno));
    return result == 0;
}

gpointer map_memory(GstMemory* memory, GstMapInfo* info, gsize size) {
    GstAllocator* allocator = memory->allocator;
    const gpointer data = allocator->mem_map(memory, size, GST_MAP_READWRITE);
    if (data && !sync(memory, DMA_BUF_SYNC_START, info->flags)) {
        allocator->mem_unmap(memory);
        return nullptr;
    }
    return data;
}

void unmap_memory(GstMemory* memory, GstMapInfo* info) {
    sync(memory, DMA_BUF_SYNC_END, info->flags);
    memory->allocator->mem_unmap(memory);
}

void finalize(GObject* object) {
    delete reinterpret_cast<GstAccelAllocator*>(object)->state;
    G_OBJECT_CLASS(gst_accel_allocator_parent_class)->finalize(object);
}

GQuark backing_quark() {
    static const GQuark quark = g_quark_from_static_string("accel-backing");
    return quark;
}

GQuark id_quark() {
    static const GQuark quark = g_quark_from_static_string("accel-dmabuf-id");
    return quark;
}

// Parts of a memory share what the whole one carries.
GstMemory* whole(GstMemory* memory) { return memory->parent ? memory->parent : memory; }

}  // namespace

static void gst_accel_allocator_class_init(GstAccelAllocatorClass* klass) {
    G_OBJECT_CLASS(klass)->finalize = finalize;
}

static void gst_accel_allocator_init(GstAccelAllocator* self) {
    self->state = new AllocatorState;
    GST_ALLOCATOR(self)->mem_map_full = map_memory;
    GST_ALLOCATOR(self)->mem_unmap_full = unmap_memory;
}

namespace accelgst {

GstPtr<GstAllocator> new_allocator(const DevicePtr& device) {
    auto* self =
        static_cast<GstAccelAllocator*>(g_object_new(gst_accel_allocator_get_type(), nullptr));
    gst_object_ref_sink(self);
    self->state->device = device;
    return GstPtr<GstAllocator>(GST_ALLOCATOR(self));
}

GstMemory* allocate_memory(GstAllocator* allocator, std::uint64_t size) {
    const DevicePtr device = reinterpret_cast<GstAccelAllocator*>(allocator)->state->device;
    auto backing = std::make_unique<Backing>(device, accel::Buffer::allocate(*device, size));
    accel::UniqueFd fd = backing->buffer.export_fd();
    GstMemory* memory =
        gst_fd_allocator_alloc(allocator, fd.release(), static_cast<gsize>(backing->buffer.size()),
                               GST_FD_MEMORY_FLAG_KEEP_MAPPED);
    gst_mini_object_set_qdata(GST_MINI_OBJECT_CAST(memory), backing_quark(), backing.release(),
                              [](gpointer data) { delete static_cast<Backing*>(data); });
    GST_DEBUG_OBJECT(allocator, "made %p, %" G_GUINT64_FORMAT " bytes", memory, size);
    return memory;
}

const accel::Buffer* find_buffer(GstMemory* memory, const DevicePtr& device) {
    const auto* backing = static_cast<Backing*>(
        gst_mini_object_get_qdata(GST_MINI_OBJECT_CAST(whole(memory)), backing_quark()));
    return backing && backing->device == device ? &backing->buffer : nullptr;
}

std::optional<DmaBufId> dmabuf_id(GstMemory* memory) {
    if (!gst_is_dmabuf_memory(memory)) return std::nullopt;
    GstMiniObject* object = GST_MINI_OBJECT_CAST(whole(memory));
    // Two branches of a tee may look at one memory at once, and setting frees what was set.
    static std::mutex mutex;
    const std::scoped_lock lock(mutex);
    if (const auto* known = static_cast<DmaBufId*>(gst_mini_object_get_qdata(object, id_quark())))
        return *known;
    struct stat status = {};
    if (fstat(gst_dmabuf_memory_get_fd(memory), &status) < 0) return std::nullopt;
    const DmaBufId id{status.st_dev, status.st_ino};
    gst_mini_object_set_qdata(object, id_quark(), new DmaBufId(id),
                              [](gpointer data) { delete static_cast<DmaBufId*>(data); });
    return id;
}

}  // namespace accelgst
