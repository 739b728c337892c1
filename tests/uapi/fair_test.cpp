// SPDX-License-Identifier: MIT

// Who shares an engine gets as much of it as the others, and waits for one batch of each of them.

#include <algorithm>
#include <vector>

#include "crowd.hpp"
#include "fixture.hpp"
#include "inline.hpp"
#include "late.hpp"
#include "ring.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

// Where the engine's thread is what they share.
TEST(Fair, SixtyFourRingsOfEightProcessesOnTheThread) {
    const Crowd crowd({8, 8, 16, 64 * page});
    const std::vector<double> done = crowd.work(std::chrono::seconds(3));
    EXPECT_EQ(crowd.violations(), 0U);
    EXPECT_GE(fairness(done), 0.9);
}

// Inside doorbells they share the CPUs, of which one may be slower than the other where the machine
// is a virtual one.
TEST(Fair, SixtyFourRingsOfEightProcessesInline) {
    constexpr std::size_t rings = 8;
    const Crowd crowd({8, rings, 4, 4 * page});
    const std::vector<double> done = crowd.work(std::chrono::seconds(3));
    EXPECT_EQ(crowd.violations(), 0U);
    for (std::size_t cpu = 0; cpu < Crowd::cpus; cpu++) {
        std::vector<double> on_cpu;
        for (std::size_t i = 0; i < done.size(); i++)
            if (i / rings % Crowd::cpus == cpu) on_cpu.push_back(done[i]);
        EXPECT_GE(fairness(on_cpu), 0.9) << "on CPU " << cpu;
    }
}

// Doorbells that meet wait for each other, a moment. A batch that goes to the thread has all that
// come queue up behind it until the thread is given a CPU.
TEST(Fair, DoorbellsThatMeetDoNotNeedTheThread) {
    const EngineThreads threads;
    const std::uint64_t before = threads.settled();
    double batches = 0;
    {
        const Crowd crowd({32, 1, 1, 64});
        for (const double done : crowd.work(std::chrono::seconds(2))) batches += done;
    }
    const auto turns = static_cast<double>(threads.settled() - before);
    EXPECT_LT(turns, batches / 100);
}

TEST(Fair, LargeBatchesBesideSmallOnes) {
    const Crowd large({4, 4, 16, 64 * page}), small({4, 4, 4, 64});
    const std::vector<double> done = large.work(std::chrono::seconds(3));
    EXPECT_GE(fairness(done), 0.9);
    const std::vector<double> beside = small.work(std::chrono::seconds(1));
    EXPECT_GT(*std::min_element(beside.begin(), beside.end()), 0);
    EXPECT_EQ(large.violations() + small.violations(), 0U);
}

/// Rings full of slow batches, and one with a small batch now and then.
class Hogs : public DeviceTest, public testing::WithParamInterface<std::uint32_t> {
 protected:
    static constexpr std::uint64_t size = 1 << 20;

    Hogs() {
        for (std::uint32_t i = 0; i < GetParam(); i++) {
            hogs_.emplace_back(device_, RingOptions{64, 64, 1});
            EXPECT_EQ(hogs_.back().bind_range(0, buffer_, 0, size), 0);
        }
    }

    void fill_up(Ring& hog, std::uint32_t batches) {
        for (std::uint32_t i = 0; i < batches; i++) hog.put_batch({crc32c(0, 0, size)});
        ASSERT_EQ(hog.submit(), 0);
    }

    LateMode late_;
    Buffer buffer_{device_, size};
    std::vector<Ring> hogs_;
    Ring small_{device_};
};

// One grant of late mode is one batch, in the order in which the engine takes them.
TEST_P(Hogs, SmallBatchWaitsForOneOfEach) {
    late_.hold();
    for (Ring& hog : hogs_) fill_up(hog, 8);
    for (std::uint32_t lap = 1; lap <= 4; lap++) {
        small_.put_batch({nop()});
        ASSERT_EQ(small_.submit(), 0);
        late_.advance(GetParam());
        for (const Ring& hog : hogs_) hog.wait_for(lap);
        EXPECT_FALSE(small_.posted(lap));
        late_.advance(1);
        small_.wait_for(lap);
        for (const Ring& hog : hogs_) EXPECT_FALSE(hog.posted(lap + 1));
    }
}

// By the times in the completions: what ended after the doorbell had returned, and before the small
// batch did.
TEST_P(Hogs, SmallBatchWaitsForOneOfEachWhileTimeGoesOn) {
    for (std::uint32_t lap = 0; lap < 20; lap++) {
        for (Ring& hog : hogs_) fill_up(hog, 4);
        small_.put_batch({nop()});
        ASSERT_EQ(small_.submit(), 0);
        const auto rung = static_cast<std::uint64_t>(deadline_in({}));
        small_.wait_for(small_.sq_tail());
        const std::uint64_t done = small_.reap().at(0).time_ns;
        for (Ring& hog : hogs_) {
            hog.wait_for(hog.sq_tail());
            std::uint32_t between = 0;
            for (const drm_zaccel_completion& batch : hog.reap())
                between += batch.time_ns > rung && batch.time_ns < done;
            EXPECT_LE(between, 1U);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Of, Hogs, testing::Values(1, 2, 5), testing::PrintToStringParamName());

}  // namespace
}  // namespace uapi_tests
