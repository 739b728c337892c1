// SPDX-License-Identifier: MIT
#include "poll.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "sleeper.hpp"

namespace uapi_tests {

RingOptions polled(std::uint32_t idle_us) {
    RingOptions options;
    options.flags = ZACCEL_RING_POLL;
    options.idle_us = idle_us;
    return options;
}

RingOptions polled_on(std::uint32_t cpu, std::uint32_t idle_us) {
    RingOptions options = polled(idle_us);
    options.flags |= ZACCEL_RING_POLL_CPU;
    options.poll_cpu = cpu;
    return options;
}

int create(const Fd& device, const RingOptions& options) {
    drm_zaccel_ring_create args = ring_create_args(options);
    return call(device, DRM_IOCTL_ZACCEL_RING_CREATE, args);
}

bool needs_wakeup(const Ring& ring) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const std::uint32_t flags = std::atomic_ref(ring.header().flags).load();
    return (flags & ZACCEL_RING_NEED_WAKEUP) != 0;
}

bool falls_asleep(const Ring& ring) {
    return eventually([&] { return needs_wakeup(ring); });
}

int poll_status(const Ring& ring) { return std::atomic_ref(ring.header().poll_status).load(); }

int send(Ring& ring) {
    ring.publish();
    return needs_wakeup(ring) ? ring.submit() : 0;
}

int send(Ring& ring, std::initializer_list<drm_zaccel_command> batch) {
    ring.put_batch(batch);
    return send(ring);
}

void overfill(Ring& ring) {
    const std::uint32_t room = ring.args().cq_entries;
    for (std::uint32_t i = 0; i < room; i++) ring.put_batch({nop(i)});
    check(send(ring), "doorbell");
    ring.wait_for(room);
    check(send(ring, {nop(room)}), "doorbell");
    check(eventually([&] { return poll_status(ring) == -EAGAIN; }) ? 0 : ETIME, "poll_status");
}

std::vector<pid_t> pollers_of(pid_t owner) {
    const std::string name = "zaccel-poll/" + std::to_string(owner);
    std::vector<pid_t> found;
    for (const auto& process : std::filesystem::directory_iterator("/proc")) {
        std::string comm;
        // Gone between the two looks: it is none.
        if (std::getline(std::ifstream(process.path() / "comm"), comm) && comm == name)
            found.push_back(std::stoi(process.path().filename()));
    }
    return found;
}

std::vector<pid_t> pollers() { return pollers_of(::getpid()); }

bool pollers_are(std::size_t count) {
    return eventually([count] { return pollers().size() == count; });
}

pid_t only_poller() {
    check(pollers_are(1) ? 0 : ESRCH, "the only poller");
    return pollers().at(0);
}

bool is_asleep(const Ring& ring, pid_t poller) {
    return eventually([&] { return needs_wakeup(ring) && state_of(poller, poller) == 'I'; });
}

bool wakes_up(pid_t thread) {
    const auto sleeps = [thread] {
        std::ifstream file("/proc/" + std::to_string(thread) + "/status");
        for (std::string line; std::getline(file, line);)
            if (line.starts_with("voluntary_ctxt_switches:")) return line;
        return std::string();
    };
    const std::string before = sleeps();
    // Several times the longest pause between two tries.
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return sleeps() != before;
}

}  // namespace uapi_tests
