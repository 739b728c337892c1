// SPDX-License-Identifier: MIT

// Rings that a thread of the kernel looks at: submitting is a store, and a call while it sleeps.

#include <gtest/gtest.h>
#include <accel/accel.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "fixture.hpp"

namespace {

using accel::Command;
using accel::Completion;
using accel::Errc;
using accel::Polling;
using accel::Ring;
using lib_tests::long_enough;
using namespace std::chrono_literals;

class PolledRing : public lib_tests::DeviceTest {
 protected:
    std::error_code create_error(const Polling& polling) {
        return lib_tests::error_of([&] { Ring ring(device_, {.polling = polling}); });
    }
};

TEST_F(PolledRing, TimesAndCpusAreChecked) {
    const accel::DeviceLimits& limits = device_.info().limits;
    EXPECT_GT(limits.default_idle_time, 0us);
    EXPECT_GE(limits.max_idle_time, limits.default_idle_time);
    EXPECT_EQ(create_error({.idle_time = limits.max_idle_time}), std::error_code());
    EXPECT_EQ(create_error({.idle_time = limits.max_idle_time + 1us}), Errc::invalid_argument);
    EXPECT_EQ(create_error({.idle_time = -1us}), Errc::invalid_argument);
    EXPECT_EQ(create_error({.idle_time = std::chrono::hours(2)}), Errc::invalid_argument);
    EXPECT_EQ(create_error({.cpu = 0}), std::error_code());
    EXPECT_EQ(create_error({.cpu = 1u << 20}), Errc::invalid_argument);
    const Ring ring(device_, {.polling = Polling{.cpu = 0}});
    EXPECT_EQ(create_error({.cpu = 1}), Errc::busy);
}

// Idle times from one that is over at once to one that never is.
class PolledFor : public PolledRing,
                  public testing::WithParamInterface<std::chrono::microseconds> {};

TEST_P(PolledFor, BatchesCompleteInOrder) {
    Ring ring(device_, {.entries = 64, .polling = Polling{.idle_time = GetParam()}});
    std::uint64_t sent = 0, seen = 0;
    while (seen < 3000) {
        std::vector<Command> batch;
        for (std::uint64_t i = 0; i <= sent % 7; i++)
            batch.push_back(Command::nop().with_user_data(sent + i));
        const auto index = ring.try_submit(batch);
        if (index) {
            sent += batch.size();
            continue;
        }
        ASSERT_EQ(index.error(), Errc::ring_full);
        const Completion completion = ring.reap(long_enough);
        ASSERT_TRUE(completion.ok());
        ASSERT_EQ(completion.user_data, seen++);
    }
    ring.wait_for(ring.submitted(), long_enough).value();
    while (ring.outstanding() != 0) ASSERT_TRUE(ring.try_reap().value().ok());
}

TEST_P(PolledFor, OneAtATimeWithPauses) {
    Ring ring(device_, {.polling = Polling{.idle_time = GetParam()}});
    for (std::uint64_t lap = 0; lap < 200; lap++) {
        ring.submit(Command::nop().with_user_data(lap));
        EXPECT_EQ(ring.reap(long_enough).user_data, lap);
        std::this_thread::sleep_for(std::chrono::microseconds(lap % 100));
    }
}

INSTANTIATE_TEST_SUITE_P(Idle, PolledFor, testing::Values(1us, 50us, 1'000'000us),
                         [](const auto& test) { return std::to_string(test.param.count()); });

TEST_F(PolledRing, DoesWhatItIsTold) {
    const accel::Buffer buffer = accel::Buffer::allocate(device_, 4096);
    Ring ring(device_, {.polling = Polling{}});
    const accel::Slot slot = ring.bind(buffer);
    ring.submit(std::vector{Command::fill(slot, 0x5a, {0, 64}), Command::crc32c(slot, {0, 64})});
    EXPECT_EQ(ring.reap(long_enough).result, 64u);
    EXPECT_TRUE(ring.reap(long_enough).ok());
}

TEST_F(PolledRing, TakesNoFences) {
    Ring ring(device_, {.polling = Polling{}});
    const std::vector batch{Command::nop()};
    EXPECT_EQ(ring.try_submit(batch, {.fence = true}).error(), Errc::not_supported);
    EXPECT_EQ(ring.submitted(), 0u);
    EXPECT_EQ(ring.submit(batch, {}).index, 1u);
    EXPECT_TRUE(ring.reap(long_enough).ok());
}

TEST_F(PolledRing, CanBeGivenUpAtAnyTime) {
    for (int lap = 0; lap < 30; lap++) {
        Ring ring(device_, {.polling = Polling{.idle_time = 1us * (1 + lap * 10)}});
        for (int i = 0; i < lap; i++) ring.submit(Command::nop());
    }
}

}  // namespace
