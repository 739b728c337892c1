// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <random>

#include "picture.hpp"
#include "support/op_vectors.hpp"

namespace {

using test_support::make_command;

std::uint32_t bit_by_bit(std::uint32_t seed, const std::uint8_t* p, std::size_t size) {
    std::uint32_t crc = ~seed;
    for (std::size_t i = 0; i < size; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

class Crc32c : public testing::Test {
 protected:
    Crc32c() : bytes_(4096) {
        std::mt19937 random(1);
        for (auto& byte : bytes_) byte = static_cast<std::uint8_t>(random());
    }

    std::uint64_t checksum(std::uint64_t offset, std::uint64_t size, std::uint32_t seed,
                           std::uint64_t slice = 0) {
        const zaccel_operand src{
            .kind = ZACCEL_SLOT_RANGE, .range = {bytes_.data(), bytes_.size()}, .image = {}};
        const auto outcome =
            unit::execute(make_command(ZACCEL_OP_CRC32C, drm_zaccel_crc32c{offset, size, seed, 0}),
                          nullptr, &src, slice);
        EXPECT_EQ(outcome.status, 0);
        return outcome.result;
    }

    std::vector<std::uint8_t> bytes_;
};

TEST_F(Crc32c, AgreesWithBitByBitAtEveryLengthAndAlignment) {
    const std::uint32_t seed = 0x12345678;

    for (std::size_t offset = 0; offset < 8; offset++)
        for (std::size_t size = 0; size < 100; size++)
            ASSERT_EQ(checksum(offset, size, seed), bit_by_bit(seed, bytes_.data() + offset, size))
                << size << " bytes at " << offset;
}

TEST_F(Crc32c, DoesNotDependOnSlices) {
    const std::uint64_t whole = checksum(3, 4000, 0xdeadbeef);

    EXPECT_EQ(whole, bit_by_bit(0xdeadbeef, bytes_.data() + 3, 4000));
    for (const std::uint64_t slice : {1u, 2u, 7u, 8u, 9u, 1000u, 3999u, 4000u})
        EXPECT_EQ(checksum(3, 4000, 0xdeadbeef, slice), whole) << slice;
}

TEST_F(Crc32c, ChecksumOfOnePartSeedsTheNext) {
    const std::uint64_t whole = checksum(0, 4096, 0);

    for (const std::uint64_t cut : {0u, 1u, 8u, 2047u, 4096u}) {
        const auto first = static_cast<std::uint32_t>(checksum(0, cut, 0));
        EXPECT_EQ(checksum(cut, 4096 - cut, first), whole) << cut;
    }
}

}  // namespace
