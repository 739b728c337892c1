// SPDX-License-Identifier: MIT
/**
 * SECTION:element-accelfilter
 * @title: accelfilter
 * @short_description: filters video on an accelerator
 *
 * Inverts frames or convolves them with a kernel of 3x3 coefficients. Everything can be changed
 * while playing, from one frame to the next. Caps stay what they are, apart from the kind of
 * memory. About copies see accelconvert. Interlaced frames can be inverted and not convolved.
 *
 * A kernel gives, for each sample, clamp((sum + 2^(shift-1) >> shift) + bias), where sum is that of
 * its coefficients times the samples around. Setting a preset sets kernel, shift and bias; setting
 * one of those makes the preset custom.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 ! accelconvert ! accelfilter operation=convolve
 * preset=edge ! videoconvert ! autovideosink
 * ]|
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 ! video/x-raw,format=GRAY8 ! accelfilter
 * operation=convolve kernel="<1,1,1,1,0,1,1,1,1>" shift=3 ! videoconvert ! autovideosink
 * ]| The mean of the eight neighbours.
 */
#include "accelfilter.hpp"

#include <array>
#include <limits>
#include <mutex>
#include <optional>

#include "accel_base_transform.hpp"

using namespace accelgst;

GST_DEBUG_CATEGORY_STATIC(accel_filter_debug);
#define GST_CAT_DEFAULT accel_filter_debug

namespace {

constexpr std::array operations{accel::Operation::invert, accel::Operation::convolve3x3};

enum class Operation { invert, convolve };
enum class Preset { custom, sharpen, blur, edge, emboss };

// By the numbers of Preset; custom stands for no change.
constexpr std::array<accel::Kernel3x3, 5> presets{{
    {},
    {{0, -1, 0, -1, 5, -1, 0, -1, 0}, 0, 0},
    {{1, 2, 1, 2, 4, 2, 1, 2, 1}, 4, 0},
    {{-1, -1, -1, -1, 8, -1, -1, -1, -1}, 0, 0},
    {{-2, -1, 0, -1, 0, 1, 0, 1, 2}, 0, 128},
}};

constexpr Preset first_preset = Preset::sharpen;

// The properties are guarded by the mutex, since they change while frames run.
struct FilterState {
    mutable std::mutex mutex;
    Operation operation = Operation::invert;
    Preset preset = first_preset;
    accel::Kernel3x3 kernel = presets[static_cast<std::size_t>(first_preset)];

    bool interlaced = false;  // the streaming thread's
};

}  // namespace

struct GstAccelFilter {
    GstAccelBaseTransform parent;
    FilterState* state;
};

struct GstAccelFilterClass {
    GstAccelBaseTransformClass parent_class;
};

#define gst_accel_filter_parent_class parent_class
G_DEFINE_TYPE_WITH_CODE(GstAccelFilter, gst_accel_filter, gst_accel_base_transform_get_type(),
                        GST_DEBUG_CATEGORY_INIT(accel_filter_debug, "accelfilter", 0,
                                                "filter on accelerators"))
GST_ELEMENT_REGISTER_DEFINE(accelfilter, "accelfilter", GST_RANK_NONE, gst_accel_filter_get_type())

namespace {

enum { PROP_OPERATION = 1, PROP_PRESET, PROP_KERNEL, PROP_SHIFT, PROP_BIAS };

constexpr int coefficient_min = std::numeric_limits<std::int16_t>::min();
constexpr int coefficient_max = std::numeric_limits<std::int16_t>::max();
constexpr int shift_max = 15;

GType operation_type() {
    static const GEnumValue values[] = {
        {static_cast<gint>(Operation::invert), "Invert each colour", "invert"},
        {static_cast<gint>(Operation::convolve), "Convolve with the kernel", "convolve"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("GstAccelFilterOperation", values);
    return type;
}

GType preset_type() {
    static const GEnumValue values[] = {
        {static_cast<gint>(Preset::custom), "Kernel, shift and bias as set", "custom"},
        {static_cast<gint>(Preset::sharpen), "Sharpen", "sharpen"},
        {static_cast<gint>(Preset::blur), "Blur", "blur"},
        {static_cast<gint>(Preset::edge), "Edges on black", "edge"},
        {static_cast<gint>(Preset::emboss), "Relief on grey", "emboss"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("GstAccelFilterPreset", values);
    return type;
}

FilterState& state_of(gpointer self) { return *static_cast<GstAccelFilter*>(self)->state; }

// Nothing when there are not nine coefficients in range.
std::optional<std::array<std::int16_t, 9>> coefficients_of(const GValue* value) {
    std::array<std::int16_t, 9> coefficients{};
    if (gst_value_array_get_size(value) != coefficients.size()) return std::nullopt;
    for (guint i = 0; i < coefficients.size(); i++) {
        const GValue* element = gst_value_array_get_value(value, i);
        if (!G_VALUE_HOLDS_INT(element)) return std::nullopt;
        const int number = g_value_get_int(element);
        if (number < coefficient_min || number > coefficient_max) return std::nullopt;
        coefficients[i] = static_cast<std::int16_t>(number);
    }
    return coefficients;
}

void put_coefficients(const accel::Kernel3x3& kernel, GValue* value) {
    for (std::int16_t coefficient : kernel.coefficients) {
        GValue element = G_VALUE_INIT;
        g_value_init(&element, G_TYPE_INT);
        g_value_set_int(&element, coefficient);
        gst_value_array_append_and_take_value(value, &element);
    }
}

void set_preset(FilterState& state, Preset preset) {
    state.preset = preset;
    if (preset != Preset::custom) state.kernel = presets[static_cast<std::size_t>(preset)];
}

void set_kernel(GObject* object, FilterState& state, const GValue* value) {
    const auto coefficients = coefficients_of(value);
    if (!coefficients) {
        GST_ELEMENT_WARNING(
            object, LIBRARY, SETTINGS,
            ("The kernel must have nine integers from %d to %d; it stays as it was.",
             coefficient_min, coefficient_max),
            (nullptr));
        return;
    }
    const std::scoped_lock lock(state.mutex);
    state.preset = Preset::custom;
    state.kernel.coefficients = *coefficients;
}

void set_number(FilterState& state, guint id, const GValue* value) {
    state.preset = Preset::custom;
    if (id == PROP_SHIFT)
        state.kernel.shift = static_cast<std::uint8_t>(g_value_get_uint(value));
    else
        state.kernel.bias = static_cast<std::int16_t>(g_value_get_int(value));
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
    FilterState& state = state_of(object);
    if (id == PROP_KERNEL) return set_kernel(object, state, value);
    const std::scoped_lock lock(state.mutex);
    switch (id) {
        case PROP_OPERATION:
            state.operation = static_cast<Operation>(g_value_get_enum(value));
            break;
        case PROP_PRESET:
            set_preset(state, static_cast<Preset>(g_value_get_enum(value)));
            break;
        case PROP_SHIFT:
        case PROP_BIAS:
            set_number(state, id, value);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
    const FilterState& state = state_of(object);
    const std::scoped_lock lock(state.mutex);
    switch (id) {
        case PROP_OPERATION:
            g_value_set_enum(value, static_cast<gint>(state.operation));
            break;
        case PROP_PRESET:
            g_value_set_enum(value, static_cast<gint>(state.preset));
            break;
        case PROP_KERNEL:
            put_coefficients(state.kernel, value);
            break;
        case PROP_SHIFT:
            g_value_set_uint(value, state.kernel.shift);
            break;
        case PROP_BIAS:
            g_value_set_int(value, state.kernel.bias);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

void finalize(GObject* object) {
    delete reinterpret_cast<GstAccelFilter*>(object)->state;
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

GstCaps* transform_caps(GstBaseTransform* trans, GstPadDirection direction, GstCaps* caps,
                        GstCaps* filter) {
    GstPtr<GstCaps> result = filtered_caps(caps, filter_formats());
    if (filter)
        result.reset(gst_caps_intersect_full(filter, result.get(), GST_CAPS_INTERSECT_FIRST));
    GST_DEBUG_OBJECT(trans, "%s caps %" GST_PTR_FORMAT " may become %" GST_PTR_FORMAT,
                     direction == GST_PAD_SINK ? "sink" : "src", caps, result.get());
    return result.release();
}

GstCaps* fixate_caps(GstBaseTransform* trans, GstPadDirection direction, GstCaps*, GstCaps* other) {
    GstPtr<GstCaps> choices = usable_caps(trans, direction, GstPtr<GstCaps>(other));
    if (gst_caps_is_empty(choices.get())) return choices.release();
    return gst_caps_fixate(choices.release());
}

bool set_formats(GstAccelBaseTransform* self, const FrameCaps& in, const FrameCaps&) {
    state_of(self).interlaced = GST_VIDEO_INFO_IS_INTERLACED(&in.info);
    return true;
}

accel::Command make_command(GstAccelBaseTransform* self, const accel::Slot& dst,
                            const accel::Slot& src) {
    const FilterState& state = state_of(self);
    const std::scoped_lock lock(state.mutex);
    if (state.operation == Operation::invert) return accel::Command::invert(dst, src);
    if (state.interlaced)
        throw FrameRefused(
            "Interlaced frames cannot be convolved: that would mix the lines of their two fields. "
            "Put a deinterlacer before the filter.");
    return accel::Command::convolve3x3(dst, src, state.kernel);
}

GParamFlags playing_flags() {
    return static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                    GST_PARAM_MUTABLE_PLAYING);
}

void install_properties(GObjectClass* klass) {
    const GParamFlags flags = playing_flags();
    g_object_class_install_property(
        klass, PROP_OPERATION,
        g_param_spec_enum("operation", "Operation", "What to do with frames", operation_type(),
                          static_cast<gint>(Operation::invert), flags));
    g_object_class_install_property(
        klass, PROP_PRESET,
        g_param_spec_enum("preset", "Preset", "A named kernel, with its shift and bias",
                          preset_type(), static_cast<gint>(first_preset), flags));
    // Any int: the range is checked in set_kernel(), since GLib has only a critical for it.
    g_object_class_install_property(
        klass, PROP_KERNEL,
        gst_param_spec_array("kernel", "Kernel",
                             "Nine coefficients of a convolution, row by row, -32768 to 32767",
                             g_param_spec_int("coefficient", "Coefficient", "One of the nine",
                                              G_MININT, G_MAXINT, 0, flags),
                             flags));
    g_object_class_install_property(
        klass, PROP_SHIFT,
        g_param_spec_uint("shift", "Shift",
                          "A convolution's sum is divided by two to this power, and rounded", 0,
                          shift_max, 0, flags));
    g_object_class_install_property(
        klass, PROP_BIAS,
        g_param_spec_int("bias", "Bias", "Added to what a convolution gives, last", coefficient_min,
                         coefficient_max, 0, flags));
}

}  // namespace

static void gst_accel_filter_class_init(GstAccelFilterClass* klass) {
    GObjectClass* object = G_OBJECT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    install_properties(object);

    GstElementClass* element = GST_ELEMENT_CLASS(klass);
    gst_element_class_set_static_metadata(element, "Accelerator's video filter",
                                          "Filter/Effect/Video/Hardware",
                                          "Filters video on an accelerator", "The zaccel project");
    add_templates(element, filter_formats());

    GstBaseTransformClass* trans = GST_BASE_TRANSFORM_CLASS(klass);
    trans->transform_caps = transform_caps;
    trans->fixate_caps = fixate_caps;

    auto* base = GST_ACCEL_BASE_TRANSFORM_CLASS(klass);
    base->operations = operations;
    base->set_formats = set_formats;
    base->make_command = make_command;

    gst_type_mark_as_plugin_api(operation_type(), static_cast<GstPluginAPIFlags>(0));
    gst_type_mark_as_plugin_api(preset_type(), static_cast<GstPluginAPIFlags>(0));
}

static void gst_accel_filter_init(GstAccelFilter* self) { self->state = new FilterState; }
