// SPDX-License-Identifier: MIT
#pragma once

// The kernel's side of a ring in user space, for tests of the library's side.

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <accel/ring.hpp>

#include "common.hpp"

namespace accel::detail {
struct RingImpl;
}

namespace lib_tests {

/// What Ring keeps to itself.
accel::detail::RingImpl& impl_of(const accel::Ring& ring);

/// What a command's completion says, beside its user_data: it follows from every byte of the entry.
std::uint64_t result_of(const drm_zaccel_command& entry);
int status_of(const drm_zaccel_command& entry);

/// Does with a ring's memory what docs/ring-protocol.md asks of the kernel, step by step as
/// kernel/zaccel_fetch.c and zaccel_wait.c have it. Works at the library's own addresses: a race
/// over memory that is mapped twice is one that ThreadSanitizer cannot see.
///
/// One thread at a time fetches, one posts, any waits.
class RingPeer {
 public:
    explicit RingPeer(const accel::Ring& ring);

    /// Puts all indices of an unused ring, the library's too, where @p index commands leave them.
    void start_at(std::uint32_t index);

    /// The doorbell: takes all whole batches. 0 or an errno.
    int fetch(std::uint32_t& fetched);

    /// The engine: runs the oldest batch that was fetched. False when there is none.
    bool post();

    /// Sleeps until the tail has reached @p index. 0 or ETIME.
    int wait(std::uint32_t index, std::int64_t deadline_ns) const;

    /// Lengths of the batches fetched, in order.
    const std::vector<std::uint32_t>& batches() const { return batches_; }

 private:
    struct Job {
        std::uint32_t first;
        std::uint32_t count;
    };

    int completion_space(std::uint32_t& space) const;
    int copy_batch(std::uint32_t tail);
    int fetch_one(std::uint32_t tail);
    void put_completion(std::uint32_t index);

    drm_zaccel_ring_header* header_;
    const drm_zaccel_command* sq_;
    drm_zaccel_completion* cq_;
    accel::detail::RingImpl& ring_;
    std::uint32_t sq_entries_;
    std::uint32_t cq_entries_;

    std::uint32_t sq_head_ = 0;      // entries fetched
    std::uint32_t cq_reserved_ = 0;  // completions promised by fetching
    std::vector<std::uint32_t> batches_;
    std::vector<drm_zaccel_command> copies_;  // by completion index

    // Completions that may be seen. Relaxed: what it ordered would hide what the header does not.
    std::atomic<std::uint32_t> cq_posted_{0};

    std::mutex jobs_mutex_;
    std::deque<Job> jobs_;
};

/// A fetching and a running thread. The doorbell only tells the first that it rang, and orders no
/// memory access, so that the ring's indices alone have to.
class PeerThreads {
 public:
    PeerThreads(RingPeer& peer, std::uint32_t seed);
    ~PeerThreads();
    PeerThreads(const PeerThreads&) = delete;
    PeerThreads& operator=(const PeerThreads&) = delete;

    int doorbell(std::uint32_t& fetched);

 private:
    void fetch_all(std::uint32_t seed);
    void run_all(std::uint32_t seed);

    RingPeer& peer_;
    std::atomic<std::uint32_t> rung_{0};      // doorbells so far
    std::atomic<std::uint64_t> answered_{0};  // those answered, and what to the last
    std::atomic<bool> stop_{false};
    std::thread fetcher_;
    std::thread engine_;
};

/// Wastes no time, some, or gives the CPU to somebody else.
class Jitter {
 public:
    explicit Jitter(std::uint32_t seed) : random_(seed) {}

    /// A number below @p limit.
    std::uint32_t below(std::uint32_t limit) {
        return static_cast<std::uint32_t>(random_() >> 8) % limit;
    }
    bool one_in(std::uint32_t n) { return below(n) == 0; }
    void operator()();

 private:
    std::mt19937 random_;
};

}  // namespace lib_tests
