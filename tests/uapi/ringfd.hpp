// SPDX-License-Identifier: MIT
#pragma once

#include <drm/zaccel_accel.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "device.hpp"

namespace uapi_tests {

/// A descriptor of a ring; throws when it cannot be had.
Fd open_ring(const Fd& device, std::uint32_t id);

/// Its calls. The doorbell returns the number of entries taken, or a negative errno.
long kick(const Fd& ring_fd, unsigned long flags = 0);
int fd_wait(const Fd& ring_fd, std::uint32_t index, std::int64_t deadline_ns);

/// 0 or the errno of mapping it; what was mapped is unmapped again.
int try_map(const Fd& ring_fd, std::size_t size);

/// A ring as one uses it who holds its descriptor and knows where the queues are, no more.
class FdRing {
 public:
    FdRing(Fd fd, const drm_zaccel_ring_create& geometry);

    const Fd& fd() const { return fd_; }
    const Mapping& memory() const { return memory_; }
    drm_zaccel_ring_header& header() const;
    std::uint32_t sq_tail() const { return sq_tail_; }
    /// Of whom somebody else has used before.
    void go_on_from(std::uint32_t index) { sq_tail_ = cq_head_ = index; }

    void put_batch(std::initializer_list<drm_zaccel_command> commands);
    void publish() const;
    /// Publish and ring the doorbell.
    long kick() const;
    int wait(std::uint32_t index, std::int64_t deadline_ns) const;
    std::vector<drm_zaccel_completion> reap();

    /// One batch from its doorbell to its completions; throws where that fails.
    std::vector<drm_zaccel_completion> run(std::initializer_list<drm_zaccel_command> commands);

 private:
    Fd fd_;
    drm_zaccel_ring_create geometry_;
    Mapping memory_;
    std::uint32_t sq_tail_ = 0;
    std::uint32_t cq_head_ = 0;
};

}  // namespace uapi_tests
