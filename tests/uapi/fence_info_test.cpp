// SPDX-License-Identifier: MIT

// What others learn of our fences: whose they are, and which come after each other.

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

class FenceInfo : public DeviceTest {
 protected:
    /// The fence of a batch that is held back.
    static Fd submit(const Fd& file, Ring& ring) {
        const Syncobj out(file);
        ring.put_batch({nop()});
        check(ring.submit({}, std::vector{out.handle()}), "ring submit");
        return out.export_sync_file();
    }
    Fd submit(Ring& ring) const { return submit(device_, ring); }

    static void expect_names(const Fd& fence) {
        for (const sync_fence_info& info : fences_of(fence)) {
            EXPECT_STREQ(info.driver_name, "zaccel");
            EXPECT_STREQ(info.obj_name, "ring");
        }
    }

    /// Whoever asks after the end may be told that the driver does not matter any more.
    static void expect_ended(const Fd& fence) {
        ASSERT_EQ(final_status(fence), -ECANCELED);
        const sync_fence_info info = fences_of(fence).at(0);
        const std::string driver = info.driver_name, timeline = info.obj_name;
        EXPECT_TRUE(driver == "zaccel" || driver == "detached-driver") << driver;
        EXPECT_TRUE(timeline == "ring" || timeline == "signaled-timeline") << timeline;
        EXPECT_EQ(info.status, -ECANCELED);
    }

    const HeldEngine engine_;
    Ring ring_{device_}, other_{device_};
};

TEST_F(FenceInfo, BatchesOfOneRingAreOneTimeline) {
    const Fd first = submit(ring_), second = submit(ring_);
    const Fd both = merge(first, second);
    EXPECT_EQ(fences_of(both).size(), 1U) << "the last speaks for all";
    engine_.advance();
    EXPECT_EQ(final_status(first), 1);
    EXPECT_EQ(sync_file_status(both), 0);
    engine_.advance();
    EXPECT_EQ(final_status(both), 1);
}

TEST_F(FenceInfo, BatchesOfTwoRingsAreTwoTimelines) {
    const Fd first = submit(ring_), second = submit(other_);
    const Fd both = merge(first, second);
    EXPECT_EQ(fences_of(both).size(), 2U);
    engine_.advance();
    EXPECT_EQ(final_status(first), 1);
    EXPECT_EQ(sync_file_status(both), 0);
    engine_.advance();
    EXPECT_EQ(final_status(both), 1);
}

TEST_F(FenceInfo, NamesDriverAndRing) {
    expect_names(submit(ring_));
    const Buffer buffer(device_, page);
    const Fd dmabuf = buffer.export_dmabuf();
    ASSERT_EQ(ring_.bind_range(0, buffer, 0, page), 0);
    ring_.put_batch({fill(0, 0, page, 1)});
    ASSERT_EQ(ring_.submit(), 0);
    const Fd implicit = export_fences(dmabuf, Fences::writers);
    EXPECT_EQ(fences_of(implicit).size(), 1U);
    expect_names(implicit);
}

TEST_F(FenceInfo, OutlivesItsRing) {
    const Fd fence = submit(ring_);
    ASSERT_EQ(ring_.destroy(), 0);
    expect_ended(fence);
}

TEST_F(FenceInfo, OutlivesItsFile) {
    Fd fence;
    {
        const Fd file = open_device();
        Ring ring(file);
        fence = submit(file, ring);
        expect_names(fence);
        ring.leave_to_file();
    }
    expect_ended(fence);
}

}  // namespace
}  // namespace uapi_tests
