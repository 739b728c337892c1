// SPDX-License-Identifier: MIT
#pragma once

#include <drm/zaccel_accel.h>

#include <cstdint>

#include "device.hpp"

namespace uapi_tests {

/// A GEM handle that closes itself.
class Buffer {
 public:
    /// A new buffer.
    Buffer(const Fd& device, std::uint64_t size, drm_zaccel_region region = ZACCEL_REGION_SYSTEM);
    /// A handle that there is already.
    static Buffer adopt(const Fd& device, std::uint32_t handle);
    /// What is behind a dma-buf.
    static Buffer import(const Fd& device, int dmabuf);

    Buffer(Buffer&& other) noexcept
        : device_(other.device_), handle_(std::exchange(other.handle_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(device_, other.device_);
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Buffer() { close(); }

    std::uint32_t handle() const { return handle_; }
    Mapping map() const;
    Fd export_dmabuf() const;
    /// One of its own that nobody writes through.
    Fd export_readonly() const;
    /// 0, or the errno of waiting until nothing uses it (ZACCEL_BUFFER_WAIT_READ: writes it).
    int wait(std::int64_t deadline_ns, std::uint32_t flags = 0) const;
    void close();

 private:
    Buffer(int device, std::uint32_t handle) : device_(device), handle_(handle) {}

    int device_;
    std::uint32_t handle_ = 0;
};

}  // namespace uapi_tests
