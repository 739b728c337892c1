// SPDX-License-Identifier: MIT
#pragma once

// The device taken away and given back, through sysfs.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "device.hpp"
#include "foreign.hpp"
#include "process.hpp"

namespace uapi_tests {

/// Writes a device's name to a file of the driver in sysfs. 0 or the errno.
inline int write_driver(const char* file, const std::string& name) {
    const Fd fd(::open((sysfs_driver() / file).c_str(), O_WRONLY | O_CLOEXEC));
    return ::write(fd.get(), name.data(), name.size()) < 0 ? errno : 0;
}

inline void unbind(const std::string& device = sysfs_device()) {
    check(write_driver("unbind", device), "unbind");
}
inline void bind(const std::string& device = sysfs_device()) {
    check(write_driver("bind", device), "bind");
}

inline bool is_bound(const std::string& device = sysfs_device()) {
    return std::filesystem::exists(sysfs_driver() / device);
}

/// Takes the module away; never waits for users to go. 0 or the errno.
inline int unload() { return ::syscall(SYS_delete_module, "zaccel", O_NONBLOCK) == 0 ? 0 : errno; }

/// The module anew, with these parameters. Nobody must use it.
inline void reload(std::vector<std::string> parameters = {}) {
    check(eventually([] { return unload() == 0; }) ? 0 : EBUSY, "unload");
    parameters.insert(parameters.begin(), {"/sbin/modprobe", "zaccel"});
    check(run_program(parameters) == 0 ? 0 : ENODEV, "modprobe");
}

/// The module with parameters; without them when it goes. Nobody uses it before or after.
class Reloaded {
 public:
    explicit Reloaded(std::vector<std::string> parameters) { reload(std::move(parameters)); }
    Reloaded(const Reloaded&) = delete;
    Reloaded& operator=(const Reloaded&) = delete;
    ~Reloaded() { EXPECT_NO_THROW(reload()); }
};

/// Whatever a test leaves, the next finds a device.
class DeviceGuard {
 public:
    ~DeviceGuard() {
        if (!std::filesystem::exists("/sys/module/zaccel")) load_module("zaccel");
        if (!is_bound()) bind();
    }
};

}  // namespace uapi_tests
