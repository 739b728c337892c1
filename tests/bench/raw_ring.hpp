// SPDX-License-Identifier: MIT
#pragma once

#include <accel/unique_fd.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "support/common.hpp"

namespace bench {

/// A ring of the device, driven by ioctls alone.
class RawRing {
 public:
    /// DRM_IOCTL_ZACCEL_RING_SUBMIT on the file, or DRM_IOCTL_ZACCEL_FD_KICK on the ring's own.
    enum class Doorbell { submit, kick };

    RawRing(const std::string& path, std::uint32_t entries);
    RawRing(const RawRing&) = delete;
    RawRing& operator=(const RawRing&) = delete;
    ~RawRing();

    int fd() const { return fd_.get(); }

    /// Submits one batch of @p count NOPs and takes their completions.
    void nops(std::uint32_t count, Doorbell doorbell);

 private:
    void map();
    void ring(Doorbell doorbell);
    void wait();

    accel::UniqueFd fd_;
    accel::UniqueFd ring_fd_;
    drm_zaccel_ring_create ring_{};
    std::byte* memory_ = nullptr;
    drm_zaccel_ring_header* header_ = nullptr;
    drm_zaccel_command* commands_ = nullptr;
    const drm_zaccel_completion* completions_ = nullptr;
    std::uint32_t tail_ = 0;
};

}  // namespace bench
