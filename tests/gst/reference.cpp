// SPDX-License-Identifier: MIT
#include "reference.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace gst_tests {
namespace {

GstStructure* options(bool bilinear) {
    return gst_structure_new(
        "options",  //
        GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD,
        GST_VIDEO_DITHER_NONE,  //
        GST_VIDEO_CONVERTER_OPT_CHROMA_MODE, GST_TYPE_VIDEO_CHROMA_MODE,
        bilinear ? GST_VIDEO_CHROMA_MODE_FULL : GST_VIDEO_CHROMA_MODE_DOWNSAMPLE_ONLY,  //
        GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD,
        bilinear ? GST_VIDEO_RESAMPLER_METHOD_LINEAR : GST_VIDEO_RESAMPLER_METHOD_NEAREST,  //
        GST_VIDEO_RESAMPLER_OPT_MAX_TAPS, G_TYPE_INT, bilinear ? 2 : 1, nullptr);
}

Handle<GstBuffer> convert(GstBuffer* frame, const GstVideoInfo& in, const GstVideoInfo& out,
                          bool bilinear) {
    GstVideoConverter* converter = gst_video_converter_new(&in, &out, options(bilinear));
    if (!converter) throw std::runtime_error("no converter");
    Handle<GstBuffer> result = new_frame(out);
    GstVideoFrame from, to;
    gst_video_frame_map(&from, &in, frame, GST_MAP_READ);
    gst_video_frame_map(&to, &out, result.get(), GST_MAP_WRITE);
    gst_video_converter_frame(converter, &from, &to);
    gst_video_frame_unmap(&from);
    gst_video_frame_unmap(&to);
    gst_video_converter_free(converter);
    return result;
}

// The same picture with 16 bits per component and all of its chroma.
GstVideoInfo deep(const GstVideoInfo& like, const GstVideoInfo& size) {
    GstVideoInfo info;
    gst_video_info_set_format(
        &info, GST_VIDEO_INFO_IS_RGB(&like) ? GST_VIDEO_FORMAT_ARGB64 : GST_VIDEO_FORMAT_AYUV64,
        static_cast<guint>(size.width), static_cast<guint>(size.height));
    info.colorimetry = like.colorimetry;
    info.chroma_site = like.chroma_site;
    info.fps_n = like.fps_n;
    info.fps_d = like.fps_d;
    return info;
}

// Every sample but alpha of a frame of 16 bits.
template <class F>
void for_each_sample(GstBuffer* frame, const GstVideoInfo& info, F&& change) {
    GstVideoFrame mapped;
    gst_video_frame_map(&mapped, &info, frame, GST_MAP_READWRITE);
    for (int y = 0; y < info.height; y++) {
        auto* line = reinterpret_cast<guint16*>(
            static_cast<guint8*>(GST_VIDEO_FRAME_PLANE_DATA(&mapped, 0)) +
            y * GST_VIDEO_FRAME_PLANE_STRIDE(&mapped, 0));
        for (int i = 0; i < 4 * info.width; i++)
            if (i % 4 != 0) line[i] = static_cast<guint16>(change(line[i]));
    }
    gst_video_frame_unmap(&mapped);
}

// From 8 to 16 bits the converter repeats the byte. That keeps white white where it is 255, but
// for limited range, whose white is 235 * 256, it makes numbers too large by one in 256.
void correct_expansion(GstBuffer* frame, const GstVideoInfo& info) {
    if (GST_VIDEO_INFO_IS_RGB(&info)) return;
    for_each_sample(frame, info, [](unsigned value) { return value / 257 * 256 + value % 257; });
}

// From 16 to 8 bits it drops the lower byte. Add what makes that rounding; for RGB, also from
// multiples of 257 to such of 256.
void prepare_truncation(GstBuffer* frame, const GstVideoInfo& info) {
    const bool rgb = GST_VIDEO_INFO_IS_RGB(&info);
    for_each_sample(frame, info, [rgb](unsigned value) {
        return std::min((rgb ? value * 256 / 257 : value) + 128, 65535u);
    });
}

// Chroma stays what it is, sample by sample: the converter's short cut copies it.
bool keeps_chroma(const GstVideoInfo& in, const GstVideoInfo& out) {
    return GST_VIDEO_INFO_IS_YUV(&in) && GST_VIDEO_INFO_IS_YUV(&out) && in.width == out.width &&
           in.height == out.height &&
           gst_video_colorimetry_is_equal(&in.colorimetry, &out.colorimetry) &&
           GST_VIDEO_FORMAT_INFO_W_SUB(in.finfo, 1) == GST_VIDEO_FORMAT_INFO_W_SUB(out.finfo, 1) &&
           GST_VIDEO_FORMAT_INFO_H_SUB(in.finfo, 1) == GST_VIDEO_FORMAT_INFO_H_SUB(out.finfo, 1);
}

bool changes_range(const GstVideoInfo& in, const GstVideoInfo& out) {
    return GST_VIDEO_INFO_IS_YUV(&in) && GST_VIDEO_INFO_IS_YUV(&out) &&
           in.colorimetry.range != out.colorimetry.range;
}

GstVideoInfo full_rgb(const GstVideoInfo& like) {
    GstVideoInfo info;
    gst_video_info_set_format(&info, GST_VIDEO_FORMAT_ARGB64, static_cast<guint>(like.width),
                              static_cast<guint>(like.height));
    info.fps_n = like.fps_n;
    info.fps_d = like.fps_d;
    return info;
}

}  // namespace

Handle<GstBuffer> convert_by_cpu(GstBuffer* frame, const GstVideoInfo& in, const GstVideoInfo& out,
                                 bool bilinear) {
    if (keeps_chroma(in, out)) return convert(frame, in, out, bilinear);
    const GstVideoInfo from = deep(in, in);
    const GstVideoInfo scaled = deep(in, out);
    const GstVideoInfo to = deep(out, out);
    Handle<GstBuffer> result = convert(frame, in, from, bilinear);
    correct_expansion(result.get(), from);
    result = convert(result.get(), from, scaled, bilinear);
    // Between two kinds of YUV the converter looks at the matrices only, and leaves the range.
    if (changes_range(in, out)) {
        const GstVideoInfo rgb = full_rgb(scaled);
        result = convert(result.get(), scaled, rgb, bilinear);
        result = convert(result.get(), rgb, to, bilinear);
    } else {
        result = convert(result.get(), scaled, to, bilinear);
    }
    prepare_truncation(result.get(), to);
    return convert(result.get(), to, out, bilinear);
}

}  // namespace gst_tests
