// SPDX-License-Identifier: MIT
#include <accel/fence.hpp>

#include <poll.h>

#include <cerrno>
#include <string>

#include "deadline.hpp"
#include "failure.hpp"
#include "ioctl.hpp"

namespace accel {

namespace {

// A descriptor of another kind answers the ioctl of a sync_file in many ways, but never well.
Errc kind_error(int number) noexcept {
    return number == EBADF ? Errc::bad_descriptor : Errc::not_a_fence;
}

}  // namespace

Fence Fence::from_fd(UniqueFd fd) {
    int status = 0;
    const int number = sys::sync_file_status(fd.get(), status);
    if (number != 0)
        detail::fail(kind_error(number), "fence of fd " + std::to_string(fd.get()), number);
    return Fence(std::move(fd));
}

Fence Fence::merge(const Fence& a, const Fence& b) {
    int merged = -1;
    const int number = sys::sync_file_merge(a.fd(), b.fd(), merged);
    const auto thing = [&] {
        return "merge of fences " + std::to_string(a.fd()) + " and " + std::to_string(b.fd());
    };

    // What is EBADF for the first descriptor is ENOENT for the second.
    if (number == ENOENT) detail::fail(Errc::bad_descriptor, thing(), number);
    detail::check(number, thing);
    return Fence(UniqueFd(merged));
}

Expected<void> Fence::wait_for(std::chrono::nanoseconds timeout) const noexcept {
    // poll() itself ignores a negative descriptor, and would wait for nothing.
    if (!fd_) return Unexpected(Errc::bad_descriptor);

    const int number = detail::poll_until(fd_.get(), POLLIN, detail::deadline_after(timeout));
    if (number != 0) return Unexpected(error_from_errno(number));
    return {};
}

bool Fence::is_signalled() const noexcept { return wait_for({}).has_value(); }

std::error_code Fence::status() const noexcept {
    int status = 0;
    const int number = sys::sync_file_status(fd_.get(), status);
    if (number != 0) return error_from_errno(number);
    return status < 0 ? error_from_errno(-status) : std::error_code();
}

}  // namespace accel
