// SPDX-License-Identifier: MIT
#include "accel_binding.hpp"

#include <gst/allocators/gstdmabuf.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "accel_copy.hpp"

namespace accelgst {
namespace {

// Made when the plug-in is loaded: GST_DEBUG reaches only categories that exist.
GstDebugCategory* const category =
    _gst_debug_category_new("accelbinding", 0, "frames as accelerators see them");
#define GST_CAT_DEFAULT category

// Would the same frame do in memory of our own?
bool copy_helps(const accel::Error& error) {
    for (accel::Errc errc :
         {accel::Errc::constraint_unmet, accel::Errc::not_supported, accel::Errc::not_a_dmabuf,
          accel::Errc::access_denied, accel::Errc::out_of_range, accel::Errc::invalid_argument})
        if (error.code() == make_error_code(errc)) return true;
    return false;
}

accel::Buffer import(GstMemory* memory, const DevicePtr& device) {
    return accel::Buffer::import(*device, gst_dmabuf_memory_get_fd(memory));
}

}  // namespace

// Memories of our own that a cache has bound, and those that have gone since. Shared with the
// memories, any of which may outlive the cache. Thread-safe.
class LiveMemories {
 public:
    static void watch(const std::shared_ptr<LiveMemories>& self, GstMemory* memory, DmaBufId id) {
        const std::scoped_lock lock(self->mutex_);
        if (std::ranges::find(self->living_, id) != self->living_.end()) return;
        self->living_.push_back(id);
        GstMemory* whole = memory->parent ? memory->parent : memory;
        gst_mini_object_weak_ref(GST_MINI_OBJECT_CAST(whole), depart, new Watch{self, id});
    }

    std::vector<DmaBufId> take_departed() {
        const std::scoped_lock lock(mutex_);
        return std::exchange(departed_, {});
    }

 private:
    struct Watch {
        std::shared_ptr<LiveMemories> memories;
        DmaBufId id;
    };

    static void depart(gpointer data, GstMiniObject*) {
        const std::unique_ptr<Watch> watch(static_cast<Watch*>(data));
        const std::scoped_lock lock(watch->memories->mutex_);
        std::erase(watch->memories->living_, watch->id);
        watch->memories->departed_.push_back(watch->id);
    }

    std::mutex mutex_;
    std::vector<DmaBufId> living_;
    std::vector<DmaBufId> departed_;
};

BindingCache::BindingCache() : memories_(std::make_shared<LiveMemories>()) {}

BindingCache::~BindingCache() = default;

std::optional<CopyReason> BindingCache::locate_plane(GstBuffer* buffer, const FrameCaps& caps,
                                                     guint plane, PlaceOfPlane& place) {
    const PlaneOffsets offsets = PlaneOffsets::of(buffer, caps);
    const gint stride = offsets.stride[plane];
    if (stride <= 0) return CopyReason::layout;
    const gsize bytes =
        gsize{caps.rows(plane) - 1} * static_cast<gsize>(stride) + caps.row_bytes(plane);
    guint first = 0, count = 0;
    gsize skip = 0;
    if (!gst_buffer_find_memory(buffer, offsets.offset[plane], bytes, &first, &count, &skip))
        return CopyReason::layout;
    place.memory = gst_buffer_peek_memory(buffer, first);
    const std::optional<DmaBufId> id = dmabuf_id(place.memory);
    if (!id) return CopyReason::system_memory;
    if (count != 1) return CopyReason::layout;
    place.key = {*id, place.memory->offset + skip, static_cast<std::uint32_t>(stride)};
    return std::nullopt;
}

std::optional<CopyReason> BindingCache::locate(GstBuffer* buffer, const FrameCaps& caps,
                                               Places& places) {
    for (guint plane = 0; plane < caps.planes(); plane++)
        if (const auto reason = locate_plane(buffer, caps, plane, places[plane])) return reason;
    return std::nullopt;
}

accel::Image BindingCache::image_of(const DevicePtr& device, const FrameCaps& caps,
                                    const Places& places) {
    std::vector<accel::Plane> planes;
    for (guint i = 0; i < caps.planes(); i++) {
        const PlaceOfPlane& place = places[i];
        const accel::PlaneLayout layout{place.key.offset, place.key.pitch};
        if (const accel::Buffer* own = find_buffer(place.memory, device))
            planes.emplace_back(*own, layout);
        else
            planes.emplace_back(import(place.memory, device), layout);
    }
    return {caps.format->fourcc, caps.size(), planes};
}

// Of each dma-buf once.
std::uint64_t BindingCache::bytes_of(const Places& places) {
    std::uint64_t bytes = 0;
    for (auto place = places.begin(); place != places.end() && place->memory; place++) {
        const auto same = [&](const PlaceOfPlane& other) {
            return other.key.dmabuf == place->key.dmabuf;
        };
        if (std::none_of(places.begin(), place, same)) bytes += place->memory->maxsize;
    }
    return bytes;
}

void BindingCache::drop_departed() {
    for (const DmaBufId& id : memories_->take_departed())
        entries_.remove_if([&](const Entry& entry) {
            return std::ranges::find(entry.key, id, &PlaneKey::dmabuf) != entry.key.end();
        });
}

void BindingCache::make_room(std::uint64_t bytes) {
    for (const Entry& entry : entries_) bytes += entry.bytes;
    while (entries_.size() >= bound || (entries_.size() >= bound_of_large && bytes > bound_bytes)) {
        bytes -= entries_.back().bytes;
        entries_.pop_back();
    }
}

std::variant<Binding, CopyReason> BindingCache::add(accel::Ring& ring, const DevicePtr& device,
                                                    const FrameCaps& caps, const Places& places,
                                                    const Key& key) {
    const std::uint64_t bytes = bytes_of(places);
    make_room(bytes);
    try {
        entries_.push_front({key, ring.bind(image_of(device, caps, places)), bytes});
    } catch (const accel::Error& error) {
        if (!copy_helps(error)) throw;
        GST_INFO("frame cannot be used in place: %s", error.what());
        entries_.push_front({key, std::nullopt, 0});
        return CopyReason::import_refused;
    }
    for (guint plane = 0; plane < caps.planes(); plane++)
        if (find_buffer(places[plane].memory, device))
            LiveMemories::watch(memories_, places[plane].memory, key[plane].dmabuf);
    return Binding{&*entries_.front().slot, true};
}

std::variant<Binding, CopyReason> BindingCache::bind(accel::Ring& ring, const DevicePtr& device,
                                                     GstBuffer* buffer, const FrameCaps& caps) {
    drop_departed();
    Places places{};
    if (const auto reason = locate(buffer, caps, places)) return *reason;
    Key key{};
    std::ranges::transform(places, key.begin(), &PlaceOfPlane::key);

    const auto found = std::ranges::find(entries_, key, &Entry::key);
    if (found == entries_.end()) return add(ring, device, caps, places, key);
    entries_.splice(entries_.begin(), entries_, found);
    if (!found->slot) return CopyReason::import_refused;
    return Binding{&*found->slot, false};
}

}  // namespace accelgst
