// SPDX-License-Identifier: MIT

// A ring's memory is exported while its batches are under way.

#include <poll.h>

#include <cerrno>
#include <cstring>

#include "fixture.hpp"
#include "late.hpp"
#include "ring.hpp"
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

}  // namespace
}  // namespace uapi_tests
