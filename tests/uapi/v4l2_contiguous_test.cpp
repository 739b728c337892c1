// SPDX-License-Identifier: MIT

// A camera whose memory must be one block, as of most that are no emulation: vivid with
// allocators=1. The kernel's log says what was wrong, which is a record of its own program.

#include <cerrno>

#include "buffer.hpp"
#include "fixture.hpp"
#include "process.hpp"
#include "v4l2.hpp"

namespace uapi_tests {
namespace {

void unload_vivid() {
    check(run_program({"/sbin/modprobe", "-r", "vivid"}) == 0 ? 0 : EBUSY, "vivid");
}

class ContiguousCamera : public DeviceTest {
 protected:
    ContiguousCamera() {
        unload_vivid();
        check(run_program({"/sbin/modprobe", "vivid", "allocators=1"}) == 0 ? 0 : ENODEV, "vivid");
    }
    ~ContiguousCamera() override { EXPECT_EQ(run_program({"/sbin/modprobe", "-r", "vivid"}), 0); }
};

TEST_F(ContiguousCamera, ScatteredBufferIsRefused) {
    VideoQueue camera(VideoQueue::Direction::capture);
    camera.set_size(320, 180);
    camera.request(2, V4L2_MEMORY_DMABUF);
    // Two thousand pages, one by one, do not come in order by chance.
    const Buffer buffer(device_, 8 << 20);
    EXPECT_EQ(camera.queue(0, buffer.export_dmabuf()), EFAULT);
}

}  // namespace
}  // namespace uapi_tests
