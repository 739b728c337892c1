// SPDX-License-Identifier: MIT
#include "accel_fixate.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

namespace accelgst {
namespace {

struct Fraction {
    int num = 1;
    int den = 1;
};

// What a conversion costs: nothing for the same format, little for storing more than there is, more
// for another colour model, most for colour that gets lost.
int cost(const Format& from, const Format& to) {
    if (&from == &to) return -1;
    const int lost = std::max(0, from.chroma - to.chroma);
    const int wasted = std::max(0, to.chroma - from.chroma);
    return 8 * lost + 2 * (from.rgb != to.rgb) + wasted;
}

bool structure_is_dmabuf(const GstCaps* caps, guint i) {
    return is_dmabuf(gst_caps_get_features(caps, i)) == true;
}

struct Choice {
    guint structure = 0;
    const Format* format = nullptr;
    int cost = std::numeric_limits<int>::max();
};

Choice choose(const Format& from, const GstCaps* other) {
    const bool dmabuf = structure_is_dmabuf(other, 0);
    Choice best;
    for (guint i = 0; i < gst_caps_get_size(other); i++) {
        if (structure_is_dmabuf(other, i) != dmabuf) continue;
        for (const Format* to :
             formats_of(gst_caps_get_structure(other, i), dmabuf, convert_formats()))
            if (cost(from, *to) < best.cost) best = {i, to, cost(from, *to)};
    }
    return best;
}

int nearest_in_range(const GValue* range, int target) {
    const int min = gst_value_get_int_range_min(range);
    const int max = gst_value_get_int_range_max(range);
    const int step = gst_value_get_int_range_step(range);
    const int value = std::clamp(target, min, max);
    return value - (value - min) % step;
}

// The value allowed that is nearest, for an int, a range of them or a list of either.
int nearest(const GValue* allowed, int target) {
    if (!allowed) return target;
    if (G_VALUE_HOLDS_INT(allowed)) return g_value_get_int(allowed);
    if (GST_VALUE_HOLDS_INT_RANGE(allowed)) return nearest_in_range(allowed, target);
    if (!GST_VALUE_HOLDS_LIST(allowed)) return target;
    int best = nearest(gst_value_list_get_value(allowed, 0), target);
    for (guint i = 1; i < gst_value_list_get_size(allowed); i++) {
        const int next = nearest(gst_value_list_get_value(allowed, i), target);
        if (std::abs(next - target) < std::abs(best - target)) best = next;
    }
    return best;
}

// value * f / g, rounded.
int scaled(int value, Fraction f, Fraction g) {
    return static_cast<int>(gst_util_uint64_scale_round(
        gst_util_uint64_scale_round(static_cast<guint64>(value) << 16, static_cast<guint64>(f.num),
                                    static_cast<guint64>(f.den)),
        static_cast<guint64>(g.den), static_cast<guint64>(g.num) << 16));
}

Fraction multiplied(Fraction a, int num, int den) {
    Fraction product;
    if (!gst_util_fraction_multiply(a.num, a.den, num, den, &product.num, &product.den)) return {};
    return product;
}

class SizeChoice {
 public:
    SizeChoice(const GstVideoInfo& in, GstStructure* out)
        : in_(in),
          out_(out),
          width_(gst_structure_get_value(out, "width")),
          height_(gst_structure_get_value(out, "height")),
          ratio_(multiplied({in.par_n, in.par_d}, in.width, in.height)) {}

    void make() {
        const bool par_given = pixel_aspect_ratio();
        const auto [width, height] = par_given || !is_free() ? shaped() : as_input();
        if (!par_given) set_pixel_aspect_ratio(width, height);
        gst_structure_set(out_, "width", G_TYPE_INT, width, "height", G_TYPE_INT, height, nullptr);
    }

 private:
    bool has_fixed(const GValue* side) const { return side && G_VALUE_HOLDS_INT(side); }
    bool is_free() const { return !has_fixed(width_) && !has_fixed(height_); }

    // The ratio of the output's pixels: as demanded, or else as in the input for a start.
    bool pixel_aspect_ratio() {
        par_ = {in_.par_n, in_.par_d};
        return gst_structure_get_fraction(out_, "pixel-aspect-ratio", &par_.num, &par_.den);
    }

    int width_for(int height) const { return scaled(height, ratio_, par_); }
    int height_for(int width) const { return scaled(width, par_, ratio_); }

    std::pair<int, int> as_input() const {
        const int width = nearest(width_, in_.width);
        const int height = nearest(height_, in_.height);
        if (width == in_.width && height == in_.height) return {width, height};
        return shaped();
    }

    // One side follows from the other, so that the picture keeps its shape.
    std::pair<int, int> shaped() const {
        if (has_fixed(width_)) {
            const int width = g_value_get_int(width_);
            return {width, nearest(height_, height_for(width))};
        }
        const int height = nearest(height_, in_.height);
        const int width = nearest(width_, width_for(height));
        if (has_fixed(height_)) return {width, height};
        // The width had to be cut: the height follows it.
        return {width, nearest(height_, height_for(width))};
    }

    // What the sides could not keep of the shape, the pixels do.
    void set_pixel_aspect_ratio(int width, int height) {
        const Fraction par = multiplied(ratio_, height, width);
        const bool field = gst_structure_has_field(out_, "pixel-aspect-ratio");
        if (field)
            gst_structure_fixate_field_nearest_fraction(out_, "pixel-aspect-ratio", par.num,
                                                        par.den);
        else if (par.num != par.den)
            gst_structure_set(out_, "pixel-aspect-ratio", GST_TYPE_FRACTION, par.num, par.den,
                              nullptr);
    }

    const GstVideoInfo& in_;
    GstStructure* out_;
    const GValue* width_;
    const GValue* height_;
    Fraction ratio_;  // of the displayed picture's sides
    Fraction par_;
};

void copy_field(const GstStructure* from, GstStructure* to, const char* field) {
    const GValue* value = gst_structure_get_value(from, field);
    if (value && !gst_structure_has_field(to, field)) gst_structure_set_value(to, field, value);
}

// Without a word in its caps, the meaning of a picture's numbers depends on its height. What was
// meant for the input stays so at another size.
void keep_colorimetry(const FrameCaps& in, const GstStructure* from, GstStructure* to) {
    if (gst_structure_has_field(from, "colorimetry")) return copy_field(from, to, "colorimetry");
    int height = 0;
    gst_structure_get_int(to, "height", &height);
    if (height == in.info.height || gst_structure_has_field(to, "colorimetry")) return;
    const GstPtr<gchar> name(gst_video_colorimetry_to_string(&in.info.colorimetry));
    if (name) gst_structure_set(to, "colorimetry", G_TYPE_STRING, name.get(), nullptr);
}

// Chroma that is made here lies in the middle of the pixels it stands for.
void set_chroma_site(const FrameCaps& in, const Format& format, const GstStructure* from,
                     GstStructure* to) {
    int width = 0, height = 0;
    gst_structure_get_int(to, "width", &width);
    gst_structure_get_int(to, "height", &height);
    const bool kept =
        in.format->chroma == format.chroma && width == in.info.width && height == in.info.height;
    if (kept)
        copy_field(from, to, "chroma-site");
    else if (!gst_structure_has_field(to, "chroma-site"))
        gst_structure_set(to, "chroma-site", G_TYPE_STRING, "jpeg", nullptr);
}

void set_colours(const FrameCaps& in, const Format& format, const GstStructure* from,
                 GstStructure* to) {
    const bool has_chroma = !format.rgb && format.chroma >= 0;
    if (format.rgb == in.format->rgb && (has_chroma || &format == in.format))
        keep_colorimetry(in, from, to);
    if (has_chroma) set_chroma_site(in, format, from, to);
}

}  // namespace

GstPtr<GstCaps> fixate_conversion(const GstCaps* in, GstPtr<GstCaps> other) {
    const auto from = FrameCaps::parse(in);
    if (!from) return GstPtr<GstCaps>(gst_caps_fixate(other.release()));
    const Choice choice = choose(*from->format, other.get());
    if (!choice.format) return GstPtr<GstCaps>(gst_caps_fixate(other.release()));

    const bool dmabuf = structure_is_dmabuf(other.get(), choice.structure);
    GstPtr<GstCaps> caps(gst_caps_copy_nth(other.get(), choice.structure));
    GstStructure* to = gst_caps_get_structure(caps.get(), 0);
    set_formats(to, dmabuf, {choice.format});
    SizeChoice(from->info, to).make();
    set_colours(*from, *choice.format, gst_caps_get_structure(in, 0), to);
    return GstPtr<GstCaps>(gst_caps_fixate(caps.release()));
}

}  // namespace accelgst
