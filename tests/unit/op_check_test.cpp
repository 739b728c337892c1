// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "picture.hpp"
#include "support/op_vectors.hpp"

namespace {

using test_support::make_command;
using unit::Picture;

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

zaccel_operand range_of(std::uint8_t* data, std::uint64_t size) {
    return {.kind = ZACCEL_SLOT_RANGE, .range = {data, size}, .image = {}};
}

// A command of each opcode that is accepted, with operands that fit, to be spoiled one field at
// a time.
class OpCheck : public testing::TestWithParam<drm_zaccel_opcode> {
 protected:
    OpCheck() : op_(*zaccel_op_find(static_cast<u16>(GetParam()))) {
        switch (GetParam()) {
            case ZACCEL_OP_FILL:
                command_ = make_command(GetParam(), drm_zaccel_fill{0, 16, 0});
                break;
            case ZACCEL_OP_COPY:
                command_ = make_command(GetParam(), drm_zaccel_copy{0, 0, 16});
                break;
            case ZACCEL_OP_CRC32C:
                command_ = make_command(GetParam(), drm_zaccel_crc32c{0, 16, 0, 0});
                break;
            case ZACCEL_OP_EXEC:
                command_ = make_command(GetParam(), drm_zaccel_exec{0, 1, 0});
                break;
            default:
                command_ = make_command(GetParam());
                break;
        }
        command_.flags = ZACCEL_CMD_END;
        command_.user_data = kHuge;
        dst_ = operand(op_.dst_kind, dst_bytes_, dst_picture_);
        src_ = operand(op_.src_kind, src_bytes_, src_picture_);
        command_.dst = op_.dst_kind == ZACCEL_SLOT_EMPTY ? 0 : 1;
        command_.src = op_.src_kind == ZACCEL_SLOT_EMPTY ? 0 : 2;
    }

    int check() const { return zaccel_op_check(&command_, &dst_, &src_); }

    const zaccel_op& op_;
    drm_zaccel_command command_{};
    zaccel_operand dst_{};
    zaccel_operand src_{};

 private:
    static zaccel_operand operand(std::uint32_t kind, std::uint8_t (&bytes)[64], Picture& picture) {
        if (kind == ZACCEL_SLOT_RANGE) return range_of(bytes, sizeof(bytes));
        if (kind == ZACCEL_SLOT_IMAGE) return picture.operand();
        return {.kind = kind, .range = {}, .image = {}};
    }

    std::uint8_t dst_bytes_[64]{};
    std::uint8_t src_bytes_[64]{};
    Picture dst_picture_{DRM_FORMAT_XRGB8888, 4, 4};
    Picture src_picture_{DRM_FORMAT_XRGB8888, 4, 4};
};

INSTANTIATE_TEST_SUITE_P(Opcodes, OpCheck,
                         testing::Values(ZACCEL_OP_NOP, ZACCEL_OP_FILL, ZACCEL_OP_COPY,
                                         ZACCEL_OP_CRC32C, ZACCEL_OP_CONVERT, ZACCEL_OP_INVERT,
                                         ZACCEL_OP_CONVOLVE3X3, ZACCEL_OP_WAIT, ZACCEL_OP_SIGNAL,
                                         ZACCEL_OP_EXEC),
                         [](const auto& test) {
                             return std::string(zaccel_op_find(static_cast<u16>(test.param))->name);
                         });

TEST_P(OpCheck, AcceptsWhatIsRight) {
    EXPECT_EQ(check(), 0);
    command_.flags = 0;
    EXPECT_EQ(check(), 0);
}

TEST_P(OpCheck, AcceptsFlagsThatSayHowItRuns) {
    for (const unsigned flags :
         {ZACCEL_CMD_CONTINUE, ZACCEL_CMD_TIMESTAMP, ZACCEL_CMD_CONTINUE | ZACCEL_CMD_TIMESTAMP,
          ZACCEL_CMD_EXPLICIT_SYNC | ZACCEL_CMD_END}) {
        command_.flags = static_cast<__u16>(flags);
        EXPECT_EQ(check(), 0) << flags;
    }
}

TEST_P(OpCheck, RefusesUnknownFlags) {
    for (unsigned bit = 5; bit < 16; bit++) {
        command_.flags = static_cast<__u16>(1u << bit);
        EXPECT_EQ(check(), -EINVAL) << bit;
    }
}

TEST_P(OpCheck, RefusesFlagsOutOfPlace) {
    command_.flags = ZACCEL_CMD_EXPLICIT_SYNC;
    EXPECT_EQ(check(), -EINVAL) << "it is said of a batch, at its end";
    command_.flags = ZACCEL_CMD_PARAMS;
    EXPECT_EQ(check(), -EINVAL) << "the block has to be fetched before";
}

TEST_P(OpCheck, RefusesPad) {
    command_.pad = 0x80000000;
    EXPECT_EQ(check(), -EINVAL);
}

TEST_P(OpCheck, RefusesArgumentsThatItDoesNotHave) {
    ASSERT_EQ(op_.args_size % sizeof(command_.args[0]), 0u);
    for (std::size_t i = op_.args_size / sizeof(command_.args[0]); i < 5; i++) {
        command_.args[i] = 1;
        EXPECT_EQ(check(), -EINVAL) << i;
        command_.args[i] = 0;
    }
}

TEST_P(OpCheck, RefusesASlotThatItDoesNotUse) {
    if (op_.dst_kind == ZACCEL_SLOT_EMPTY) {
        command_.dst = 1;
        EXPECT_EQ(check(), -EINVAL);
        command_.dst = 0;
    }
    if (op_.src_kind == ZACCEL_SLOT_EMPTY) {
        command_.src = 1;
        EXPECT_EQ(check(), -EINVAL);
        command_.src = 0;
    }
    EXPECT_EQ(check(), 0);
}

TEST_P(OpCheck, RefusesEmptySlotsAndWrongKinds) {
    const auto refused = [](std::uint32_t kind) {
        return kind == ZACCEL_SLOT_EMPTY ? 0 : -EBADSLT;
    };

    EXPECT_EQ(zaccel_op_check(&command_, nullptr, &src_), refused(op_.dst_kind));
    EXPECT_EQ(zaccel_op_check(&command_, &dst_, nullptr), refused(op_.src_kind));
    for (const std::uint32_t kind : {0u, 1u, 2u, 3u, 0xffffffffu}) {
        if (kind != dst_.kind) {
            zaccel_operand other = dst_;
            other.kind = kind;
            EXPECT_EQ(zaccel_op_check(&command_, &other, &src_), refused(op_.dst_kind)) << kind;
        }
        if (kind != src_.kind) {
            zaccel_operand other = src_;
            other.kind = kind;
            EXPECT_EQ(zaccel_op_check(&command_, &dst_, &other), refused(op_.src_kind)) << kind;
        }
    }
}

TEST(OpTable, UnknownOpcodesAreNotSupported) {
    for (const unsigned opcode :
         {10u, 11u, 0x7fffu, unsigned{ZACCEL_OPCODE_ENGINE_BASE}, 0xffffu}) {
        drm_zaccel_command command{};
        command.opcode = static_cast<__u16>(opcode);
        EXPECT_EQ(zaccel_op_check(&command, nullptr, nullptr), -EOPNOTSUPP) << opcode;
        EXPECT_EQ(zaccel_op_find(command.opcode), nullptr);
    }
}

TEST(OpTable, HasEachOpcodeOnce) {
    for (unsigned i = 0; i < 10; i++) {
        ASSERT_NE(zaccel_op_at(i), nullptr);
        EXPECT_EQ(zaccel_op_find(zaccel_op_at(i)->opcode), zaccel_op_at(i));
    }
    EXPECT_EQ(zaccel_op_at(10), nullptr);
    EXPECT_EQ(zaccel_op_at(0xffffffffu), nullptr);
}

struct RangeCase {
    std::uint64_t offset, size;
    int expected;
};

// Of a range of 16 bytes.
const RangeCase range_cases[] = {
    {0, 16, 0},
    {16, 0, 0},
    {15, 1, 0},
    {7, 9, 0},
    {0, 17, -ERANGE},
    {1, 16, -ERANGE},
    {16, 1, -ERANGE},
    {17, 0, -ERANGE},
    {kHuge, 0, -ERANGE},
    {0, kHuge, -ERANGE},
    {kHuge, 1, -ERANGE},
    {1, kHuge, -ERANGE},
    {8, kHuge - 7, -ERANGE},
    {kHuge - 7, 8, -ERANGE},
    {kHuge, kHuge, -ERANGE},
    // What is left of these in 32 bits would fit.
    {1ull << 32, 0, -ERANGE},
    {0, 1ull << 32, -ERANGE},
    {(1ull << 32) + 4, 4, -ERANGE},
};

TEST(RangeCheck, BytesMustLieWithin) {
    std::uint8_t bytes[16], other[16];
    const zaccel_operand range = range_of(bytes, 16);
    const zaccel_operand far = range_of(other, 16);

    for (const RangeCase& c : range_cases) {
        SCOPED_TRACE(testing::Message() << c.size << " bytes at " << c.offset);
        const auto fill = make_command(ZACCEL_OP_FILL, drm_zaccel_fill{c.offset, c.size, 0});
        EXPECT_EQ(zaccel_op_check(&fill, &range, nullptr), c.expected);
        const auto crc = make_command(ZACCEL_OP_CRC32C, drm_zaccel_crc32c{c.offset, c.size, 0, 0});
        EXPECT_EQ(zaccel_op_check(&crc, nullptr, &range), c.expected);
        if (c.size > 16) continue;  // for a copy the other range would be too short as well
        const auto to = make_command(ZACCEL_OP_COPY, drm_zaccel_copy{c.offset, 0, c.size});
        EXPECT_EQ(zaccel_op_check(&to, &range, &far), c.expected);
        const auto from = make_command(ZACCEL_OP_COPY, drm_zaccel_copy{0, c.offset, c.size});
        EXPECT_EQ(zaccel_op_check(&from, &far, &range), c.expected);
    }
}

TEST(Crc32cCheck, RefusesPad) {
    std::uint8_t bytes[1];
    const zaccel_operand range = range_of(bytes, 1);
    const auto command = make_command(ZACCEL_OP_CRC32C, drm_zaccel_crc32c{0, 1, 0, 1});

    EXPECT_EQ(zaccel_op_check(&command, nullptr, &range), -EINVAL);
}

TEST(CopyCheck, RefusesOverlap) {
    std::uint8_t bytes[16];
    const zaccel_operand range = range_of(bytes, 16);
    const zaccel_operand upper = range_of(bytes + 4, 12);
    const auto check = [](std::uint64_t to, std::uint64_t from, std::uint64_t size,
                          const zaccel_operand& dst, const zaccel_operand& src) {
        const auto command = make_command(ZACCEL_OP_COPY, drm_zaccel_copy{to, from, size});
        return zaccel_op_check(&command, &dst, &src);
    };

    EXPECT_EQ(check(0, 0, 1, range, range), -EINVAL);
    EXPECT_EQ(check(0, 7, 8, range, range), -EINVAL);
    EXPECT_EQ(check(7, 0, 8, range, range), -EINVAL);
    EXPECT_EQ(check(8, 0, 8, range, range), 0);
    EXPECT_EQ(check(0, 8, 8, range, range), 0);
    EXPECT_EQ(check(5, 5, 0, range, range), 0);
    EXPECT_EQ(check(0, 0, 5, range, upper), -EINVAL);
    EXPECT_EQ(check(0, 0, 4, range, upper), 0);
}

struct ConvertCase {
    const char* name;
    drm_zaccel_convert args;
};

const ConvertCase bad_convert[] = {
    {"src_matrix", {.src_matrix = 2}}, {"src_range", {.src_range = 2}},
    {"dst_matrix", {.dst_matrix = 2}}, {"dst_range", {.dst_range = 255}},
    {"filter", {.filter = 2}},         {"pad[0]", {.pad = {1, 0, 0}}},
    {"pad[1]", {.pad = {0, 1, 0}}},    {"pad[2]", {.pad = {0, 0, 128}}},
};

TEST(ConvertCheck, RefusesWhatItDoesNotKnow) {
    Picture rgb(DRM_FORMAT_XRGB8888, 2, 2), nv12(DRM_FORMAT_NV12, 2, 2);
    const zaccel_operand a = rgb.operand(), b = nv12.operand();

    for (const ConvertCase& c : bad_convert) {
        const auto command = make_command(ZACCEL_OP_CONVERT, c.args);
        // The matrix of an RGB side counts for nothing but must be one.
        EXPECT_EQ(zaccel_op_check(&command, &a, &b), -EINVAL) << c.name;
        EXPECT_EQ(zaccel_op_check(&command, &b, &a), -EINVAL) << c.name;
    }
}

TEST(ConvolveCheck, RefusesShiftAndPad) {
    Picture dst(DRM_FORMAT_R8, 2, 2), src(DRM_FORMAT_R8, 2, 2);
    const zaccel_operand a = dst.operand(), b = src.operand();
    const auto check = [&](const drm_zaccel_convolve3x3& args) {
        const auto command = make_command(ZACCEL_OP_CONVOLVE3X3, args);
        return zaccel_op_check(&command, &a, &b);
    };

    EXPECT_EQ(check({.shift = 15}), 0);
    EXPECT_EQ(check({.shift = 16}), -EINVAL);
    EXPECT_EQ(check({.shift = 255}), -EINVAL);
    EXPECT_EQ(check({.pad = {1, 0, 0}}), -EINVAL);
    EXPECT_EQ(check({.pad = {0, 1, 0}}), -EINVAL);
    EXPECT_EQ(check({.pad = {0, 0, 1}}), -EINVAL);
}

class SameShape : public testing::TestWithParam<drm_zaccel_opcode> {
 protected:
    static int check(const zaccel_operand& dst, const zaccel_operand& src) {
        const auto command = make_command(GetParam());
        return zaccel_op_check(&command, &dst, &src);
    }

    static int check(std::uint32_t dst_format, std::uint32_t width, std::uint32_t height,
                     std::uint32_t src_format) {
        Picture dst(dst_format, width, height), src(src_format, 4, 4);
        return check(dst.operand(), src.operand());
    }
};

INSTANTIATE_TEST_SUITE_P(Opcodes, SameShape,
                         testing::Values(ZACCEL_OP_INVERT, ZACCEL_OP_CONVOLVE3X3));

TEST_P(SameShape, FormatAndSizeMustBeTheSame) {
    EXPECT_EQ(check(DRM_FORMAT_XRGB8888, 4, 4, DRM_FORMAT_XRGB8888), 0);
    EXPECT_EQ(check(DRM_FORMAT_R8, 4, 4, DRM_FORMAT_R8), 0);
    EXPECT_EQ(check(DRM_FORMAT_R8, 3, 4, DRM_FORMAT_R8), -EINVAL);
    EXPECT_EQ(check(DRM_FORMAT_R8, 4, 5, DRM_FORMAT_R8), -EINVAL);
    EXPECT_EQ(check(DRM_FORMAT_R8, 4, 4, DRM_FORMAT_XRGB8888), -EINVAL);
}

TEST_P(SameShape, SubsampledFormatsAreNotSupported) {
    for (const std::uint32_t fourcc : {DRM_FORMAT_YUYV, DRM_FORMAT_NV12, DRM_FORMAT_YUV420}) {
        EXPECT_EQ(check(fourcc, 4, 4, fourcc), -EOPNOTSUPP);
        EXPECT_EQ(check(DRM_FORMAT_R8, 4, 4, fourcc), -EOPNOTSUPP);
        EXPECT_EQ(check(fourcc, 4, 4, DRM_FORMAT_R8), -EOPNOTSUPP);
    }
}

// Images of one format within one picture, @bytes and @pitch apart from each other.
int check_shifted(drm_zaccel_opcode opcode, std::ptrdiff_t bytes, int pitch) {
    Picture picture(DRM_FORMAT_R8, 4, 9);
    zaccel_operand dst = picture.operand();
    dst.image.height = 4;
    zaccel_operand src = dst;
    src.image.planes[0].data += bytes;
    src.image.planes[0].pitch += static_cast<u32>(pitch);
    const auto command = make_command(opcode);
    return zaccel_op_check(&command, &dst, &src);
}

TEST(ImageOverlap, IsRefused) {
    for (const auto opcode : {ZACCEL_OP_CONVERT, ZACCEL_OP_INVERT, ZACCEL_OP_CONVOLVE3X3}) {
        EXPECT_EQ(check_shifted(opcode, 1, 0), -EINVAL) << opcode;
        EXPECT_EQ(check_shifted(opcode, 15, 0), -EINVAL) << opcode;
        EXPECT_EQ(check_shifted(opcode, 0, 1), -EINVAL) << opcode;
        EXPECT_EQ(check_shifted(opcode, 16, 0), 0) << opcode;
        EXPECT_EQ(check_shifted(opcode, 16, 1), 0) << opcode;
    }
}

TEST(ImageOverlap, InPlaceIsForInvertOnly) {
    EXPECT_EQ(check_shifted(ZACCEL_OP_INVERT, 0, 0), 0);
    EXPECT_EQ(check_shifted(ZACCEL_OP_CONVERT, 0, 0), -EINVAL);
    EXPECT_EQ(check_shifted(ZACCEL_OP_CONVOLVE3X3, 0, 0), -EINVAL);
}

TEST(Slice, IsAnEvenNumberOfLinesOrSomeKilobytes) {
    const zaccel_op& convert = zaccel_op_convert;
    for (const auto& [width, lines] :
         {std::pair{1u, 65536u}, {640u, 102u}, {1024u, 64u}, {16384u, 4u}, {1000u, 64u}}) {
        zaccel_operand dst{};
        dst.kind = ZACCEL_SLOT_IMAGE;
        dst.image.width = width;
        EXPECT_EQ(zaccel_op_slice(&convert, &dst), lines) << width;
    }
    EXPECT_EQ(zaccel_op_slice(&zaccel_op_fill, nullptr), 256u << 10);
    EXPECT_EQ(zaccel_op_slice(&zaccel_op_crc32c, nullptr), 256u << 10);
    EXPECT_GT(zaccel_op_slice(&zaccel_op_nop, nullptr), 0u);
}

TEST(Units, AreBytesOrLines) {
    Picture dst(DRM_FORMAT_R8, 3, 7), src(DRM_FORMAT_R8, 3, 5);
    const zaccel_operand a = dst.operand(), b = src.operand();
    const auto fill = make_command(ZACCEL_OP_FILL, drm_zaccel_fill{1, 2, 3});
    const auto copy = make_command(ZACCEL_OP_COPY, drm_zaccel_copy{1, 2, 3});
    const auto crc = make_command(ZACCEL_OP_CRC32C, drm_zaccel_crc32c{1, 2, 3, 0});
    const auto convert = make_command(ZACCEL_OP_CONVERT);

    EXPECT_EQ(zaccel_op_nop.units, nullptr);
    EXPECT_EQ(zaccel_op_nop.run, nullptr);
    EXPECT_EQ(zaccel_op_fill.units(fill.args, nullptr, nullptr), 2u);
    EXPECT_EQ(zaccel_op_copy.units(copy.args, nullptr, nullptr), 3u);
    EXPECT_EQ(zaccel_op_crc32c.units(crc.args, nullptr, nullptr), 2u);
    EXPECT_EQ(zaccel_op_convert.units(convert.args, &a, &b), 7u);
}

}  // namespace
