// SPDX-License-Identifier: MIT
#include <accel/accelerator.hpp>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "fixture.hpp"

namespace {

using accel::Accelerator;
using accel::Buffer;
using accel::Command;
using accel::Completion;
using accel::Errc;
using accel::Slot;
using lib_tests::error_of;

class AcceleratorTest : public test_support::LeakCheckedTest {
 protected:
    static Command numbered(std::uint64_t n) { return Command::nop().with_user_data(n); }

    static std::vector<Command> numbered(std::uint64_t first, std::uint64_t count) {
        std::vector<Command> batch;
        for (std::uint64_t n = first; n < first + count; n++) batch.push_back(numbered(n));
        return batch;
    }

    static void expect_numbers(const std::vector<Completion>& completions, std::uint64_t first,
                               std::uint64_t count) {
        ASSERT_EQ(completions.size(), count);
        for (std::uint64_t i = 0; i < count; i++) {
            EXPECT_TRUE(completions[i].ok());
            EXPECT_EQ(completions[i].user_data, first + i);
        }
    }
};

TEST_F(AcceleratorTest, WaitsForAPackInOrder) {
    Accelerator accelerator;
    accelerator.submit(numbered(1), numbered(2), numbered(3));
    Completion a, b, c;
    accelerator.wait(a, b, c);
    EXPECT_EQ(a.user_data, 1u);
    EXPECT_EQ(b.user_data, 2u);
    EXPECT_EQ(c.user_data, 3u);
    EXPECT_EQ(accelerator.outstanding(), 0u);
}

TEST_F(AcceleratorTest, WaitsForAllThatIsOutstanding) {
    Accelerator accelerator;
    EXPECT_TRUE(accelerator.wait().empty());
    accelerator.submit(numbered(0, 10));
    accelerator.submit(numbered(10));
    EXPECT_EQ(accelerator.outstanding(), 11u);
    expect_numbers(accelerator.wait(), 0, 11);
    EXPECT_TRUE(accelerator.wait().empty());
}

TEST_F(AcceleratorTest, MixesBothWaysOfWaiting) {
    Accelerator accelerator;
    accelerator.submit(numbered(0, 5));
    Completion first, second;
    accelerator.wait(first, second);
    EXPECT_EQ(second.user_data, 1u);
    expect_numbers(accelerator.wait(), 2, 3);
}

TEST_F(AcceleratorTest, RefusesToWaitForWhatNeverComes) {
    Accelerator accelerator;
    Completion a, b;
    EXPECT_EQ(error_of([&] { accelerator.wait(a); }), Errc::no_completion);
    accelerator.submit(numbered(7));
    EXPECT_EQ(error_of([&] { accelerator.wait(a, b); }), Errc::no_completion);
    accelerator.wait(a);
    EXPECT_EQ(a.user_data, 7u) << "nothing was taken by the wait that failed";
}

TEST_F(AcceleratorTest, PackIsOneBatch) {
    Accelerator accelerator;
    accelerator.submit(Command::raw({.opcode = 0x7fff}), Command::nop());
    accelerator.submit(Command::nop());
    const std::vector<Completion> completions = accelerator.wait();
    ASSERT_EQ(completions.size(), 3u);
    EXPECT_EQ(completions[0].status, Errc::not_supported);
    EXPECT_EQ(completions[1].status, Errc::canceled);
    EXPECT_TRUE(completions[2].ok());
}

TEST_F(AcceleratorTest, RefusesABatchThatNeverFits) {
    Accelerator accelerator({.entries = 8});
    EXPECT_EQ(error_of([&] { accelerator.submit(numbered(0, 9)); }), Errc::invalid_argument);
    EXPECT_EQ(error_of([&] { accelerator.submit(std::span<const Command>()); }),
              Errc::invalid_argument);
    accelerator.submit(numbered(0, 8));
    expect_numbers(accelerator.wait(), 0, 8);
}

TEST_F(AcceleratorTest, NeverStandsInItsOwnWay) {
    Accelerator accelerator({.entries = 8, .completion_entries = 16});
    std::uint64_t next = 0;
    for (std::uint64_t i = 0; i < 50; i++) {
        const std::uint64_t count = 1 + i % 8;
        accelerator.submit(numbered(next, count));
        next += count;
    }
    EXPECT_EQ(accelerator.outstanding(), next);
    Completion first;
    accelerator.wait(first);
    EXPECT_EQ(first.user_data, 0u);
    expect_numbers(accelerator.wait(), 1, next - 1);
}

TEST_F(AcceleratorTest, TakesItsWorkAlongWhenMoved) {
    Accelerator accelerator({.entries = 8, .completion_entries = 8});
    const Buffer buffer = Buffer::allocate(accelerator.device(), 4096);
    const Slot slot = accelerator.bind(buffer);
    accelerator.submit(numbered(0, 8));
    accelerator.submit(numbered(8, 4));  // part of the first are in the backlog now

    Accelerator moved = std::move(accelerator);
    moved.submit(Command::fill(slot, 1).with_user_data(12));
    expect_numbers(moved.wait(), 0, 13);

    EXPECT_EQ(error_of([&] { accelerator.submit(Command::nop()); }), Errc::invalid_argument);
    EXPECT_EQ(error_of([&] { (void)accelerator.wait(); }), Errc::invalid_argument);
    EXPECT_EQ(error_of([&] { (void)accelerator.device(); }), Errc::invalid_argument);

    accelerator = std::move(moved);
    accelerator.submit(numbered(1));
    expect_numbers(accelerator.wait(), 1, 1);
}

TEST_F(AcceleratorTest, SharesADevice) {
    const accel::Device device = accel::Device::open();
    Accelerator a(device), b(device);
    const Buffer buffer = Buffer::allocate(device, 4096);
    const Slot a_slot = a.bind(buffer), b_slot = b.bind(buffer);
    a.submit(Command::fill(a_slot, 0x0404040404040404));
    EXPECT_TRUE(a.wait().front().ok());
    b.submit(Command::crc32c(b_slot));
    EXPECT_TRUE(b.wait().front().ok());
}

// What people derive: operations of their own, and no submit to be seen.
class Eraser : private Accelerator {
 public:
    Eraser() : buffer_(Buffer::allocate(device(), 4096)), slot_(bind(buffer_)) {}

    void erase() { submit(Command::fill(slot_, 0xeeeeeeeeeeeeeeee)); }
    std::uint64_t finish() {
        Completion completion;
        wait(completion);
        return completion.result;
    }
    std::uint32_t batch_limit() { return ring().capacity(); }

 private:
    Buffer buffer_;
    Slot slot_;
};

template <class T>
concept HasSubmit = requires(T& t) { t.submit(Command::nop()); };
static_assert(HasSubmit<Accelerator> && !HasSubmit<Eraser>);
static_assert(std::has_virtual_destructor_v<Accelerator>);
static_assert(!std::is_copy_constructible_v<Accelerator>);
static_assert(std::is_nothrow_move_constructible_v<Accelerator>);
static_assert(std::is_nothrow_move_constructible_v<Eraser>);

TEST_F(AcceleratorTest, IsABaseThatHidesSubmit) {
    Eraser eraser;
    eraser.erase();
    Eraser moved = std::move(eraser);
    EXPECT_EQ(moved.finish(), 4096u);
    EXPECT_EQ(moved.batch_limit(), 64u);
}

}  // namespace
