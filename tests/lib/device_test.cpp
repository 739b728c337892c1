// SPDX-License-Identifier: MIT
#include <accel/device.hpp>

#include <algorithm>
#include <thread>
#include <vector>

#include "fixture.hpp"

namespace {

using accel::Device;
using accel::Direction;
using accel::Errc;
using accel::Operation;
using lib_tests::error_of;
namespace fourcc = accel::fourcc;

class DeviceOpen : public test_support::LeakCheckedTest {};
class DeviceInfo : public lib_tests::DeviceTest {};

TEST_F(DeviceOpen, FindsTheFirstOfTheList) {
    const auto list = Device::list();
    ASSERT_FALSE(list.empty());
    EXPECT_EQ(Device::open().info().path, list.front().path);
    EXPECT_EQ(Device::open().info().name, list.front().name);
}

TEST_F(DeviceOpen, TakesAPath) {
    const std::string path = Device::list().front().path;
    const Device device = Device::open(path);
    EXPECT_EQ(device.info().path, path);
    EXPECT_GE(device.fd(), 0);
}

TEST_F(DeviceOpen, RefusesWhatIsNoDevice) {
    EXPECT_EQ(error_of([] { Device::open("/dev/accel/none"); }), Errc::not_found);
    EXPECT_EQ(error_of([] { Device::open("/dev/null"); }), Errc::not_supported);
    EXPECT_EQ(error_of([] { Device::open("/dev/udmabuf"); }), Errc::not_supported);
}

TEST_F(DeviceOpen, CanBeDoneManyTimesAtOnce) {
    std::vector<Device> devices;
    for (int i = 0; i < 100; i++) devices.push_back(Device::open());
    EXPECT_EQ(devices.back().info().limits.max_slots, devices.front().info().limits.max_slots);
}

TEST_F(DeviceOpen, MovedFromOnlyThrows) {
    Device device = Device::open();
    const Device moved = std::move(device);
    EXPECT_FALSE(moved.info().path.empty());
    EXPECT_EQ(error_of([&] { (void)device.info(); }), Errc::invalid_argument);
    EXPECT_EQ(error_of([&] { (void)device.fd(); }), Errc::invalid_argument);
    EXPECT_EQ(error_of([&] { accel::Buffer::allocate(device, 1); }), Errc::invalid_argument);
}

TEST_F(DeviceInfo, HasLimitsOfUse) {
    const accel::DeviceLimits& limits = device_.info().limits;
    EXPECT_GT(limits.min_ring_entries, 0u);
    EXPECT_GE(limits.max_ring_entries, limits.min_ring_entries);
    EXPECT_GT(limits.max_slots, 0u);
    EXPECT_GT(limits.max_rings, 0u);
    EXPECT_GE(limits.max_buffer_size, 1u << 20);
    EXPECT_GE(limits.max_image_size, 4096u);
    EXPECT_EQ(limits.pitch_align & (limits.pitch_align - 1), 0u);
    EXPECT_GT(limits.default_timeout, std::chrono::milliseconds(0));
    EXPECT_GE(limits.max_batch_time, limits.default_timeout);
}

TEST_F(DeviceInfo, NamesTheSoftEngine) {
    const auto& engines = device_.info().engines;
    ASSERT_FALSE(engines.empty());
    EXPECT_EQ(engines.front().name, "soft");
    EXPECT_GE(engines.front().instances, 1u);
    EXPECT_EQ(engines.front().address_bits, 64u) << "the CPU reaches everything";
    EXPECT_EQ(engines.front().align, 1u);
    EXPECT_FALSE(engines.front().contiguous);
}

TEST_F(DeviceInfo, SupportsEveryOperationOfTheLibrary) {
    for (const Operation operation :
         {Operation::nop, Operation::fill, Operation::copy, Operation::crc32c, Operation::convert,
          Operation::invert, Operation::convolve3x3})
        EXPECT_TRUE(device_.supports(operation)) << static_cast<int>(operation);
    EXPECT_FALSE(device_.supports(static_cast<Operation>(0x7fff)));
}

TEST_F(DeviceInfo, SaysWhichFormatsConvertTakes) {
    for (const std::uint32_t format :
         {fourcc::XRGB8888, fourcc::R8, fourcc::YUYV, fourcc::NV12, fourcc::YUV420}) {
        EXPECT_TRUE(device_.supports(Operation::convert, format, Direction::source));
        EXPECT_TRUE(device_.supports(Operation::convert, format, Direction::destination));
    }
    EXPECT_FALSE(device_.supports(Operation::convert, accel::make_fourcc('A', 'B', 'C', 'D'),
                                  Direction::source));
    EXPECT_FALSE(device_.supports(Operation::convert, fourcc::NV12, Direction::source, 1));
    EXPECT_FALSE(device_.supports(Operation::fill, fourcc::NV12, Direction::destination));
}

TEST_F(DeviceInfo, CanBeUsedFromManyThreads) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back([this] {
            for (int n = 0; n < 50; n++)
                EXPECT_EQ(accel::Buffer::allocate(device_, 4096).size(), 4096u);
        });
    for (std::thread& thread : threads) thread.join();
}

}  // namespace
