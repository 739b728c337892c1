// SPDX-License-Identifier: MIT
#include "accel_base_transform.hpp"

#include <gst/video/gstvideometa.h>
#include <gst/video/gstvideopool.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "accel_context.hpp"
#include "accel_copy.hpp"
#include "accel_error.hpp"
#include "accel_pool.hpp"
#include "accel_runner.hpp"
#include "accel_stats.hpp"

namespace accelgst {

struct BaseState {
    explicit BaseState(GstElement* element) : device(element) {}

    // Properties; guarded by the object lock.
    std::string device_path;
    Fallback fallback = Fallback::automatic;

    SharedDevice device;
    Stats stats;

    // The streaming thread's, from start to stop.
    std::optional<FrameRunner> runner;
    std::optional<FrameCaps> in;
    std::optional<FrameCaps> out;
    GstPtr<GstBufferPool> frames;
};

}  // namespace accelgst

using namespace accelgst;

GST_DEBUG_CATEGORY_STATIC(accel_base_transform_debug);
#define GST_CAT_DEFAULT accel_base_transform_debug

#define gst_accel_base_transform_parent_class parent_class
G_DEFINE_ABSTRACT_TYPE_WITH_CODE(GstAccelBaseTransform, gst_accel_base_transform,
                                 GST_TYPE_BASE_TRANSFORM,
                                 GST_DEBUG_CATEGORY_INIT(accel_base_transform_debug,
                                                         "accelbasetransform", 0,
                                                         "base of accel elements"))

namespace {

enum { PROP_DEVICE = 1, PROP_FALLBACK, PROP_STATS };

// Frames that are being made while downstream holds what it says it needs.
constexpr guint frames_in_work = 2;

GType fallback_type() {
    static const GEnumValue values[] = {
        {static_cast<gint>(Fallback::automatic), "Copy the frame, and count it in stats", "auto"},
        {static_cast<gint>(Fallback::error), "Element error that names the reason", "error"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("GstAccelFallback", values);
    return type;
}

BaseState& state_of(gpointer self) { return *GST_ACCEL_BASE_TRANSFORM(self)->state; }

// Runs what may throw, and turns that into an element error.
template <class F>
bool guarded(gpointer self, const char* doing, F&& work) {
    try {
        work();
        return true;
    } catch (const CopyForbidden& forbidden) {
        GST_ELEMENT_ERROR(self, STREAM, FORMAT,
                          ("A frame would have to be copied by the CPU, %s; fallback=error "
                           "forbids it.",
                           sentence(forbidden.reason())),
                          ("reason: %s", forbidden.what()));
    } catch (const FrameRefused& refused) {
        GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("%s", refused.what()), (nullptr));
    } catch (const std::exception& error) {
        post_error(GST_ELEMENT(self), doing, error);
    }
    return false;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
    BaseState& state = state_of(object);
    GST_OBJECT_LOCK(object);
    switch (id) {
        case PROP_DEVICE: {
            const gchar* path = g_value_get_string(value);
            state.device_path = path ? path : "";
            break;
        }
        case PROP_FALLBACK:
            state.fallback = static_cast<Fallback>(g_value_get_enum(value));
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
    GST_OBJECT_UNLOCK(object);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
    BaseState& state = state_of(object);
    GST_OBJECT_LOCK(object);
    switch (id) {
        case PROP_DEVICE:
            g_value_set_string(value,
                               state.device_path.empty() ? nullptr : state.device_path.c_str());
            break;
        case PROP_FALLBACK:
            g_value_set_enum(value, static_cast<gint>(state.fallback));
            break;
        case PROP_STATS:
            g_value_take_boxed(value, state.stats.structure().release());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
    GST_OBJECT_UNLOCK(object);
}

void finalize(GObject* object) {
    delete GST_ACCEL_BASE_TRANSFORM(object)->state;
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

void set_context(GstElement* element, GstContext* context) {
    state_of(element).device.set_context(context);
    GST_ELEMENT_CLASS(parent_class)->set_context(element, context);
}

bool open_device(GstElement* element) {
    BaseState& state = state_of(element);
    GST_OBJECT_LOCK(element);
    const std::string path = state.device_path;
    GST_OBJECT_UNLOCK(element);
    return guarded(element, "open the accelerator", [&] { state.device.ensure(path); });
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
    // Again from READY, where the property may have changed.
    const bool opens = transition == GST_STATE_CHANGE_NULL_TO_READY ||
                       transition == GST_STATE_CHANGE_READY_TO_PAUSED;
    if (opens && !open_device(element)) return GST_STATE_CHANGE_FAILURE;
    const GstStateChangeReturn result =
        GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_READY_TO_NULL) state_of(element).device.release();
    return result;
}

gboolean start(GstBaseTransform* trans) {
    BaseState& state = state_of(trans);
    const auto* klass = GST_ACCEL_BASE_TRANSFORM_CLASS(G_OBJECT_GET_CLASS(trans));
    const DevicePtr device = state.device.get();
    if (!device) return FALSE;
    state.stats.reset();
    return guarded(trans, "set up the accelerator",
                   [&] { state.runner.emplace(device, klass->operations); });
}

gboolean stop(GstBaseTransform* trans) {
    BaseState& state = state_of(trans);
    GST_INFO_OBJECT(trans, "%" GST_PTR_FORMAT, state.stats.structure().get());
    retire(state.frames);
    state.runner.reset();
    state.in.reset();
    state.out.reset();
    return TRUE;
}

gboolean query(GstBaseTransform* trans, GstPadDirection direction, GstQuery* query) {
    if (GST_QUERY_TYPE(query) == GST_QUERY_CONTEXT && state_of(trans).device.answer(query))
        return TRUE;
    return GST_BASE_TRANSFORM_CLASS(parent_class)->query(trans, direction, query);
}

gboolean set_caps(GstBaseTransform* trans, GstCaps* in_caps, GstCaps* out_caps) {
    BaseState& state = state_of(trans);
    const auto* klass = GST_ACCEL_BASE_TRANSFORM_CLASS(G_OBJECT_GET_CLASS(trans));
    retire(state.frames);  // decide_allocation() makes the next
    state.in = FrameCaps::parse(in_caps);
    state.out = FrameCaps::parse(out_caps);
    if (!state.in || !state.out || !state.runner) {
        GST_WARNING_OBJECT(trans, "cannot turn %" GST_PTR_FORMAT " into %" GST_PTR_FORMAT, in_caps,
                           out_caps);
        return FALSE;
    }
    if (klass->set_formats &&
        !klass->set_formats(GST_ACCEL_BASE_TRANSFORM(trans), *state.in, *state.out))
        return FALSE;
    state.runner->set_formats(*state.in, *state.out, in_caps);
    return TRUE;
}

gboolean propose_allocation(GstBaseTransform* trans, GstQuery* decide, GstQuery* query) {
    if (gst_base_transform_is_passthrough(trans))
        return GST_BASE_TRANSFORM_CLASS(parent_class)->propose_allocation(trans, decide, query);

    GstCaps* caps = nullptr;
    gst_query_parse_allocation(query, &caps, nullptr);
    const DevicePtr device = state_of(trans).device.get();
    if (!caps || !device) return FALSE;
    const auto pool = new_pool(device, {.caps = caps, .min = frames_in_work});
    if (!pool) return FALSE;
    gst_query_add_allocation_pool(query, pool.get(), pool_size(pool.get()), frames_in_work, 0);
    gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
    return TRUE;
}

// Frames come from a pool of our own; what downstream offers only says how many it needs.
guint downstream_minimum(GstQuery* query) {
    guint min = 0;
    if (gst_query_get_n_allocation_pools(query) > 0)
        gst_query_parse_nth_allocation_pool(query, 0, nullptr, nullptr, &min, nullptr);
    return min;
}

void set_only_pool(GstQuery* query, GstBufferPool* pool, guint min) {
    while (gst_query_get_n_allocation_pools(query) > 0)
        gst_query_remove_nth_allocation_pool(query, 0);
    gst_query_add_allocation_pool(query, pool, pool_size(pool), min, 0);
}

gboolean decide_allocation(GstBaseTransform* trans, GstQuery* query) {
    BaseState& state = state_of(trans);
    GstCaps* caps = nullptr;
    gst_query_parse_allocation(query, &caps, nullptr);
    const DevicePtr device = state.device.get();
    if (!caps || !device) return FALSE;

    const guint min = downstream_minimum(query) + frames_in_work;
    const bool meta = gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
    auto pool = new_pool(device, {.caps = caps, .min = min, .video_meta = meta});
    if (!pool) return FALSE;
    set_only_pool(query, pool.get(), min);
    retire(state.frames);  // after a mere reconfiguration there is one
    if (state.runner) state.runner->forget_outputs();
    state.frames = std::move(pool);
    GST_INFO_OBJECT(trans, "frames come from %" GST_PTR_FORMAT ", downstream %s GstVideoMeta",
                    state.frames.get(), meta ? "knows" : "does not know");
    return guarded(trans, "allocate frames", [&] { activate(state.frames.get()); });
}

GstFlowReturn prepare_output_buffer(GstBaseTransform* trans, GstBuffer* in, GstBuffer** out) {
    BaseState& state = state_of(trans);
    if (gst_base_transform_is_passthrough(trans)) {
        state.stats.add_passthrough();
        *out = in;
        return GST_FLOW_OK;
    }
    if (!state.frames) return GST_FLOW_NOT_NEGOTIATED;
    if (!guarded(trans, "allocate a frame", [&] { *out = acquire(state.frames.get()).release(); }))
        return GST_FLOW_ERROR;
    GST_BASE_TRANSFORM_CLASS(parent_class)->copy_metadata(trans, in, *out);
    return GST_FLOW_OK;
}

bool only_of_video(GType api) {
    const gchar* const* tags = gst_meta_api_type_get_tags(api);
    for (; tags && *tags; tags++) {
        if (g_strcmp0(*tags, GST_META_TAG_VIDEO_STR) != 0 &&
            g_strcmp0(*tags, GST_META_TAG_VIDEO_SIZE_STR) != 0 &&
            g_strcmp0(*tags, GST_META_TAG_VIDEO_ORIENTATION_STR) != 0)
            return false;
    }
    return true;
}

bool depends_on_size(GType api) {
    return gst_meta_api_type_has_tag(api, g_quark_from_static_string(GST_META_TAG_VIDEO_SIZE_STR));
}

// What says something of the picture stays with it; rectangles follow its size. A crop that has
// been applied goes.
gboolean transform_meta(GstBaseTransform* trans, GstBuffer* out, GstMeta* meta, GstBuffer* in) {
    BaseState& state = state_of(trans);
    const GstMetaInfo* info = meta->info;
    if (info->api == GST_VIDEO_CROP_META_API_TYPE && applicable_crop(in, *state.in)) return FALSE;
    if (!only_of_video(info->api))
        return GST_BASE_TRANSFORM_CLASS(parent_class)->transform_meta(trans, out, meta, in);
    if (!depends_on_size(info->api) || state.in->size() == state.out->size()) return TRUE;
    if (info->transform_func) {
        GstVideoMetaTransform scale{&state.in->info, &state.out->info};
        info->transform_func(out, meta, in, gst_video_meta_transform_scale_get_quark(), &scale);
    }
    return FALSE;
}

GstFlowReturn transform(GstBaseTransform* trans, GstBuffer* in, GstBuffer* out) {
    BaseState& state = state_of(trans);
    auto* self = GST_ACCEL_BASE_TRANSFORM(trans);
    const auto* klass = GST_ACCEL_BASE_TRANSFORM_CLASS(G_OBJECT_GET_CLASS(trans));
    GST_OBJECT_LOCK(trans);
    const Fallback fallback = state.fallback;
    GST_OBJECT_UNLOCK(trans);
    const auto make = [self, klass](const accel::Slot& dst, const accel::Slot& src) {
        return klass->make_command(self, dst, src);
    };
    if (!state.runner) return GST_FLOW_ERROR;  // it failed before, and that was posted
    const bool done = guarded(trans, "process a frame",
                              [&] { state.runner->run(in, out, fallback, make, state.stats); });
    if (!state.runner->usable()) state.runner.reset();  // start() makes the next
    return done ? GST_FLOW_OK : GST_FLOW_ERROR;
}

void install_properties(GObjectClass* klass) {
    const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
    g_object_class_install_property(
        klass, PROP_DEVICE,
        g_param_spec_string("device", "Device",
                            "Accelerator to use, such as /dev/accel/accel0 (default: the "
                            "pipeline's, or else the first)",
                            nullptr, static_cast<GParamFlags>(flags | GST_PARAM_MUTABLE_READY)));
    g_object_class_install_property(
        klass, PROP_FALLBACK,
        g_param_spec_enum("fallback", "Fallback",
                          "What to do with a frame that the accelerator cannot use where it is",
                          fallback_type(), static_cast<gint>(Fallback::automatic),
                          static_cast<GParamFlags>(flags | GST_PARAM_MUTABLE_PLAYING)));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "Frames, imports and copies since the last start; time-per-frame in "
                           "nanoseconds",
                           GST_TYPE_STRUCTURE,
                           static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

}  // namespace

static void gst_accel_base_transform_class_init(GstAccelBaseTransformClass* klass) {
    GObjectClass* object = G_OBJECT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    install_properties(object);

    GstElementClass* element = GST_ELEMENT_CLASS(klass);
    element->set_context = set_context;
    element->change_state = change_state;

    GstBaseTransformClass* trans = GST_BASE_TRANSFORM_CLASS(klass);
    trans->start = start;
    trans->stop = stop;
    trans->query = query;
    trans->set_caps = set_caps;
    trans->propose_allocation = propose_allocation;
    trans->decide_allocation = decide_allocation;
    trans->prepare_output_buffer = prepare_output_buffer;
    trans->transform_meta = transform_meta;
    trans->transform = transform;

    gst_type_mark_as_plugin_api(gst_accel_base_transform_get_type(),
                                static_cast<GstPluginAPIFlags>(0));
    gst_type_mark_as_plugin_api(fallback_type(), static_cast<GstPluginAPIFlags>(0));
}

static void gst_accel_base_transform_init(GstAccelBaseTransform* self) {
    self->state = new BaseState(GST_ELEMENT(self));
}

namespace accelgst {

void add_templates(GstElementClass* klass, const FormatList& formats) {
    const GstPtr<GstCaps> caps = template_caps(formats);
    gst_element_class_add_pad_template(
        klass, gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps.get()));
    gst_element_class_add_pad_template(
        klass, gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps.get()));
}

GstPtr<GstCaps> usable_caps(GstBaseTransform* trans, GstPadDirection direction,
                            GstPtr<GstCaps> other) {
    GstPad* pad = direction == GST_PAD_SINK ? trans->srcpad : trans->sinkpad;
    if (!gst_pad_is_linked(pad)) return other;
    const GstPtr<GstCaps> peer(gst_pad_peer_query_caps(pad, nullptr));
    if (!gst_caps_is_any(peer.get())) return other;
    GstPtr<GstCaps> usable(gst_caps_copy(other.get()));
    gst_caps_filter_and_map_in_place(
        usable.get(),
        [](GstCapsFeatures* features, GstStructure*, gpointer) -> gboolean {
            return accelgst::is_dmabuf(features) == false;
        },
        nullptr);
    return gst_caps_is_empty(usable.get()) ? std::move(other) : std::move(usable);
}

}  // namespace accelgst
