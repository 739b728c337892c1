// SPDX-License-Identifier: MIT
#pragma once

#include <accel/device.hpp>
#include <accel/expected.hpp>
#include <accel/export.hpp>
#include <accel/fence.hpp>
#include <accel/unique_fd.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace accel {

namespace detail {
struct BufferImpl;
}

/// What the CPU, or a fence's work, does to memory. write means that what was there does not
/// matter as a whole; use read_write to change parts.
enum class Access { read, write, read_write };

/// The scope in which the CPU may touch a buffer's memory. Ends when destroyed.
///
/// The memory stays valid for the Mapping's life, even when the Buffer goes first. Move-only;
/// thread-bound.
class ACCEL_API Mapping {
 public:
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    ~Mapping();

    /// The whole buffer; empty once unmapped. Of a Mapping with Access::read only reading is
    /// allowed: memory that came from elsewhere may fault otherwise.
    std::span<std::byte> bytes() const noexcept { return bytes_; }

    /// Ends the scope now, and tells what the destructor could not.
    Expected<void> unmap() noexcept;

 private:
    friend class Buffer;
    Mapping(std::shared_ptr<detail::BufferImpl> buffer, std::span<std::byte> bytes,
            std::uint64_t sync) noexcept;

    std::shared_ptr<detail::BufferImpl> buffer_;
    std::span<std::byte> bytes_;
    std::uint64_t sync_;  // how DMA_BUF_IOCTL_SYNC was told; 0 on a private buffer
};

/// Memory that commands work on.
///
/// A buffer made here is private until export_fd() is called; an imported one is shared from the
/// start, and shared it stays. Batches that touch a shared buffer wait for the fences in it and add
/// their own, so other drivers and processes see when it may be used. A private buffer has no
/// fences: wait() for it, or for the completion of the commands that use it.
///
/// Move-only. Thread-safe apart from moving and destroying it. Importing the same dma-buf twice
/// gives two Buffers over the same memory, each of which may be destroyed on its own.
class ACCEL_API Buffer {
 public:
    /// Allocates zeroed memory.
    /// @param size bytes wanted; rounded up to whole pages
    /// @throws Error invalid_argument (size 0), too_large, out_of_memory, device_lost
    static Buffer allocate(const Device& device, std::uint64_t size);

    /// Uses the memory of a dma-buf that any driver made, in place.
    /// @param fd borrowed: the Buffer keeps its own reference
    /// @throws Error not_a_dmabuf, bad_descriptor, constraint_unmet (the device cannot use it),
    ///         out_of_memory, device_lost
    static Buffer import(const Device& device, int fd);

    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&& other) noexcept;
    ~Buffer();

    /// A dma-buf of this memory (O_CLOEXEC, readable and writable), for another driver, process or
    /// Device; an import keeps the access mode that it came with. It outlives the Buffer. Makes the
    /// buffer shared for good.
    UniqueFd export_fd() const;

    std::uint64_t size() const;  ///< Bytes.
    bool is_shared() const;      ///< Imported, or exported at least once.

    /// Made by another driver. Memory of this device is its own, whichever Device exported it.
    bool is_imported() const;

    /// Opens a scope for the CPU. On a shared buffer this waits, without limit, for the fences that
    /// @p access conflicts with: call wait() before to wait with a limit. On a private one the
    /// caller has waited for its completions, or with wait().
    ///
    /// The memory is mapped once and stays so for the buffer's life: later calls cost no mmap.
    /// @throws Error access_denied (write access to read-only memory), device_lost, not_supported
    ///         (memory that its exporter does not let the CPU map)
    Mapping map(Access access) const;

    /// Waits for what stands in the way of @p access: for read writers, for write and read_write
    /// everybody. On a shared buffer these are the fences in it; on a private one the batches that
    /// use it and were submitted before.
    /// @return timed_out; on a private buffer also device_lost
    Expected<void> wait(Access access, std::chrono::nanoseconds timeout) const noexcept;

    /// wait() with no time to wait. False also where wait() fails.
    bool is_idle(Access access) const noexcept;

    /// What one must wait for before @p access, as of now; already signalled when nothing.
    /// @throws Error not_supported on a private buffer
    Fence fence(Access access) const;

    /// Makes everybody who honours fences wait for @p fence before an access that conflicts with
    /// @p access, the one that the fence's work does.
    /// @throws Error not_supported on a private buffer, not_a_fence (moved-from Fence)
    void set_fence(const Fence& fence, Access access) const;

    /// @private For the library itself.
    const std::shared_ptr<detail::BufferImpl>& internal() const;

 private:
    explicit Buffer(std::shared_ptr<detail::BufferImpl> impl) noexcept;

    std::shared_ptr<detail::BufferImpl> impl_;
};

}  // namespace accel
