// SPDX-License-Identifier: MIT
#include "crowd.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "cpus.hpp"
#include "ring.hpp"
#include "shared_array.hpp"

namespace uapi_tests {

namespace {

/// Slots.
enum : std::uint32_t { cell, bulk };

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t cell_size = 8;

/// CRC32C of eight bytes, bit by bit.
std::uint32_t checksum(std::uint64_t word) {
    std::uint32_t crc = ~0U;
    for (int byte = 0; byte < 8; byte++, word >>= 8) {
        crc ^= static_cast<std::uint8_t>(word);
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

/// Counts of one ring, in memory of all.
struct Tally {
    std::atomic<std::uint32_t> batches;
    std::atomic<std::uint32_t> violations;
};

RingOptions with_priority(std::uint32_t priority) {
    RingOptions options;
    options.priority = priority;
    return options;
}

/// One ring of a process, and what it is to show.
class Member {
 public:
    Member(const Fd& device, const Crowd::Options& options, Tally& tally)
        : options_(options),
          tally_(tally),
          buffer_(device, page + options.bytes),
          ring_(device, with_priority(options.priority)) {
        check(ring_.bind_range(cell, buffer_, 0, cell_size), "bind");
        check(ring_.bind_range(bulk, buffer_, page, options.bytes), "bind");
    }

    /// Take what is done, put as much behind it.
    void turn() {
        for (const drm_zaccel_completion& done : ring_.reap()) look_at(done);
        while (ring_.sq_tail() - ring_.cq_head() < per_batch * options_.outstanding) {
            ring_.put_batch({with_number(crc32c(cell, 0, cell_size)),
                             fill(bulk, 0, options_.bytes, number_),
                             fill(cell, 0, cell_size, number_ + 1)});
            number_++;
        }
        if (ring_.sq_head() != ring_.sq_tail()) check(ring_.submit(), "submit");
    }

    void wait() const { ring_.wait_for(ring_.cq_head() + 1); }

 private:
    static constexpr std::uint32_t per_batch = 3;
    /// Of completions that say what was found.
    static constexpr std::uint64_t mark = 1ULL << 63;

    drm_zaccel_command with_number(drm_zaccel_command command) const {
        command.user_data = mark | number_;
        return command;
    }

    void look_at(const drm_zaccel_completion& done) {
        bool good = done.status == 0 && done.time_ns >= time_;
        time_ = done.time_ns;
        if (done.user_data & mark) {
            good &= done.user_data == (mark | seen_) && done.result == checksum(seen_);
            seen_++;
            tally_.batches++;
        }
        tally_.violations += !good;
    }

    Crowd::Options options_;
    Tally& tally_;
    Buffer buffer_;
    Ring ring_;
    std::uint64_t number_ = 0;
    std::uint64_t seen_ = 0;
    std::uint64_t time_ = 0;
};

[[noreturn]] void live(const Crowd::Options& options, Tally* tallies,
                       std::atomic<std::uint32_t>& begun) {
    const Fd device = open_device();
    std::vector<std::unique_ptr<Member>> members;
    for (std::size_t i = 0; i < options.rings; i++)
        members.push_back(std::make_unique<Member>(device, options, tallies[i]));
    for (const auto& member : members) member->turn();
    begun++;
    for (;;) {
        for (const auto& member : members) {
            member->wait();
            member->turn();
        }
    }
}

}  // namespace

struct Crowd::Shared {
    explicit Shared(std::size_t rings) : tallies(rings) {}

    SharedArray<Tally> tallies;
    SharedArray<std::atomic<std::uint32_t>> begun{1};
};

Crowd::Crowd(const Options& options)
    : options_(options), shared_(std::make_unique<Shared>(options.processes * options.rings)) {
    for (std::size_t i = 0; i < options.processes; i++)
        processes_.push_back(std::make_unique<Child>([&, i]() -> int {
            run_on(i % options_.on_cpus);
            live(options_, &shared_->tallies[i * options_.rings], shared_->begun[0]);
        }));
    EXPECT_TRUE(eventually([&] { return shared_->begun[0] == options_.processes; }));
}

Crowd::~Crowd() {
    for (const auto& process : processes_) process->kill();
}

std::vector<double> Crowd::work(std::chrono::milliseconds time) const {
    std::vector<double> done;
    for (std::size_t i = 0; i < options_.processes * options_.rings; i++)
        done.push_back(-double(shared_->tallies[i].batches));
    ::usleep(static_cast<useconds_t>(std::chrono::microseconds(time).count()));
    for (std::size_t i = 0; i < done.size(); i++) done[i] += shared_->tallies[i].batches;
    return done;
}

std::uint32_t Crowd::violations() const {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < options_.processes * options_.rings; i++)
        sum += shared_->tallies[i].violations;
    return sum;
}

double fairness(const std::vector<double>& shares) {
    double sum = 0, squares = 0;
    for (const double share : shares) {
        sum += share;
        squares += share * share;
    }
    return squares > 0 ? sum * sum / (static_cast<double>(shares.size()) * squares) : 0;
}

}  // namespace uapi_tests
