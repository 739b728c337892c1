// SPDX-License-Identifier: MIT
#include "reference.hpp"

#include <algorithm>
#include <cmath>

namespace unit {

ConvertReference::Encoding ConvertReference::encoding(std::uint8_t matrix, std::uint8_t range) {
    const bool bt601 = matrix == ZACCEL_MATRIX_BT601;
    const bool limited = range == ZACCEL_RANGE_LIMITED;
    return {.kr = bt601 ? 0.299 : 0.2126,
            .kb = bt601 ? 0.114 : 0.0722,
            .black = limited ? 16.0 : 0.0,
            .luma = limited ? 219.0 : 255.0,
            .chroma = limited ? 224.0 : 255.0};
}

ConvertReference::ConvertReference(const Picture& dst, const Picture& src,
                                   const drm_zaccel_convert& args)
    : dst_(dst),
      src_(src),
      bilinear_(args.filter == ZACCEL_FILTER_BILINEAR),
      to_(encoding(args.dst_matrix, args.dst_range)),
      from_(encoding(args.src_matrix, args.src_range)) {
    same_encoding_ = dst.format().rgb == src.format().rgb && (dst.format().rgb || to_ == from_);
}

double ConvertReference::nearest(unsigned c, double x, double y) const {
    return src_.at(c, static_cast<std::uint32_t>(std::floor(x)),
                   static_cast<std::uint32_t>(std::floor(y)));
}

double ConvertReference::bilinear(unsigned c, double x, double y) const {
    const double last_x = src_.grid_width(c) - 1.0;
    const double last_y = src_.grid_height(c) - 1.0;
    const double left = std::floor(x - 0.5);
    const double top = std::floor(y - 0.5);
    const double wx = x - 0.5 - left;
    const double wy = y - 0.5 - top;
    const auto at = [&](double px, double py) {
        return double{
            static_cast<double>(src_.at(c, static_cast<std::uint32_t>(std::clamp(px, 0.0, last_x)),
                                        static_cast<std::uint32_t>(std::clamp(py, 0.0, last_y))))};
    };

    return (at(left, top) * (1 - wx) + at(left + 1, top) * wx) * (1 - wy) +
           (at(left, top + 1) * (1 - wx) + at(left + 1, top + 1) * wx) * wy;
}

/// A component of the source where the centre of a pixel of the destination lies in its grid.
double ConvertReference::source(unsigned c, std::uint32_t x, std::uint32_t y) const {
    if (!src_.has_component(c)) return 128.0;
    const double sx = (x + 0.5) * src_.grid_width(c) / dst_.width();
    const double sy = (y + 0.5) * src_.grid_height(c) / dst_.height();
    return bilinear_ ? bilinear(c, sx, sy) : nearest(c, sx, sy);
}

ConvertReference::Colour ConvertReference::to_rgb(const Colour& yuv) const {
    if (src_.format().rgb) return yuv;
    const double y = (yuv.c[0] - from_.black) * 255 / from_.luma;
    const double u = (yuv.c[1] - 128) * 255 / from_.chroma;
    const double v = (yuv.c[2] - 128) * 255 / from_.chroma;
    const double r = y + 2 * (1 - from_.kr) * v;
    const double b = y + 2 * (1 - from_.kb) * u;
    return {{r, (y - from_.kr * r - from_.kb * b) / (1 - from_.kr - from_.kb), b}};
}

ConvertReference::Colour ConvertReference::from_rgb(const Colour& rgb) const {
    if (dst_.format().rgb) return rgb;
    const double y = to_.kr * rgb.c[0] + (1 - to_.kr - to_.kb) * rgb.c[1] + to_.kb * rgb.c[2];
    const double u = (rgb.c[2] - y) / (2 * (1 - to_.kb));
    const double v = (rgb.c[0] - y) / (2 * (1 - to_.kr));
    return {
        {y * to_.luma / 255 + to_.black, u * to_.chroma / 255 + 128, v * to_.chroma / 255 + 128}};
}

ConvertReference::Colour ConvertReference::pixel(std::uint32_t x, std::uint32_t y) const {
    const Colour from{{source(0, x, y), source(1, x, y), source(2, x, y)}};
    return same_encoding_ ? from : from_rgb(to_rgb(from));
}

bool ConvertReference::is_copied(unsigned c) const {
    return same_encoding_ && src_.has_component(c) && src_.grid_width(c) == dst_.grid_width(c) &&
           src_.grid_height(c) == dst_.grid_height(c);
}

double ConvertReference::sample(unsigned c, std::uint32_t x, std::uint32_t y) const {
    if (is_copied(c)) return src_.at(c, x, y);

    const zaccel_component& to = dst_.format().component[c];
    double sum = 0;
    for (std::uint32_t j = 0; j < 1u << to.vsub; j++)
        for (std::uint32_t i = 0; i < 1u << to.hsub; i++)
            sum += pixel((x << to.hsub) + i, (y << to.vsub) + j).c[c];
    return std::clamp(sum / (1 << (to.hsub + to.vsub)), 0.0, 255.0);
}

}  // namespace unit
