// SPDX-License-Identifier: MIT
#pragma once

#include <accel/expected.hpp>
#include <accel/export.hpp>
#include <accel/unique_fd.hpp>
#include <chrono>
#include <system_error>

namespace accel {

/// As a timeout: wait without limit. Every timeout is turned once into an absolute deadline on
/// CLOCK_MONOTONIC; one of 0 or less asks without waiting.
inline constexpr std::chrono::nanoseconds forever = std::chrono::nanoseconds::max();

/// The end of some work, as a file descriptor that can be waited for and sent to other processes
/// (the kernel's sync_file). It signals once, and stays so.
///
/// Move-only. Thread-safe apart from moving and destroying it.
class ACCEL_API Fence {
 public:
    /// Takes a sync_file's descriptor over.
    /// @throws Error not_a_fence (and @p fd is closed), bad_descriptor
    static Fence from_fd(UniqueFd fd);

    /// A fence that signals when both have. Do not rely on its status(): it carries at most the
    /// errors of fences that were pending at the merge, and of several of one ring only the last
    /// one's. Ask the status() of each fence instead.
    /// @throws Error bad_descriptor when either is moved-from, quota_exceeded
    static Fence merge(const Fence& a, const Fence& b);

    Fence(const Fence&) = delete;
    Fence& operator=(const Fence&) = delete;
    Fence(Fence&&) noexcept = default;
    Fence& operator=(Fence&&) noexcept = default;
    ~Fence() = default;

    /// Waits until the work is over, done or failed: see status().
    /// @return timed_out when the deadline passed, bad_descriptor on a moved-from Fence
    Expected<void> wait_for(std::chrono::nanoseconds timeout) const noexcept;

    /// Is the work over? Never blocks.
    bool is_signalled() const noexcept;

    /// How the work ended: success, or why it failed (canceled, timed_out, device_lost, ...). Says
    /// success as long as it is not over.
    std::error_code status() const noexcept;

    /// The sync_file, owned here: readable (POLLIN) once signalled, so that it fits into poll and
    /// epoll; may be sent over a UNIX socket.
    int fd() const noexcept { return fd_.get(); }

    /// A second owner of the same fence.
    Fence duplicate() const { return Fence(fd_.duplicate()); }

    /// Gives the descriptor up.
    [[nodiscard]] UniqueFd release() noexcept { return std::move(fd_); }

 private:
    explicit Fence(UniqueFd fd) noexcept : fd_(std::move(fd)) {}

    UniqueFd fd_;
};

}  // namespace accel
