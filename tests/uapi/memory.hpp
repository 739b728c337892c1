// SPDX-License-Identifier: MIT
#pragma once

// Pointers that a careless or a hostile program passes, and how much memory there is in use.

#include <cstdint>
#include <vector>

#include "device.hpp"

namespace uapi_tests {

/// Where the kernel's own memory is mapped on every 64-bit machine.
inline void* kernel_address() { return reinterpret_cast<void*>(0xffff'ffff'8100'0000); }

/// A page that can be written, one that can only be read, and one with nothing behind it.
class BadMemory {
 public:
    BadMemory();
    BadMemory(const BadMemory&) = delete;
    BadMemory& operator=(const BadMemory&) = delete;
    ~BadMemory();

    std::uint8_t* read_only() const { return read_only_; }
    /// Behind the last byte of the page that can be written; nothing is mapped there.
    std::uint8_t* end_of_page() const { return unmapped_; }

    /// Neither readable nor writable.
    std::vector<void*> unreadable() const { return {nullptr, unmapped_, kernel_address()}; }
    std::vector<void*> unwritable() const {
        return {nullptr, unmapped_, kernel_address(), read_only_};
    }

 private:
    std::uint8_t* read_only_;
    std::uint8_t* unmapped_;
};

/// Memory of buffers, rings and temporary files, as the machine counts it; in bytes.
std::int64_t shared_memory();

}  // namespace uapi_tests
