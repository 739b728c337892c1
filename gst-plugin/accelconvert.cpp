// SPDX-License-Identifier: MIT
/**
 * SECTION:element-accelconvert
 * @title: accelconvert
 * @short_description: converts format, colours and size of video on an accelerator
 *
 * Turns frames of any of its formats and sizes into any other, in one step on the accelerator.
 * Matrix and range of the colours are taken from the caps of both sides. Frames in dma-bufs are
 * read where they are, whoever made them, and whether or not the caps say memory:DMABuf; frames in
 * system memory are copied once, which the property stats counts and fallback=error forbids. What
 * comes out lies in dma-bufs too.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 ! accelconvert !
 * video/x-raw,format=NV12,width=640,height=360 ! fakesink
 * ]| System memory in, dma-bufs under plain caps out.
 * |[
 * gst-launch-1.0 v4l2src io-mode=dmabuf ! accelconvert !
 * "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=XR24,width=1024,height=768" ! kmssink
 * force-modesetting=true
 * ]| A camera on a display, without a copy.
 */
#include "accelconvert.hpp"

#include <array>
#include <atomic>
#include <optional>

#include "accel_base_transform.hpp"
#include "accel_fixate.hpp"

using namespace accelgst;

GST_DEBUG_CATEGORY_STATIC(accel_convert_debug);
#define GST_CAT_DEFAULT accel_convert_debug

namespace {

constexpr std::array operations{accel::Operation::convert};

struct ConvertState {
    std::atomic<accel::Filter> filter{accel::Filter::bilinear};
    accel::Colorimetry source;  // the streaming thread's, as the next
    accel::Colorimetry destination;
};

}  // namespace

struct GstAccelConvert {
    GstAccelBaseTransform parent;
    ConvertState* state;
};

struct GstAccelConvertClass {
    GstAccelBaseTransformClass parent_class;
};

#define gst_accel_convert_parent_class parent_class
G_DEFINE_TYPE_WITH_CODE(GstAccelConvert, gst_accel_convert, gst_accel_base_transform_get_type(),
                        GST_DEBUG_CATEGORY_INIT(accel_convert_debug, "accelconvert", 0,
                                                "converter on accelerators"))
GST_ELEMENT_REGISTER_DEFINE(accelconvert, "accelconvert", GST_RANK_NONE,
                            gst_accel_convert_get_type())

namespace {

enum { PROP_FILTER = 1 };

GType filter_type() {
    static const GEnumValue values[] = {
        {static_cast<gint>(accel::Filter::nearest), "The nearest sample", "nearest"},
        {static_cast<gint>(accel::Filter::bilinear), "Weighted mean of the four around",
         "bilinear"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("GstAccelConvertFilter", values);
    return type;
}

ConvertState& state_of(gpointer self) { return *static_cast<GstAccelConvert*>(self)->state; }

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
    if (id == PROP_FILTER)
        state_of(object).filter = static_cast<accel::Filter>(g_value_get_enum(value));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
    if (id == PROP_FILTER)
        g_value_set_enum(value, static_cast<gint>(state_of(object).filter.load()));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

void finalize(GObject* object) {
    delete reinterpret_cast<GstAccelConvert*>(object)->state;
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

GstCaps* transform_caps(GstBaseTransform* trans, GstPadDirection direction, GstCaps* caps,
                        GstCaps* filter) {
    GstPtr<GstCaps> result = converted_caps(caps, convert_formats());
    if (filter)
        result.reset(gst_caps_intersect_full(filter, result.get(), GST_CAPS_INTERSECT_FIRST));
    GST_DEBUG_OBJECT(trans, "%s caps %" GST_PTR_FORMAT " may become %" GST_PTR_FORMAT,
                     direction == GST_PAD_SINK ? "sink" : "src", caps, result.get());
    return result.release();
}

GstCaps* fixate_caps(GstBaseTransform* trans, GstPadDirection direction, GstCaps* caps,
                     GstCaps* other) {
    GstPtr<GstCaps> choices = usable_caps(trans, direction, GstPtr<GstCaps>(other));
    if (gst_caps_is_empty(choices.get())) return choices.release();
    GstPtr<GstCaps> result = fixate_conversion(caps, std::move(choices));
    GST_DEBUG_OBJECT(trans, "%" GST_PTR_FORMAT " becomes %" GST_PTR_FORMAT, caps, result.get());
    return result.release();
}

std::optional<accel::Matrix> matrix_of(const GstVideoInfo& info) {
    switch (info.colorimetry.matrix) {
        case GST_VIDEO_COLOR_MATRIX_BT601:
            return accel::Matrix::bt601;
        case GST_VIDEO_COLOR_MATRIX_BT709:
            return accel::Matrix::bt709;
        case GST_VIDEO_COLOR_MATRIX_UNKNOWN:
        case GST_VIDEO_COLOR_MATRIX_RGB:  // grey, or not used at all
            return accel::Matrix::bt601;
        default:
            return std::nullopt;
    }
}

// Where caps say that the range is not known, YUV is limited as it mostly is, and grey is full as
// it is in caps that say nothing.
bool is_limited(const FrameCaps& caps) {
    if (caps.info.colorimetry.range == GST_VIDEO_COLOR_RANGE_UNKNOWN)
        return !caps.format->rgb && caps.format->chroma >= 0;
    return caps.info.colorimetry.range == GST_VIDEO_COLOR_RANGE_16_235;
}

// What the device has to know of one side; nothing when it knows no such colours.
std::optional<accel::Colorimetry> colorimetry_of(const FrameCaps& caps) {
    const bool limited = is_limited(caps);
    if (caps.format->rgb && limited) return std::nullopt;
    const auto matrix = caps.format->rgb ? accel::Matrix::bt601 : matrix_of(caps.info);
    if (!matrix) return std::nullopt;
    return accel::Colorimetry{*matrix, limited ? accel::Range::limited : accel::Range::full};
}

bool same_colours(const FrameCaps& in, const FrameCaps& out) {
    return in.format->rgb == out.format->rgb &&
           in.info.colorimetry.matrix == out.info.colorimetry.matrix &&
           in.info.colorimetry.range == out.info.colorimetry.range;
}

bool set_colorimetry(ConvertState& state, const FrameCaps& in, const FrameCaps& out) {
    // Numbers whose meaning stays need not be understood.
    if (same_colours(in, out)) {
        state.source = state.destination = {};
        return true;
    }
    const auto source = colorimetry_of(in);
    const auto destination = colorimetry_of(out);
    if (!source || !destination) return false;
    state.source = *source;
    state.destination = *destination;
    return true;
}

// Lines of the two fields would be mixed where lines of one picture are.
bool mixes_fields(const FrameCaps& in, const FrameCaps& out) {
    return GST_VIDEO_INFO_IS_INTERLACED(&in.info) &&
           (in.info.height != out.info.height || in.format->chroma != out.format->chroma);
}

bool set_formats(GstAccelBaseTransform* self, const FrameCaps& in, const FrameCaps& out) {
    const bool same = in.dmabuf == out.dmabuf && gst_video_info_is_equal(&in.info, &out.info);
    gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), same);
    if (same) return true;
    if (mixes_fields(in, out)) {
        GST_WARNING_OBJECT(self, "interlaced frames can only keep their height and chroma");
        return false;
    }
    if (!set_colorimetry(state_of(self), in, out)) {
        GST_WARNING_OBJECT(self,
                           "colorimetry is not supported: BT.601 or BT.709, and full range "
                           "for RGB");
        return false;
    }
    return true;
}

accel::Command make_command(GstAccelBaseTransform* self, const accel::Slot& dst,
                            const accel::Slot& src) {
    const ConvertState& state = state_of(self);
    return accel::Command::convert(dst, src, {state.source, state.destination, state.filter});
}

}  // namespace

static void gst_accel_convert_class_init(GstAccelConvertClass* klass) {
    GObjectClass* object = G_OBJECT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    g_object_class_install_property(
        object, PROP_FILTER,
        g_param_spec_enum("filter", "Filter", "How samples between the source's are made",
                          filter_type(), static_cast<gint>(accel::Filter::bilinear),
                          static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                   GST_PARAM_MUTABLE_PLAYING)));

    GstElementClass* element = GST_ELEMENT_CLASS(klass);
    gst_element_class_set_static_metadata(
        element, "Accelerator's video converter",
        "Filter/Converter/Video/Scaler/Colorspace/Hardware",
        "Converts format, colours and size of video on an accelerator", "The zaccel project");
    add_templates(element, convert_formats());

    GstBaseTransformClass* trans = GST_BASE_TRANSFORM_CLASS(klass);
    trans->transform_caps = transform_caps;
    trans->fixate_caps = fixate_caps;

    auto* base = GST_ACCEL_BASE_TRANSFORM_CLASS(klass);
    base->operations = operations;
    base->set_formats = set_formats;
    base->make_command = make_command;

    gst_type_mark_as_plugin_api(filter_type(), static_cast<GstPluginAPIFlags>(0));
}

static void gst_accel_convert_init(GstAccelConvert* self) { self->state = new ConvertState; }
