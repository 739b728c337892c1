// SPDX-License-Identifier: MIT
#include "ringfd.hpp"

#include <sys/ioctl.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>

#include "command.hpp"

namespace uapi_tests {

Fd open_ring(const Fd& device, std::uint32_t id) {
    drm_zaccel_ring_fd args{};
    args.id = id;
    check(call(device, DRM_IOCTL_ZACCEL_RING_FD, args), "ring fd");
    return Fd(args.fd);
}

long kick(const Fd& ring_fd, unsigned long flags) {
    const int taken = ::ioctl(ring_fd.get(), DRM_IOCTL_ZACCEL_FD_KICK, flags);
    return taken < 0 ? -errno : taken;
}

int fd_wait(const Fd& ring_fd, std::uint32_t index, std::int64_t deadline_ns) {
    drm_zaccel_ring_wait args{};
    args.index = index;
    args.deadline_ns = deadline_ns;
    return call(ring_fd, DRM_IOCTL_ZACCEL_FD_WAIT, args);
}

int try_map(const Fd& ring_fd, std::size_t size) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd.get(), 0);
    if (memory == MAP_FAILED) return errno;
    ::munmap(memory, size);
    return 0;
}

FdRing::FdRing(Fd fd, const drm_zaccel_ring_create& geometry)
    : fd_(std::move(fd)), geometry_(geometry), memory_(fd_.get(), 0, geometry.size) {}

drm_zaccel_ring_header& FdRing::header() const {
    return *reinterpret_cast<drm_zaccel_ring_header*>(memory_.data());
}

void FdRing::put_batch(std::initializer_list<drm_zaccel_command> commands) {
    auto* entries = reinterpret_cast<drm_zaccel_command*>(memory_.data() + geometry_.sq_offset);
    std::size_t left = commands.size();
    for (const drm_zaccel_command& command : commands)
        entries[sq_tail_++ % geometry_.sq_entries] = --left == 0 ? with_end(command) : command;
}

void FdRing::publish() const {
    std::atomic_ref(header().sq_tail).store(sq_tail_, std::memory_order_release);
}

long FdRing::kick() const {
    publish();
    return uapi_tests::kick(fd_);
}

int FdRing::wait(std::uint32_t index, std::int64_t deadline_ns) const {
    return fd_wait(fd_, index, deadline_ns);
}

std::vector<drm_zaccel_completion> FdRing::reap() {
    const auto* entries =
        reinterpret_cast<const drm_zaccel_completion*>(memory_.data() + geometry_.cq_offset);
    const std::uint32_t tail = std::atomic_ref(header().cq_tail).load(std::memory_order_acquire);
    std::vector<drm_zaccel_completion> completions;
    while (cq_head_ != tail) completions.push_back(entries[cq_head_++ % geometry_.cq_entries]);
    std::atomic_ref(header().cq_head).store(cq_head_, std::memory_order_release);
    return completions;
}

std::vector<drm_zaccel_completion> FdRing::run(std::initializer_list<drm_zaccel_command> commands) {
    put_batch(commands);
    const long taken = kick();
    check(taken < 0 ? static_cast<int>(-taken) : 0, "kick");
    check(wait(sq_tail_, deadline_in(long_enough)), "wait");
    return reap();
}

}  // namespace uapi_tests
