// SPDX-License-Identifier: MIT

// A ring's memory is exported while its batches are under way, and is reached no further than that.

#include <poll.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "fixture.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

class RingExport : public DeviceTest {
 protected:
    RingExport() { late_.hold(); }

    void submit(const drm_zaccel_command& command) {
        ring_.put_batch({command});
        ASSERT_EQ(ring_.submit(), 0);
    }

    LateMode late_;
    Ring ring_{device_};
};

// The kernel's own use of the memory is no use by a batch.
TEST_F(RingExport, MemoryIsIdle) {
    submit(nop(31));
    const Fd dmabuf = ring_.export_dmabuf();
    EXPECT_TRUE(readable(dmabuf));
    EXPECT_TRUE(writable(dmabuf));
    const Mapping memory(dmabuf.get(), 0, ring_.args().size);
    late_.advance(1);
    ring_.wait_for(1);
    drm_zaccel_completion completion{};
    std::memcpy(&completion, memory.data() + ring_.args().cq_offset, sizeof(completion));
    EXPECT_EQ(completion.user_data, 31U);
}

TEST_F(RingExport, MemoryThatABatchReadsIsRead) {
    ASSERT_EQ(ring_.bind(range_args(2, ring_.handle(), 0, page)), 0);
    submit(crc32c(2, 0, page));
    const Fd dmabuf = ring_.export_dmabuf();
    EXPECT_TRUE(readable(dmabuf));
    EXPECT_FALSE(writable(dmabuf));
    submit(crc32c(2, 0, page));
    late_.advance(1);
    ring_.wait_for(1);
    EXPECT_FALSE(writable(dmabuf));
    late_.advance(1);
    EXPECT_EQ(poll_events(dmabuf.get(), POLLOUT, 20000), POLLOUT);
    ring_.wait_for(2);
}

// Who has the read-only dma-buf sees completions, and can forge none.
TEST_F(RingExport, ReadOnlyOneShowsCompletions) {
    int fd = -1;
    {
        drm_zaccel_buffer_export args{};
        args.handle = ring_.handle();
        args.flags = ZACCEL_EXPORT_READONLY;
        ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_EXPORT, args), 0);
        fd = args.fd;
    }
    const Fd dmabuf(fd);
    const Fd file = open_device();
    const Buffer imported = Buffer::import(file, dmabuf.get());
    Ring reader(file);
    ASSERT_EQ(reader.bind_range(0, imported, ring_.args().cq_offset, 32), 0);
    const Buffer own(file, page);
    ASSERT_EQ(reader.bind_range(1, own, 0, page), 0);
    late_.release();
    ring_.run_one(nop(77));
    EXPECT_EQ(reader.run_one(fill(0, 0, 8, 1)).status, -EACCES);
    EXPECT_EQ(reader.run_one(copy(1, 0, 0, 0, 32)).status, 0);
    drm_zaccel_completion completion{};
    std::memcpy(&completion, own.map().data(), sizeof(completion));
    EXPECT_EQ(completion.user_data, 77U);
}

/// 0 or the errno of a mapping of the ring's memory; what was mapped is unmapped again.
int try_map(const Fd& dmabuf, std::size_t size, int protection) {
    void* memory = ::mmap(nullptr, size, protection, MAP_SHARED, dmabuf.get(), 0);
    if (memory == MAP_FAILED) return errno;
    ::munmap(memory, size);
    return 0;
}

TEST_F(RingExport, IsMappedToItsEndAndNoFurther) {
    const Fd dmabuf = ring_.export_dmabuf();
    const std::size_t size = ring_.args().size;
    EXPECT_EQ(try_map(dmabuf, size, PROT_READ | PROT_WRITE), 0);
    EXPECT_EQ(try_map(dmabuf, size + page, PROT_READ | PROT_WRITE), EINVAL);
    EXPECT_EQ(try_map(dmabuf, 2 * size, PROT_READ | PROT_WRITE), EINVAL);
}

/// 0 or the errno of making a mapping longer than the ring.
int try_grow(const Mapping& memory) {
    const std::size_t size = memory.bytes().size();
    void* longer = ::mremap(memory.data(), size, size + page, MREMAP_MAYMOVE);
    return longer == MAP_FAILED ? errno : 0;
}

TEST_F(RingExport, MappingsDoNotGrow) {
    const Fd fd = open_ring(device_, ring_.id());
    const Fd dmabuf = ring_.export_dmabuf();
    const std::size_t size = ring_.args().size;
    EXPECT_EQ(try_grow(ring_.memory()), EFAULT) << "of the node";
    EXPECT_EQ(try_grow(Mapping(fd.get(), 0, size)), EFAULT) << "of the ring's descriptor";
    EXPECT_EQ(try_grow(Mapping(dmabuf.get(), 0, size)), EFAULT) << "of the dma-buf";
}

TEST_F(RingExport, ReadOnlyOneCannotBeMappedForWriting) {
    const Buffer memory = Buffer::import(device_, ring_.export_dmabuf().get());
    const Fd dmabuf = memory.export_readonly();
    const std::size_t size = ring_.args().size;
    EXPECT_EQ(try_map(dmabuf, size, PROT_READ | PROT_WRITE), EACCES);
    EXPECT_EQ(try_map(dmabuf, size, PROT_WRITE), EACCES);
    EXPECT_EQ(try_map(dmabuf, size + page, PROT_READ), EINVAL);
    void* map = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, dmabuf.get(), 0);
    ASSERT_NE(map, MAP_FAILED);
    EXPECT_EQ(::mprotect(map, size, PROT_READ | PROT_WRITE), -1);
    EXPECT_EQ(errno, EACCES);
    late_.release();
    ring_.run_one(nop(78));
    drm_zaccel_completion completion{};
    std::memcpy(&completion, static_cast<std::uint8_t*>(map) + ring_.args().cq_offset,
                sizeof(completion));
    EXPECT_EQ(completion.user_data, 78U);
    EXPECT_EQ(::mremap(map, size, size + page, MREMAP_MAYMOVE), MAP_FAILED);
    EXPECT_EQ(errno, EFAULT);
    ::munmap(map, size);
}

}  // namespace
}  // namespace uapi_tests
