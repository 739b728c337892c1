// SPDX-License-Identifier: MIT
#include <accel/ring.hpp>

#include <sys/mman.h>
#include <sys/types.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <limits>
#include <numeric>
#include <string>

#include "deadline.hpp"
#include "failure.hpp"
#include "ioctl.hpp"
#include "ring_impl.hpp"

namespace accel {

namespace {

// About as long as a small batch takes that runs within the doorbell's reach; a sleep costs more.
constexpr int spin_rounds = 100;

void pause_cpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

std::uint32_t next_tag() noexcept {
    static std::atomic<std::uint32_t> last{0};
    std::uint32_t tag;
    do {
        tag = last.fetch_add(1, std::memory_order_relaxed) + 1;
    } while (tag == 0);
    return tag;
}

// Twice the submission queue, or as near to it as the device allows.
std::uint32_t default_completions(const DeviceLimits& limits, std::uint32_t entries) noexcept {
    const std::uint64_t twice = 2 * static_cast<std::uint64_t>(entries);
    return static_cast<std::uint32_t>(
        std::min(twice, std::uint64_t{std::max(limits.max_ring_entries, entries)}));
}

// What cannot be is left to the device to refuse.
template <typename Duration>
std::uint32_t to_number(Duration time) noexcept {
    const auto most = std::int64_t{std::numeric_limits<std::uint32_t>::max()};
    return static_cast<std::uint32_t>(time.count() < 0 ? most : std::min(time.count(), most));
}

void set_polling(drm_zaccel_ring_create& args, const Polling& polling) noexcept {
    args.flags = ZACCEL_RING_POLL;
    args.idle_us = to_number(polling.idle_time);
    if (!polling.cpu) return;
    args.flags |= ZACCEL_RING_POLL_CPU;
    args.poll_cpu = *polling.cpu;
}

Completion to_completion(const drm_zaccel_completion& entry) noexcept {
    return {
        .user_data = entry.user_data,
        .result = entry.result,
        // The kernel writes 0 or -errno; nothing else can do harm here.
        .status = error_from_errno(static_cast<int>(0u - static_cast<unsigned>(entry.status))),
        .time = std::chrono::steady_clock::time_point(
            std::chrono::nanoseconds(static_cast<std::int64_t>(entry.time_ns))),
    };
}

}  // namespace

namespace detail {

RingImpl::RingImpl(std::shared_ptr<DeviceImpl> owner, const RingOptions& options)
    : device(std::move(owner)),
      engine(options.engine),
      polled(options.polling.has_value()),
      tag(next_tag()) {
    drm_zaccel_ring_create args{};
    args.engine = options.engine;
    args.sq_entries = options.entries;
    args.cq_entries = options.completion_entries != 0
                          ? options.completion_entries
                          : default_completions(device->info.limits, options.entries);
    args.sqe_size = sizeof(drm_zaccel_command);
    args.cqe_size = sizeof(drm_zaccel_completion);
    args.slots = options.slots;
    args.priority = static_cast<std::uint32_t>(options.priority);
    args.timeout_ms = to_number(options.timeout);
    if (options.polling) set_polling(args, *options.polling);

    const auto thing = [&] {
        return "ring of " + std::to_string(args.sq_entries) + " commands, " +
               std::to_string(args.cq_entries) + " completions and " + std::to_string(args.slots) +
               " slots on engine " + std::to_string(args.engine);
    };
    check(sys::ring_create(device->fd.get(), args), thing);
    id = args.id;
    handle = args.handle;
    sq_entries = args.sq_entries;
    cq_entries = args.cq_entries;

    try {
        open_own_fd(thing());
        map_memory(args, thing());
        free_slots.resize(args.slots);
        std::iota(free_slots.rbegin(), free_slots.rend(), 0u);
    } catch (...) {
        close();
        throw;
    }
}

void RingImpl::open_own_fd(const std::string& thing) {
    int number = -1;
    check(sys::ring_fd(device->fd.get(), id, number), [&] { return "descriptor of a " + thing; });
    own_fd.reset(number);
}

void RingImpl::map_memory(const drm_zaccel_ring_create& args, const std::string& thing) {
    drm_zaccel_buffer_info info{};
    info.handle = handle;
    check(sys::buffer_info(device->fd.get(), info), [&] { return thing; });

    static_assert(sizeof(off_t) == sizeof(info.mmap_offset));
    void* mapped = ::mmap(nullptr, args.size, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd.get(),
                          static_cast<off_t>(info.mmap_offset));
    if (mapped == MAP_FAILED) {
        const int number = errno;
        fail(number, "memory of a " + thing);
    }

    memory = static_cast<std::byte*>(mapped);
    memory_size = args.size;
    header = reinterpret_cast<drm_zaccel_ring_header*>(memory);
    sq = reinterpret_cast<drm_zaccel_command*>(memory + args.sq_offset);
    cq = reinterpret_cast<const drm_zaccel_completion*>(memory + args.cq_offset);
}

void RingImpl::close() noexcept {
    const std::scoped_lock lock(slots_mutex);
    if (!open) return;

    open = false;
    sys::ring_destroy(device->fd.get(), id);
    own_fd.reset();
    destroy_syncobjs();
    if (memory) ::munmap(memory, memory_size);
    memory = nullptr;
    sys::gem_close(device->fd.get(), handle);
}

bool RingImpl::has_room(std::uint32_t tail, std::uint32_t count) const noexcept {
    // Acquire: pairs with the reaping thread's release store in Ring::try_reap(). Completion room
    // is counted from submission on, so that the kernel, which reserves it at the doorbell, never
    // finds too little.
    const std::uint32_t reaped = cq_head.load(std::memory_order_acquire);
    if (zaccel_ring_free(reaped, tail, cq_entries) < count) return false;

    // Acquire: pairs with the kernel's release store of sq_head, after which it reads the entries
    // before it no more and they may be overwritten.
    const std::uint32_t fetched = zaccel_load_acquire(&header->sq_head);
    return zaccel_ring_tail_valid(fetched, tail, sq_entries) &&
           zaccel_ring_free(fetched, tail, sq_entries) >= count;
}

bool RingImpl::has_posted(std::uint32_t index) const noexcept {
    // Acquire: pairs with the kernel's release store of cq_tail.
    return zaccel_ring_reached(zaccel_load_acquire(&header->cq_tail), index);
}

// False when a command names a slot of another ring. Nothing of it is published yet.
bool RingImpl::write_batch(std::span<const Command> batch, std::uint32_t tail) noexcept {
    for (std::size_t i = 0; i < batch.size(); i++) {
        auto entry = std::bit_cast<drm_zaccel_command>(batch[i]);
        const bool last = i + 1 == batch.size();

        if (entry.pad != 0 && entry.pad != tag) return false;
        entry.pad = 0;
        entry.flags =
            static_cast<__u16>((entry.flags & ~ZACCEL_CMD_END) | (last ? ZACCEL_CMD_END : 0u));
        sq[zaccel_ring_slot(tail + static_cast<std::uint32_t>(i), sq_entries)] = entry;
    }
    return true;
}

int RingImpl::submit_with_syncobjs(std::size_t in_count, bool out,
                                   std::uint32_t& fetched) noexcept {
    drm_zaccel_ring_submit args{};
    args.id = id;
    args.in_syncobjs = reinterpret_cast<std::uintptr_t>(in_syncobjs.data());
    args.in_count = static_cast<__u32>(in_count);
    args.out_syncobjs = reinterpret_cast<std::uintptr_t>(&out_syncobj);
    args.out_count = out ? 1 : 0;

    const int number = sys::ring_submit(device->fd.get(), args);
    fetched = args.fetched;
    return number;
}

int RingImpl::ring_doorbell(std::size_t in_syncobj_count, bool out) noexcept {
    std::uint32_t fetched = 0;
    // The ring's own descriptor is the shorter way in, and knows nothing of fences.
    const int number = in_syncobj_count == 0 && !out
                           ? sys::ring_kick(own_fd.get(), fetched)
                           : submit_with_syncobjs(in_syncobj_count, out, fetched);
    if (number != 0) return number;
    // There was one whole batch: it has been taken whole, or not at all.
    return fetched != 0 ? 0 : EAGAIN;
}

// The errno of waking the poller, where it has said that it sleeps.
int RingImpl::wake_poller() noexcept {
    const std::uint32_t flags = std::atomic_ref(header->flags).load(std::memory_order_seq_cst);
    if ((flags & ZACCEL_RING_NEED_WAKEUP) == 0) return 0;
    std::uint32_t fetched = 0;
    return sys::ring_kick(own_fd.get(), fetched);
}

// From the store on the entries are the poller's: only when the ring has ended they can be taken
// back.
Expected<std::uint32_t> RingImpl::hand_to_poller(std::uint32_t tail,
                                                 std::uint32_t new_tail) noexcept {
    // Release: pairs with the acquire loads of submitted() and outstanding().
    sq_tail.store(new_tail, std::memory_order_release);
    // One order of all: pairs with the poller, which says that it sleeps and then looks at the
    // tail.
    std::atomic_ref(header->sq_tail).store(new_tail, std::memory_order_seq_cst);
    const int number = wake_poller();
    // Nothing is taken any more, but this batch may have been just before.
    if (number == 0 || zaccel_load_acquire(&header->sq_head) == new_tail) return new_tail;
    zaccel_store_release(&header->sq_tail, tail);
    sq_tail.store(tail, std::memory_order_release);
    return Unexpected(error_from_errno(number));
}

Expected<std::uint32_t> RingImpl::submit(std::span<const Command> batch,
                                         std::size_t in_syncobj_count, bool out) noexcept {
    if (batch.empty() || batch.size() > sq_entries) return Unexpected(Errc::invalid_argument);

    const auto count = static_cast<std::uint32_t>(batch.size());
    const std::uint32_t tail = sq_tail.load(std::memory_order_relaxed);  // our own
    if (!has_room(tail, count)) {
        // A poller that takes nothing may have lost its device, which only a doorbell tells.
        const int number = polled ? wake_poller() : 0;
        return Unexpected(number == 0 ? make_error_code(Errc::ring_full)
                                      : error_from_errno(number));
    }
    if (!write_batch(batch, tail)) return Unexpected(Errc::invalid_argument);

    if (polled) return hand_to_poller(tail, tail + count);

    // Release: pairs with the kernel's acquire load of sq_tail in the doorbell.
    zaccel_store_release(&header->sq_tail, tail + count);
    const int number = ring_doorbell(in_syncobj_count, out);
    if (number != 0) {
        // Nothing was taken. The kernel looks at the tail in a doorbell only, and doorbells of this
        // ring are this thread's: taking the entries back is safe, and leaving them would hand them
        // over with the next batch.
        zaccel_store_release(&header->sq_tail, tail);
        return Unexpected(number == EAGAIN ? make_error_code(Errc::ring_full)
                                           : error_from_errno(number));
    }

    // Release: pairs with the acquire loads of submitted() and outstanding().
    sq_tail.store(tail + count, std::memory_order_release);
    return tail + count;
}

}  // namespace detail

Ring::Ring(const Device& device, const RingOptions& options)
    : impl_(std::make_shared<detail::RingImpl>(device.internal(), options)) {}

Ring::Ring(Ring&&) noexcept = default;

Ring& Ring::operator=(Ring&& other) noexcept {
    if (this != &other) {
        if (impl_) impl_->close();
        impl_ = std::move(other.impl_);
    }
    return *this;
}

Ring::~Ring() {
    if (impl_) impl_->close();
}

Expected<std::uint32_t> Ring::try_submit(std::span<const Command> batch) noexcept {
    if (!impl_) return Unexpected(Errc::invalid_argument);
    return impl_->submit(batch, 0, false);
}

std::uint32_t Ring::submit(std::span<const Command> batch) {
    const Expected<std::uint32_t> index = try_submit(batch);
    if (!index)
        throw Error(index.error(), "batch of " + std::to_string(batch.size()) + " commands");
    return *index;
}

Expected<Completion> Ring::try_reap() noexcept {
    if (!impl_) return Unexpected(Errc::invalid_argument);

    const std::uint32_t head = impl_->cq_head.load(std::memory_order_relaxed);  // our own
    // Acquire: pairs with the kernel's release store of cq_tail, behind the entries before it.
    const std::uint32_t tail = zaccel_load_acquire(&impl_->header->cq_tail);
    if (head == tail) return Unexpected(Errc::no_completion);
    if (!zaccel_ring_tail_valid(head, tail, impl_->cq_entries)) return Unexpected(Errc::io_error);

    const drm_zaccel_completion entry = impl_->cq[zaccel_ring_slot(head, impl_->cq_entries)];
    // Release: pairs with the kernel's acquire load of cq_head, after which it may overwrite the
    // entry: our copy is complete.
    zaccel_store_release(&impl_->header->cq_head, head + 1);
    // Release: pairs with the submitting thread's acquire load in has_room(), so that a doorbell
    // that counts on this entry's room comes behind the store above.
    impl_->cq_head.store(head + 1, std::memory_order_release);
    return to_completion(entry);
}

Completion Ring::reap(std::chrono::nanoseconds timeout) {
    if (!impl_) detail::fail(Errc::invalid_argument, "moved-from Ring");

    const std::uint32_t next = impl_->cq_head.load(std::memory_order_relaxed) + 1;
    const Expected<void> posted = wait_for(next, timeout);
    if (!posted) throw Error(posted.error(), "completion " + std::to_string(next));
    return try_reap().value();
}

Expected<void> Ring::wait_for(std::uint32_t index,
                              std::chrono::nanoseconds timeout) const noexcept {
    if (!impl_) return Unexpected(Errc::invalid_argument);

    const bool wait = timeout.count() > 0;
    for (int i = 0; i < (wait ? spin_rounds : 1); i++) {
        if (impl_->has_posted(index)) return {};
        if (wait) pause_cpu();
    }
    if (!wait) return Unexpected(Errc::timed_out);

    drm_zaccel_ring_wait args{};
    args.id = impl_->id;
    args.index = index;
    args.deadline_ns = detail::deadline_after(timeout);
    const int number = sys::ring_wait(impl_->device->fd.get(), args);
    // What was posted counts, even when the device went while we were on our way to sleep.
    if (number != 0 && !impl_->has_posted(index)) return Unexpected(error_from_errno(number));
    return {};
}

std::uint32_t Ring::capacity() const noexcept { return impl_ ? impl_->sq_entries : 0; }

std::uint32_t Ring::completion_capacity() const noexcept { return impl_ ? impl_->cq_entries : 0; }

std::uint32_t Ring::submitted() const noexcept {
    return impl_ ? impl_->sq_tail.load(std::memory_order_acquire) : 0;
}

std::uint32_t Ring::outstanding() const noexcept {
    if (!impl_) return 0;
    // The tail while the head stood still: with an older head there would be more of them than the
    // queue holds. Only a batch that was reaped before its doorbell returned, where we store the
    // tail, can put that behind the head.
    std::uint32_t head, tail;
    do {
        head = impl_->cq_head.load(std::memory_order_acquire);
        tail = impl_->sq_tail.load(std::memory_order_acquire);
    } while (impl_->cq_head.load(std::memory_order_relaxed) != head);
    return zaccel_ring_reached(tail, head) ? zaccel_ring_count(head, tail) : 0;
}

int Ring::fd() const noexcept { return impl_ ? impl_->own_fd.get() : -1; }

std::uint32_t Ring::engine() const noexcept { return impl_ ? impl_->engine : 0; }

}  // namespace accel
