// SPDX-License-Identifier: MIT

// Commands whose arguments stand in a parameter block.

#include <drm/drm_fourcc.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string_view>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "hostile.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// Slots of the fixture's ring.
enum : std::uint32_t { block = 0, data = 1, picture = 2, syncobj = 3, empty = 4 };

class Params : public DeviceTest {
 protected:
    Params() {
        EXPECT_EQ(ring_.bind_range(block, block_, 0, page), 0);
        EXPECT_EQ(ring_.bind_range(data, data_, 0, page), 0);
        EXPECT_EQ(
            ring_.bind(image_args(picture, DRM_FORMAT_XRGB8888, 4, 4, {plane(data_.handle(), 16)})),
            0);
        EXPECT_EQ(ring_.bind_syncobj(syncobj, syncobj_.handle()), 0);
    }

    /// The command with its arguments moved to the block.
    drm_zaccel_command moved(const drm_zaccel_command& command, std::uint32_t size,
                             std::uint64_t offset = 0) const {
        std::memcpy(parameters_.data() + offset, command.args, size);
        return with_params(command, block, size, offset);
    }

    drm_zaccel_completion run(const drm_zaccel_command& command) { return ring_.run_one(command); }

    Syncobj syncobj_{device_};
    Buffer block_{device_, page}, data_{device_, page};
    Mapping parameters_ = block_.map(), memory_ = data_.map();
    Ring ring_{device_};
};

TEST_F(Params, FillTakesThem) {
    const auto completion = run(moved(fill(data, 3, 8, 0x3131313131313131), 24, 128));
    EXPECT_EQ(completion.status, 0);
    EXPECT_EQ(completion.result, 8U);
    EXPECT_EQ(memory_[2], 0);
    EXPECT_EQ(memory_[10], 0x31);
    EXPECT_EQ(memory_[11], 0);
}

TEST_F(Params, CopyTakesThem) {
    std::memcpy(memory_.data(), "123456789", 9);
    EXPECT_EQ(run(moved(copy(data, data, 20, 1, 4), 24)).result, 4U);
    EXPECT_EQ(std::memcmp(memory_.data() + 20, "2345\0", 5), 0);
}

TEST_F(Params, Crc32cTakesThem) {
    std::memcpy(memory_.data(), "123456789", 9);
    EXPECT_EQ(run(moved(crc32c(data, 0, 9), 24, page - 24)).result, 0xe3069283U);
}

TEST_F(Params, CommandWithoutArgumentsTakesNone) {
    EXPECT_EQ(run(with_params(nop(), block, 0)).status, 0);
    EXPECT_EQ(run(with_params(nop(), block, 0, page)).status, 0);
    EXPECT_EQ(run(with_params(image_command(ZACCEL_OP_INVERT, picture, picture), block, 0)).status,
              0);
    EXPECT_EQ(memory_[0], 255);
}

TEST_F(Params, NeedNoAlignment) {
    for (std::uint64_t offset : {1, 3, 7, 13})
        EXPECT_EQ(run(moved(fill(data, offset, 1, 0x41), 24, offset)).status, 0) << offset;
    for (std::uint64_t offset : {1, 3, 7, 13}) EXPECT_EQ(memory_[offset], 0x41) << offset;
}

TEST_F(Params, OffsetCountsFromTheRange) {
    ASSERT_EQ(ring_.bind_range(block, block_, 1000, 100), 0);
    const drm_zaccel_command command = fill(data, 0, 1, 0x41);
    std::memcpy(parameters_.data() + 1076, command.args, 24);
    EXPECT_EQ(run(with_params(command, block, 24, 76)).status, 0);
    EXPECT_EQ(memory_[0], 0x41);
}

// A block of an older header: what it does not have is zero.
TEST_F(Params, WhatIsNotGivenIsZero) {
    memory_[0] = 0x77;
    const drm_zaccel_command command = fill(data, 0, 1, ~0ULL);
    EXPECT_EQ(run(moved(command, 16)).result, 1U);
    EXPECT_EQ(memory_[0], 0) << "a pattern of zeros";
    memory_[0] = 0x77;
    for (std::uint32_t size : {0U, 8U}) {
        EXPECT_EQ(run(moved(command, size)).status, 0) << size;
        EXPECT_EQ(run(moved(command, size)).result, 0U) << size;
    }
    EXPECT_EQ(memory_[0], 0x77);
    EXPECT_EQ(run(moved(fill(data, 0x1122, 1, 0x55), 1)).result, 0U) << "part of a field";
    EXPECT_EQ(run(moved(crc32c(data, 0, 1, 5), 16)).result, run(crc32c(data, 0, 1)).result);
}

// One of a later header: it must not ask for what is not known.
TEST_F(Params, WhatIsNotKnownMustBeZero) {
    const drm_zaccel_command commands[] = {fill(data, 0, 1, 0x41), nop(), crc32c(data, 0, 8)};
    for (const drm_zaccel_command& command : commands) {
        for (std::uint32_t size : {32U, 33U, 40U})
            EXPECT_EQ(run(moved(command, size)).status, 0) << size;
        const std::uint32_t known = command.opcode == ZACCEL_OP_NOP ? 0 : 24;
        for (std::uint32_t byte = known; byte < sizeof(command.args); byte++) {
            const drm_zaccel_command longer = moved(command, sizeof(command.args));
            parameters_[byte] = 1;
            EXPECT_EQ(run(longer).status, -EINVAL) << byte;
            EXPECT_EQ(run(with_params(command, block, byte)).status, 0) << "not part of it";
        }
    }
}

TEST_F(Params, LongerThanArgsIsInvalid) {
    for (std::uint32_t size : {41U, 48U, 4096U, 4097U, 1U << 31, ~0U}) {
        EXPECT_EQ(run(with_params(fill(data, 0, 1, 1), block, size)).status, -EINVAL) << size;
        EXPECT_EQ(run(with_params(nop(), block, size)).status, -EINVAL) << size;
    }
}

TEST_F(Params, StandInARange) {
    for (std::uint32_t slot :
         {std::uint32_t(picture), std::uint32_t(syncobj), std::uint32_t(empty), 16U, ~0U}) {
        EXPECT_EQ(run(with_params(fill(data, 0, 1, 1), slot, 24)).status, -EBADSLT) << slot;
        EXPECT_EQ(run(with_params(nop(), slot, 0)).status, -EBADSLT) << slot;
    }
}

TEST_F(Params, StayWithinTheirRange) {
    ASSERT_EQ(ring_.bind_range(block, block_, 0, 100), 0);
    for (std::uint64_t offset : {77ULL, 99ULL, 100ULL, 101ULL, ~0ULL, ~23ULL, 1ULL << 63})
        EXPECT_EQ(run(with_params(fill(data, 0, 1, 1), block, 24, offset)).status, -ERANGE)
            << offset;
    EXPECT_EQ(run(with_params(fill(data, 0, 1, 1), block, 24, 76)).status, 0);
    EXPECT_EQ(run(with_params(nop(), block, 0, 101)).status, -ERANGE);
}

TEST_F(Params, RestOfArgsMustBeZero) {
    const drm_zaccel_command good = moved(fill(data, 0, 1, 1), 24);
    for (std::size_t byte = sizeof(drm_zaccel_params); byte < sizeof(good.args); byte++) {
        drm_zaccel_command command = good;
        reinterpret_cast<std::uint8_t*>(command.args)[byte] = 1;
        EXPECT_EQ(run(command).status, -EINVAL) << byte;
    }
    EXPECT_EQ(run(good).status, 0);
}

// What is wrong with them is what would be wrong with args[].
TEST_F(Params, AreCheckedLikeArgs) {
    drm_zaccel_command padded = crc32c(data, 0, 8);
    padded.args[2] |= 1ULL << 32;
    EXPECT_EQ(run(moved(padded, 24)).status, -EINVAL);
    EXPECT_EQ(run(moved(fill(data, page, 1, 1), 24)).status, -ERANGE);
    EXPECT_EQ(run(moved(fill(data, ~0ULL, 2, 1), 24)).status, -ERANGE);
    EXPECT_EQ(run(moved(copy(data, data, 0, 4, 8), 24)).status, -EINVAL);
    EXPECT_EQ(run(moved(fill(empty, 0, 1, 1), 24)).status, -EBADSLT);
    drm_zaccel_command unknown = moved(fill(data, 0, 1, 1), 24);
    unknown.opcode = 99;
    EXPECT_EQ(run(unknown).status, -EOPNOTSUPP);
    EXPECT_EQ(run(with(moved(fill(data, 0, 1, 1), 24), 0x20)).status, -EINVAL);
    EXPECT_TRUE(std::all_of(memory_.bytes().begin(), memory_.bytes().end(),
                            [](auto byte) { return byte == 0; }));
}

TEST_F(Params, OfAFailureCancelTheRest) {
    EXPECT_EQ(statuses(ring_.run({with_params(nop(), empty, 0), fill(data, 0, 1, 1)})),
              (std::vector<int>{-EBADSLT, -ECANCELED}));
    EXPECT_EQ(statuses(ring_.run(
                  {with(with_params(nop(), empty, 0), ZACCEL_CMD_CONTINUE), fill(data, 0, 1, 1)})),
              (std::vector<int>{-EBADSLT, 0}));
}

TEST_F(Params, AreReadAtTheDoorbell) {
    const HeldEngine engine;
    ring_.put_batch({moved(fill(data, 0, 8, 0x4242424242424242), 24)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_EQ(memory_[0], LateMode::poison) << "it is being held";
    const drm_zaccel_command other = fill(data, 0, page + 1, ~0ULL);
    std::memcpy(parameters_.data(), other.args, 24);
    engine.advance();
    ring_.wait_for(1);
    const drm_zaccel_completion completion = ring_.reap().at(0);
    EXPECT_EQ(completion.status, 0);
    EXPECT_EQ(completion.result, 8U);
    EXPECT_EQ(memory_[7], 0x42);
    EXPECT_EQ(memory_[8], 0);
}

// Arguments that the batch itself would write: they were read before any of it ran.
TEST_F(Params, AreReadBeforeTheirBatchRuns) {
    const drm_zaccel_command good = moved(fill(data, 0, 8, 0x4242424242424242), 24);
    EXPECT_EQ(statuses(ring_.run({fill(block, 0, page, ~0ULL), good})), (std::vector<int>{0, 0}));
    EXPECT_EQ(memory_[7], 0x42);
    EXPECT_EQ(memory_[8], 0);
}

// Whose the fences in the block's buffer are does not matter: nobody waits for them.
TEST_F(Params, AreReadWithoutWaiting) {
    const Fd dmabuf = block_.export_dmabuf();
    const ManualFence fence;
    import_fence(dmabuf, VgemBuffer::Use::write, fence.sync_file());
    EXPECT_EQ(run(moved(fill(data, 0, 1, 0x41), 24)).status, 0);
    EXPECT_EQ(memory_[0], 0x41);
    EXPECT_EQ(block_.wait(0), ETIME) << "it is still there";
    fence.signal();
}

TEST_F(Params, LeaveTheirBufferIdle) {
    const Fd dmabuf = block_.export_dmabuf();
    const HeldEngine engine;
    ring_.put_batch({moved(fill(data, 0, 1, 0x41), 24)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_EQ(data_.wait(0), ETIME) << "the batch is under way";
    EXPECT_EQ(block_.wait(0), 0);
    EXPECT_TRUE(writable(dmabuf));
    engine.advance();
    ring_.wait_for(1);
}

TEST_F(Params, MayBeScribbledOver) {
    ASSERT_EQ(ring_.bind_range(data, data_, 1024, 2048), 0);
    const drm_zaccel_command command = moved(fill(data, 0, 2048, 0x5555555555555555), 24);
    std::array<std::uint64_t, 3> good;
    std::memcpy(good.data(), parameters_.data(), 24);
    std::uint32_t ran = 0, refused = 0;
    {
        const Loop loop([&, random = Random(12)]() mutable {
            scribble(parameters_.bytes().first(16), random);
            if (random.chance(2)) std::memcpy(parameters_.data(), good.data(), 24);
        });
        EXPECT_TRUE(eventually([&] {
            const drm_zaccel_completion completion = run(command);
            EXPECT_TRUE(completion.status == 0 || completion.status == -ERANGE);
            EXPECT_LE(completion.result, 2048U);
            completion.status == 0 ? ran++ : refused++;
            return ran >= 100 && refused >= 100 && ran + refused >= 2000;
        })) << ran
            << " ran, " << refused << " refused";
    }
    for (std::uint64_t i = 0; i < 1024; i++) {
        ASSERT_EQ(memory_[i], 0) << i;
        ASSERT_EQ(memory_[page - 1 - i], 0) << i;
    }
}

}  // namespace
}  // namespace uapi_tests
