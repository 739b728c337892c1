// SPDX-License-Identifier: MIT

// What a poller looks at next, and when it has looked for long enough.

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "poll.hpp"
#include "trace.hpp"

namespace uapi_tests {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

/// Entries after which a poller looks at the next ring.
constexpr std::uint64_t turn = 256;

class PollTurns : public DeviceTest {
 protected:
    static constexpr std::uint32_t entries = 1024;
    static constexpr std::uint32_t per_batch = 3;
    static constexpr std::uint32_t batches = entries / per_batch;

    PollTurns() {
        RingOptions options = polled(100);
        options.sq_entries = options.cq_entries = entries;
        for (int i = 0; i < 3; i++) rings_.emplace_back(device_, options);
    }

    /// While the poller does not look.
    void fill_all() {
        ASSERT_TRUE(is_asleep(rings_[0], only_poller()));
        for (Ring& ring : rings_) {
            for (std::uint32_t i = 0; i < batches; i++) ring.put_batch({nop(), nop(), nop()});
            ring.publish();
        }
    }

    void take_all() {
        ASSERT_EQ(rings_[0].submit(), 0);
        for (Ring& ring : rings_) {
            ring.wait_for(ring.sq_tail());
            EXPECT_EQ(statuses(ring.reap()), std::vector<int>(batches * per_batch, 0));
        }
    }

    /// Entries that it took of one ring before it took any of another.
    struct Turn {
        std::uint64_t ring = 0;
        std::uint64_t taken = 0;
    };
    static std::vector<Turn> turns_of(const Trace& trace) {
        std::vector<Turn> turns;
        for (const TraceEvent& fetch : trace.events()) {
            const std::uint64_t ring = fetch.number("ring");
            if (turns.empty() || turns.back().ring != ring) turns.push_back({ring, 0});
            turns.back().taken += fetch.number("count");
        }
        return turns;
    }

    std::vector<Ring> rings_;
};

// However much is left in the one before it.
TEST_F(PollTurns, OfEachRingComeAfterThoseOfAllOthers) {
    fill_all();
    const Trace trace({"zaccel/zaccel_fetch"});
    take_all();
    trace.stop();
    const std::vector<Turn> turns = turns_of(trace);
    ASSERT_EQ(turns.size(), rings_.size() * (batches * per_batch / turn + 1));
    for (std::size_t i = 0; i < turns.size(); i++) {
        EXPECT_LT(turns[i].taken, turn + per_batch) << i;
        EXPECT_EQ(turns[i].ring, turns[i % rings_.size()].ring) << i;
    }
}

class PollIdle : public DeviceTest {
 protected:
    static constexpr microseconds idle{200'000};

    /// How long after a batch the poller slept, where that came when it had long been idle. None
    /// where it slept before, since somebody did not get a CPU.
    std::optional<microseconds> sleeps_after_a_batch() {
        check(send(ring_, {nop()}), "doorbell");
        std::this_thread::sleep_for(idle * 3 / 5);
        const auto sent = Clock::now();
        ring_.put_batch({nop()});
        ring_.publish();
        const bool late = needs_wakeup(ring_);
        if (late) check(ring_.submit(), "doorbell");
        ring_.wait_for(ring_.sq_tail());
        ring_.reap();
        check(falls_asleep(ring_) ? 0 : ETIME, "poller");
        const auto slept = std::chrono::duration_cast<microseconds>(Clock::now() - sent);
        return late ? std::nullopt : std::optional(slept);
    }

    Ring ring_{device_, polled(idle.count())};
};

// One that is held up sleeps later, so it is the shortest that counts.
TEST_F(PollIdle, BeginsAnewWithEachBatch) {
    std::vector<microseconds> times;
    for (int lap = 0; lap < 20 && times.size() < 5; lap++)
        if (const auto time = sleeps_after_a_batch()) times.push_back(*time);
    ASSERT_FALSE(times.empty());
    const microseconds shortest = *std::min_element(times.begin(), times.end());
    EXPECT_GE(shortest, idle);
    EXPECT_LT(shortest, idle * 3 / 2);
}

}  // namespace
}  // namespace uapi_tests
