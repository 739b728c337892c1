// SPDX-License-Identifier: MIT

// Points of timelines in the arrays of a submit: what they wait for, what they are given, and how
// they get along with DRM's own calls.

#include <linux/sync_file.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

using Syncs = std::vector<drm_zaccel_sync>;

/// A batch of one NOP with these arrays.
int submit_nop(Ring& ring, const Syncs& in, const Syncs& out) {
    ring.put_batch({nop()});
    return ring.submit_syncs(in, out);
}

class SubmitPoint : public DeviceTest {
 protected:
    /// The engine is idle: whoever has not run is waiting.
    void expect_held(const Ring& ring, std::uint32_t index = 1) {
        Ring bystander(device_);
        EXPECT_EQ(bystander.run_one(nop()).status, 0);
        EXPECT_FALSE(ring.posted(index));
    }

    /// Nothing is taken, and the ring goes on without these syncobjs.
    void expect_refused(int error, const Syncs& in, const Syncs& out) {
        Ring ring(device_);
        EXPECT_EQ(submit_nop(ring, in, out), error);
        EXPECT_EQ(ring.fetched(), 0U);
        EXPECT_EQ(ring.submit(), 0);
        EXPECT_EQ(ring.fetched(), 1U);
    }

    Syncobj timeline_{device_};
    Ring ring_{device_};
};

TEST_F(SubmitPoint, EveryFlagIsInvalid) {
    timeline_.signal_point(1);
    for (unsigned bit = 0; bit < 32; bit++) {
        drm_zaccel_sync sync = at(timeline_, 1);
        sync.flags = 1U << bit;
        expect_refused(EINVAL, {sync}, {});
        sync.point = 2;
        expect_refused(EINVAL, {}, {sync});
        expect_refused(EINVAL, {}, {at(timeline_, 2), sync});
    }
    EXPECT_EQ(timeline_.last_given(), 1U);
}

TEST_F(SubmitPoint, InWithoutFenceIsInvalid) {
    expect_refused(EINVAL, {at(timeline_, 1)}, {});
    timeline_.signal_point(3);
    expect_refused(EINVAL, {at(timeline_, 4)}, {});
    expect_refused(EINVAL, {at(timeline_, ~0ULL)}, {});
    expect_refused(EINVAL, {at(timeline_, 3), at(timeline_, 4)}, {});
}

TEST_F(SubmitPoint, InOfABinarySyncobjIsInvalid) {
    const Syncobj signaled(device_, Syncobj::State::signaled);
    Syncobj waiting(device_);
    const ManualFence fence;
    waiting.import_sync_file(fence.sync_file());
    for (const Syncobj* binary : {&signaled, static_cast<const Syncobj*>(&waiting)})
        for (std::uint64_t point : {1ULL, 2ULL, ~0ULL})
            expect_refused(EINVAL, {at(*binary, point)}, {});
    EXPECT_EQ(submit_nop(ring_, {at(signaled)}, {}), 0);
}

TEST_F(SubmitPoint, InThatWasPassedHoldsNothing) {
    for (std::uint64_t point = 2; point <= 10; point += 2) timeline_.signal_point(point);
    for (std::uint64_t point = 0; point <= 10; point++) {
        ASSERT_EQ(submit_nop(ring_, {at(timeline_, point)}, {}), 0) << point;
        ring_.wait_for(ring_.sq_tail());
        EXPECT_EQ(ring_.reap().at(0).status, 0);
    }
}

TEST_F(SubmitPoint, InWaitsForAnotherRing) {
    const ManualFence fence;
    Syncobj start(device_);
    start.import_sync_file(fence.sync_file());
    Ring second(device_);
    ASSERT_EQ(submit_nop(ring_, {at(start)}, {at(timeline_, 1)}), 0);
    ASSERT_EQ(submit_nop(second, {at(timeline_, 1)}, {}), 0);
    expect_held(second);
    fence.signal();
    second.wait_for(1);
    EXPECT_EQ(ring_.cq_tail(), 1U) << "it ran before";
}

// Two rings give points 1 and 2; others wait for one each.
class TwoPoints : public SubmitPoint {
 protected:
    TwoPoints() {
        Syncobj start(device_);
        start.import_sync_file(first_.sync_file());
        EXPECT_EQ(submit_nop(ring_, {at(start)}, {at(timeline_, 1)}), 0);
        start.import_sync_file(second_.sync_file());
        EXPECT_EQ(submit_nop(other_, {at(start)}, {at(timeline_, 2)}), 0);
        EXPECT_EQ(submit_nop(waits_for_1_, {at(timeline_, 1)}, {}), 0);
        EXPECT_EQ(submit_nop(waits_for_2_, {at(timeline_, 2)}, {}), 0);
        expect_held(waits_for_1_);
        expect_held(waits_for_2_);
    }

    ManualFence first_, second_;
    Ring other_{device_}, waits_for_1_{device_}, waits_for_2_{device_};
};

TEST_F(TwoPoints, EarlierOneDoesNotWaitForTheLater) {
    first_.signal();
    waits_for_1_.wait_for(1);
    expect_held(waits_for_2_);
    second_.signal();
    waits_for_2_.wait_for(1);
}

TEST_F(TwoPoints, LaterOneWaitsForTheEarlier) {
    second_.signal();
    other_.wait_for(1);
    expect_held(waits_for_2_);
    first_.signal();
    waits_for_2_.wait_for(1);
    waits_for_1_.wait_for(1);
}

TEST_F(TwoPoints, BothAtOnceWaitForTheLater) {
    Ring both(device_);
    ASSERT_EQ(submit_nop(both, {at(timeline_, 2), at(timeline_, 1)}, {}), 0);
    first_.signal();
    waits_for_1_.wait_for(1);
    expect_held(both);
    second_.signal();
    both.wait_for(1);
}

TEST_F(SubmitPoint, InBetweenTwoPointsWaitsForTheNext) {
    const ManualFence fence;
    timeline_.signal_point(2);
    timeline_.import_point(5, fence.sync_file());
    ASSERT_EQ(submit_nop(ring_, {at(timeline_, 3)}, {}), 0);
    expect_held(ring_);
    fence.signal();
    ring_.wait_for(1);
}

TEST_F(SubmitPoint, OutPointsSignalInOrder) {
    const HeldEngine engine;
    for (std::uint64_t point : {10, 20, 30, 40}) {
        EXPECT_EQ(timeline_.wait_point(point, 0), EINVAL) << "no fence yet";
        ASSERT_EQ(submit_nop(ring_, {}, {at(timeline_, point)}), 0);
        EXPECT_EQ(timeline_.wait_point(point, 0), ETIME);
    }
    EXPECT_EQ(timeline_.last_given(), 40U);
    EXPECT_EQ(timeline_.value(), 0U);
    for (std::uint64_t point : {10, 20, 30, 40}) {
        engine.advance();
        EXPECT_EQ(timeline_.wait_point(point - 9, deadline_in(long_enough)), 0) << point;
        EXPECT_EQ(timeline_.value(), point);
        EXPECT_EQ(timeline_.reached(point + 1), false);
        ring_.wait_for(static_cast<std::uint32_t>(point / 10));
    }
}

TEST_F(SubmitPoint, OutEndsAWaitForSubmission) {
    EXPECT_EQ(timeline_.wait_point(7, 0, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE), ETIME);
    const HeldEngine engine;
    ASSERT_EQ(submit_nop(ring_, {}, {at(timeline_, 7)}), 0);
    EXPECT_EQ(timeline_.wait_point(
                  7, deadline_in(long_enough),
                  DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE),
              0);
    EXPECT_FALSE(timeline_.reached(7));
}

TEST_F(SubmitPoint, OutIsTheLastBatchOfItsDoorbell) {
    const HeldEngine engine;
    ring_.put_batch({nop()});
    ring_.put_batch({nop()});
    ring_.put_batch({nop()});
    ASSERT_EQ(ring_.submit_syncs({}, Syncs{at(timeline_, 1)}), 0);
    engine.advance(2);
    ring_.wait_for(2);
    EXPECT_FALSE(timeline_.reached(1));
    engine.advance();
    EXPECT_EQ(timeline_.wait_point(1, deadline_in(long_enough)), 0);
}

TEST_F(SubmitPoint, OutMayNameOneTimelineOften) {
    ASSERT_EQ(submit_nop(ring_, {}, {at(timeline_, 1), at(timeline_, 2), at(timeline_, 9)}), 0);
    EXPECT_EQ(timeline_.wait_point(9, deadline_in(long_enough)), 0);
    EXPECT_EQ(timeline_.value(), 9U);
}

TEST_F(SubmitPoint, OutBehindTheLastPointBreaksNothing) {
    ASSERT_EQ(submit_nop(ring_, {}, {at(timeline_, 5)}), 0);
    ASSERT_EQ(submit_nop(ring_, {}, {at(timeline_, 3)}), 0);
    ASSERT_EQ(submit_nop(ring_, {}, {at(timeline_, 5)}), 0);
    for (std::uint64_t point : {3, 5})
        EXPECT_EQ(timeline_.wait_point(point, deadline_in(long_enough)), 0);
    ASSERT_EQ(submit_nop(ring_, {at(timeline_, 5)}, {at(timeline_, 6)}), 0);
    EXPECT_EQ(timeline_.wait_point(6, deadline_in(long_enough)), 0);
}

TEST_F(SubmitPoint, OutWithoutPointReplacesTheTimeline) {
    timeline_.signal_point(8);
    const HeldEngine engine;
    ASSERT_EQ(submit_nop(ring_, {}, {at(timeline_)}), 0);
    EXPECT_EQ(timeline_.value(), 0U);
    EXPECT_FALSE(timeline_.signaled());
    engine.advance();
    EXPECT_EQ(timeline_.wait(deadline_in(long_enough)), 0);
}

TEST_F(SubmitPoint, NothingFetchedGivesNoPoint) {
    EXPECT_EQ(ring_.submit_syncs({}, Syncs{at(timeline_, 1)}), 0);
    EXPECT_EQ(ring_.fetched(), 0U);
    EXPECT_EQ(timeline_.last_given(), 0U);
    Ring full(device_, {8, 8, 0});
    for (int i = 0; i < 8; i++) full.put_batch({nop()});
    ASSERT_EQ(full.submit(), 0);
    EXPECT_EQ(submit_nop(full, {}, {at(timeline_, 1)}), EAGAIN);
    EXPECT_EQ(timeline_.last_given(), 0U);
}

TEST_F(SubmitPoint, RefusedCallGivesNoPoint) {
    expect_refused(ENOENT, {}, {at(timeline_, 1), {9999, 0, 2}});
    EXPECT_EQ(timeline_.last_given(), 0U);
}

TEST_F(SubmitPoint, SyncFilesComeInAndGoOut) {
    const ManualFence fence;
    timeline_.import_point(7, fence.sync_file());
    ASSERT_EQ(submit_nop(ring_, {at(timeline_, 7)}, {at(timeline_, 8)}), 0);
    const Fd out = timeline_.export_point(8);
    expect_held(ring_);
    EXPECT_EQ(sync_file_status(out), 0);
    fence.signal();
    EXPECT_EQ(final_status(out), 1);
    ring_.wait_for(1);
}

TEST_F(SubmitPoint, MergedSyncFilesMustAllSignal) {
    const ManualFence first, second;
    timeline_.import_point(3, merge(first.sync_file(), second.sync_file()));
    ASSERT_EQ(submit_nop(ring_, {at(timeline_, 3)}, {}), 0);
    first.signal();
    expect_held(ring_);
    second.signal();
    ring_.wait_for(1);
}

TEST_F(SubmitPoint, SixteenOfEachWork) {
    std::vector<std::unique_ptr<Syncobj>> in, out;
    Syncs ins, outs;
    for (std::uint64_t i = 0; i < ZACCEL_MAX_SYNCOBJS; i++) {
        ins.push_back(at(*in.emplace_back(std::make_unique<Syncobj>(device_)), i + 1));
        outs.push_back(at(*out.emplace_back(std::make_unique<Syncobj>(device_)), 100 + i));
        in[i]->signal_point(i + 1);
    }
    const ManualFence fence;
    for (std::uint64_t i : {0, 7, 15}) {
        Ring ring(device_);
        in[i]->reset();
        in[i]->import_point(i + 1, fence.sync_file());
        ASSERT_EQ(submit_nop(ring, ins, outs), 0);
        expect_held(ring);
        ASSERT_EQ(ring.destroy(), 0);
        in[i]->reset();
        in[i]->signal_point(i + 1);
        for (std::uint64_t o = 0; o < 16; o++)
            EXPECT_EQ(out[o]->wait_point(100 + o, deadline_in(long_enough)), 0);
        for (const auto& timeline : out) timeline->reset();
    }
    ASSERT_EQ(submit_nop(ring_, ins, outs), 0);
    for (std::uint64_t o = 0; o < 16; o++)
        EXPECT_EQ(out[o]->wait_point(100 + o, deadline_in(long_enough)), 0);
    ins.push_back(ins[0]);
    expect_refused(EINVAL, ins, {});
    fence.signal();
}

// Each link of the chain takes what the one before made: one that ran too early would show.
TEST_F(SubmitPoint, TwoRingsTakeTurns) {
    constexpr std::uint64_t links = 40;
    const Buffer buffer(device_, page);
    const Mapping memory = buffer.map();
    Ring other(device_);
    const ManualFence fence;
    timeline_.import_point(1, fence.sync_file());
    for (Ring* ring : {&ring_, &other}) ASSERT_EQ(ring->bind_range(0, buffer, 0, page), 0);
    for (std::uint64_t i = 0; i < links; i++) {
        Ring& ring = i % 2 ? other : ring_;
        ring.put_batch({copy(0, 0, 8 * (i + 1), 8 * i, 8)});
        ASSERT_EQ(ring.submit_syncs(Syncs{at(timeline_, i + 1)}, Syncs{at(timeline_, i + 2)}), 0);
    }
    std::memcpy(memory.data(), "the word", 8);
    expect_held(ring_);
    fence.signal();
    EXPECT_EQ(timeline_.wait_point(links + 1, deadline_in(long_enough)), 0);
    EXPECT_EQ(std::memcmp(memory.data() + 8 * links, "the word", 8), 0);
    ring_.wait_for(links / 2);
    other.wait_for(links / 2);
}

class SubmitPointError : public SubmitPoint {
 protected:
    /// The sync_file of @p point, whose batch is @p command alone.
    Fd submit(const drm_zaccel_command& command, std::uint64_t point) {
        ring_.put_batch({command});
        check(ring_.submit_syncs({}, Syncs{at(timeline_, point)}), "ring submit");
        return timeline_.export_point(point);
    }

    HeldEngine engine_;
};

TEST_F(SubmitPointError, StaysWithItsPoint) {
    const Fd good = submit(nop(), 1);
    const Fd bad = submit(fill(0, 0, 1, 1), 2);
    const Fd after = submit(nop(), 3);
    EXPECT_EQ(sync_file_status(good), 0);
    engine_.advance(2);
    EXPECT_EQ(final_point_status(good), 1);
    EXPECT_EQ(final_point_status(bad), -EBADSLT);
    EXPECT_EQ(sync_file_status(after), 0);
    engine_.advance();
    EXPECT_EQ(final_point_status(after), 1);
}

TEST_F(SubmitPointError, OfADestroyedRingIsCanceled) {
    const Fd first = submit(nop(), 1);
    const Fd second = submit(nop(), 2);
    Ring other(device_);
    ASSERT_EQ(submit_nop(other, {at(timeline_, 2)}, {at(timeline_, 3)}), 0);
    const Fd third = timeline_.export_point(3);
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_EQ(final_point_status(first), -ECANCELED);
    EXPECT_EQ(final_point_status(second), -ECANCELED);
    engine_.advance();
    EXPECT_EQ(final_point_status(third), 1) << "a batch that waits is not the one that failed";
    other.wait_for(1);
    EXPECT_EQ(other.reap().at(0).status, 0);
}

TEST_F(SubmitPointError, IsTheSameForEveryOut) {
    const Syncobj binary(device_), other(device_);
    ring_.put_batch({fill(0, 0, 1, 1)});
    ASSERT_EQ(ring_.submit_syncs({}, Syncs{at(timeline_, 4), at(binary), at(other, 1)}), 0);
    const Fd fences[] = {timeline_.export_point(4), binary.export_sync_file(),
                         other.export_point(1)};
    engine_.advance();
    for (const Fd& fence : fences) EXPECT_EQ(final_point_status(fence), -EBADSLT);
}

}  // namespace
}  // namespace uapi_tests
