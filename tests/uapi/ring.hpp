// SPDX-License-Identifier: MIT
#pragma once

#include <drm/zaccel_accel.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "buffer.hpp"
#include "command.hpp"
#include "device.hpp"

namespace uapi_tests {

struct RingOptions {
    std::uint32_t sq_entries = 64;
    std::uint32_t cq_entries = 64;
    std::uint32_t slots = 16;
    std::uint32_t sqe_size = sizeof(drm_zaccel_command);
    std::uint32_t cqe_size = sizeof(drm_zaccel_completion);
    std::uint32_t priority = ZACCEL_PRIORITY_NORMAL;
    std::uint32_t timeout_ms = 0;
    std::uint32_t flags = 0;
    std::uint32_t idle_us = 0;
    std::uint32_t poll_cpu = 0;
};

/// Good arguments for DRM_IOCTL_ZACCEL_RING_CREATE.
drm_zaccel_ring_create ring_create_args(const RingOptions& options = {});

/// Binary syncobjs, for the arrays of a submit.
std::vector<drm_zaccel_sync> binary(std::span<const std::uint32_t> handles);

/// A ring and its memory, used as docs/ring-protocol.md has it, with nothing checked: errors of the
/// calls are values.
class Ring {
 public:
    explicit Ring(const Fd& device, const RingOptions& options = {});
    Ring(Ring&&) = default;
    ~Ring();

    std::uint32_t id() const { return args_.id; }
    std::uint32_t handle() const { return args_.handle; }
    const drm_zaccel_ring_create& args() const { return args_; }
    const Mapping& memory() const { return memory_; }
    Fd export_dmabuf() const { return buffer_.export_dmabuf(); }
    drm_zaccel_ring_header& header() const;
    /// An entry with what stands behind the structure, where entries are larger.
    std::span<std::uint8_t> entry_bytes(std::uint32_t index) const;
    std::span<std::uint8_t> completion_bytes(std::uint32_t index) const;
    drm_zaccel_command& entry(std::uint32_t index) const;
    drm_zaccel_completion& completion(std::uint32_t index) const;

    int bind(drm_zaccel_ring_bind args) const;
    int bind_range(std::uint32_t slot, const Buffer& buffer, std::uint64_t offset,
                   std::uint64_t size) const;
    int bind_syncobj(std::uint32_t slot, std::uint32_t handle) const;
    int clear(std::uint32_t slot) const;

    /// Fill the next entries. The kernel learns of them from submit().
    void put(const drm_zaccel_command& command);
    void put_batch(std::span<const drm_zaccel_command> commands);
    void put_batch(std::initializer_list<drm_zaccel_command> commands);
    void publish() const;

    /// Publish and ring the doorbell.
    int submit();
    int submit(std::span<const std::uint32_t> in, std::span<const std::uint32_t> out);
    int submit_syncs(std::span<const drm_zaccel_sync> in, std::span<const drm_zaccel_sync> out);
    std::uint32_t fetched() const { return fetched_; }

    /// Index of the entry that put() fills next; what both sides have seen.
    std::uint32_t sq_tail() const { return sq_tail_; }
    void set_sq_tail(std::uint32_t tail) { sq_tail_ = tail; }
    std::uint32_t sq_head() const;
    std::uint32_t cq_tail() const;
    /// As the kernel knows it, whatever the memory says.
    std::uint32_t kernel_cq_tail() const;
    std::uint32_t cq_head() const { return cq_head_; }
    void set_cq_head(std::uint32_t head);

    int wait(std::uint32_t index, std::int64_t deadline_ns) const;
    /// Until @p index completions have been posted; throws after long_enough.
    void wait_for(std::uint32_t index) const;
    /// Has the kernel posted so many? Asks the kernel, not the memory.
    bool posted(std::uint32_t index) const { return wait(index, 0) == 0; }

    /// Take all completions there are.
    std::vector<drm_zaccel_completion> reap();

    /// One batch from its doorbell to its completions.
    std::vector<drm_zaccel_completion> run(std::span<const drm_zaccel_command> commands);
    std::vector<drm_zaccel_completion> run(std::initializer_list<drm_zaccel_command> commands);
    drm_zaccel_completion run_one(const drm_zaccel_command& command);

    int destroy() const;
    /// Unmap it and let it end with its file.
    void leave_to_file() { memory_ = Mapping(); }

 private:
    int device_;
    drm_zaccel_ring_create args_;
    Buffer buffer_;
    Mapping memory_;
    std::uint32_t sq_tail_;
    std::uint32_t cq_head_;
    std::uint32_t fetched_ = 0;
};

/// The status of each.
std::vector<int> statuses(std::span<const drm_zaccel_completion> completions);

/// Keeps the engine busy for longer than any test takes, until it goes. Costs a ring and 1 MiB.
class BusyEngine {
 public:
    explicit BusyEngine(const Fd& device);

    /// Give up: what has not run is cancelled.
    void cancel() const { ring_.destroy(); }
    Ring& ring() { return ring_; }

 private:
    static constexpr std::uint64_t size = 1 << 20;

    Buffer buffer_;
    Ring ring_;
};

}  // namespace uapi_tests
