// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <set>

#include "picture.hpp"

namespace {

constexpr std::uint32_t kMax = ZACCEL_MAX_IMAGE_SIZE;

TEST(Format, TableIsFoundByFourcc) {
    std::set<std::uint32_t> fourccs;
    for (unsigned i = 0; const zaccel_format* format = zaccel_format_at(i); i++) {
        EXPECT_EQ(zaccel_format_find(format->fourcc), format);
        fourccs.insert(format->fourcc);
    }
    EXPECT_EQ(fourccs, (std::set<std::uint32_t>{DRM_FORMAT_XRGB8888, DRM_FORMAT_R8, DRM_FORMAT_YUYV,
                                                DRM_FORMAT_NV12, DRM_FORMAT_YUV420}));
}

TEST(Format, UnknownFourccIsNotFound) {
    EXPECT_EQ(zaccel_format_find(0), nullptr);
    EXPECT_EQ(zaccel_format_find(DRM_FORMAT_ARGB8888), nullptr);
    EXPECT_EQ(zaccel_format_at(5), nullptr);
    EXPECT_EQ(zaccel_format_at(0xffffffffu), nullptr);
}

// What the operations rely on, so that a format can be added to the table without reading them.
TEST(Format, TableKeepsItsRules) {
    for (unsigned i = 0; const zaccel_format* format = zaccel_format_at(i); i++) {
        const zaccel_component* c = format->component;

        EXPECT_TRUE(format->components == 1 || format->components == 3);
        EXPECT_LE(format->planes, ZACCEL_MAX_PLANES);
        EXPECT_EQ(c[0].hsub, 0);
        EXPECT_EQ(c[0].vsub, 0);
        EXPECT_EQ(c[1].hsub, c[2].hsub);
        EXPECT_EQ(c[1].vsub, c[2].vsub);
        EXPECT_EQ(c[1].step, c[2].step);
        EXPECT_LE(c[1].hsub, 1);
        EXPECT_LE(c[1].vsub, c[1].hsub);
        for (unsigned k = 0; k < format->components; k++) {
            EXPECT_LT(c[k].plane, format->planes);
            EXPECT_LT(c[k].offset, c[k].step);
            EXPECT_LE(c[k].step * (kMax >> c[k].hsub), 65536u);
        }
    }
}

struct SizeCase {
    std::uint32_t fourcc, width, height;
    int expected;
};

const SizeCase size_cases[] = {
    {DRM_FORMAT_R8, 1, 1, 0},
    {DRM_FORMAT_R8, kMax, kMax, 0},
    {DRM_FORMAT_R8, 0, 1, -EINVAL},
    {DRM_FORMAT_R8, 1, 0, -EINVAL},
    {DRM_FORMAT_R8, kMax + 1, 1, -EINVAL},
    {DRM_FORMAT_R8, 1, kMax + 1, -EINVAL},
    {DRM_FORMAT_R8, 0xffffffffu, 1, -EINVAL},
    {DRM_FORMAT_XRGB8888, 3, 5, 0},
    {DRM_FORMAT_YUYV, 2, 1, 0},
    {DRM_FORMAT_YUYV, 3, 2, -EINVAL},
    {DRM_FORMAT_NV12, 2, 2, 0},
    {DRM_FORMAT_NV12, 1, 2, -EINVAL},
    {DRM_FORMAT_NV12, 2, 1, -EINVAL},
    {DRM_FORMAT_YUV420, kMax, kMax, 0},
    {DRM_FORMAT_YUV420, 2, 3, -EINVAL},
};

TEST(Image, SizeIsChecked) {
    for (const SizeCase& c : size_cases)
        EXPECT_EQ(zaccel_image_size_check(zaccel_format_find(c.fourcc), c.width, c.height),
                  c.expected)
            << c.width << "x" << c.height;
}

struct PlaneCase {
    std::uint32_t fourcc;
    unsigned plane;
    std::uint32_t width, height, pitch;
    int expected;
    std::uint64_t bytes;
};

const PlaneCase plane_cases[] = {
    {DRM_FORMAT_R8, 0, 1, 1, 1, 0, 1},
    {DRM_FORMAT_R8, 0, 5, 3, 5, 0, 15},
    {DRM_FORMAT_R8, 0, 5, 3, 8, 0, 21},
    {DRM_FORMAT_R8, 0, 5, 3, 4, -EINVAL, 0},
    {DRM_FORMAT_R8, 0, 5, 1, 0, -EINVAL, 0},
    {DRM_FORMAT_R8, 1, 5, 3, 8, -EINVAL, 0},
    {DRM_FORMAT_XRGB8888, 0, 5, 3, 20, 0, 60},
    {DRM_FORMAT_XRGB8888, 0, 5, 3, 19, -EINVAL, 0},
    {DRM_FORMAT_YUYV, 0, 6, 2, 12, 0, 24},
    {DRM_FORMAT_YUYV, 0, 6, 2, 11, -EINVAL, 0},
    {DRM_FORMAT_NV12, 0, 6, 4, 6, 0, 24},
    {DRM_FORMAT_NV12, 1, 6, 4, 6, 0, 12},
    {DRM_FORMAT_NV12, 1, 6, 4, 5, -EINVAL, 0},
    {DRM_FORMAT_NV12, 2, 6, 4, 6, -EINVAL, 0},
    {DRM_FORMAT_YUV420, 1, 6, 4, 3, 0, 6},
    {DRM_FORMAT_YUV420, 2, 6, 4, 10, 0, 13},
    {DRM_FORMAT_YUV420, 2, 6, 4, 2, -EINVAL, 0},
    // More than 2^32, which nothing may be cut to.
    {DRM_FORMAT_XRGB8888, 0, kMax, kMax, 0xffffffffu, 0, 16383ull * 0xffffffffu + 65536},
};

TEST(Image, PlaneTakesBytesFromFirstToLastSample) {
    for (const PlaneCase& c : plane_cases) {
        std::uint64_t bytes = 0;
        EXPECT_EQ(zaccel_plane_bytes(zaccel_format_find(c.fourcc), c.plane, c.width, c.height,
                                     c.pitch, &bytes),
                  c.expected);
        EXPECT_EQ(bytes, c.bytes) << "pitch " << c.pitch;
    }
}

TEST(Memory, OverlapIsAByteInCommon) {
    std::uint8_t bytes[16];
    const auto overlap = [&](int a, std::uint64_t a_size, int b, std::uint64_t b_size) {
        const bool one = zaccel_memory_overlaps(bytes + a, a_size, bytes + b, b_size);
        EXPECT_EQ(zaccel_memory_overlaps(bytes + b, b_size, bytes + a, a_size), one);
        return one;
    };

    EXPECT_TRUE(overlap(0, 1, 0, 1));
    EXPECT_TRUE(overlap(0, 5, 4, 1));
    EXPECT_TRUE(overlap(0, 16, 4, 1));
    EXPECT_FALSE(overlap(0, 4, 4, 4));
    EXPECT_FALSE(overlap(0, 4, 8, 4));
    EXPECT_FALSE(overlap(0, 0, 0, 4));
    EXPECT_FALSE(overlap(0, 8, 4, 0));
}

TEST(Image, OverlapLooksAtEveryPlane) {
    unit::Picture nv12(DRM_FORMAT_NV12, 4, 4);
    unit::Picture grey(DRM_FORMAT_R8, 4, 4);
    const zaccel_image a = nv12.operand().image;
    zaccel_image b = grey.operand().image;

    EXPECT_FALSE(zaccel_images_overlap(&a, &b));
    // The last byte of the chroma, then the one behind it.
    b.planes[0].data = a.planes[1].data + 7;
    EXPECT_TRUE(zaccel_images_overlap(&a, &b));
    EXPECT_TRUE(zaccel_images_overlap(&b, &a));
    b.planes[0].data++;
    EXPECT_FALSE(zaccel_images_overlap(&a, &b));
}

}  // namespace
