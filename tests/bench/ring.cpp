// SPDX-License-Identifier: MIT

// What a command costs on its way through the device, beside what the kernel's other ways in cost.

#include <drm/drm.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <accel/accel.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench.hpp"
#include "client_rows.hpp"
#include "io_uring.hpp"
#include "ping_pong.hpp"
#include "raw_ring.hpp"
#include "ring_memory.hpp"
#include "uapi/cpus.hpp"
#include "waits.hpp"

namespace {

using bench::Case;
using bench::Comparison;
using bench::Measure;
using bench::Mode;
using bench::RawRing;
using bench::Row;
using uapi_tests::OnCpu;

constexpr std::uint32_t largest_batch = 256;
constexpr std::uint64_t small_fill = 64;

// Who polls is on the second CPU, the callers are on the first.
constexpr std::uint32_t caller_cpu = 0, poll_cpu = 1;

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

// What a fence may add to a batch: instructions to one of one command, a share to a large one.
constexpr double fence_goal = 1100, large_fence_goal = 1.1;

// Of an empty ioctl, and of io_uring's polling.
constexpr double poll_goal = 0.4;

// As large as the device allows; what it starts with.
constexpr std::uint32_t inline_bytes = 32768;

// Slots of the raw ring.
enum : std::uint32_t { private_slot, shared_slot };

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

// Where batches are run.
struct Place {
    const char* suffix;
    std::uint32_t inline_bytes;
};
constexpr Place in_doorbell{"", inline_bytes}, on_thread{", thread", 0};

// Everything the cases use; made once.
class Bench {
 public:
    Bench();

    std::vector<Case> cases(Mode mode);

 private:
    void add(const std::string& name, std::function<void()> body,
             std::vector<Comparison> comparisons = {});
    void add_batch(const std::string& name, std::uint32_t size, const Place& place,
                   std::function<void()> body, const Comparison& comparison);
    void add_peers();
    void add_nops(std::uint32_t size, double goal);
    void add_fence(std::uint32_t size, const Place& place, const Comparison& limit);
    void add_syncobj(std::uint32_t size, const Place& place, const Comparison& limit);
    void add_fences(std::uint32_t size, Measure measure, double goal);
    void add_calls();
    void make_polled();
    void add_pollers();

    accel::Device device_ = accel::Device::open();
    accel::Device other_ = accel::Device::open();
    accel::Ring ring_{device_, {.entries = largest_batch, .slots = 8}};
    RawRing raw_{device_.info().path, largest_batch};
    bench::IoUring io_uring_{largest_batch};
    std::optional<bench::IoUring> polled_io_uring_;
    std::optional<RawRing> polled_;
    std::optional<bench::PingPong> ping_pong_;
    accel::Buffer buffer_ = accel::Buffer::allocate(device_, 4096);
    accel::Buffer shared_ = accel::Buffer::allocate(device_, 4096);
    accel::UniqueFd exported_ = shared_.export_fd();
    // Bound for all the time: what the first slot of a buffer costs is not counted.
    accel::Slot slot_ = ring_.bind(buffer_);
    accel::Slot shared_slot_ = ring_.bind(shared_);
    std::vector<accel::Command> nops_{largest_batch, accel::Command::nop()};
    std::vector<Case> cases_;
};

Bench::Bench() {
    raw_.bind_buffer(private_slot, small_fill, RawRing::Sharing::exclusive);
    raw_.bind_buffer(shared_slot, small_fill, RawRing::Sharing::shared);
}

void Bench::add(const std::string& name, std::function<void()> body,
                std::vector<Comparison> comparisons) {
    cases_.push_back(
        {.name = name, .body = std::move(body), .comparisons = std::move(comparisons)});
}

void Bench::add_batch(const std::string& name, std::uint32_t size, const Place& place,
                      std::function<void()> body, const Comparison& comparison) {
    cases_.push_back({.name = in_batch(name, size) + place.suffix,
                      .body = std::move(body),
                      .items = static_cast<double>(size),
                      .comparisons = {comparison},
                      .before = [bytes = place.inline_bytes] { set_inline_bytes(bytes); },
                      .after = [] { set_inline_bytes(inline_bytes); }});
}

void Bench::add_peers() {
    add("getppid", system_call);
    add("empty ioctl", [this] { empty_ioctl(raw_.fd()); }, {{.against = "getppid"}});
    cases_.push_back({.name = "eventfd ping-pong",
                      .body = [this] { ping_pong_->round_trip(); },
                      .before = [this] { ping_pong_.emplace(); },
                      .after = [this] { ping_pong_.reset(); }});
}

void Bench::add_nops(std::uint32_t size, double goal) {
    const Comparison peer{.against = in_batch("io_uring nop", size)};
    Comparison kick = peer, submit = peer;
    kick.goal = goal;
    if (size == 1) submit = {.against = "empty ioctl", .goal = submit_goal};

    cases_.push_back({.name = peer.against,
                      .body = [this, size] { io_uring_.nops(size); },
                      .items = static_cast<double>(size)});
    const auto raw = [this, size](RawRing::Doorbell doorbell) {
        return [this, size, doorbell] { raw_.round_trip(bench::nop, size, doorbell); };
    };
    add_batch("nop, kick", size, in_doorbell, raw(RawRing::Doorbell::kick), kick);
    add_batch("nop, submit", size, in_doorbell, raw(RawRing::Doorbell::submit), submit);
    add_batch(
        "nop, library", size, in_doorbell,
        [this, size] { round_trip(ring_, std::span(nops_).first(size)); }, peer);
}

// A buffer that others can see has a reservation object, in which a batch leaves its fence.
void Bench::add_fence(std::uint32_t size, const Place& place, const Comparison& limit) {
    const auto fill = [this, size](std::uint32_t slot) {
        return [this, size, command = bench::fill(slot, small_fill)] {
            raw_.round_trip(command, size, RawRing::Doorbell::kick);
        };
    };
    const std::string without = in_batch("fill, private", size) + place.suffix;
    add_batch("fill, private", size, place, fill(private_slot),
              {.against = in_batch("nop, kick", size)});
    add_batch("fill, shared", size, place, fill(shared_slot), {without, limit.measure, limit.goal});
}

void Bench::add_syncobj(std::uint32_t size, const Place& place, const Comparison& limit) {
    const auto nops = [this, size](RawRing::Doorbell doorbell) {
        return [this, size, doorbell] { raw_.round_trip(bench::nop, size, doorbell); };
    };
    const std::string without = in_batch("nop, submit", size) + place.suffix;
    if (place.inline_bytes == 0)
        add_batch("nop, submit", size, place, nops(RawRing::Doorbell::submit),
                  {.against = in_batch("nop, submit", size)});
    add_batch("nop, syncobj", size, place, nops(RawRing::Doorbell::syncobj),
              {without, limit.measure, limit.goal});
}

void Bench::add_fences(std::uint32_t size, Measure measure, double goal) {
    for (const Place& place : {in_doorbell, on_thread}) {
        add_fence(size, place, {.measure = measure, .goal = goal});
        add_syncobj(size, place, {.measure = measure, .goal = goal});
    }
}

void Bench::add_calls() {
    add("bind, unbind", [this] { bind_and_unbind(ring_, buffer_); }, {{.against = "empty ioctl"}});
    add("export, import, close", [this] { share(shared_, other_); }, {{.against = "empty ioctl"}});
}

// The poller may run where its maker may.
void Bench::make_polled() {
    const OnCpu there(poll_cpu);
    polled_.emplace(device_.info().path, largest_batch, ZACCEL_PRIORITY_NORMAL, poll_cpu);
}

// A poller is there for its own rounds only: it would take its CPU from all others.
void Bench::add_pollers() {
    cases_.push_back({.name = "io_uring nop, SQPOLL",
                      .body = [this] { polled_io_uring_->nops(1); },
                      .comparisons = {{.against = "io_uring nop"}},
                      .before = [this] { polled_io_uring_.emplace(largest_batch, poll_cpu); },
                      .after = [this] { polled_io_uring_.reset(); }});
    cases_.push_back(
        {.name = "nop, poll",
         .body = [this] { polled_->round_trip(bench::nop, 1, RawRing::Doorbell::none); },
         .comparisons = {{.against = "empty ioctl", .goal = poll_goal},
                         {.against = "io_uring nop, SQPOLL", .goal = poll_goal}},
         .before = [this] { make_polled(); },
         .after = [this] { polled_.reset(); }});
}

std::vector<Case> Bench::cases(Mode mode) {
    add_peers();
    for (const auto& [size, goal] : batch_goals) add_nops(size, goal);
    add_batch(
        "nop", 1, on_thread, [this] { raw_.round_trip(bench::nop, 1, RawRing::Doorbell::kick); },
        bench::value_goal(thread_goal));
    add_fences(1, Measure::difference, fence_goal);
    add_fences(largest_batch, Measure::ratio, large_fence_goal);
    add_calls();
    if (mode == Mode::path) return std::move(cases_);

    bench::drop_goals(cases_);  // They are path lengths.
    add_pollers();
    return std::move(cases_);
}

std::vector<Row> measure_cases(Mode mode) {
    const OnCpu here(caller_cpu);
    Bench all;
    return bench::measure(mode, all.cases(mode));
}

std::vector<Row> rows(Mode mode) {
    if (mode == Mode::native) throw std::runtime_error("there is no device outside of the machine");
    std::vector<Row> all = measure_cases(mode);
    const auto append = [&all](std::vector<Row> more) {
        std::ranges::move(more, std::back_inserter(all));
    };
    if (mode == Mode::path) {
        append(bench::measure_ring_memory());
    } else {
        append(bench::measure_clients());
        append(bench::measure_waits());
    }
    return all;
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, rows); }
