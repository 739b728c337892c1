// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <accel/fence.hpp>
#include <accel/unique_fd.hpp>

namespace lib_tests {

/// A fence of another driver that signals when the test says so, in a buffer of that driver: it
/// makes batches wait without a clock. (The driver, vgem, gives up by itself after ten seconds.)
class HeldFence {
 public:
    /// Loads vgem where needed. @throws std::system_error when there is none
    HeldFence();
    HeldFence(const HeldFence&) = delete;
    HeldFence& operator=(const HeldFence&) = delete;
    ~HeldFence();

    /// The buffer that the fence stands in, as its writer's.
    int dmabuf_fd() const { return dmabuf_.get(); }

    const accel::Fence& fence() const { return fence_; }

    /// Ends the work.
    void signal();

 private:
    accel::UniqueFd card_;
    accel::UniqueFd dmabuf_;
    std::uint32_t id_ = 0;
    accel::Fence fence_;
};

/// A dma-buf of vgem, of a page or more, that may only be read.
accel::UniqueFd vgem_read_only_dmabuf();

}  // namespace lib_tests
