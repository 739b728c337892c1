// SPDX-License-Identifier: MIT
#include <accel/command.hpp>

#include <cstring>
#include <string_view>

#include "fixture.hpp"

namespace {

using accel::Buffer;
using accel::Command;
using accel::Completion;
using accel::Errc;
using accel::RawCommand;
using accel::Ring;
using accel::Slot;
using lib_tests::contents;
using lib_tests::error_of;
using lib_tests::long_enough;

constexpr std::uint64_t size = 4096;

class CommandTest : public lib_tests::DeviceTest {
 protected:
    Completion run(const Command& command) {
        ring_.submit(command);
        return ring_.reap(long_enough);
    }

    Buffer a_ = Buffer::allocate(device_, size);
    Buffer b_ = Buffer::allocate(device_, size);
    Ring ring_{device_};
    Slot a_slot_ = ring_.bind(a_);
    Slot b_slot_ = ring_.bind(b_);
};

TEST_F(CommandTest, IsANopByDefault) {
    const Completion completion = run(Command());
    EXPECT_TRUE(completion.ok());
    EXPECT_EQ(completion.result, 0u);
}

TEST_F(CommandTest, KeepsTheUsersNumber) {
    const Command command = Command::fill(a_slot_, 0).with_user_data(42);
    EXPECT_EQ(command.user_data(), 42u);
    EXPECT_EQ(run(command).user_data, 42u);
}

TEST_F(CommandTest, FillRepeatsItsPatternFromTheOffset) {
    EXPECT_EQ(run(Command::fill(a_slot_, 0x0807060504030201, {3, 11})).result, 11u);
    EXPECT_EQ(contents(a_, 0, 16),
              (std::vector<std::uint8_t>{0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 0, 0}));
}

TEST_F(CommandTest, FillTakesTheWholeSlotByDefault) {
    const Slot part = ring_.bind(a_, 4000, 96);
    EXPECT_EQ(run(Command::fill(part, ~0ull)).result, 96u);
    EXPECT_EQ(contents(a_, 3999, 2), (std::vector<std::uint8_t>{0, 0xff}));
    EXPECT_EQ(run(Command::fill(part, 0, {90, accel::to_end})).result, 6u);
}

TEST_F(CommandTest, CopyMovesBytes) {
    run(Command::fill(a_slot_, 0x1111111111111111));
    EXPECT_EQ(run(Command::copy(b_slot_, a_slot_, {.dst_offset = 1, .size = 2})).result, 2u);
    EXPECT_EQ(contents(b_, 0, 4), (std::vector<std::uint8_t>{0, 0x11, 0x11, 0}));
    EXPECT_EQ(run(Command::copy(b_slot_, a_slot_)).result, size);
    EXPECT_TRUE(lib_tests::holds_only(b_, 0x11));
    EXPECT_EQ(run(Command::copy(b_slot_, a_slot_, {.src_offset = 4000})).result, 96u);
}

TEST_F(CommandTest, CopyRefusesOverlap) {
    const accel::CopyRegion region{.dst_offset = 0, .src_offset = 8, .size = 16};
    EXPECT_EQ(run(Command::copy(a_slot_, a_slot_, region)).status, Errc::invalid_argument);
}

TEST_F(CommandTest, Crc32cHasTheWellKnownValueAndChains) {
    constexpr std::string_view text = "123456789";
    {
        const accel::Mapping mapping = a_.map(accel::Access::write);
        std::memcpy(mapping.bytes().data(), text.data(), text.size());
    }
    EXPECT_EQ(run(Command::crc32c(a_slot_, {0, 9})).result, 0xe3069283u);
    const auto start = static_cast<std::uint32_t>(run(Command::crc32c(a_slot_, {0, 4})).result);
    EXPECT_EQ(run(Command::crc32c(a_slot_, {4, 5}, start)).result, 0xe3069283u);
}

TEST_F(CommandTest, OutsideOfItsSlotFails) {
    EXPECT_EQ(run(Command::fill(a_slot_, 0, {0, size + 1})).status, Errc::out_of_range);
    EXPECT_EQ(run(Command::fill(a_slot_, 0, {size + 1, accel::to_end})).status, Errc::out_of_range);
    EXPECT_EQ(run(Command::crc32c(a_slot_, {~0ull, 2})).status, Errc::out_of_range);
    EXPECT_EQ(run(Command::copy(a_slot_, b_slot_, {.dst_offset = 1})).status, Errc::out_of_range);
}

TEST_F(CommandTest, OnASlotOfTheWrongKindFails) {
    EXPECT_EQ(run(Command::invert(a_slot_, b_slot_)).status, Errc::bad_slot);
    EXPECT_EQ(run(Command::convert(a_slot_, b_slot_)).status, Errc::bad_slot);
}

TEST_F(CommandTest, RawReachesEveryField) {
    RawCommand fill{.opcode = 1, .flags = 0, .args = {0, size, 0x2323232323232323}};
    EXPECT_EQ(run(Command::raw(fill, &a_slot_)).result, size);
    EXPECT_TRUE(lib_tests::holds_only(a_, 0x23));

    fill.args[4] = 1;
    EXPECT_EQ(run(Command::raw(fill, &a_slot_)).status, Errc::invalid_argument);
    EXPECT_EQ(run(Command::raw({.opcode = 0, .flags = 0x8000})).status, Errc::invalid_argument);
    EXPECT_EQ(run(Command::raw({.opcode = 0x7fff})).status, Errc::not_supported);
    EXPECT_EQ(run(Command::raw({.opcode = accel::engine_operations})).status, Errc::not_supported);
}

TEST_F(CommandTest, RefusesSlotsThatCannotBe) {
    Slot gone = ring_.bind(a_);
    const Slot taken = std::move(gone);
    EXPECT_EQ(error_of([&] { Command::fill(gone, 0); }), Errc::invalid_argument);
    EXPECT_EQ(error_of([&] { Command::copy(a_slot_, gone); }), Errc::invalid_argument);

    Ring other(device_);
    const Slot foreign = other.bind(a_);
    EXPECT_EQ(error_of([&] { Command::copy(a_slot_, foreign); }), Errc::invalid_argument);
}

}  // namespace
