// SPDX-License-Identifier: MIT
#pragma once

#include <gst/video/video.h>

#include <accel/accel.hpp>
#include <optional>
#include <span>
#include <vector>

#include "gst_ptr.hpp"

namespace accelgst {

/// A pixel format, under GStreamer's name and under DRM's.
struct Format {
    GstVideoFormat video;
    std::uint32_t fourcc;
    const char* name;      ///< In the field format of plain caps.
    const char* drm_name;  ///< In the field drm-format; no modifier, which means linear.
    bool rgb;
    int chroma;       ///< Samples of colour: -1 none, 0 a quarter, 1 a half, 2 as many as pixels.
    int width_step;   ///< A width must be a multiple of it.
    int height_step;  ///< A height must be a multiple of it.
};

using FormatList = std::vector<const Format*>;

const Format* find_format(GstVideoFormat video);

/// What the accelerator converts between, and what it filters.
const FormatList& convert_formats();
const FormatList& filter_formats();

/// Fixed caps, as far as an element has to know them.
struct FrameCaps {
    const Format* format;
    GstVideoInfo info;  ///< With the real format, DMA_DRM or not.
    bool dmabuf;        ///< The caps have the feature memory:DMABuf.

    /// Nothing for caps that are not fixed or have a format, modifier or feature unknown here.
    static std::optional<FrameCaps> parse(const GstCaps* caps);

    accel::Size size() const {
        return {static_cast<std::uint32_t>(info.width), static_cast<std::uint32_t>(info.height)};
    }
    guint planes() const { return GST_VIDEO_INFO_N_PLANES(&info); }
    guint row_bytes(guint plane) const;  ///< Bytes of a line that hold samples.
    guint rows(guint plane) const;

    /// Bytes from a plane's first sample to that of a pixel.
    gssize distance(guint plane, guint x, guint y, gint stride) const;

 private:
    guint component(guint plane) const;  ///< The first in the plane.
};

/// Does the structure with these features stand for dma-bufs? Nothing when for neither kind of
/// memory that is known here.
std::optional<bool> is_dmabuf(const GstCapsFeatures* features);

/// DMA_DRM first, plain second, each with every format.
GstPtr<GstCaps> template_caps(const FormatList& formats);

/// What the other side of a converter may have: all formats and sizes, both kinds of memory.
GstPtr<GstCaps> converted_caps(const GstCaps* caps, const FormatList& formats);

/// What the other side of a filter may have: the same, in both kinds of memory.
GstPtr<GstCaps> filtered_caps(const GstCaps* caps, const FormatList& formats);

/// Formats of @p formats that the structure allows, in the structure's order.
FormatList formats_of(const GstStructure* structure, bool dmabuf, const FormatList& formats);

/// Sets format, and drm-format for dma-bufs.
void set_formats(GstStructure* structure, bool dmabuf, const FormatList& formats);

}  // namespace accelgst
