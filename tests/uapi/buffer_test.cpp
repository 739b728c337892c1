// SPDX-License-Identifier: MIT
#include "buffer.hpp"

#include <drm/zaccel_accel.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <vector>

#include "fixture.hpp"
#include "ring.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t max_size = 1ULL << 30;

class BufferCreate : public DeviceTest {
 protected:
    static drm_zaccel_buffer_create make(std::uint64_t size) {
        drm_zaccel_buffer_create args{};
        args.size = size;
        return args;
    }

    /// Creates and closes.
    int create(drm_zaccel_buffer_create args, std::uint64_t* size = nullptr) {
        const int error = call(device_, DRM_IOCTL_ZACCEL_BUFFER_CREATE, args);
        if (error == 0) {
            EXPECT_NE(args.handle, 0U);
            Buffer::adopt(device_, args.handle).close();
        }
        if (size) *size = args.size;
        return error;
    }
};

TEST_F(BufferCreate, SizeIsRoundedToPages) {
    std::uint64_t size = 0;
    for (std::uint64_t wanted : {std::uint64_t{1}, page - 1, page, page + 1, 100 * page - 7}) {
        ASSERT_EQ(create(make(wanted), &size), 0) << wanted;
        EXPECT_EQ(size, (wanted + page - 1) / page * page);
    }
}

TEST_F(BufferCreate, LargestSizeIsTheOneReported) {
    std::uint64_t size = 0;
    EXPECT_EQ(create(make(max_size), &size), 0);
    EXPECT_EQ(size, max_size);
    EXPECT_EQ(create(make(max_size - 1), &size), 0);
    EXPECT_EQ(size, max_size);
}

// Clean pages of shmem may be dropped at any time, so what was written must not count as clean.
class WrittenPages : public DeviceTest {
 protected:
    static void drop_clean_pages() { std::ofstream("/proc/sys/vm/drop_caches") << 1 << std::flush; }

    static void expect_filled(const Buffer& buffer, std::uint8_t value) {
        const Mapping memory = buffer.map();
        EXPECT_TRUE(std::ranges::all_of(memory.bytes(), [=](auto byte) { return byte == value; }));
    }

    static constexpr std::uint64_t size = 64 * page;
};

TEST_F(WrittenPages, OfTheProgramStay) {
    const Buffer buffer(device_, size);
    std::ranges::fill(buffer.map().bytes(), 0x5a);
    drop_clean_pages();
    expect_filled(buffer, 0x5a);
}

TEST_F(WrittenPages, OfTheEngineStay) {
    const Buffer buffer(device_, size);
    {
        Ring ring(device_);
        ASSERT_EQ(ring.bind_range(0, buffer, 0, size), 0);
        ASSERT_EQ(ring.run_one(fill(0, 0, size, 0x6b6b6b6b6b6b6b6b)).status, 0);
    }
    drop_clean_pages();
    expect_filled(buffer, 0x6b);
}

TEST_F(BufferCreate, LargerIsTooBig) {
    for (std::uint64_t size :
         {max_size + 1, max_size * 2, std::uint64_t{1} << 63, ~std::uint64_t{0}})
        EXPECT_EQ(create(make(size)), E2BIG) << size;
}

TEST_F(BufferCreate, NoSizeIsInvalid) { EXPECT_EQ(create(make(0)), EINVAL); }

TEST_F(BufferCreate, UnknownRegionIsInvalid) {
    for (std::uint32_t region : {3U, 4U, 0x80000000U, ~0U}) {
        drm_zaccel_buffer_create args = make(page);
        args.region = region;
        EXPECT_EQ(create(args), EINVAL) << region;
    }
}

TEST_F(BufferCreate, EveryFlagIsInvalid) {
    for (unsigned bit = 0; bit < 32; bit++) {
        drm_zaccel_buffer_create args = make(page);
        args.flags = 1U << bit;
        EXPECT_EQ(create(args), EINVAL) << bit;
    }
}

TEST_F(BufferCreate, BadPadIsInvalid) {
    for (std::uint32_t pad : {1U, 0x80000000U}) {
        drm_zaccel_buffer_create args = make(page);
        args.pad = pad;
        EXPECT_EQ(create(args), EINVAL) << pad;
    }
}

// Set by the kernel, whatever stands there.
TEST_F(BufferCreate, HandleIsOnlyAResult) {
    drm_zaccel_buffer_create args = make(page);
    args.handle = 0xdeadbeef;
    EXPECT_EQ(create(args), 0);
}

TEST_F(BufferCreate, MemoryIsZero) {
    const Buffer buffer(device_, 16 * page);
    const Mapping memory = buffer.map();
    EXPECT_TRUE(std::all_of(memory.bytes().begin(), memory.bytes().end(),
                            [](auto byte) { return byte == 0; }));
}

TEST_F(BufferCreate, HandlesAreDifferent) {
    const Buffer a(device_, page), b(device_, page);
    EXPECT_NE(a.handle(), b.handle());
}

class BufferInfo : public DeviceTest {
 protected:
    int info(drm_zaccel_buffer_info& args) {
        return call(device_, DRM_IOCTL_ZACCEL_BUFFER_INFO, args);
    }

    static drm_zaccel_buffer_info make(std::uint32_t handle) {
        drm_zaccel_buffer_info args{};
        args.handle = handle;
        return args;
    }

    std::uint32_t flags_of(const Buffer& buffer) {
        drm_zaccel_buffer_info args = make(buffer.handle());
        EXPECT_EQ(info(args), 0);
        return args.flags;
    }
};

TEST_F(BufferInfo, DescribesANewBuffer) {
    const Buffer buffer(device_, 3 * page);
    drm_zaccel_buffer_info args = make(buffer.handle());
    args.flags = ~0U;
    args.size = args.mmap_offset = ~0ULL;
    args.region = ~0U;
    ASSERT_EQ(info(args), 0);
    EXPECT_EQ(args.handle, buffer.handle());
    EXPECT_EQ(args.flags, 0U);
    EXPECT_EQ(args.size, 3 * page);
    EXPECT_NE(args.mmap_offset, 0U);
    EXPECT_EQ(args.region, static_cast<std::uint32_t>(ZACCEL_REGION_SYSTEM));
    EXPECT_EQ(args.pad, 0U);
}

TEST_F(BufferInfo, SharedOnceExportedAndForEver) {
    const Buffer buffer(device_, page);
    EXPECT_EQ(flags_of(buffer), 0U);
    buffer.export_dmabuf().reset();
    EXPECT_EQ(flags_of(buffer), static_cast<std::uint32_t>(ZACCEL_BUFFER_SHARED));
}

TEST_F(BufferInfo, RingMemoryIsABufferToo) {
    const Ring ring(device_);
    drm_zaccel_buffer_info args = make(ring.handle());
    ASSERT_EQ(info(args), 0);
    EXPECT_EQ(args.size, ring.args().size);
}

TEST_F(BufferInfo, BadPadIsInvalid) {
    const Buffer buffer(device_, page);
    for (std::uint32_t pad : {1U, 0x80000000U}) {
        drm_zaccel_buffer_info args = make(buffer.handle());
        args.pad = pad;
        EXPECT_EQ(info(args), EINVAL) << pad;
    }
}

TEST_F(BufferInfo, UnknownHandleIsNotFound) {
    const Buffer buffer(device_, page);
    for (std::uint32_t handle : {0U, buffer.handle() + 1, 0x7fffffffU, 0x80000000U, ~0U}) {
        drm_zaccel_buffer_info args = make(handle);
        EXPECT_EQ(info(args), ENOENT) << handle;
    }
}

TEST_F(BufferInfo, ClosedHandleIsNotFound) {
    Buffer buffer(device_, page);
    drm_zaccel_buffer_info args = make(buffer.handle());
    buffer.close();
    EXPECT_EQ(info(args), ENOENT);
}

TEST_F(BufferInfo, HandleOfAnotherFileIsNotFound) {
    const Fd other = open_device();
    const Buffer buffer(other, page);
    drm_zaccel_buffer_info args = make(buffer.handle());
    EXPECT_EQ(info(args), ENOENT);
}

class BufferMapping : public DeviceTest {
 protected:
    /// 0 or the errno of mmap().
    int map(int fd, std::uint64_t offset, std::size_t size, int flags = MAP_SHARED) {
        void* memory =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, static_cast<off_t>(offset));
        if (memory == MAP_FAILED) return errno;
        ::munmap(memory, size);
        return 0;
    }

    std::uint64_t offset_of(std::uint32_t handle) {
        drm_zaccel_buffer_info args{};
        args.handle = handle;
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_INFO, args), 0);
        return args.mmap_offset;
    }
};

TEST_F(BufferMapping, TwoMappingsShowTheSame) {
    const Buffer buffer(device_, 2 * page);
    const Mapping a = buffer.map(), b = buffer.map();
    a[page + 5] = 0x5a;
    EXPECT_EQ(b[page + 5], 0x5a);
}

TEST_F(BufferMapping, PartOfABufferCanBeMapped) {
    const Buffer buffer(device_, 4 * page);
    EXPECT_EQ(map(device_.get(), offset_of(buffer.handle()), page), 0);
}

TEST_F(BufferMapping, LongerThanTheBufferIsInvalid) {
    const Buffer buffer(device_, 2 * page);
    const std::uint64_t offset = offset_of(buffer.handle());
    EXPECT_EQ(map(device_.get(), offset, 2 * page), 0);
    EXPECT_EQ(map(device_.get(), offset, 3 * page), EINVAL);
    EXPECT_EQ(map(device_.get(), offset, 1024 * page), EINVAL);
}

TEST_F(BufferMapping, LongerThanTheRingIsInvalid) {
    const Ring ring(device_);
    const std::uint64_t offset = offset_of(ring.handle());
    EXPECT_EQ(map(device_.get(), offset, ring.args().size), 0);
    EXPECT_EQ(map(device_.get(), offset, ring.args().size + page), EINVAL);
}

TEST_F(BufferMapping, OnlyItsOwnOffsetMaps) {
    const Buffer buffer(device_, 2 * page);
    const std::uint64_t offset = offset_of(buffer.handle());
    EXPECT_EQ(map(device_.get(), offset + page, page), EINVAL);
    EXPECT_EQ(map(device_.get(), 0, page), EINVAL);
}

TEST_F(BufferMapping, PrivateMappingIsInvalid) {
    const Buffer buffer(device_, page);
    EXPECT_EQ(map(device_.get(), offset_of(buffer.handle()), page, MAP_PRIVATE), EINVAL);
}

TEST_F(BufferMapping, OffsetOfAnotherFileIsDenied) {
    const Fd other = open_device();
    const Buffer buffer(device_, page);
    EXPECT_EQ(map(other.get(), offset_of(buffer.handle()), page), EACCES);
}

TEST_F(BufferMapping, OutlivesHandleAndFile) {
    Fd file = open_device();
    Mapping memory;
    {
        Buffer buffer(file, page);
        memory = buffer.map();
    }
    memory[0] = 1;
    file.reset();
    memory[1] = 2;
    EXPECT_EQ(memory[0] + memory[1], 3);
    memory = Mapping();
}

}  // namespace
}  // namespace uapi_tests
