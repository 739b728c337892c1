// SPDX-License-Identifier: MIT
#pragma once

// Devices that a test makes for itself, through configfs.

#include <initializer_list>
#include <string>
#include <utility>

#include "device.hpp"

namespace uapi_tests {

/// A directory in /sys/kernel/config/zaccel; gone with its device when it goes.
class ConfigDirectory {
 public:
    explicit ConfigDirectory(const std::string& name);
    ConfigDirectory(ConfigDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    ConfigDirectory& operator=(ConfigDirectory&&) = delete;
    ~ConfigDirectory() { remove(); }

    /// One write to a file of it. 0 or the errno.
    int write(const char* file, const std::string& value) const;
    /// Without the newline; throws when it cannot be read.
    std::string read(const char* file) const;
    /// "zaccel.N", of the device.
    std::string device() const { return read("dev_name"); }
    /// 0 or the errno; it can be removed once.
    int remove();

 private:
    std::string path_;
};

/// A device with settings of its own, there when the constructor returns.
class ConfiguredDevice {
 public:
    using Settings = std::initializer_list<std::pair<const char*, const char*>>;

    explicit ConfiguredDevice(const std::string& name, Settings settings = {});

    const std::string& name() const { return name_; }
    ConfigDirectory& directory() { return directory_; }
    /// A new open file on it.
    Fd open() const { return open_device(name_); }

 private:
    ConfigDirectory directory_;
    std::string name_;
};

}  // namespace uapi_tests
