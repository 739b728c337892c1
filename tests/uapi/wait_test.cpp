// SPDX-License-Identifier: MIT
#include <cerrno>
#include <future>
#include <limits>

#include "fixture.hpp"
#include "interruptions.hpp"
#include "ring.hpp"
#include "sleeper.hpp"

namespace uapi_tests {
namespace {

constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();

class RingWait : public DeviceTest {
 protected:
    int wait(drm_zaccel_ring_wait& args) { return call(device_, DRM_IOCTL_ZACCEL_RING_WAIT, args); }

    static drm_zaccel_ring_wait make(std::uint32_t id, std::uint32_t index,
                                     std::int64_t deadline_ns) {
        drm_zaccel_ring_wait args{};
        args.id = id;
        args.index = index;
        args.deadline_ns = deadline_ns;
        return args;
    }
};

TEST_F(RingWait, EveryFlagIsInvalid) {
    const Ring ring(device_);
    for (unsigned bit = 0; bit < 32; bit++) {
        drm_zaccel_ring_wait args = make(ring.id(), 0, 0);
        args.flags = 1U << bit;
        EXPECT_EQ(wait(args), EINVAL) << bit;
    }
}

TEST_F(RingWait, UnknownRingIsNotFound) {
    const Ring ring(device_);
    for (std::uint32_t id : {0U, ring.id() + 1, 65U, ~0U}) {
        drm_zaccel_ring_wait args = make(id, 0, 0);
        EXPECT_EQ(wait(args), ENOENT) << id;
    }
}

TEST_F(RingWait, RingOfAnotherFileIsNotFound) {
    const Ring ring(device_);
    const Fd other = open_device();
    drm_zaccel_ring_wait args = make(ring.id(), 0, 0);
    EXPECT_EQ(call(other, DRM_IOCTL_ZACCEL_RING_WAIT, args), ENOENT);
}

TEST_F(RingWait, ReachedIndexReturnsAtOnce) {
    Ring ring(device_);
    ring.run({nop(), nop(), nop()});
    for (std::uint32_t index : {0U, 1U, 3U, ~0U - 100U, 3U - (1U << 31) + 1}) {
        drm_zaccel_ring_wait args = make(ring.id(), index, 0);
        args.tail = 99;
        EXPECT_EQ(wait(args), 0) << index;
        EXPECT_EQ(args.tail, 3U);
    }
}

TEST_F(RingWait, IndexAheadIsNotReached) {
    Ring ring(device_);
    ring.run({nop(), nop(), nop()});
    for (std::uint32_t index : {4U, 1000U, 3U + (1U << 31)}) {
        drm_zaccel_ring_wait args = make(ring.id(), index, 0);
        EXPECT_EQ(wait(args), ETIME) << index;
        EXPECT_EQ(args.tail, 3U);
    }
}

TEST_F(RingWait, PassedDeadlinePolls) {
    const Ring ring(device_);
    for (std::int64_t deadline :
         {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::int64_t{0},
          std::int64_t{1}, deadline_in(std::chrono::nanoseconds(-1))}) {
        EXPECT_EQ(ring.wait(0, deadline), 0) << deadline;
        EXPECT_EQ(ring.wait(1, deadline), ETIME) << deadline;
    }
}

TEST_F(RingWait, DeadlineIsAbsolute) {
    const Ring ring(device_);
    const std::int64_t deadline = deadline_in(std::chrono::milliseconds(20));
    EXPECT_EQ(ring.wait(1, deadline), ETIME);
    EXPECT_GE(deadline_in({}), deadline);
    EXPECT_EQ(ring.wait(1, deadline), ETIME) << "the same again";
}

TEST_F(RingWait, WithoutDeadlineWaitsForTheBatch) {
    Ring ring(device_);
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.wait(1, forever), 0);
    EXPECT_EQ(ring.cq_tail(), 1U);
}

TEST_F(RingWait, FarDeadlineIsNoOverflow) {
    Ring ring(device_);
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.wait(1, forever - 1), 0);
}

TEST_F(RingWait, WakesEveryWaiter) {
    Ring ring(device_);
    BusyEngine busy(device_);
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(), 0);
    std::vector<std::future<int>> waiters;
    for (std::int64_t deadline : {forever, deadline_in(long_enough), deadline_in(2 * long_enough)})
        waiters.push_back(
            std::async(std::launch::async, [&, deadline] { return ring.wait(1, deadline); }));
    busy.cancel();
    for (std::future<int>& waiter : waiters) EXPECT_EQ(waiter.get(), 0);
}

TEST_F(RingWait, AnotherThreadMaySubmit) {
    Ring ring(device_);
    std::future<int> waiter =
        std::async(std::launch::async, [&] { return ring.wait(1, deadline_in(long_enough)); });
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(waiter.get(), 0);
}

TEST_F(RingWait, EndsWhenTheRingIsDestroyed) {
    Ring ring(device_);
    Sleeper waiter([&] { return ring.wait(1, forever); });
    ASSERT_TRUE(waiter.falls_asleep());
    ASSERT_EQ(ring.destroy(), 0);
    EXPECT_EQ(waiter.result(), ECANCELED);
}

// The same arguments go on where the interrupted call stopped, to the same deadline.
TEST_F(RingWait, SignalInterruptsAndTheCallCanBeRepeated) {
    const Interruptions interruptions;
    Ring ring(device_);
    BusyEngine busy(device_);
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(), 0);
    for (std::int64_t deadline : {forever, deadline_in(long_enough)})
        EXPECT_EQ(interruptions.until_it_returns([&] { return ring.wait(1, deadline); }), EINTR);
    busy.cancel();
    EXPECT_EQ(ring.wait(1, deadline_in(long_enough)), 0);
}

}  // namespace
}  // namespace uapi_tests
