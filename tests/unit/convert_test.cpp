// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "picture.hpp"
#include "reference.hpp"
#include "support/op_vectors.hpp"

namespace {

using test_support::make_command;
using unit::ConvertReference;
using unit::Picture;

// How far a sample may be from the exact value. Half of one is the rounding itself; the rest comes
// of weights of 11 bits and coefficients of 14. The worst that these pictures have is 0.67, and
// 0.51 where nothing is scaled, so that no sample differs by more than one from the exact value
// rounded.
constexpr double kWorst = 0.75;
constexpr double kWorstUnscaled = 0.52;

const std::uint32_t kFormats[] = {DRM_FORMAT_XRGB8888, DRM_FORMAT_R8, DRM_FORMAT_YUYV,
                                  DRM_FORMAT_NV12, DRM_FORMAT_YUV420};

std::string name_of(std::uint32_t fourcc) {
    switch (fourcc) {
        case DRM_FORMAT_XRGB8888:
            return "Xrgb8888";
        case DRM_FORMAT_R8:
            return "R8";
        case DRM_FORMAT_YUYV:
            return "Yuyv";
        case DRM_FORMAT_NV12:
            return "Nv12";
        default:
            return "Yuv420";
    }
}

std::vector<drm_zaccel_convert> all_arguments() {
    std::vector<drm_zaccel_convert> all;
    for (unsigned bits = 0; bits < 32; bits++)
        all.push_back({.src_matrix = static_cast<__u8>(bits & 1),
                       .src_range = static_cast<__u8>(bits >> 1 & 1),
                       .dst_matrix = static_cast<__u8>(bits >> 2 & 1),
                       .dst_range = static_cast<__u8>(bits >> 3 & 1),
                       .filter = static_cast<__u8>(bits >> 4)});
    return all;
}

enum class Content { kSmooth, kRandom, kEdges };

void paint(Picture& picture, Content content) {
    std::mt19937 random(42);
    picture.fill([&](unsigned c, std::uint32_t x, std::uint32_t y) {
        switch (content) {
            case Content::kSmooth:
                return static_cast<std::uint8_t>((x * 5 + y * 3 + c * 70) % 256);
            case Content::kRandom:
                return static_cast<std::uint8_t>(random());
            default:
                return static_cast<std::uint8_t>((x / 3 + y / 2 + c) % 2 ? 255 : 0);
        }
    });
}

double worst_error(const Picture& dst, const ConvertReference& reference) {
    double worst = 0;
    for (unsigned c = 0; c < dst.format().components; c++)
        for (std::uint32_t y = 0; y < dst.grid_height(c); y++)
            for (std::uint32_t x = 0; x < dst.grid_width(c); x++)
                worst = std::max(worst, std::fabs(dst.at(c, x, y) - reference.sample(c, x, y)));
    return worst;
}

struct Size {
    std::uint32_t width, height;
};

// Destination and source of the same format pair, at some size each.
class ConvertPair : public testing::TestWithParam<std::tuple<std::uint32_t, std::uint32_t>> {
 protected:
    const std::uint32_t dst_format_ = std::get<0>(GetParam());
    const std::uint32_t src_format_ = std::get<1>(GetParam());

    void expect_close(Size dst_size, Size src_size, double limit) {
        for (const Content content : {Content::kSmooth, Content::kRandom, Content::kEdges}) {
            Picture src(src_format_, src_size.width, src_size.height, 3);
            paint(src, content);
            for (const drm_zaccel_convert& args : all_arguments()) {
                Picture dst(dst_format_, dst_size.width, dst_size.height, 5);
                unit::run(make_command(ZACCEL_OP_CONVERT, args), dst, src);
                ASSERT_LE(worst_error(dst, ConvertReference(dst, src, args)), limit)
                    << "content " << static_cast<int>(content) << ", matrices "
                    << int{args.dst_matrix} << " " << int{args.src_matrix} << ", ranges "
                    << int{args.dst_range} << " " << int{args.src_range} << ", filter "
                    << int{args.filter};
                ASSERT_TRUE(dst.guards_are_intact());
                ASSERT_TRUE(src.guards_are_intact());
            }
        }
    }
};

INSTANTIATE_TEST_SUITE_P(Formats, ConvertPair,
                         testing::Combine(testing::ValuesIn(kFormats), testing::ValuesIn(kFormats)),
                         [](const auto& test) {
                             return name_of(std::get<0>(test.param)) + "From" +
                                    name_of(std::get<1>(test.param));
                         });

TEST_P(ConvertPair, IsCloseAtEqualSize) { expect_close({70, 6}, {70, 6}, kWorstUnscaled); }

TEST_P(ConvertPair, IsCloseWhenGrowing) { expect_close({78, 22}, {46, 14}, kWorst); }

TEST_P(ConvertPair, IsCloseWhenShrinking) { expect_close({38, 10}, {142, 34}, kWorst); }

TEST_P(ConvertPair, IsCloseWhenGrowingOneWayAndShrinkingTheOther) {
    expect_close({66, 4}, {2, 30}, kWorst);
    expect_close({2, 30}, {66, 4}, kWorst);
}

TEST_P(ConvertPair, DoesNotDependOnSlices) {
    const auto command =
        make_command(ZACCEL_OP_CONVERT, drm_zaccel_convert{.filter = ZACCEL_FILTER_BILINEAR});
    Picture src(src_format_, 50, 26);
    paint(src, Content::kRandom);
    Picture whole(dst_format_, 74, 38);
    unit::run(command, whole, src, 38);

    for (const std::uint64_t slice : {2u, 4u, 10u, 36u}) {
        Picture sliced(dst_format_, 74, 38);
        unit::run(command, sliced, src, slice);
        EXPECT_EQ(sliced.bytes(), whole.bytes()) << slice;
    }
}

TEST_P(ConvertPair, OfLargestWidthsAndHeights) {
    for (const auto& [dst_size, src_size] :
         {std::pair{Size{ZACCEL_MAX_IMAGE_SIZE, 2}, Size{2, ZACCEL_MAX_IMAGE_SIZE}},
          {Size{2, ZACCEL_MAX_IMAGE_SIZE}, Size{ZACCEL_MAX_IMAGE_SIZE, 2}},
          {Size{ZACCEL_MAX_IMAGE_SIZE, 2}, Size{ZACCEL_MAX_IMAGE_SIZE - 2, 2}}}) {
        const drm_zaccel_convert args{.filter = ZACCEL_FILTER_BILINEAR};
        Picture src(src_format_, src_size.width, src_size.height);
        Picture dst(dst_format_, dst_size.width, dst_size.height);
        paint(src, Content::kRandom);
        unit::run(make_command(ZACCEL_OP_CONVERT, args), dst, src);
        EXPECT_LE(worst_error(dst, ConvertReference(dst, src, args)), kWorst);
        EXPECT_TRUE(dst.guards_are_intact());
    }
}

class ConvertFull : public ConvertPair {};

constexpr std::uint32_t kFullFormats[] = {DRM_FORMAT_XRGB8888, DRM_FORMAT_R8};

INSTANTIATE_TEST_SUITE_P(Formats, ConvertFull,
                         testing::Combine(testing::ValuesIn(kFullFormats),
                                          testing::ValuesIn(kFullFormats)),
                         [](const auto& test) {
                             return name_of(std::get<0>(test.param)) + "From" +
                                    name_of(std::get<1>(test.param));
                         });

TEST_P(ConvertFull, IsCloseAtOddSizesAndOneByOne) {
    const Size sizes[] = {{1, 1}, {1, 7}, {7, 1}, {33, 3}, {65, 5}};
    for (const Size& to : sizes)
        for (const Size& from : sizes) expect_close(to, from, kWorst);
}

TEST(Convert, OneChromaSampleIsEnough) {
    const drm_zaccel_convert args{.filter = ZACCEL_FILTER_BILINEAR};
    Picture src(DRM_FORMAT_NV12, 2, 2);
    paint(src, Content::kRandom);
    for (const Size& size : {Size{1, 1}, {2, 2}, {65, 3}}) {
        Picture dst(DRM_FORMAT_XRGB8888, size.width, size.height);
        unit::run(make_command(ZACCEL_OP_CONVERT, args), dst, src);
        EXPECT_LE(worst_error(dst, ConvertReference(dst, src, args)), kWorst);
    }
}

TEST(Convert, UnusedByteIs255) {
    for (const std::uint32_t format : kFormats) {
        for (const std::uint32_t width : {4u, 70u}) {
            Picture src(format, 4, 2), dst(DRM_FORMAT_XRGB8888, width, 3);
            unit::run(make_command(ZACCEL_OP_CONVERT), dst, src);
            for (std::uint32_t y = 0; y < 3; y++)
                for (std::uint32_t x = 0; x < width; x++)
                    ASSERT_EQ(dst.padding_at(x, y), 255) << name_of(format);
        }
    }
}

TEST(Convert, SameFormatAndSizeIsACopy) {
    for (const std::uint32_t format : kFormats) {
        for (const auto filter : {ZACCEL_FILTER_NEAREST, ZACCEL_FILTER_BILINEAR}) {
            const drm_zaccel_convert args{.filter = static_cast<__u8>(filter)};
            Picture src(format, 70, 4), dst(format, 70, 4, 9);
            paint(src, Content::kRandom);
            unit::run(make_command(ZACCEL_OP_CONVERT, args), dst, src);
            EXPECT_EQ(worst_error(dst, ConvertReference(dst, src, args)), 0.0) << name_of(format);
        }
    }
}

// Matrix and range.
class Colours : public testing::TestWithParam<std::tuple<int, int>> {
 protected:
    const __u8 matrix_ = static_cast<__u8>(std::get<0>(GetParam()));
    const __u8 range_ = static_cast<__u8>(std::get<1>(GetParam()));
};

INSTANTIATE_TEST_SUITE_P(All, Colours, testing::Combine(testing::Range(0, 2), testing::Range(0, 2)),
                         [](const auto& test) {
                             return std::string(std::get<0>(test.param) ? "Bt709" : "Bt601") +
                                    (std::get<1>(test.param) ? "Full" : "Limited");
                         });

// Every Y with every V and one U in three, which has both ends.
TEST_P(Colours, YuvBecomesItsRgb) {
    const drm_zaccel_convert args{.src_matrix = matrix_, .src_range = range_};
    const auto command = make_command(ZACCEL_OP_CONVERT, args);
    Picture src(DRM_FORMAT_YUYV, 512, 256), dst(DRM_FORMAT_XRGB8888, 512, 256);
    double worst = 0;

    src.fill(
        [](unsigned, std::uint32_t x, std::uint32_t) { return static_cast<std::uint8_t>(x / 2); });
    for (unsigned u = 0; u < 256; u += 3) {
        for (std::uint32_t v = 0; v < 256; v++) {
            for (std::uint32_t x = 0; x < 256; x++) {
                src.at(1, x, v) = static_cast<std::uint8_t>(u);
                src.at(2, x, v) = static_cast<std::uint8_t>(v);
            }
        }
        unit::run(command, dst, src);

        const ConvertReference reference(dst, src, args);
        for (std::uint32_t v = 0; v < 256; v++)
            for (std::uint32_t y = 0; y < 256; y++)
                for (unsigned c = 0; c < 3; c++)
                    worst = std::max(
                        worst, std::fabs(dst.at(c, 2 * y, v) - reference.sample(c, 2 * y, v)));
    }
    EXPECT_LE(worst, kWorstUnscaled);
}

// A grid of them that has the corners.
TEST_P(Colours, RgbBecomesItsYuv) {
    const drm_zaccel_convert args{.dst_matrix = matrix_, .dst_range = range_};
    const auto command = make_command(ZACCEL_OP_CONVERT, args);
    double worst = 0;

    for (unsigned r = 0; r < 256; r += 5) {
        Picture src(DRM_FORMAT_XRGB8888, 104, 52), dst(DRM_FORMAT_YUYV, 104, 52);
        src.fill([r](unsigned c, std::uint32_t x, std::uint32_t y) {
            return static_cast<std::uint8_t>(c == 0 ? r : c == 1 ? x / 2 * 5 : y * 5);
        });
        unit::run(command, dst, src);
        worst = std::max(worst, worst_error(dst, ConvertReference(dst, src, args)));
    }
    EXPECT_LE(worst, kWorstUnscaled);
}

TEST_P(Colours, GreysAreExactBothWays) {
    Picture rgb(DRM_FORMAT_XRGB8888, 256, 2), yuv(DRM_FORMAT_NV12, 256, 2),
        back(DRM_FORMAT_XRGB8888, 256, 2);
    rgb.fill([](unsigned, std::uint32_t x, std::uint32_t) { return static_cast<std::uint8_t>(x); });
    unit::run(make_command(ZACCEL_OP_CONVERT,
                           drm_zaccel_convert{.dst_matrix = matrix_, .dst_range = range_}),
              yuv, rgb);
    unit::run(make_command(ZACCEL_OP_CONVERT,
                           drm_zaccel_convert{.src_matrix = matrix_, .src_range = range_}),
              back, yuv);

    const double scale = range_ == ZACCEL_RANGE_FULL ? 1.0 : 219.0 / 255;
    const int black = range_ == ZACCEL_RANGE_FULL ? 0 : 16;
    for (std::uint32_t x = 0; x < 256; x++) {
        EXPECT_EQ(yuv.at(0, x, 0), std::lround(x * scale) + black) << x;
        EXPECT_EQ(yuv.at(1, x / 2, 0), 128);
        EXPECT_EQ(yuv.at(2, x / 2, 0), 128);
        // A grey of limited range stands for 255/219 of its own step.
        for (unsigned c = 0; c < 3; c++) EXPECT_NEAR(back.at(c, x, 0), x, 1);
        EXPECT_EQ(back.at(0, x, 0), back.at(1, x, 0));
        EXPECT_EQ(back.at(0, x, 0), back.at(2, x, 0));
    }
}

}  // namespace
