// SPDX-License-Identifier: MIT

// What the kernel tells udev when the device goes.

#include "uevent.hpp"

#include <string>
#include <utility>
#include <vector>

#include "fault.hpp"
#include "fixture.hpp"
#include "unplug.hpp"

namespace uapi_tests {
namespace {

class Announcement : public CountedTest {
 protected:
    /// Of a device that went: first that it goes, while its node is there, then that the node went.
    void expect_end(const std::vector<Uevent>& events) const {
        ASSERT_EQ(events.size(), 2U);
        EXPECT_EQ(events[0].at("ACTION"), "change");
        EXPECT_EQ(events[0].at("ZACCEL_EVENT"), "gone");
        EXPECT_EQ("/dev/" + events[0].at("DEVNAME"), node_);
        EXPECT_EQ(events[0].at("DEVTYPE"), "accel_minor");
        EXPECT_EQ(events[1].at("ACTION"), "remove");
        EXPECT_EQ(events[1].at("DEVPATH"), events[0].at("DEVPATH"));
        EXPECT_FALSE(events[1].contains("ZACCEL_EVENT"));
    }

    DeviceGuard guard_;
    const std::string node_ = device_path();
    const Uevents uevents_;
};

TEST_F(Announcement, OfUnbinding) {
    unbind();
    expect_end(uevents_.take());
}

TEST_F(Announcement, OfUnbindingWhileItIsOpen) {
    const Fd file = open_device();
    unbind();
    expect_end(uevents_.take());
}

TEST_F(Announcement, OfVanishing) {
    EXPECT_EQ(Fault::write("vanish"), 0);
    // It goes on its own, after the write.
    std::vector<Uevent> events;
    ASSERT_TRUE(eventually([&] {
        for (Uevent& event : uevents_.take()) events.push_back(std::move(event));
        return events.size() >= 2 && !is_bound();
    }));
    expect_end(events);
}

TEST_F(Announcement, OfUnloading) {
    ASSERT_TRUE(eventually([] { return unload() == 0; }));
    expect_end(uevents_.take());
}

TEST_F(Announcement, NotOfComing) {
    unbind();
    uevents_.take();
    bind();
    for (const Uevent& event : uevents_.take()) {
        EXPECT_EQ(event.at("ACTION"), "add");
        EXPECT_FALSE(event.contains("ZACCEL_EVENT"));
    }
}

}  // namespace
}  // namespace uapi_tests
