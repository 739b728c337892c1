// SPDX-License-Identifier: MIT

// What an import is: one object of a dma-buf in a device, with the rights that its exporter gave.

#include <drm/drm_fourcc.h>
#include <fcntl.h>
#include <xf86drm.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint32_t to_read = ZACCEL_BUFFER_WAIT_READ;

/// Exporters' dma-bufs that their receivers may read and not write. (udmabuf makes none.)
class ReadOnlyForeign : public DeviceTest {
 protected:
    enum : std::uint32_t { foreign = 0, own = 1, foreign_image = 2, own_image = 3 };

    static drm_zaccel_ring_bind image(std::uint32_t slot, const Buffer& buffer) {
        return image_args(slot, DRM_FORMAT_XRGB8888, 8, 8, {plane(buffer.handle(), 32)});
    }

    void expect_read_only(const Fd& dmabuf) {
        const Buffer imported = Buffer::import(device_, dmabuf.get());
        const Mapping memory(dmabuf.get(), 0, page, Rights::read);
        const std::vector<std::uint8_t> before(memory.data(), memory.data() + page);
        ASSERT_EQ(ring_.bind_range(foreign, imported, 0, page), 0);
        ASSERT_EQ(ring_.bind(image(foreign_image, imported)), 0);

        EXPECT_EQ(ring_.run_one(copy(own, foreign, 0, 0, page)).status, 0);
        EXPECT_EQ(std::memcmp(own_memory_.data(), before.data(), page), 0);
        EXPECT_EQ(ring_.run_one(image_command(ZACCEL_OP_INVERT, own_image, foreign_image)).status,
                  0);

        EXPECT_EQ(ring_.run_one(fill(foreign, 0, 8, 0x5a5a5a5a)).status, -EACCES);
        EXPECT_EQ(ring_.run_one(copy(foreign, own, 0, 0, 8)).status, -EACCES);
        EXPECT_EQ(ring_.run_one(image_command(ZACCEL_OP_INVERT, foreign_image, own_image)).status,
                  -EACCES);
        EXPECT_EQ(std::memcmp(memory.data(), before.data(), page), 0);
    }

    Buffer own_{device_, page};
    Mapping own_memory_ = own_.map();
    Ring ring_{device_};

    void SetUp() override {
        ASSERT_EQ(ring_.bind_range(own, own_, 0, page), 0);
        ASSERT_EQ(ring_.bind(image(own_image, own_)), 0);
    }
};

TEST_F(ReadOnlyForeign, Vgem) { expect_read_only(VgemBuffer(Rights::read).dmabuf()); }

TEST_F(ReadOnlyForeign, SystemHeap) { expect_read_only(HeapBuffer(page, Rights::read).dmabuf()); }

TEST_F(ReadOnlyForeign, Vivid) { expect_read_only(VividBuffer(Rights::read).dmabuf()); }

// The rights are those of the dma-buf: whoever exported it for writing too made another.
TEST_F(ReadOnlyForeign, OtherDmabufOfTheSameMemoryIsWritable) {
    const VividBuffer vivid;
    const Buffer imported = Buffer::import(device_, vivid.dmabuf().get());
    ASSERT_EQ(ring_.bind_range(foreign, imported, 0, page), 0);
    EXPECT_EQ(ring_.run_one(fill(foreign, 0, 8, 1)).status, 0);
}

// What PRIME gave away without DRM_RDWR is the buffer itself when it comes home.
TEST_F(ReadOnlyForeign, OurOwnBufferIsItself) {
    int fd = -1;
    ASSERT_EQ(drmPrimeHandleToFD(device_.get(), own_.handle(), DRM_CLOEXEC, &fd), 0);
    const Fd dmabuf(fd), other = open_device();
    const Buffer imported = Buffer::import(other, dmabuf.get());
    Ring ring(other);
    ASSERT_EQ(ring.bind_range(0, imported, 0, page), 0);
    EXPECT_EQ(ring.run_one(fill(0, 0, 8, 1)).status, 0);
}

/// A foreign dma-buf in two files.
class ImportInTwoFiles : public DeviceTest {
 protected:
    Fd other_ = open_device();
    Udmabuf udmabuf_{page};
    long before_ = attachments();
    Buffer first_ = Buffer::import(device_, udmabuf_.dmabuf().get());
    Buffer second_ = Buffer::import(other_, udmabuf_.dmabuf().get());
};

TEST_F(ImportInTwoFiles, IsAttachedOnce) {
    EXPECT_EQ(attachments(), before_ + 1);
    first_.close();
    EXPECT_EQ(attachments(), before_ + 1);
    second_.close();
    EXPECT_TRUE(eventually([&] { return attachments() == before_; }));
}

TEST_F(ImportInTwoFiles, IsTheOneThatASlotStillHas) {
    Ring ring(device_);
    ASSERT_EQ(ring.bind_range(0, first_, 0, page), 0);
    first_.close();
    second_.close();
    const Buffer third = Buffer::import(other_, udmabuf_.dmabuf().get());
    EXPECT_EQ(attachments(), before_ + 1);
    EXPECT_EQ(ring.run_one(fill(0, 0, 8, 0x21)).status, 0);
    EXPECT_EQ(udmabuf_.memory()[0], 0x21);
}

TEST_F(ImportInTwoFiles, WhoeverWritesItIsWaitedForInTheOther) {
    LateMode late;
    late.hold();
    Ring ring(device_);
    ASSERT_EQ(ring.bind_range(0, first_, 0, page), 0);
    ring.put_batch({with(fill(0, 0, page, 1), ZACCEL_CMD_EXPLICIT_SYNC)});
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(second_.wait(0, to_read), ETIME);
    late.release();
    ring.wait_for(1);
    EXPECT_EQ(second_.wait(deadline_in(long_enough), to_read), 0);
}

TEST_F(ImportInTwoFiles, ReadOnlyOneIsOneToo) {
    const Buffer buffer(device_, page);
    const Fd dmabuf = buffer.export_readonly();
    const Buffer first = Buffer::import(device_, dmabuf.get());
    const long with_first = attachments();
    const Buffer second = Buffer::import(other_, dmabuf.get());
    EXPECT_EQ(attachments(), with_first);
}

// Each finds the object of another, or one that is about to go: then it gets a new one.
TEST_F(ImportInTwoFiles, ComesAndGoesInManyThreads) {
    constexpr int rounds = 300;
    first_.close();
    second_.close();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([this] {
            const Fd file = open_device();
            Ring ring(file, {8, 8, 2});
            for (int i = 0; i < rounds; i++) {
                Buffer imported = Buffer::import(file, udmabuf_.dmabuf().get());
                EXPECT_EQ(ring.bind_range(0, imported, 0, page), 0);
                imported.close();
                EXPECT_EQ(ring.run_one(fill(0, 0, 8, 1)).status, 0);
                EXPECT_EQ(ring.clear(0), 0);
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(eventually([&] { return attachments() == before_; }));
}

}  // namespace
}  // namespace uapi_tests
