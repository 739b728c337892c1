// SPDX-License-Identifier: MIT
#pragma once

#include <accel/buffer.hpp>
#include <accel/command.hpp>
#include <accel/device.hpp>
#include <accel/expected.hpp>
#include <accel/export.hpp>
#include <accel/fence.hpp>
#include <accel/image.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace accel {

namespace detail {
struct RingImpl;
}

/// Whose batches an engine runs first. Those of a higher one also come between two slices of one
/// that runs.
enum class Priority : std::uint32_t {
    normal,
    low,   ///< After all others.
    high,  ///< Before all others. Needs CAP_SYS_NICE.
};

/// A thread of the kernel takes a ring's batches as soon as they are there, so that submitting is
/// no system call for as long as the thread is awake. It keeps a CPU busy meanwhile. All such rings
/// of a Device share it.
struct Polling {
    /// For how long the thread finds nothing before it sleeps, to be woken by the next submission.
    /// At most DeviceLimits::max_idle_time; of a Device's rings the longest counts. 0:
    /// DeviceLimits::default_idle_time.
    std::chrono::microseconds idle_time{0};
    /// Where it runs; by default where the poller of the Device's other rings does, or on any CPU
    /// that the caller may run on.
    std::optional<std::uint32_t> cpu{};
};

/// How large a ring is and who runs it.
struct RingOptions {
    std::uint32_t entries = 64;            ///< Commands of the largest batch; a power of two.
    std::uint32_t completion_entries = 0;  ///< Commands in flight or not reaped; 0: twice entries.
    std::uint32_t slots = 64;              ///< Most Slots at a time.
    std::uint32_t engine = 0;              ///< EngineInfo::id
    Priority priority = Priority::normal;  ///< Of all its batches.
    /// A batch that makes no progress for so long fails with ETIMEDOUT; at most
    /// DeviceLimits::max_batch_time. 0: DeviceLimits::default_timeout.
    std::chrono::milliseconds timeout{0};
    /// A Device's first one needs CAP_SYS_NICE, or an administrator's grant.
    std::optional<Polling> polling{};
};

/// A place in a ring's table that names a range of a buffer, or an image. The place is free again
/// when the Slot is destroyed; commands submitted before are not affected.
///
/// The memory bound stays alive for as long as both the Slot and its Ring do. Move-only. A Slot may
/// outlive its Ring, and then does nothing. Thread-safe apart from moving and destroying it.
class ACCEL_API Slot {
 public:
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    Slot(Slot&& other) noexcept;
    Slot& operator=(Slot&& other) noexcept;
    ~Slot();

    std::uint32_t index() const noexcept { return index_; }  ///< Place in the table.
    std::uint64_t size() const noexcept { return size_; }    ///< Bytes of a range; 0 for an image.

    /// False once moved from.
    explicit operator bool() const noexcept { return ring_ != nullptr; }

 private:
    friend class Command;
    friend class Ring;
    Slot(std::shared_ptr<detail::RingImpl> ring, std::uint32_t index, std::uint64_t size) noexcept;

    std::shared_ptr<detail::RingImpl> ring_;
    std::uint32_t index_;
    std::uint64_t size_;
};

/// Fences of a submission.
struct SubmitOptions {
    std::span<const Fence> wait_for{};  ///< The batch starts when all have signalled; at most 16.
    bool fence = false;                 ///< Ask for a Fence that signals when the batch is done.
};

/// A batch on its way.
struct Submission {
    /// For Ring::wait_for(): the completion index reached when the whole batch has completed.
    std::uint32_t index = 0;
    std::optional<Fence> fence{};  ///< When SubmitOptions::fence asked for it; see try_submit().
};

/// A queue of commands to one engine, and the queue of their completions.
///
/// What is submitted in one call is one batch: it runs in order and contiguously, and when a
/// command of it fails the rest is canceled. Each command gives one completion, in order. A batch
/// has at most capacity() commands; submitted and not yet reaped ones are at most
/// completion_capacity().
///
/// Thread-bound on each side: one thread at a time submits, one at a time (the same or another)
/// reaps. wait_for(), bind() and the plain questions may be called from any thread. No call of the
/// hot path (try_submit, try_reap, wait_for) allocates or throws.
///
/// Move-only. When it is destroyed, batches that have not run end as canceled, and so do their
/// fences; of a polled ring, batches may be gone without a trace. The destructor waits for no
/// batch: a batch that runs already is told to stop, but may write into its buffers for a moment
/// after the Ring is gone. Where that matters, reap every completion first, or use Buffer::wait().
class ACCEL_API Ring {
 public:
    /// @throws Error invalid_argument (sizes or times out of DeviceLimits, or no powers of two; a
    ///         CPU that the caller may not run on), not_found (engine), access_denied (high
    ///         priority or polling), busy (the Device's rings are polled, not on that CPU),
    ///         quota_exceeded (too many rings, polled Devices or descriptors), out_of_memory,
    ///         device_lost
    explicit Ring(const Device& device, const RingOptions& options = {});

    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    Ring(Ring&& other) noexcept;
    Ring& operator=(Ring&& other) noexcept;
    ~Ring();

    /// Binds bytes of a buffer. On an imported buffer this waits for its fences.
    /// @param size bytes; to_end for all from @p offset on
    /// @throws Error out_of_range, invalid_argument (size 0, or another Device's buffer),
    ///         not_supported (memory that the CPU cannot map, with an engine that is the CPU),
    ///         quota_exceeded (all slots in use), device_lost
    Slot bind(const Buffer& buffer, std::uint64_t offset = 0, std::uint64_t size = to_end);

    /// Binds an image. On imported buffers this waits for their fences.
    /// @throws Error as above; constraint_unmet (an offset or pitch that is no multiple of
    ///         DeviceLimits::pitch_align), not_supported (format or modifier), invalid_argument
    ///         (size, number of planes, pitch shorter than a line)
    Slot bind(const Image& image);

    /// Hands one batch over, or nothing at all. To a polled ring whose device has been lost it may
    /// do so a few times more, for as long as the poller has not gone to sleep.
    /// @return the completion index reached when the whole batch has completed (running freely
    ///         modulo 2^32), for wait_for(); ring_full (reap first), invalid_argument (empty, more
    ///         than capacity(), or a Slot of another ring), device_lost, out_of_memory
    Expected<std::uint32_t> try_submit(std::span<const Command> batch) noexcept;
    Expected<std::uint32_t> try_submit(const Command& command) noexcept {
        return try_submit(std::span(&command, 1));
    }

    /// The same with fences; costs up to two system calls per fence more. Not for a polled ring.
    ///
    /// When the process has no descriptor left for the fence it asked for, the batch is submitted
    /// all the same and Submission::fence is empty: wait for the index then.
    /// @return also not_a_fence (moved-from), invalid_argument (more than 16 fences), not_supported
    ///         (fences, and a ring that is polled)
    Expected<Submission> try_submit(std::span<const Command> batch,
                                    const SubmitOptions& options) noexcept;

    /// try_submit() that throws its errors, ring_full included.
    std::uint32_t submit(std::span<const Command> batch);
    std::uint32_t submit(const Command& command) { return submit(std::span(&command, 1)); }
    Submission submit(std::span<const Command> batch, const SubmitOptions& options);

    /// Takes the next completion.
    /// @return no_completion when there is none yet; io_error when the ring's memory says what
    ///         cannot be, because something scribbled over it
    Expected<Completion> try_reap() noexcept;

    /// Takes the next completion, waiting for it.
    /// @throws Error timed_out, device_lost, or as try_reap() returns
    Completion reap(std::chrono::nanoseconds timeout = forever);

    /// Waits until completions up to @p index (of try_submit()) are there, reaped or not. Looks
    /// into the completion queue for a moment before it sleeps in the kernel.
    /// @return timed_out, device_lost
    Expected<void> wait_for(std::uint32_t index, std::chrono::nanoseconds timeout) const noexcept;

    std::uint32_t capacity() const noexcept;             ///< Commands of the largest batch.
    std::uint32_t completion_capacity() const noexcept;  ///< Commands submitted and not reaped.
    std::uint32_t submitted() const noexcept;            ///< What the last try_submit() returned.
    std::uint32_t engine() const noexcept;               ///< EngineInfo::id

    /// Commands submitted and not reaped, now. A batch counts once the call that submits it has
    /// returned, so another thread that reaps may see 0 for a batch of which it has a completion.
    std::uint32_t outstanding() const noexcept;

    /// For poll() and its like, in a loop with other descriptors: readable while completions wait
    /// to be reaped, hung up once the device is lost. Owned by the ring: to be neither read nor
    /// closed. -1 once moved from.
    int fd() const noexcept;

    /// False once moved from; then every call answers invalid_argument, or 0.
    explicit operator bool() const noexcept { return impl_ != nullptr; }

 private:
    std::shared_ptr<detail::RingImpl> impl_;
};

}  // namespace accel
