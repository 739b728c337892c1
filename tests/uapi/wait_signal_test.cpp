// SPDX-License-Identifier: MIT

// The commands that wait for syncobjs and give them fences.

#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "foreign.hpp"
#include "late.hpp"
#include "syncobj_fixture.hpp"

namespace uapi_tests {
namespace {

class WaitCommand : public SyncobjTest {
 protected:
    ManualFence fence_;
};

TEST_F(WaitCommand, WithoutFenceFailsItsBatch) {
    for (std::uint64_t point : {0, 1, 7}) {
        EXPECT_EQ(run({wait_point(in, point), fill(data, 0, 1, 1), nop()}),
                  (std::vector<int>{-EINVAL, -ECANCELED, -ECANCELED}));
        EXPECT_EQ(memory_[0], 0);
    }
    in_.signal_point(7);
    EXPECT_EQ(run({wait_point(in, 8), nop()}), (std::vector<int>{-EINVAL, -ECANCELED}));
    EXPECT_EQ(run({wait_point(in, 7), fill(data, 0, 1, 1)}), (std::vector<int>{0, 0}));
    EXPECT_EQ(memory_[0], 1);
}

TEST_F(WaitCommand, WithoutFenceMayBeContinued) {
    EXPECT_EQ(run({with(wait_point(in), ZACCEL_CMD_CONTINUE), nop()}),
              (std::vector<int>{-EINVAL, 0}));
}

TEST_F(WaitCommand, HoldsItsRingOnly) {
    in_.import_sync_file(fence_.sync_file());
    submit({fill(data, 0, 1, 0x11)});
    submit({wait_point(in), fill(data, 1, 1, 0x22)});
    submit({fill(data, 2, 1, 0x33)});
    ring_.wait_for(1);
    expect_held(ring_, 2);
    EXPECT_EQ(memory_[0], 0x11);
    EXPECT_EQ(memory_[1], 0);
    EXPECT_EQ(memory_[2], 0) << "behind it in the ring";
    fence_.signal();
    ring_.wait_for(4);
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(4, 0));
    EXPECT_EQ(memory_[1], 0x22);
    EXPECT_EQ(memory_[2], 0x33);
}

TEST_F(WaitCommand, TakesTheFenceThatIsThereAtTheDoorbell) {
    in_.import_point(4, fence_.sync_file());
    submit({wait_point(in, 4)});
    in_.reset();
    expect_held(ring_, 1);
    in_.signal_point(4);
    expect_held(ring_, 1);
    fence_.signal();
    ring_.wait_for(1);
}

TEST_F(WaitCommand, SeveralMustAllSignal) {
    const ManualFence second;
    Syncobj other(device_);
    other.import_point(2, second.sync_file());
    in_.import_sync_file(fence_.sync_file());
    ASSERT_EQ(ring_.bind_syncobj(more, other.handle()), 0);
    submit({wait_point(in), wait_point(more, 1), wait_point(in), wait_point(more, 2), nop()});
    fence_.signal();
    expect_held(ring_, 1);
    second.signal();
    ring_.wait_for(5);
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(5, 0));
}

TEST_F(WaitCommand, AsManyAsAllowedWork) {
    constexpr std::uint32_t last = ZACCEL_MAX_SYNCOBJS - 1;
    std::vector<std::unique_ptr<Syncobj>> syncobjs;
    for (std::uint32_t i = 0; i <= last; i++) {
        const auto& next = syncobjs.emplace_back(std::make_unique<Syncobj>(device_));
        ASSERT_EQ(ring_.bind_syncobj(more + i, next->handle()), 0);
        if (i < last) {
            next->signal_point(i + 1);
            ring_.put(wait_point(more + i, i + 1));
        }
    }
    syncobjs[last]->import_point(64, fence_.sync_file());
    ring_.put(with_end(wait_point(more + last, 64)));
    ASSERT_EQ(ring_.submit(), 0);
    expect_held(ring_, 1);
    fence_.signal();
    ring_.wait_for(last + 1);
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(last + 1, 0));
}

TEST_F(WaitCommand, MoreAreTooMany) {
    in_.signal_point(1);
    const drm_zaccel_command wait = wait_point(in);
    std::vector<drm_zaccel_command> waits(ZACCEL_MAX_SYNCOBJS + 3, wait);
    std::vector<int> expected(ZACCEL_MAX_SYNCOBJS, 0);
    expected.insert(expected.end(), {-E2BIG, -ECANCELED, -ECANCELED});
    EXPECT_EQ(statuses(ring_.run(waits)), expected);
    for (std::uint32_t i : {0U, 1U}) {
        waits[ZACCEL_MAX_SYNCOBJS + i] = with(wait, ZACCEL_CMD_CONTINUE);
        expected[ZACCEL_MAX_SYNCOBJS + i + 1] = -E2BIG;
        EXPECT_EQ(statuses(ring_.run(waits)), expected) << i;
    }
}

TEST_F(WaitCommand, BehindAnotherIsInvalid) {
    in_.signal_point(1);
    const drm_zaccel_command wait = wait_point(in);
    EXPECT_EQ(run({nop(), wait}), (std::vector<int>{0, -EINVAL}));
    EXPECT_EQ(run({wait, nop(), wait, nop()}), (std::vector<int>{0, 0, -EINVAL, -ECANCELED}));
    EXPECT_EQ(run({nop(), with(wait, ZACCEL_CMD_CONTINUE), nop()}),
              (std::vector<int>{0, -EINVAL, 0}));
    EXPECT_EQ(run({signal_point(out), wait}), (std::vector<int>{0, -EINVAL}));
    drm_zaccel_command bad = with(nop(), ZACCEL_CMD_CONTINUE);
    bad.opcode = 99;
    EXPECT_EQ(run({bad, wait}), (std::vector<int>{-EOPNOTSUPP, -EINVAL}));
    EXPECT_EQ(run({with(wait_point(in, 9), ZACCEL_CMD_CONTINUE), wait}),
              (std::vector<int>{-EINVAL, 0}))
        << "a WAIT that fails is one";
}

TEST_F(WaitCommand, BehindAnotherDoesNotDelay) {
    in_.import_sync_file(fence_.sync_file());
    EXPECT_EQ(run({nop(), wait_point(in)}), (std::vector<int>{0, -EINVAL}));
}

TEST_F(WaitCommand, ChecksEveryField) {
    in_.signal_point(1);
    const drm_zaccel_command good = wait_point(in, 1);
    EXPECT_EQ(run({good}), std::vector<int>{0});
    const auto expect = [&](int error, auto change) {
        drm_zaccel_command command = good;
        change(command);
        EXPECT_EQ(run({command, nop()}), (std::vector<int>{-error, -ECANCELED}));
    };
    for (std::size_t i = 1; i < 5; i++) expect(EINVAL, [i](auto& command) { command.args[i] = 1; });
    expect(EINVAL, [](auto& command) { command.dst = out; });
    expect(EINVAL, [](auto& command) { command.pad = 1; });
    for (std::uint32_t slot :
         {std::uint32_t(data), std::uint32_t(picture), std::uint32_t(empty), 80U, ~0U})
        expect(EBADSLT, [slot](auto& command) { command.src = slot; });
}

TEST_F(WaitCommand, TakesParams) {
    in_.signal_point(0x1234);
    const std::uint64_t points[] = {0x1234, 0x1235};
    std::memcpy(memory_.data(), points, sizeof(points));
    EXPECT_EQ(run({with_params(wait_point(in), data, 8)}), std::vector<int>{0});
    EXPECT_EQ(run({with_params(wait_point(in), data, 8, 8)}), std::vector<int>{-EINVAL});
    EXPECT_EQ(run({with_params(signal_point(out), data, 8)}), std::vector<int>{0});
    EXPECT_EQ(out_.last_given(), 0x1234U);
}

class SignalCommand : public SyncobjTest {
 protected:
    HeldEngine engine_;
};

TEST_F(SignalCommand, GivesItsFenceAtTheDoorbell) {
    EXPECT_EQ(out_.wait(0), EINVAL) << "no fence yet";
    submit({nop(), signal_point(out)});
    EXPECT_EQ(out_.wait(0), ETIME);
    engine_.advance();
    EXPECT_EQ(out_.wait(deadline_in(long_enough)), 0);
    ring_.wait_for(2);
    EXPECT_EQ(statuses(ring_.reap()), (std::vector<int>{0, 0}));
}

TEST_F(SignalCommand, ReplacesABinaryFence) {
    submit({signal_point(out)});
    const Fd first = out_.export_sync_file();
    submit({signal_point(out)});
    const Fd second = out_.export_sync_file();
    engine_.advance();
    EXPECT_EQ(final_status(first), 1);
    EXPECT_EQ(sync_file_status(second), 0);
    engine_.advance();
    EXPECT_EQ(final_status(second), 1);
}

TEST_F(SignalCommand, AddsPointsInOrder) {
    for (std::uint64_t point : {5, 6, 9}) submit({signal_point(out, point)});
    EXPECT_EQ(out_.last_given(), 9U);
    for (std::uint64_t point : {5, 6, 9}) {
        EXPECT_FALSE(out_.reached(point));
        engine_.advance();
        EXPECT_EQ(out_.wait_point(point, deadline_in(long_enough)), 0);
        EXPECT_EQ(out_.value(), point);
    }
}

TEST_F(SignalCommand, SeveralGetOneFence) {
    const Syncobj timeline(device_), submitted(device_);
    const Syncobj* const all[] = {&out_, &in_, &timeline, &submitted};
    ASSERT_EQ(ring_.bind_syncobj(more, timeline.handle()), 0);
    ring_.put_batch(
        {nop(), signal_point(out), signal_point(more, 3), signal_point(in), signal_point(more, 4)});
    ASSERT_EQ(ring_.submit_syncs({}, std::vector{at(submitted)}), 0);
    for (const Syncobj* syncobj : all) EXPECT_EQ(syncobj->wait(0), ETIME);
    EXPECT_EQ(timeline.last_given(), 4U);
    engine_.advance();
    for (const Syncobj* syncobj : all) EXPECT_EQ(syncobj->wait(deadline_in(long_enough)), 0);
    ring_.wait_for(5);
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(5, 0));
}

TEST_F(SignalCommand, BeforeAnotherFailsThatOne) {
    submit({signal_point(out), nop(), signal_point(in)});
    const Fd fence = out_.export_sync_file();
    EXPECT_EQ(in_.wait(0), ETIME) << "behind the failure, but told of it";
    engine_.release();
    EXPECT_EQ(final_status(fence), -EINVAL);
    ring_.wait_for(3);
    EXPECT_EQ(statuses(ring_.reap()), (std::vector<int>{0, -EINVAL, -ECANCELED}));
    EXPECT_EQ(run({signal_point(out), with(fill(data, 0, 1, 1), ZACCEL_CMD_CONTINUE), nop()}),
              (std::vector<int>{0, -EINVAL, -EINVAL}));
    EXPECT_EQ(memory_[0], 0);
}

TEST_F(SignalCommand, OfAFailedBatchCarriesTheError) {
    submit({fill(data, 0, buffer_size + 1, 1), nop(), signal_point(out), signal_point(in, 2)});
    const Fd binary = out_.export_sync_file(), point = in_.export_point(2);
    EXPECT_EQ(sync_file_status(binary), 0);
    engine_.advance();
    EXPECT_EQ(final_status(binary), -ERANGE);
    EXPECT_EQ(final_point_status(point), -ERANGE);
    ring_.wait_for(4);
    EXPECT_EQ(statuses(ring_.reap()),
              (std::vector<int>{-ERANGE, -ECANCELED, -ECANCELED, -ECANCELED}));
}

TEST_F(SignalCommand, MoreAreTooMany) {
    for (std::uint64_t point = 1; point <= ZACCEL_MAX_SYNCOBJS + 3; point++)
        ring_.put(signal_point(out, point));
    ring_.entry(ring_.sq_tail() - 1).flags = ZACCEL_CMD_END;
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_EQ(out_.last_given(), std::uint64_t{ZACCEL_MAX_SYNCOBJS});
    engine_.advance();
    ring_.wait_for(ring_.sq_tail());
    std::vector<int> expected(ZACCEL_MAX_SYNCOBJS, 0);
    expected.insert(expected.end(), {-E2BIG, -ECANCELED, -ECANCELED});
    EXPECT_EQ(statuses(ring_.reap()), expected);
}

TEST_F(SignalCommand, OfABatchThatCannotWaitCarriesTheError) {
    submit({wait_point(in, 1), nop(), signal_point(out)});
    const Fd fence = out_.export_sync_file();
    engine_.advance();
    EXPECT_EQ(final_status(fence), -EINVAL);
    ring_.wait_for(3);
    EXPECT_EQ(statuses(ring_.reap()), (std::vector<int>{-EINVAL, -ECANCELED, -ECANCELED}));
}

TEST_F(SignalCommand, OfAContinuedBatchRunsAndCarriesTheError) {
    submit({with(fill(data, 0, buffer_size + 1, 1), ZACCEL_CMD_CONTINUE), signal_point(out)});
    const Fd fence = out_.export_sync_file();
    engine_.advance();
    EXPECT_EQ(final_status(fence), -ERANGE);
    ring_.wait_for(2);
    EXPECT_EQ(statuses(ring_.reap()), (std::vector<int>{-ERANGE, 0}));
}

TEST_F(SignalCommand, OfADestroyedRingIsCanceled) {
    submit({nop(), signal_point(out)});
    submit({nop(), signal_point(in, 1)});
    const Fd first = out_.export_sync_file(), second = in_.export_point(1);
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_EQ(final_status(first), -ECANCELED);
    EXPECT_EQ(final_point_status(second), -ECANCELED);
    ASSERT_TRUE(eventually([&] { return ring_.cq_tail() == 4; }));
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(4, -ECANCELED));
}

TEST_F(SignalCommand, ThatIsMalformedGivesNothing) {
    engine_.release();
    out_.signal_point(1);
    const auto expect = [&](int error, auto change) {
        drm_zaccel_command command = signal_point(out, 2);
        change(command);
        EXPECT_EQ(run({nop(), command}), (std::vector<int>{0, -error}));
        // Behind a failure, too.
        EXPECT_EQ(run({with_params(nop(), data, 41), command}),
                  (std::vector<int>{-EINVAL, -ECANCELED}));
        EXPECT_EQ(out_.last_given(), 1U);
    };
    for (std::size_t i = 1; i < 5; i++) expect(EINVAL, [i](auto& command) { command.args[i] = 1; });
    expect(EINVAL, [](auto& command) { command.src = data; });
    expect(EINVAL, [](auto& command) { command.pad = 1; });
    expect(EINVAL, [](auto& command) { command.flags = 0x20; });
    for (std::uint32_t slot :
         {std::uint32_t(data), std::uint32_t(picture), std::uint32_t(empty), 80U, ~0U})
        expect(EBADSLT, [slot](auto& command) { command.dst = slot; });
    EXPECT_EQ(run({signal_point(out, 2)}), std::vector<int>{0});
    EXPECT_EQ(out_.last_given(), 2U);
}

// What one batch gives the next can wait for: both come with one doorbell.
TEST_F(SignalCommand, IsThereForTheNextBatch) {
    ring_.put_batch({signal_point(out, 1)});
    ring_.put_batch({wait_point(out, 1), signal_point(out, 2)});
    ring_.put_batch({wait_point(out, 3)});
    ASSERT_EQ(ring_.submit(), 0);
    engine_.release();
    ring_.wait_for(4);
    EXPECT_EQ(statuses(ring_.reap()), (std::vector<int>{0, 0, 0, -EINVAL}));
}

// Its own batch's fence is not there yet when a WAIT is looked at.
TEST_F(SignalCommand, IsNotThereForItsOwnBatch) {
    engine_.release();
    EXPECT_EQ(run({wait_point(out, 1), signal_point(out, 1)}),
              (std::vector<int>{-EINVAL, -ECANCELED}));
    EXPECT_EQ(out_.last_given(), 1U);
}

TEST_F(SignalCommand, EndsAWaitForSubmission) {
    std::future<int> wait = std::async(std::launch::async, [&] {
        return out_.wait_point(3, deadline_in(long_enough), DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT);
    });
    submit({signal_point(out, 3)});
    engine_.advance();
    EXPECT_EQ(wait.get(), 0);
}

// As many points of one timeline as a ring has batches, and one who waits for the last.
TEST_F(SignalCommand, MayMakeALongTimeline) {
    constexpr std::uint32_t length = 4096;
    Ring ring(device_, {length, length, 1});
    ASSERT_EQ(ring.bind_syncobj(0, out_.handle()), 0);
    for (std::uint64_t point = 1; point <= length; point++)
        ring.put_batch({signal_point(0, point)});
    ASSERT_EQ(ring.submit(), 0);
    submit({wait_point(out, length), signal_point(in)});
    engine_.advance(length - 1);
    ring.wait_for(length - 1);
    EXPECT_FALSE(ring_.posted(1));
    engine_.release();
    EXPECT_EQ(in_.wait(deadline_in(long_enough)), 0);
    EXPECT_EQ(out_.value(), length);
}

// Who holds a ring's own descriptor needs nothing else for fences.
TEST_F(SignalCommand, WorksByTheRingsDescriptor) {
    drm_zaccel_ring_fd args{};
    args.id = ring_.id();
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_FD, args), 0);
    const Fd fd(args.fd);
    in_.signal_point(1);
    ring_.put_batch({wait_point(in, 1), signal_point(out, 7)});
    ring_.publish();
    EXPECT_EQ(::ioctl(fd.get(), DRM_IOCTL_ZACCEL_FD_KICK, 0), 2);
    EXPECT_EQ(out_.wait_point(7, 0), ETIME);
    engine_.advance();
    EXPECT_EQ(out_.wait_point(7, deadline_in(long_enough)), 0);
    ring_.wait_for(2);
    EXPECT_EQ(statuses(ring_.reap()), (std::vector<int>{0, 0}));
}

// One timeline, known to two open files by its descriptor.
class AcrossFiles : public SyncobjTest {
 protected:
    AcrossFiles() { EXPECT_EQ(other_ring_->bind_syncobj(in, other_timeline_.handle()), 0); }

    void submit_other(std::initializer_list<drm_zaccel_command> commands) {
        other_ring_->put_batch(commands);
        ASSERT_EQ(other_ring_->submit(), 0);
    }

    ManualFence fence_;
    Fd other_ = open_device();
    Syncobj other_timeline_{other_, in_.export_fd()};
    std::optional<Ring> other_ring_{std::in_place, other_};
};

TEST_F(AcrossFiles, TheyTakeTurns) {
    out_.import_sync_file(fence_.sync_file());
    submit({wait_point(out), nop(), signal_point(in, 1)});
    submit_other({wait_point(in, 1), nop(), signal_point(in, 2)});
    submit({wait_point(in, 2), nop(), signal_point(in, 3)});
    expect_held(ring_, 1);
    expect_held(*other_ring_, 1);
    fence_.signal();
    EXPECT_EQ(other_timeline_.wait_point(3, deadline_in(long_enough)), 0);
    ring_.wait_for(6);
    other_ring_->wait_for(3);
    const std::vector<drm_zaccel_completion> ours = ring_.reap(), theirs = other_ring_->reap();
    EXPECT_EQ(statuses(ours), std::vector<int>(6, 0));
    EXPECT_EQ(statuses(theirs), std::vector<int>(3, 0));
    EXPECT_LE(ours.at(0).time_ns, theirs.at(0).time_ns);
    EXPECT_LE(theirs.at(0).time_ns, ours.at(3).time_ns);
}

TEST_F(AcrossFiles, ClosingOneEndsTheWaitOfTheOther) {
    Syncobj start(other_);
    start.import_sync_file(fence_.sync_file());
    ASSERT_EQ(other_ring_->bind_syncobj(out, start.handle()), 0);
    submit_other({wait_point(out), signal_point(in, 1)});
    const Fd theirs = in_.export_point(1);
    submit({wait_point(in, 1), fill(data, 0, 1, 1), signal_point(in, 2)});
    expect_held(ring_, 1);
    ASSERT_EQ(other_ring_->destroy(), 0);
    EXPECT_EQ(final_point_status(theirs), -ECANCELED);
    ring_.wait_for(3);
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(3, 0));
    EXPECT_EQ(memory_[0], 1);
    fence_.signal();
}

}  // namespace
}  // namespace uapi_tests
