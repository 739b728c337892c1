// SPDX-License-Identifier: MIT

// What an open file costs others, as /proc/PID/fdinfo says it: time of the engine, and memory.

#include "fdinfo.hpp"

#include <fcntl.h>

#include <atomic>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "process.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

class FdinfoTime : public DeviceTest {
 protected:
    /// Reads it again and again until told, and sees that nothing shrinks.
    static void watch(const Fd& file, const std::atomic<bool>& end) {
        std::uint64_t busy = 0;
        std::uint64_t batches = 0;
        while (!end) {
            const Fdinfo info(file);
            ASSERT_GE(info.busy_ns(), busy);
            ASSERT_GE(info.batches(), batches);
            busy = info.busy_ns();
            batches = info.batches();
        }
    }

    /// Batches of each size: some are run in the doorbell, some on the engine's thread.
    static void work(const Fd& file, int rounds) {
        const Buffer buffer(file, 16 * page);
        Ring ring(file);
        check(ring.bind_range(0, buffer, 0, 16 * page), "bind");
        for (int i = 0; i < rounds; i++) {
            ring.run({nop(), fill(0, 0, 64, 1)});
            ring.run_one(crc32c(0, 0, 16 * page));
        }
    }
};

TEST_F(FdinfoTime, ClientThatDidNothing) {
    const Fdinfo info(device_);
    EXPECT_EQ(info.text("drm-driver"), "zaccel");
    EXPECT_GT(info.client_id(), 0U);
    EXPECT_EQ(info.text("drm-engine-soft"), "0 ns");
    EXPECT_EQ(info.capacity(), 1U);
    EXPECT_EQ(info.text("zaccel-batches-soft"), "0");
    for (const char* what : {"total", "shared", "active", "resident"})
        EXPECT_EQ(info.memory(what), 0U) << what;
}

TEST_F(FdinfoTime, OpenFilesAreClientsOfTheirOwn) {
    const Fd other = open_device();
    const Fd duplicate(::fcntl(device_.get(), F_DUPFD_CLOEXEC, 0));
    EXPECT_NE(Fdinfo(device_).client_id(), Fdinfo(other).client_id());
    EXPECT_EQ(Fdinfo(device_).client_id(), Fdinfo(duplicate).client_id());
    work(device_, 1);
    EXPECT_EQ(Fdinfo(duplicate).batches(), 2U);
    EXPECT_EQ(Fdinfo(other).batches(), 0U);
    EXPECT_EQ(Fdinfo(other).busy_ns(), 0U);
}

TEST_F(FdinfoTime, EveryBatchCounts) {
    Ring ring(device_);
    for (std::uint64_t n = 1; n <= 10; n++) {
        ring.run({nop(), nop(), nop()});
        EXPECT_EQ(Fdinfo(device_).batches(), n);
    }
    drm_zaccel_command bad = nop();
    bad.opcode = 0x7fff;
    EXPECT_NE(ring.run_one(bad).status, 0);
    EXPECT_EQ(Fdinfo(device_).batches(), 11U) << "a failed one, too";
}

TEST_F(FdinfoTime, BusyForNoLongerThanTimePassed) {
    const std::uint64_t start = now_ns();
    work(device_, 50);
    const std::uint64_t busy = Fdinfo(device_).busy_ns();
    EXPECT_GT(busy, 0U);
    EXPECT_LE(busy, now_ns() - start);
}

TEST_F(FdinfoTime, AllClientsTogetherForNoLongerThanTimePassed) {
    std::vector<Fd> files;
    for (int i = 0; i < 4; i++) files.push_back(open_device());
    const std::uint64_t start = now_ns();
    std::vector<std::thread> threads;
    for (const Fd& file : files) threads.emplace_back([&file] { work(file, 50); });
    for (std::thread& thread : threads) thread.join();
    std::uint64_t busy = 0;
    for (const Fd& file : files) {
        EXPECT_GT(Fdinfo(file).busy_ns(), 0U);
        EXPECT_EQ(Fdinfo(file).batches(), 100U);
        busy += Fdinfo(file).busy_ns();
    }
    EXPECT_LE(busy, now_ns() - start);
}

TEST_F(FdinfoTime, NothingGoesBack) {
    std::atomic<bool> end = false;
    std::thread watcher([&] { watch(device_, end); });
    std::thread second([&] { work(device_, 100); });
    work(device_, 100);
    second.join();
    end = true;
    watcher.join();
    EXPECT_EQ(Fdinfo(device_).batches(), 400U);
}

TEST_F(FdinfoTime, BatchThatRunsCountsAlready) {
    const std::uint64_t start = now_ns();
    const BusyEngine busy(device_);
    EXPECT_TRUE(eventually([&] { return Fdinfo(device_).busy_ns() > 10'000'000; }));
    const Fdinfo info(device_);
    EXPECT_EQ(info.batches(), 0U);
    EXPECT_LE(info.busy_ns(), now_ns() - start);
    busy.cancel();
    EXPECT_TRUE(eventually([&] { return Fdinfo(device_).batches() == 1; }));
    EXPECT_GE(Fdinfo(device_).busy_ns(), info.busy_ns());
    EXPECT_LE(Fdinfo(device_).busy_ns(), now_ns() - start);
}

TEST_F(FdinfoTime, BatchThatWaitsDoesNotCount) {
    const HeldEngine engine;
    Ring ring(device_);
    ring.put_batch({nop()});
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(Fdinfo(device_).text("drm-engine-soft"), "0 ns");
    engine.advance(1);
    ring.wait_for(1);
    const Fdinfo info(device_);
    EXPECT_EQ(info.batches(), 1U);
    EXPECT_GT(info.busy_ns(), 0U);
    EXPECT_EQ(Fdinfo(device_).busy_ns(), info.busy_ns());
    engine.release();
    ring.wait_for(2);
}

TEST_F(FdinfoTime, ForkedProcessHasTheSameFile) {
    Child child([&] {
        work(device_, 3);
        return 0;
    });
    EXPECT_EQ(child.join(), 0);
    EXPECT_EQ(Fdinfo(device_).batches(), 6U);
}

TEST_F(FdinfoTime, RingThatHasEndedStillCounts) {
    for (int i = 1; i <= 3; i++) {
        const Fdinfo before(device_);
        work(device_, 1);
        const Fdinfo after(device_);
        EXPECT_EQ(after.batches(), before.batches() + 2);
        EXPECT_GT(after.busy_ns(), before.busy_ns());
        EXPECT_EQ(Fdinfo(device_).busy_ns(), after.busy_ns());
    }
}

// It is over in an instant: what was not run takes no time, but a batch it was.
TEST_F(FdinfoTime, CanceledBatchesCount) {
    const HeldEngine engine;
    const ManualFence fence;
    Syncobj in(device_);
    in.import_sync_file(fence.sync_file());
    Ring ring(device_);
    ring.put_batch({nop()});
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(std::vector{in.handle()}, {}), 0);
    ASSERT_EQ(ring.destroy(), 0);
    EXPECT_TRUE(eventually([&] { return Fdinfo(device_).batches() == 2; }));
    fence.signal();
}

TEST_F(FdinfoTime, RingMayOutliveItsFile) {
    for (int i = 0; i < 20; i++) {
        Fd file = open_device();
        Ring ring(file);
        const Buffer buffer(file, page);
        EXPECT_EQ(ring.bind_range(0, buffer, 0, page), 0);
        for (int n = 0; n < 30; n++) ring.put_batch({crc32c(0, 0, page), fill(0, 0, page, 1)});
        EXPECT_EQ(ring.submit(), 0);
        ring.leave_to_file();
    }
}

class FdinfoMemory : public DeviceTest {
 protected:
    std::uint64_t memory(const std::string& what) const { return Fdinfo(device_).memory(what); }
};

TEST_F(FdinfoMemory, IsThatOfItsHandles) {
    const Fd other = open_device();
    Buffer small(device_, 1);
    EXPECT_EQ(memory("total"), page);
    Buffer large(device_, 3 << 20);
    EXPECT_EQ(memory("total"), page + (3 << 20));
    EXPECT_EQ(memory("shared"), 0U);
    EXPECT_EQ(Fdinfo(other).memory("total"), 0U);
    small.close();
    EXPECT_EQ(memory("total"), 3U << 20);
    large.close();
    EXPECT_EQ(memory("total"), 0U);
}

TEST_F(FdinfoMemory, HasRingsInIt) {
    {
        const Ring ring(device_);
        EXPECT_EQ(memory("total"), ring.args().size);
        EXPECT_EQ(memory("resident"), ring.args().size) << "the kernel uses it";
    }
    EXPECT_EQ(memory("total"), 0U);
}

TEST_F(FdinfoMemory, IsResidentOnceItIsUsed) {
    const Buffer buffer(device_, 4 * page);
    const Buffer untouched(device_, 2 * page);
    EXPECT_EQ(memory("resident"), 0U);
    const Mapping mapping = buffer.map();
    mapping[0] = 1;
    EXPECT_EQ(memory("resident"), 4 * page);
    EXPECT_EQ(memory("total"), 6 * page);
}

TEST_F(FdinfoMemory, IsSharedOnceItWasExported) {
    const Buffer buffer(device_, 2 * page);
    const Buffer stays(device_, page);
    const Fd dmabuf = buffer.export_dmabuf();
    EXPECT_EQ(memory("shared"), 2 * page);
    EXPECT_EQ(memory("total"), 3 * page);
    const Fd other = open_device();
    const Buffer import = Buffer::import(other, dmabuf.get());
    EXPECT_EQ(Fdinfo(other).memory("shared"), 2 * page);
    EXPECT_EQ(Fdinfo(other).memory("total"), 2 * page);
    EXPECT_EQ(memory("shared"), 2 * page);
}

TEST_F(FdinfoMemory, HasImportsInIt) {
    const VgemBuffer vgem;
    const Buffer import = Buffer::import(device_, vgem.dmabuf().get());
    EXPECT_EQ(memory("total"), VgemBuffer::size);
    EXPECT_EQ(memory("shared"), VgemBuffer::size);
    EXPECT_EQ(memory("resident"), VgemBuffer::size);
}

TEST_F(FdinfoMemory, IsActiveWhileABatchUsesIt) {
    const HeldEngine engine;
    const Buffer read(device_, page);
    const Buffer written(device_, 2 * page);
    const Buffer idle(device_, 4 * page);
    const Buffer shared(device_, 8 * page);
    const Fd dmabuf = shared.export_dmabuf();
    Ring ring(device_);
    ASSERT_EQ(ring.bind_range(0, read, 0, page), 0);
    ASSERT_EQ(ring.bind_range(1, written, 0, page), 0);
    ASSERT_EQ(ring.bind_range(2, idle, 0, page), 0);
    ASSERT_EQ(ring.bind_range(3, shared, 0, page), 0);
    EXPECT_EQ(memory("active"), 0U);
    ring.put_batch({copy(1, 0, 0, 0, page)});
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(memory("active"), 3 * page);
    ring.put_batch({fill(3, 0, page, 1)});
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(memory("active"), 11 * page);
    engine.release();
    ring.wait_for(2);
    EXPECT_EQ(memory("active"), 0U);
}

}  // namespace
}  // namespace uapi_tests
