// SPDX-License-Identifier: MIT
#include "waits.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench.hpp"
#include "clients.hpp"
#include "raw_ring.hpp"
#include "uapi/process.hpp"
#include "uapi/shared_array.hpp"

namespace bench {

namespace {

constexpr std::uint32_t ring_entries = 64;

// A slow command, and the part of it after which others may come; see docs/ring-protocol.md.
constexpr std::uint64_t command_size = 1 << 20, slice_size = 256 << 10;

// Batches of a round.
constexpr std::uint32_t small_batches = 40, slow_batches = 40;

// Of the time that the documents promise.
constexpr double goal = 1;

// Another client, that puts a slow batch behind the others whenever one is done.
class Hog {
 public:
    explicit Hog(std::uint64_t size) : child_([this, size]() -> int { live(size, times_[0]); }) {
        wait_for(1);
    }

    // How long its next batches take.
    std::vector<double> next_times(std::uint32_t count) const {
        const std::uint32_t first = times_[0].count;
        if (first + count > Times::size) throw std::logic_error("too many batches");
        wait_for(first + count);
        std::vector<double> times;
        for (std::uint32_t i = first; i < first + count; i++) times.push_back(times_[0].ns[i]);
        return times;
    }

 private:
    // In memory of both processes.
    struct Times {
        static constexpr std::uint32_t size = 4096;

        std::atomic<std::uint32_t> count;
        std::array<double, size> ns;  // from the end of a batch to that of the next
    };

    // Asleep: the CPUs are for the other client and the engine.
    void wait_for(std::uint32_t count) const {
        const auto reached = [&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            return times_[0].count >= count;
        };
        if (!uapi_tests::eventually(reached))
            throw std::runtime_error("the other client does not come to work");
    }

    [[noreturn]] static void live(std::uint64_t size, Times& times) {
        RawRing ring(uapi_tests::device_path(), ring_entries);
        ring.bind_buffer(0, size, RawRing::Sharing::exclusive);
        const drm_zaccel_command slow = crc32c(0, size);
        for (std::uint32_t i = 0; i < ring_entries; i++) {
            ring.put(slow);
            ring.end_batch();
        }
        ring.submit(RawRing::Doorbell::kick);

        std::uint64_t last = 0;
        for (std::uint32_t i = 0;; i++) {
            ring.wait(i + 1);
            const std::uint64_t time = ring.completion(i).time_ns;
            if (i > 0 && i <= Times::size) {
                times.ns[i - 1] = static_cast<double>(time - last);
                times.count = i;
            }
            last = time;
            ring.reap(i + 1);
            ring.put(slow);
            ring.end_batch();
            ring.submit(RawRing::Doorbell::kick);
        }
    }

    uapi_tests::SharedArray<Times> times_{1};
    uapi_tests::Child child_;
};

// From the doorbell to the end of a batch that does nothing. The time is the device's: that it then
// takes to wake somebody is another matter.
double wait_of(RawRing& ring) {
    ring.put(nop);
    ring.end_batch();
    const std::int64_t begin = monotonic_ns();
    ring.submit(RawRing::Doorbell::kick);
    ring.wait(ring.tail());
    const drm_zaccel_completion& done = ring.completion(ring.tail() - 1);
    if (done.status != 0) throw std::runtime_error("a NOP failed");
    const auto end = static_cast<std::int64_t>(done.time_ns);
    ring.reap(ring.tail());
    return static_cast<double>(end - begin);
}

std::vector<double> waits_beside(std::uint64_t size, std::uint32_t priority) {
    const Hog hog(size);
    RawRing ring(uapi_tests::device_path(), ring_entries, priority);
    std::vector<double> waits;
    for (std::uint32_t i = 0; i < small_batches; i++) waits.push_back(wait_of(ring));
    return waits;
}

// The value is what 99 of 100 keep below, of the samples of all rounds.
Row p99_row(const std::string& name, std::vector<double> samples,
            std::vector<Comparison> comparisons = {}) {
    Row row{.name = name, .mode = Mode::wall, .unit = "ns", .comparisons = std::move(comparisons)};
    set_percentiles(row, std::move(samples));
    row.value = row.p99.value();
    return row;
}

void append(std::vector<double>& samples, const std::vector<double>& more) {
    samples.insert(samples.end(), more.begin(), more.end());
}

}  // namespace

std::vector<Row> measure_waits() {
    std::vector<double> slice, batch, equal, higher;
    for (unsigned round = 0; round < rounds; round++) {
        append(slice, Hog(slice_size).next_times(slow_batches));
        append(batch, Hog(command_size).next_times(slow_batches));
        append(equal, waits_beside(command_size, ZACCEL_PRIORITY_NORMAL));
        append(higher, waits_beside(command_size, ZACCEL_PRIORITY_HIGH));
    }
    const std::string one_slice = "slow slice, p99", one_batch = "slow batch, p99";
    return {p99_row(one_slice, std::move(slice)), p99_row(one_batch, std::move(batch)),
            p99_row("wait beside slow batches, p99", std::move(equal),
                    {{.against = one_batch, .goal = goal}}),
            p99_row("wait, higher priority, p99", std::move(higher),
                    {{.against = one_slice, .goal = goal}})};
}

}  // namespace bench
