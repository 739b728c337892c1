// SPDX-License-Identifier: MIT
#include "pipeline.hpp"

#include <stdexcept>

#include "rig.hpp"

namespace gst_tests {
namespace {

// Whoever waits this long, even in an emulated machine, has found a bug.
constexpr GstClockTime long_enough = 30 * GST_SECOND;

}  // namespace

Pipeline::Pipeline(const std::string& launch) {
    GError* error = nullptr;
    pipeline_.reset(gst_parse_launch(launch.c_str(), &error));
    if (!error) return;
    const std::string text = error->message;
    g_error_free(error);
    throw std::runtime_error(text);
}

Pipeline::~Pipeline() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

bool Pipeline::go(GstState state) {
    const GstStateChangeReturn result = gst_element_set_state(pipeline_.get(), state);
    if (result == GST_STATE_CHANGE_FAILURE) return false;
    return gst_element_get_state(pipeline_.get(), nullptr, nullptr, long_enough) !=
           GST_STATE_CHANGE_FAILURE;
}

Handle<GstMessage> Pipeline::wait(int types) {
    return Handle<GstMessage>(gst_bus_timed_pop_filtered(
        GST_ELEMENT_BUS(pipeline_.get()), long_enough, static_cast<GstMessageType>(types)));
}

std::string Pipeline::run() {
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    const Handle<GstMessage> end = wait(GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    if (!end) return "nothing happened";
    return GST_MESSAGE_TYPE(end.get()) == GST_MESSAGE_EOS ? "" : message_name(end.get());
}

GstElement* Pipeline::element(const std::string& name) const {
    const Handle<GstElement> found(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name.c_str()));
    if (!found) throw std::runtime_error("no element " + name);
    return found.get();  // the pipeline holds it
}

guint64 Pipeline::stat(const std::string& name, const std::string& field) const {
    GstStructure* all = nullptr;
    g_object_get(element(name), "stats", &all, nullptr);
    const Handle<GstStructure> stats(all);
    guint64 value = 0;
    if (!gst_structure_get_uint64(stats.get(), field.c_str(), &value))
        throw std::runtime_error("no stat " + field);
    return value;
}

}  // namespace gst_tests
