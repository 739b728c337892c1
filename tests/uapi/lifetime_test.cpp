// SPDX-License-Identifier: MIT

// What belongs to an open file goes with it, however it ends; what was shared stays for the others.

#include <fcntl.h>

#include <cerrno>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "neighbour.hpp"
#include "process.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

class OpenFile : public CountedTest {
 private:
    Neighbour neighbour_;
};

TEST_F(OpenFile, OpeningAndClosingLeavesNothing) {
    for (int i = 0; i < 100; i++) open_device();
}

TEST_F(OpenFile, TakesEverythingAlong) {
    for (int i = 0; i < 20; i++) {
        const Fd file = open_device();
        drm_zaccel_ring_create ring = ring_create_args();
        ASSERT_EQ(call(file, DRM_IOCTL_ZACCEL_RING_CREATE, ring), 0);
        drm_zaccel_buffer_create buffer{};
        buffer.size = page;
        ASSERT_EQ(call(file, DRM_IOCTL_ZACCEL_BUFFER_CREATE, buffer), 0);
        drm_zaccel_ring_bind bind = range_args(0, buffer.handle, 0, page);
        bind.id = ring.id;
        ASSERT_EQ(call(file, DRM_IOCTL_ZACCEL_RING_BIND, bind), 0);
    }
}

TEST_F(OpenFile, DuplicateKeepsItOpen) {
    Fd file = open_device();
    Ring ring(file);
    const Fd duplicate(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
    file.reset();
    drm_zaccel_ring_wait args{};
    args.id = ring.id();
    EXPECT_EQ(call(duplicate, DRM_IOCTL_ZACCEL_RING_WAIT, args), 0);
}

TEST_F(OpenFile, ClosingOneLeavesTheOther) {
    const Fd stays = open_device();
    Ring ring(stays);
    for (int i = 0; i < 10; i++) {
        const Fd goes = open_device();
        Ring other(goes);
        other.put_batch({nop()});
        ASSERT_EQ(other.submit(), 0);
        other.leave_to_file();
    }
    EXPECT_EQ(ring.run_one(nop(6)).user_data, 6U);
}

TEST_F(OpenFile, ClosedWithBatchesQueuedIsGone) {
    for (int i = 0; i < 5; i++) {
        const Fd file = open_device();
        BusyEngine busy(file);
        Ring ring(file, {1024, 1024, 1});
        for (int n = 0; n < 1024; n++) ring.put_batch({nop()});
        ASSERT_EQ(ring.submit(), 0);
        ring.leave_to_file();
        busy.ring().leave_to_file();
    }
    const Fd file = open_device();
    Ring ring(file);
    EXPECT_EQ(ring.run_one(nop()).status, 0);
}

TEST_F(OpenFile, ClosedWhileWaitingForAForeignFenceIsGone) {
    const VgemBuffer vgem;
    const std::uint32_t fence = vgem.attach_fence(VgemBuffer::Use::write);
    Fd dmabuf, ours;
    {
        const Fd file = open_device();
        Syncobj in(file);
        in.import_sync_file(export_fences(vgem.dmabuf(), Fences::all));
        const Buffer buffer(file, page);
        dmabuf = buffer.export_dmabuf();
        Ring ring(file);
        ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
        ring.put_batch({fill(0, 0, page, 1)});
        ASSERT_EQ(ring.submit(std::vector{in.handle()}, {}), 0);
        ours = export_fences(dmabuf, Fences::all);
        ring.leave_to_file();
    }
    EXPECT_EQ(final_status(ours), -ECANCELED);
    EXPECT_EQ(Mapping(dmabuf.get(), 0, page)[0], 0) << "it must not have run";
    vgem.signal(fence);
}

TEST_F(OpenFile, DmabufOutlivesIt) {
    Fd dmabuf;
    {
        const Fd file = open_device();
        const Buffer buffer(file, page);
        buffer.map()[3] = 0x33;
        dmabuf = buffer.export_dmabuf();
    }
    EXPECT_EQ(Mapping(dmabuf.get(), 0, page)[3], 0x33);
    const Fd file = open_device();
    const Buffer buffer = Buffer::import(file, dmabuf.get());
    EXPECT_EQ(buffer.map()[3], 0x33);
}

TEST_F(OpenFile, RingMemoryOutlivesIt) {
    Fd dmabuf;
    drm_zaccel_ring_create args;
    {
        const Fd file = open_device();
        Ring ring(file);
        args = ring.args();
        ring.run_one(nop(12));
        dmabuf = Buffer::adopt(file, ring.handle()).export_dmabuf();
    }
    const Mapping memory(dmabuf.get(), 0, args.size);
    EXPECT_EQ(reinterpret_cast<drm_zaccel_completion*>(memory.data() + args.cq_offset)->user_data,
              12U);
}

class Process : public CountedTest {
 protected:
    static bool gone(Child& child) { return child.join() == -1; }

 private:
    Neighbour neighbour_;
};

// State is keyed by the open file, never by the process.
TEST_F(Process, ChildUsesTheFileOfItsParent) {
    const Fd file = open_device();
    Ring ring(file);
    ring.run_one(nop(1));
    Child child([&] {
        ring.put_batch({nop(2)});
        return ring.submit();
    });
    EXPECT_EQ(child.join(), 0);
    ring.wait_for(2);
    EXPECT_EQ(ring.reap().at(0).user_data, 2U);
}

TEST_F(Process, ChildThatEndsTakesNothingAlong) {
    const Fd file = open_device();
    Ring ring(file);
    Child child([&] {
        Ring own(file);
        const int status = own.run_one(nop()).status;
        own.leave_to_file();
        return status;
    });
    EXPECT_EQ(child.join(), 0);
    EXPECT_EQ(ring.run_one(nop(3)).user_data, 3U);
}

TEST_F(Process, ParentsFileInTheChildAlone) {
    const Signal closed;
    Fd file = open_device();
    Ring ring(file);
    Child child([&] {
        if (!closed.wait()) return 98;
        return ring.run_one(nop(4)).user_data == 4 ? 0 : 1;
    });
    ring.leave_to_file();
    file.reset();
    closed.send();
    EXPECT_EQ(child.join(), 0);
}

TEST_F(Process, DmabufOutlivesIt) {
    const FdPipe pipe;
    Child child([&] {
        const Fd file = open_device();
        const Buffer buffer(file, page);
        Ring ring(file);
        check(ring.bind_range(0, buffer, 0, page), "bind");
        check(-ring.run_one(fill(0, 0, page, 0x6161616161616161)).status, "fill");
        pipe.send(buffer.export_dmabuf());
        return 0;
    });
    const Fd dmabuf = pipe.receive();
    EXPECT_EQ(child.join(), 0);
    ASSERT_TRUE(dmabuf);
    EXPECT_EQ(Mapping(dmabuf.get(), 0, page)[page - 1], 0x61);
}

// The buffer goes to the parent with the batch still to be run, and then there is no child.
TEST_F(Process, KilledWithBatchesQueuedEndsItsFences) {
    const FdPipe pipe;
    Child child([&] {
        const Fd file = open_device();
        const Buffer buffer(file, page);
        BusyEngine busy(file);
        Ring ring(file, {1024, 1024, 1});
        check(ring.bind_range(0, buffer, 0, page), "bind");
        for (int i = 0; i < 1024; i++) ring.put_batch({fill(0, 0, page, ~0ULL)});
        check(ring.submit(), "submit");
        pipe.send(buffer.export_dmabuf());
        return ring.wait(1024, deadline_in(3 * long_enough));
    });
    const Fd dmabuf = pipe.receive();
    ASSERT_TRUE(dmabuf);
    const Fd fence = export_fences(dmabuf, Fences::writers);
    EXPECT_EQ(sync_file_status(fence), 0);
    child.kill();
    EXPECT_TRUE(gone(child));
    EXPECT_EQ(final_status(fence), -ECANCELED);
    EXPECT_EQ(Mapping(dmabuf.get(), 0, page)[0], 0);
}

TEST_F(Process, KilledWhileHeldByAForeignFenceEndsItsFences) {
    const VgemBuffer vgem;
    const std::uint32_t held = vgem.attach_fence(VgemBuffer::Use::write);
    const Fd wanted = export_fences(vgem.dmabuf(), Fences::all);
    const FdPipe pipe;
    Child child([&] {
        const Fd file = open_device();
        Syncobj in(file);
        in.import_sync_file(wanted);
        const Syncobj out(file);
        Ring ring(file);
        ring.put_batch({nop()});
        check(ring.submit(std::vector{in.handle()}, std::vector{out.handle()}), "submit");
        pipe.send(out.export_sync_file());
        return out.wait(deadline_in(3 * long_enough));
    });
    const Fd fence = pipe.receive();
    ASSERT_TRUE(fence);
    EXPECT_EQ(sync_file_status(fence), 0);
    child.kill();
    EXPECT_TRUE(gone(child));
    EXPECT_EQ(final_status(fence), -ECANCELED);
    vgem.signal(held);
}

TEST_F(Process, KilledInTheMiddleOfItsWorkLeavesNothing) {
    for (int i = 0; i < 10; i++) {
        const Signal started;
        Child child([&] {
            const Fd file = open_device();
            const Buffer buffer(file, 64 * page);
            Ring ring(file);
            check(ring.bind_range(0, buffer, 0, 64 * page), "bind");
            started.send();
            for (;;) ring.run_one(fill(0, 0, 64 * page, 1));
            return 0;
        });
        ASSERT_TRUE(started.wait());
        child.kill();
        EXPECT_TRUE(gone(child));
    }
    const Fd file = open_device();
    Ring ring(file);
    EXPECT_EQ(ring.run_one(nop()).status, 0);
}

}  // namespace
}  // namespace uapi_tests
