// SPDX-License-Identifier: MIT
// Batches that wait for fences, and fences that wait for batches.
#include <array>
#include <optional>

#include "fixture.hpp"
#include "vgem.hpp"

namespace {

using accel::Access;
using accel::Buffer;
using accel::Command;
using accel::Errc;
using accel::Fence;
using accel::Ring;
using accel::Slot;
using accel::Submission;
using accel::SubmitOptions;
using lib_tests::a_moment;
using lib_tests::HeldFence;
using lib_tests::long_enough;

class SubmissionTest : public lib_tests::DeviceTest {
 protected:
    Submission submit_nop(Ring& ring, std::span<const Fence> wait_for, bool fence) {
        const Command nop = Command::nop();
        return ring.submit(std::span(&nop, 1), {.wait_for = wait_for, .fence = fence});
    }

    std::error_code submit_error(Ring& ring, std::span<const Fence> wait_for) {
        const Command nop = Command::nop();
        return ring.try_submit(std::span(&nop, 1), SubmitOptions{.wait_for = wait_for}).error();
    }

    static std::span<const Fence> one(const HeldFence& held) { return {&held.fence(), 1}; }
};

class SubmissionFence : public SubmissionTest {};
class SubmissionWait : public SubmissionTest {};

TEST_F(SubmissionFence, IsThereOnlyWhenAskedFor) {
    Ring ring(device_);
    EXPECT_FALSE(submit_nop(ring, {}, false).fence);
    EXPECT_TRUE(submit_nop(ring, {}, true).fence);
}

TEST_F(SubmissionFence, SignalsWhenTheBatchIsDone) {
    Ring ring(device_);
    const Submission submission = submit_nop(ring, {}, true);
    EXPECT_TRUE(submission.fence->wait_for(long_enough));
    EXPECT_TRUE(submission.fence->is_signalled());
    EXPECT_EQ(submission.fence->status(), std::error_code());
    EXPECT_TRUE(ring.wait_for(submission.index, long_enough));
}

TEST_F(SubmissionFence, CarriesTheBatchsError) {
    const Buffer buffer = Buffer::allocate(device_, 4096);
    Ring ring(device_);
    const Slot slot = ring.bind(buffer);
    const Command bad = Command::fill(slot, 0, {1, 4096});
    const Submission submission = ring.submit(std::span(&bad, 1), {.fence = true});
    ASSERT_TRUE(submission.fence->wait_for(long_enough));
    EXPECT_EQ(submission.fence->status(), Errc::out_of_range);
    EXPECT_EQ(ring.reap(long_enough).status, Errc::out_of_range);
}

TEST_F(SubmissionFence, IsCanceledWithTheRing) {
    HeldFence held;
    std::optional<Ring> ring(device_);
    const Submission submission = submit_nop(*ring, one(held), true);
    ring.reset();
    ASSERT_TRUE(submission.fence->wait_for(long_enough));
    EXPECT_EQ(submission.fence->status(), Errc::canceled);
}

TEST_F(SubmissionWait, HoldsTheBatchUntilAllHaveSignalled) {
    HeldFence a, b;
    const std::array fences{a.fence().duplicate(), b.fence().duplicate()};
    Ring ring(device_);
    const Submission submission = submit_nop(ring, fences, true);

    EXPECT_FALSE(submission.fence->is_signalled());
    a.signal();
    EXPECT_EQ(ring.wait_for(submission.index, a_moment).error(), Errc::timed_out);
    EXPECT_EQ(submission.fence->wait_for(a_moment).error(), Errc::timed_out);
    EXPECT_EQ(submission.fence->status(), std::error_code()) << "not over: no error yet";
    EXPECT_EQ(ring.try_reap().error(), Errc::no_completion);

    b.signal();
    EXPECT_TRUE(ring.wait_for(submission.index, long_enough));
    EXPECT_TRUE(submission.fence->wait_for(long_enough));
    EXPECT_TRUE(ring.try_reap()->ok());
}

TEST_F(SubmissionWait, HoldsUpTheRingAndNoOther) {
    HeldFence held;
    Ring ring(device_), other(device_);
    submit_nop(ring, one(held), false);
    const std::uint32_t behind = ring.submit(Command::nop());
    other.submit(Command::nop());

    EXPECT_TRUE(other.reap(long_enough).ok());
    EXPECT_EQ(ring.wait_for(behind, a_moment).error(), Errc::timed_out);
    held.signal();
    EXPECT_TRUE(ring.wait_for(behind, long_enough));
}

TEST_F(SubmissionWait, ChainsTwoRings) {
    HeldFence held;
    const Buffer buffer = Buffer::allocate(device_, 4096);
    Ring first(device_), second(device_);
    const Slot first_slot = first.bind(buffer);
    const Slot second_slot = second.bind(buffer);
    const Command fill = Command::fill(first_slot, 0x0303030303030303);
    const Command sum = Command::crc32c(second_slot);

    const Submission filled =
        first.submit(std::span(&fill, 1), {.wait_for = one(held), .fence = true});
    const Submission summed = second.submit(std::span(&sum, 1), {.wait_for = {&*filled.fence, 1}});
    EXPECT_EQ(second.wait_for(summed.index, a_moment).error(), Errc::timed_out);

    held.signal();
    const std::uint64_t result = second.reap(long_enough).result;
    second.submit(sum);
    EXPECT_EQ(second.reap(long_enough).result, result) << "summed after it was filled";
}

TEST_F(SubmissionWait, FillsTheRingWithoutLosingAnything) {
    HeldFence held;
    Ring ring(device_, {.entries = 8, .completion_entries = 8});
    submit_nop(ring, one(held), false);
    for (int i = 0; i < 7; i++) ring.submit(Command::nop());
    EXPECT_EQ(ring.try_submit(Command::nop()).error(), Errc::ring_full);
    EXPECT_EQ(ring.try_reap().error(), Errc::no_completion);

    held.signal();
    for (int i = 0; i < 8; i++) EXPECT_TRUE(ring.reap(long_enough).ok());
    EXPECT_EQ(ring.try_reap().error(), Errc::no_completion);
    EXPECT_EQ(ring.outstanding(), 0u);
}

TEST_F(SubmissionWait, RefusesWhatItCannotWaitFor) {
    Ring ring(device_);
    HeldFence held;
    std::array<Fence, 1> moved_from{held.fence().duplicate()};
    const Fence taken = std::move(moved_from[0]);
    EXPECT_EQ(submit_error(ring, moved_from), Errc::not_a_fence);

    std::vector<Fence> many;
    for (int i = 0; i < 17; i++) many.push_back(held.fence().duplicate());
    EXPECT_EQ(submit_error(ring, many), Errc::invalid_argument);
    EXPECT_EQ(ring.submitted(), 0u);

    many.pop_back();
    submit_nop(ring, many, false);
    held.signal();
    EXPECT_TRUE(ring.reap(long_enough).ok()) << "sixteen are allowed";
}

TEST_F(SubmissionFence, StandsInSharedBuffers) {
    HeldFence held;
    const Buffer buffer = Buffer::allocate(device_, 4096);
    const accel::UniqueFd shared = buffer.export_fd();
    Ring ring(device_);
    const Slot slot = ring.bind(buffer);
    const Command fill = Command::fill(slot, 0x0909090909090909);
    ring.submit(std::span(&fill, 1), {.wait_for = one(held)});

    EXPECT_FALSE(buffer.is_idle(Access::read));
    EXPECT_EQ(buffer.wait(Access::read, a_moment).error(), Errc::timed_out);
    const Fence fence = buffer.fence(Access::read);
    EXPECT_FALSE(fence.is_signalled());

    held.signal();
    EXPECT_TRUE(buffer.wait(Access::read, long_enough));
    EXPECT_TRUE(fence.wait_for(long_enough));
    EXPECT_TRUE(lib_tests::holds_only(buffer, 9));
}

TEST_F(SubmissionFence, OfAReaderStopsOnlyWriters) {
    HeldFence held;
    const Buffer buffer = Buffer::allocate(device_, 4096);
    const accel::UniqueFd shared = buffer.export_fd();
    Ring ring(device_);
    const Slot slot = ring.bind(buffer);
    const Command sum = Command::crc32c(slot);
    const std::uint32_t index = ring.submit(std::span(&sum, 1), {.wait_for = one(held)}).index;

    EXPECT_TRUE(buffer.is_idle(Access::read));
    EXPECT_FALSE(buffer.is_idle(Access::write));
    held.signal();
    EXPECT_TRUE(buffer.wait(Access::write, long_enough));
    EXPECT_TRUE(ring.wait_for(index, long_enough));
}

TEST_F(SubmissionFence, StandsInABufferThatIsExportedLater) {
    HeldFence held;
    const Buffer buffer = Buffer::allocate(device_, 4096);
    Ring ring(device_);
    const Slot slot = ring.bind(buffer);
    const Command fill = Command::fill(slot, 0x0808080808080808);
    ring.submit(std::span(&fill, 1), {.wait_for = one(held)});

    const accel::UniqueFd shared = buffer.export_fd();
    EXPECT_FALSE(buffer.is_idle(Access::read));
    held.signal();
    EXPECT_TRUE(buffer.wait(Access::read, long_enough));
    EXPECT_TRUE(lib_tests::holds_only(buffer, 8));
}

TEST_F(SubmissionWait, HonoursTheFenceSetInABuffer) {
    HeldFence held;
    const Buffer buffer = Buffer::allocate(device_, 4096);
    const accel::UniqueFd shared = buffer.export_fd();
    Ring ring(device_);
    const Slot slot = ring.bind(buffer);
    buffer.set_fence(held.fence(), Access::write);
    EXPECT_FALSE(buffer.is_idle(Access::read));

    const std::uint32_t index = ring.submit(Command::crc32c(slot));
    EXPECT_EQ(ring.wait_for(index, a_moment).error(), Errc::timed_out);
    held.signal();
    EXPECT_TRUE(ring.wait_for(index, long_enough));
}

}  // namespace
