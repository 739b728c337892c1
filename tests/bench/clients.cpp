// SPDX-License-Identifier: MIT
#include "clients.hpp"

#include <ctime>
#include <stdexcept>

#include "raw_ring.hpp"
#include "uapi/cpus.hpp"
#include "uapi/device.hpp"

namespace bench {

namespace {

constexpr std::uint32_t ring_entries = 64;

// Of the machine.
constexpr std::size_t cpus = 2;

}  // namespace

class Clients::Client {
 public:
    Client(const Work& work, ClientLog& log, const State& state)
        : work_(work), log_(log), state_(state) {
        if (work.fill == 0) return;
        ring_.bind_buffer(0, work.fill, RawRing::Sharing::exclusive);
        first_ = fill(0, work.fill);
    }

    void turn() {
        put_batch();
        Batch batch{};
        batch.begin = monotonic_ns();
        ring_.submit(RawRing::Doorbell::kick);
        batch.rung = monotonic_ns();
        ring_.wait(ring_.tail());
        batch.end = monotonic_ns();
        batch.done = take_completions();
        if (state_.recording && log_.recorded < ClientLog::size) {
            log_.record[log_.recorded] = batch;
            log_.recorded++;
        }
        log_.batches++;
    }

 private:
    void put_batch() {
        ring_.put(first_);
        for (std::uint32_t i = 1; i < work_.batch; i++) ring_.put(nop);
        ring_.end_batch();
    }

    // When the last of them was done.
    std::int64_t take_completions() {
        for (; index_ != ring_.tail(); index_++) {
            const drm_zaccel_completion& done = ring_.completion(index_);
            const auto time = static_cast<std::int64_t>(done.time_ns);
            log_.out_of_order += done.status != 0 || done.user_data != index_ || time < time_;
            time_ = time;
        }
        ring_.reap(index_);
        return time_;
    }

    const Work& work_;
    ClientLog& log_;
    const State& state_;
    RawRing ring_{uapi_tests::device_path(), ring_entries};
    drm_zaccel_command first_ = nop;
    std::uint32_t index_ = 0;
    std::int64_t time_ = 0;
};

Clients::Clients(const Work& work, std::size_t count) : count_(count), logs_(count) {
    for (std::size_t i = 0; i < count; i++)
        processes_.push_back(std::make_unique<uapi_tests::Child>([this, &work, i]() -> int {
            // No two of them have more of a CPU than another because of where they were put.
            uapi_tests::run_on(i % cpus);
            live(work, logs_[i], state_[0]);
        }));
    if (!uapi_tests::eventually([&] { return state_[0].begun == count; }))
        throw std::runtime_error("the clients do not come to work");
}

// They go on for ever, so that all are at work for all of the time that is looked at.
void Clients::live(const Work& work, ClientLog& log, State& state) {
    Client client(work, log, state);
    client.turn();
    state.begun++;
    for (;;) client.turn();
}

void Clients::stop() {
    for (const auto& process : processes_) process->kill();
    processes_.clear();
}

std::vector<pid_t> Clients::pids() const {
    std::vector<pid_t> all;
    for (const auto& process : processes_) all.push_back(process->pid());
    return all;
}

std::int64_t monotonic_ns() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

}  // namespace bench
