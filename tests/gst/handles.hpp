// SPDX-License-Identifier: MIT
#pragma once

#include <gst/check/gstharness.h>
#include <gst/gst.h>

#include <memory>

namespace gst_tests {

struct Release {
    void operator()(GstBuffer* buffer) const { gst_buffer_unref(buffer); }
    void operator()(GstBus* bus) const { gst_object_unref(bus); }
    void operator()(GstCaps* caps) const { gst_caps_unref(caps); }
    void operator()(GstElement* element) const { gst_object_unref(element); }
    void operator()(GstHarness* harness) const { gst_harness_teardown(harness); }
    void operator()(GstMessage* message) const { gst_message_unref(message); }
    void operator()(GstPad* pad) const { gst_object_unref(pad); }
    void operator()(GstSample* sample) const { gst_sample_unref(sample); }
    void operator()(GstStructure* structure) const { gst_structure_free(structure); }
    void operator()(gchar* text) const { g_free(text); }
};

template <class T>
using Handle = std::unique_ptr<T, Release>;

}  // namespace gst_tests
