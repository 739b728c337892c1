// SPDX-License-Identifier: MIT
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "device.hpp"
#include "syncobj.hpp"

namespace uapi_tests {

/// An eventfd; take() never sleeps.
class Eventfd {
 public:
    explicit Eventfd(int flags = 0) : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | flags)) {
        check(fd_ ? 0 : errno, "eventfd");
    }

    const Fd& fd() const { return fd_; }
    void close() { fd_.reset(); }
    void add(std::uint64_t count) const {
        check(::write(fd_.get(), &count, sizeof(count)) < 0 ? errno : 0, "write");
    }
    /// The count; 0 from then on.
    std::uint64_t take() const {
        std::uint64_t count = 0;
        return ::read(fd_.get(), &count, sizeof(count)) < 0 ? 0 : count;
    }
    /// Sleeps until there is a count. False when none comes in time.
    bool comes() const {
        constexpr auto limit = std::chrono::milliseconds(long_enough).count();
        return poll_events(fd_.get(), POLLIN, static_cast<int>(limit)) == POLLIN;
    }

 private:
    Fd fd_;
};

}  // namespace uapi_tests
