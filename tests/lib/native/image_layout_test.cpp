// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <vector>

#include <accel/error.hpp>
#include <accel/image.hpp>

namespace {

using accel::Errc;
using accel::ImageLayout;
using accel::PlaneLayout;
using accel::Size;
namespace fourcc = accel::fourcc;

struct Case {
    std::uint32_t format;
    Size size;
    std::uint32_t alignment;
    std::vector<PlaneLayout> planes;
    std::uint64_t bytes;
};

const Case cases[] = {
    {fourcc::XRGB8888, {16, 4}, 64, {{0, 64}}, 256},
    {fourcc::XRGB8888, {17, 1}, 64, {{0, 128}}, 128},
    {fourcc::XRGB8888, {17, 3}, 1, {{0, 68}}, 204},
    {fourcc::R8, {100, 3}, 64, {{0, 128}}, 384},
    {fourcc::R8, {1, 1}, 1, {{0, 1}}, 1},
    {fourcc::YUYV, {6, 2}, 4, {{0, 12}}, 24},
    {fourcc::NV12, {100, 4}, 64, {{0, 128}, {512, 128}}, 768},
    {fourcc::NV12, {4, 2}, 1, {{0, 4}, {8, 4}}, 12},
    {fourcc::YUV420, {100, 4}, 64, {{0, 128}, {512, 64}, {640, 64}}, 768},
    {fourcc::YUV420, {6, 2}, 1, {{0, 6}, {12, 3}, {15, 3}}, 18},
    {fourcc::XRGB8888, {16384, 16384}, 64, {{0, 65536}}, 1ull << 30},
};

TEST(ImageLayout, IsNatural) {
    for (const Case& c : cases) {
        SCOPED_TRACE(accel::fourcc_name(c.format));
        const ImageLayout layout = ImageLayout::natural(c.format, c.size, c.alignment);
        EXPECT_EQ(layout.format, c.format);
        EXPECT_EQ(layout.size, c.size);
        EXPECT_EQ(layout.bytes, c.bytes);
        ASSERT_EQ(layout.plane_count, c.planes.size());
        for (std::size_t i = 0; i < c.planes.size(); i++) {
            EXPECT_EQ(layout.planes[i].offset, c.planes[i].offset) << "plane " << i;
            EXPECT_EQ(layout.planes[i].pitch, c.planes[i].pitch) << "plane " << i;
        }
    }
}

std::error_code error_of(std::uint32_t format, Size size, std::uint32_t alignment = 64) {
    try {
        (void)ImageLayout::natural(format, size, alignment);
    } catch (const accel::Error& error) {
        return error.code();
    }
    return {};
}

TEST(ImageLayout, RefusesWhatCannotBe) {
    EXPECT_EQ(error_of(accel::make_fourcc('A', 'B', 'C', 'D'), {8, 8}), Errc::not_supported);
    EXPECT_EQ(error_of(fourcc::R8, {0, 8}), Errc::invalid_argument);
    EXPECT_EQ(error_of(fourcc::R8, {8, 0}), Errc::invalid_argument);
    EXPECT_EQ(error_of(fourcc::R8, {16385, 8}), Errc::too_large);
    EXPECT_EQ(error_of(fourcc::R8, {8, 0xffffffff}), Errc::too_large);
    EXPECT_EQ(error_of(fourcc::NV12, {7, 8}), Errc::invalid_argument);
    EXPECT_EQ(error_of(fourcc::NV12, {8, 7}), Errc::invalid_argument);
    EXPECT_EQ(error_of(fourcc::YUYV, {7, 8}), Errc::invalid_argument);
    EXPECT_EQ(error_of(fourcc::R8, {8, 8}, 0), Errc::invalid_argument);
    EXPECT_EQ(error_of(fourcc::R8, {8, 8}, 48), Errc::invalid_argument);
    EXPECT_EQ(error_of(fourcc::R8, {8, 8}, 1u << 31), Errc::invalid_argument);
}

TEST(ImageLayout, TakesOddHeightWhereOnlyTheWidthIsSubsampled) {
    EXPECT_EQ(ImageLayout::natural(fourcc::YUYV, {8, 7}, 1).bytes, 8u * 2 * 7);
}

TEST(Fourcc, HasDrmsValuesAndNames) {
    EXPECT_EQ(fourcc::XRGB8888, 0x34325258u);
    EXPECT_EQ(fourcc::R8, 0x20203852u);
    EXPECT_EQ(fourcc::YUYV, 0x56595559u);
    EXPECT_EQ(fourcc::NV12, 0x3231564eu);
    EXPECT_EQ(fourcc::YUV420, 0x32315559u);
    EXPECT_EQ(accel::fourcc_name(fourcc::XRGB8888), "XR24");
    EXPECT_EQ(accel::fourcc_name(fourcc::R8), "R8");
    EXPECT_EQ(accel::fourcc_name(0x01020304), "????");
}

}  // namespace
