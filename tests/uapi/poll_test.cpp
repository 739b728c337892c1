// SPDX-License-Identifier: MIT

// Polled rings: what is stored is taken, with no call; what a poller says of itself; its doorbell.

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "hostile.hpp"
#include "inline.hpp"
#include "late.hpp"
#include "poll.hpp"
#include "query.hpp"
#include "ringfd.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t page = 4096;
constexpr std::uint32_t short_idle_us = 100;

/// Long enough for a poller that is awake, or that tries again by itself, to have done it.
constexpr milliseconds a_while{60};

class Poll : public DeviceTest {};

TEST_F(Poll, ArgumentsAreChecked) {
    struct Bad {
        std::uint32_t flags, idle_us, poll_cpu;
    };
    constexpr std::uint32_t both = ZACCEL_RING_POLL | ZACCEL_RING_POLL_CPU;
    for (const Bad& bad :
         {Bad{0, 1, 0}, Bad{0, 0, 1}, Bad{ZACCEL_RING_POLL_CPU, 0, 0}, Bad{ZACCEL_RING_POLL, 0, 1},
          Bad{ZACCEL_RING_POLL, 1'000'001, 0}, Bad{ZACCEL_RING_POLL, ~0U, 0}, Bad{both, 0, 4096},
          Bad{both, 0, ~0U}, Bad{4, 0, 0}, Bad{1U << 31 | ZACCEL_RING_POLL, 0, 0}}) {
        RingOptions options;
        options.flags = bad.flags;
        options.idle_us = bad.idle_us;
        options.poll_cpu = bad.poll_cpu;
        EXPECT_EQ(create(device_, options), EINVAL)
            << bad.flags << " " << bad.idle_us << " " << bad.poll_cpu;
    }
    drm_zaccel_ring_create args = ring_create_args(polled());
    args.pad = 1;
    EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_CREATE, args), EINVAL);
    EXPECT_TRUE(pollers().empty());
}

TEST_F(Poll, QueryTellsTheTimes) {
    const drm_zaccel_device_info info = device_info(device_);
    EXPECT_GT(info.default_idle_us, 0U);
    EXPECT_GE(info.max_idle_us, info.default_idle_us);
    EXPECT_EQ(create(device_, polled(info.max_idle_us)), 0);
    EXPECT_EQ(create(device_, polled(info.max_idle_us + 1)), EINVAL);
}

// On the poller's CPU, and on the engine's thread.
class PollWhere : public Poll, public testing::WithParamInterface<std::uint32_t> {
 protected:
    InlineBytes inline_bytes_{GetParam()};
};

TEST_P(PollWhere, StoringTheTailIsEnough) {
    Ring ring(device_, polled());
    const Buffer buffer(device_, page);
    const Mapping memory = buffer.map();
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    for (std::uint32_t lap = 0; lap < 200; lap++) {
        ring.put_batch({fill(0, 0, 64, lap), nop(lap), crc32c(0, 0, 64)});
        ring.publish();
        ring.wait_for(ring.sq_tail());
        const std::vector<drm_zaccel_completion> done = ring.reap();
        ASSERT_EQ(statuses(done), (std::vector{0, 0, 0}));
        EXPECT_EQ(done[1].user_data, lap);
        EXPECT_EQ(memory[0], lap);
    }
    EXPECT_FALSE(needs_wakeup(ring));
    EXPECT_EQ(poll_status(ring), 0);
    EXPECT_EQ(ring.sq_head(), ring.sq_tail());
}

TEST_P(PollWhere, ManyBatchesKeepTheirOrder) {
    RingOptions options = polled();
    options.sq_entries = options.cq_entries = 1024;
    Ring ring(device_, options);
    std::uint64_t sent = 0, seen = 0;
    while (seen < 5000) {
        while (sent < seen + 1000 && sent < 5000) ring.put_batch({nop(sent++)});
        ASSERT_EQ(send(ring), 0);
        for (const drm_zaccel_completion& one : ring.reap()) ASSERT_EQ(one.user_data, seen++);
        yield();
    }
}

INSTANTIATE_TEST_SUITE_P(At, PollWhere, testing::Values(0, InlineBytes::standard),
                         testing::PrintToStringParamName());

TEST_F(Poll, SleepsAndIsWokenByEitherDoorbell) {
    Ring ring(device_, polled(short_idle_us));
    const Fd fd = open_ring(device_, ring.id());
    for (std::uint32_t lap = 0; lap < 10; lap++) {
        ASSERT_TRUE(is_asleep(ring, only_poller()));
        ring.put_batch({nop(lap)});
        ring.publish();
        std::this_thread::sleep_for(a_while);
        ASSERT_EQ(ring.sq_head(), lap) << "asleep, and took it";
        if (lap % 2)
            ASSERT_EQ(kick(fd), 0);
        else
            ASSERT_EQ(ring.submit(), 0);
        EXPECT_EQ(ring.fetched(), 0U);
        ring.wait_for(lap + 1);
        EXPECT_EQ(ring.reap().at(0).user_data, lap);
    }
}

TEST_F(Poll, ADoorbellOfOneThatIsAwakeDoesNoHarm) {
    Ring ring(device_, polled());
    for (std::uint32_t lap = 0; lap < 100; lap++) {
        ring.put_batch({nop(lap)});
        ASSERT_EQ(ring.submit(), 0);
        EXPECT_EQ(ring.fetched(), 0U);
        ring.wait_for(lap + 1);
        EXPECT_EQ(ring.reap().size(), 1U);
    }
}

TEST_F(Poll, LooksForAsLongAsItWasTold) {
    const auto begin = std::chrono::steady_clock::now();
    const Ring ring(device_, polled(300'000));
    ASSERT_TRUE(falls_asleep(ring));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(300));
}

TEST_F(Poll, TheLongestOfTheRingsCounts) {
    const Ring patient(device_, polled());
    const Ring ring(device_, polled(short_idle_us));
    std::this_thread::sleep_for(a_while);
    EXPECT_FALSE(needs_wakeup(ring));
    EXPECT_FALSE(needs_wakeup(patient));
    patient.destroy();
    EXPECT_TRUE(eventually([&] { return needs_wakeup(ring); }, milliseconds(500)));
}

TEST_F(Poll, OtherRingsAreNotPolled) {
    const Ring looked_at(device_, polled());
    Ring ring(device_);
    ring.put_batch({nop()});
    ring.publish();
    std::this_thread::sleep_for(a_while);
    EXPECT_EQ(ring.sq_head(), 0U);
    EXPECT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 1U);
    EXPECT_EQ(ring.header().flags, 0U);
}

TEST_F(Poll, ABatchIsTakenWholeOrNotAtAll) {
    Ring ring(device_, polled());
    ring.put(nop(1));
    ring.put(nop(2));
    ring.publish();
    std::this_thread::sleep_for(a_while);
    EXPECT_EQ(ring.sq_head(), 0U);
    EXPECT_EQ(poll_status(ring), 0) << "it may come yet";
    ring.put(with_end(nop(3)));
    ring.publish();
    ring.wait_for(3);
    EXPECT_EQ(ring.reap().size(), 3U);
}

TEST_F(Poll, FullCompletionQueueIsSaid) {
    RingOptions options = polled();
    options.sq_entries = options.cq_entries = 8;
    Ring ring(device_, options);
    overfill(ring);
    EXPECT_EQ(ring.sq_head(), 8U);
    EXPECT_EQ(ring.reap().size(), 8U);
    ring.wait_for(9);
    EXPECT_TRUE(eventually([&] { return poll_status(ring) == 0; }));
}

// Who reaps has no doorbell to ring: the batch that found no room goes by itself.
TEST_F(Poll, FullCompletionQueueIsLookedAtAgainInSleep) {
    RingOptions options = polled(short_idle_us);
    options.sq_entries = options.cq_entries = 8;
    Ring ring(device_, options);
    overfill(ring);
    ASSERT_TRUE(is_asleep(ring, only_poller()));
    EXPECT_EQ(ring.reap().size(), 8U);
    ring.wait_for(9);
    EXPECT_EQ(ring.reap().size(), 1U);
}

// Two EXECs that do not fit into what a ring may have under way, while the poller has others to
// look after all the time: when the first is done the second goes, though no index has changed.
TEST_F(Poll, WhatFoundNoRoomIsNotForgottenForOthers) {
    constexpr std::uint32_t count = 1024;
    const HeldEngine engine;
    Ring ring(device_, polled()), other(device_, polled());
    const Buffer buffer(device_, count * sizeof(drm_zaccel_command));
    const Mapping memory = buffer.map();
    for (std::uint32_t i = 0; i < count; i++)
        reinterpret_cast<drm_zaccel_command*>(memory.data())[i] = nop();
    ASSERT_EQ(ring.bind_range(0, buffer, 0, memory.bytes().size()), 0);
    for (int i = 0; i < 2; i++) ring.put_batch({exec(0, 0, count)});
    ring.publish();
    ASSERT_TRUE(eventually([&] { return poll_status(ring) == -EAGAIN; }));
    EXPECT_EQ(ring.sq_head(), 1U);
    const Loop busy([&] {
        if (other.sq_tail() - other.cq_head() < 64) other.put_batch({nop()});
        send(other);
        other.reap();
    });
    engine.release();
    ring.wait_for(2);
    EXPECT_EQ(statuses(ring.reap()), (std::vector{0, 0}));
}

// Nor does it go on looking for room once there is nothing to take.
TEST_F(Poll, SleepsWhenNothingIsLeft) {
    RingOptions options = polled(short_idle_us);
    options.sq_entries = options.cq_entries = 8;
    Ring ring(device_, options);
    overfill(ring);
    EXPECT_TRUE(wakes_up(only_poller()));
    ring.set_sq_tail(8);
    ring.publish();
    EXPECT_TRUE(eventually([&] { return !wakes_up(only_poller()); }));
}

TEST_F(Poll, AnIndexThatCannotBeIsSaid) {
    Ring ring(device_, polled());
    ring.header().sq_tail = 65;
    ASSERT_TRUE(eventually([&] { return poll_status(ring) == -EINVAL; }));
    EXPECT_EQ(ring.sq_head(), 0U);
    ring.put_batch({nop()});
    ring.publish();
    ring.wait_for(1);
    EXPECT_TRUE(eventually([&] { return poll_status(ring) == 0; }));
    ring.header().cq_head = 2;
    ring.put_batch({nop()});
    ring.publish();
    ASSERT_TRUE(eventually([&] { return poll_status(ring) == -EINVAL; }));
    ring.set_cq_head(1);
    ring.wait_for(2);
}

TEST_F(Poll, NoSyncobjsBesideTheRing) {
    Ring ring(device_, polled());
    const Syncobj in(device_, Syncobj::State::signaled), out(device_);
    const std::array ins{in.handle()}, outs{out.handle()};
    EXPECT_EQ(ring.submit(ins, {}), EINVAL);
    EXPECT_EQ(ring.submit({}, outs), EINVAL);
    EXPECT_FALSE(out.signaled());
}

// Fences in and out with no system call.
TEST_F(Poll, WaitAndSignalAreEntries) {
    Ring ring(device_, polled());
    Syncobj in(device_), out(device_);
    ASSERT_EQ(ring.bind_syncobj(0, in.handle()), 0);
    ASSERT_EQ(ring.bind_syncobj(1, out.handle()), 0);
    const ManualFence fence;
    in.import_sync_file(fence.sync_file());
    ring.put_batch({wait_point(0), nop(), signal_point(1)});
    ring.publish();
    ASSERT_TRUE(eventually([&] { return ring.sq_head() == 3; }));
    EXPECT_EQ(out.wait(0), ETIME);
    fence.signal();
    EXPECT_EQ(out.wait(deadline_in(long_enough)), 0);
    ring.wait_for(3);
    EXPECT_EQ(statuses(ring.reap()), (std::vector{0, 0, 0}));
}

TEST_F(Poll, PointsOfATimeline) {
    Ring ring(device_, polled());
    const Syncobj timeline(device_);
    ASSERT_EQ(ring.bind_syncobj(0, timeline.handle()), 0);
    for (std::uint64_t point = 1; point <= 50; point++) {
        ring.put_batch({nop(point), signal_point(0, point)});
        ring.publish();
        ring.wait_for(ring.sq_tail());
        EXPECT_TRUE(timeline.reached(point));
        ring.reap();
    }
}

TEST_F(Poll, SharedBuffersHaveTheirFences) {
    const HeldEngine engine;
    Ring ring(device_, polled());
    const Buffer buffer(device_, page);
    const Fd dmabuf = buffer.export_dmabuf();
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    ring.put_batch({fill(0, 0, page, 7)});
    ring.publish();
    ASSERT_TRUE(eventually([&] { return ring.sq_head() == 1; }));
    EXPECT_FALSE(readable(dmabuf));
    engine.release();
    ring.wait_for(1);
    EXPECT_TRUE(readable(dmabuf));
}

// The queue is one, whoever put a batch there: here by turns a poller and two doorbells.
TEST_F(Poll, OvertakesNobody) {
    const HeldEngine engine;
    std::vector<Ring> rings;
    for (std::uint32_t i = 0; i < 3; i++)
        rings.emplace_back(device_, i == 1 ? polled() : RingOptions{});
    const Buffer buffer(device_, page);
    for (Ring& ring : rings) {
        ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
        ring.put_batch({fill(0, 0, 64, 1)});
        ASSERT_EQ(send(ring), 0);
        if (&ring != &rings[1]) {
            ASSERT_EQ(ring.submit(), 0);
        }
        ASSERT_TRUE(eventually([&] { return ring.sq_head() == 1; }));
    }
    for (std::size_t i = 0; i < rings.size(); i++) {
        engine.advance();
        rings[i].wait_for(1);
        for (std::size_t later = i + 1; later < rings.size(); later++)
            EXPECT_FALSE(rings[later].posted(1));
    }
}

TEST_F(Poll, ARingOfItsFileMayComeAndGo) {
    Ring first(device_, polled());
    for (std::uint32_t lap = 0; lap < 30; lap++) {
        Ring second(device_, polled(lap % 2 ? short_idle_us : idle_forever_us));
        ASSERT_EQ(send(second, {nop(lap)}), 0);
        ASSERT_EQ(send(first, {nop(lap)}), 0);
        if (lap % 3) second.wait_for(1);
        first.wait_for(lap + 1);
        first.reap();
    }
}

TEST_F(Poll, TheRingsDescriptorOutlivesIt) {
    Ring ring(device_, polled(short_idle_us));
    const Fd fd = open_ring(device_, ring.id());
    ASSERT_EQ(ring.destroy(), 0);
    EXPECT_EQ(kick(fd), -ENODEV);
    EXPECT_TRUE(pollers_are(0));
    ring.leave_to_file();
}

}  // namespace
}  // namespace uapi_tests
