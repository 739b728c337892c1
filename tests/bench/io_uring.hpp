// SPDX-License-Identifier: MIT
#pragma once

#include <linux/io_uring.h>

#include <accel/unique_fd.hpp>
#include <cstddef>
#include <cstdint>

namespace bench {

/// The kernel's own submission and completion queues, as a peer: NOPs only, through the system
/// call.
class IoUring {
 public:
    explicit IoUring(std::uint32_t entries);
    IoUring(const IoUring&) = delete;
    IoUring& operator=(const IoUring&) = delete;
    ~IoUring();

    /// Submits @p count NOPs in one call and takes their completions.
    void nops(std::uint32_t count);

 private:
    std::uint32_t* index(std::uint32_t offset) const;

    io_uring_params params_{};
    accel::UniqueFd fd_;
    std::size_t rings_size_;
    std::byte* rings_;
    io_uring_sqe* entries_;
};

}  // namespace bench
