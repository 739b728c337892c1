// SPDX-License-Identifier: MIT
// FILL and COPY.
#include <gtest/gtest.h>

#include <numeric>

#include "picture.hpp"
#include "support/op_vectors.hpp"

namespace {

using test_support::make_command;

class RangeOps : public testing::Test {
 protected:
    static constexpr std::uint64_t kSize = 300;

    RangeOps() : dst_(kSize, 0xee), src_(kSize) { std::iota(src_.begin(), src_.end(), 1); }

    unit::Outcome execute(const drm_zaccel_command& command, std::uint64_t slice) {
        const zaccel_operand dst{
            .kind = ZACCEL_SLOT_RANGE, .range = {dst_.data(), kSize}, .image = {}};
        const zaccel_operand src{
            .kind = ZACCEL_SLOT_RANGE, .range = {src_.data(), kSize}, .image = {}};
        return unit::execute(command, &dst, &src, slice);
    }

    std::vector<std::uint8_t> dst_;
    std::vector<std::uint8_t> src_;
};

TEST_F(RangeOps, FillDoesNotDependOnSlicesOrAlignment) {
    const std::uint64_t pattern = 0x0807060504030201;

    for (const std::uint64_t slice : {1u, 3u, 8u, 13u, 256u, 300u}) {
        for (const std::uint64_t offset : {0u, 1u, 5u}) {
            std::fill(dst_.begin(), dst_.end(), 0xee);
            const auto outcome =
                execute(make_command(ZACCEL_OP_FILL, drm_zaccel_fill{offset, 290, pattern}), slice);
            EXPECT_EQ(outcome.result, 290u);
            for (std::uint64_t i = 0; i < kSize; i++) {
                const bool within = i >= offset && i < offset + 290;
                ASSERT_EQ(dst_[i], within ? (i - offset) % 8 + 1 : 0xee)
                    << i << ", slices of " << slice << ", offset " << offset;
            }
        }
    }
}

TEST_F(RangeOps, CopyDoesNotDependOnSlices) {
    for (const std::uint64_t slice : {1u, 7u, 256u, 300u}) {
        std::fill(dst_.begin(), dst_.end(), 0xee);
        const auto outcome =
            execute(make_command(ZACCEL_OP_COPY, drm_zaccel_copy{3, 10, 290}), slice);
        EXPECT_EQ(outcome.result, 290u);
        for (std::uint64_t i = 0; i < kSize; i++) {
            const bool within = i >= 3 && i < 293;
            ASSERT_EQ(dst_[i], within ? src_[i + 7] : 0xee) << i << ", slices of " << slice;
        }
    }
}

}  // namespace
