// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include <accel/error.hpp>

#include "device_impl.hpp"

namespace {

namespace fs = std::filesystem;
using accel::detail::list_devices;

// A directory as /sys/class/accel is, gone with the test.
class DeviceList : public testing::Test {
 protected:
    DeviceList() {
        std::string name = (fs::temp_directory_path() / "accel-list-XXXXXX").string();
        root_ = ::mkdtemp(name.data());
        fs::create_directories(class_dir());
    }
    ~DeviceList() override { fs::remove_all(root_); }

    fs::path class_dir() const { return root_ / "class"; }

    void add(const std::string& node, const std::string& driver) {
        const fs::path device = class_dir() / node / "device";
        fs::create_directories(device);
        if (!driver.empty())
            fs::create_directory_symlink("../drivers/" + driver, device / "driver");
    }

    fs::path root_;
};

TEST_F(DeviceList, IsEmptyWithoutTheClass) { EXPECT_TRUE(list_devices(root_ / "nothing").empty()); }

TEST_F(DeviceList, IsEmptyWithoutDevices) { EXPECT_TRUE(list_devices(class_dir()).empty()); }

TEST_F(DeviceList, HoldsOnlyDevicesOfTheDriver) {
    add("accel0", "ivpu");
    add("accel1", "zaccel");
    add("accel2", "");
    add("acceler", "zaccel");
    add("accel3x", "zaccel");
    add("renderD128", "zaccel");

    const auto list = list_devices(class_dir());
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0].name, "accel1");
    EXPECT_EQ(list[0].path, "/dev/accel/accel1");
}

TEST_F(DeviceList, IsInOrderOfNumber) {
    for (const char* node : {"accel10", "accel9", "accel2"}) add(node, "zaccel");

    const auto list = list_devices(class_dir());
    ASSERT_EQ(list.size(), 3u);
    EXPECT_EQ(list[0].name, "accel2");
    EXPECT_EQ(list[1].name, "accel9");
    EXPECT_EQ(list[2].name, "accel10");
}

TEST_F(DeviceList, SaysWhenTheClassCannotBeRead) {
    std::ofstream(root_ / "file") << "x";
    EXPECT_THROW(list_devices(root_ / "file"), accel::Error);
}

}  // namespace
