// SPDX-License-Identifier: MIT
#pragma once

// The seam: every call of the library into the kernel that is not plain POSIX goes through one of
// these functions, so that a test can replace them all at link time. Each returns 0 or an errno
// (positive) and throws nothing. Those that a signal interrupts are repeated: their arguments make
// that safe (absolute deadlines; a doorbell that was interrupted has taken nothing).

#include <cstdint>
#include <span>

#include "common.hpp"

namespace accel::sys {

// zaccel's own
int query(int fd, drm_zaccel_query& args) noexcept;
int buffer_create(int fd, drm_zaccel_buffer_create& args) noexcept;
int buffer_info(int fd, drm_zaccel_buffer_info& args) noexcept;
int buffer_wait(int fd, drm_zaccel_buffer_wait& args) noexcept;
int ring_create(int fd, drm_zaccel_ring_create& args) noexcept;
int ring_destroy(int fd, std::uint32_t id) noexcept;
int ring_bind(int fd, drm_zaccel_ring_bind& args) noexcept;
int ring_submit(int fd, drm_zaccel_ring_submit& args) noexcept;
int ring_wait(int fd, drm_zaccel_ring_wait& args) noexcept;
int ring_fd(int fd, std::uint32_t id, int& ring_fd) noexcept;

// On a ring's own descriptor
int ring_kick(int ring_fd, std::uint32_t& fetched) noexcept;

// DRM's
bool is_zaccel(int fd) noexcept;
int gem_close(int fd, std::uint32_t handle) noexcept;
int prime_export(int fd, std::uint32_t handle, int& dmabuf_fd) noexcept;
int prime_import(int fd, int dmabuf_fd, std::uint32_t& handle) noexcept;
int syncobj_create(int fd, std::uint32_t& handle) noexcept;
int syncobj_destroy(int fd, std::uint32_t handle) noexcept;
int syncobj_reset(int fd, std::span<const std::uint32_t> handles) noexcept;
int syncobj_import(int fd, std::uint32_t handle, int sync_file_fd) noexcept;
int syncobj_export(int fd, std::uint32_t handle, int& sync_file_fd) noexcept;

// Of a dma-buf; @flags are DMA_BUF_SYNC_*.
bool is_dmabuf(int fd) noexcept;
int dmabuf_sync(int fd, std::uint64_t flags) noexcept;
int dmabuf_export_sync_file(int fd, std::uint32_t flags, int& sync_file_fd) noexcept;
int dmabuf_import_sync_file(int fd, std::uint32_t flags, int sync_file_fd) noexcept;

// Of a sync_file; @status is 1 when signalled, 0 when not, negative an errno.
int sync_file_status(int fd, int& status) noexcept;
int sync_file_merge(int fd, int other_fd, int& merged_fd) noexcept;

}  // namespace accel::sys
