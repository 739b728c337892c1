// SPDX-License-Identifier: MIT
#pragma once

#include <drm/drm_fourcc.h>

#include <initializer_list>
#include <vector>

#include "fixture.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {

/// Slots of the ring of SyncobjTest; from @c more on they are empty.
enum : std::uint32_t { in = 0, out = 1, data = 2, picture = 3, empty = 4, more = 5 };

/// A ring with two syncobjs, a range and an image in its slots.
class SyncobjTest : public DeviceTest {
 protected:
    static constexpr std::uint64_t buffer_size = 4096;

    SyncobjTest() {
        EXPECT_EQ(ring_.bind_syncobj(in, in_.handle()), 0);
        EXPECT_EQ(ring_.bind_syncobj(out, out_.handle()), 0);
        EXPECT_EQ(ring_.bind_range(data, buffer_, 0, buffer_size), 0);
        EXPECT_EQ(ring_.bind(image_args(picture, DRM_FORMAT_XRGB8888, 4, 4,
                                        {plane(buffer_.handle(), 16)})),
                  0);
    }

    std::vector<int> run(std::initializer_list<drm_zaccel_command> commands) {
        return statuses(ring_.run(commands));
    }

    /// One batch, up to its doorbell.
    void submit(std::initializer_list<drm_zaccel_command> commands) {
        ring_.put_batch(commands);
        ASSERT_EQ(ring_.submit(), 0);
    }

    /// The engine is idle: whoever has not run is waiting.
    void expect_held(const Ring& ring, std::uint32_t index) {
        Ring bystander(device_);
        EXPECT_EQ(bystander.run_one(nop()).status, 0);
        EXPECT_FALSE(ring.posted(index));
    }

    Syncobj in_{device_}, out_{device_};
    Buffer buffer_{device_, buffer_size};
    Mapping memory_ = buffer_.map();
    Ring ring_{device_, {64, 64, 80}};
};

}  // namespace uapi_tests
