// SPDX-License-Identifier: MIT
#include "accel_context.hpp"

#include <utility>

#include "gst_ptr.hpp"

namespace accelgst {
namespace {

constexpr char context_type[] = "gst.accel.device";

// Made when the plug-in is loaded: GST_DEBUG reaches only categories that exist.
GstDebugCategory* const category =
    _gst_debug_category_new("accelcontext", 0, "device shared by accel elements");
#define GST_CAT_DEFAULT category

gpointer copy_device(gpointer device) { return new DevicePtr(*static_cast<DevicePtr*>(device)); }

void free_device(gpointer device) { delete static_cast<DevicePtr*>(device); }

GType device_type() {
    static const GType type =
        g_boxed_type_register_static("GstAccelDevice", copy_device, free_device);
    return type;
}

GstPtr<GstContext> context_of(const DevicePtr& device) {
    GstPtr<GstContext> context(gst_context_new(context_type, FALSE));
    gst_structure_set(gst_context_writable_structure(context.get()), "device", device_type(),
                      &device, "path", G_TYPE_STRING, device->info().path.c_str(), nullptr);
    return context;
}

DevicePtr device_of(const GstContext* context) {
    const GValue* value = gst_structure_get_value(gst_context_get_structure(context), "device");
    if (!value || !G_VALUE_HOLDS(value, device_type())) return nullptr;
    const auto* device = static_cast<const DevicePtr*>(g_value_get_boxed(value));
    return device ? *device : nullptr;
}

struct PeerQuery {
    GstElement* element;
    GstQuery* query;
};

gboolean ask_pad(GstElement*, GstPad* pad, gpointer data) {
    const auto* peer = static_cast<PeerQuery*>(data);
    GstContext* context = nullptr;
    if (!gst_pad_peer_query(pad, peer->query)) return TRUE;
    gst_query_parse_context(peer->query, &context);
    if (!context) return TRUE;
    GST_INFO_OBJECT(peer->element, "found a device through %s", GST_PAD_NAME(pad));
    gst_element_set_context(peer->element, context);
    return FALSE;
}

}  // namespace

DevicePtr SharedDevice::get() const {
    const std::scoped_lock lock(mutex_);
    return device_;
}

bool SharedDevice::ask_peers(GstPadDirection direction) {
    const GstPtr<GstQuery> query(gst_query_new_context(context_type));
    PeerQuery peer{element_, query.get()};
    if (direction == GST_PAD_SRC)
        gst_element_foreach_src_pad(element_, ask_pad, &peer);
    else
        gst_element_foreach_sink_pad(element_, ask_pad, &peer);
    return get() != nullptr;
}

// The bin remembers the context for elements that come later.
void SharedDevice::announce(const DevicePtr& device) {
    const GstPtr<GstContext> context = context_of(device);
    gst_element_set_context(element_, context.get());
    gst_element_post_message(element_, gst_message_new_have_context(
                                           GST_OBJECT(element_), gst_context_ref(context.get())));
}

DevicePtr SharedDevice::ensure(const std::string& path) {
    {
        const std::scoped_lock lock(mutex_);
        path_ = path;
        if (device_ && !path.empty() && device_->info().path != path) device_.reset();
        if (device_) return device_;
    }
    if (ask_peers(GST_PAD_SRC) || ask_peers(GST_PAD_SINK)) return get();
    gst_element_post_message(element_,
                             gst_message_new_need_context(GST_OBJECT(element_), context_type));
    if (const DevicePtr given = get()) return given;

    const auto device = std::make_shared<const accel::Device>(
        path.empty() ? accel::Device::open() : accel::Device::open(path));
    GST_INFO_OBJECT(element_, "opened %s", device->info().path.c_str());
    announce(device);
    return device;
}

void SharedDevice::release() {
    DevicePtr last;  // destroyed without the lock
    const std::scoped_lock lock(mutex_);
    last = std::move(device_);
}

void SharedDevice::set_context(GstContext* context) {
    if (!context || !gst_context_has_context_type(context, context_type)) return;
    const DevicePtr device = device_of(context);
    if (!device) return;
    const std::scoped_lock lock(mutex_);
    if (device_) {
        GST_DEBUG_OBJECT(element_, "keeping the device that is in use");
    } else if (!path_.empty() && device->info().path != path_) {
        GST_DEBUG_OBJECT(element_, "%s is not the device wanted", device->info().path.c_str());
    } else {
        device_ = device;
    }
}

bool SharedDevice::answer(GstQuery* query) const {
    const gchar* type = nullptr;
    if (!gst_query_parse_context_type(query, &type) || g_strcmp0(type, context_type) != 0)
        return false;
    const DevicePtr device = get();
    if (!device) return false;
    gst_query_set_context(query, context_of(device).get());
    return true;
}

}  // namespace accelgst
