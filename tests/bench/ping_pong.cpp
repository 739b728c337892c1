// SPDX-License-Identifier: MIT
#include "ping_pong.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "bench.hpp"

namespace bench {

namespace {

// What is sent; the last one ends the other thread.
constexpr std::uint64_t ball = 1, last_ball = 2;

accel::UniqueFd make_eventfd() {
    return accel::UniqueFd(check(::eventfd(0, EFD_CLOEXEC), "eventfd"));
}

void send(const accel::UniqueFd& fd, std::uint64_t count) {
    check(static_cast<int>(::write(fd.get(), &count, sizeof(count))), "write to an eventfd");
}

std::uint64_t receive(const accel::UniqueFd& fd) {
    std::uint64_t count = 0;
    check(static_cast<int>(::read(fd.get(), &count, sizeof(count))), "read from an eventfd");
    return count;
}

}  // namespace

PingPong::PingPong() : ping_(make_eventfd()), pong_(make_eventfd()), other_([this] { answer(); }) {}

PingPong::~PingPong() {
    send(ping_, last_ball);
    other_.join();
}

void PingPong::round_trip() const {
    send(ping_, ball);
    receive(pong_);
}

void PingPong::answer() const {
    while (receive(ping_) != last_ball) send(pong_, ball);
}

}  // namespace bench
