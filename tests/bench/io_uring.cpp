// SPDX-License-Identifier: MIT
#include "io_uring.hpp"

#include <stdexcept>
#include <system_error>

#include "cpu.hpp"

namespace bench {

namespace {

// liburing returns the negative errno.
int check_uring(int result, const char* what) {
    if (result < 0) throw std::system_error(-result, std::generic_category(), what);
    return result;
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
    : polled_(poll_cpu.has_value()) {
    io_uring_params params = make_params(poll_cpu);
    check_uring(::io_uring_queue_init_params(entries, &ring_, &params), "io_uring_queue_init");
}

IoUring::~IoUring() { ::io_uring_queue_exit(&ring_); }

void IoUring::nops(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; i++) {
        io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
        ::io_uring_prep_nop(entry);
        ::io_uring_sqe_set_data64(entry, i);
    }
    if (polled_) {
        check_uring(::io_uring_submit(&ring_), "io_uring_submit");
        while (::io_uring_cq_ready(&ring_) < count) pause_cpu();
    } else {
        check_uring(::io_uring_submit(&ring_), "io_uring_submit");
        // Not a call where all are there: as with the driver's rings.
        io_uring_cqe* last = nullptr;
        check_uring(::io_uring_wait_cqe_nr(&ring_, &last, count), "io_uring_wait_cqe_nr");
    }

    std::uint32_t seen = 0;
    unsigned head;
    const io_uring_cqe* completion;
    io_uring_for_each_cqe(&ring_, head, completion) seen += completion->res == 0;
    if (seen != count) throw std::runtime_error("io_uring lost a NOP");
    ::io_uring_cq_advance(&ring_, count);
}

}  // namespace bench
