// SPDX-License-Identifier: MIT
#pragma once

#include <linux/io_uring.h>

#include <accel/unique_fd.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace bench {

/// The kernel's own submission and completion queues, as a peer: NOPs only.
class IoUring {
 public:
    /// With @p poll_cpu a kernel thread on that CPU looks for entries (IORING_SETUP_SQPOLL), and
    /// the caller for completions; else both is done by the system call.
    explicit IoUring(std::uint32_t entries, std::optional<std::uint32_t> poll_cpu = {});
    IoUring(const IoUring&) = delete;
    IoUring& operator=(const IoUring&) = delete;
    ~IoUring();

    /// Submits @p count NOPs at once and takes their completions.
    void nops(std::uint32_t count);

 private:
    std::uint32_t* index(std::uint32_t offset) const;
    void enter(std::uint32_t submit, std::uint32_t complete, unsigned flags) const;
    void wake_poller() const;
    void wait(std::uint32_t tail) const;

    io_uring_params params_{};
    accel::UniqueFd fd_;
    std::size_t rings_size_;
    std::byte* rings_;
    io_uring_sqe* entries_;
};

}  // namespace bench
