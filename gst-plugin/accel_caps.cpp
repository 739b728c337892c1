// SPDX-License-Identifier: MIT
#include "accel_caps.hpp"

#include <gst/allocators/gstdmabuf.h>
#include <gst/video/video-info-dma.h>

#include <algorithm>
#include <utility>

namespace accelgst {
namespace {

constexpr int max_side = 16384;

constexpr Format table[] = {
    {GST_VIDEO_FORMAT_BGRx, accel::fourcc::XRGB8888, "BGRx", "XR24", true, 2, 1, 1},
    {GST_VIDEO_FORMAT_YUY2, accel::fourcc::YUYV, "YUY2", "YUYV", false, 1, 2, 1},
    {GST_VIDEO_FORMAT_NV12, accel::fourcc::NV12, "NV12", "NV12", false, 0, 2, 2},
    {GST_VIDEO_FORMAT_I420, accel::fourcc::YUV420, "I420", "YU12", false, 0, 2, 2},
    {GST_VIDEO_FORMAT_GRAY8, accel::fourcc::R8, "GRAY8", "R8  ", false, -1, 1, 1},
};

const char* caps_name(const Format* format, bool dmabuf) {
    return dmabuf ? format->drm_name : format->name;
}

FormatList list_of(std::initializer_list<GstVideoFormat> videos) {
    FormatList list;
    for (GstVideoFormat video : videos) list.push_back(find_format(video));
    return list;
}

GstCapsFeatures* new_features(bool dmabuf) {
    return gst_caps_features_new_single_static_str(dmabuf ? GST_CAPS_FEATURE_MEMORY_DMABUF
                                                          : GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY);
}

void set_strings(GstStructure* structure, const char* field, const FormatList& formats,
                 bool dmabuf) {
    if (formats.size() == 1) {
        gst_structure_set(structure, field, G_TYPE_STRING, caps_name(formats.front(), dmabuf),
                          nullptr);
        return;
    }
    GValue list = G_VALUE_INIT;
    gst_value_list_init(&list, static_cast<guint>(formats.size()));
    for (const Format* format : formats) {
        GValue name = G_VALUE_INIT;
        g_value_init(&name, G_TYPE_STRING);
        g_value_set_static_string(&name, caps_name(format, dmabuf));
        gst_value_list_append_and_take_value(&list, &name);
    }
    gst_structure_take_value(structure, field, &list);
}

// Formats of the same subsampling have the same sizes, and so share a structure.
std::vector<FormatList> by_size(const FormatList& formats) {
    std::vector<FormatList> groups;
    for (const Format* format : formats) {
        const auto same = [format](const FormatList& group) {
            return group.front()->width_step == format->width_step &&
                   group.front()->height_step == format->height_step;
        };
        const auto group = std::ranges::find_if(groups, same);
        if (group == groups.end())
            groups.push_back({format});
        else
            group->push_back(format);
    }
    return groups;
}

void set_side(GstStructure* structure, const char* field, int step) {
    GValue range = G_VALUE_INIT;
    g_value_init(&range, GST_TYPE_INT_RANGE);
    gst_value_set_int_range_step(&range, step, max_side, step);
    gst_structure_take_value(structure, field, &range);
}

void append(GstCaps* caps, GstStructure* structure, bool dmabuf) {
    GstCapsFeatures* features = new_features(dmabuf);
    if (gst_caps_is_subset_structure_full(caps, structure, features)) {
        gst_structure_free(structure);
        gst_caps_features_free(features);
        return;
    }
    gst_caps_append_structure_full(caps, structure, features);
}

// Every size and format that @p like, apart from those, may have.
void append_all(GstCaps* caps, const GstStructure* like, bool dmabuf, const FormatList& formats) {
    for (const FormatList& group : by_size(formats)) {
        GstStructure* structure = gst_structure_copy(like);
        set_formats(structure, dmabuf, group);
        set_side(structure, "width", group.front()->width_step);
        set_side(structure, "height", group.front()->height_step);
        append(caps, structure, dmabuf);
    }
}

GstPtr<GstStructure> without_format_and_size(const GstStructure* structure) {
    GstPtr<GstStructure> copy(gst_structure_copy(structure));
    gst_structure_remove_fields(copy.get(), "format", "drm-format", "width", "height",
                                "colorimetry", "chroma-site", nullptr);
    if (gst_structure_has_field(copy.get(), "pixel-aspect-ratio"))
        gst_structure_set(copy.get(), "pixel-aspect-ratio", GST_TYPE_FRACTION_RANGE, 1, G_MAXINT,
                          G_MAXINT, 1, nullptr);
    return copy;
}

bool allows(const GstCapsFeatures* features, bool dmabuf) {
    return gst_caps_features_is_any(features) || is_dmabuf(features) == dmabuf;
}

// With the feature ANY a structure may be of one kind of memory only, by its formats.
bool has_dma_drm(const GstStructure* structure) {
    const GValue* value = gst_structure_get_value(structure, "format");
    if (!value) return true;
    GValue name = G_VALUE_INIT;
    g_value_init(&name, G_TYPE_STRING);
    g_value_set_static_string(&name, "DMA_DRM");
    const bool has = gst_value_can_intersect(value, &name);
    g_value_unset(&name);
    return has;
}

void append_filtered(GstCaps* caps, const GstStructure* from, bool from_dmabuf, bool dmabuf,
                     const FormatList& formats) {
    if (from_dmabuf && !has_dma_drm(from)) return;
    const FormatList allowed = formats_of(from, from_dmabuf, formats);
    if (allowed.empty()) return;
    GstStructure* structure = gst_structure_copy(from);
    gst_structure_remove_field(structure, "drm-format");
    set_formats(structure, dmabuf, allowed);
    append(caps, structure, dmabuf);
}

// Looked up here and not by GStreamer, which knows no DRM format for grey before 1.26.
const Format* linear_dma_drm_format(const GstCaps* caps) {
    const gchar* name = gst_structure_get_string(gst_caps_get_structure(caps, 0), "drm-format");
    if (!name || !gst_video_is_dma_drm_caps(caps)) return nullptr;
    guint64 modifier = 0;
    const guint32 fourcc = gst_video_dma_drm_fourcc_from_string(name, &modifier);
    if (modifier != accel::linear_modifier) return nullptr;
    const auto* found = std::ranges::find(table, fourcc, &Format::fourcc);
    return found == std::end(table) ? nullptr : found;
}

// The same frames under plain caps; null when there are none.
GstPtr<GstCaps> plain_caps(const GstCaps* caps) {
    const Format* format = linear_dma_drm_format(caps);
    if (!format) return nullptr;
    GstPtr<GstCaps> plain(gst_caps_copy(caps));
    GstStructure* structure = gst_caps_get_structure(plain.get(), 0);
    gst_structure_remove_field(structure, "drm-format");
    set_formats(structure, false, {format});
    gst_caps_set_features_simple(plain.get(), new_features(false));
    return plain;
}

}  // namespace

const Format* find_format(GstVideoFormat video) {
    const auto* found = std::ranges::find(table, video, &Format::video);
    return found == std::end(table) ? nullptr : found;
}

const FormatList& convert_formats() {
    static const FormatList list =
        list_of({GST_VIDEO_FORMAT_BGRx, GST_VIDEO_FORMAT_YUY2, GST_VIDEO_FORMAT_NV12,
                 GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_GRAY8});
    return list;
}

const FormatList& filter_formats() {
    static const FormatList list = list_of({GST_VIDEO_FORMAT_BGRx, GST_VIDEO_FORMAT_GRAY8});
    return list;
}

std::optional<bool> is_dmabuf(const GstCapsFeatures* features) {
    if (!features || gst_caps_features_is_equal(features, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY))
        return false;
    if (!gst_caps_features_is_any(features) && gst_caps_features_get_size(features) == 1 &&
        gst_caps_features_contains(features, GST_CAPS_FEATURE_MEMORY_DMABUF))
        return true;
    return std::nullopt;
}

std::optional<FrameCaps> FrameCaps::parse(const GstCaps* caps) {
    if (!caps || !gst_caps_is_fixed(caps)) return std::nullopt;
    FrameCaps parsed{};
    const std::optional<bool> dmabuf = accelgst::is_dmabuf(gst_caps_get_features(caps, 0));
    if (!dmabuf) return std::nullopt;
    parsed.dmabuf = *dmabuf;
    const GstPtr<GstCaps> plain = parsed.dmabuf ? plain_caps(caps) : nullptr;
    if (parsed.dmabuf && !plain) return std::nullopt;
    if (!gst_video_info_from_caps(&parsed.info, plain ? plain.get() : caps)) return std::nullopt;
    parsed.format = find_format(GST_VIDEO_INFO_FORMAT(&parsed.info));
    if (!parsed.format) return std::nullopt;
    return parsed;
}

// Where several components interleave, as in NV12, the pixel stride counts all.
guint FrameCaps::component(guint plane) const {
    guint component = 0;
    while (GST_VIDEO_FORMAT_INFO_PLANE(info.finfo, component) != plane) component++;
    return component;
}

guint FrameCaps::row_bytes(guint plane) const {
    return static_cast<guint>(GST_VIDEO_INFO_COMP_WIDTH(&info, component(plane)) *
                              GST_VIDEO_INFO_COMP_PSTRIDE(&info, component(plane)));
}

guint FrameCaps::rows(guint plane) const {
    return static_cast<guint>(GST_VIDEO_INFO_COMP_HEIGHT(&info, component(plane)));
}

gssize FrameCaps::distance(guint plane, guint x, guint y, gint stride) const {
    const guint c = component(plane);
    const gssize column = static_cast<gssize>(x >> GST_VIDEO_FORMAT_INFO_W_SUB(info.finfo, c));
    const gssize line = static_cast<gssize>(y >> GST_VIDEO_FORMAT_INFO_H_SUB(info.finfo, c));
    return line * stride + column * GST_VIDEO_INFO_COMP_PSTRIDE(&info, c);
}

GstPtr<GstCaps> template_caps(const FormatList& formats) {
    GstPtr<GstCaps> caps(gst_caps_new_empty());
    GstPtr<GstStructure> structure(gst_structure_new(
        "video/x-raw", "framerate", GST_TYPE_FRACTION_RANGE, 0, 1, G_MAXINT, 1, nullptr));
    for (bool dmabuf : {true, false}) append_all(caps.get(), structure.get(), dmabuf, formats);
    return caps;
}

GstPtr<GstCaps> converted_caps(const GstCaps* caps, const FormatList& formats) {
    GstPtr<GstCaps> result(gst_caps_new_empty());
    for (bool dmabuf : {true, false}) {
        for (guint i = 0; i < gst_caps_get_size(caps); i++) {
            const GstCapsFeatures* features = gst_caps_get_features(caps, i);
            if (!allows(features, true) && !allows(features, false)) continue;
            const auto like = without_format_and_size(gst_caps_get_structure(caps, i));
            append_all(result.get(), like.get(), dmabuf, formats);
        }
    }
    return result;
}

GstPtr<GstCaps> filtered_caps(const GstCaps* caps, const FormatList& formats) {
    GstPtr<GstCaps> result(gst_caps_new_empty());
    for (bool dmabuf : {true, false}) {
        for (guint i = 0; i < gst_caps_get_size(caps); i++) {
            for (bool from_dmabuf : {true, false}) {
                if (!allows(gst_caps_get_features(caps, i), from_dmabuf)) continue;
                append_filtered(result.get(), gst_caps_get_structure(caps, i), from_dmabuf, dmabuf,
                                formats);
            }
        }
    }
    return result;
}

FormatList formats_of(const GstStructure* structure, bool dmabuf, const FormatList& formats) {
    const GValue* value = gst_structure_get_value(structure, dmabuf ? "drm-format" : "format");
    if (!value) return formats;
    FormatList allowed;
    const auto add = [&](const GValue* name) {
        if (!G_VALUE_HOLDS_STRING(name)) return;
        for (const Format* format : formats)
            if (g_strcmp0(g_value_get_string(name), caps_name(format, dmabuf)) == 0)
                allowed.push_back(format);
    };
    if (GST_VALUE_HOLDS_LIST(value)) {
        for (guint i = 0; i < gst_value_list_get_size(value); i++)
            add(gst_value_list_get_value(value, i));
    } else {
        add(value);
    }
    return allowed;
}

void set_formats(GstStructure* structure, bool dmabuf, const FormatList& formats) {
    if (dmabuf) {
        gst_structure_set(structure, "format", G_TYPE_STRING, "DMA_DRM", nullptr);
        set_strings(structure, "drm-format", formats, true);
    } else {
        set_strings(structure, "format", formats, false);
    }
}

}  // namespace accelgst
