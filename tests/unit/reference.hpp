// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "picture.hpp"

namespace unit {

/// The meaning of CONVERT in floating point, written from docs/operations.md alone: the exact value
/// of each sample of the destination, not rounded, limited to 0..255.
class ConvertReference {
 public:
    ConvertReference(const Picture& dst, const Picture& src, const drm_zaccel_convert& args);

    double sample(unsigned c, std::uint32_t x, std::uint32_t y) const;

 private:
    struct Encoding {
        double kr, kb, black, luma, chroma;
        bool operator==(const Encoding&) const = default;
    };
    struct Colour {
        double c[3];
    };

    static Encoding encoding(std::uint8_t matrix, std::uint8_t range);
    double source(unsigned c, std::uint32_t x, std::uint32_t y) const;
    double nearest(unsigned c, double x, double y) const;
    double bilinear(unsigned c, double x, double y) const;
    Colour pixel(std::uint32_t x, std::uint32_t y) const;
    Colour to_rgb(const Colour& yuv) const;
    Colour from_rgb(const Colour& rgb) const;
    bool is_copied(unsigned c) const;

    const Picture& dst_;
    const Picture& src_;
    bool bilinear_;
    bool same_encoding_;
    Encoding to_;
    Encoding from_;
};

}  // namespace unit
