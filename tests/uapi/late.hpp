// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "device.hpp"

namespace uapi_tests {

/// The engine's time in the test's hand, by the device's debugfs files. Both settings are put back
/// when it goes: declare it before what may have to wait for the engine.
class LateMode {
 public:
    /// What destinations hold while their batch is held back.
    static constexpr std::uint8_t poison = 0xdb;

    explicit LateMode(std::string device = sysfs_device());
    LateMode(const LateMode&) = delete;
    LateMode& operator=(const LateMode&) = delete;
    ~LateMode();

    /// Every batch fetched from now on is held back, until advance() lets some go or release() all.
    void hold() const;
    void release() const;
    void advance(std::uint32_t batches) const;
    void set_late_us(std::uint32_t us) const;

    /// One write to "hold", "advance", "late_us" or another of the device's files. 0 or the errno.
    static int write(const char* file, const std::string& value,
                     const std::string& device = sysfs_device());
    static std::string read(const char* file, const std::string& device = sysfs_device());
    static std::string read_line(const char* file);
    /// The file, to be written.
    static Fd open(const char* file, const std::string& device = sysfs_device());

 private:
    std::string device_;
    std::string hold_;
    std::string late_us_;
};

/// An engine that runs a batch only when told. Lets go of all when it goes.
class HeldEngine {
 public:
    explicit HeldEngine(const std::string& device = sysfs_device()) : mode_(device) {
        mode_.hold();
    }

    /// Let so many batches run; they are taken in the order in which they became ready.
    void advance(std::uint32_t batches = 1) const { mode_.advance(batches); }
    void release() const { mode_.release(); }

 private:
    LateMode mode_;
};

}  // namespace uapi_tests
