// SPDX-License-Identifier: MIT
// Elements from NULL to PLAYING and back, with the device and without.
#include <accel/device.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include "dmabuf_frame.hpp"
#include "fixture.hpp"
#include "pipeline.hpp"
#include "rig.hpp"

namespace {

using gst_tests::Handle;
using gst_tests::message_name;
using gst_tests::Pipeline;

constexpr const char* two_elements =
    "videotestsrc name=source num-buffers=2 ! video/x-raw,format=NV12,width=64,height=48 ! "
    "accelconvert name=convert ! accelfilter name=filter ! fakesink sync=false";

class State : public gst_tests::ElementTest {
 protected:
    static std::size_t open_devices() {
        std::size_t count = 0;
        std::error_code error;
        for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd"))
            count += std::filesystem::read_symlink(fd, error).string().rfind("/dev/accel/", 0) == 0;
        return count;
    }
};

TEST_F(State, AHundredRoundsLeaveNothing) {
    Pipeline pipeline(
        "videotestsrc num-buffers=1 ! video/x-raw,format=GRAY8,width=16,height=16 ! accelfilter ! "
        "fakesink sync=false");
    ASSERT_EQ(pipeline.run(), "");
    ASSERT_TRUE(pipeline.go(GST_STATE_NULL));
    const test_support::ResourceCounts before = test_support::count_resources();
    for (int i = 0; i < 100; i++) {
        ASSERT_EQ(pipeline.run(), "") << "round " << i;
        ASSERT_TRUE(pipeline.go(GST_STATE_NULL));
    }
    EXPECT_EQ(test_support::count_fds(), before.fds);
}

TEST_F(State, StoppingInTheMiddleLeavesNothing) {
    Pipeline pipeline(
        "videotestsrc ! video/x-raw,format=NV12,width=64,height=48 ! accelconvert ! accelfilter ! "
        "fakesink sync=false");
    for (int i = 0; i < 10; i++) {
        ASSERT_TRUE(pipeline.go(GST_STATE_PLAYING));
        ASSERT_TRUE(pipeline.go(GST_STATE_READY));
        ASSERT_TRUE(pipeline.go(GST_STATE_PAUSED));
        ASSERT_TRUE(pipeline.go(GST_STATE_NULL));
    }
}

TEST_F(State, ElementsOfAPipelineShareOneDevice) {
    Pipeline pipeline(two_elements);
    EXPECT_EQ(open_devices(), 0u);
    ASSERT_TRUE(pipeline.go(GST_STATE_PAUSED));
    EXPECT_EQ(open_devices(), 1u);
    ASSERT_TRUE(pipeline.go(GST_STATE_NULL));
    EXPECT_EQ(open_devices(), 0u);
}

TEST_F(State, ElementsThatCannotAskEachOtherShareOneDeviceThroughTheBin) {
    Pipeline pipeline(
        "videotestsrc num-buffers=1 ! accelfilter ! fakesink sync=false "
        "videotestsrc num-buffers=1 ! accelfilter ! fakesink sync=false");
    ASSERT_TRUE(pipeline.go(GST_STATE_PAUSED));
    EXPECT_EQ(open_devices(), 1u);
}

TEST_F(State, TheApplicationMayGiveADevice) {
    Pipeline giver(two_elements);
    ASSERT_TRUE(giver.go(GST_STATE_READY));
    GstContext* context = gst_element_get_context(giver.element("filter"), "gst.accel.device");
    ASSERT_TRUE(context);
    Pipeline taker(two_elements);
    gst_element_set_context(taker.get(), context);
    gst_context_unref(context);
    ASSERT_TRUE(taker.go(GST_STATE_READY));
    EXPECT_EQ(open_devices(), 1u);
}

TEST_F(State, TheDeviceMayBeNamed) {
    Pipeline pipeline(two_elements);
    const std::string path = accel::Device::list().at(0).path;
    g_object_set(pipeline.element("convert"), "device", path.c_str(), nullptr);
    ASSERT_EQ(pipeline.run(), "");
    EXPECT_EQ(open_devices(), 1u);
}

TEST_F(State, ADeviceThatIsNotThereIsAnErrorThatSaysWhatToDo) {
    Pipeline pipeline(two_elements);
    g_object_set(pipeline.element("filter"), "device", "/dev/accel/accel99", nullptr);
    EXPECT_FALSE(pipeline.go(GST_STATE_READY));
    const std::string error = message_name(pipeline.wait(GST_MESSAGE_ERROR).get());
    EXPECT_EQ(error.rfind("gst-resource-error-quark/3:", 0), 0u) << error;
    EXPECT_NE(error.find("modprobe zaccel"), std::string::npos) << error;
}

TEST_F(State, TheDeviceMayBeNamedUntilPaused) {
    Pipeline pipeline(two_elements);
    ASSERT_TRUE(pipeline.go(GST_STATE_READY));
    g_object_set(pipeline.element("filter"), "device", "/dev/accel/accel99", nullptr);
    ASSERT_FALSE(pipeline.go(GST_STATE_PAUSED));
    const std::string error = message_name(pipeline.wait(GST_MESSAGE_ERROR).get());
    EXPECT_EQ(error.rfind("gst-resource-error-quark/3:", 0), 0u) << error;
}

TEST_F(State, ANodeThatIsNoAcceleratorIsAnError) {
    Pipeline pipeline(two_elements);
    g_object_set(pipeline.element("filter"), "device", "/dev/null", nullptr);
    EXPECT_FALSE(pipeline.go(GST_STATE_READY));
    EXPECT_EQ(
        message_name(pipeline.wait(GST_MESSAGE_ERROR).get()).rfind("gst-resource-error-quark/", 0),
        0u);
}

// Takes the device away from its driver, and gives it back whatever the test does.
class Unplug {
 public:
    Unplug() { write("unbind"); }
    Unplug(const Unplug&) = delete;
    Unplug& operator=(const Unplug&) = delete;
    ~Unplug() { write("bind"); }

 private:
    static void write(const std::string& file) {
        std::ofstream out("/sys/bus/platform/drivers/zaccel/" + file);
        out << "zaccel" << std::flush;
        EXPECT_TRUE(out.good()) << file;
    }
};

TEST_F(State, ALostDeviceIsAnErrorAndARestartFindsTheNewOne) {
    Pipeline pipeline(
        "videotestsrc ! video/x-raw,format=NV12,width=64,height=48 ! accelconvert ! "
        "video/x-raw,format=BGRx ! fakesink sync=false");
    ASSERT_TRUE(pipeline.go(GST_STATE_PLAYING));
    {
        const Unplug unplug;
        const std::string error = message_name(pipeline.wait(GST_MESSAGE_ERROR).get());
        EXPECT_EQ(error.rfind("gst-resource-error-quark/3:", 0), 0u) << error;
        ASSERT_TRUE(pipeline.go(GST_STATE_NULL));
        EXPECT_EQ(open_devices(), 0u);
    }
    ASSERT_TRUE(pipeline.go(GST_STATE_PLAYING));
    EXPECT_EQ(open_devices(), 1u);
}

TEST_F(State, WhatFailedIsNotUsedAgainBeforeARestart) {
    const GstVideoInfo info = gst_tests::info_of(gst_tests::raw_caps("BGRx", 64, 48));
    const lib_tests::Udmabuf memory(gst_tests::dmabuf_size(info));
    gst_tests::Rig rig("accelfilter");
    rig.set_input(gst_tests::raw_caps("BGRx", 64, 48));
    const auto frame = [&] {
        return gst_tests::wrap_frame(memory.fd(), memory.bytes().size(), info,
                                     gst_tests::default_layout(info));
    };
    // Often enough for all frames to be bound, so that the command is what fails.
    for (int i = 0; i < 8; i++) ASSERT_TRUE(rig.process(frame())) << rig.next_error();
    const Unplug unplug;
    EXPECT_EQ(rig.push(frame()), GST_FLOW_ERROR);
    EXPECT_NE(rig.next_error(), "");
    EXPECT_EQ(rig.push(frame()), GST_FLOW_ERROR);
    EXPECT_EQ(rig.next_error(), "") << "said before";
}

}  // namespace
