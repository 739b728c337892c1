// SPDX-License-Identifier: MIT
#include "rig.hpp"

#include <gst/video/gstvideometa.h>

#include <stdexcept>
#include <utility>

namespace gst_tests {

Rig::Rig(const std::string& launch)
    : bus_(gst_bus_new()), harness_(gst_harness_new_parse(launch.c_str())) {
    gst_element_set_bus(harness_->element, bus_.get());
}

// The messages on the bus hold the elements that posted them, and those hold the bus.
Rig::~Rig() { gst_element_set_bus(harness_->element, nullptr); }

void Rig::set_input(const std::string& caps) {
    gst_harness_set_src_caps_str(harness_.get(), caps.c_str());
}

bool Rig::accepts(const std::string& text) {
    const Handle<GstCaps> caps(gst_caps_from_string(text.c_str()));
    gst_pad_push_event(harness_->srcpad, gst_event_new_caps(caps.get()));
    // A sticky event counts as sent even where the element refused it.
    const Handle<GstPad> pad(gst_pad_get_peer(harness_->srcpad));
    const Handle<GstCaps> taken(gst_pad_get_current_caps(pad.get()));
    return taken && gst_caps_is_equal(taken.get(), caps.get());
}

void Rig::set_output(const std::string& caps) {
    gst_harness_set_sink_caps_str(harness_.get(), caps.c_str());
}

void Rig::know_video_meta() {
    gst_harness_add_propose_allocation_meta(harness_.get(), GST_VIDEO_META_API_TYPE, nullptr);
}

GstFlowReturn Rig::push(Handle<GstBuffer> buffer) {
    return gst_harness_push(harness_.get(), buffer.release());
}

Handle<GstBuffer> Rig::pull() { return Handle<GstBuffer>(gst_harness_try_pull(harness_.get())); }

Handle<GstBuffer> Rig::process(Handle<GstBuffer> buffer) {
    if (push(std::move(buffer)) != GST_FLOW_OK) return nullptr;
    return pull();
}

std::string Rig::output_caps() const {
    const Handle<GstCaps> caps(gst_pad_get_current_caps(harness_->sinkpad));
    if (!caps) return {};
    const Handle<gchar> text(gst_caps_to_string(caps.get()));
    return text.get();
}

GstElement* Rig::element(const std::string& name) const {
    const Handle<GstElement> found(gst_harness_find_element(harness_.get(), name.c_str()));
    if (!found) throw std::runtime_error("no element " + name);
    return found.get();  // the harness holds it
}

Handle<GstStructure> Rig::stats() const {
    Handle<GstElement> found(gst_harness_find_element(harness_.get(), "accelconvert"));
    if (!found) found.reset(gst_harness_find_element(harness_.get(), "accelfilter"));
    GstStructure* stats = nullptr;
    g_object_get(found.get(), "stats", &stats, nullptr);
    return Handle<GstStructure>(stats);
}

guint64 Rig::stat(const std::string& name) const {
    guint64 value = 0;
    if (!gst_structure_get_uint64(stats().get(), name.c_str(), &value))
        throw std::runtime_error("no stat " + name);
    return value;
}

guint64 Rig::copies(const std::string& reason) const {
    const Handle<GstStructure> all = stats();
    const GValue* value = gst_structure_get_value(all.get(), "copies-by-reason");
    guint64 count = 0;
    if (!value || !gst_structure_get_uint64(gst_value_get_structure(value), reason.c_str(), &count))
        throw std::runtime_error("no reason " + reason);
    return count;
}

std::string Rig::next(GstMessageType type) {
    const Handle<GstMessage> message(gst_bus_pop_filtered(bus_.get(), type));
    return message ? message_name(message.get()) : std::string();
}

std::string Rig::next_error() { return next(GST_MESSAGE_ERROR); }
std::string Rig::next_warning() { return next(GST_MESSAGE_WARNING); }

std::string message_name(GstMessage* message) {
    GError* error = nullptr;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &error, nullptr);
    else
        gst_message_parse_warning(message, &error, nullptr);
    std::string name = g_quark_to_string(error->domain);
    name += "/" + std::to_string(error->code) + ": " + error->message;
    g_error_free(error);
    return name;
}

}  // namespace gst_tests
