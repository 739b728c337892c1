// SPDX-License-Identifier: MIT

// Operations as a completion shows them: what each does, what is refused, what that does to the
// rest of the batch.

#include "command.hpp"

#include <drm/drm_fourcc.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string_view>
#include <vector>

#include "fixture.hpp"
#include "ring.hpp"
#include "support/op_vectors.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// Slots of the fixture's ring.
enum : std::uint32_t { a = 0, b = 1, picture = 2, picture2 = 3, empty = 4, out_of_range = 16 };

class Command : public DeviceTest {
 protected:
    Command() {
        EXPECT_EQ(ring_.bind_range(a, buffer_, 0, page), 0);
        EXPECT_EQ(ring_.bind_range(b, buffer_, page, page), 0);
        EXPECT_EQ(ring_.bind(image(picture, 2 * page)), 0);
        EXPECT_EQ(ring_.bind(image(picture2, 3 * page)), 0);
    }

    drm_zaccel_ring_bind image(std::uint32_t slot, std::uint64_t offset) const {
        return image_args(slot, DRM_FORMAT_XRGB8888, 4, 4, {plane(buffer_.handle(), 16, offset)});
    }

    int status(const drm_zaccel_command& command) { return ring_.run_one(command).status; }

    Buffer buffer_{device_, 4 * page};
    Mapping memory_ = buffer_.map();
    Ring ring_{device_};
};

TEST_F(Command, NopDoesNothing) {
    const drm_zaccel_completion completion = ring_.run_one(nop(9));
    EXPECT_EQ(completion.status, 0);
    EXPECT_EQ(completion.result, 0U);
    EXPECT_EQ(completion.user_data, 9U);
}

TEST_F(Command, FillRepeatsItsPattern) {
    const drm_zaccel_completion completion = ring_.run_one(fill(a, 3, 11, 0x0807060504030201));
    EXPECT_EQ(completion.status, 0);
    EXPECT_EQ(completion.result, 11U);
    const std::uint8_t expected[] = {0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 0};
    EXPECT_EQ(std::memcmp(memory_.data(), expected, sizeof(expected)), 0);
}

TEST_F(Command, CopyMovesBytes) {
    std::memcpy(memory_.data() + 100, "hello, accelerator", 18);
    const drm_zaccel_completion completion = ring_.run_one(copy(b, a, 7, 100, 18));
    EXPECT_EQ(completion.status, 0);
    EXPECT_EQ(completion.result, 18U);
    EXPECT_EQ(std::memcmp(memory_.data() + page + 7, "hello, accelerator\0", 19), 0);
}

TEST_F(Command, Crc32cHasItsCheckValue) {
    std::memcpy(memory_.data(), "123456789", 9);
    EXPECT_EQ(ring_.run_one(crc32c(a, 0, 9)).result, 0xe3069283U);
    const auto first = static_cast<std::uint32_t>(ring_.run_one(crc32c(a, 0, 4)).result);
    EXPECT_EQ(ring_.run_one(crc32c(a, 4, 5, first)).result, 0xe3069283U) << "in two parts";
}

TEST_F(Command, Crc32cOfNothingIsItsSeed) {
    EXPECT_EQ(ring_.run_one(crc32c(a, 0, 0, 0x12345678)).result, 0x12345678U);
    EXPECT_EQ(ring_.run_one(crc32c(a, page, 0)).result, 0U);
}

TEST_F(Command, CommandOfOneBatchSeesTheOneBefore) {
    std::vector<drm_zaccel_completion> completions = ring_.run({
        fill(a, 0, page, 0x5555555555555555),
        copy(b, a, 0, 0, page),
        crc32c(a, 0, page),
        crc32c(b, 0, page),
    });
    EXPECT_EQ(statuses(completions), std::vector<int>(4, 0));
    EXPECT_EQ(completions[2].result, completions[3].result);
    EXPECT_NE(completions[2].result, 0U);
}

// Longer than a slice of the engine.
TEST_F(Command, LargeCommandIsWhole) {
    const Buffer large(device_, 1 << 20);
    const Mapping memory = large.map();
    ASSERT_EQ(ring_.bind_range(a, large, 0, 1 << 20), 0);
    EXPECT_EQ(ring_.run_one(fill(a, 1, (1 << 20) - 2, 0x0807060504030201)).result, (1U << 20) - 2);
    EXPECT_EQ(memory[0], 0);
    EXPECT_EQ(memory[(1 << 20) - 1], 0);
    for (std::size_t i = 1; i < (1 << 20) - 1; i++) ASSERT_EQ(memory[i], 1 + (i - 1) % 8) << i;
}

// The device runs what the tables of the operations say.
class CommandVector : public DeviceTest {
 protected:
    using Operand = test_support::VectorOperand;

    /// Puts an operand into a slot, in a buffer of its own.
    void bind(const Operand& operand, std::uint32_t slot) {
        if (operand.kind == ZACCEL_SLOT_EMPTY) return;
        Buffer buffer(device_, std::max<std::uint64_t>(operand.bytes.size(), 1));
        memory_[slot] = buffer.map();
        std::copy(operand.bytes.begin(), operand.bytes.end(), memory_[slot].data());
        ASSERT_EQ(ring_.bind(bind_args(operand, slot, buffer.handle())), 0);
    }

    static drm_zaccel_ring_bind bind_args(const Operand& operand, std::uint32_t slot,
                                          std::uint32_t handle) {
        if (operand.kind == ZACCEL_SLOT_RANGE)
            return range_args(slot, handle, 0, operand.bytes.size());
        drm_zaccel_ring_bind args =
            image_args(slot, operand.fourcc, operand.width, operand.height, {});
        for (std::size_t i = 0; i < operand.planes.size(); i++)
            args.planes[i] = plane(handle, operand.planes[i].pitch, operand.planes[i].offset);
        return args;
    }

    void run(const test_support::OpVector& vector) {
        SCOPED_TRACE(vector.name);
        ASSERT_EQ(ring_.clear(1), 0);
        ASSERT_EQ(ring_.clear(2), 0);
        bind(vector.dst, 1);
        bind(vector.src, 2);
        drm_zaccel_command command = vector.command;
        if (vector.dst.kind != ZACCEL_SLOT_EMPTY) command.dst = 1;
        if (vector.src.kind != ZACCEL_SLOT_EMPTY) command.src = 2;
        const drm_zaccel_completion completion = ring_.run_one(command);
        EXPECT_EQ(completion.status, vector.status);
        EXPECT_EQ(completion.result, vector.result);
        if (vector.dst.kind == ZACCEL_SLOT_EMPTY) return;
        const std::uint8_t* out = memory_[1].data();
        EXPECT_TRUE(std::equal(vector.expected.begin(), vector.expected.end(), out));
    }

    Mapping memory_[3];
    Ring ring_{device_};
};

TEST_F(CommandVector, AllHaveTheirResult) {
    for (const test_support::OpVector& vector : test_support::op_vectors()) run(vector);
}

using Change = std::function<void(drm_zaccel_command&)>;

/// All that may be wrong with any command.
struct CommandFault {
    std::string_view name;
    Change apply;
    int status;
};

class CommandError : public Command {
 protected:
    /// Fails with this status, changes nothing, and leaves the ring working.
    void expect(int error, drm_zaccel_command command) {
        const std::vector<std::uint8_t> before(memory_.bytes().begin(), memory_.bytes().end());
        const drm_zaccel_completion completion = ring_.run_one(command);
        EXPECT_EQ(completion.status, -error);
        EXPECT_EQ(completion.result, 0U);
        EXPECT_TRUE(std::equal(before.begin(), before.end(), memory_.data()));
    }

    void expect_changes(const drm_zaccel_command& good, const std::vector<CommandFault>& faults) {
        ASSERT_EQ(status(good), 0);
        for (const CommandFault& fault : faults) {
            SCOPED_TRACE(fault.name);
            drm_zaccel_command command = good;
            fault.apply(command);
            expect(fault.status, command);
        }
    }

    /// A word of args[] that the operation has no use for.
    static CommandFault unused_arg(std::size_t i) {
        return {"args", [i](auto& command) { command.args[i] = 1; }, EINVAL};
    }
};

TEST_F(CommandError, UnknownOpcodeIsNotSupported) {
    for (unsigned opcode : {10, 100, ZACCEL_OPCODE_ENGINE_BASE, 0xffff}) {
        drm_zaccel_command command = nop();
        command.opcode = static_cast<__u16>(opcode);
        expect(EOPNOTSUPP, command);
    }
}

TEST_F(CommandError, EveryOtherFlagIsInvalid) {
    for (unsigned bit = 5; bit < 16; bit++)
        expect_changes(
            nop(),
            {{"flags", [bit](auto& command) { command.flags = static_cast<__u16>(1U << bit); },
              EINVAL}});
}

TEST_F(CommandError, PadMustBeZero) {
    for (const drm_zaccel_command& good :
         {nop(), fill(a, 0, 8, 1), copy(b, a, 0, 0, 8), crc32c(a, 0, 8),
          image_command(ZACCEL_OP_INVERT, picture, picture2)})
        expect_changes(good, {{"pad", [](auto& command) { command.pad = 1; }, EINVAL}});
}

TEST_F(CommandError, NopTakesNothing) {
    std::vector<CommandFault> faults{{"dst", [](auto& command) { command.dst = a + 1; }, EINVAL},
                                     {"src", [](auto& command) { command.src = a + 1; }, EINVAL}};
    for (std::size_t i = 0; i < 5; i++) faults.push_back(unused_arg(i));
    expect_changes(nop(), faults);
}

TEST_F(CommandError, FillTakesARange) {
    expect_changes(fill(a, 0, 8, 1),
                   {{"empty", [](auto& command) { command.dst = empty; }, EBADSLT},
                    {"out of range", [](auto& command) { command.dst = out_of_range; }, EBADSLT},
                    {"far out", [](auto& command) { command.dst = ~0U; }, EBADSLT},
                    {"an image", [](auto& command) { command.dst = picture; }, EBADSLT},
                    {"src", [](auto& command) { command.src = b; }, EINVAL},
                    unused_arg(3),
                    unused_arg(4)});
}

TEST_F(CommandError, FillStaysWithinItsRange) {
    struct {
        std::uint64_t offset, size;
        int status;
    } const cases[] = {{0, page, 0},
                       {page - 1, 1, 0},
                       {page, 0, 0},
                       {0, page + 1, -ERANGE},
                       {page, 1, -ERANGE},
                       {page + 1, 0, -ERANGE},
                       {~0ULL, 1, -ERANGE},
                       {1, ~0ULL, -ERANGE},
                       {~0ULL, ~0ULL, -ERANGE},
                       {8, ~0ULL - 7, -ERANGE},
                       {1ULL << 63, 1ULL << 63, -ERANGE}};
    for (const auto& c : cases)
        EXPECT_EQ(status(fill(a, c.offset, c.size, 0)), c.status) << c.offset << " + " << c.size;
}

TEST_F(CommandError, CopyTakesTwoRanges) {
    expect_changes(copy(b, a, 0, 0, 8),
                   {{"no dst", [](auto& command) { command.dst = empty; }, EBADSLT},
                    {"no src", [](auto& command) { command.src = empty; }, EBADSLT},
                    {"dst an image", [](auto& command) { command.dst = picture; }, EBADSLT},
                    {"src an image", [](auto& command) { command.src = picture; }, EBADSLT},
                    {"src out of range", [](auto& command) { command.src = ~0U; }, EBADSLT},
                    unused_arg(3),
                    unused_arg(4)});
}

TEST_F(CommandError, CopyStaysWithinItsRanges) {
    expect(ERANGE, copy(b, a, 1, 0, page));
    expect(ERANGE, copy(b, a, 0, 1, page));
    expect(ERANGE, copy(b, a, ~0ULL, 0, 1));
    expect(ERANGE, copy(b, a, 0, ~0ULL, 1));
    expect(ERANGE, copy(b, a, 0, 0, ~0ULL));
    EXPECT_EQ(status(copy(b, a, page, page, 0)), 0);
}

TEST_F(CommandError, CopyMustNotOverlap) {
    expect(EINVAL, copy(a, a, 0, 0, 8));
    expect(EINVAL, copy(a, a, 7, 0, 8));
    expect(EINVAL, copy(a, a, 0, 7, 8));
    EXPECT_EQ(status(copy(a, a, 8, 0, 8)), 0);
    EXPECT_EQ(status(copy(a, a, 0, 8, 8)), 0);
    // The same bytes under another slot.
    ASSERT_EQ(ring_.bind_range(b, buffer_, 4, page), 0);
    expect(EINVAL, copy(b, a, 0, 0, 8));
}

TEST_F(CommandError, Crc32cTakesOneRange) {
    expect_changes(crc32c(a, 0, 8),
                   {{"dst", [](auto& command) { command.dst = b; }, EINVAL},
                    {"empty", [](auto& command) { command.src = empty; }, EBADSLT},
                    {"an image", [](auto& command) { command.src = picture; }, EBADSLT},
                    {"pad", [](auto& command) { command.args[2] |= 1ULL << 32; }, EINVAL},
                    {"long", [](auto& command) { command.args[1] = page + 1; }, ERANGE},
                    {"far", [](auto& command) { command.args[0] = ~0ULL; }, ERANGE},
                    unused_arg(3),
                    unused_arg(4)});
}

TEST_F(CommandError, ConvertChecksEveryArgument) {
    std::vector<CommandFault> faults{
        {"range", [](auto& command) { command.dst = a; }, EBADSLT},
        {"empty", [](auto& command) { command.src = empty; }, EBADSLT},
        {"itself", [](auto& command) { command.src = command.dst; }, EINVAL}};
    // matrix, range, matrix, range, filter: 0 and 1 are good; pads.
    for (unsigned byte = 0; byte < 8; byte++)
        faults.push_back({"byte", [byte](auto& c) { c.args[0] = 2ULL << (8 * byte); }, EINVAL});
    for (std::size_t i = 1; i < 5; i++) faults.push_back(unused_arg(i));
    expect_changes(image_command(ZACCEL_OP_CONVERT, picture2, picture), faults);
}

TEST_F(CommandError, ImagesMustHaveOneShape) {
    const std::uint32_t h = buffer_.handle();
    const drm_zaccel_ring_bind others[] = {
        image_args(empty, DRM_FORMAT_XRGB8888, 5, 4, {plane(h, 20, 3 * page)}),
        image_args(empty, DRM_FORMAT_XRGB8888, 4, 5, {plane(h, 16, 3 * page)}),
        image_args(empty, DRM_FORMAT_R8, 4, 4, {plane(h, 16, 3 * page)}),
    };
    for (const drm_zaccel_ring_bind& other : others)
        for (drm_zaccel_opcode opcode : {ZACCEL_OP_INVERT, ZACCEL_OP_CONVOLVE3X3}) {
            ASSERT_EQ(ring_.bind(other), 0);
            expect(EINVAL, image_command(opcode, picture, empty));
            expect(EINVAL, image_command(opcode, empty, picture));
        }
}

TEST_F(CommandError, SubsampledImagesCannotBeFiltered) {
    for (std::uint32_t slot : {a, b})
        ASSERT_EQ(ring_.bind(image_args(slot, DRM_FORMAT_YUYV, 4, 4,
                                        {plane(buffer_.handle(), 8, slot * page)})),
                  0);
    expect(EOPNOTSUPP, image_command(ZACCEL_OP_INVERT, b, a));
    expect(EOPNOTSUPP, image_command(ZACCEL_OP_CONVOLVE3X3, b, a));
    EXPECT_EQ(status(image_command(ZACCEL_OP_CONVERT, b, a)), 0);
}

TEST_F(CommandError, ConvolutionChecksEveryArgument) {
    std::vector<CommandFault> faults{
        {"shift", [](auto& command) { command.args[2] = 16ULL << 32; }, EINVAL},
        {"itself", [](auto& command) { command.src = command.dst; }, EINVAL}};
    for (unsigned byte = 5; byte < 8; byte++)
        faults.push_back({"pad", [byte](auto& c) { c.args[2] = 1ULL << (8 * byte); }, EINVAL});
    for (std::size_t i = 3; i < 5; i++) faults.push_back(unused_arg(i));
    expect_changes(image_command(ZACCEL_OP_CONVOLVE3X3, picture2, picture), faults);
}

TEST_F(CommandError, InvertTakesNoArguments) {
    std::vector<CommandFault> faults;
    for (std::size_t i = 0; i < 5; i++) faults.push_back(unused_arg(i));
    expect_changes(image_command(ZACCEL_OP_INVERT, picture2, picture), faults);
    EXPECT_EQ(status(image_command(ZACCEL_OP_INVERT, picture, picture)), 0) << "in place";
}

class BatchError : public Command {};

TEST_F(BatchError, CancelsTheRestOfItsBatch) {
    const std::vector<drm_zaccel_completion> completions = ring_.run({
        fill(a, 0, 1, 0x11),
        fill(a, page, 1, 0x22),
        fill(a, 1, 1, 0x33),
        nop(),
    });
    EXPECT_EQ(statuses(completions), (std::vector<int>{0, -ERANGE, -ECANCELED, -ECANCELED}));
    EXPECT_EQ(memory_[0], 0x11);
    EXPECT_EQ(memory_[1], 0);
}

TEST_F(BatchError, LeavesOtherBatchesAlone) {
    ring_.put_batch({fill(a, page, 1, 0), nop()});
    ring_.put_batch({fill(a, 5, 1, 0x44)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_EQ(ring_.fetched(), 3U);
    ring_.wait_for(3);
    EXPECT_EQ(statuses(ring_.reap()), (std::vector<int>{-ERANGE, -ECANCELED, 0}));
    EXPECT_EQ(memory_[5], 0x44);
}

// The kernel's copies of entries are used again, one lap later.
TEST_F(BatchError, CanceledCommandHasNoResult) {
    Ring ring(device_, {8, 8, 1});
    ASSERT_EQ(ring.bind_range(0, buffer_, 0, page), 0);
    std::vector<drm_zaccel_command> fills(8, fill(0, 0, 64, 1));
    EXPECT_EQ(ring.run(fills).at(7).result, 64U);
    fills[0] = fill(0, page, 1, 1);
    for (const drm_zaccel_completion& completion : ring.run(fills)) {
        EXPECT_NE(completion.status, 0);
        EXPECT_EQ(completion.result, 0U);
    }
}

TEST_F(BatchError, EveryEntryGetsItsCompletion) {
    Ring ring(device_, {32768, 32768, 0});
    drm_zaccel_command bad = nop();
    bad.opcode = 99;
    std::vector<drm_zaccel_command> commands(32768, bad);
    const std::vector<drm_zaccel_completion> completions = ring.run(commands);
    ASSERT_EQ(completions.size(), 32768U);
    EXPECT_EQ(completions[0].status, -EOPNOTSUPP);
    EXPECT_TRUE(std::all_of(completions.begin() + 1, completions.end(),
                            [](const auto& c) { return c.status == -ECANCELED; }));
}

}  // namespace
}  // namespace uapi_tests
