// SPDX-License-Identifier: MIT
#pragma once

#include <accel/unique_fd.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "support/common.hpp"

namespace bench {

/// A ring of the device on a file of its own, driven by ioctls alone.
class RawRing {
 public:
    enum class Doorbell {
        kick,     ///< DRM_IOCTL_ZACCEL_FD_KICK on the ring's own descriptor.
        submit,   ///< DRM_IOCTL_ZACCEL_RING_SUBMIT on the file.
        syncobj,  ///< The same, with one binary syncobj to signal.
        none,     ///< Of a ring that a kernel thread polls; it is woken where it sleeps.
    };
    /// Of a buffer: a shared one has been exported.
    enum class Sharing { exclusive, shared };

    /// With @p poll_cpu a kernel thread on that CPU looks for commands.
    RawRing(const std::string& path, std::uint32_t entries,
            std::uint32_t priority = ZACCEL_PRIORITY_NORMAL,
            std::optional<std::uint32_t> poll_cpu = {});
    RawRing(const RawRing&) = delete;
    RawRing& operator=(const RawRing&) = delete;
    ~RawRing();

    int fd() const { return fd_.get(); }

    /// Makes a buffer and binds all of it. The ring has two slots.
    void bind_buffer(std::uint32_t slot, std::uint64_t size, Sharing sharing);

    /// Fills the next entry, whose user_data becomes its index.
    void put(const drm_zaccel_command& command);
    /// What was put last is the end of its batch.
    void end_batch();
    /// Has the kernel fetch the batches that were put.
    void submit(Doorbell doorbell);
    /// Sleeps until the completions of so many commands are there; spins where the ring is polled.
    void wait(std::uint32_t index);
    const drm_zaccel_completion& completion(std::uint32_t index) const {
        return completions_[zaccel_ring_slot(index, ring_.cq_entries)];
    }
    /// The completions of so many commands have been read.
    void reap(std::uint32_t index);

    std::uint32_t entries() const { return ring_.sq_entries; }
    /// Commands put so far: the index of the next one.
    std::uint32_t tail() const { return tail_; }

    /// Submits a batch, @p first and then NOPs, and takes its completions.
    void round_trip(const drm_zaccel_command& first, std::uint32_t count, Doorbell doorbell);

 private:
    void map();
    void make_syncobj();
    drm_zaccel_command& entry(std::uint32_t index);
    bool polled() const { return ring_.flags & ZACCEL_RING_POLL; }
    void kick() const;
    void wake_poller() const;
    bool posted(std::uint32_t index) const;

    accel::UniqueFd fd_;
    accel::UniqueFd ring_fd_;
    accel::UniqueFd dmabuf_;
    drm_zaccel_ring_create ring_{};
    drm_zaccel_sync syncobj_{};
    std::byte* memory_ = nullptr;
    drm_zaccel_ring_header* header_ = nullptr;
    drm_zaccel_command* commands_ = nullptr;
    const drm_zaccel_completion* completions_ = nullptr;
    std::uint32_t tail_ = 0;
};

/// Commands for it.
inline constexpr drm_zaccel_command nop{.opcode = ZACCEL_OP_NOP};
drm_zaccel_command fill(std::uint32_t slot, std::uint64_t size);
drm_zaccel_command crc32c(std::uint32_t slot, std::uint64_t size);

}  // namespace bench
