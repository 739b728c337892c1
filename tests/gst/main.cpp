// SPDX-License-Identifier: MIT
#include <gst/gst.h>
#include <gtest/gtest.h>

namespace {

// What GStreamer makes once and keeps would look like left-overs of the first test.
void warm_up() {
    GstElement* pipeline = gst_parse_launch("videotestsrc num-buffers=1 ! fakesink", nullptr);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstMessage* end =
        gst_bus_timed_pop_filtered(GST_ELEMENT_BUS(pipeline), 10 * GST_SECOND, GST_MESSAGE_EOS);
    if (end) gst_message_unref(end);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
    // The streaming thread holds its task, and descriptors, until it has ended.
    gst_task_cleanup_all();
}

}  // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
    g_setenv("GST_TRACERS", "leaks", TRUE);
    gst_init(&argc, &argv);
    warm_up();
    return RUN_ALL_TESTS();
}
