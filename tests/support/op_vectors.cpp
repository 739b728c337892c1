// SPDX-License-Identifier: MIT
#include "support/op_vectors.hpp"

#include <cerrno>

namespace test_support {
namespace {

constexpr std::uint8_t kUntouched = 0xee;

VectorOperand nothing() { return {}; }

VectorOperand range(Bytes bytes) { return {.kind = ZACCEL_SLOT_RANGE, .bytes = std::move(bytes)}; }

VectorOperand image(std::uint32_t fourcc, std::uint32_t width, std::uint32_t height,
                    std::vector<VectorOperand::Plane> planes, Bytes bytes) {
    return {.kind = ZACCEL_SLOT_IMAGE,
            .bytes = std::move(bytes),
            .fourcc = fourcc,
            .width = width,
            .height = height,
            .planes = std::move(planes)};
}

VectorOperand grey(std::uint32_t width, std::uint32_t height, Bytes bytes) {
    return image(DRM_FORMAT_R8, width, height, {{0, width}}, std::move(bytes));
}

Bytes untouched(std::size_t size) { return Bytes(size, kUntouched); }

Bytes repeat(std::size_t times, const Bytes& what) {
    Bytes bytes;
    for (std::size_t i = 0; i < times; i++) bytes.insert(bytes.end(), what.begin(), what.end());
    return bytes;
}

Bytes counting(std::size_t size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; i++) bytes[i] = static_cast<std::uint8_t>(i);
    return bytes;
}

Bytes text(std::string_view string) { return {string.begin(), string.end()}; }

// The pattern's byte 0, 0x11, is the one that lands first.
drm_zaccel_command fill(std::uint64_t offset, std::uint64_t size,
                        std::uint64_t pattern = 0x8877665544332211) {
    return make_command(ZACCEL_OP_FILL, drm_zaccel_fill{offset, size, pattern});
}

drm_zaccel_command copy(std::uint64_t dst_offset, std::uint64_t src_offset, std::uint64_t size) {
    return make_command(ZACCEL_OP_COPY, drm_zaccel_copy{dst_offset, src_offset, size});
}

drm_zaccel_command crc32c(std::uint64_t offset, std::uint64_t size, std::uint32_t seed = 0) {
    return make_command(ZACCEL_OP_CRC32C, drm_zaccel_crc32c{offset, size, seed, 0});
}

drm_zaccel_command convert(const drm_zaccel_convert& args = {}) {
    return make_command(ZACCEL_OP_CONVERT, args);
}

drm_zaccel_command convert_bilinear() { return convert({.filter = ZACCEL_FILTER_BILINEAR}); }

drm_zaccel_command convolve(const drm_zaccel_convolve3x3& args) {
    return make_command(ZACCEL_OP_CONVOLVE3X3, args);
}

void add_ranges(std::vector<OpVector>& v) {
    v.push_back({"nop", make_command(ZACCEL_OP_NOP), nothing(), nothing(), 0, 0, {}});

    v.push_back({"fill_whole",
                 fill(0, 8),
                 range(untouched(8)),
                 nothing(),
                 0,
                 8,
                 {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}});
    v.push_back({"fill_part_starts_with_byte_0",
                 fill(3, 5),
                 range(untouched(10)),
                 nothing(),
                 0,
                 5,
                 {0xee, 0xee, 0xee, 0x11, 0x22, 0x33, 0x44, 0x55, 0xee, 0xee}});
    v.push_back({"fill_repeats_and_ends_within_pattern",
                 fill(1, 11),
                 range(untouched(13)),
                 nothing(),
                 0,
                 11,
                 {0xee, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x11, 0x22, 0x33, 0xee}});
    v.push_back({"fill_nothing_at_the_end", fill(4, 0), range(untouched(4)), nothing(), 0, 0,
                 untouched(4)});
    v.push_back({"fill_beyond_the_end", fill(1, 4), range(untouched(4)), nothing(), -ERANGE, 0,
                 untouched(4)});
    v.push_back({"fill_that_wraps", fill(2, ~0ull), range(untouched(4)), nothing(), -ERANGE, 0,
                 untouched(4)});

    v.push_back({"copy_part",
                 copy(1, 2, 3),
                 range(untouched(6)),
                 range({1, 2, 3, 4, 5, 6}),
                 0,
                 3,
                 {0xee, 3, 4, 5, 0xee, 0xee}});
    v.push_back({"copy_nothing", copy(0, 6, 0), range(untouched(2)), range(counting(6)), 0, 0,
                 untouched(2)});
    v.push_back({"copy_from_beyond_the_end", copy(0, 5, 2), range(untouched(6)), range(counting(6)),
                 -ERANGE, 0, untouched(6)});
    v.push_back({"copy_to_beyond_the_end", copy(5, 0, 2), range(untouched(6)), range(counting(6)),
                 -ERANGE, 0, untouched(6)});
}

// The first is the check value of CRC-32C, the next four are from RFC 3720, B.4.
void add_checksums(std::vector<OpVector>& v) {
    const auto add = [&v](std::string_view name, const drm_zaccel_command& command, Bytes bytes,
                          std::uint32_t result) {
        v.push_back({name, command, nothing(), range(std::move(bytes)), 0, result, {}});
    };

    Bytes descending = counting(32);
    for (auto& byte : descending) byte = static_cast<std::uint8_t>(31 - byte);

    add("crc32c_check_value", crc32c(0, 9), text("123456789"), 0xe3069283);
    add("crc32c_zeros", crc32c(0, 32), Bytes(32, 0x00), 0x8a9136aa);
    add("crc32c_ones", crc32c(0, 32), Bytes(32, 0xff), 0x62a8ab43);
    add("crc32c_ascending", crc32c(0, 32), counting(32), 0x46dd794e);
    add("crc32c_descending", crc32c(0, 32), descending, 0x113fdb5c);
    add("crc32c_part", crc32c(2, 9), text("xx123456789xx"), 0xe3069283);
    // The checksum of 0..31 is that of its second half, seeded with that of its first.
    add("crc32c_first_half", crc32c(0, 16), counting(32), 0xd9c908eb);
    add("crc32c_second_half", crc32c(16, 16, 0xd9c908eb), counting(32), 0x46dd794e);
    add("crc32c_of_nothing", crc32c(0, 0), counting(4), 0);
    add("crc32c_of_nothing_keeps_seed", crc32c(4, 0, 0x12345678), counting(4), 0x12345678);
    v.push_back(
        {"crc32c_beyond_the_end", crc32c(3, 2), nothing(), range(counting(4)), -ERANGE, 0, {}});
}

// BT.601, limited: Y = 16 + 219/255 (0.299 R + 0.587 G + 0.114 B),
//                  U = 128 + 224/255 (B - y) / 1.772, V = 128 + 224/255 (R - y) / 1.402,
// where y is the bracket, so that red gives 81.48, 90.20, 240; green 144.55, 53.80, 34.21;
// blue 40.97, 240, 109.79.
void add_colours(std::vector<OpVector>& v) {
    const Bytes white{255, 255, 255, 0}, black{0, 0, 0, 0}, red{0, 0, 255, 7}, blue{255, 0, 0, 7};
    const Bytes bar = [&] {
        Bytes line;
        for (const Bytes& pixel : {white, white, black, black, red, red, blue, blue})
            line.insert(line.end(), pixel.begin(), pixel.end());
        return line;
    }();

    v.push_back({"xrgb8888_to_yuyv",
                 convert(),
                 image(DRM_FORMAT_YUYV, 8, 1, {{0, 16}}, untouched(17)),
                 image(DRM_FORMAT_XRGB8888, 8, 1, {{0, 32}}, bar),
                 0,
                 0,
                 {235, 128, 235, 128, 16, 128, 16, 128, 81, 90, 81, 240, 41, 240, 41, 110, 0xee}});
    v.push_back({"xrgb8888_to_nv12",
                 convert(),
                 image(DRM_FORMAT_NV12, 8, 2, {{0, 9}, {18, 8}}, untouched(26)),
                 image(DRM_FORMAT_XRGB8888, 8, 2, {{0, 32}}, repeat(2, bar)),
                 0,
                 0,
                 {235, 235, 16, 16, 81,   81,  41,  41,  0xee, 235, 235, 16,  16,
                  81,  81,  41, 41, 0xee, 128, 128, 128, 128,  90,  240, 240, 110}});
    v.push_back({"xrgb8888_to_yuv420",
                 convert(),
                 image(DRM_FORMAT_YUV420, 8, 2, {{0, 8}, {16, 4}, {20, 4}}, untouched(24)),
                 image(DRM_FORMAT_XRGB8888, 8, 2, {{0, 32}}, repeat(2, bar)),
                 0,
                 0,
                 {235, 235, 16, 16, 81,  81,  41, 41,  235, 235, 16,  16,
                  81,  81,  41, 41, 128, 128, 90, 240, 128, 128, 240, 110}});
    v.push_back({"xrgb8888_to_r8",
                 convert(),
                 grey(8, 1, untouched(8)),
                 image(DRM_FORMAT_XRGB8888, 8, 1, {{0, 32}}, bar),
                 0,
                 0,
                 {235, 235, 16, 16, 81, 81, 41, 41}});
    // Full range: Y = 0.2126 * 255 = 54.2 for red and 0.0722 * 255 = 18.4 for blue.
    v.push_back({"xrgb8888_to_r8_bt709_full",
                 convert({.dst_matrix = ZACCEL_MATRIX_BT709, .dst_range = ZACCEL_RANGE_FULL}),
                 grey(8, 1, untouched(8)),
                 image(DRM_FORMAT_XRGB8888, 8, 1, {{0, 32}}, bar),
                 0,
                 0,
                 {255, 255, 0, 0, 54, 54, 18, 18}});
    // U of white and red is the mean of 128 and 90.20, V of 128 and 240.
    v.push_back({"chroma_is_the_mean_of_its_pixels",
                 convert(),
                 image(DRM_FORMAT_YUYV, 2, 1, {{0, 4}}, untouched(4)),
                 image(DRM_FORMAT_XRGB8888, 2, 1, {{0, 8}}, {255, 255, 255, 0, 0, 0, 255, 0}),
                 0,
                 0,
                 {235, 109, 81, 184}});
    // White, red, blue and black: (128 + 90.20 + 240 + 128) / 4 = 146.55, and with V 151.45.
    v.push_back({"chroma_is_the_mean_of_four_pixels",
                 convert(),
                 image(DRM_FORMAT_NV12, 2, 2, {{0, 2}, {4, 2}}, untouched(6)),
                 image(DRM_FORMAT_XRGB8888, 2, 2, {{0, 8}},
                       {255, 255, 255, 0, 0, 0, 255, 0, 255, 0, 0, 0, 0, 0, 0, 0}),
                 0,
                 0,
                 {235, 81, 41, 16, 147, 151}});

    // R = 1.16438 (Y - 16) + 1.59603 (V - 128) = 75.68 + 178.76 = 254.4, G = -0.5, B = -1.0; and
    // with Y = 235: R = 433.8, G = 178.8, B = 178.4.
    v.push_back(
        {"yuyv_to_xrgb8888",
         convert(),
         image(DRM_FORMAT_XRGB8888, 4, 1, {{0, 16}}, untouched(18)),
         image(DRM_FORMAT_YUYV, 4, 1, {{0, 8}}, {16, 128, 235, 128, 81, 90, 235, 240}),
         0,
         0,
         {0, 0, 0, 255, 255, 255, 255, 255, 0, 0, 254, 255, 178, 179, 255, 255, 0xee, 0xee}});
    // 1.16438 (Y - 16) is -18.6 for 0, 130.4 for 128, 278.3 for 255.
    v.push_back({"r8_to_xrgb8888",
                 convert(),
                 image(DRM_FORMAT_XRGB8888, 3, 1, {{0, 12}}, untouched(12)),
                 grey(3, 1, {0, 128, 255}),
                 0,
                 0,
                 {0, 0, 0, 255, 130, 130, 130, 255, 255, 255, 255, 255}});
    v.push_back({"r8_to_xrgb8888_full",
                 convert({.src_range = ZACCEL_RANGE_FULL}),
                 image(DRM_FORMAT_XRGB8888, 3, 1, {{0, 12}}, untouched(12)),
                 grey(3, 1, {0, 128, 255}),
                 0,
                 0,
                 {0, 0, 0, 255, 128, 128, 128, 255, 255, 255, 255, 255}});
    v.push_back({"xrgb8888_to_itself_sets_the_unused_byte",
                 convert(),
                 image(DRM_FORMAT_XRGB8888, 1, 2, {{0, 5}}, untouched(9)),
                 image(DRM_FORMAT_XRGB8888, 1, 2, {{0, 4}}, {1, 2, 3, 4, 5, 6, 7, 8}),
                 0,
                 0,
                 {1, 2, 3, 255, 0xee, 5, 6, 7, 255}});
}

void add_yuv(std::vector<OpVector>& v) {
    const VectorOperand nv12 = image(DRM_FORMAT_NV12, 4, 2, {{0, 4}, {8, 4}},
                                     {1, 2, 3, 4, 5, 6, 7, 8, 100, 200, 110, 210});

    for (const auto filter : {ZACCEL_FILTER_NEAREST, ZACCEL_FILTER_BILINEAR}) {
        const bool nearest = filter == ZACCEL_FILTER_NEAREST;

        // No grid changes, so that nothing is filtered.
        v.push_back({nearest ? "nv12_to_yuv420_nearest" : "nv12_to_yuv420_bilinear",
                     convert({.filter = static_cast<__u8>(filter)}),
                     image(DRM_FORMAT_YUV420, 4, 2, {{0, 4}, {8, 2}, {10, 2}}, untouched(12)),
                     nv12,
                     0,
                     0,
                     {1, 2, 3, 4, 5, 6, 7, 8, 100, 110, 200, 210}});
    }
    v.push_back({"nv12_to_yuyv",
                 convert(),
                 image(DRM_FORMAT_YUYV, 4, 2, {{0, 8}}, untouched(16)),
                 nv12,
                 0,
                 0,
                 {1, 100, 2, 200, 3, 110, 4, 210, 5, 100, 6, 200, 7, 110, 8, 210}});
    v.push_back({"yuv420_to_nv12",
                 convert(),
                 image(DRM_FORMAT_NV12, 4, 2, {{0, 4}, {8, 4}}, untouched(12)),
                 image(DRM_FORMAT_YUV420, 4, 2, {{4, 4}, {2, 2}, {0, 2}},
                       {200, 210, 100, 110, 1, 2, 3, 4, 5, 6, 7, 8}),
                 0,
                 0,
                 {1, 2, 3, 4, 5, 6, 7, 8, 100, 200, 110, 210}});
    v.push_back({"yuyv_to_nv12_averages_lines",
                 convert(),
                 image(DRM_FORMAT_NV12, 2, 2, {{0, 2}, {4, 2}}, untouched(6)),
                 image(DRM_FORMAT_YUYV, 2, 2, {{0, 4}}, {1, 100, 2, 200, 3, 103, 4, 204}),
                 0,
                 0,
                 {1, 2, 3, 4, 102, 202}});
    v.push_back({"r8_to_nv12_is_grey",
                 convert(),
                 image(DRM_FORMAT_NV12, 2, 2, {{0, 2}, {4, 2}}, untouched(6)),
                 grey(2, 2, {10, 20, 30, 40}),
                 0,
                 0,
                 {10, 20, 30, 40, 128, 128}});
    v.push_back({"nv12_to_r8_is_luma",
                 convert(),
                 grey(4, 2, untouched(8)),
                 nv12,
                 0,
                 0,
                 {1, 2, 3, 4, 5, 6, 7, 8}});
    // Full to limited range: 16 + 219/255 Y; 128 + 224/255 (U - 128).
    v.push_back({"yuyv_full_to_limited",
                 convert({.src_range = ZACCEL_RANGE_FULL}),
                 image(DRM_FORMAT_YUYV, 2, 1, {{0, 4}}, untouched(4)),
                 image(DRM_FORMAT_YUYV, 2, 1, {{0, 4}}, {0, 0, 255, 255}),
                 0,
                 0,
                 {16, 16, 235, 240}});
}

void add_sizes(std::vector<OpVector>& v) {
    // Centres at 0.75 and 2.25 of three.
    v.push_back({"nearest_3_to_2",
                 convert(),
                 grey(2, 1, untouched(2)),
                 grey(3, 1, {10, 20, 30}),
                 0,
                 0,
                 {10, 30}});
    // A centre on the border between two samples belongs to the second.
    v.push_back({"nearest_4_to_2",
                 convert(),
                 grey(2, 1, untouched(2)),
                 grey(4, 1, {1, 2, 3, 4}),
                 0,
                 0,
                 {2, 4}});
    v.push_back({"nearest_2_to_5",
                 convert(),
                 grey(5, 1, untouched(5)),
                 grey(2, 1, {1, 2}),
                 0,
                 0,
                 {1, 1, 2, 2, 2}});
    v.push_back({"nearest_down_the_image",
                 convert(),
                 grey(1, 4, untouched(4)),
                 grey(1, 2, {1, 2}),
                 0,
                 0,
                 {1, 1, 2, 2}});
    // At -0.25, 0.25, 0.75 and 1.25; the edges are clamped.
    v.push_back({"bilinear_2_to_4",
                 convert_bilinear(),
                 grey(4, 1, untouched(4)),
                 grey(2, 1, {0, 100}),
                 0,
                 0,
                 {0, 25, 75, 100}});
    v.push_back({"bilinear_down_the_image",
                 convert_bilinear(),
                 grey(1, 4, untouched(4)),
                 grey(1, 2, {0, 100}),
                 0,
                 0,
                 {0, 25, 75, 100}});
    v.push_back({"bilinear_both_ways",
                 convert_bilinear(),
                 grey(4, 4, untouched(16)),
                 grey(2, 2, {0, 64, 128, 192}),
                 0,
                 0,
                 {0, 16, 48, 64, 32, 48, 80, 96, 96, 112, 144, 160, 128, 144, 176, 192}});
    // At 0.5 and 2.5: 11/2 and 35/2 are rounded up.
    v.push_back({"bilinear_4_to_2",
                 convert_bilinear(),
                 grey(2, 1, untouched(2)),
                 grey(4, 1, {5, 6, 17, 18}),
                 0,
                 0,
                 {6, 18}});
    // At 1: not the mean of all three.
    v.push_back({"bilinear_3_to_1",
                 convert_bilinear(),
                 grey(1, 1, untouched(1)),
                 grey(3, 1, {0, 77, 0}),
                 0,
                 0,
                 {77}});
    v.push_back({"bilinear_1_to_3",
                 convert_bilinear(),
                 grey(3, 1, untouched(3)),
                 grey(1, 1, {9}),
                 0,
                 0,
                 {9, 9, 9}});
    // At equal size luma is as it is, and V is 128, 144, 176, 192: R is
    // 130.41 + 1.59603 (V - 128) or 156, 207, 233, G is 130.41 - 0.81297 (V - 128).
    v.push_back({"bilinear_chroma_at_equal_size",
                 convert_bilinear(),
                 image(DRM_FORMAT_XRGB8888, 4, 1, {{0, 16}}, untouched(16)),
                 image(DRM_FORMAT_YUYV, 4, 1, {{0, 8}}, {128, 128, 128, 128, 128, 128, 128, 192}),
                 0,
                 0,
                 {130, 130, 130, 255, 130, 117, 156, 255, 130, 91, 207, 255, 130, 78, 233, 255}});
}

void add_filters(std::vector<OpVector>& v) {
    const auto invert = make_command(ZACCEL_OP_INVERT);

    v.push_back({"invert_r8",
                 invert,
                 image(DRM_FORMAT_R8, 3, 2, {{0, 4}}, untouched(7)),
                 image(DRM_FORMAT_R8, 3, 2, {{0, 3}}, {0, 1, 2, 127, 128, 255}),
                 0,
                 0,
                 {255, 254, 253, 0xee, 128, 127, 0}});
    v.push_back({"invert_xrgb8888",
                 invert,
                 image(DRM_FORMAT_XRGB8888, 3, 1, {{0, 12}}, untouched(12)),
                 image(DRM_FORMAT_XRGB8888, 3, 1, {{0, 12}},
                       {0, 1, 2, 3, 127, 128, 255, 254, 10, 20, 30, 40}),
                 0,
                 0,
                 {255, 254, 253, 255, 128, 127, 0, 255, 245, 235, 225, 255}});
    v.push_back({"invert_of_another_size", invert, grey(2, 1, untouched(2)), grey(1, 2, {1, 2}),
                 -EINVAL, 0, untouched(2)});
    v.push_back({"invert_of_yuyv", invert, image(DRM_FORMAT_YUYV, 2, 1, {{0, 4}}, untouched(4)),
                 image(DRM_FORMAT_YUYV, 2, 1, {{0, 4}}, {1, 2, 3, 4}), -EOPNOTSUPP, 0,
                 untouched(4)});

    const VectorOperand nine = grey(3, 3, {10, 20, 30, 40, 50, 60, 70, 80, 90});
    v.push_back({"convolve_identity",
                 convolve({.coefficients = {0, 0, 0, 0, 1, 0, 0, 0, 0}}),
                 grey(3, 3, untouched(9)),
                 nine,
                 0,
                 0,
                 {10, 20, 30, 40, 50, 60, 70, 80, 90}});
    // The first coefficient is that of the sample above and to the left.
    v.push_back({"convolve_shifts_down_right",
                 convolve({.coefficients = {1, 0, 0, 0, 0, 0, 0, 0, 0}}),
                 grey(3, 3, untouched(9)),
                 nine,
                 0,
                 0,
                 {10, 10, 20, 10, 10, 20, 40, 40, 50}});
    v.push_back({"convolve_shifts_up_left",
                 convolve({.coefficients = {0, 0, 0, 0, 0, 0, 0, 0, 1}}),
                 grey(3, 3, untouched(9)),
                 nine,
                 0,
                 0,
                 {50, 60, 60, 80, 90, 90, 80, 90, 90}});
    // (1 2 1) across and down over 16; the corner: (9*10 + 3*20 + 3*40 + 50) / 16 = 20.
    v.push_back({"convolve_smooths",
                 convolve({.coefficients = {1, 2, 1, 2, 4, 2, 1, 2, 1}, .shift = 4}),
                 grey(3, 3, untouched(9)),
                 nine,
                 0,
                 0,
                 {20, 28, 35, 43, 50, 58, 65, 73, 80}});
    // Right minus left: 10 at the edges, 20 between.
    v.push_back({"convolve_bias",
                 convolve({.coefficients = {0, 0, 0, -1, 0, 1, 0, 0, 0}, .bias = 128}),
                 grey(3, 3, untouched(9)),
                 nine,
                 0,
                 0,
                 {138, 148, 138, 138, 148, 138, 138, 148, 138}});
    v.push_back({"convolve_rounds_halves_up",
                 convolve({.coefficients = {0, 0, 0, 0, 1, 0, 0, 0, 0}, .shift = 1}),
                 grey(4, 1, untouched(4)),
                 grey(4, 1, {0, 1, 2, 7}),
                 0,
                 0,
                 {0, 1, 1, 4}});
    v.push_back({"convolve_rounds_negative_halves_up",
                 convolve({.coefficients = {0, 0, 0, 0, -1, 0, 0, 0, 0}, .bias = 100, .shift = 1}),
                 grey(4, 1, untouched(4)),
                 grey(4, 1, {0, 1, 2, 7}),
                 0,
                 0,
                 {100, 100, 99, 97}});
    v.push_back({"convolve_clamps",
                 convolve({.coefficients = {0, 0, 0, 0, 3, 0, 0, 0, 0}, .bias = -100}),
                 grey(3, 1, untouched(3)),
                 grey(3, 1, {10, 60, 200}),
                 0,
                 0,
                 {0, 80, 255}});
    v.push_back({"convolve_components_apart",
                 convolve({.coefficients = {0, 0, 0, 1, 1, 0, 0, 0, 0}}),
                 image(DRM_FORMAT_XRGB8888, 2, 1, {{0, 8}}, untouched(8)),
                 image(DRM_FORMAT_XRGB8888, 2, 1, {{0, 8}}, {1, 2, 3, 99, 10, 20, 30, 99}),
                 0,
                 0,
                 {2, 4, 6, 255, 11, 22, 33, 255}});
    v.push_back({"convolve_shift_out_of_range", convolve({.shift = 16}), grey(1, 1, untouched(1)),
                 grey(1, 1, {1}), -EINVAL, 0, untouched(1)});
}

std::vector<OpVector> make_vectors() {
    std::vector<OpVector> vectors;
    add_ranges(vectors);
    add_checksums(vectors);
    add_colours(vectors);
    add_yuv(vectors);
    add_sizes(vectors);
    add_filters(vectors);
    return vectors;
}

}  // namespace

const std::vector<OpVector>& op_vectors() {
    static const std::vector<OpVector> vectors = make_vectors();
    return vectors;
}

}  // namespace test_support
