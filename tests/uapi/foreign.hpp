// SPDX-License-Identifier: MIT
#pragma once

// Buffers that other drivers made: those that the stock kernel has.

#include <cstddef>
#include <cstdint>

#include "device.hpp"

namespace uapi_tests {

/// Loads a module of the kernel; nothing happens when it is there. Throws when it cannot be loaded.
void load_module(const char* name);

/// Attachments of our device, as debugfs lists them under the dma-bufs.
long attachments();

/// Memory of this process (a sealed memfd) as a dma-buf.
class Udmabuf {
 public:
    explicit Udmabuf(std::size_t size);

    const Fd& dmabuf() const { return dmabuf_; }
    const Mapping& memory() const { return memory_; }

 private:
    Fd memfd_;
    Fd dmabuf_;
    Mapping memory_;
};

/// A buffer of the system heap.
class HeapBuffer {
 public:
    explicit HeapBuffer(std::size_t size, Rights rights = Rights::read_write);

    const Fd& dmabuf() const { return dmabuf_; }

 private:
    Fd dmabuf_;
};

/// A buffer of vgem, the kernel's driver without a device, and fences in it that signal when told.
/// (vgem gives up on a fence after ten seconds.)
class VgemBuffer {
 public:
    enum class Use : std::uint32_t { read = 0, write = 1 };

    explicit VgemBuffer(Rights rights = Rights::read_write);

    const Fd& card() const { return card_; }
    const Fd& dmabuf() const { return dmabuf_; }
    /// Its size, and that of one line of 32-bit pixels.
    static constexpr std::size_t size = 64 * 64 * 4;

    /// Put a fence into the buffer, as if work on it were under way.
    /// @return its name for signal()
    std::uint32_t attach_fence(Use use) const;
    void signal(std::uint32_t fence) const;

 private:
    Fd card_;
    std::uint32_t handle_;
    Fd dmabuf_;
};

/// A fence that signals when told.
class ManualFence {
 public:
    ManualFence();

    const Fd& sync_file() const { return sync_file_; }
    void signal() const { vgem_.signal(fence_); }

 private:
    VgemBuffer vgem_;
    std::uint32_t fence_ = vgem_.attach_fence(VgemBuffer::Use::write);
    Fd sync_file_;
};

/// Put the fence of a sync_file into a dma-buf, as that of somebody who reads or writes it.
void import_fence(const Fd& dmabuf, VgemBuffer::Use use, const Fd& sync_file);

/// The first buffer of vivid's first capture device, as VIDIOC_EXPBUF gives it.
class VividBuffer {
 public:
    explicit VividBuffer(Rights rights = Rights::read_write);

    const Fd& dmabuf() const { return dmabuf_; }
    std::size_t size() const { return size_; }
    /// One frame of 4:2:2 YUYV.
    std::uint32_t width() const { return width_; }
    std::uint32_t height() const { return height_; }
    std::uint32_t pitch() const { return pitch_; }

    /// Let the camera write one picture into the buffer.
    void capture() const;

 private:
    Fd video_;
    Fd dmabuf_;
    std::size_t size_ = 0;
    std::uint32_t width_ = 0;
    std::uint32_t height_ = 0;
    std::uint32_t pitch_ = 0;
};

}  // namespace uapi_tests
