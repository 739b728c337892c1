// SPDX-License-Identifier: MIT
#pragma once

#include <liburing.h>

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
    io_uring ring_{};
    bool polled_;
};

}  // namespace bench
