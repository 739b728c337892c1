// SPDX-License-Identifier: MIT
#include "accel_binding.hpp"

#include <gst/allocators/gstdmabuf.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "accel_copy.hpp"

namespace accelgst {
namespace {

GstDebugCategory* category() {
    static GstDebugCategory* const made =
        _gst_debug_category_new("accelbinding", 0, "frames as accelerators see them");
    return made;
}
#define GST_CAT_DEFAULT category()

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

std::variant<Binding, CopyReason> BindingCache::bind(accel::Ring& ring, const DevicePtr& device,
                                                     GstBuffer* buffer, const FrameCaps& caps) {
    Places places{};
    if (const auto reason = locate(buffer, caps, places)) return *reason;
    Key key{};
    std::ranges::transform(places, key.begin(), &PlaceOfPlane::key);

    const auto found = std::ranges::find(entries_, key, &Entry::key);
    if (found != entries_.end()) {
        entries_.splice(entries_.begin(), entries_, found);
        return Binding{&entries_.front().slot, false};
    }
    if (entries_.size() == bound) entries_.pop_back();
    try {
        entries_.push_front({key, ring.bind(image_of(device, caps, places))});
    } catch (const accel::Error& error) {
        if (!copy_helps(error)) throw;
        GST_INFO("frame cannot be used in place: %s", error.what());
        return CopyReason::import_refused;
    }
    return Binding{&entries_.front().slot, true};
}

}  // namespace accelgst
