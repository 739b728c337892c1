// SPDX-License-Identifier: MIT
// One process lets the accelerator fill a buffer and hands buffer and fence on before the work is
// done; another waits for the fence and reads.

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <iostream>

#include <accel/accel.hpp>

#include "fd_passing.hpp"

namespace {

using accel::Command;
using namespace std::chrono_literals;

constexpr std::uint64_t buffer_size = std::uint64_t{4} * 1024 * 1024;
constexpr std::uint8_t value = 0x3c;

void produce(int socket) {
    const auto device = accel::Device::open();
    accel::Ring ring(device);

    const auto buffer = accel::Buffer::allocate(device, buffer_size);
    const accel::UniqueFd shared = buffer.export_fd();
    const accel::Slot slot = ring.bind(buffer);

    const Command fill = Command::fill(slot, 0x0101010101010101 * value);
    const auto submission = ring.submit(std::span(&fill, 1), {.fence = true});
    samples::send_fds(socket, {shared.get(), submission.fence.value().fd()});
    std::cout << "producer: sent a buffer of " << buffer.size() << " bytes and its fence\n";

    // The ring has to stay until its work is done; the buffer and the fence may go at any time.
    const accel::Completion completion = ring.reap(10s);
    if (!completion.ok()) throw accel::Error(completion.status, "fill");
}

bool consume(int socket) {
    auto [shared, sync_file] = samples::receive_fds(socket);
    const auto fence = accel::Fence::from_fd(std::move(sync_file));
    fence.wait_for(10s).value();
    if (fence.status()) throw accel::Error(fence.status(), "work behind the fence");

    const auto device = accel::Device::open();
    const auto buffer = accel::Buffer::import(device, shared.get());
    const accel::Mapping mapping = buffer.map(accel::Access::read);
    std::uint64_t wrong = 0;
    for (const std::byte byte : mapping.bytes()) wrong += byte != std::byte{value};

    std::cout << "consumer: read " << mapping.bytes().size() << " bytes, " << wrong << " wrong\n";
    return wrong == 0;
}

// Runs one side and turns whatever it throws into an exit status.
template <class Side>
int run(const char* name, Side side) try {
    return side() ? 0 : 1;
} catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << '\n';
    return 1;
}

}  // namespace

int main() {
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) return 1;

    // Before any device is opened: nothing of a device is meant to be used on both sides of a fork.
    const pid_t child = ::fork();
    if (child < 0) return 1;
    accel::UniqueFd mine(sockets[child == 0 ? 1 : 0]);
    accel::UniqueFd(sockets[child == 0 ? 0 : 1]).reset();  // the other's: so that it hears us end

    if (child == 0) return run("consumer", [&] { return consume(mine.get()); });
    const int produced = run("producer", [&] { return produce(mine.get()), true; });
    mine.reset();

    int status = 0;
    const bool consumed = ::waitpid(child, &status, 0) == child && status == 0;
    return produced == 0 && consumed ? 0 : 1;
}
