// SPDX-License-Identifier: MIT
// Device, Buffer, Ring and Slot go in every order; what is left works on, nothing is left behind.
#include <algorithm>
#include <array>
#include <optional>

#include "fixture.hpp"
#include "vgem.hpp"

namespace {

using accel::Buffer;
using accel::Command;
using accel::Device;
using accel::Errc;
using accel::Ring;
using accel::Slot;
using lib_tests::long_enough;

class Lifetime : public test_support::LeakCheckedTest {};

struct Things {
    Things()
        : device(Device::open()),
          buffer(Buffer::allocate(*device, 4096)),
          ring(std::in_place, *device),
          slot(ring->bind(*buffer)) {}

    void destroy(int which) {
        switch (which) {
            case 0:
                return device.reset();
            case 1:
                return buffer.reset();
            case 2:
                return ring.reset();
            default:
                return slot.reset();
        }
    }

    std::optional<Device> device;
    std::optional<Buffer> buffer;
    std::optional<Ring> ring;
    std::optional<Slot> slot;
};

TEST_F(Lifetime, EndsInEveryOrder) {
    std::array order{0, 1, 2, 3};
    do {
        Things things;
        for (const int which : order) things.destroy(which);
    } while (std::ranges::next_permutation(order).found);
}

TEST_F(Lifetime, EndsInEveryOrderWithWorkOnItsWay) {
    std::array order{0, 1, 2, 3};
    do {
        Things things;
        for (int i = 0; i < 8; i++) things.ring->submit(Command::fill(*things.slot, 1));
        for (const int which : order) things.destroy(which);
    } while (std::ranges::next_permutation(order).found);
}

TEST_F(Lifetime, EndsInEveryOrderWithWorkThatWaits) {
    std::array order{0, 1, 2, 3};
    do {
        lib_tests::HeldFence held;
        Things things;
        const Command fill = Command::fill(*things.slot, 1);
        things.ring->submit(std::span(&fill, 1), {.wait_for = {&held.fence(), 1}});
        for (const int which : order) things.destroy(which);
    } while (std::ranges::next_permutation(order).found);
}

TEST_F(Lifetime, ARingWorksWithoutItsDeviceAndBuffer) {
    Things things;
    things.device.reset();
    things.buffer.reset();
    things.ring->submit(Command::fill(*things.slot, 1));
    EXPECT_EQ(things.ring->reap(long_enough).result, 4096u);
}

TEST_F(Lifetime, ABufferWorksWithoutItsDevice) {
    Things things;
    things.device.reset();
    EXPECT_TRUE(lib_tests::holds_only(*things.buffer, 0));
    EXPECT_GE(things.buffer->export_fd().get(), 0);
}

TEST_F(Lifetime, ASlotWithoutItsRingStillMakesCommandsThatNobodyTakes) {
    Things things;
    things.ring.reset();
    const Command fill = Command::fill(*things.slot, 1);
    Ring other(*things.device);
    EXPECT_EQ(other.try_submit(fill).error(), Errc::invalid_argument);
}

TEST_F(Lifetime, MovesLeaveNothingBehind) {
    Things things;
    Ring ring = std::move(*things.ring);
    Slot slot = std::move(*things.slot);
    EXPECT_FALSE(*things.ring);
    EXPECT_FALSE(*things.slot);
    EXPECT_EQ(things.ring->try_submit(Command::nop()).error(), Errc::invalid_argument);
    EXPECT_EQ(things.ring->try_reap().error(), Errc::invalid_argument);
    EXPECT_EQ(things.ring->wait_for(1, long_enough).error(), Errc::invalid_argument);
    EXPECT_EQ(things.ring->capacity(), 0u);
    EXPECT_EQ(things.ring->fd(), -1);
    EXPECT_EQ(lib_tests::error_of([&] { things.ring->bind(*things.buffer); }),
              Errc::invalid_argument);
    EXPECT_EQ(lib_tests::error_of([&] { Command::fill(*things.slot, 1); }), Errc::invalid_argument);

    ring.submit(Command::fill(slot, 1));
    EXPECT_TRUE(ring.reap(long_enough).ok());
}

TEST_F(Lifetime, AssignmentEndsWhatWasThere) {
    Things things;
    Ring other(*things.device);
    *things.slot = other.bind(*things.buffer);
    *things.ring = std::move(other);
    things.ring->submit(Command::fill(*things.slot, 1));
    EXPECT_TRUE(things.ring->reap(long_enough).ok());
}

}  // namespace
