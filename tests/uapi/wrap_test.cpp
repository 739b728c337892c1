// SPDX-License-Identifier: MIT

// Indices where they wrap, as numbers without a sign and as numbers with one.

#include <poll.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <vector>

#include "first_index.hpp"
#include "fixture.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "sleeper.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint32_t entries = 8;
constexpr std::uint32_t before_the_end = ~0U - 3;
constexpr std::uint32_t before_the_sign = 0x7ffffffc;

/// A short ring, four entries before the wrap.
class IndexWrap : public CountedTest, public testing::WithParamInterface<std::uint32_t> {
 protected:
    static std::uint32_t at(std::uint32_t n) { return GetParam() + n; }

    /// NOPs with their indices, from the tail on.
    void put_nops(std::uint32_t count) {
        for (std::uint32_t i = 1; i <= count; i++) {
            const drm_zaccel_command command = nop(ring_.sq_tail());
            ring_.put(i == count ? with_end(command) : command);
        }
    }

    void submit(std::uint32_t count) {
        put_nops(count);
        ASSERT_EQ(ring_.submit(), 0);
        ASSERT_EQ(ring_.fetched(), count);
    }

    void expect_numbered(const std::vector<drm_zaccel_completion>& completions, std::uint32_t first,
                         std::size_t count) {
        ASSERT_EQ(completions.size(), count);
        for (std::size_t i = 0; i < count; i++)
            EXPECT_EQ(completions[i].user_data, std::uint32_t(first + i));
    }

    FirstIndex first_{GetParam()};
    Fd device_ = open_device();
    Ring ring_{device_, {entries, entries, 1}};
    Fd fd_ = open_ring(device_, ring_.id());
};

TEST_P(IndexWrap, AllBeginThere) {
    EXPECT_EQ(ring_.header().sq_tail, GetParam());
    EXPECT_EQ(ring_.header().sq_head, GetParam());
    EXPECT_EQ(ring_.header().cq_tail, GetParam());
    EXPECT_EQ(ring_.header().cq_head, GetParam());
    EXPECT_EQ(ring_.kernel_cq_tail(), GetParam());
    EXPECT_EQ(ring_.submit(), 0);
    EXPECT_EQ(ring_.fetched(), 0U);
}

TEST_P(IndexWrap, BatchesOfEveryLengthGoAcross) {
    for (std::uint32_t count = 1; count <= entries; count++) {
        FirstIndex::set(GetParam());
        Ring ring(device_, {entries, 2 * entries, 0});
        for (std::uint32_t index = ring.sq_tail(); index != at(4 * entries * count);
             index += count) {
            const std::vector<drm_zaccel_completion> done =
                ring.run(std::vector(count, nop(index)));
            expect_numbered({done.at(0)}, index, 1);
            ASSERT_EQ(done.size(), count);
            ASSERT_EQ(ring.sq_head(), index + count);
            ASSERT_EQ(ring.cq_tail(), index + count);
        }
    }
}

TEST_P(IndexWrap, TailOutOfRangeIsInvalid) {
    put_nops(entries);
    for (const std::uint32_t tail : {entries + 1, 2 * entries, 1U << 31, ~0U}) {
        ring_.set_sq_tail(at(tail));
        EXPECT_EQ(ring_.submit(), EINVAL) << tail;
        EXPECT_EQ(-kick(fd_), EINVAL) << tail;
    }
    ring_.set_sq_tail(at(entries));
    EXPECT_EQ(ring_.submit(), 0);
    EXPECT_EQ(ring_.fetched(), entries);
    ring_.set_sq_tail(at(entries - 1));
    EXPECT_EQ(ring_.submit(), EINVAL) << "behind what was fetched";
}

TEST_P(IndexWrap, ReapedIndexOutOfRangeIsInvalid) {
    submit(6);
    ring_.wait_for(at(6));
    put_nops(2);
    for (const std::uint32_t head : {7U, 8U, 1U << 31, ~0U - 2, ~0U - 3}) {
        ring_.set_cq_head(at(head));
        EXPECT_EQ(ring_.submit(), EINVAL) << head;
    }
    ring_.set_cq_head(at(5));
    EXPECT_EQ(ring_.submit(), 0);
    EXPECT_EQ(ring_.fetched(), 2U);
}

TEST_P(IndexWrap, FullCompletionQueueReturnsEagain) {
    submit(entries);
    ring_.wait_for(at(entries));
    put_nops(2);
    for (const std::uint32_t reaped : {0U, 1U}) {
        ring_.set_cq_head(at(reaped));
        EXPECT_EQ(ring_.submit(), EAGAIN) << reaped;
    }
    ring_.set_cq_head(at(2));
    EXPECT_EQ(ring_.submit(), 0);
    ring_.wait_for(at(entries + 2));
    expect_numbered(ring_.reap(), at(2), entries);
}

TEST_P(IndexWrap, WaitsAreForWhatComesBehindIt) {
    const HeldEngine engine;
    submit(2);
    submit(4);
    EXPECT_TRUE(ring_.posted(at(0)));
    EXPECT_TRUE(ring_.posted(at(~0U))) << "one before the first";
    EXPECT_FALSE(ring_.posted(at(1)));
    EXPECT_FALSE(ring_.posted(at(6)));
    Sleeper waiter([this] { return ring_.wait(at(6), deadline_in(long_enough)); });
    Sleeper fd_waiter([this] { return fd_wait(fd_, at(6), deadline_in(long_enough)); });
    ASSERT_TRUE(waiter.falls_asleep());
    ASSERT_TRUE(fd_waiter.falls_asleep());
    engine.advance();
    ring_.wait_for(at(2));
    EXPECT_FALSE(ring_.posted(at(3)));
    EXPECT_FALSE(waiter.done() || fd_waiter.done());
    engine.advance();
    EXPECT_EQ(waiter.result(), 0);
    EXPECT_EQ(fd_waiter.result(), 0);
}

TEST_P(IndexWrap, PollSaysPollinWhereTheHeadIsBehind) {
    EXPECT_EQ(poll_events(fd_.get(), POLLIN, 0), 0);
    submit(6);
    ring_.wait_for(at(6));
    for (std::uint32_t reaped = 0; reaped <= 6; reaped++) {
        ring_.set_cq_head(at(reaped));
        EXPECT_EQ(poll_events(fd_.get(), POLLIN, 0), reaped < 6 ? POLLIN : 0) << reaped;
    }
}

TEST_P(IndexWrap, HolderOfTheDescriptorGoesAcross) {
    FdRing ring(open_ring(device_, ring_.id()), ring_.args());
    ring.go_on_from(GetParam());
    for (std::uint32_t index = GetParam(); index != at(4 * entries); index++)
        expect_numbered(ring.run({nop(index)}), index, 1);
}

// The doorbell returns with the poison there, so it knows how far late mode is.
TEST_P(IndexWrap, LateModeGoesAcross) {
    const Buffer buffer(device_, 4096);
    const Mapping memory = buffer.map();
    ASSERT_EQ(ring_.bind_range(0, buffer, 0, 4096), 0);
    const HeldEngine engine;
    for (std::uint32_t i = 1; i <= entries; i++) {
        ring_.put_batch({fill(0, 0, 1, i)});
        ASSERT_EQ(ring_.submit(), 0);
        EXPECT_EQ(memory[0], LateMode::poison) << i;
        engine.advance();
        ring_.wait_for(at(i));
        EXPECT_EQ(memory[0], i);
    }
}

INSTANTIATE_TEST_SUITE_P(Of, IndexWrap, testing::Values(before_the_end, before_the_sign),
                         [](const auto& test) {
                             return test.param == before_the_end ? "AllBits" : "TheSign";
                         });

class FirstIndexFile : public DeviceTest {};

TEST_F(FirstIndexFile, CountsForRingsCreatedFromThenOn) {
    EXPECT_EQ(LateMode::read("first_index"), "0");
    Ring before(device_);
    {
        const FirstIndex first(0xfffffffc);
        EXPECT_EQ(LateMode::read("first_index"), std::to_string(0xfffffffc));
        EXPECT_EQ(before.run_one(nop(1)).user_data, 1U);
        EXPECT_EQ(Ring(device_).sq_tail(), 0xfffffffc);
    }
    EXPECT_EQ(before.sq_head(), 1U);
    EXPECT_EQ(Ring(device_).sq_tail(), 0U);
}

TEST_F(FirstIndexFile, IsForRootAlone) {
    struct stat status{};
    ASSERT_EQ(::fstat(LateMode::open("first_index").get(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
    EXPECT_EQ(status.st_uid, 0U);
}

}  // namespace
}  // namespace uapi_tests
