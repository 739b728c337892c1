// SPDX-License-Identifier: MIT

// Pollers that fall asleep while entries come, that are told nonsense, whose rings come and go.

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "hostile.hpp"
#include "inline.hpp"
#include "neighbour.hpp"
#include "poll.hpp"
#include "process.hpp"
#include "ringfd.hpp"

namespace uapi_tests {
namespace {

using std::chrono::microseconds;

class PollRace : public DeviceTest {
 protected:
    Neighbour neighbour_;
};

/// Spins, since a sleep takes longer than that.
void spend(microseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
    }
}

// The pauses are about as long as the poller has patience: again and again a tail comes while it
// goes to sleep. A wake-up that is lost leaves the batch where it is.
TEST_F(PollRace, NoWakeUpIsLost) {
    Random random(41);
    std::uint32_t doorbells = 0;
    for (const std::uint32_t idle_us : {1U, 20U, 100U, 400U, idle_forever_us}) {
        Ring ring(device_, polled(idle_us));
        for (std::uint32_t lap = 1; lap <= 1000; lap++) {
            spend(microseconds(random.below(std::min(2 * idle_us, 500U) + 10)));
            ring.put_batch({nop(lap)});
            ring.publish();
            if (needs_wakeup(ring)) {
                doorbells++;
                ASSERT_EQ(ring.submit(), 0);
            }
            ring.wait_for(lap);
            ASSERT_EQ(ring.reap().at(0).user_data, lap);
        }
    }
    // Some while it slept, and some while it was awake: all of the last thousand.
    EXPECT_GT(doorbells, 100U);
    EXPECT_LT(doorbells, 4500U);
}

// The same, without an answer to wait for in between, and with two rings of one poller.
TEST_F(PollRace, NoWakeUpOfTwoIsLost) {
    Random random(42);
    std::array rings{Ring(device_, polled(30)), Ring(device_, polled(30))};
    for (std::uint32_t lap = 0; lap < 3000; lap++) {
        Ring& ring = rings[random.below(2)];
        if (ring.sq_tail() - ring.cq_head() == 64) {
            ring.wait_for(ring.sq_tail());
            ring.reap();
        }
        ASSERT_EQ(send(ring, {nop(lap)}), 0);
        if (random.chance(4)) spend(microseconds(random.below(100)));
    }
    for (Ring& ring : rings) {
        ring.wait_for(ring.sq_tail());
        for (const drm_zaccel_completion& one : ring.reap()) EXPECT_EQ(one.status, 0);
    }
}

// A ring and its memory in the hands of somebody who writes anything anywhere, beside one that is
// used as it should be, both with the same poller.
TEST_F(PollRace, ScribblingHarmsNobodyElse) {
    Random random(43);
    Ring good(device_, polled(50));
    Ring bad(device_, polled(50));
    {
        const Loop scribbler([&bad, seeded = Random(44)]() mutable {
            scribble(bad.memory().bytes(), seeded);
            if (seeded.chance(50)) bad.submit();
        });
        for (std::uint32_t lap = 1; lap <= 2000; lap++) {
            ASSERT_EQ(send(good, {nop(lap)}), 0);
            good.wait_for(lap);
            ASSERT_EQ(good.reap().at(0).user_data, lap);
            if (random.chance(100)) spend(microseconds(200));
        }
    }
}

// Nobody but the poller moves sq_head, though others ring its doorbell all the time.
TEST_F(PollRace, DoorbellsFromAllSides) {
    Ring ring(device_, polled(1));
    const Fd fd = open_ring(device_, ring.id());
    const Loop first([&] { EXPECT_EQ(kick(fd), 0); }), second([&] { EXPECT_EQ(kick(fd), 0); });
    for (std::uint32_t lap = 1; lap <= 1000; lap++) {
        ring.put_batch({nop(lap), nop(lap)});
        ring.publish();
        ring.wait_for(2 * lap);
        ASSERT_EQ(ring.reap().size(), 2U);
    }
}

TEST_F(PollRace, RingsComeAndGoWhileOthersAreUsed) {
    Ring ring(device_, polled(20));
    std::atomic<std::uint32_t> made = 0;
    const Loop coming_and_going([&] {
        Ring other(device_, polled(made % 2 ? 1 : 1000));
        send(other, {nop(), nop()});
        if (made % 3) other.submit();
        made++;
    });
    for (std::uint32_t lap = 1; lap <= 1000 || made < 100; lap++) {
        ASSERT_EQ(send(ring, {nop(lap)}), 0);
        ring.wait_for(lap);
        ASSERT_EQ(ring.reap().at(0).user_data, lap);
    }
}

// The last ring ends, and the poller with it, in whatever it does just then.
TEST_F(PollRace, PollersComeAndGo) {
    Random random(45);
    for (std::uint32_t lap = 0; lap < 100; lap++) {
        Ring ring(device_, polled(1 + random.below(200)));
        for (std::uint32_t i = 0; i < 1 + random.below(20); i++) ASSERT_EQ(send(ring, {nop(i)}), 0);
        spend(microseconds(random.below(300)));
        ASSERT_EQ(ring.destroy(), 0);
        EXPECT_TRUE(pollers_are(0));
        EXPECT_EQ(ring.submit(), ENOENT);
    }
}

// The same batches on a polled ring and by doorbell: the same completions.
TEST_F(PollRace, GivesWhatADoorbellGives) {
    Random random(46);
    constexpr std::uint64_t size = 4096;
    struct Way {
        Ring ring;
        Buffer buffer;
        Mapping memory;
    };
    const auto make = [&](const RingOptions& options) {
        Buffer buffer(device_, size);
        Mapping memory = buffer.map();
        Way way{Ring(device_, options), std::move(buffer), std::move(memory)};
        check(way.ring.bind_range(0, way.buffer, 0, size), "bind");
        return way;
    };
    Way by_poller = make(polled(50)), by_doorbell = make({});
    for (std::uint32_t lap = 0; lap < 500; lap++) {
        std::vector<drm_zaccel_command> batch;
        for (std::uint32_t i = 0; i <= random.below(20); i++) {
            const std::uint64_t at = random.below(5000), bytes = random.below(600);
            drm_zaccel_command command = random.chance(3)   ? crc32c(0, at, bytes)
                                         : random.chance(3) ? nop(i)
                                                            : fill(0, at, bytes, random.word());
            if (random.chance(2)) command = with(command, ZACCEL_CMD_CONTINUE);
            batch.push_back(command);
        }
        std::vector<drm_zaccel_completion> results[2];
        for (Way* way : {&by_poller, &by_doorbell}) {
            way->ring.put_batch(batch);
            const bool polls = way == &by_poller;
            ASSERT_EQ(polls ? send(way->ring) : way->ring.submit(), 0);
            way->ring.wait_for(way->ring.sq_tail());
            results[polls] = way->ring.reap();
        }
        ASSERT_EQ(results[0].size(), results[1].size());
        for (std::size_t i = 0; i < results[0].size(); i++) {
            EXPECT_EQ(results[0][i].status, results[1][i].status);
            EXPECT_EQ(results[0][i].result, results[1][i].result);
        }
        ASSERT_TRUE(std::ranges::equal(by_poller.memory.bytes(), by_doorbell.memory.bytes()));
    }
}

}  // namespace
}  // namespace uapi_tests
