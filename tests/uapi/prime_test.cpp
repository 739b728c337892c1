// SPDX-License-Identifier: MIT

// dma-bufs out and in: ours between files, and those of every partner that the stock kernel has.

#include <drm/drm_fourcc.h>
#include <drm/zaccel_accel.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xf86drm.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "ring.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

class Prime : public DeviceTest {
 protected:
    /// 0 or the errno of an import into @p file; what came of it is closed.
    static int import(const Fd& file, int fd) {
        std::uint32_t handle = 0;
        if (drmPrimeFDToHandle(file.get(), fd, &handle) != 0) return errno;
        Buffer::adopt(file, handle).close();
        return 0;
    }

    std::uint32_t flags_of(const Buffer& buffer) {
        drm_zaccel_buffer_info args{};
        args.handle = buffer.handle();
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_INFO, args), 0);
        return args.flags;
    }
};

TEST_F(Prime, ExportMapsTheSameMemory) {
    const Buffer buffer(device_, 2 * page);
    const Mapping ours = buffer.map();
    const Fd dmabuf = buffer.export_dmabuf();
    EXPECT_EQ(::lseek(dmabuf.get(), 0, SEEK_END), static_cast<off_t>(2 * page));
    const Mapping theirs(dmabuf.get(), 0, 2 * page);
    ours[page + 1] = 0x77;
    EXPECT_EQ(theirs[page + 1], 0x77);
}

TEST_F(Prime, ExportTwiceIsOneDmabuf) {
    const Buffer buffer(device_, page);
    const Fd a = buffer.export_dmabuf(), b = buffer.export_dmabuf();
    struct stat sa{}, sb{};
    ASSERT_EQ(::fstat(a.get(), &sa), 0);
    ASSERT_EQ(::fstat(b.get(), &sb), 0);
    EXPECT_EQ(sa.st_ino, sb.st_ino);
}

TEST_F(Prime, ImportIntoTheSameFileIsTheSameHandle) {
    const Buffer buffer(device_, page);
    const Fd dmabuf = buffer.export_dmabuf();
    std::uint32_t handle = 0;
    ASSERT_EQ(drmPrimeFDToHandle(device_.get(), dmabuf.get(), &handle), 0);
    EXPECT_EQ(handle, buffer.handle());
    EXPECT_EQ(flags_of(buffer), static_cast<std::uint32_t>(ZACCEL_BUFFER_SHARED));
}

TEST_F(Prime, ImportIntoAnotherFileIsTheSameMemory) {
    const Buffer buffer(device_, page);
    const Mapping memory = buffer.map();
    const Fd other = open_device();
    const Buffer imported = Buffer::import(other, buffer.export_dmabuf().get());
    Ring ring(other);
    ASSERT_EQ(ring.bind_range(0, imported, 0, page), 0);
    EXPECT_EQ(ring.run_one(fill(0, 0, page, 0x4242424242424242)).status, 0);
    EXPECT_EQ(memory[page - 1], 0x42);
    const Mapping theirs = imported.map();
    EXPECT_EQ(theirs[page - 1], 0x42);
}

TEST_F(Prime, ImportOfTheSameDmabufIsTheSameHandle) {
    const Udmabuf udmabuf(page);
    const Buffer first = Buffer::import(device_, udmabuf.dmabuf().get());
    std::uint32_t second = 0;
    ASSERT_EQ(drmPrimeFDToHandle(device_.get(), udmabuf.dmabuf().get(), &second), 0);
    EXPECT_EQ(second, first.handle());
}

TEST_F(Prime, FdOfSomethingElseIsInvalid) {
    const Fd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
    EXPECT_EQ(import(device_, file.get()), EINVAL);
    EXPECT_EQ(import(device_, device_.get()), EINVAL);
}

TEST_F(Prime, ClosedFdIsBad) {
    EXPECT_EQ(import(device_, -1), EBADF);
    EXPECT_EQ(import(device_, 9999), EBADF);
    int closed;
    {
        const Fd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
        closed = file.get();
    }
    EXPECT_EQ(import(device_, closed), EBADF);
}

TEST_F(Prime, ExportOfUnknownHandleIsNotFound) {
    int fd = -1;
    for (std::uint32_t handle : {0U, 9999U}) {
        EXPECT_EQ(drmPrimeHandleToFD(device_.get(), handle, DRM_CLOEXEC, &fd), -1);
        EXPECT_EQ(errno, ENOENT);
    }
}

TEST_F(Prime, EveryOtherFlagOfAnExportIsInvalid) {
    const Buffer buffer(device_, page);
    for (unsigned bit = 0; bit < 32; bit++) {
        if (((DRM_CLOEXEC | DRM_RDWR) & (1U << bit)) != 0) continue;
        int fd = -1;
        EXPECT_EQ(drmPrimeHandleToFD(device_.get(), buffer.handle(), 1U << bit, &fd), -1) << bit;
        EXPECT_EQ(errno, EINVAL) << bit;
    }
    EXPECT_EQ(flags_of(buffer), 0U) << "not shared";
}

TEST_F(Prime, NoDescriptorLeftIsEmfile) {
    const Buffer buffer(device_, page);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{0, before.rlim_max};
    int fd = -1;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const int result = drmPrimeHandleToFD(device_.get(), buffer.handle(), DRM_CLOEXEC, &fd);
    const int error = errno;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(result, -1);
    EXPECT_EQ(error, EMFILE);
    EXPECT_TRUE(buffer.export_dmabuf());
}

TEST_F(Prime, ExportOfAnImportIsTheOriginal) {
    const Udmabuf udmabuf(page);
    const Buffer imported = Buffer::import(device_, udmabuf.dmabuf().get());
    const Fd again = imported.export_dmabuf();
    struct stat sa{}, sb{};
    ASSERT_EQ(::fstat(udmabuf.dmabuf().get(), &sa), 0);
    ASSERT_EQ(::fstat(again.get(), &sb), 0);
    EXPECT_EQ(sa.st_ino, sb.st_ino);
}

TEST_F(Prime, ImportIsAttached) {
    const Udmabuf udmabuf(page);
    const Buffer ours(device_, page);
    const Fd other = open_device(), dmabuf = ours.export_dmabuf();
    const long before = attachments();
    {
        const Buffer imported = Buffer::import(device_, udmabuf.dmabuf().get());
        EXPECT_EQ(attachments(), before + 1);
        const Buffer same = Buffer::import(other, dmabuf.get());
        EXPECT_EQ(attachments(), before + 1) << "our own needs none";
    }
    EXPECT_TRUE(eventually([&] { return attachments() == before; }));
}

TEST_F(Prime, ImportSaysWhatItIs) {
    const Udmabuf udmabuf(2 * page);
    const Buffer imported = Buffer::import(device_, udmabuf.dmabuf().get());
    drm_zaccel_buffer_info args{};
    args.handle = imported.handle();
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_INFO, args), 0);
    EXPECT_EQ(args.flags,
              static_cast<std::uint32_t>(ZACCEL_BUFFER_IMPORTED | ZACCEL_BUFFER_SHARED));
    EXPECT_EQ(args.size, 2 * page);
    EXPECT_EQ(args.mmap_offset, 0U);
}

TEST_F(Prime, RingMemoryCanBeExported) {
    Ring ring(device_);
    const Fd dmabuf = [&] {
        int fd = -1;
        EXPECT_EQ(drmPrimeHandleToFD(device_.get(), ring.handle(), DRM_CLOEXEC | DRM_RDWR, &fd), 0);
        return Fd(fd);
    }();
    const Mapping memory(dmabuf.get(), 0, ring.args().size);
    EXPECT_EQ(ring.run_one(nop(7)).status, 0);
    drm_zaccel_completion completion{};
    std::memcpy(&completion, memory.data() + ring.args().cq_offset, sizeof(completion));
    EXPECT_EQ(completion.user_data, 7U);
}

TEST_F(Prime, RangeOfAnImportMustFit) {
    const Udmabuf udmabuf(2 * page);
    const Buffer imported = Buffer::import(device_, udmabuf.dmabuf().get());
    const Ring ring(device_);
    EXPECT_EQ(ring.bind_range(0, imported, 0, 2 * page), 0);
    EXPECT_EQ(ring.bind_range(0, imported, 0, 2 * page + 1), ERANGE);
    EXPECT_EQ(ring.bind_range(0, imported, 2 * page, 1), ERANGE);
    EXPECT_EQ(
        ring.bind(image_args(0, DRM_FORMAT_XRGB8888, 64, 33, {plane(imported.handle(), 256)})),
        ERANGE);
}

// The exporter's memory stays for as long as the slot needs it, whatever else goes.
TEST_F(Prime, BindingOutlivesHandleAndFd) {
    Ring ring(device_);
    {
        const HeapBuffer heap(page);
        const Buffer imported = Buffer::import(device_, heap.dmabuf().get());
        ASSERT_EQ(ring.bind_range(0, imported, 0, page), 0);
    }
    EXPECT_EQ(ring.run_one(fill(0, 0, page, 1)).status, 0);
    EXPECT_NE(ring.run_one(crc32c(0, 0, page)).result, 0U);
}

// Each partner's buffer, written there and read here, written here and read there.
class Partner : public Prime {
 protected:
    void expect_both_ways(const Fd& dmabuf, std::uint64_t size, const Mapping& theirs) {
        const Buffer imported = Buffer::import(device_, dmabuf.get());
        EXPECT_EQ(flags_of(imported),
                  static_cast<std::uint32_t>(ZACCEL_BUFFER_IMPORTED | ZACCEL_BUFFER_SHARED));
        Ring ring(device_);
        ASSERT_EQ(ring.bind_range(0, imported, 0, size), 0);

        sync(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);
        std::memcpy(theirs.data() + 100, "123456789", 9);
        sync(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
        EXPECT_EQ(ring.run_one(crc32c(0, 100, 9)).result, 0xe3069283U);

        EXPECT_EQ(ring.run_one(fill(0, size - 5, 5, 0x0504030201)).status, 0);
        sync(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
        EXPECT_EQ(std::memcmp(theirs.data() + size - 5, "\1\2\3\4\5", 5), 0);
        sync(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
    }

    static void sync(const Fd& dmabuf, std::uint64_t flags) {
        dma_buf_sync args{};
        args.flags = flags;
        EXPECT_EQ(call(dmabuf, DMA_BUF_IOCTL_SYNC, args), 0);
    }
};

TEST_F(Partner, Udmabuf) {
    const uapi_tests::Udmabuf udmabuf(4 * page);
    expect_both_ways(udmabuf.dmabuf(), 4 * page, udmabuf.memory());
}

TEST_F(Partner, SystemHeap) {
    const HeapBuffer heap(16 * page);
    expect_both_ways(heap.dmabuf(), 16 * page, Mapping(heap.dmabuf().get(), 0, 16 * page));
}

TEST_F(Partner, Vgem) {
    const VgemBuffer vgem;
    expect_both_ways(vgem.dmabuf(), VgemBuffer::size,
                     Mapping(vgem.dmabuf().get(), 0, VgemBuffer::size));
}

TEST_F(Partner, Vivid) {
    const VividBuffer vivid;
    expect_both_ways(vivid.dmabuf(), vivid.size(), Mapping(vivid.dmabuf().get(), 0, vivid.size()));
}

TEST_F(Partner, VividsPictureIsConverted) {
    const VividBuffer vivid;
    vivid.capture();
    const Buffer camera = Buffer::import(device_, vivid.dmabuf().get());
    const Buffer picture(device_, vivid.width() * vivid.height() * 4ULL);
    Ring ring(device_);
    ASSERT_EQ(ring.bind(image_args(0, DRM_FORMAT_YUYV, vivid.width(), vivid.height(),
                                   {plane(camera.handle(), vivid.pitch())})),
              0);
    ASSERT_EQ(ring.bind(image_args(1, DRM_FORMAT_XRGB8888, vivid.width(), vivid.height(),
                                   {plane(picture.handle(), vivid.width() * 4)})),
              0);
    EXPECT_EQ(ring.run_one(image_command(ZACCEL_OP_CONVERT, 1, 0)).status, 0);
    // Colour bars: more than one colour, each pixel opaque.
    const Mapping pixels = picture.map();
    const std::size_t bytes = vivid.width() * vivid.height() * 4;
    for (std::size_t i = 3; i < bytes; i += 4) ASSERT_EQ(pixels[i], 255) << i;
    EXPECT_NE(std::memcmp(pixels.data(), pixels.data() + vivid.width() * 2, 4), 0);
}

}  // namespace
}  // namespace uapi_tests
