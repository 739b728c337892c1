// SPDX-License-Identifier: MIT

// Flags of entries: what they change for their command, and for its batch.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

class FlagTest : public DeviceTest {
 protected:
    FlagTest() { EXPECT_EQ(ring_.bind_range(0, buffer_, 0, page), 0); }

    /// Completions of a batch, with its fence in fence_.
    std::vector<drm_zaccel_completion> run(std::initializer_list<drm_zaccel_command> commands) {
        const Syncobj out(device_);
        ring_.put_batch(commands);
        check(ring_.submit_syncs({}, std::vector{at(out)}), "ring submit");
        fence_ = out.export_sync_file();
        ring_.wait_for(ring_.sq_tail());
        return ring_.reap();
    }

    Buffer buffer_{device_, page};
    Mapping memory_ = buffer_.map();
    Ring ring_{device_};
    Fd fence_;
};

class Continue : public FlagTest {
 protected:
    static constexpr unsigned flag = ZACCEL_CMD_CONTINUE;

    /// Malformed in three ways.
    static drm_zaccel_command out_of_range() { return fill(0, page, 1, 1); }
    static drm_zaccel_command empty_slot() { return fill(1, 0, 1, 1); }
    static drm_zaccel_command unknown() {
        drm_zaccel_command command = nop();
        command.opcode = 99;
        return command;
    }

    static drm_zaccel_command mark(std::uint64_t place) { return fill(0, place, 1, 0x11); }
    bool marked(std::uint64_t place) const { return memory_[place] == 0x11; }
};

TEST_F(Continue, RunsTheRest) {
    EXPECT_EQ(statuses(run({with(out_of_range(), flag), mark(0), with(unknown(), flag), mark(1),
                            with(empty_slot(), flag)})),
              (std::vector<int>{-ERANGE, 0, -EOPNOTSUPP, 0, -EBADSLT}));
    EXPECT_TRUE(marked(0) && marked(1));
    EXPECT_EQ(final_status(fence_), -ERANGE) << "the first of them";
}

TEST_F(Continue, IsForItsOwnCommandOnly) {
    EXPECT_EQ(statuses(run({with(mark(0), flag), out_of_range(), mark(1)})),
              (std::vector<int>{0, -ERANGE, -ECANCELED}));
    EXPECT_TRUE(marked(0) && !marked(1));
    EXPECT_EQ(final_status(fence_), -ERANGE);
}

TEST_F(Continue, EndsAtAFailureWithoutIt) {
    EXPECT_EQ(statuses(run({with(empty_slot(), flag), mark(0), out_of_range(),
                            with(unknown(), flag), with(mark(1), flag)})),
              (std::vector<int>{-EBADSLT, 0, -ERANGE, -ECANCELED, -ECANCELED}));
    EXPECT_TRUE(marked(0) && !marked(1));
    EXPECT_EQ(final_status(fence_), -EBADSLT) << "the first of them";
}

TEST_F(Continue, ChangesNothingWhereNothingFails) {
    EXPECT_EQ(statuses(run({with(mark(0), flag), with(mark(1), flag)})), (std::vector<int>{0, 0}));
    EXPECT_EQ(final_status(fence_), 1);
}

TEST_F(Continue, DoesNotSaveADestroyedRing) {
    const HeldEngine engine;
    ring_.put_batch({with(mark(0), flag), with(mark(1), flag), mark(2)});
    ASSERT_EQ(ring_.submit(), 0);
    ASSERT_EQ(ring_.destroy(), 0);
    ASSERT_TRUE(eventually([&] { return ring_.cq_tail() == 3; }));
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(3, -ECANCELED));
    EXPECT_FALSE(marked(0) || marked(1) || marked(2));
}

class Timestamp : public FlagTest {
 protected:
    static constexpr unsigned flag = ZACCEL_CMD_TIMESTAMP;

    static std::uint64_t now() { return static_cast<std::uint64_t>(deadline_in({})); }
    static drm_zaccel_command work() { return crc32c(0, 0, page); }
};

TEST_F(Timestamp, IsThatOfItsCommand) {
    const std::uint64_t before = now();
    const std::vector<drm_zaccel_completion> completions =
        run({with(work(), flag), with(work(), flag), with(work(), flag), with(work(), flag)});
    const std::uint64_t after = now();
    EXPECT_LE(before, completions.front().time_ns);
    for (std::size_t i = 1; i < completions.size(); i++)
        EXPECT_LT(completions[i - 1].time_ns, completions[i].time_ns) << "work takes time";
    EXPECT_LE(completions.back().time_ns, after);
}

TEST_F(Timestamp, NeverGoesBack) {
    Ring ring(device_, {1024, 1024, 0});
    std::uint64_t last = now();
    for (int i = 0; i < 256; i++)
        ring.put_batch({with(nop(), flag), nop(), with(nop(), flag), with(nop(), flag)});
    ASSERT_EQ(ring.submit(), 0);
    ring.wait_for(1024);
    const std::vector<drm_zaccel_completion> completions = ring.reap();
    for (std::size_t i = 0; i < completions.size(); i++) {
        if (i % 4 == 1) continue;
        ASSERT_LE(last, completions[i].time_ns) << i;
        last = completions[i].time_ns;
    }
    EXPECT_LE(last, now());
}

TEST_F(Timestamp, WithoutItAllHaveThatOfTheBatch) {
    const std::vector<drm_zaccel_completion> completions =
        run({work(), with(work(), flag), nop(), work(), with(nop(), flag), nop()});
    const std::uint64_t batch = completions[0].time_ns;
    for (std::size_t i : {2U, 3U, 5U}) EXPECT_EQ(completions[i].time_ns, batch);
    EXPECT_LT(completions[1].time_ns, completions[4].time_ns);
    EXPECT_LE(completions[4].time_ns, batch);
}

TEST_F(Timestamp, IsWhenItRan) {
    const HeldEngine engine;
    ring_.put_batch({with(nop(), flag), nop()});
    ASSERT_EQ(ring_.submit(), 0);
    const std::uint64_t before = now();
    engine.advance();
    ring_.wait_for(2);
    for (const drm_zaccel_completion& completion : ring_.reap())
        EXPECT_LE(before, completion.time_ns);
}

TEST_F(Timestamp, FailureAndCanceledHaveATimeToo) {
    const std::uint64_t before = now();
    const std::vector<drm_zaccel_completion> completions =
        run({with(work(), flag), with(fill(0, page, 1, 1), flag), with(nop(), flag), nop()});
    EXPECT_EQ(statuses(completions), (std::vector<int>{0, -ERANGE, -ECANCELED, -ECANCELED}));
    EXPECT_LE(before, completions[0].time_ns);
    EXPECT_LE(completions[0].time_ns, completions[1].time_ns);
    EXPECT_LE(completions[1].time_ns, completions[2].time_ns);
    EXPECT_EQ(completions[2].time_ns, completions[3].time_ns) << "it did not run";
}

// The kernel's copies of entries are used again, one lap later.
TEST_F(Timestamp, IsNotThatOfTheLastLap) {
    Ring ring(device_, {8, 8, 0});
    const std::uint64_t before = now();
    std::vector<drm_zaccel_command> batch(8, with(nop(), flag));
    const std::uint64_t first = ring.run(batch).at(0).time_ns;
    EXPECT_LE(before, first);
    std::fill(batch.begin(), batch.end(), nop());
    const std::vector<drm_zaccel_completion> completions = ring.run(batch);
    for (const drm_zaccel_completion& completion : completions) {
        EXPECT_LT(first, completion.time_ns);
        EXPECT_EQ(completion.time_ns, completions[0].time_ns);
    }
}

class ExplicitSyncFlag : public FlagTest {
 protected:
    static constexpr unsigned flag = ZACCEL_CMD_EXPLICIT_SYNC;

    Fd dmabuf_ = buffer_.export_dmabuf();
};

TEST_F(ExplicitSyncFlag, OnlyEndsABatch) {
    EXPECT_EQ(statuses(run({with(nop(), flag), nop()})), (std::vector<int>{-EINVAL, -ECANCELED}));
    EXPECT_EQ(statuses(run({with(fill(0, 0, 1, 1), flag | ZACCEL_CMD_CONTINUE), nop()})),
              (std::vector<int>{-EINVAL, 0}));
    EXPECT_EQ(memory_[0], 0);
    EXPECT_EQ(statuses(run({nop(), with(nop(), flag)})), (std::vector<int>{0, 0}));
    EXPECT_EQ(statuses(run({with(fill(0, 0, 1, 1), flag)})), std::vector<int>{0});
    EXPECT_EQ(memory_[0], 1);
}

TEST_F(ExplicitSyncFlag, HeedsNoFenceOfABuffer) {
    const ManualFence fence;
    import_fence(dmabuf_, VgemBuffer::Use::write, fence.sync_file());
    EXPECT_EQ(statuses(run({fill(0, 0, 1, 1), with(fill(0, 1, 1, 1), flag)})),
              (std::vector<int>{0, 0}));
    ring_.put_batch({fill(0, 0, 1, 2)});
    ASSERT_EQ(ring_.submit(), 0);
    Ring bystander(device_);
    EXPECT_EQ(bystander.run_one(nop()).status, 0);
    EXPECT_FALSE(ring_.posted(3)) << "without the flag it does";
    fence.signal();
    ring_.wait_for(3);
}

TEST_F(ExplicitSyncFlag, LeavesNoFenceToWaitFor) {
    const HeldEngine engine;
    ring_.put_batch({fill(0, 0, 1, 1), with(nop(), flag)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_TRUE(readable(dmabuf_));
    EXPECT_TRUE(writable(dmabuf_));
    ring_.put_batch({fill(0, 0, 1, 2), nop()});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_FALSE(readable(dmabuf_)) << "without the flag it does";
    engine.release();
    ring_.wait_for(4);
}

TEST_F(ExplicitSyncFlag, HeedsFencesThatAreNamed) {
    const ManualFence fence;
    Syncobj in(device_);
    in.import_sync_file(fence.sync_file());
    ring_.put_batch({with(nop(), flag)});
    ASSERT_EQ(ring_.submit_syncs(std::vector{at(in)}, {}), 0);
    Ring bystander(device_);
    EXPECT_EQ(bystander.run_one(nop()).status, 0);
    EXPECT_FALSE(ring_.posted(1));
    fence.signal();
    ring_.wait_for(1);
}

}  // namespace
}  // namespace uapi_tests
