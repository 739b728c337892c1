// SPDX-License-Identifier: MIT
#include <accel/ring.hpp>

#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "fixture.hpp"

namespace {

using accel::Buffer;
using accel::Command;
using accel::Completion;
using accel::Errc;
using accel::Ring;
using accel::RingOptions;
using accel::Slot;
using lib_tests::a_moment;
using lib_tests::error_of;
using lib_tests::long_enough;

class RingTest : public lib_tests::DeviceTest {
 protected:
    std::error_code create_error(const RingOptions& options) {
        return error_of([&] { Ring ring(device_, options); });
    }

    static std::vector<Command> nops(std::uint32_t count, std::uint64_t first = 0) {
        std::vector<Command> batch;
        for (std::uint32_t i = 0; i < count; i++)
            batch.push_back(Command::nop().with_user_data(first + i));
        return batch;
    }
};

class RingCreate : public RingTest {};
class RingSubmit : public RingTest {};
class RingReap : public RingTest {};
class RingWait : public RingTest {};
class RingBind : public RingTest {};

TEST_F(RingCreate, HasTheSizesAskedFor) {
    const Ring ring(device_, {.entries = 16, .completion_entries = 128});
    EXPECT_EQ(ring.capacity(), 16u);
    EXPECT_EQ(ring.completion_capacity(), 128u);
    EXPECT_EQ(ring.outstanding(), 0u);
    EXPECT_EQ(Ring(device_, {.entries = 32}).completion_capacity(), 64u);
}

TEST_F(RingCreate, TakesTheLimits) {
    const accel::DeviceLimits& limits = device_.info().limits;
    EXPECT_EQ(Ring(device_, {.entries = limits.min_ring_entries}).capacity(),
              limits.min_ring_entries);
    const Ring largest(device_, {.entries = limits.max_ring_entries, .slots = limits.max_slots});
    EXPECT_EQ(largest.capacity(), limits.max_ring_entries);
    EXPECT_EQ(largest.completion_capacity(), limits.max_ring_entries);
}

TEST_F(RingCreate, RefusesSizesThatCannotBe) {
    const accel::DeviceLimits& limits = device_.info().limits;
    EXPECT_EQ(create_error({.entries = 0}), Errc::invalid_argument);
    EXPECT_EQ(create_error({.entries = 24}), Errc::invalid_argument);
    EXPECT_EQ(create_error({.entries = limits.min_ring_entries / 2}), Errc::invalid_argument);
    EXPECT_EQ(create_error({.entries = 2 * limits.max_ring_entries}), Errc::invalid_argument);
    EXPECT_EQ(create_error({.entries = 1u << 31}), Errc::invalid_argument);
    EXPECT_EQ(create_error({.entries = 16, .completion_entries = 8}), Errc::invalid_argument);
    EXPECT_EQ(create_error({.slots = limits.max_slots + 1}), Errc::invalid_argument);
    EXPECT_EQ(create_error({.engine = 999}), Errc::not_found);
}

TEST_F(RingCreate, TakesPrioritiesAndTimeouts) {
    const accel::DeviceLimits& limits = device_.info().limits;
    for (const auto priority :
         {accel::Priority::low, accel::Priority::normal, accel::Priority::high}) {
        Ring ring(device_, {.priority = priority, .timeout = limits.max_batch_time});
        ring.wait_for(ring.submit(accel::Command::nop()), accel::forever).value();
        EXPECT_TRUE(ring.try_reap().value().ok());
    }
    const auto tick = std::chrono::milliseconds(1);
    EXPECT_EQ(create_error({.timeout = limits.max_batch_time + tick}), Errc::invalid_argument);
    EXPECT_EQ(create_error({.timeout = -tick}), Errc::invalid_argument);
    EXPECT_EQ(create_error({.timeout = std::chrono::hours(24 * 365)}), Errc::invalid_argument);
    EXPECT_EQ(create_error({.priority = static_cast<accel::Priority>(3)}), Errc::invalid_argument);
}

TEST_F(RingCreate, EndsAtTheLimitOfTheFile) {
    const std::uint32_t limit = device_.info().limits.max_rings;
    std::vector<Ring> rings;
    for (std::uint32_t i = 0; i < limit; i++)
        rings.emplace_back(device_, RingOptions{.entries = 8});
    EXPECT_EQ(create_error({.entries = 8}), Errc::quota_exceeded);
    rings.pop_back();
    EXPECT_EQ(create_error({.entries = 8}), std::error_code());
}

TEST_F(RingSubmit, CompletesWithTheUsersNumber) {
    Ring ring(device_);
    EXPECT_EQ(ring.submit(Command::nop().with_user_data(0xfedcba9876543210)), 1u);
    const Completion completion = ring.reap(long_enough);
    EXPECT_TRUE(completion.ok());
    EXPECT_EQ(completion.user_data, 0xfedcba9876543210);
    EXPECT_EQ(completion.result, 0u);
}

TEST_F(RingSubmit, TellsWhenItCompleted) {
    Ring ring(device_);
    const auto before = std::chrono::steady_clock::now();
    ring.submit(Command::nop());
    const Completion completion = ring.reap(long_enough);
    EXPECT_GE(completion.time, before);
    EXPECT_LE(completion.time, std::chrono::steady_clock::now());
}

TEST_F(RingSubmit, TakesABatchAsLargeAsTheRing) {
    Ring ring(device_, {.entries = 16});
    EXPECT_EQ(ring.submit(nops(16, 100)), 16u);
    for (std::uint64_t i = 0; i < 16; i++) EXPECT_EQ(ring.reap(long_enough).user_data, 100 + i);
    EXPECT_EQ(ring.outstanding(), 0u);
}

TEST_F(RingSubmit, RefusesABatchThatNeverFits) {
    Ring ring(device_, {.entries = 16, .completion_entries = 64});
    EXPECT_EQ(ring.try_submit(nops(17)).error(), Errc::invalid_argument);
    EXPECT_EQ(ring.try_submit(std::span<const Command>()).error(), Errc::invalid_argument);
    EXPECT_EQ(ring.outstanding(), 0u);
}

TEST_F(RingSubmit, IsFullWhenNothingIsReaped) {
    Ring ring(device_, {.entries = 8, .completion_entries = 16});
    ring.submit(nops(8));
    ring.submit(nops(7));
    EXPECT_EQ(ring.try_submit(nops(2)).error(), Errc::ring_full);
    EXPECT_EQ(ring.submitted(), 15u);
    ring.submit(nops(1));
    EXPECT_EQ(ring.try_submit(Command::nop()).error(), Errc::ring_full);
    EXPECT_EQ(ring.outstanding(), 16u);

    // Nothing of what was refused is left behind to be run with the next batch.
    for (int i = 0; i < 16; i++) EXPECT_TRUE(ring.reap(long_enough).ok());
    EXPECT_EQ(ring.submit(Command::nop().with_user_data(5)), 17u);
    EXPECT_EQ(ring.reap(long_enough).user_data, 5u);
    EXPECT_EQ(ring.try_reap().error(), Errc::no_completion);
}

TEST_F(RingSubmit, ThrowsWhatTrySubmitReturns) {
    Ring ring(device_, {.entries = 8});
    EXPECT_EQ(error_of([&] { ring.submit(nops(9)); }), Errc::invalid_argument);
}

TEST_F(RingSubmit, GoesRoundManyTimes) {
    Ring ring(device_, {.entries = 8, .completion_entries = 16});
    std::uint64_t next = 0, expected = 0;
    for (std::uint32_t round = 0; round < 500; round++) {
        const std::uint32_t count = 1 + round % 8;
        ring.submit(nops(count, next));
        next += count;
        // Leave some behind, so that batches start at every place.
        while (ring.outstanding() > round % 5)
            ASSERT_EQ(ring.reap(long_enough).user_data, expected++);
    }
    EXPECT_EQ(ring.submitted(), static_cast<std::uint32_t>(next));
}

TEST_F(RingSubmit, CancelsWhatStandsBehindAFailedCommand) {
    const Buffer buffer = Buffer::allocate(device_, 4096);
    Ring ring(device_);
    const Slot slot = ring.bind(buffer);
    const std::vector<Command> batch = {Command::fill(slot, 1), Command::fill(slot, 2, {4096, 1}),
                                        Command::fill(slot, 3), Command::nop()};
    ring.submit(batch);
    ring.submit(Command::nop());

    EXPECT_EQ(ring.reap(long_enough).status, std::error_code());
    EXPECT_EQ(ring.reap(long_enough).status, Errc::out_of_range);
    EXPECT_EQ(ring.reap(long_enough).status, Errc::canceled);
    EXPECT_EQ(ring.reap(long_enough).status, Errc::canceled);
    EXPECT_EQ(ring.reap(long_enough).status, std::error_code()) << "another batch runs";
    EXPECT_EQ(lib_tests::contents(buffer, 0, 1)[0], 1) << "the third command was not run";
}

TEST_F(RingSubmit, RefusesSlotsOfAnotherRing) {
    const Buffer buffer = Buffer::allocate(device_, 4096);
    Ring ring(device_), other(device_);
    const Slot slot = other.bind(buffer);
    const std::vector<Command> batch = {Command::nop(), Command::fill(slot, 1)};
    EXPECT_EQ(ring.try_submit(batch).error(), Errc::invalid_argument);
    EXPECT_EQ(ring.submitted(), 0u);
    ring.submit(Command::nop());
    EXPECT_TRUE(ring.reap(long_enough).ok());
    EXPECT_TRUE(other.try_submit(batch));
    EXPECT_TRUE(other.reap(long_enough).ok());
}

TEST_F(RingReap, FindsNothingInAnEmptyRing) {
    Ring ring(device_);
    EXPECT_EQ(ring.try_reap().error(), Errc::no_completion);
    EXPECT_EQ(error_of([&] { ring.reap(a_moment); }), Errc::timed_out);
    EXPECT_EQ(error_of([&] { ring.reap(std::chrono::nanoseconds(0)); }), Errc::timed_out);
}

TEST_F(RingReap, MayBeAnotherThreadsWork) {
    constexpr std::uint64_t count = 2000;
    Ring ring(device_, {.entries = 16, .completion_entries = 32});
    std::uint64_t reaped = 0;
    std::thread reaper([&] {
        for (; reaped < count; reaped++) {
            const Completion completion = ring.reap(long_enough);
            if (!completion.ok() || completion.user_data != reaped) break;
        }
    });
    for (std::uint64_t i = 0; i < count;) {
        const auto index = ring.try_submit(Command::nop().with_user_data(i));
        if (index)
            i++;
        else if (index.error() == Errc::ring_full)
            std::this_thread::yield();
        else
            break;
    }
    reaper.join();
    EXPECT_EQ(reaped, count);
}

TEST_F(RingWait, ReturnsOnceTheIndexIsReached) {
    Ring ring(device_);
    const std::uint32_t first = ring.submit(nops(3));
    const std::uint32_t second = ring.submit(nops(2));
    EXPECT_TRUE(ring.wait_for(second, long_enough));
    EXPECT_TRUE(ring.wait_for(first, std::chrono::nanoseconds(0))) << "in the past";
    EXPECT_EQ(ring.wait_for(second + 1, a_moment).error(), Errc::timed_out);
    for (int i = 0; i < 5; i++) EXPECT_TRUE(ring.try_reap());
    EXPECT_TRUE(ring.wait_for(second, long_enough)) << "reaped ones count too";
}

TEST_F(RingWait, DoesNotBlockWithoutTime) {
    const Ring ring(device_);
    EXPECT_EQ(ring.wait_for(1, std::chrono::nanoseconds(0)).error(), Errc::timed_out);
    EXPECT_EQ(ring.wait_for(1, std::chrono::nanoseconds(-5)).error(), Errc::timed_out);
}

TEST_F(RingBind, HasASlotForEachOption) {
    const Buffer buffer = Buffer::allocate(device_, 4096);
    Ring ring(device_, {.slots = 3});
    std::vector<Slot> slots;
    for (std::uint32_t i = 0; i < 3; i++) {
        slots.push_back(ring.bind(buffer));
        EXPECT_EQ(slots.back().index(), i);
    }
    EXPECT_EQ(error_of([&] { ring.bind(buffer); }), Errc::quota_exceeded);
    slots.erase(slots.begin() + 1);
    EXPECT_EQ(ring.bind(buffer).index(), 1u);
}

TEST_F(RingBind, ChecksTheRange) {
    const Buffer buffer = Buffer::allocate(device_, 8192);
    Ring ring(device_);
    EXPECT_EQ(ring.bind(buffer).size(), 8192u);
    EXPECT_EQ(ring.bind(buffer, 4096).size(), 4096u);
    EXPECT_EQ(ring.bind(buffer, 8191, 1).size(), 1u);
    EXPECT_EQ(error_of([&] { ring.bind(buffer, 0, 8193); }), Errc::out_of_range);
    EXPECT_EQ(error_of([&] { ring.bind(buffer, 8192, 1); }), Errc::out_of_range);
    EXPECT_EQ(error_of([&] { ring.bind(buffer, ~0ull, 2); }), Errc::out_of_range);
    EXPECT_EQ(error_of([&] { ring.bind(buffer, 8192); }), Errc::out_of_range);
    EXPECT_EQ(error_of([&] { ring.bind(buffer, 0, 0); }), Errc::invalid_argument);
}

TEST_F(RingBind, RefusesTheBuffersOfAnotherDevice) {
    const accel::Device other = accel::Device::open();
    const Buffer buffer = Buffer::allocate(other, 4096);
    Ring ring(device_, {.slots = 1});
    EXPECT_EQ(error_of([&] { ring.bind(buffer); }), Errc::invalid_argument);
    const Buffer own = Buffer::allocate(device_, 4096);
    EXPECT_TRUE(ring.bind(own)) << "the refused one took no slot";
}

TEST_F(RingBind, FreesThePlaceNotTheWorkSubmitted) {
    const Buffer a = Buffer::allocate(device_, 4096), b = Buffer::allocate(device_, 4096);
    Ring ring(device_, {.slots = 1});
    {
        const Slot slot = ring.bind(a);
        ring.submit(Command::fill(slot, 0x0101010101010101));
    }
    Slot slot = ring.bind(b);
    EXPECT_EQ(slot.index(), 0u);
    EXPECT_TRUE(ring.reap(long_enough).ok());
    EXPECT_TRUE(lib_tests::holds_only(a, 1));
    EXPECT_TRUE(lib_tests::holds_only(b, 0));

    ring.submit(Command::fill(slot, 0x0202020202020202));
    EXPECT_TRUE(ring.reap(long_enough).ok());
    EXPECT_TRUE(lib_tests::holds_only(b, 2));
}

}  // namespace
