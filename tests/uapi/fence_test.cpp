// SPDX-License-Identifier: MIT

// Fences that a program names: syncobjs of the doorbell, and the sync_files made of them.

#include <drm/drm.h>
#include <xf86drm.h>

#include <array>
#include <cerrno>
#include <future>
#include <memory>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "memory.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

using Handles = std::vector<std::uint32_t>;

class SubmitSyncobj : public DeviceTest {
 protected:
    SubmitSyncobj() { ring_.put_batch({nop(1)}); }

    int submit(drm_zaccel_ring_submit args) {
        ring_.publish();
        args.id = ring_.id();
        const int error = call(device_, DRM_IOCTL_ZACCEL_RING_SUBMIT, args);
        EXPECT_TRUE(error == 0 || args.fetched == 0);
        return error;
    }

    /// With @p count elements behind @p pointer, once as in and once as out.
    void expect_both(int error, void* pointer, std::uint32_t count) {
        drm_zaccel_ring_submit in{};
        in.in_syncobjs = reinterpret_cast<std::uintptr_t>(pointer);
        in.in_count = count;
        EXPECT_EQ(submit(in), error);
        drm_zaccel_ring_submit out{};
        out.out_syncobjs = reinterpret_cast<std::uintptr_t>(pointer);
        out.out_count = count;
        EXPECT_EQ(submit(out), error);
        EXPECT_EQ(ring_.sq_head(), 0U);
    }

    Ring ring_{device_};
};

TEST_F(SubmitSyncobj, OutSignalsWhenTheBatchHasRun) {
    const Syncobj out(device_);
    EXPECT_EQ(out.wait(0), EINVAL) << "no fence yet";
    ASSERT_EQ(ring_.submit({}, Handles{out.handle()}), 0);
    EXPECT_EQ(out.wait(deadline_in(long_enough)), 0);
    ring_.wait_for(1);
}

TEST_F(SubmitSyncobj, OutHasSignaledWhenTheCompletionIsSeen) {
    for (std::uint32_t i = 1; i <= 200; i++) {
        const Syncobj out(device_);
        if (i > 1) ring_.put_batch({nop(i)});
        ASSERT_EQ(ring_.submit({}, Handles{out.handle()}), 0);
        ASSERT_TRUE(eventually([&] { return ring_.cq_tail() == i; }));
        ASSERT_TRUE(out.signaled()) << i;
        ring_.set_cq_head(i);
    }
}

TEST_F(SubmitSyncobj, OutIsTheLastBatchFetched) {
    const Fd other_file = open_device();
    const Syncobj out(device_);
    BusyEngine busy(other_file);
    for (int i = 0; i < 5; i++) ring_.put_batch({nop(), nop()});
    ASSERT_EQ(ring_.submit({}, Handles{out.handle()}), 0);
    EXPECT_FALSE(out.signaled());
    busy.cancel();
    EXPECT_EQ(out.wait(deadline_in(long_enough)), 0);
    ring_.wait_for(11);
}

TEST_F(SubmitSyncobj, AsManyAsAllowedWork) {
    std::array<std::unique_ptr<Syncobj>, ZACCEL_MAX_SYNCOBJS> in, out;
    Handles ins, outs;
    for (std::size_t i = 0; i < ZACCEL_MAX_SYNCOBJS; i++) {
        in[i] = std::make_unique<Syncobj>(device_, Syncobj::State::signaled);
        out[i] = std::make_unique<Syncobj>(device_);
        ins.push_back(in[i]->handle());
        outs.push_back(out[i]->handle());
    }
    ASSERT_EQ(ring_.submit(ins, outs), 0);
    for (const auto& syncobj : out) EXPECT_EQ(syncobj->wait(deadline_in(long_enough)), 0);
}

TEST_F(SubmitSyncobj, OneMoreIsInvalid) {
    const Syncobj syncobj(device_, Syncobj::State::signaled);
    Handles handles(ZACCEL_MAX_SYNCOBJS + 1, syncobj.handle());
    expect_both(EINVAL, handles.data(), ZACCEL_MAX_SYNCOBJS + 1);
    expect_both(EINVAL, handles.data(), 1U << 31);
    expect_both(EINVAL, handles.data(), ~0U);
}

TEST_F(SubmitSyncobj, UnknownHandleIsNotFound) {
    for (std::uint32_t handle : {0U, 9999U, ~0U}) {
        drm_zaccel_sync sync{handle, 0, 0};
        expect_both(ENOENT, &sync, 1);
    }
}

TEST_F(SubmitSyncobj, HandleOfAnotherFileIsNotFound) {
    const Fd other = open_device();
    std::vector<std::unique_ptr<Syncobj>> syncobjs;
    for (int i = 0; i < 8; i++)
        syncobjs.push_back(std::make_unique<Syncobj>(other, Syncobj::State::signaled));
    drm_zaccel_sync sync{syncobjs.back()->handle(), 0, 0};
    expect_both(ENOENT, &sync, 1);
}

TEST_F(SubmitSyncobj, SecondOfTwoIsCheckedToo) {
    const Syncobj good(device_, Syncobj::State::signaled);
    std::vector<drm_zaccel_sync> syncs = binary(Handles{good.handle(), 9999});
    expect_both(ENOENT, syncs.data(), 2);
}

TEST_F(SubmitSyncobj, BadPointerFaults) {
    const BadMemory memory;
    for (void* pointer : memory.unreadable()) expect_both(EFAULT, pointer, 1);
}

TEST_F(SubmitSyncobj, ReadOnlyPointerIsReadOnly) {
    BadMemory memory;
    std::uint32_t none = 0;
    // There is a page of zeros behind it, and 0 names no syncobj.
    drm_zaccel_ring_submit args{};
    args.in_syncobjs = reinterpret_cast<std::uintptr_t>(memory.read_only());
    args.in_count = 1;
    EXPECT_EQ(submit(args), ENOENT) << none;
}

TEST_F(SubmitSyncobj, ListMayEndWithItsPage) {
    const BadMemory memory;
    const Syncobj syncobj(device_, Syncobj::State::signaled);
    auto* last = reinterpret_cast<drm_zaccel_sync*>(memory.end_of_page()) - 1;
    *last = {syncobj.handle(), 0, 0};
    drm_zaccel_ring_submit args{};
    args.in_syncobjs = reinterpret_cast<std::uintptr_t>(last);
    args.in_count = 2;
    EXPECT_EQ(submit(args), EFAULT);
    args.in_count = 1;
    EXPECT_EQ(submit(args), 0);
}

TEST_F(SubmitSyncobj, NoneNeedNoPointer) {
    drm_zaccel_ring_submit args{};
    args.in_syncobjs = args.out_syncobjs = reinterpret_cast<std::uintptr_t>(kernel_address());
    EXPECT_EQ(submit(args), 0);
}

TEST_F(SubmitSyncobj, InWithoutFenceIsInvalid) {
    const Syncobj empty(device_);
    EXPECT_EQ(ring_.submit(Handles{empty.handle()}, {}), EINVAL);
    EXPECT_EQ(ring_.fetched(), 0U);
    EXPECT_EQ(ring_.submit(), 0);
}

TEST_F(SubmitSyncobj, OutKeepsItsFenceWhenNothingIsFetched) {
    const Syncobj out(device_, Syncobj::State::signaled);
    Ring other(device_);
    EXPECT_EQ(other.submit({}, Handles{out.handle()}), 0);
    EXPECT_EQ(other.fetched(), 0U);
    EXPECT_TRUE(out.signaled());
}

TEST_F(SubmitSyncobj, InOfAnotherRingOrdersTheTwo) {
    Ring other(device_);
    const Syncobj first(device_), second(device_);
    BusyEngine busy(device_);
    ASSERT_EQ(ring_.submit({}, Handles{first.handle()}), 0);
    other.put_batch({nop(2)});
    ASSERT_EQ(other.submit(Handles{first.handle()}, Handles{second.handle()}), 0);
    busy.cancel();
    EXPECT_EQ(second.wait(deadline_in(long_enough)), 0);
    EXPECT_TRUE(first.signaled());
    other.wait_for(1);
    EXPECT_LE(ring_.reap().at(0).time_ns, other.reap().at(0).time_ns);
}

TEST_F(SubmitSyncobj, InAndOutMayBeTheSame) {
    const Syncobj syncobj(device_, Syncobj::State::signaled);
    ASSERT_EQ(ring_.submit(Handles{syncobj.handle()}, Handles{syncobj.handle()}), 0);
    EXPECT_EQ(syncobj.wait(deadline_in(long_enough)), 0);
}

TEST_F(SubmitSyncobj, TimelinePointIsAFenceToWaitFor) {
    const Syncobj out(device_), timeline(device_);
    BusyEngine busy(device_);
    ASSERT_EQ(ring_.submit({}, Handles{out.handle()}), 0);
    ASSERT_EQ(drmSyncobjTransfer(device_.get(), timeline.handle(), 5, out.handle(), 0, 0), 0);
    Ring other(device_);
    other.put_batch({nop()});
    ASSERT_EQ(other.submit(Handles{timeline.handle()}, {}), 0);
    EXPECT_FALSE(other.posted(1));
    busy.cancel();
    other.wait_for(1);
    EXPECT_EQ(ring_.cq_tail(), 1U);
}

class SyncFile : public DeviceTest {
 protected:
    /// The out fence of what stands in the ring.
    Fd submit() {
        const Syncobj out(device_);
        check(ring_.submit({}, Handles{out.handle()}), "ring submit");
        return out.export_sync_file();
    }

    Ring ring_{device_};
};

TEST_F(SyncFile, TellsThatTheBatchHasRun) {
    BusyEngine busy(device_);
    ring_.put_batch({nop()});
    const Fd fence = submit();
    EXPECT_EQ(sync_file_status(fence), 0);
    busy.cancel();
    EXPECT_EQ(final_status(fence), 1);
}

TEST_F(SyncFile, CarriesTheErrorOfItsBatch) {
    drm_zaccel_command bad = nop();
    bad.opcode = 99;
    ring_.put_batch({nop(), bad, nop()});
    EXPECT_EQ(final_status(submit()), -EOPNOTSUPP);
    ring_.put_batch({fill(0, 0, 1, 1)});
    EXPECT_EQ(final_status(submit()), -EBADSLT);
    ring_.put_batch({nop()});
    EXPECT_EQ(final_status(submit()), 1) << "of the next batch, no trace of it";
}

TEST_F(SyncFile, DestroyedRingEndsItAsCanceled) {
    BusyEngine busy(device_);
    ring_.put_batch({nop()});
    const Fd fence = submit();
    ring_.destroy();
    busy.cancel();
    EXPECT_EQ(final_status(fence), -ECANCELED);
}

TEST_F(SyncFile, ClosedFileEndsItAsCanceled) {
    BusyEngine busy(device_);
    Fd file = open_device();
    Fd fence;
    {
        Ring ring(file);
        ring.put_batch({nop()});
        const Syncobj out(file);
        ASSERT_EQ(ring.submit({}, Handles{out.handle()}), 0);
        fence = out.export_sync_file();
        ring.leave_to_file();
    }
    file.reset();
    busy.cancel();
    EXPECT_EQ(final_status(fence), -ECANCELED);
}

TEST_F(SyncFile, CanBeWaitedForByAnotherFile) {
    const Fd other = open_device();
    Syncobj in(other);
    BusyEngine busy(device_);
    ring_.put_batch({nop()});
    in.import_sync_file(submit());
    Ring ring(other);
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(Handles{in.handle()}, {}), 0);
    EXPECT_FALSE(ring.posted(1));
    busy.cancel();
    ring.wait_for(1);
    EXPECT_EQ(ring_.cq_tail(), 1U);
}

// vgem's fence is another driver's: nothing of ours makes it signal.
class ForeignFence : public DeviceTest {
 protected:
    ForeignFence() { in_.import_sync_file(export_fences(vgem_.dmabuf(), Fences::all)); }

    VgemBuffer vgem_;
    std::uint32_t fence_ = vgem_.attach_fence(VgemBuffer::Use::write);
    Syncobj in_{device_};
    Ring ring_{device_};
};

TEST_F(ForeignFence, HoldsTheBatchUntilItSignals) {
    ring_.put_batch({nop()});
    ASSERT_EQ(ring_.submit(Handles{in_.handle()}, {}), 0);
    EXPECT_EQ(ring_.fetched(), 1U);
    // The engine is idle: it runs what comes after.
    Ring other(device_);
    EXPECT_EQ(other.run_one(nop()).status, 0);
    EXPECT_FALSE(ring_.posted(1));
    vgem_.signal(fence_);
    ring_.wait_for(1);
    EXPECT_EQ(ring_.reap().at(0).status, 0);
}

TEST_F(ForeignFence, HoldsWhatComesBehindInItsRing) {
    ring_.put_batch({nop(1)});
    ASSERT_EQ(ring_.submit(Handles{in_.handle()}, {}), 0);
    for (std::uint64_t i = 2; i <= 10; i++) {
        ring_.put_batch({nop(i)});
        ASSERT_EQ(ring_.submit(), 0);
    }
    Ring other(device_);
    EXPECT_EQ(other.run_one(nop()).status, 0);
    EXPECT_FALSE(ring_.posted(1));
    vgem_.signal(fence_);
    ring_.wait_for(10);
    const std::vector<drm_zaccel_completion> completions = ring_.reap();
    for (std::uint64_t i = 0; i < 10; i++) EXPECT_EQ(completions[i].user_data, i + 1);
}

// The first batch is free to run; only the second waits, and the third behind it.
TEST_F(ForeignFence, LeavesWhatCameBefore) {
    BusyEngine busy(device_);
    ring_.put_batch({nop(1)});
    ASSERT_EQ(ring_.submit(), 0);
    ring_.put_batch({nop(2)});
    ASSERT_EQ(ring_.submit(Handles{in_.handle()}, {}), 0);
    ring_.put_batch({nop(3)});
    ASSERT_EQ(ring_.submit(), 0);
    busy.cancel();
    ring_.wait_for(1);
    EXPECT_FALSE(ring_.posted(2));
    vgem_.signal(fence_);
    ring_.wait_for(3);
}

TEST_F(ForeignFence, OnlyTheFirstBatchOfADoorbellWaits) {
    const Syncobj out(device_);
    ring_.put_batch({nop(1)});
    ring_.put_batch({nop(2)});
    ASSERT_EQ(ring_.submit(Handles{in_.handle()}, Handles{out.handle()}), 0);
    EXPECT_EQ(ring_.fetched(), 2U);
    EXPECT_FALSE(out.signaled());
    vgem_.signal(fence_);
    EXPECT_EQ(out.wait(deadline_in(long_enough)), 0);
}

TEST_F(ForeignFence, SeveralMustAllSignal) {
    VgemBuffer second;
    const std::uint32_t fence = second.attach_fence(VgemBuffer::Use::write);
    Syncobj in(device_);
    in.import_sync_file(export_fences(second.dmabuf(), Fences::all));
    ring_.put_batch({nop()});
    ASSERT_EQ(ring_.submit(Handles{in_.handle(), in.handle()}, {}), 0);
    vgem_.signal(fence_);
    EXPECT_FALSE(ring_.posted(1));
    second.signal(fence);
    ring_.wait_for(1);
}

// A thousand rings' worth of batches behind one fence, each waiting for itself.
TEST_F(ForeignFence, MayHoldManyBatches) {
    std::vector<Ring> rings;
    for (int r = 0; r < 8; r++) {
        Ring& ring = rings.emplace_back(device_, RingOptions{128, 128, 0});
        for (int i = 0; i < 128; i++) {
            ring.put_batch({nop()});
            ASSERT_EQ(ring.submit(Handles{in_.handle()}, {}), 0);
        }
    }
    for (const Ring& ring : rings) EXPECT_FALSE(ring.posted(1));
    vgem_.signal(fence_);
    for (const Ring& ring : rings) ring.wait_for(128);
}

TEST_F(ForeignFence, DestroyedRingDoesNotWait) {
    const Syncobj out(device_);
    ring_.put_batch({nop(1), nop(2)});
    ASSERT_EQ(ring_.submit(Handles{in_.handle()}, Handles{out.handle()}), 0);
    ring_.put_batch({nop(3)});
    ASSERT_EQ(ring_.submit(), 0);
    const Fd fence = out.export_sync_file();
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_EQ(final_status(fence), -ECANCELED);
    ASSERT_TRUE(eventually([&] { return ring_.cq_tail() == 3; }));
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(3, -ECANCELED));
    EXPECT_EQ(sync_file_status(export_fences(vgem_.dmabuf(), Fences::all)), 0)
        << "the fence that it waited for is not its own to end";
    vgem_.signal(fence_);
}

/// A ring whose batch waits for a fence and then fills a buffer.
class FilledLater {
 public:
    FilledLater(const Fd& device, const Syncobj& in) : buffer_(device, size), ring_(device) {
        check(ring_.bind_range(0, buffer_, 0, size), "bind");
        ring_.put_batch({fill(0, 0, size, 0x0101010101010101 * filled)});
        check(ring_.submit(Handles{in.handle()}, {}), "submit");
    }

    /// What becomes of its batch; that is what becomes of the buffer.
    int status_after_destroy() {
        check(ring_.destroy(), "destroy");
        EXPECT_TRUE(eventually([&] { return ring_.cq_tail() == 1; }));
        const int status = ring_.reap().at(0).status;
        EXPECT_EQ(memory_[0], status == 0 ? filled : 0);
        EXPECT_EQ(memory_[size - 1], status == 0 ? filled : 0);
        return status;
    }

 private:
    static constexpr std::uint64_t size = 4096;
    static constexpr std::uint8_t filled = 0x71;

    Buffer buffer_;
    Mapping memory_ = buffer_.map();
    Ring ring_;
};

TEST_F(ForeignFence, DestroyedRingRunsNothing) {
    FilledLater batch(device_, in_);
    EXPECT_EQ(batch.status_after_destroy(), -ECANCELED);
    vgem_.signal(fence_);
}

// Either may come first.
TEST_F(ForeignFence, DestroyedRingDoesNotRunWhatBecomesReady) {
    for (int i = 0; i < 50; i++) {
        const ManualFence fence;
        in_.import_sync_file(fence.sync_file());
        FilledLater batch(device_, in_);
        const std::future<void> signaled =
            std::async(std::launch::async, [&fence] { fence.signal(); });
        const int status = batch.status_after_destroy();
        EXPECT_TRUE(status == 0 || status == -ECANCELED) << status;
    }
    vgem_.signal(fence_);
}

}  // namespace
}  // namespace uapi_tests
