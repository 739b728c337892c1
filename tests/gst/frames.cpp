// SPDX-License-Identifier: MIT
#include "frames.hpp"

#include <gst/video/video-info-dma.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ostream>
#include <stdexcept>

namespace gst_tests {
namespace {

std::string caps_of(const std::string& head, int width, int height, const std::string& more) {
    return head + ",width=" + std::to_string(width) + ",height=" + std::to_string(height) +
           ",framerate=25/1" + (more.empty() ? "" : "," + more);
}

class Mapped {
 public:
    Mapped(GstBuffer* buffer, const GstVideoInfo& info, GstMapFlags flags) {
        if (!gst_video_frame_map(&frame_, &info, buffer, flags))
            throw std::runtime_error("frame cannot be mapped");
    }
    Mapped(const Mapped&) = delete;
    Mapped& operator=(const Mapped&) = delete;
    ~Mapped() { gst_video_frame_unmap(&frame_); }

    GstVideoFrame& frame() { return frame_; }

 private:
    GstVideoFrame frame_;
};

std::uint8_t* place(const GstVideoFrame& frame, guint component, int x, int y) {
    return static_cast<std::uint8_t*>(GST_VIDEO_FRAME_COMP_DATA(&frame, component)) +
           y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, component) +
           x * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, component);
}

std::uint8_t rounded(double value) {
    return static_cast<std::uint8_t>(std::clamp(std::lround(value), 0L, 255L));
}

// Components as the caps' colorimetry has them, 0..255 each.
std::array<std::uint8_t, 3> components_of(const Colour& colour, const GstVideoInfo& info) {
    const double r = colour.r, g = colour.g, b = colour.b;
    if (GST_VIDEO_INFO_IS_RGB(&info)) return {rounded(r), rounded(g), rounded(b)};
    const bool bt709 = info.colorimetry.matrix == GST_VIDEO_COLOR_MATRIX_BT709;
    const bool full = info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
    const double kr = bt709 ? 0.2126 : 0.299;
    const double kb = bt709 ? 0.0722 : 0.114;
    const double luma = kr * r + (1 - kr - kb) * g + kb * b;
    const double u = (b - luma) / (2 * (1 - kb));
    const double v = (r - luma) / (2 * (1 - kr));
    if (full) return {rounded(luma), rounded(u + 128), rounded(v + 128)};
    return {rounded(16 + luma * 219 / 255), rounded(128 + u * 224 / 255),
            rounded(128 + v * 224 / 255)};
}

}  // namespace

std::string raw_caps(const std::string& format, int width, int height, const std::string& more) {
    return caps_of("video/x-raw,format=" + format, width, height, more);
}

std::string drm_caps(const std::string& drm_format, int width, int height,
                     const std::string& more) {
    return caps_of(
        "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=(string)\"" + drm_format + "\"",
        width, height, more);
}

GstVideoInfo info_of(const std::string& text) {
    const Handle<GstCaps> caps(gst_caps_from_string(text.c_str()));
    GstVideoInfo info;
    GstVideoInfoDmaDrm drm;
    if (caps && gst_video_is_dma_drm_caps(caps.get())) {
        if (gst_video_info_dma_drm_from_caps(&drm, caps.get()) &&
            gst_video_info_dma_drm_to_video_info(&drm, &info))
            return info;
    } else if (caps && gst_video_info_from_caps(&info, caps.get())) {
        return info;
    }
    throw std::runtime_error("no video caps: " + text);
}

Handle<GstBuffer> new_frame(const GstVideoInfo& info) {
    Handle<GstBuffer> frame(gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr));
    gst_buffer_memset(frame.get(), 0, 0, GST_VIDEO_INFO_SIZE(&info));
    return frame;
}

Picture smooth(int width, int height) {
    return [=](int x, int y) {
        return Colour{255 * x / (width - 1), 255 * y / (height - 1),
                      255 * (x + y) / (width + height - 2)};
    };
}

Picture saturated() {
    return [](int x, int y) {
        static constexpr Colour colours[] = {
            {0, 0, 0},   {255, 255, 255}, {255, 0, 0}, {0, 255, 255},
            {0, 255, 0}, {255, 0, 255},   {0, 0, 255}, {255, 255, 0},
        };
        return colours[static_cast<std::size_t>(x / 4 + 3 * (y / 4)) % 8];
    };
}

void for_each_sample(GstVideoFrame& frame,
                     const std::function<std::uint8_t(guint, int, int)>& value) {
    for (guint c = 0; c < std::min(3u, GST_VIDEO_FRAME_N_COMPONENTS(&frame)); c++)
        for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); y++)
            for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); x++)
                *place(frame, c, x, y) = value(c, x, y);
}

void paint(GstBuffer* buffer, const GstVideoInfo& info, const Picture& picture) {
    Mapped mapped(buffer, info, GST_MAP_WRITE);
    for_each_sample(mapped.frame(), [&](guint c, int x, int y) {
        const int sx = GST_VIDEO_FORMAT_INFO_W_SUB(info.finfo, c);
        const int sy = GST_VIDEO_FORMAT_INFO_H_SUB(info.finfo, c);
        return components_of(picture(x << sx, y << sy), info)[c];
    });
}

std::uint8_t sample(const GstVideoFrame& frame, guint component, int x, int y) {
    return *place(frame, component, x, y);
}

Difference compare(GstBuffer* got, GstBuffer* expected, const GstVideoInfo& info) {
    Mapped a(got, info, GST_MAP_READ);
    Mapped b(expected, info, GST_MAP_READ);
    Difference result;
    double sum = 0;
    int count = 0;
    for (guint c = 0; c < std::min(3u, GST_VIDEO_INFO_N_COMPONENTS(&info)); c++) {
        for (int y = 0; y < GST_VIDEO_INFO_COMP_HEIGHT(&info, c); y++) {
            for (int x = 0; x < GST_VIDEO_INFO_COMP_WIDTH(&info, c); x++) {
                const int v = sample(a.frame(), c, x, y);
                const int w = sample(b.frame(), c, x, y);
                sum += std::abs(v - w);
                count++;
                if (std::abs(v - w) <= result.worst) continue;
                result = {std::abs(v - w), 0, c, x, y, v, w};
            }
        }
    }
    result.mean = sum / count;
    return result;
}

std::ostream& operator<<(std::ostream& out, const Difference& d) {
    return out << "worst " << d.worst << " (component " << d.component << " at " << d.x << ","
               << d.y << ": got " << d.got << ", expected " << d.expected << "), mean " << d.mean;
}

}  // namespace gst_tests
