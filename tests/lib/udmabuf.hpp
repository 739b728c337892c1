// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <accel/unique_fd.hpp>

namespace lib_tests {

/// A dma-buf of the kernel's udmabuf driver, over memory of this process.
class Udmabuf {
 public:
    /// @param size in bytes, of whole pages
    explicit Udmabuf(std::size_t size);
    Udmabuf(const Udmabuf&) = delete;
    Udmabuf& operator=(const Udmabuf&) = delete;
    ~Udmabuf();

    int fd() const { return dmabuf_.get(); }
    std::span<std::uint8_t> bytes() const { return bytes_; }

 private:
    accel::UniqueFd memfd_;
    accel::UniqueFd dmabuf_;
    std::span<std::uint8_t> bytes_;
};

}  // namespace lib_tests
