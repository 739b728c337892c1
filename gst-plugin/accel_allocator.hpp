// SPDX-License-Identifier: MIT
#pragma once

#include <gst/gst.h>

#include <accel/accel.hpp>
#include <memory>
#include <optional>

#include "accel_context.hpp"
#include "gst_ptr.hpp"

namespace accelgst {

/// A GstDmaBufAllocator over the accelerator's buffers, so that every peer takes its memories for
/// the dma-bufs they are. Mapping one waits for who writes to it, and fails when that fails; it is
/// mapped once for reading and writing and stays so, which makes later maps cheap and lets readers
/// and writers of the same memory map it at once.
GstPtr<GstAllocator> new_allocator(const DevicePtr& device);

/// @throws accel::Error as accel::Buffer::allocate() and export_fd() do
GstMemory* allocate_memory(GstAllocator* allocator, std::uint64_t size);

/// The buffer behind a memory that was allocated here on @p device; null for any other memory. It
/// lives as long as the memory.
const accel::Buffer* find_buffer(GstMemory* memory, const DevicePtr& device);

/// Which dma-buf it is. Unique as long as somebody holds the dma-buf.
struct DmaBufId {
    std::uint64_t device;
    std::uint64_t inode;

    friend bool operator==(const DmaBufId&, const DmaBufId&) = default;
};

/// Nothing for memory that is no dma-buf. Looked up once per GstMemory.
std::optional<DmaBufId> dmabuf_id(GstMemory* memory);

}  // namespace accelgst
