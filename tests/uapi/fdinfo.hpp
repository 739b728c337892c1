// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "device.hpp"

namespace uapi_tests {

/// CLOCK_MONOTONIC in ns, which is what busy times are measured by.
inline std::uint64_t now_ns() {
    return static_cast<std::uint64_t>(deadline_in(std::chrono::nanoseconds(0)));
}

/// What /proc/self/fdinfo says of an open file, as tools read it.
class Fdinfo {
 public:
    explicit Fdinfo(const Fd& file);

    bool has(const std::string& key) const { return values_.contains(key); }
    /// As it stands there; throws when it does not.
    const std::string& text(const std::string& key) const { return values_.at(key); }
    /// A number with its unit, if it has one: "4 KiB" is 4096.
    std::uint64_t number(const std::string& key) const;

    std::uint64_t client_id() const { return number("drm-client-id"); }
    /// Batches that the engine runs at once.
    std::uint64_t capacity() const { return number("drm-engine-capacity-soft"); }
    std::uint64_t busy_ns() const { return number("drm-engine-soft"); }
    std::uint64_t batches() const { return number("zaccel-batches-soft"); }
    /// "total", "shared", "resident" or "active", in bytes. The system's region is "memory".
    std::uint64_t memory(const std::string& what, const std::string& region = "memory") const {
        return number("drm-" + what + "-" + region);
    }

 private:
    std::map<std::string, std::string> values_;
};

}  // namespace uapi_tests
