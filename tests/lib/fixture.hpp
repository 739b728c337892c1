// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <vector>

#include <accel/accel.hpp>

#include "support/resource_counts.hpp"

namespace lib_tests {

/// No command of these tests takes longer, even in an emulated machine: whoever waits this long has
/// found a bug.
inline constexpr std::chrono::seconds long_enough{20};

/// Long enough for the kernel's way of waiting to be taken, for what will not happen.
inline constexpr std::chrono::milliseconds a_moment{20};

/// The code that @p f throws; none when it throws none.
template <class F>
std::error_code error_of(F&& f) {
    try {
        f();
    } catch (const accel::Error& error) {
        return error.code();
    }
    return {};
}

/// A Device that the test opened, and the leak check around it.
class DeviceTest : public test_support::LeakCheckedTest {
 protected:
    accel::Device device_ = accel::Device::open();
};

inline void fill_with(const accel::Buffer& buffer, std::uint8_t value) {
    const accel::Mapping mapping = buffer.map(accel::Access::write);
    std::memset(mapping.bytes().data(), value, mapping.bytes().size());
}

inline std::vector<std::uint8_t> contents(const accel::Buffer& buffer, std::size_t offset,
                                          std::size_t size) {
    const accel::Mapping mapping = buffer.map(accel::Access::read);
    std::vector<std::uint8_t> bytes(size);
    std::memcpy(bytes.data(), mapping.bytes().data() + offset, size);
    return bytes;
}

inline std::vector<std::uint8_t> contents(const accel::Buffer& buffer) {
    return contents(buffer, 0, buffer.size());
}

/// Are all bytes @p value?
inline bool holds_only(const accel::Buffer& buffer, std::uint8_t value) {
    return contents(buffer) == std::vector<std::uint8_t>(buffer.size(), value);
}

}  // namespace lib_tests
