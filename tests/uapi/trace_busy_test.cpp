// SPDX-License-Identifier: MIT

// Three tell for how long the engine ran a client's batches: tracepoints, fdinfo, and the list of
// clients. They say the same, wherever the batches ran.

#include <unistd.h>

#include <set>
#include <vector>

#include "debugfs.hpp"
#include "fdinfo.hpp"
#include "fixture.hpp"
#include "inline.hpp"
#include "poll.hpp"
#include "ring.hpp"
#include "trace.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

class BusyTime : public DeviceTest {
 protected:
    static constexpr std::uint64_t size = 64 * page;
    static constexpr std::uint64_t rounds = 20, batches_of_a_round = 3;

    Ring& add_ring(const RingOptions& options = {}) {
        Ring& ring = rings_.emplace_back(device_, options);
        check(ring.bind_range(0, buffer_, 0, size), "bind");
        return ring;
    }

    /// Batches that succeed, fail, and are canceled in part. @param bytes  of the longest
    static void work(Ring& ring, std::uint64_t bytes = page) {
        for (std::uint64_t i = 0; i < rounds; i++) {
            ring.run({nop(), fill(0, 0, 64, i)});
            ring.run({crc32c(0, 0, bytes)});
            ring.run({fill(0, 0, 64, i), fill(0, size, 1, 1), nop()});
        }
    }

    std::set<pid_t> threads() const {
        std::set<pid_t> all;
        for (const TraceEvent& event : ends_.events()) all.insert(event.thread);
        return all;
    }

    /// With nothing under way, and nobody else at work.
    void expect_all_say_the_same(std::uint64_t batches) const {
        std::uint64_t busy_ns = 0;
        const std::vector<TraceEvent> ends = ends_.events();
        for (const TraceEvent& event : ends) busy_ns += event.number("busy_ns");
        const Fdinfo info(device_);
        const Line line = read_list("clients", "client", info.client_id()).at(0);
        EXPECT_EQ(ends.size(), batches);
        EXPECT_EQ(info.batches(), batches);
        EXPECT_EQ(number(line, "batches"), batches);
        EXPECT_GT(busy_ns, 0U);
        EXPECT_EQ(info.busy_ns(), busy_ns);
        EXPECT_EQ(number(line, "busy_ns"), busy_ns);
    }

    const pid_t engine_ = EngineThreads().pids().at(0);
    InlineBytes inline_bytes_;
    Buffer buffer_{device_, size};
    std::vector<Ring> rings_;
    Trace ends_{{"zaccel/zaccel_complete"}};
};

TEST_F(BusyTime, OfTheThread) {
    inline_bytes_.set(0);
    work(add_ring(), size);
    EXPECT_EQ(threads(), std::set{engine_});
    expect_all_say_the_same(rounds * batches_of_a_round);
}

TEST_F(BusyTime, OfDoorbells) {
    work(add_ring());
    EXPECT_EQ(threads(), std::set{::gettid()});
    expect_all_say_the_same(rounds * batches_of_a_round);
}

TEST_F(BusyTime, OfThePoller) {
    work(add_ring(polled()));
    EXPECT_EQ(threads(), std::set{only_poller()});
    expect_all_say_the_same(rounds * batches_of_a_round);
}

// Rings that have ended still count.
TEST_F(BusyTime, OfAllTogether) {
    work(add_ring(), size);
    work(add_ring(polled()), size);
    EXPECT_EQ(threads(), (std::set{engine_, ::gettid(), only_poller()}));
    rings_.clear();
    work(add_ring());
    expect_all_say_the_same(3 * rounds * batches_of_a_round);
}

}  // namespace
}  // namespace uapi_tests
