// SPDX-License-Identifier: MIT
#include "raw_ring.hpp"

#include <drm/drm.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <limits>
#include <stdexcept>

#include "bench.hpp"
#include "cpu.hpp"
#include "support/op_vectors.hpp"

namespace bench {

namespace {

using test_support::make_command;

}  // namespace

RawRing::RawRing(const std::string& path, std::uint32_t entries, std::uint32_t priority,
                 std::optional<std::uint32_t> poll_cpu)
    : fd_(check(::open(path.c_str(), O_RDWR | O_CLOEXEC), "open of the device")) {
    ring_.sq_entries = entries;
    ring_.cq_entries = 2 * entries;
    ring_.sqe_size = sizeof(drm_zaccel_command);
    ring_.cqe_size = sizeof(drm_zaccel_completion);
    ring_.slots = 2;
    ring_.priority = priority;
    if (poll_cpu) {
        ring_.flags = ZACCEL_RING_POLL | ZACCEL_RING_POLL_CPU;
        ring_.poll_cpu = *poll_cpu;
        // As long as io_uring's: it is not to fall asleep.
        ring_.idle_us = 1'000'000;
    }
    check(::ioctl(fd(), DRM_IOCTL_ZACCEL_RING_CREATE, &ring_), "RING_CREATE");
    map();
    make_syncobj();

    drm_zaccel_ring_fd args{};
    args.id = ring_.id;
    check(::ioctl(fd(), DRM_IOCTL_ZACCEL_RING_FD, &args), "RING_FD");
    ring_fd_.reset(args.fd);
}

RawRing::~RawRing() {
    if (memory_) ::munmap(memory_, ring_.size);
}

void RawRing::map() {
    drm_zaccel_buffer_info info{};
    info.handle = ring_.handle;
    check(::ioctl(fd(), DRM_IOCTL_ZACCEL_BUFFER_INFO, &info), "BUFFER_INFO");
    void* memory = ::mmap(nullptr, ring_.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd(),
                          static_cast<off_t>(info.mmap_offset));
    check(memory == MAP_FAILED ? -1 : 0, "mmap of the ring");

    memory_ = static_cast<std::byte*>(memory);
    header_ = reinterpret_cast<drm_zaccel_ring_header*>(memory_);
    commands_ = reinterpret_cast<drm_zaccel_command*>(memory_ + ring_.sq_offset);
    completions_ = reinterpret_cast<const drm_zaccel_completion*>(memory_ + ring_.cq_offset);
}

void RawRing::make_syncobj() {
    drm_syncobj_create args{};
    check(::ioctl(fd(), DRM_IOCTL_SYNCOBJ_CREATE, &args), "SYNCOBJ_CREATE");
    syncobj_.handle = args.handle;
}

void RawRing::bind_buffer(std::uint32_t slot, std::uint64_t size, Sharing sharing) {
    drm_zaccel_buffer_create buffer{};
    buffer.size = size;
    check(::ioctl(fd(), DRM_IOCTL_ZACCEL_BUFFER_CREATE, &buffer), "BUFFER_CREATE");

    drm_zaccel_ring_bind args{};
    args.id = ring_.id;
    args.slot = slot;
    args.kind = ZACCEL_SLOT_RANGE;
    args.planes[0].handle = buffer.handle;
    args.planes[0].size = size;
    check(::ioctl(fd(), DRM_IOCTL_ZACCEL_RING_BIND, &args), "RING_BIND");

    if (sharing == Sharing::exclusive) return;
    drm_prime_handle prime{};
    prime.handle = buffer.handle;
    prime.flags = DRM_CLOEXEC;
    check(::ioctl(fd(), DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), "PRIME_HANDLE_TO_FD");
    dmabuf_.reset(prime.fd);
}

drm_zaccel_command& RawRing::entry(std::uint32_t index) {
    return commands_[zaccel_ring_slot(index, ring_.sq_entries)];
}

void RawRing::put(const drm_zaccel_command& command) {
    drm_zaccel_command& next = entry(tail_);
    next = command;
    next.user_data = tail_++;
}

void RawRing::end_batch() { entry(tail_ - 1).flags |= ZACCEL_CMD_END; }

void RawRing::kick() const {
    check(::ioctl(ring_fd_.get(), DRM_IOCTL_ZACCEL_FD_KICK, 0), "FD_KICK");
}

void RawRing::wake_poller() const {
    // The new tail before the flag: pairs with the poller, which sets the flag before it looks at
    // the tail for the last time.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&header_->flags, __ATOMIC_RELAXED) & ZACCEL_RING_NEED_WAKEUP) kick();
}

void RawRing::submit(Doorbell doorbell) {
    // Release: pairs with the kernel's acquire load of sq_tail in the doorbell.
    zaccel_store_release(&header_->sq_tail, tail_);
    if (doorbell == Doorbell::none) {
        wake_poller();
        return;
    }
    if (doorbell == Doorbell::kick) {
        kick();
        return;
    }
    drm_zaccel_ring_submit args{};
    args.id = ring_.id;
    args.out_syncobjs = reinterpret_cast<std::uintptr_t>(&syncobj_);
    args.out_count = doorbell == Doorbell::syncobj;
    check(::ioctl(fd(), DRM_IOCTL_ZACCEL_RING_SUBMIT, &args), "RING_SUBMIT");
}

bool RawRing::posted(std::uint32_t index) const {
    // Acquire: pairs with the kernel's release store of cq_tail, after the completions.
    return zaccel_ring_reached(zaccel_load_acquire(&header_->cq_tail), index);
}

void RawRing::wait(std::uint32_t index) {
    if (posted(index)) return;
    if (polled()) {
        while (!posted(index)) pause_cpu();
        return;
    }
    drm_zaccel_ring_wait args{};
    args.id = ring_.id;
    args.index = index;
    args.deadline_ns = std::numeric_limits<std::int64_t>::max();
    check(::ioctl(fd(), DRM_IOCTL_ZACCEL_RING_WAIT, &args), "RING_WAIT");
}

void RawRing::reap(std::uint32_t index) {
    // Release: the kernel may overwrite what was read before.
    zaccel_store_release(&header_->cq_head, index);
}

void RawRing::round_trip(const drm_zaccel_command& first, std::uint32_t count, Doorbell doorbell) {
    const std::uint32_t begin = tail_;
    put(first);
    for (std::uint32_t i = 1; i < count; i++) put(nop);
    end_batch();
    submit(doorbell);
    wait(tail_);

    std::uint32_t seen = 0;
    for (std::uint32_t i = begin; i != tail_; i++) seen += completion(i).status == 0;
    if (seen != count) throw std::runtime_error("a command failed");
    reap(tail_);
}

drm_zaccel_command fill(std::uint32_t slot, std::uint64_t size) {
    drm_zaccel_fill args{};
    args.size = size;
    args.pattern = 0x5a;
    drm_zaccel_command command = make_command(ZACCEL_OP_FILL, args);
    command.dst = slot;
    return command;
}

drm_zaccel_command crc32c(std::uint32_t slot, std::uint64_t size) {
    drm_zaccel_crc32c args{};
    args.size = size;
    drm_zaccel_command command = make_command(ZACCEL_OP_CRC32C, args);
    command.src = slot;
    return command;
}

}  // namespace bench
