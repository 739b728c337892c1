// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "picture.hpp"
#include "support/op_vectors.hpp"

namespace {

using test_support::make_command;
using unit::Picture;

double reference(const Picture& src, const drm_zaccel_convolve3x3& k, unsigned c, int x, int y) {
    const int last_x = static_cast<int>(src.width()) - 1;
    const int last_y = static_cast<int>(src.height()) - 1;
    double sum = 0;
    for (int j = -1; j <= 1; j++)
        for (int i = -1; i <= 1; i++)
            sum += static_cast<double>(k.coefficients[(j + 1) * 3 + i + 1]) *
                   src.at(c, static_cast<std::uint32_t>(std::clamp(x + i, 0, last_x)),
                          static_cast<std::uint32_t>(std::clamp(y + j, 0, last_y)));
    return std::clamp(std::floor(std::ldexp(sum, -k.shift) + (k.shift ? 0.5 : 0.0)) + k.bias, 0.0,
                      255.0);
}

void randomise(Picture& picture, std::mt19937& random) {
    picture.fill([&](unsigned, std::uint32_t, std::uint32_t) {
        return static_cast<std::uint8_t>(random());
    });
}

void expect_same(const Picture& dst, const Picture& src, const drm_zaccel_convolve3x3& args) {
    for (unsigned c = 0; c < dst.format().components; c++)
        for (std::uint32_t y = 0; y < dst.height(); y++)
            for (std::uint32_t x = 0; x < dst.width(); x++)
                ASSERT_EQ(dst.at(c, x, y),
                          reference(src, args, c, static_cast<int>(x), static_cast<int>(y)))
                    << "component " << c << " at " << x << ", " << y << ", shift "
                    << int{args.shift} << ", bias " << args.bias;
}

constexpr __s16 kMin = -32768, kMax = 32767;

const drm_zaccel_convolve3x3 kernels[] = {
    {.coefficients = {1, 2, 1, 2, 4, 2, 1, 2, 1}, .shift = 4},
    {.coefficients = {-1, -1, -1, -1, 9, -1, -1, -1, -1}},
    {.coefficients = {-1, 0, 1, -2, 0, 2, -1, 0, 1}, .bias = 128, .shift = 2},
    {.coefficients = {1, 2, 3, 4, 5, 6, 7, 8, 9}, .bias = -3, .shift = 5},
    // As far as the numbers go: no sum may wrap.
    {.coefficients = {kMin, kMin, kMin, kMin, kMin, kMin, kMin, kMin, kMin},
     .bias = kMax,
     .shift = 11},
    {.coefficients = {kMin, kMin, kMin, kMin, kMin, kMin, kMin, kMin, kMin},
     .bias = kMax,
     .shift = 15},
    {.coefficients = {kMax, kMax, kMax, kMax, kMax, kMax, kMax, kMax, kMax},
     .bias = -1200,
     .shift = 15},
    {.coefficients = {kMax, kMax, kMax, kMax, kMax, kMax, kMax, kMax, kMax}, .bias = kMin},
    {.coefficients = {kMin, kMin, kMin, kMin, kMin, kMin, kMin, kMin, kMin}, .bias = kMin},
    {.coefficients = {}, .bias = 77, .shift = 15},
};

struct Case {
    std::uint32_t fourcc, width, height;
};

class Convolve : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(
    Sizes, Convolve,
    testing::Values(Case{DRM_FORMAT_R8, 1, 1}, Case{DRM_FORMAT_R8, 2, 1}, Case{DRM_FORMAT_R8, 1, 2},
                    Case{DRM_FORMAT_R8, 3, 3}, Case{DRM_FORMAT_R8, 67, 5},
                    Case{DRM_FORMAT_R8, ZACCEL_MAX_IMAGE_SIZE, 2}, Case{DRM_FORMAT_XRGB8888, 1, 1},
                    Case{DRM_FORMAT_XRGB8888, 2, 2}, Case{DRM_FORMAT_XRGB8888, 33, 7},
                    Case{DRM_FORMAT_XRGB8888, 1, ZACCEL_MAX_IMAGE_SIZE}));

TEST_P(Convolve, IsWhatTheFormulaSays) {
    std::mt19937 random(7);
    for (const drm_zaccel_convolve3x3& args : kernels) {
        Picture src(GetParam().fourcc, GetParam().width, GetParam().height, 3);
        Picture dst(GetParam().fourcc, GetParam().width, GetParam().height, 8);
        randomise(src, random);
        unit::run(make_command(ZACCEL_OP_CONVOLVE3X3, args), dst, src);
        expect_same(dst, src, args);
        EXPECT_TRUE(dst.guards_are_intact());
        if (dst.format().has_padding) {
            EXPECT_EQ(dst.padding_at(0, 0), 255);
        }
    }
}

TEST(ConvolveSlices, DoNotShow) {
    std::mt19937 random(8);
    Picture src(DRM_FORMAT_XRGB8888, 20, 21), whole(DRM_FORMAT_XRGB8888, 20, 21);
    randomise(src, random);
    const auto command = make_command(ZACCEL_OP_CONVOLVE3X3, kernels[0]);
    unit::run(command, whole, src, 21);

    for (const std::uint64_t slice : {2u, 6u, 20u}) {
        Picture sliced(DRM_FORMAT_XRGB8888, 20, 21);
        unit::run(command, sliced, src, slice);
        EXPECT_EQ(sliced.bytes(), whole.bytes()) << slice;
    }
}

}  // namespace
