// SPDX-License-Identifier: MIT

// DRM_IOCTL_ZACCEL_BUFFER_WAIT: the only wait there is for a buffer that nobody else sees, and one
// of several for a shared one.

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "interruptions.hpp"
#include "late.hpp"
#include "memory.hpp"
#include "ring.hpp"
#include "sleeper.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();
constexpr std::uint32_t to_read = ZACCEL_BUFFER_WAIT_READ;

/// Slots.
enum : std::uint32_t { wanted = 0, scratch = 1 };

const drm_zaccel_command write_it = fill(wanted, 0, page, 0x2525252525252525);
const drm_zaccel_command read_it = crc32c(wanted, 0, page);

/// The engine holds each batch.
class BufferInUse : public DeviceTest {
 protected:
    BufferInUse() {
        bind_to(ring_);
        late_.hold();
    }

    void bind_to(const Ring& ring) const {
        EXPECT_EQ(ring.bind_range(wanted, buffer_, 0, page), 0);
        EXPECT_EQ(ring.bind_range(scratch, scratch_, 0, page), 0);
    }

    static void submit(Ring& ring, std::initializer_list<drm_zaccel_command> batch) {
        ring.put_batch(batch);
        ASSERT_EQ(ring.submit(), 0);
    }
    void submit(std::initializer_list<drm_zaccel_command> batch) { submit(ring_, batch); }

    void expect_now(int any, int reading) const {
        EXPECT_EQ(buffer_.wait(0), any);
        EXPECT_EQ(buffer_.wait(0, to_read), reading);
    }

    LateMode late_;
    Buffer buffer_{device_, page};
    Buffer scratch_{device_, page};
    Ring ring_{device_};
};

/// What a private and a shared buffer have in common.
class BufferWait : public BufferInUse, public testing::WithParamInterface<bool> {
 protected:
    BufferWait() {
        if (GetParam()) buffer_.export_dmabuf();
    }
};

INSTANTIATE_TEST_SUITE_P(Of, BufferWait, testing::Bool(), [](const auto& test) {
    return test.param ? "ASharedBuffer" : "APrivateBuffer";
});

TEST_P(BufferWait, IdleBufferIsFree) {
    for (const std::int64_t deadline : {std::int64_t{0}, std::int64_t{-1}, -forever, forever,
                                        deadline_in(std::chrono::seconds(1))})
        for (const std::uint32_t flags : {0U, to_read})
            EXPECT_EQ(buffer_.wait(deadline, flags), 0) << deadline;
}

TEST_P(BufferWait, DeadlineInThePastPolls) {
    submit({write_it});
    for (const std::int64_t deadline : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1},
                                        -forever, deadline_in(-std::chrono::seconds(1))})
        for (const std::uint32_t flags : {0U, to_read})
            EXPECT_EQ(buffer_.wait(deadline, flags), ETIME) << deadline;
}

TEST_P(BufferWait, DeadlineIsWaitedFor) {
    submit({write_it});
    for (int us = 500; us < 20'000; us += 500) {
        const std::int64_t deadline = deadline_in(std::chrono::microseconds(us));
        EXPECT_EQ(buffer_.wait(deadline), ETIME);
        EXPECT_GE(deadline_in(std::chrono::seconds(0)), deadline);
    }
}

TEST_P(BufferWait, WakesWhenTheBatchIsDone) {
    for (const std::int64_t deadline : {forever, deadline_in(long_enough)}) {
        submit({write_it});
        Sleeper waiter([&] { return buffer_.wait(deadline); });
        EXPECT_TRUE(waiter.falls_asleep());
        late_.advance(1);
        EXPECT_EQ(waiter.result(), 0);
        ring_.wait_for(ring_.sq_tail());
        expect_now(0, 0);
    }
}

TEST_P(BufferWait, AllWaitersWake) {
    submit({write_it});
    std::vector<std::unique_ptr<Sleeper>> waiters;
    for (const std::uint32_t flags : {0U, to_read, 0U, to_read})
        waiters.push_back(std::make_unique<Sleeper>(
            [this, flags] { return buffer_.wait(deadline_in(long_enough), flags); }));
    for (const auto& waiter : waiters) EXPECT_TRUE(waiter->falls_asleep());
    late_.advance(1);
    for (const auto& waiter : waiters) EXPECT_EQ(waiter->result(), 0);
}

TEST_P(BufferWait, ToReadItWaitsForWriters) {
    submit({write_it});
    expect_now(ETIME, ETIME);
    submit({read_it});
    Sleeper reader([&] { return buffer_.wait(deadline_in(long_enough), to_read); });
    EXPECT_TRUE(reader.falls_asleep());
    late_.advance(1);
    EXPECT_EQ(reader.result(), 0);
    expect_now(ETIME, 0);
    late_.advance(1);
    EXPECT_EQ(buffer_.wait(deadline_in(long_enough)), 0);
}

TEST_P(BufferWait, EachBufferOfABatchIsUsedInItsWay) {
    submit({copy(scratch, wanted, 0, 0, page)});
    expect_now(ETIME, 0);
    EXPECT_EQ(scratch_.wait(0), ETIME);
    EXPECT_EQ(scratch_.wait(0, to_read), ETIME);
}

TEST_P(BufferWait, OtherBuffersDoNotMatter) {
    submit({fill(scratch, 0, page, 1)});
    expect_now(0, 0);
}

TEST_P(BufferWait, RefusedCommandUsesNothing) {
    submit({fill(wanted, page, 1, 1), write_it});
    expect_now(0, 0);
}

TEST_P(BufferWait, FailedBatchIsDoneToo) {
    submit({write_it, fill(wanted, page, 1, 1)});
    expect_now(ETIME, ETIME);
    late_.advance(1);
    EXPECT_EQ(buffer_.wait(deadline_in(long_enough)), 0);
}

TEST_P(BufferWait, QueuedBatchCounts) {
    Ring before(device_);
    submit(before, {nop()});
    submit({write_it});
    late_.advance(1);
    before.wait_for(1);
    expect_now(ETIME, ETIME);
    late_.advance(1);
    EXPECT_EQ(buffer_.wait(deadline_in(long_enough)), 0);
}

TEST_P(BufferWait, BatchThatWaitsForAForeignFenceCounts) {
    late_.release();
    const VgemBuffer vgem;
    const std::uint32_t fence = vgem.attach_fence(VgemBuffer::Use::write);
    Syncobj in(device_);
    in.import_sync_file(export_fences(vgem.dmabuf(), Fences::all));
    ring_.put_batch({read_it});
    ASSERT_EQ(ring_.submit(std::vector{in.handle()}, {}), 0);
    expect_now(ETIME, 0);
    Sleeper waiter([&] { return buffer_.wait(deadline_in(long_enough)); });
    EXPECT_TRUE(waiter.falls_asleep());
    vgem.signal(fence);
    EXPECT_EQ(waiter.result(), 0);
}

TEST_P(BufferWait, BatchesFetchedLaterDoNotProlongIt) {
    Ring later(device_);
    bind_to(later);
    // Both used it before.
    submit({read_it});
    submit(later, {read_it});
    late_.advance(2);
    later.wait_for(1);

    submit({read_it});
    Sleeper waiter([&] { return buffer_.wait(deadline_in(long_enough)); });
    ASSERT_TRUE(waiter.falls_asleep());
    submit(later, {read_it});
    late_.advance(1);
    ring_.wait_for(2);
    EXPECT_TRUE(eventually([&] { return waiter.done(); }, long_enough / 4));
    EXPECT_FALSE(later.posted(2));
    late_.release();
    EXPECT_EQ(waiter.result(), 0);
}

// Somebody keeps the buffer in use all the time.
TEST_P(BufferWait, ReturnsWhileOthersGoOn) {
    late_.release();
    std::atomic<bool> stop = false;
    std::thread submitter([&] {
        for (std::uint32_t i = 0; !stop; i++) {
            submit({i % 2 ? write_it : read_it});
            if (i >= 8) ring_.wait_for(i - 7);
            ring_.set_cq_head(ring_.kernel_cq_tail());
        }
    });
    for (int i = 0; i < 200; i++) {
        const std::uint32_t flags = i % 2 ? to_read : 0;
        EXPECT_EQ(buffer_.wait(deadline_in(long_enough), flags), 0);
    }
    stop = true;
    submitter.join();
}

TEST_P(BufferWait, DestroyedRingIsDone) {
    submit({write_it});
    Sleeper waiter([&] { return buffer_.wait(deadline_in(long_enough)); });
    EXPECT_TRUE(waiter.falls_asleep());
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_EQ(waiter.result(), 0);
    EXPECT_EQ(buffer_.map()[0], 0);
}

TEST_P(BufferWait, HandleIsClosedMeanwhile) {
    submit({write_it});
    const Buffer& buffer = buffer_;
    Sleeper waiter([&] { return buffer.wait(deadline_in(long_enough)); });
    EXPECT_TRUE(waiter.falls_asleep());
    buffer_.close();
    late_.advance(1);
    EXPECT_EQ(waiter.result(), 0);
}

TEST_P(BufferWait, ExplicitBatchIsWaitedFor) {
    submit({with_explicit_sync(write_it)});
    EXPECT_EQ(buffer_.wait(0), ETIME);
    Sleeper waiter([&] { return buffer_.wait(deadline_in(long_enough)); });
    EXPECT_TRUE(waiter.falls_asleep());
    late_.advance(1);
    EXPECT_EQ(waiter.result(), 0);
}

TEST_P(BufferWait, SignalEndsIt) {
    const Interruptions interruptions;
    submit({write_it});
    for (const std::int64_t deadline : {forever, deadline_in(std::chrono::hours(1))})
        EXPECT_EQ(interruptions.until_it_returns([&] { return buffer_.wait(deadline); }), EINTR);
    expect_now(ETIME, ETIME);
    late_.advance(1);
    EXPECT_EQ(buffer_.wait(forever), 0) << "called again";
}

TEST_P(BufferWait, ChecksItsArguments) {
    submit({write_it});
    for (unsigned bit = 1; bit < 32; bit++) EXPECT_EQ(buffer_.wait(0, 1U << bit), EINVAL) << bit;
    for (const std::uint32_t handle : {0U, 9999U, ~0U}) {
        drm_zaccel_buffer_wait args{};
        args.handle = handle;
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_WAIT, args), ENOENT);
    }
    const Fd other = open_device();
    drm_zaccel_buffer_wait args{};
    args.handle = buffer_.handle();
    EXPECT_EQ(call(other, DRM_IOCTL_ZACCEL_BUFFER_WAIT, args), ENOENT) << "of another file";
    const BadMemory memory;
    for (void* pointer : memory.unreadable())
        EXPECT_EQ(call(device_.get(), DRM_IOCTL_ZACCEL_BUFFER_WAIT, pointer), EFAULT);
}

// Fences of others in a shared buffer.
class SharedBufferWait : public BufferInUse {
 protected:
    Fd dmabuf_ = buffer_.export_dmabuf();
    Fd other_file_ = open_device();
    Buffer imported_ = Buffer::import(other_file_, dmabuf_.get());
};

TEST_F(SharedBufferWait, BatchOfAnotherFileCounts) {
    Ring other(other_file_);
    ASSERT_EQ(other.bind_range(wanted, imported_, 0, page), 0);
    submit(other, {read_it});
    expect_now(ETIME, 0);
    submit(other, {write_it});
    expect_now(ETIME, ETIME);
    EXPECT_EQ(imported_.wait(0, to_read), ETIME);
    Sleeper waiter([&] { return buffer_.wait(deadline_in(long_enough)); });
    EXPECT_TRUE(waiter.falls_asleep());
    late_.advance(2);
    EXPECT_EQ(waiter.result(), 0);
}

TEST_F(SharedBufferWait, BatchesFromBeforeTheExportCount) {
    submit({fill(scratch, 0, page, 1)});
    const Buffer imported = Buffer::import(other_file_, scratch_.export_dmabuf().get());
    EXPECT_EQ(scratch_.wait(0), ETIME);
    EXPECT_EQ(imported.wait(0), ETIME);
    late_.advance(1);
    EXPECT_EQ(imported.wait(deadline_in(long_enough)), 0);
    EXPECT_EQ(scratch_.wait(0), 0);
}

TEST_F(SharedBufferWait, ClosedFileIsDone) {
    {
        Ring other(other_file_);
        ASSERT_EQ(other.bind_range(wanted, imported_, 0, page), 0);
        submit(other, {write_it});
        other.leave_to_file();
    }
    imported_.close();
    Sleeper waiter([&] { return buffer_.wait(deadline_in(long_enough)); });
    EXPECT_TRUE(waiter.falls_asleep());
    other_file_.reset();
    EXPECT_EQ(waiter.result(), 0);
}

TEST_F(SharedBufferWait, ToReadItExplicitWritersMatter) {
    submit({with_explicit_sync(write_it)});
    expect_now(ETIME, ETIME);
}

TEST_F(SharedBufferWait, ToReadItExplicitReadersDoNotMatter) {
    submit({with_explicit_sync(read_it)});
    expect_now(ETIME, 0);
}

TEST_F(SharedBufferWait, ReadOnlyImportSharesItsFences) {
    const Buffer readonly = Buffer::import(device_, buffer_.export_readonly().get());
    submit({read_it});
    EXPECT_EQ(readonly.wait(0), ETIME);
    EXPECT_EQ(readonly.wait(0, to_read), 0);
    late_.advance(1);
    EXPECT_EQ(readonly.wait(deadline_in(long_enough)), 0);
}

class ForeignBufferWait : public DeviceTest {
 protected:
    void expect_waits(VgemBuffer::Use use, std::uint32_t flags) {
        const std::uint32_t fence = vgem_.attach_fence(use);
        EXPECT_EQ(imported_.wait(0, flags), ETIME);
        Sleeper waiter([&] { return imported_.wait(deadline_in(long_enough), flags); });
        EXPECT_TRUE(waiter.falls_asleep());
        vgem_.signal(fence);
        EXPECT_EQ(waiter.result(), 0);
    }

    VgemBuffer vgem_;
    Buffer imported_ = Buffer::import(device_, vgem_.dmabuf().get());
};

TEST_F(ForeignBufferWait, WritersAreWaitedFor) {
    expect_waits(VgemBuffer::Use::write, 0);
    expect_waits(VgemBuffer::Use::write, to_read);
}

TEST_F(ForeignBufferWait, ReadersAreWaitedForToWrite) {
    expect_waits(VgemBuffer::Use::read, 0);
    const std::uint32_t fence = vgem_.attach_fence(VgemBuffer::Use::read);
    EXPECT_EQ(imported_.wait(0, to_read), 0);
    vgem_.signal(fence);
}

TEST_F(ForeignBufferWait, SignalEndsIt) {
    const Interruptions interruptions;
    const std::uint32_t fence = vgem_.attach_fence(VgemBuffer::Use::write);
    EXPECT_EQ(interruptions.until_it_returns([&] { return imported_.wait(forever); }), EINTR);
    vgem_.signal(fence);
    EXPECT_EQ(imported_.wait(forever), 0);
}

}  // namespace
}  // namespace uapi_tests
