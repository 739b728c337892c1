// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <accel/ring.hpp>

#include "common.hpp"
#include "device_impl.hpp"

namespace accel::detail {

/// A ring and its memory. Slots hold references, but the kernel's ring goes with the Ring object.
// The padding is wanted: indices that two threads write share no cache line.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
struct RingImpl {
    RingImpl(std::shared_ptr<DeviceImpl> device, const RingOptions& options);
    RingImpl(const RingImpl&) = delete;
    RingImpl& operator=(const RingImpl&) = delete;
    ~RingImpl() { close(); }

    /// Ends the kernel's ring. Slots that are left do nothing from then on.
    void close() noexcept;

    void open_own_fd(const std::string& thing);
    void map_memory(const drm_zaccel_ring_create& args, const std::string& thing);

    // slot.cpp: the table
    std::uint32_t take_slot(const std::string& thing);
    void give_slot_back(std::uint32_t slot) noexcept;
    std::uint32_t bind(drm_zaccel_ring_bind& args, const std::string& thing);
    void unbind(std::uint32_t slot) noexcept;

    // ring.cpp: the queues
    bool has_room(std::uint32_t tail, std::uint32_t count) const noexcept;
    bool has_posted(std::uint32_t index) const noexcept;
    bool write_batch(std::span<const Command> batch, std::uint32_t tail) noexcept;
    int submit_with_syncobjs(std::size_t in_count, bool out, std::uint32_t& fetched) noexcept;
    int ring_doorbell(std::size_t in_syncobj_count, bool out) noexcept;
    int wake_poller() noexcept;
    Expected<std::uint32_t> hand_to_poller(std::uint32_t tail, std::uint32_t new_tail) noexcept;
    Expected<std::uint32_t> submit(std::span<const Command> batch, std::size_t in_syncobj_count,
                                   bool out) noexcept;

    // submission.cpp: its fences
    int import_fences(std::span<const Fence> fences) noexcept;
    int ensure_out_syncobj() noexcept;
    std::optional<Fence> take_out_fence() noexcept;
    void reset_syncobjs(std::size_t in_count, bool out) noexcept;
    void destroy_syncobjs() noexcept;

    std::shared_ptr<DeviceImpl> device;
    std::uint32_t id = 0;
    std::uint32_t handle = 0;
    std::uint32_t engine = 0;
    bool polled = false;
    std::uint32_t sq_entries = 0;
    std::uint32_t cq_entries = 0;
    std::uint32_t tag = 0;  // never 0 and never the same twice; in Commands, says whose slots

    UniqueFd own_fd;  // its doorbell, and what Ring::fd() shows

    std::byte* memory = nullptr;
    std::size_t memory_size = 0;
    drm_zaccel_ring_header* header = nullptr;
    drm_zaccel_command* sq = nullptr;
    const drm_zaccel_completion* cq = nullptr;

    // Our own indices: what stands in the header is for the kernel and never read back. Each is
    // written by one thread, on a cache line of its own.
    alignas(64) std::atomic<std::uint32_t> sq_tail{0};  // the submitting thread's
    alignas(64) std::atomic<std::uint32_t> cq_head{0};  // the reaping thread's

    alignas(64) std::mutex slots_mutex;
    bool open = true;
    std::vector<std::uint32_t> free_slots;  // has room for all: giving back allocates nothing

    // Made when first needed, for the submitting thread alone; 0 is no syncobj.
    std::array<drm_zaccel_sync, ZACCEL_MAX_SYNCOBJS> in_syncobjs{};
    drm_zaccel_sync out_syncobj{};
};

}  // namespace accel::detail
