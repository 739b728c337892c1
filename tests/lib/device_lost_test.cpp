// SPDX-License-Identifier: MIT
// The driver is unbound from the device while a program uses it.
#include <poll.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <system_error>

#include "fixture.hpp"
#include "vgem.hpp"

namespace {

using accel::Buffer;
using accel::Command;
using accel::Device;
using accel::Errc;
using accel::Ring;
using accel::Slot;
using lib_tests::error_of;
using lib_tests::long_enough;
using namespace std::chrono_literals;

constexpr const char* driver_dir = "/sys/bus/platform/drivers/zaccel/";

bool write_to(const char* file) {
    std::ofstream out(std::string(driver_dir) + file);
    out << "zaccel" << std::flush;
    return out.good();
}

// Takes the device away, and gives it back whatever the test does.
class Unplug {
 public:
    Unplug() { EXPECT_TRUE(write_to("unbind")); }
    ~Unplug() { EXPECT_TRUE(write_to("bind")); }
};

// A device that comes back while its predecessor is still referenced gets another number.
class DeviceLost : public test_support::LeakCheckedTest {};

TEST_F(DeviceLost, IsNotListedUntilItIsBack) {
    ASSERT_EQ(Device::list().size(), 1u);
    {
        const Unplug unplug;
        EXPECT_TRUE(Device::list().empty());
        EXPECT_EQ(error_of([] { Device::open(); }), Errc::not_found);
    }
    EXPECT_EQ(Device::list().size(), 1u);
    EXPECT_FALSE(Device::open().info().engines.empty());
}

// Who only submits and reaps is told too, though submitting is no call.
TEST_F(DeviceLost, PolledRingSaysSoOnceItsPollerSleeps) {
    const Device device = Device::open();
    Ring ring(device, {.entries = 8, .polling = accel::Polling{.idle_time = 20ms}});
    ring.submit(Command::nop());
    ASSERT_TRUE(ring.reap(long_enough).ok());

    const Unplug unplug;
    const auto end = std::chrono::steady_clock::now() + long_enough;
    std::error_code error;
    while (error != Errc::device_lost && std::chrono::steady_clock::now() < end) {
        const auto index = ring.try_submit(Command::nop());
        error = index ? std::error_code() : index.error();
        EXPECT_EQ(ring.try_reap().error(), Errc::no_completion);
    }
    EXPECT_EQ(error, Errc::device_lost);
    EXPECT_EQ(ring.try_submit(Command::nop()).error(), Errc::device_lost);
}

TEST_F(DeviceLost, EveryCallSaysSo) {
    const Device device = Device::open();
    const Buffer buffer = Buffer::allocate(device, 4096);
    Ring ring(device);
    const Slot slot = ring.bind(buffer);
    ring.submit(Command::fill(slot, 0x5555555555555555));
    ASSERT_TRUE(ring.reap(long_enough).ok());

    const Unplug unplug;
    EXPECT_EQ(error_of([&] { Buffer::allocate(device, 4096); }), Errc::device_lost);
    EXPECT_EQ(error_of([&] { Ring other(device); }), Errc::device_lost);
    EXPECT_EQ(error_of([&] { ring.bind(buffer); }), Errc::device_lost);
    EXPECT_EQ(ring.try_submit(Command::nop()).error(), Errc::device_lost);
    EXPECT_EQ(ring.try_submit(Command::nop()).error(), Errc::device_lost) << "again";
    EXPECT_EQ(ring.wait_for(2, long_enough).error(), Errc::device_lost);
    EXPECT_EQ(ring.outstanding(), 0u);
    EXPECT_EQ(buffer.wait(accel::Access::read, long_enough).error_or({}), Errc::device_lost);
}

TEST_F(DeviceLost, HangsUpTheRingsDescriptor) {
    const Device device = Device::open();
    Ring ring(device);
    ring.submit(Command::nop());
    ASSERT_TRUE(ring.wait_for(1, long_enough));

    const Unplug unplug;
    pollfd entry{.fd = ring.fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&entry, 1, -1), 1);
    EXPECT_EQ(entry.revents, POLLIN | POLLHUP) << "what was posted is there";
    EXPECT_TRUE(ring.try_reap()->ok());
    EXPECT_EQ(::poll(&entry, 1, -1), 1);
    EXPECT_EQ(entry.revents, POLLHUP);
}

TEST_F(DeviceLost, EndsWhatWasWaiting) {
    const Device device = Device::open();
    lib_tests::HeldFence held;
    Ring ring(device);
    const Command nop = Command::nop();
    const accel::Submission submission =
        ring.submit(std::span(&nop, 1), {.wait_for = {&held.fence(), 1}, .fence = true});

    const Unplug unplug;
    ASSERT_TRUE(submission.fence->wait_for(long_enough));
    EXPECT_EQ(submission.fence->status(), Errc::device_lost);
    EXPECT_TRUE(ring.wait_for(submission.index, long_enough));
    EXPECT_EQ(ring.reap(long_enough).status, Errc::canceled) << "it was never run";
}

TEST_F(DeviceLost, LeavesMemoryReadable) {
    const Device device = Device::open();
    const Buffer mapped = Buffer::allocate(device, 4096);
    const Buffer shared = Buffer::allocate(device, 4096);
    lib_tests::fill_with(mapped, 0x12);
    lib_tests::fill_with(shared, 0x34);
    const accel::UniqueFd dmabuf = shared.export_fd();

    std::optional<Unplug> unplug(std::in_place);
    EXPECT_TRUE(lib_tests::holds_only(mapped, 0x12));
    EXPECT_TRUE(lib_tests::holds_only(shared, 0x34));
    unplug.reset();

    const Device again = Device::open();
    EXPECT_TRUE(lib_tests::holds_only(Buffer::import(again, dmabuf.get()), 0x34));
}

}  // namespace
