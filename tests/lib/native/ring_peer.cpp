// SPDX-License-Identifier: MIT
#include "ring_peer.hpp"

#include <cerrno>
#include <chrono>
#include <memory>

#include "ring_impl.hpp"

namespace lib_tests {

namespace {

using accel::detail::RingImpl;
using Clock = std::chrono::steady_clock;

// Only an explicit instantiation may name a private member from outside.
template <auto Member>
struct Reach {
    friend std::shared_ptr<RingImpl> pimpl_of(const accel::Ring& ring) { return ring.*Member; }
};
std::shared_ptr<RingImpl> pimpl_of(const accel::Ring& ring);
template struct Reach<&accel::Ring::impl_>;

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
        .count();
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
    return (hash ^ value) * 0x9e3779b97f4a7c15;
}

}  // namespace

RingImpl& impl_of(const accel::Ring& ring) { return *pimpl_of(ring); }

std::uint64_t result_of(const drm_zaccel_command& entry) {
    std::uint64_t hash = mix(mix(entry.opcode, entry.pad), entry.user_data);
    hash = mix(mix(hash, entry.dst), entry.src);
    for (const std::uint64_t arg : entry.args) hash = mix(hash, arg);
    return hash;
}

int status_of(const drm_zaccel_command& entry) { return entry.user_data % 7 == 0 ? -ERANGE : 0; }

RingPeer::RingPeer(const accel::Ring& ring)
    : header_(impl_of(ring).header),
      sq_(impl_of(ring).sq),
      cq_(const_cast<drm_zaccel_completion*>(impl_of(ring).cq)),
      ring_(impl_of(ring)),
      sq_entries_(ring.capacity()),
      cq_entries_(ring.completion_capacity()),
      copies_(cq_entries_) {}

void RingPeer::start_at(std::uint32_t index) {
    ring_.sq_tail = ring_.cq_head = index;
    sq_head_ = cq_reserved_ = index;
    cq_posted_ = index;
    header_->sq_tail = header_->sq_head = header_->cq_tail = header_->cq_head = index;
}

// zaccel_ring_cq_space()
int RingPeer::completion_space(std::uint32_t& space) const {
    // Acquire: pairs with the reaper's release store, after its reads of the entries.
    const std::uint32_t head = zaccel_load_acquire(&header_->cq_head);
    const std::uint32_t posted = cq_posted_.load(std::memory_order_relaxed);

    if (!zaccel_ring_tail_valid(head, posted, cq_entries_) ||
        !zaccel_ring_tail_valid(head, cq_reserved_, cq_entries_))
        return EINVAL;
    space = zaccel_ring_free(head, cq_reserved_, cq_entries_);
    return 0;
}

// zaccel_ring_copy_batch(): a length, 0, or a negative errno.
int RingPeer::copy_batch(std::uint32_t tail) {
    const std::uint32_t available = zaccel_ring_count(sq_head_, tail);
    std::uint32_t space = 0;
    const int error = completion_space(space);
    if (error != 0) return -error;

    for (std::uint32_t i = 0; i < available; i++) {
        const drm_zaccel_command& entry = sq_[zaccel_ring_slot(sq_head_ + i, sq_entries_)];
        if (i >= space) {
            if (entry.flags & ZACCEL_CMD_END) return -EAGAIN;
            continue;
        }
        drm_zaccel_command& copy = copies_[zaccel_ring_slot(cq_reserved_ + i, cq_entries_)];
        copy = entry;
        if (copy.flags & ZACCEL_CMD_END) return static_cast<int>(i + 1);
    }
    return available == sq_entries_ ? -EINVAL : 0;
}

// zaccel_ring_fetch()
int RingPeer::fetch_one(std::uint32_t tail) {
    const int taken = copy_batch(tail);
    if (taken <= 0) return taken;

    const auto count = static_cast<std::uint32_t>(taken);
    const Job job{cq_reserved_, count};
    cq_reserved_ += count;
    sq_head_ += count;
    // Release: pairs with the submitter's load of sq_head: the copies are made.
    zaccel_store_release(&header_->sq_head, sq_head_);
    batches_.push_back(count);
    const std::scoped_lock lock(jobs_mutex_);
    jobs_.push_back(job);
    return taken;
}

// zaccel_ring_fetch_all()
int RingPeer::fetch(std::uint32_t& fetched) {
    // Acquire: pairs with the submitter's release: entries before index.
    const std::uint32_t tail = zaccel_load_acquire(&header_->sq_tail);
    if (!zaccel_ring_tail_valid(sq_head_, tail, sq_entries_)) return EINVAL;

    int taken;
    while ((taken = fetch_one(tail)) > 0) fetched += static_cast<std::uint32_t>(taken);
    return fetched != 0 ? 0 : -taken;
}

// zaccel_ring_put_completion()
void RingPeer::put_completion(std::uint32_t index) {
    const drm_zaccel_command& copy = copies_[zaccel_ring_slot(index, cq_entries_)];
    cq_[zaccel_ring_slot(index, cq_entries_)] = {
        .user_data = copy.user_data,
        .result = result_of(copy),
        .time_ns = index,
        .status = status_of(copy),
        .flags = 0,
    };
}

// zaccel_ring_post()
bool RingPeer::post() {
    Job job{};
    {
        const std::scoped_lock lock(jobs_mutex_);
        if (jobs_.empty()) return false;
        job = jobs_.front();
        jobs_.pop_front();
    }
    const std::uint32_t end = job.first + job.count;
    for (std::uint32_t i = job.first; i != end; i++) put_completion(i);

    cq_posted_.store(end, std::memory_order_relaxed);
    // Release: pairs with the reaper's load of cq_tail: entries before index.
    zaccel_store_release(&header_->cq_tail, end);
    return true;
}

// zaccel_ring_wait(), without its sleep. What is looked at is the library's own cq_tail, relaxed:
// it cannot look older to whoever returns from here, and nothing else becomes visible by it.
int RingPeer::wait(std::uint32_t index, std::int64_t deadline_ns) const {
    while (!zaccel_ring_reached(__atomic_load_n(&header_->cq_tail, __ATOMIC_RELAXED), index)) {
        if (now_ns() >= deadline_ns) return ETIME;
        std::this_thread::yield();
    }
    return 0;
}

PeerThreads::PeerThreads(RingPeer& peer, std::uint32_t seed)
    : peer_(peer),
      fetcher_([this, seed] { fetch_all(seed); }),
      engine_([this, seed] { run_all(seed); }) {}

PeerThreads::~PeerThreads() {
    stop_ = true;
    fetcher_.join();
    engine_.join();
}

// An answer is the doorbell's number, an errno and how many were fetched.
int PeerThreads::doorbell(std::uint32_t& fetched) {
    const std::uint32_t mine = rung_.load(std::memory_order_relaxed) + 1;
    rung_.store(mine, std::memory_order_relaxed);

    std::uint64_t answer;
    while ((answer = answered_.load(std::memory_order_relaxed)) >> 32 != mine)
        std::this_thread::yield();
    fetched = answer & 0xffff;
    return static_cast<int>(answer >> 16 & 0xffff);
}

void PeerThreads::fetch_all(std::uint32_t seed) {
    Jitter jitter(seed * 4 + 2);
    std::uint32_t answered = 0;

    while (!stop_.load(std::memory_order_relaxed)) {
        const std::uint32_t rung = rung_.load(std::memory_order_relaxed);
        if (rung == answered) {
            std::this_thread::yield();
            continue;
        }
        jitter();
        std::uint32_t fetched = 0;
        int error = 0;
        // The doorbell may be seen before the tail, if that is ever stored.
        for (int i = 0; i < 100'000 && error == 0 && fetched == 0; i++)
            error = peer_.fetch(fetched);
        jitter();
        answered = rung;
        answered_.store(
            std::uint64_t{rung} << 32 | static_cast<std::uint64_t>(error) << 16 | fetched,
            std::memory_order_relaxed);
    }
}

void PeerThreads::run_all(std::uint32_t seed) {
    Jitter jitter(seed * 4 + 3);
    while (!stop_.load(std::memory_order_relaxed)) {
        if (!peer_.post()) std::this_thread::yield();
        jitter();
    }
}

void Jitter::operator()() {
    const std::uint32_t kind = below(8);
    if (kind == 0) std::this_thread::yield();
    if (kind != 1) return;
    const std::int64_t end = now_ns() + below(2000);
    while (now_ns() < end) continue;
}

}  // namespace lib_tests
