// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "picture.hpp"
#include "support/op_vectors.hpp"

namespace {

using test_support::make_command;
using unit::Picture;

std::uint8_t pattern(unsigned c, std::uint32_t x, std::uint32_t y) {
    return static_cast<std::uint8_t>(x * 11 + y * 7 + c * 50);
}

void expect_inverted(const Picture& picture) {
    for (unsigned c = 0; c < picture.format().components; c++)
        for (std::uint32_t y = 0; y < picture.height(); y++)
            for (std::uint32_t x = 0; x < picture.width(); x++)
                ASSERT_EQ(picture.at(c, x, y), 255 - pattern(c, x, y)) << c << " " << x << " " << y;
    for (std::uint32_t y = 0; y < picture.height() && picture.format().has_padding; y++)
        for (std::uint32_t x = 0; x < picture.width(); x++)
            ASSERT_EQ(picture.padding_at(x, y), 255);
    EXPECT_TRUE(picture.guards_are_intact());
}

class Invert : public testing::TestWithParam<std::uint32_t> {};

INSTANTIATE_TEST_SUITE_P(Formats, Invert, testing::Values(DRM_FORMAT_R8, DRM_FORMAT_XRGB8888));

// Whole words, and every rest that there can be of one.
TEST_P(Invert, EveryWidth) {
    for (std::uint32_t width = 1; width <= 19; width++) {
        Picture src(GetParam(), width, 3, 5), dst(GetParam(), width, 3, 3);
        src.fill(pattern);
        unit::run(make_command(ZACCEL_OP_INVERT), dst, src);
        expect_inverted(dst);
    }
}

TEST_P(Invert, InPlace) {
    for (std::uint32_t width = 1; width <= 19; width++) {
        Picture picture(GetParam(), width, 5, 3);
        picture.fill(pattern);
        unit::run(make_command(ZACCEL_OP_INVERT), picture, picture, 2);
        expect_inverted(picture);
    }
}

}  // namespace
