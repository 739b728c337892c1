// SPDX-License-Identifier: MIT
#include "raw_ring.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <limits>
#include <stdexcept>

#include "bench.hpp"

namespace bench {

RawRing::RawRing(const std::string& path, std::uint32_t entries)
    : fd_(check(::open(path.c_str(), O_RDWR | O_CLOEXEC), "open of the device")) {
    ring_.sq_entries = entries;
    ring_.cq_entries = 2 * entries;
    ring_.sqe_size = sizeof(drm_zaccel_command);
    ring_.cqe_size = sizeof(drm_zaccel_completion);
    ring_.slots = 1;
    check(::ioctl(fd(), DRM_IOCTL_ZACCEL_RING_CREATE, &ring_), "RING_CREATE");
    map();

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

void RawRing::ring(Doorbell doorbell) {
    if (doorbell == Doorbell::kick) {
        check(::ioctl(ring_fd_.get(), DRM_IOCTL_ZACCEL_FD_KICK, 0), "FD_KICK");
        return;
    }
    drm_zaccel_ring_submit args{};
    args.id = ring_.id;
    check(::ioctl(fd(), DRM_IOCTL_ZACCEL_RING_SUBMIT, &args), "RING_SUBMIT");
}

void RawRing::wait() {
    drm_zaccel_ring_wait args{};
    args.id = ring_.id;
    args.index = tail_;
    args.deadline_ns = std::numeric_limits<std::int64_t>::max();
    check(::ioctl(fd(), DRM_IOCTL_ZACCEL_RING_WAIT, &args), "RING_WAIT");
}

void RawRing::nops(std::uint32_t count, Doorbell doorbell) {
    for (std::uint32_t i = 0; i < count; i++) {
        drm_zaccel_command& command = commands_[zaccel_ring_slot(tail_ + i, ring_.sq_entries)];
        command = {};
        command.opcode = ZACCEL_OP_NOP;
        command.flags = i + 1 == count ? ZACCEL_CMD_END : 0;
        command.user_data = i;
    }
    const std::uint32_t first = tail_;
    tail_ += count;
    // Release: pairs with the kernel's acquire load of sq_tail in the doorbell.
    zaccel_store_release(&header_->sq_tail, tail_);
    ring(doorbell);

    // Acquire: pairs with the kernel's release store of cq_tail, after the completions.
    if (!zaccel_ring_reached(zaccel_load_acquire(&header_->cq_tail), tail_)) wait();
    std::uint32_t seen = 0;
    for (std::uint32_t i = first; i != tail_; i++)
        seen += completions_[zaccel_ring_slot(i, ring_.cq_entries)].status == 0;
    if (seen != count) throw std::runtime_error("a NOP failed");
    // Release: the kernel may overwrite what was read before.
    zaccel_store_release(&header_->cq_head, tail_);
}

}  // namespace bench
