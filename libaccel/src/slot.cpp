// SPDX-License-Identifier: MIT
// The table of a ring: Slot, and Ring::bind().

#include <cerrno>
#include <string>
#include <utility>

#include <accel/ring.hpp>

#include "buffer_impl.hpp"
#include "failure.hpp"
#include "ioctl.hpp"
#include "ring_impl.hpp"

namespace accel {

namespace detail {

std::uint32_t RingImpl::take_slot(const std::string& thing) {
    const std::scoped_lock lock(slots_mutex);
    if (free_slots.empty()) fail(Errc::quota_exceeded, thing + ": every slot of the ring is bound");

    const std::uint32_t slot = free_slots.back();
    free_slots.pop_back();
    return slot;
}

void RingImpl::give_slot_back(std::uint32_t slot) noexcept {
    const std::scoped_lock lock(slots_mutex);
    free_slots.push_back(slot);  // within what the constructor reserved
}

// The lock is not held across the call: it may wait for an imported buffer's fences.
std::uint32_t RingImpl::bind(drm_zaccel_ring_bind& args, const std::string& thing) {
    args.id = id;
    args.slot = take_slot(thing);

    const int number = sys::ring_bind(device->fd.get(), args);
    if (number != 0) {
        give_slot_back(args.slot);
        fail(number, thing);
    }
    return args.slot;
}

void RingImpl::unbind(std::uint32_t slot) noexcept {
    const std::scoped_lock lock(slots_mutex);
    if (!open) return;

    drm_zaccel_ring_bind args{};
    args.id = id;
    args.slot = slot;
    args.kind = ZACCEL_SLOT_EMPTY;
    sys::ring_bind(device->fd.get(), args);
    free_slots.push_back(slot);
}

}  // namespace detail

namespace {

using detail::BufferImpl;
using detail::RingImpl;

void check_device(const RingImpl& ring, const BufferImpl& buffer, const std::string& thing) {
    if (buffer.device != ring.device)
        detail::fail(Errc::invalid_argument, thing + ": the buffer belongs to another Device");
}

std::string image_thing(const Image& image) {
    return "bind of a " + fourcc_name(image.format()) + " image of " +
           std::to_string(image.size().width) + "x" + std::to_string(image.size().height);
}

void check_alignment(const RingImpl& ring, const Plane& plane, const std::string& thing) {
    const std::uint32_t align = ring.device->info.limits.pitch_align;
    if (plane.offset() % align == 0 && plane.pitch() % align == 0) return;
    detail::fail(Errc::constraint_unmet, thing + ": offset " + std::to_string(plane.offset()) +
                                             " or pitch " + std::to_string(plane.pitch()) +
                                             " is no multiple of " + std::to_string(align));
}

}  // namespace

Slot::Slot(std::shared_ptr<RingImpl> ring, std::uint32_t index, std::uint64_t size) noexcept
    : ring_(std::move(ring)), index_(index), size_(size) {}

Slot::Slot(Slot&&) noexcept = default;

Slot& Slot::operator=(Slot&& other) noexcept {
    if (this != &other) {
        if (ring_) ring_->unbind(index_);
        ring_ = std::move(other.ring_);
        index_ = other.index_;
        size_ = other.size_;
    }
    return *this;
}

Slot::~Slot() {
    if (ring_) ring_->unbind(index_);
}

Slot Ring::bind(const Buffer& buffer, std::uint64_t offset, std::uint64_t size) {
    if (!impl_) detail::fail(Errc::invalid_argument, "moved-from Ring");

    const BufferImpl& memory = *buffer.internal();
    if (size == to_end && offset < memory.size) size = memory.size - offset;
    const std::string thing = "bind of " + std::to_string(size) + " bytes at " +
                              std::to_string(offset) + " of a buffer of " +
                              std::to_string(memory.size);
    check_device(*impl_, memory, thing);

    drm_zaccel_ring_bind args{};
    args.kind = ZACCEL_SLOT_RANGE;
    args.planes[0].handle = memory.handle;
    args.planes[0].offset = offset;
    args.planes[0].size = size;
    return Slot(impl_, impl_->bind(args, thing), size);
}

Slot Ring::bind(const Image& image) {
    if (!impl_) detail::fail(Errc::invalid_argument, "moved-from Ring");

    const std::string thing = image_thing(image);
    drm_zaccel_ring_bind args{};
    args.kind = ZACCEL_SLOT_IMAGE;
    args.fourcc = image.format();
    args.width = image.size().width;
    args.height = image.size().height;
    args.modifier = image.modifier();

    drm_zaccel_plane* out = args.planes;
    for (const Plane& plane : image.planes()) {
        check_device(*impl_, *plane.internal(), thing);
        check_alignment(*impl_, plane, thing);
        out->handle = plane.internal()->handle;
        out->offset = plane.offset();
        out->pitch = plane.pitch();
        out++;
    }
    return Slot(impl_, impl_->bind(args, thing), 0);
}

}  // namespace accel
