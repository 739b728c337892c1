// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

namespace accel::detail {

/// Nanoseconds on CLOCK_MONOTONIC; no_deadline is never reached.
using Deadline = std::int64_t;
inline constexpr Deadline no_deadline = INT64_MAX;

/// The time that is @p timeout from now; now itself when that is 0 or less.
Deadline deadline_after(std::chrono::nanoseconds timeout) noexcept;

/// Waits until one of @p events (of poll) is there. 0, ETIME or another errno; signals do not end
/// it.
int poll_until(int fd, short events, Deadline deadline) noexcept;

}  // namespace accel::detail
