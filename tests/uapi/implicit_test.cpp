// SPDX-License-Identifier: MIT

// Fences that nobody names: a batch waits for the users of its buffers, and others for it.

#include <poll.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "interruptions.hpp"
#include "process.hpp"
#include "ring.hpp"
#include "sleeper.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// Slots.
enum : std::uint32_t { shared = 0, scratch = 1 };

class SharedBuffer : public DeviceTest {
 protected:
    SharedBuffer() {
        EXPECT_EQ(ring_.bind_range(shared, buffer_, 0, page), 0);
        EXPECT_EQ(ring_.bind_range(scratch, scratch_, 0, page), 0);
    }

    void submit(const drm_zaccel_command& command) {
        ring_.put_batch({command});
        ASSERT_EQ(ring_.submit(), 0);
    }

    Buffer buffer_{device_, page};
    Buffer scratch_{device_, page};
    Fd dmabuf_ = buffer_.export_dmabuf();
    Ring ring_{device_};
};

TEST_F(SharedBuffer, IdleBufferIsReadableAndWritable) {
    EXPECT_TRUE(readable(dmabuf_));
    EXPECT_TRUE(writable(dmabuf_));
    EXPECT_EQ(sync_file_status(export_fences(dmabuf_, Fences::all)), 1);
}

TEST_F(SharedBuffer, WriterKeepsOthersFromReading) {
    BusyEngine busy(device_);
    submit(fill(shared, 0, page, 1));
    EXPECT_FALSE(readable(dmabuf_));
    EXPECT_FALSE(writable(dmabuf_));
    EXPECT_EQ(sync_file_status(export_fences(dmabuf_, Fences::writers)), 0);
    busy.cancel();
    EXPECT_EQ(poll_events(dmabuf_.get(), POLLIN, 20000), POLLIN);
    EXPECT_EQ(poll_events(dmabuf_.get(), POLLOUT, 20000), POLLOUT);
    ring_.wait_for(1);
}

TEST_F(SharedBuffer, ReaderKeepsOthersFromWriting) {
    BusyEngine busy(device_);
    submit(crc32c(shared, 0, page));
    EXPECT_TRUE(readable(dmabuf_));
    EXPECT_FALSE(writable(dmabuf_));
    EXPECT_EQ(sync_file_status(export_fences(dmabuf_, Fences::writers)), 1);
    EXPECT_EQ(sync_file_status(export_fences(dmabuf_, Fences::all)), 0);
    busy.cancel();
    EXPECT_EQ(poll_events(dmabuf_.get(), POLLOUT, 20000), POLLOUT);
}

TEST_F(SharedBuffer, BatchThatReadsAndWritesIsAWriter) {
    BusyEngine busy(device_);
    ring_.put_batch({copy(scratch, shared, 0, 0, 8), copy(shared, scratch, 8, 0, 8)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_FALSE(readable(dmabuf_));
    busy.cancel();
    EXPECT_EQ(poll_events(dmabuf_.get(), POLLIN, 20000), POLLIN);
}

TEST_F(SharedBuffer, TwoSlotsOfOneBufferAreOneBuffer) {
    ASSERT_EQ(ring_.bind_range(2, buffer_, page / 2, page / 2), 0);
    BusyEngine busy(device_);
    ring_.put_batch({copy(2, shared, 0, 0, 8)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_FALSE(readable(dmabuf_));
    busy.cancel();
    ring_.wait_for(1);
    EXPECT_EQ(ring_.reap().at(0).status, 0);
}

TEST_F(SharedBuffer, FailedBatchLeavesItsErrorInTheFence) {
    BusyEngine busy(device_);
    ring_.put_batch({fill(shared, 0, 8, 1), fill(shared, page, 1, 1)});
    ASSERT_EQ(ring_.submit(), 0);
    const Fd fence = export_fences(dmabuf_, Fences::all);
    busy.cancel();
    EXPECT_EQ(final_status(fence), -ERANGE);
}

TEST_F(SharedBuffer, RefusedCommandUsesNoBuffer) {
    BusyEngine busy(device_);
    submit(fill(shared, page, 1, 1));
    EXPECT_TRUE(readable(dmabuf_));
    EXPECT_TRUE(writable(dmabuf_));
    busy.cancel();
}

TEST_F(SharedBuffer, ExportShowsTheBatchesUnderWay) {
    BusyEngine busy(device_);
    submit(fill(scratch, 0, page, 1));
    const Fd dmabuf = scratch_.export_dmabuf();
    EXPECT_FALSE(readable(dmabuf));
    busy.cancel();
    EXPECT_EQ(poll_events(dmabuf.get(), POLLIN, 20000), POLLIN);
}

TEST_F(SharedBuffer, OrdersRingsOfDifferentFiles) {
    const Fd other = open_device();
    const Buffer imported = Buffer::import(other, dmabuf_.get());
    Ring reader(other);
    ASSERT_EQ(reader.bind_range(0, imported, 0, page), 0);
    VgemBuffer vgem;
    const std::uint32_t fence = vgem.attach_fence(VgemBuffer::Use::write);
    Syncobj in(device_);
    in.import_sync_file(export_fences(vgem.dmabuf(), Fences::all));

    ring_.put_batch({fill(shared, 0, page, 0x3939393939393939)});
    ASSERT_EQ(ring_.submit(std::vector{in.handle()}, {}), 0);
    reader.put_batch({crc32c(0, 0, page)});
    ASSERT_EQ(reader.submit(), 0);
    Ring bystander(other);
    EXPECT_EQ(bystander.run_one(nop()).status, 0);
    EXPECT_FALSE(reader.posted(1));
    vgem.signal(fence);
    reader.wait_for(1);
    ring_.wait_for(1);
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(1, 0));
    EXPECT_EQ(reader.reap().at(0).result, ring_.run_one(crc32c(shared, 0, page)).result);
}

TEST_F(SharedBuffer, ReadersDoNotWaitForEachOther) {
    VgemBuffer vgem;
    const std::uint32_t fence = vgem.attach_fence(VgemBuffer::Use::write);
    Syncobj in(device_);
    in.import_sync_file(export_fences(vgem.dmabuf(), Fences::all));
    ring_.put_batch({crc32c(shared, 0, page)});
    ASSERT_EQ(ring_.submit(std::vector{in.handle()}, {}), 0);

    Ring second(device_);
    ASSERT_EQ(second.bind_range(0, buffer_, 0, page), 0);
    EXPECT_EQ(second.run_one(crc32c(0, 0, page)).status, 0);
    second.put_batch({fill(0, 0, 1, 1)});
    ASSERT_EQ(second.submit(), 0);
    EXPECT_FALSE(second.posted(2)) << "a writer does";
    vgem.signal(fence);
    second.wait_for(2);
}

// The handle is closed, its binding stays: what is imported then is what the binding has.
TEST_F(SharedBuffer, ImportAnewIsTheBufferThatIsBound) {
    const Udmabuf udmabuf(page);
    Buffer first = Buffer::import(device_, udmabuf.dmabuf().get());
    ASSERT_EQ(ring_.bind_range(2, first, 0, page / 2), 0);
    first.close();
    const Buffer second = Buffer::import(device_, udmabuf.dmabuf().get());
    ASSERT_EQ(ring_.bind_range(3, second, page / 2, page / 2), 0);
    {
        BusyEngine busy(device_);
        ring_.put_batch({copy(3, 2, 0, 0, 8)});
        ASSERT_EQ(ring_.submit(), 0);
        EXPECT_FALSE(readable(udmabuf.dmabuf())) << "read first, written second";
        busy.cancel();
        ring_.wait_for(1);
    }
    BusyEngine busy(device_);
    ring_.put_batch({copy(2, 3, 0, 0, 8)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_FALSE(readable(udmabuf.dmabuf())) << "written first, read second";
    busy.cancel();
    ring_.wait_for(2);
    BusyEngine again(device_);
    ring_.put_batch({crc32c(2, 0, 8), crc32c(3, 0, 8)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_TRUE(readable(udmabuf.dmabuf())) << "read only";
    again.cancel();
}

// A buffer of vgem, and its fences as those of another device that works on it.
class VgemFence : public DeviceTest {
 protected:
    VgemFence() {
        EXPECT_EQ(ring_.bind_range(shared, imported_, 0, VgemBuffer::size), 0);
        EXPECT_EQ(ring_.bind_range(scratch, scratch_, 0, page), 0);
    }

    /// The engine is idle, so what does not run is waiting.
    void expect_held(const drm_zaccel_command& command, std::uint32_t fence) {
        ring_.put_batch({command});
        ASSERT_EQ(ring_.submit(), 0);
        Ring other(device_);
        EXPECT_EQ(other.run_one(nop()).status, 0);
        EXPECT_FALSE(ring_.posted(1));
        vgem_.signal(fence);
        ring_.wait_for(1);
        EXPECT_EQ(ring_.reap().at(0).status, 0);
    }

    VgemBuffer vgem_;
    Buffer imported_ = Buffer::import(device_, vgem_.dmabuf().get());
    Buffer scratch_{device_, page};
    Ring ring_{device_};
};

TEST_F(VgemFence, WriterHoldsOurReader) {
    expect_held(crc32c(shared, 0, page), vgem_.attach_fence(VgemBuffer::Use::write));
}

TEST_F(VgemFence, WriterHoldsOurWriter) {
    expect_held(fill(shared, 0, page, 1), vgem_.attach_fence(VgemBuffer::Use::write));
}

TEST_F(VgemFence, ReaderHoldsOurWriter) {
    expect_held(fill(shared, 0, page, 1), vgem_.attach_fence(VgemBuffer::Use::read));
}

TEST_F(VgemFence, ReaderDoesNotHoldOurReader) {
    const std::uint32_t fence = vgem_.attach_fence(VgemBuffer::Use::read);
    EXPECT_EQ(ring_.run_one(crc32c(shared, 0, page)).status, 0);
    vgem_.signal(fence);
}

TEST_F(VgemFence, OtherBuffersAreNotHeld) {
    const std::uint32_t fence = vgem_.attach_fence(VgemBuffer::Use::write);
    EXPECT_EQ(ring_.run_one(fill(scratch, 0, page, 1)).status, 0);
    vgem_.signal(fence);
}

TEST_F(VgemFence, OurFenceStandsInTheForeignBuffer) {
    BusyEngine busy(device_);
    ring_.put_batch({fill(shared, 0, page, 1)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_FALSE(readable(vgem_.dmabuf()));
    busy.cancel();
    EXPECT_EQ(poll_events(vgem_.dmabuf().get(), POLLIN, 20000), POLLIN);
}

TEST_F(VgemFence, DestroyedRingIsNotHeld) {
    const std::uint32_t fence = vgem_.attach_fence(VgemBuffer::Use::write);
    ring_.put_batch({fill(shared, 0, page, 1)});
    ASSERT_EQ(ring_.submit(), 0);
    ASSERT_EQ(ring_.destroy(), 0);
    ASSERT_TRUE(eventually([&] { return ring_.cq_tail() == 1; }));
    EXPECT_EQ(ring_.completion(0).status, -ECANCELED);
    const Mapping memory(vgem_.dmabuf().get(), 0, VgemBuffer::size);
    EXPECT_EQ(memory[0], 0);
    vgem_.signal(fence);
}

// Binding tells the exporter of accesses to come, which waits for those under way.
TEST_F(VgemFence, BindingWaitsForTheBuffer) {
    const std::uint32_t fence = vgem_.attach_fence(VgemBuffer::Use::write);
    Signal started;
    std::future<int> bind = std::async(std::launch::async, [&] {
        started.send();
        return ring_.bind_range(2, imported_, 0, page);
    });
    ASSERT_TRUE(started.wait());
    vgem_.signal(fence);
    EXPECT_EQ(bind.get(), 0);
}

TEST_F(VgemFence, BindingCanBeInterrupted) {
    const Interruptions interruptions;
    const std::uint32_t fence = vgem_.attach_fence(VgemBuffer::Use::write);
    EXPECT_EQ(
        interruptions.until_it_returns([&] { return ring_.bind_range(2, imported_, 0, page); }),
        EINTR);
    vgem_.signal(fence);
    EXPECT_EQ(ring_.run_one(fill(2, 0, 8, 1)).status, -EBADSLT) << "the slot is as it was";
}

TEST_F(VgemFence, BindingToARingThatEndsIsCanceled) {
    const std::uint32_t fence = vgem_.attach_fence(VgemBuffer::Use::write);
    Sleeper bind([&] { return ring_.bind_range(2, imported_, 0, page); });
    ASSERT_TRUE(bind.falls_asleep());
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_FALSE(bind.done()) << "nobody ends this wait but the fence";
    vgem_.signal(fence);
    EXPECT_EQ(bind.result(), ECANCELED);
    imported_.close();
}

// Rings lock the buffers of a batch all at once, in whatever order it names them.
TEST_F(SharedBuffer, OppositeOrdersDoNotDeadlock) {
    constexpr int rounds = 400;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([this, t] {
            Ring ring(device_, {8, 8, 2});
            EXPECT_EQ(ring.bind_range(0, t % 2 ? buffer_ : scratch_, 0, page), 0);
            EXPECT_EQ(ring.bind_range(1, t % 2 ? scratch_ : buffer_, 0, page), 0);
            for (int i = 0; i < rounds; i++) {
                const auto completions = ring.run({fill(0, 0, 8, 1), fill(1, 0, 8, 2)});
                EXPECT_EQ(statuses(completions), std::vector<int>(2, 0));
            }
        });
    for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace uapi_tests
