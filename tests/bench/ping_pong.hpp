// SPDX-License-Identifier: MIT
#pragma once

#include <accel/unique_fd.hpp>
#include <thread>

namespace bench {

/// Two threads on one CPU that wake each other by eventfds: what it costs to hand something to a
/// thread and to have it back. The other one is on the CPU that the maker is bound to.
class PingPong {
 public:
    PingPong();
    PingPong(const PingPong&) = delete;
    PingPong& operator=(const PingPong&) = delete;
    ~PingPong();

    void round_trip() const;

 private:
    void answer() const;

    accel::UniqueFd ping_;
    accel::UniqueFd pong_;
    std::thread other_;
};

}  // namespace bench
