// SPDX-License-Identifier: MIT
#pragma once

// Clients beside one that is in trouble.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <future>
#include <vector>

#include "poll.hpp"
#include "ring.hpp"

namespace uapi_tests {

/// A client that works and looks at what it gets.
class Worker {
 public:
    explicit Worker(const RingOptions& options = {})
        : ring_(file_, options), polled_(options.flags & ZACCEL_RING_POLL) {
        check(ring_.bind_range(0, buffer_, 0, size), "bind");
    }

    /// One batch.
    void work() {
        const std::int64_t start = now();
        const auto pattern = static_cast<std::uint64_t>(batches_ + 1);
        ring_.put_batch({fill(0, 0, size, pattern), crc32c(0, 0, size)});
        check(polled_ ? send(ring_) : ring_.submit(), "doorbell");
        ring_.wait_for(ring_.sq_tail());
        longest_ = std::max(longest_, now() - start);
        wrong_ += !is_right(ring_.reap(), pattern);
        batches_++;
    }

    /// One after another until told to end, in a thread of its own.
    void start(const std::atomic<bool>& stop) {
        result_ = std::async(std::launch::async, [this, &stop] {
            while (!stop) work();
        });
    }
    void join() { result_.get(); }

    int batches() const { return batches_; }
    /// Batches that failed, or did not do what they should.
    int wrong() const { return wrong_; }
    /// What the slowest took, in ns.
    std::int64_t longest() const { return longest_; }

 private:
    static constexpr std::uint64_t size = 16384;

    static std::int64_t now() { return deadline_in(std::chrono::seconds(0)); }

    bool is_right(const std::vector<drm_zaccel_completion>& done, std::uint64_t pattern) const {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < size; i += sizeof(pattern))
            sum += *reinterpret_cast<const std::uint64_t*>(memory_.data() + i);
        return statuses(done) == std::vector{0, 0} && sum == pattern * size / sizeof(pattern);
    }

    Fd file_ = open_device();
    Buffer buffer_{file_, size};
    Mapping memory_ = buffer_.map();
    Ring ring_;
    bool polled_;
    std::atomic<int> batches_ = 0;
    std::atomic<int> wrong_ = 0;
    std::int64_t longest_ = 0;
    std::future<void> result_;
};

}  // namespace uapi_tests
