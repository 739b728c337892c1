// SPDX-License-Identifier: MIT

// Priorities of rings: who may have which, and what comes before what.

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "fault.hpp"
#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "process.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr uid_t nobody = 65534;

constexpr std::uint32_t low = ZACCEL_PRIORITY_LOW;
constexpr std::uint32_t normal = ZACCEL_PRIORITY_NORMAL;
constexpr std::uint32_t high = ZACCEL_PRIORITY_HIGH;

RingOptions with_priority(std::uint32_t priority) {
    RingOptions options;
    options.priority = priority;
    return options;
}

int create(const Fd& device, std::uint32_t priority) {
    drm_zaccel_ring_create args = ring_create_args(with_priority(priority));
    return call(device, DRM_IOCTL_ZACCEL_RING_CREATE, args);
}

/// Root still, but for this.
void drop_sys_nice() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    check(::syscall(SYS_capget, &header, data) == 0 ? 0 : errno, "capget");
    data[0].effective &= ~(1U << CAP_SYS_NICE);
    check(::syscall(SYS_capset, &header, data) == 0 ? 0 : errno, "capset");
}

class Priority : public DeviceTest {};

TEST_F(Priority, EachCanBeHad) {
    for (const std::uint32_t priority : {low, normal, high}) {
        Ring ring(device_, with_priority(priority));
        EXPECT_EQ(ring.run_one(nop(priority)).user_data, priority);
    }
}

TEST_F(Priority, OthersAreInvalid) {
    for (const std::uint32_t priority : {3U, 256U, 1U << 31, ~0U})
        EXPECT_EQ(create(device_, priority), EINVAL) << priority;
}

TEST_F(Priority, HighIsNotForEverybody) {
    for (const bool root : {false, true}) {
        Child child([&] {
            if (root)
                drop_sys_nice();
            else
                check(::setresuid(nobody, nobody, nobody) == 0 ? 0 : errno, "setresuid");
            if (create(device_, high) != EPERM) return 1;
            if (create(device_, 3) != EINVAL) return 2;
            if (create(device_, normal) != 0) return 3;
            return create(device_, low) == 0 ? 0 : 4;
        });
        EXPECT_EQ(child.join(), 0);
    }
}

/// Batches of many rings that have become ready while one held up the engine.
class QueuedByPriority : public DeviceTest {
 protected:
    QueuedByPriority() {
        late_.hold();
        EXPECT_EQ(blocker_.bind_range(0, buffer_, 0, page), 0);
        blocker_.put_batch({fill(0, 0, 1, 0x4d)});
        EXPECT_EQ(blocker_.submit(), 0);
        EXPECT_TRUE(eventually([this] { return memory_[0] == LateMode::poison; }));
    }

    Ring& queue(std::uint32_t priority, int batches = 1) {
        Ring& ring = *rings_.emplace_back(std::make_unique<Ring>(device_, with_priority(priority)));
        for (int i = 0; i < batches; i++) ring.put_batch({nop()});
        EXPECT_EQ(ring.submit(), 0);
        return ring;
    }

    /// When the batches of a ring were done.
    static std::vector<std::uint64_t> times(Ring& ring) {
        ring.wait_for(ring.sq_tail());
        std::vector<std::uint64_t> all;
        for (const drm_zaccel_completion& completion : ring.reap()) {
            EXPECT_EQ(completion.status, 0);
            all.push_back(completion.time_ns);
        }
        return all;
    }

    /// The rings' only batches were run in this order, of their making.
    void expect_order(const std::vector<std::size_t>& order) {
        late_.release();
        std::vector<std::uint64_t> done;
        for (const std::size_t i : order) done.push_back(times(*rings_.at(i)).at(0));
        for (std::size_t i = 1; i < done.size(); i++)
            EXPECT_GT(done[i], done[i - 1]) << order[i] << " behind " << order[i - 1];
    }

    LateMode late_;
    Buffer buffer_{device_, page};
    Mapping memory_ = buffer_.map();
    Ring blocker_{device_};
    std::vector<std::unique_ptr<Ring>> rings_;
};

TEST_F(QueuedByPriority, HigherOnesComeFirst) {
    for (const std::uint32_t priority : {low, normal, high}) queue(priority);
    expect_order({2, 1, 0});
}

TEST_F(QueuedByPriority, EqualOnesComeAsTheyBecameReady) {
    for (int i = 0; i < 3; i++)
        for (const std::uint32_t priority : {normal, low, high}) queue(priority);
    expect_order({2, 5, 8, 0, 3, 6, 1, 4, 7});
}

// One of each ring at a time: they take turns.
TEST_F(QueuedByPriority, RingsOfOnePriorityTakeTurns) {
    Ring& one = queue(normal, 5);
    Ring& two = queue(normal, 5);
    late_.release();
    const auto a = times(one), b = times(two);
    for (std::size_t i = 0; i < 5; i++) {
        EXPECT_LT(a[i], b[i]) << i;
        EXPECT_LT(i > 0 ? b[i - 1] : 0, a[i]) << i;
    }
}

TEST_F(QueuedByPriority, AllOfAHigherRingComeFirst) {
    Ring& below = queue(low);
    Ring& above = queue(high, 20);
    late_.release();
    EXPECT_LT(times(above).back(), times(below).front());
}

TEST_F(QueuedByPriority, LowOnesRunWhenTheOthersHaveStopped) {
    Ring& below = queue(low, 3);
    std::vector<Ring*> above;
    for (int i = 0; i < 8; i++) above.push_back(&queue(i % 2 ? high : normal, 30));
    late_.release();
    std::uint64_t last = 0;
    for (Ring* ring : above) last = std::max(last, times(*ring).back());
    for (const std::uint64_t time : times(below)) EXPECT_GT(time, last);
}

// Wherever their doorbells stood in line.
TEST_F(QueuedByPriority, WhatBecameReadyFirstComesFirst) {
    const ManualFence gates[2];
    for (const ManualFence& gate : gates) {
        Syncobj in(device_);
        in.import_sync_file(gate.sync_file());
        Ring& ring = *rings_.emplace_back(std::make_unique<Ring>(device_));
        ring.put_batch({nop()});
        ASSERT_EQ(ring.submit(std::vector{in.handle()}, {}), 0);
    }
    queue(normal);
    gates[1].signal();
    gates[0].signal();
    expect_order({2, 1, 0});
}

struct Pair {
    std::uint32_t running;
    std::uint32_t coming;
};

std::string name_of(std::uint32_t priority) {
    return priority == high ? "High" : priority == low ? "Low" : "Normal";
}

std::string name_of_pair(const testing::TestParamInfo<Pair>& test) {
    return name_of(test.param.coming) + "In" + name_of(test.param.running);
}

/// One command of many slices that runs, and a batch that comes meanwhile.
class Preemption : public DeviceTest, public testing::WithParamInterface<Pair> {
 protected:
    static constexpr std::uint64_t size = 64 << 20;

    Preemption() {
        EXPECT_EQ(running_.bind_range(0, buffer_, 0, size), 0);
        sum_ = static_cast<std::uint32_t>(running_.run_one(crc32c(0, 0, size)).result);
    }

    /// @return when it began
    std::uint64_t start() {
        const std::uint32_t before = running_.sq_tail();
        running_.put_batch({with(fill(0, 0, 1, 0), ZACCEL_CMD_TIMESTAMP),
                            with(crc32c(0, 0, size), ZACCEL_CMD_TIMESTAMP)});
        memory_[0] = 1;
        check(running_.submit(), "submit");
        EXPECT_TRUE(eventually([this] { return memory_[0] == 0; }));
        EXPECT_FALSE(running_.posted(before + 1)) << "it is long enough";
        return static_cast<std::uint64_t>(deadline_in(std::chrono::seconds(0)));
    }

    /// When the long command ended, with the right result.
    std::uint64_t end() {
        running_.wait_for(running_.sq_tail());
        const auto done = running_.reap();
        EXPECT_EQ(done.back().status, 0);
        EXPECT_EQ(done.back().result, sum_);
        return done.back().time_ns;
    }

    Buffer buffer_{device_, size};
    Mapping memory_ = buffer_.map();
    Ring running_{device_, with_priority(GetParam().running)};
    Ring coming_{device_, with_priority(GetParam().coming)};
    std::uint64_t sum_ = 0;
};

class Higher : public Preemption {};

TEST_P(Higher, ComesBetweenTwoSlices) {
    const std::uint64_t started = start();
    std::uint64_t came = 0;
    for (int i = 0; i < 5; i++) came = coming_.run_one(nop()).time_ns;
    EXPECT_FALSE(running_.posted(running_.sq_tail()));
    EXPECT_GT(came, started);
    EXPECT_LT(came, end());
}

INSTANTIATE_TEST_SUITE_P(Priorities, Higher,
                         testing::Values(Pair{low, normal}, Pair{low, high}, Pair{normal, high}),
                         name_of_pair);

class NotHigher : public Preemption {};

TEST_P(NotHigher, WaitsForTheEnd) {
    start();
    const std::uint64_t came = coming_.run_one(nop()).time_ns;
    EXPECT_GT(came, end());
}

INSTANTIATE_TEST_SUITE_P(Priorities, NotHigher,
                         testing::Values(Pair{low, low}, Pair{normal, normal}, Pair{high, low}),
                         name_of_pair);

class Patience : public DeviceTest, public testing::WithParamInterface<Pair> {};

// However many of a higher priority there are.
TEST_P(Patience, EndsAfterHalfASecond) {
    constexpr std::uint32_t batches = 40;
    const Fault slow("slow 20000");
    std::vector<Ring> above;
    for (int i = 0; i < 3; i++) {
        above.emplace_back(device_, with_priority(GetParam().coming));
        for (std::uint32_t j = 0; j < batches; j++) above.back().put_batch({nop()});
        ASSERT_EQ(above.back().submit(), 0);
    }
    Ring below(device_, with_priority(GetParam().running));
    const auto begun = static_cast<std::uint64_t>(deadline_in(std::chrono::seconds(0)));
    const std::uint64_t waited = below.run_one(nop()).time_ns - begun;
    for (const Ring& ring : above) EXPECT_FALSE(ring.posted(batches)) << "they had come to an end";
    EXPECT_GE(waited, 490'000'000U);
    for (const Ring& ring : above) ring.wait_for(batches);
}

INSTANTIATE_TEST_SUITE_P(Priorities, Patience,
                         testing::Values(Pair{low, normal}, Pair{low, high}, Pair{normal, high}),
                         name_of_pair);

// Each in the midst of the one below it.
TEST_F(Priority, NestsInEachOther) {
    const Fault slow("slow 100000");
    Ring below(device_, with_priority(low)), middle(device_, with_priority(normal)),
        above(device_, with_priority(high));
    const auto batch = std::vector(10, with(nop(), ZACCEL_CMD_TIMESTAMP));
    for (Ring* ring : {&below, &middle}) {
        ring->put_batch(batch);
        ASSERT_EQ(ring->submit(), 0);
    }
    ASSERT_EQ(middle.wait(10, deadline_in(std::chrono::milliseconds(300))), ETIME);
    const std::uint64_t top = above.run_one(nop()).time_ns;
    below.wait_for(10);
    const auto inner = middle.reap(), outer = below.reap();
    EXPECT_EQ(statuses(inner), std::vector<int>(10, 0));
    EXPECT_EQ(statuses(outer), std::vector<int>(10, 0));
    EXPECT_GT(top, inner.front().time_ns);
    EXPECT_LT(top, inner.back().time_ns);
    EXPECT_LT(inner.back().time_ns, outer.back().time_ns);
}

// A batch of a higher priority ends with its ring even where it came in between.
TEST_F(Priority, RingThatRunsInTheMidstOfAnotherEnds) {
    const Fault slow("slow 200000");
    Ring below(device_, with_priority(low));
    below.put_batch(std::vector(5, nop()));
    ASSERT_EQ(below.submit(), 0);
    {
        const Fd file = open_device();
        Ring above(file, with_priority(high));
        above.put_batch(std::vector(20, nop()));
        ASSERT_EQ(above.submit(), 0);
        EXPECT_EQ(above.wait(20, deadline_in(std::chrono::milliseconds(500))), ETIME);
        above.leave_to_file();
    }
    below.wait_for(5);
    EXPECT_EQ(statuses(below.reap()), std::vector<int>(5, 0));
}

// It is preempted, and destroyed before it comes back.
TEST_F(Priority, PreemptedRingEnds) {
    const Fault slow("slow 100000");
    Ring below(device_, with_priority(low)), above(device_, with_priority(high));
    below.put_batch(std::vector(10, nop()));
    ASSERT_EQ(below.submit(), 0);
    above.put_batch(std::vector(10, nop()));
    ASSERT_EQ(above.submit(), 0);
    EXPECT_EQ(above.wait(10, deadline_in(std::chrono::milliseconds(300))), ETIME);
    ASSERT_EQ(below.destroy(), 0);
    above.wait_for(10);
    EXPECT_EQ(statuses(above.reap()), std::vector<int>(10, 0));
    EXPECT_TRUE(eventually([&] { return below.cq_tail() == 10; }));
    EXPECT_EQ(below.reap().back().status, -ECANCELED);
}

}  // namespace
}  // namespace uapi_tests
