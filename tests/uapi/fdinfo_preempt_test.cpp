// SPDX-License-Identifier: MIT

// Whose time it is while a batch has been preempted by others, as fdinfo says it.

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fault.hpp"
#include "fdinfo.hpp"
#include "fixture.hpp"
#include "ring.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

constexpr std::uint32_t low = ZACCEL_PRIORITY_LOW;
constexpr std::uint32_t normal = ZACCEL_PRIORITY_NORMAL;
constexpr std::uint32_t high = ZACCEL_PRIORITY_HIGH;

/// An open file with one ring, whose commands each take so long.
class Client {
 public:
    static constexpr std::uint64_t command_us = 30'000;
    static constexpr std::uint64_t command_ns = command_us * 1000;

    explicit Client(std::uint32_t priority) : ring_(device_, {.priority = priority}) {}

    void submit(std::size_t commands) {
        ring_.put_batch(std::vector(commands, nop()));
        check(ring_.submit(), "submit");
    }
    /// The engine has turned to it.
    bool runs() const {
        const std::uint64_t before = busy_ns();
        return eventually([&] { return busy_ns() > before; });
    }
    bool is_done() const { return ring_.posted(ring_.sq_tail()); }
    void wait() const { ring_.wait_for(ring_.sq_tail()); }
    std::uint64_t busy_ns() const { return Fdinfo(device_).busy_ns(); }

 private:
    Fd device_ = open_device();
    Ring ring_;
};

class FdinfoPreemption : public CountedTest {
 protected:
    Fault slow_{"slow " + std::to_string(Client::command_us)};
};

TEST_F(FdinfoPreemption, BatchThatWasPreemptedIsNotBusy) {
    Client below(low), above(high);
    below.submit(3);
    ASSERT_TRUE(below.runs());
    above.submit(20);
    ASSERT_TRUE(above.runs());
    const std::uint64_t busy = below.busy_ns();
    ASSERT_TRUE(above.runs());
    ASSERT_TRUE(above.runs());
    EXPECT_EQ(below.busy_ns(), busy);
    ASSERT_FALSE(above.is_done()) << "it is long enough";
    below.wait();
    EXPECT_TRUE(above.is_done());
    EXPECT_GE(below.busy_ns(), 3 * Client::command_ns);
}

TEST_F(FdinfoPreemption, TimesAddUp) {
    Client below(low), middle(normal), above(high);
    const std::uint64_t start = now_ns();
    below.submit(5);
    ASSERT_TRUE(below.runs());
    middle.submit(4);
    ASSERT_TRUE(middle.runs());
    for (int i = 0; i < 3; i++) {
        above.submit(1);
        above.wait();
    }
    below.wait();
    const std::uint64_t elapsed = now_ns() - start;
    EXPECT_GE(below.busy_ns(), 5 * Client::command_ns);
    EXPECT_GE(middle.busy_ns(), 4 * Client::command_ns);
    EXPECT_GE(above.busy_ns(), 3 * Client::command_ns);
    EXPECT_LE(below.busy_ns() + middle.busy_ns() + above.busy_ns(), elapsed);
}

// A ring of the same client that preempts another counts once.
TEST_F(FdinfoPreemption, RingsOfOneClientAddUp) {
    const Fd device = open_device();
    Ring below(device, {.priority = low}), above(device, {.priority = high});
    const std::uint64_t start = now_ns();
    below.put_batch(std::vector(4, nop()));
    ASSERT_EQ(below.submit(), 0);
    ASSERT_TRUE(eventually([&] { return Fdinfo(device).busy_ns() > 0; }));
    above.put_batch(std::vector(4, nop()));
    ASSERT_EQ(above.submit(), 0);
    std::uint64_t last = 0;
    while (!below.posted(4)) {
        const std::uint64_t busy = Fdinfo(device).busy_ns();
        ASSERT_GE(busy, last);
        last = busy;
        ASSERT_LE(busy, now_ns() - start);
    }
    EXPECT_GE(Fdinfo(device).busy_ns(), 8 * Client::command_ns);
}

/// Batches of all sizes and priorities, in the doorbell and on the thread, preempted or not.
void work_at_random(const Fd& device, unsigned seed, int batches) {
    std::minstd_rand random(seed);
    const Buffer buffer(device, 64 * page);
    std::vector<Ring> rings;
    for (const std::uint32_t priority : {low, normal, high}) {
        rings.emplace_back(device, RingOptions{.priority = priority});
        check(rings.back().bind_range(0, buffer, 0, 64 * page), "bind");
    }
    for (int i = 0; i < batches; i++) {
        Ring& ring = rings[random() % rings.size()];
        const std::uint64_t size = random() % 3 ? 64 : (1 + random() % 64) * page;
        ring.put_batch({nop(), crc32c(0, 0, size)});
        check(ring.submit(), "submit");
        if (random() % 2) ring.wait_for(ring.sq_tail());
        ring.reap();
    }
    for (Ring& ring : rings) ring.wait_for(ring.sq_tail());
}

class FdinfoLoad : public CountedTest {};

TEST_F(FdinfoLoad, OfAllPrioritiesAddsUp) {
    constexpr int batches = 200;
    std::vector<Fd> devices;
    for (int i = 0; i < 3; i++) devices.push_back(open_device());
    const std::uint64_t start = now_ns();
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < devices.size(); i++)
        threads.emplace_back([&, i] { work_at_random(devices[i], i + 1, batches); });
    std::atomic<bool> end = false;
    std::thread watcher([&] {
        while (!end) {
            std::uint64_t busy = 0;
            for (const Fd& device : devices) busy += Fdinfo(device).busy_ns();
            EXPECT_LE(busy, now_ns() - start);
        }
    });
    for (std::thread& thread : threads) thread.join();
    end = true;
    watcher.join();
    for (const Fd& device : devices) EXPECT_EQ(Fdinfo(device).batches(), std::uint64_t{batches});
}

}  // namespace
}  // namespace uapi_tests
