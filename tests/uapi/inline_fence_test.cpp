// SPDX-License-Identifier: MIT

// What others see of a batch that is run inside the doorbell: before it, or after it, and never a
// fence that has not signalled, for which they would have to wait.

#include <atomic>
#include <cstdint>

#include "cpus.hpp"
#include "fixture.hpp"
#include "hostile.hpp"
#include "inline.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint32_t batches = 1000;

/// Slots.
enum : std::uint32_t { range, timeline };

class InlineFence : public DeviceTest {
 protected:
    InlineFence() {
        EXPECT_EQ(ring_.bind_range(range, buffer_, 0, page), 0);
        EXPECT_EQ(ring_.bind_syncobj(timeline, timeline_.handle()), 0);
    }

    /// As costly as may be run inside the doorbell.
    void ring_one(std::uint64_t point) {
        ring_.put(fill(range, 0, page, point));
        ring_.put(crc32c(range, 0, page));
        ring_.put(with_end(signal_point(timeline, point)));
        ASSERT_EQ(ring_.submit(), 0);
        ring_.wait_for(ring_.sq_tail());
        ring_.reap();
    }

    /// Rings doorbells on one CPU while @p look looks on the other, and at least as often.
    template <typename F>
    void look_meanwhile(F look) {
        const OnCpu here(0);
        std::atomic<std::uint32_t> looks = 0;
        const Loop looker([&] {
            run_on(1);
            look();
            looks++;
        });
        for (std::uint64_t point = 1; point <= batches || looks < batches; point++) ring_one(point);
    }

    /// Of the times when somebody looked at the dma-buf, those at which he would have had to wait.
    std::uint32_t times_the_buffer_is_busy() {
        std::uint32_t busy = 0;
        look_meanwhile([&] {
            busy += !writable(dmabuf_);
            busy += sync_file_status(export_fences(dmabuf_, Fences::all)) == 0;
        });
        return busy;
    }

    /// The same of the timeline's points.
    std::uint32_t times_a_point_is_to_come() {
        std::uint32_t to_come = 0;
        look_meanwhile([&] {
            const std::uint64_t given = timeline_.last_given();
            to_come += timeline_.value() < given;
        });
        return to_come;
    }

    const InlineBytes restored_;
    Buffer buffer_{device_, page};
    const Fd dmabuf_ = buffer_.export_dmabuf();
    const Syncobj timeline_{device_};
    Ring ring_{device_};
};

TEST_F(InlineFence, OfASharedBufferHasSignalled) { EXPECT_EQ(times_the_buffer_is_busy(), 0U); }

TEST_F(InlineFence, OfAPointHasSignalled) { EXPECT_EQ(times_a_point_is_to_come(), 0U); }

// Whoever looks does see those of the thread.
TEST_F(InlineFence, OfTheThreadIsSeen) {
    InlineBytes::set(0);
    EXPECT_GT(times_the_buffer_is_busy(), 0U);
}

TEST_F(InlineFence, OfTheThreadIsSeenAtItsPoint) {
    InlineBytes::set(0);
    EXPECT_GT(times_a_point_is_to_come(), 0U);
}

}  // namespace
}  // namespace uapi_tests
