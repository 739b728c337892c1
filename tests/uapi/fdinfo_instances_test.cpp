// SPDX-License-Identifier: MIT

// Times of an engine that runs several batches at once, as fdinfo says them.

#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "fault.hpp"
#include "fdinfo.hpp"
#include "fixture.hpp"
#include "ring.hpp"
#include "unplug.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

class FdinfoInstances : public CountedTest {
 protected:
    /// Lets so much time pass.
    static void pass(std::chrono::nanoseconds time) {
        const std::int64_t end = deadline_in(time);
        while (deadline_in(std::chrono::nanoseconds(0)) < end) yield();
    }

    DeviceGuard guard_;
    Reloaded module_{{"instances=2"}};
    Fd one_ = open_device();
    Fd other_ = open_device();
};

TEST_F(FdinfoInstances, AreTheCapacity) { EXPECT_EQ(Fdinfo(one_).capacity(), 2U); }

TEST_F(FdinfoInstances, EachServesAClient) {
    const BusyEngine first(one_), second(other_);
    ASSERT_TRUE(eventually([&] { return Fdinfo(one_).busy_ns() && Fdinfo(other_).busy_ns(); }));
    const std::uint64_t outside = now_ns();
    const std::uint64_t a = Fdinfo(one_).busy_ns(), b = Fdinfo(other_).busy_ns();
    const std::uint64_t inside = now_ns();
    pass(std::chrono::milliseconds(100));
    const std::uint64_t least = now_ns() - inside;
    const std::uint64_t da = Fdinfo(one_).busy_ns() - a, db = Fdinfo(other_).busy_ns() - b;
    const std::uint64_t most = now_ns() - outside;
    for (const std::uint64_t busy : {da, db}) {
        EXPECT_GE(busy, least);
        EXPECT_LE(busy, most);
    }
    for (const BusyEngine* engine : {&first, &second}) engine->cancel();
}

TEST_F(FdinfoInstances, BothServeOneClient) {
    const BusyEngine first(one_), second(one_);
    std::uint64_t now = 0, last = 0;
    ASSERT_TRUE(eventually([&] {
        // Both at once, once it gains more time than passes.
        const std::uint64_t before = std::exchange(now, now_ns());
        const std::uint64_t busy = std::exchange(last, Fdinfo(one_).busy_ns());
        pass(std::chrono::milliseconds(5));
        return busy && last - busy > (now - before) * 3 / 2;
    }));
    const std::uint64_t start = now_ns();
    const std::uint64_t busy = Fdinfo(one_).busy_ns();
    const std::uint64_t inside = now_ns();
    pass(std::chrono::milliseconds(100));
    const std::uint64_t least = now_ns() - inside;
    const std::uint64_t gained = Fdinfo(one_).busy_ns() - busy;
    EXPECT_GE(gained, 2 * least);
    EXPECT_LE(gained, 2 * (now_ns() - start));
    EXPECT_EQ(Fdinfo(other_).busy_ns(), 0U);
    for (const BusyEngine* engine : {&first, &second}) engine->cancel();
}

// Both instances have a batch of low priority when two of high priority come.
TEST_F(FdinfoInstances, PreemptedOnesAddUp) {
    const Fault slow("slow 20000");
    std::vector<Ring> rings;
    const std::uint64_t start = now_ns();
    for (const Fd* device : {&one_, &other_})
        for (const std::uint32_t priority : {ZACCEL_PRIORITY_LOW, ZACCEL_PRIORITY_LOW}) {
            rings.emplace_back(*device, RingOptions{.priority = priority});
            rings.back().put_batch(std::vector(4, nop()));
            check(rings.back().submit(), "submit");
        }
    ASSERT_TRUE(eventually([&] { return Fdinfo(one_).busy_ns() > 0; }));
    for (int i = 0; i < 2; i++) {
        rings.emplace_back(other_, RingOptions{.priority = ZACCEL_PRIORITY_HIGH});
        rings.back().put_batch(std::vector(4, nop()));
        check(rings.back().submit(), "submit");
    }
    for (const Ring& ring : rings) ring.wait_for(4);
    const std::uint64_t elapsed = now_ns() - start;
    const std::uint64_t one = Fdinfo(one_).busy_ns(), other = Fdinfo(other_).busy_ns();
    EXPECT_GE(one, 8 * 20'000'000U);
    EXPECT_GE(other, 16 * 20'000'000U);
    EXPECT_LE(one + other, 2 * elapsed);
}

// Rings of one client in doorbells on two CPUs: nothing that one adds may get lost by the other.
TEST_F(FdinfoInstances, DoorbellsOfOneClientLoseNothing) {
    constexpr int batches = 2000;
    const std::uint64_t start = now_ns();
    const auto work = [&] {
        Ring ring(one_);
        for (int i = 0; i < batches; i++) ring.run_one(nop());
    };
    std::thread second(work);
    work();
    second.join();
    EXPECT_EQ(Fdinfo(one_).batches(), 2U * batches);
    EXPECT_GT(Fdinfo(one_).busy_ns(), 0U);
    EXPECT_LE(Fdinfo(one_).busy_ns(), 2 * (now_ns() - start));
}

TEST_F(FdinfoInstances, RandomLoadAddsUp) {
    const auto work = [](const Fd& device) {
        const Buffer buffer(device, 16 * page);
        Ring ring(device);
        check(ring.bind_range(0, buffer, 0, 16 * page), "bind");
        for (std::uint64_t i = 0; i < 300; i++)
            ring.run_one(crc32c(0, 0, i * 7 % 5 ? 64 : (1 + i % 16) * page));
    };
    const std::uint64_t start = now_ns();
    std::vector<std::thread> threads;
    for (const Fd* device : {&one_, &other_, &one_})
        threads.emplace_back([&work, device] { work(*device); });
    for (std::thread& thread : threads) thread.join();
    const Fdinfo one(one_), other(other_);
    EXPECT_EQ(one.batches(), 600U);
    EXPECT_EQ(other.batches(), 300U);
    EXPECT_LE(one.busy_ns() + other.busy_ns(), 2 * (now_ns() - start));
}

}  // namespace
}  // namespace uapi_tests
