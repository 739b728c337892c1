// SPDX-License-Identifier: MIT
#include <accel/ring.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>

#include "fake_kernel.hpp"

namespace {

using accel::Command;
using accel::Errc;
using accel::Ring;
using namespace std::chrono_literals;

class RingOutstanding : public lib_tests::FakeKernelTest {};
class RingDoorbell : public lib_tests::FakeKernelTest {};
class RingWaitError : public lib_tests::FakeKernelTest {};

TEST_F(RingOutstanding, IsNoneWhenReapedBeforeTheDoorbellReturns) {
    Ring ring(device_);
    kernel_.ring_kick = [&](std::uint32_t& fetched) {
        fetched = 1;
        run(1);
        // As another thread may at this moment.
        EXPECT_TRUE(ring.try_reap());
        EXPECT_EQ(ring.outstanding(), 0u);
        return 0;
    };
    EXPECT_EQ(ring.submit(Command::nop()), 1u);
    EXPECT_EQ(ring.outstanding(), 0u);
}

TEST_F(RingDoorbell, IsTheRingsOwnUnlessThereAreFences) {
    Ring ring(device_);
    int kicks = 0, submits = 0;
    const auto count = [&](int& calls, std::uint32_t& fetched) {
        calls++;
        fetched = 1;
        run(1);
        return 0;
    };
    kernel_.ring_kick = [&](std::uint32_t& fetched) { return count(kicks, fetched); };
    kernel_.ring_submit = [&](auto& args) { return count(submits, args.fetched); };

    const Command nop = Command::nop();
    ring.submit(nop);
    EXPECT_FALSE(ring.submit(std::span(&nop, 1), {}).fence);
    EXPECT_EQ(kicks, 2);
    EXPECT_EQ(submits, 0);
    ring.submit(std::span(&nop, 1), {.fence = true});
    EXPECT_EQ(kicks, 2);
    EXPECT_EQ(submits, 1);
}

TEST_F(RingDoorbell, ThatTakesNothingMeansAFullRing) {
    Ring ring(device_);
    kernel_.ring_kick = [](std::uint32_t&) { return 0; };
    EXPECT_EQ(ring.try_submit(Command::nop()).error_or({}), Errc::ring_full);
    kernel_.ring_kick = [](std::uint32_t&) { return EAGAIN; };
    EXPECT_EQ(ring.try_submit(Command::nop()).error_or({}), Errc::ring_full);
    EXPECT_EQ(ring.submitted(), 0u);
}

TEST_F(RingWaitError, IsNoneOnceTheCompletionIsThere) {
    const Ring ring(device_);
    std::uint32_t index = 0;
    for (const int number : {ENODEV, ETIME, ENOENT, ECANCELED}) {
        kernel_.ring_wait = [&](drm_zaccel_ring_wait&) {
            run(1);
            return number;
        };
        EXPECT_TRUE(ring.wait_for(++index, 1s)) << number;
    }
}

TEST_F(RingWaitError, IsTheKernelsWithoutTheCompletion) {
    const Ring ring(device_);
    run(1);
    kernel_.ring_wait = [](drm_zaccel_ring_wait&) { return ENODEV; };
    EXPECT_EQ(ring.wait_for(2, 1s).error(), Errc::device_lost);
    EXPECT_TRUE(ring.wait_for(1, 1s));
}

}  // namespace
