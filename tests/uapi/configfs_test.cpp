// SPDX-License-Identifier: MIT

// Devices on demand: a directory's life, its files, and what becomes of those who use a device that
// is taken away. The module must not have a directory when it goes, so these stand beside unplug.

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "configfs.hpp"
#include "fault.hpp"
#include "fixture.hpp"
#include "foreign.hpp"
#include "query.hpp"
#include "ring.hpp"
#include "syncobj.hpp"
#include "unplug.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

bool exists(const std::string& device) {
    return std::filesystem::exists("/sys/bus/platform/devices/" + device);
}

void expect_works(const std::string& device) {
    const Fd file = open_device(device);
    Ring ring(file);
    EXPECT_EQ(ring.run_one(nop(8)).user_data, 8U);
}

class Configfs : public CountedTest {
 protected:
    DeviceGuard guard_;
};

TEST_F(Configfs, DirectoryBeginsWithTheParameters) {
    const ConfigDirectory a("a");
    for (const char* name :
         {"instances", "inline_bytes", "timeout_ms", "max_batch_ms", "late_us"}) {
        std::string parameter;
        std::ifstream(std::string("/sys/module/zaccel/parameters/") + name) >> parameter;
        EXPECT_EQ(a.read(name), parameter) << name;
    }
    EXPECT_EQ(a.read("realtime"), "0");
    EXPECT_EQ(a.read("hold"), "0");
    EXPECT_EQ(a.read("live"), "0");
    EXPECT_FALSE(exists(a.device()));
}

TEST_F(Configfs, LimitsOfSettings) {
    const ConfigDirectory a("a");
    struct {
        const char* file;
        std::vector<const char*> good, bad;
    } const settings[] = {
        {"instances", {"1", "16"}, {"0", "17", "-1", "x"}},
        {"inline_bytes", {"0", "32768"}, {"32769", "4294967296"}},
        {"realtime", {"1", "0"}, {"2", "-"}},
        {"timeout_ms", {"100", "3600000"}, {"99", "3600001"}},
        {"max_batch_ms", {"100", "3600000"}, {"0", "99", "3600001"}},
        {"late_us", {"0", "10000000"}, {"10000001"}},
        {"hold", {"1", "0"}, {"maybe"}},
        {"live", {}, {"maybe", "2"}},
    };
    for (const auto& setting : settings) {
        for (const char* value : setting.good) {
            EXPECT_EQ(a.write(setting.file, value), 0) << setting.file << value;
            EXPECT_EQ(a.read(setting.file), value);
        }
        const std::string before = a.read(setting.file);
        for (const std::string value : setting.bad) {
            const int expected = value == "4294967296" ? ERANGE : EINVAL;
            EXPECT_EQ(a.write(setting.file, value), expected) << setting.file << value;
        }
        EXPECT_EQ(a.read(setting.file), before) << "unchanged";
    }
    // Root may open a file that nobody may write to, where configfs lets it.
    EXPECT_NE(a.write("dev_name", "b"), 0);
}

TEST_F(Configfs, SettingsAreTheDevices) {
    const ConfiguredDevice a("a", {{"instances", "3"},
                                   {"inline_bytes", "1000"},
                                   {"timeout_ms", "900"},
                                   {"max_batch_ms", "700"},
                                   {"late_us", "5"},
                                   {"hold", "1"}});
    const Fd file = a.open();
    EXPECT_EQ(query_table<drm_zaccel_engine_info>(file, ZACCEL_QUERY_ENGINES).at(0).instances, 3U);
    EXPECT_EQ(device_info(file).max_batch_ms, 700U);
    EXPECT_EQ(device_info(file).default_timeout_ms, 700U) << "no more than a batch may run";
    EXPECT_EQ(LateMode::read("inline_bytes", a.name()), "1000");
    EXPECT_EQ(LateMode::read("late_us", a.name()), "5");
    EXPECT_EQ(LateMode::read("hold", a.name()), "1");
    drm_zaccel_ring_create args = ring_create_args({.timeout_ms = 701});
    EXPECT_EQ(call(file, DRM_IOCTL_ZACCEL_RING_CREATE, args), EINVAL);
    const Fd other = open_device();
    EXPECT_EQ(query_table<drm_zaccel_engine_info>(other, ZACCEL_QUERY_ENGINES).at(0).instances, 1U);
    EXPECT_EQ(device_info(other).max_batch_ms, 10000U);
    EXPECT_EQ(LateMode::read("hold"), "0");
}

TEST_F(Configfs, SettingsStandWhileLive) {
    ConfiguredDevice a("a");
    for (const char* name : {"instances", "inline_bytes", "timeout_ms", "max_batch_ms", "late_us",
                             "realtime", "hold"}) {
        const std::string before = a.directory().read(name);
        EXPECT_EQ(a.directory().write(name, "1"),
                  std::string(name).ends_with("_ms") ? EINVAL : EBUSY)
            << name;
        EXPECT_EQ(a.directory().write(name, before), EBUSY) << name;
        EXPECT_EQ(a.directory().read(name), before);
    }
    ASSERT_EQ(a.directory().write("live", "0"), 0);
    EXPECT_EQ(a.directory().write("instances", "2"), 0);
    ASSERT_EQ(a.directory().write("live", "1"), 0);
    EXPECT_EQ(query_table<drm_zaccel_engine_info>(a.open(), ZACCEL_QUERY_ENGINES).at(0).instances,
              2U);
}

TEST_F(Configfs, LiveMakesAndTakesTheDevice) {
    const ConfigDirectory a("a");
    const std::string name = a.device();
    for (int i = 0; i < 3; i++) {
        ASSERT_EQ(a.write("live", "1"), 0);
        EXPECT_EQ(a.write("live", "1"), 0) << "it is already";
        EXPECT_EQ(a.read("live"), "1");
        EXPECT_EQ(a.device(), name);
        expect_works(name);
        EXPECT_EQ(a.write("live", "0"), 0);
        EXPECT_EQ(a.write("live", "0"), 0) << "it is not any more";
        EXPECT_EQ(a.read("live"), "0");
        EXPECT_FALSE(exists(name));
    }
    expect_works(sysfs_device());
}

/// Drivers take no device on their own.
class NoProbing {
 public:
    NoProbing() { write("0"); }
    NoProbing(const NoProbing&) = delete;
    NoProbing& operator=(const NoProbing&) = delete;
    ~NoProbing() { write("1"); }

 private:
    static void write(const char* value) {
        std::ofstream("/sys/bus/platform/drivers_autoprobe") << value << std::flush;
    }
};

TEST_F(Configfs, DeviceThatIsNotProbedIsNotLive) {
    const ConfigDirectory a("a");
    {
        const NoProbing none;
        EXPECT_EQ(a.write("live", "1"), ENXIO);
    }
    EXPECT_EQ(a.read("live"), "0");
    EXPECT_FALSE(exists(a.device()));
    EXPECT_EQ(a.write("instances", "2"), 0);
    EXPECT_EQ(a.write("live", "1"), 0);
    expect_works(a.device());
}

TEST_F(Configfs, RemovalTakesTheDeviceAlong) {
    ConfiguredDevice a("a");
    EXPECT_EQ(a.directory().remove(), 0);
    EXPECT_FALSE(exists(a.name()));
    expect_works(sysfs_device());
}

TEST_F(Configfs, RemovalEndsWhatIsUnderWay) {
    auto a = std::make_unique<ConfiguredDevice>("a");
    const Fd file = a->open();
    const Buffer buffer(file, page);
    const Mapping memory = buffer.map();
    const Fd dmabuf = buffer.export_dmabuf();
    memory[0] = 0x33;
    Ring ring(file);
    BusyEngine busy(file);
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    ring.put_batch({fill(0, 0, page, ~0ULL)});
    ASSERT_EQ(ring.submit(), 0);
    const Fd fence = export_fences(dmabuf, Fences::writers);
    EXPECT_EQ(sync_file_status(fence), 0);
    a.reset();
    EXPECT_EQ(sync_file_status(fence), -ENODEV);
    EXPECT_EQ(statuses(ring.reap()), std::vector<int>(1, -ECANCELED));
    ring.put_batch({nop()});
    EXPECT_EQ(ring.submit(), ENODEV);
    EXPECT_EQ(memory[0], 0x33) << "and it can still be read";
    const ConfiguredDevice next("a");
    expect_works(next.name());
}

TEST_F(Configfs, UnboundDeviceStaysLive) {
    ConfiguredDevice a("a");
    unbind(a.name());
    EXPECT_EQ(a.directory().read("live"), "1");
    EXPECT_EQ(a.directory().write("instances", "2"), EBUSY);
    EXPECT_TRUE(exists(a.name()));
    EXPECT_FALSE(is_bound(a.name()));
    bind(a.name());
    expect_works(a.name());
}

TEST_F(Configfs, VanishedDeviceStaysLive) {
    ConfiguredDevice a("a", {{"instances", "2"}});
    EXPECT_EQ(LateMode::write("fault", "vanish", a.name()), 0);
    ASSERT_TRUE(eventually([&] { return !is_bound(a.name()); }));
    EXPECT_EQ(a.directory().read("live"), "1");
    EXPECT_EQ(a.directory().write("live", "1"), 0) << "it is";
    EXPECT_FALSE(is_bound(a.name()));
    ASSERT_EQ(a.directory().write("live", "0"), 0);
    ASSERT_EQ(a.directory().write("live", "1"), 0);
    EXPECT_EQ(query_table<drm_zaccel_engine_info>(a.open(), ZACCEL_QUERY_ENGINES).at(0).instances,
              2U);
}

TEST_F(Configfs, DirectoryKeepsTheModule) {
    ConfigDirectory a("a");
    EXPECT_EQ(unload(), EWOULDBLOCK);
    EXPECT_EQ(a.remove(), 0);
    reload();
    expect_works(sysfs_device());
}

TEST_F(Configfs, SixteenAtOnce) {
    std::vector<std::unique_ptr<ConfiguredDevice>> devices;
    std::set<std::string> names, nodes;
    for (int i = 0; i < 16; i++) {
        devices.push_back(std::make_unique<ConfiguredDevice>("d" + std::to_string(i)));
        names.insert(devices.back()->name());
        nodes.insert(device_path(devices.back()->name()));
    }
    EXPECT_EQ(names.size(), 16U);
    EXPECT_EQ(nodes.size(), 16U);
    std::vector<Fd> files;
    std::vector<Ring> rings;
    for (const auto& device : devices) rings.emplace_back(files.emplace_back(device->open()));
    for (Ring& ring : rings) {
        ring.put_batch({nop(9)});
        EXPECT_EQ(ring.submit(), 0);
    }
    for (Ring& ring : rings) {
        ring.wait_for(1);
        EXPECT_EQ(ring.reap().at(0).user_data, 9U);
    }
}

}  // namespace
}  // namespace uapi_tests
