// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include <accel/buffer.hpp>

#include "device_impl.hpp"

namespace accel::detail {

/// One GEM handle of one open node, however many Buffers stand for it.
struct BufferImpl {
    std::shared_ptr<DeviceImpl> device;
    std::uint32_t handle = 0;
    std::uint64_t size = 0;
    std::uint64_t mmap_offset = 0;  // 0: mapped through the dma-buf
    bool imported = false;
    std::atomic<bool> shared = false;

    // The dma-buf of a shared buffer and the mapping are made once, when first needed, under the
    // mutex, and stay until the end; dmabuf never changes once shared is true.
    std::mutex mutex;
    UniqueFd dmabuf;
    std::byte* address = nullptr;
    bool read_only = false;

    /// Takes the handle over, unless the device gives it to somebody else first.
    BufferImpl(std::shared_ptr<DeviceImpl> device, std::uint32_t handle) noexcept;
    BufferImpl(const BufferImpl&) = delete;
    BufferImpl& operator=(const BufferImpl&) = delete;
    ~BufferImpl();

    /// For the caller who holds device->buffers_mutex and has just got @p handle: its BufferImpl,
    /// old or new. Closes the handle when there is no memory for that.
    static std::shared_ptr<BufferImpl> adopt(const std::shared_ptr<DeviceImpl>& device,
                                             std::uint32_t handle);

    void read_info();
    void ensure_dmabuf();
    void ensure_mapped(Access access);
};

}  // namespace accel::detail
