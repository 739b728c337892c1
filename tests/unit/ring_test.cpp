// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "support/common.hpp"

namespace {

// Where the indices of a ring of 8 may stand: at the start, and around the wrap at 2^32.
class RingAt : public testing::TestWithParam<std::uint32_t> {
 protected:
    static constexpr std::uint32_t kEntries = 8;
    std::uint32_t head_ = GetParam();
};

INSTANTIATE_TEST_SUITE_P(Heads, RingAt,
                         testing::Values(0u, 1u, 0x7fffffffu, 0x80000000u, 0xfffffff8u, 0xfffffffcu,
                                         0xffffffffu));

TEST_P(RingAt, CountAndFreeAddUpFromEmptyToFull) {
    for (std::uint32_t filled = 0; filled <= kEntries; filled++) {
        EXPECT_EQ(zaccel_ring_count(head_, head_ + filled), filled);
        EXPECT_EQ(zaccel_ring_free(head_, head_ + filled, kEntries), kEntries - filled);
    }
}

TEST_P(RingAt, TailIsValidFromEmptyToFull) {
    for (std::uint32_t filled = 0; filled <= kEntries; filled++)
        EXPECT_TRUE(zaccel_ring_tail_valid(head_, head_ + filled, kEntries)) << filled;
}

TEST_P(RingAt, TailIsInvalidBehindTheHeadOrBeyondFull) {
    for (const std::uint32_t distance : {kEntries + 1, 0x7fffffffu, 0x80000000u, 0xffffffffu})
        EXPECT_FALSE(zaccel_ring_tail_valid(head_, head_ + distance, kEntries)) << distance;
}

TEST_P(RingAt, EntriesOfAFullRingHaveDifferentSlots) {
    unsigned used = 0;
    for (std::uint32_t i = 0; i < kEntries; i++)
        used |= 1u << zaccel_ring_slot(head_ + i, kEntries);
    EXPECT_EQ(used, 0xffu);
    EXPECT_EQ(zaccel_ring_slot(head_ + kEntries, kEntries), zaccel_ring_slot(head_, kEntries));
}

TEST_P(RingAt, TailHasReachedWhatLiesUpTo2To31Behind) {
    const std::uint32_t tail = head_;

    EXPECT_TRUE(zaccel_ring_reached(tail, tail));
    EXPECT_TRUE(zaccel_ring_reached(tail, tail - 1));
    EXPECT_TRUE(zaccel_ring_reached(tail, tail - 0x7fffffffu));
    EXPECT_FALSE(zaccel_ring_reached(tail, tail + 1));
    EXPECT_FALSE(zaccel_ring_reached(tail, tail + 0x7fffffffu));
    EXPECT_FALSE(zaccel_ring_reached(tail, tail + 0x80000000u));
}

TEST(Ring, SlotsContinueOverTheWrap) {
    EXPECT_EQ(zaccel_ring_slot(0xffffffffu, 8), 7u);
    EXPECT_EQ(zaccel_ring_slot(0, 8), 0u);
}

TEST(Ring, EntriesArePowersOfTwoWithinTheLimits) {
    for (std::uint32_t entries = 0; entries <= 2 * ZACCEL_RING_MAX_ENTRIES; entries++) {
        const bool power = __builtin_popcount(entries) == 1;
        const bool within =
            entries >= ZACCEL_RING_MIN_ENTRIES && entries <= ZACCEL_RING_MAX_ENTRIES;
        ASSERT_EQ(zaccel_ring_entries_valid(entries), power && within) << entries;
    }
    EXPECT_FALSE(zaccel_ring_entries_valid(0x80000000u));
}

TEST(Ring, HeaderFitsInFrontOfTheQueues) {
    EXPECT_LE(sizeof(drm_zaccel_ring_header), ZACCEL_RING_HEADER_SIZE);
}

// The layout is what user space and kernel agree on, whatever either was compiled with.
TEST(Ring, LayoutIsFixed) {
    EXPECT_EQ(sizeof(drm_zaccel_command), 64u);
    EXPECT_EQ(sizeof(drm_zaccel_completion), 32u);
    EXPECT_EQ(sizeof(drm_zaccel_ring_header), 256u);
    EXPECT_EQ(offsetof(drm_zaccel_ring_header, sq_tail), 0u);
    EXPECT_EQ(offsetof(drm_zaccel_ring_header, sq_head), 64u);
    EXPECT_EQ(offsetof(drm_zaccel_ring_header, cq_tail), 128u);
    EXPECT_EQ(offsetof(drm_zaccel_ring_header, cq_head), 192u);
    EXPECT_EQ(offsetof(drm_zaccel_command, args), 24u);
}

}  // namespace
