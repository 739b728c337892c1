// SPDX-License-Identifier: MIT
#include "deadline.hpp"

#include <poll.h>

#include <cerrno>
#include <ctime>

namespace accel::detail {

namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;

std::int64_t now() noexcept {
    timespec ts{};
    ::clock_gettime(CLOCK_MONOTONIC, &ts);
    return static_cast<std::int64_t>(ts.tv_sec) * ns_per_s + ts.tv_nsec;
}

timespec until(Deadline deadline) noexcept {
    std::int64_t left = deadline - now();
    if (left < 0) left = 0;

    timespec ts{};
    ts.tv_sec = static_cast<decltype(ts.tv_sec)>(left / ns_per_s);
    ts.tv_nsec = static_cast<decltype(ts.tv_nsec)>(left % ns_per_s);
    return ts;
}

}  // namespace

Deadline deadline_after(std::chrono::nanoseconds timeout) noexcept {
    const std::int64_t start = now();
    const std::int64_t ns = timeout.count();

    if (ns <= 0) return start;
    return ns > no_deadline - start ? no_deadline : start + ns;
}

int poll_until(int fd, short events, Deadline deadline) noexcept {
    pollfd entry{.fd = fd, .events = events, .revents = 0};

    for (;;) {
        const timespec left = deadline == no_deadline ? timespec{} : until(deadline);
        const int n = ::ppoll(&entry, 1, deadline == no_deadline ? nullptr : &left, nullptr);

        if (n == 0) return ETIME;
        if (n < 0 && errno != EINTR) return errno;
        if (n > 0) return entry.revents & POLLNVAL ? EBADF : 0;
    }
}

}  // namespace accel::detail
