// SPDX-License-Identifier: MIT
#include "io_uring.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "bench.hpp"
#include "cpu.hpp"

namespace bench {

namespace {

void* map(int fd, std::size_t size, off_t offset) {
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
    check(memory == MAP_FAILED ? -1 : 0, "mmap of io_uring");
    return memory;
}

io_uring_params make_params(std::optional<std::uint32_t> poll_cpu) {
    io_uring_params params{};
    if (!poll_cpu) return params;
    params.flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF;
    params.sq_thread_cpu = *poll_cpu;
    params.sq_thread_idle = 1000;
    return params;
}

}  // namespace

IoUring::IoUring(std::uint32_t entries, std::optional<std::uint32_t> poll_cpu)
    : params_(make_params(poll_cpu)),
      fd_(check(static_cast<int>(::syscall(SYS_io_uring_setup, entries, &params_)),
                "io_uring_setup")),
      rings_size_(std::max(params_.sq_off.array + params_.sq_entries * sizeof(std::uint32_t),
                           params_.cq_off.cqes + params_.cq_entries * sizeof(io_uring_cqe))),
      rings_(static_cast<std::byte*>(map(fd_.get(), rings_size_, IORING_OFF_SQ_RING))),
      entries_(static_cast<io_uring_sqe*>(
          map(fd_.get(), params_.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES))) {
    std::uint32_t* const array = index(params_.sq_off.array);
    for (std::uint32_t i = 0; i < params_.sq_entries; i++) array[i] = i;
}

IoUring::~IoUring() {
    ::munmap(entries_, params_.sq_entries * sizeof(io_uring_sqe));
    ::munmap(rings_, rings_size_);
}

std::uint32_t* IoUring::index(std::uint32_t offset) const {
    return reinterpret_cast<std::uint32_t*>(rings_ + offset);
}

void IoUring::enter(std::uint32_t submit, std::uint32_t complete, unsigned flags) const {
    check(static_cast<int>(
              ::syscall(SYS_io_uring_enter, fd_.get(), submit, complete, flags, nullptr, 0)),
          "io_uring_enter");
}

void IoUring::wake_poller() const {
    // The new tail before the flag: pairs with the poller, which sets the flag before it looks at
    // the tail for the last time.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(index(params_.sq_off.flags), __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP)
        enter(0, 0, IORING_ENTER_SQ_WAKEUP);
}

void IoUring::wait(std::uint32_t tail) const {
    while (__atomic_load_n(index(params_.cq_off.tail), __ATOMIC_ACQUIRE) != tail) pause_cpu();
}

void IoUring::nops(std::uint32_t count) {
    std::uint32_t* const sq_tail = index(params_.sq_off.tail);
    for (std::uint32_t i = 0; i < count; i++) {
        io_uring_sqe& entry = entries_[(*sq_tail + i) & (params_.sq_entries - 1)];
        entry = {};
        entry.opcode = IORING_OP_NOP;
        entry.user_data = i;
    }
    // Release: pairs with the kernel's acquire load of the tail in io_uring_enter.
    __atomic_store_n(sq_tail, *sq_tail + count, __ATOMIC_RELEASE);
    std::uint32_t* const cq_head = index(params_.cq_off.head);
    if (params_.flags & IORING_SETUP_SQPOLL) {
        wake_poller();
        wait(*cq_head + count);
    } else {
        enter(count, count, IORING_ENTER_GETEVENTS);
    }

    // Acquire: pairs with the kernel's release store of the tail, after the completions.
    const std::uint32_t tail = __atomic_load_n(index(params_.cq_off.tail), __ATOMIC_ACQUIRE);
    const auto* completions = reinterpret_cast<const io_uring_cqe*>(rings_ + params_.cq_off.cqes);
    std::uint32_t seen = 0;
    for (std::uint32_t head = *cq_head; head != tail; head++)
        seen += completions[head & (params_.cq_entries - 1)].res == 0;
    if (seen != count) throw std::runtime_error("io_uring lost a NOP");
    // Release: the kernel may overwrite what was read before.
    __atomic_store_n(cq_head, tail, __ATOMIC_RELEASE);
}

}  // namespace bench
