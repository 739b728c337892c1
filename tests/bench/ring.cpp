// SPDX-License-Identifier: MIT

// What a command costs on its way through the device, beside what the kernel's other ways in cost.

#include <drm/drm.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <accel/accel.hpp>
#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench.hpp"
#include "io_uring.hpp"
#include "raw_ring.hpp"

namespace {

using bench::Case;
using bench::Mode;
using bench::Row;

constexpr std::uint32_t largest_batch = 256;
constexpr std::uint64_t small_fill = 64;

// What one command may cost in batches of these sizes, as a share of io_uring's NOP.
struct BatchGoal {
    std::uint32_t size;
    double goal;
};
constexpr std::array batch_goals{BatchGoal{1, 0.85}, BatchGoal{16, 0.55}, BatchGoal{64, 0.40},
                                 BatchGoal{256, 0.35}};

// Of an empty ioctl; and, in instructions, of one command that the engine's thread runs.
constexpr double submit_goal = 1.3;
constexpr double thread_goal = 9000;

// As large as the device allows; what it starts with.
constexpr std::uint32_t inline_bytes = 32768;

void system_call() { ::syscall(SYS_getppid); }

void empty_ioctl(int fd) {
    drm_get_cap args{};
    args.capability = DRM_CAP_PRIME;
    bench::check(::ioctl(fd, DRM_IOCTL_GET_CAP, &args), "GET_CAP");
}

// What the largest batch may cost that is run inside the doorbell; all else goes to the thread.
void set_inline_bytes(std::uint32_t bytes) {
    for (const auto& device : std::filesystem::directory_iterator("/sys/kernel/debug/accel")) {
        std::ofstream file(device.path() / "inline_bytes");
        if (file << bytes << std::flush) return;
    }
    throw std::runtime_error("inline_bytes cannot be set; is debugfs mounted?");
}

// One batch through the library, until its last completion has been taken.
void round_trip(accel::Ring& ring, std::span<const accel::Command> batch) {
    const std::uint32_t index = ring.try_submit(batch).value();
    ring.wait_for(index, accel::forever).value();
    for (std::size_t i = 0; i < batch.size(); i++)
        if (!ring.try_reap().value().ok()) throw std::runtime_error("a command failed");
}

void bind_and_unbind(accel::Ring& ring, const accel::Buffer& buffer) {
    const accel::Slot slot = ring.bind(buffer, 0, small_fill);
}

// The way of a buffer from one client to another and back.
void share(const accel::Buffer& buffer, const accel::Device& other) {
    const accel::UniqueFd fd = buffer.export_fd();
    const accel::Buffer imported = accel::Buffer::import(other, fd.get());
}

std::string in_batch(const std::string& name, std::uint32_t size) {
    return size == 1 ? name : name + " x" + std::to_string(size);
}

// Everything the cases use; made once.
struct Bench {
    accel::Device device = accel::Device::open();
    accel::Device other = accel::Device::open();
    accel::Ring ring{device, {.entries = largest_batch, .slots = 8}};
    bench::RawRing raw{device.info().path, largest_batch};
    bench::IoUring io_uring{largest_batch};
    accel::Buffer buffer = accel::Buffer::allocate(device, 4096);
    accel::Buffer shared = accel::Buffer::allocate(device, 4096);
    accel::UniqueFd exported = shared.export_fd();
    accel::Slot slot = ring.bind(buffer);
    accel::Slot shared_slot = ring.bind(shared);
    std::vector<accel::Command> nops{largest_batch, accel::Command::nop()};
    accel::Command fill = accel::Command::fill(slot, 0x5a, {0, small_fill});
    accel::Command shared_fill = accel::Command::fill(shared_slot, 0x5a, {0, small_fill});

    void add_batch(std::vector<Case>& cases, std::uint32_t size, double goal);
    std::vector<Case> cases();
};

void Bench::add_batch(std::vector<Case>& cases, std::uint32_t size, double goal) {
    const auto add = [&](const char* name, std::function<void()> body, const std::string& peer,
                         std::optional<double> share) {
        cases.push_back({.name = in_batch(name, size),
                         .body = std::move(body),
                         .items = static_cast<double>(size),
                         .comparisons = {{.against = peer, .goal = share}},
                         .before = [] { set_inline_bytes(inline_bytes); }});
    };
    const std::string peer = in_batch("io_uring nop", size);
    add("io_uring nop", [this, size] { io_uring.nops(size); }, "", {});
    add("nop, kick", [this, size] { raw.nops(size, bench::RawRing::Doorbell::kick); }, peer, goal);
    add(
        "nop, submit", [this, size] { raw.nops(size, bench::RawRing::Doorbell::submit); },
        size == 1 ? "empty ioctl" : peer, size == 1 ? std::optional(submit_goal) : std::nullopt);
    add("nop, library", [this, size] { round_trip(ring, std::span(nops).first(size)); }, peer, {});
}

std::vector<Case> Bench::cases() {
    std::vector<Case> all;
    all.push_back({.name = "getppid", .body = system_call});
    all.push_back({.name = "empty ioctl",
                   .body = [this] { empty_ioctl(raw.fd()); },
                   .comparisons = {{.against = "getppid"}}});
    for (const auto& [size, goal] : batch_goals) add_batch(all, size, goal);
    all.push_back({.name = "nop, thread",
                   .body = [this] { raw.nops(1, bench::RawRing::Doorbell::kick); },
                   .comparisons = {bench::value_goal(thread_goal)},
                   .before = [] { set_inline_bytes(0); }});
    all.push_back({.name = "fill 64 B, private",
                   .body = [this] { round_trip(ring, std::span(&fill, 1)); },
                   .comparisons = {{.against = "nop, library"}},
                   .before = [] { set_inline_bytes(inline_bytes); }});
    all.push_back({.name = "fill 64 B, shared",
                   .body = [this] { round_trip(ring, std::span(&shared_fill, 1)); },
                   .comparisons = {{.against = "fill 64 B, private"}},
                   .before = [] { set_inline_bytes(inline_bytes); }});
    all.push_back({.name = "bind, unbind",
                   .body = [this] { bind_and_unbind(ring, buffer); },
                   .comparisons = {{.against = "empty ioctl"}}});
    all.push_back({.name = "export, import, close",
                   .body = [this] { share(shared, other); },
                   .comparisons = {{.against = "empty ioctl"}}});
    return all;
}

std::vector<Row> rows(Mode mode) {
    if (mode == Mode::native) throw std::runtime_error("there is no device outside of the machine");
    Bench all;
    std::vector<Case> cases = all.cases();
    // The goals are path lengths.
    if (mode == Mode::wall)
        for (Case& one : cases)
            for (bench::Comparison& comparison : one.comparisons) comparison.goal.reset();

    return bench::measure(mode, cases);
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, rows); }
