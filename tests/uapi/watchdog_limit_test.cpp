// SPDX-License-Identifier: MIT

// How long a batch may run at all, what of its time counts, and what others notice of a hang.

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <string>
#include <vector>

#include "hang.hpp"
#include "query.hpp"
#include "syncobj.hpp"
#include "worker.hpp"

namespace uapi_tests {
namespace {

constexpr std::int64_t ms = 1'000'000;
/// What the machine may add to a time.
constexpr std::int64_t slack = 4000 * ms;

std::int64_t now() { return deadline_in(std::chrono::seconds(0)); }

/// Batches may run for a second.
class BatchLimit : public HangTest {
 protected:
    static constexpr std::uint32_t limit = 1000;

    Reloaded module_{{"max_batch_ms=" + std::to_string(limit)}};
    Fault fault_;
    Fd device_ = open_device();
};

TEST_F(BatchLimit, IsShown) {
    const drm_zaccel_device_info info = device_info(device_);
    EXPECT_EQ(info.max_batch_ms, limit);
    EXPECT_EQ(info.default_timeout_ms, limit) << "no more than that";
    drm_zaccel_ring_create args = ring_create_args(with_timeout(limit + 1));
    EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_CREATE, args), EINVAL);
}

TEST_F(BatchLimit, EndsABatchThatMakesProgress) {
    Ring ring(device_, with_timeout(limit));
    const Syncobj out(device_);
    fault_.set("slow 50000");
    const std::int64_t start = now();
    ring.put_batch(std::vector(64, nop()));
    ASSERT_EQ(ring.submit({}, std::vector{out.handle()}), 0);
    ring.wait_for(64);
    EXPECT_GE(now(), start + limit * ms);
    EXPECT_LT(now(), start + limit * ms + slack);
    const HangReport report = expect_report();
    EXPECT_EQ(report.reason, "too long");
    EXPECT_GE(report.ms, limit);
    const std::vector<int> all = statuses(ring.reap());
    ASSERT_GE(report.command, 1U);
    ASSERT_LT(report.command, 64U);
    for (std::size_t i = 0; i < all.size(); i++)
        EXPECT_EQ(all[i], i < report.command    ? 0
                          : i == report.command ? -ETIMEDOUT
                                                : -ECANCELED)
            << i;
    EXPECT_EQ(final_status(out.export_sync_file()), -ETIMEDOUT);
}

// No fault: real work, cut off between two slices.
TEST_F(BatchLimit, EndsARealOne) {
    BusyEngine busy(device_);
    busy.ring().wait_for(8192);
    EXPECT_EQ(expect_report().reason, "too long");
    EXPECT_EQ(busy.ring().completion(8191).status, -ECANCELED);
    EXPECT_EQ(busy.ring().completion(0).status, 0);
}

// Each batch has its own time.
TEST_F(BatchLimit, IsNotThatOfARing) {
    Ring ring(device_, with_timeout(limit));
    fault_.set("slow 100000");
    for (int i = 0; i < 15; i++) ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(), 0);
    ring.wait_for(15);
    EXPECT_EQ(statuses(ring.reap()), std::vector<int>(15, 0));
}

// What comes in between takes longer than either limit allows.
TEST_F(BatchLimit, LeavesOutWhatPreemptedTheBatch) {
    RingOptions low = with_timeout(700), high = with_timeout(limit);
    low.priority = ZACCEL_PRIORITY_LOW;
    high.priority = ZACCEL_PRIORITY_HIGH;
    Ring below(device_, low), above(device_, high);
    fault_.set("slow 35000");
    below.put_batch(std::vector(12, nop()));
    ASSERT_EQ(below.submit(), 0);
    EXPECT_TRUE(eventually(engine_hangs)) << "it has begun";
    for (int i = 0; i < 3; i++) above.put_batch(std::vector(12, nop()));
    ASSERT_EQ(above.submit(), 0);
    // With the second its patience ends, and together they took longer than a batch may.
    above.wait_for(24);
    EXPECT_FALSE(below.posted(12));
    below.wait_for(12);
    EXPECT_FALSE(above.posted(36));
    above.wait_for(36);
    EXPECT_EQ(statuses(above.reap()), std::vector<int>(36, 0));
    EXPECT_EQ(statuses(below.reap()), std::vector<int>(12, 0));
}

class DefaultTimeout : public HangTest {
 protected:
    Reloaded module_{{"timeout_ms=300"}};
    Fault fault_;
    Fd device_ = open_device();
};

TEST_F(DefaultTimeout, IsTheModulesParameter) {
    EXPECT_EQ(device_info(device_).default_timeout_ms, 300U);
    EXPECT_EQ(device_info(device_).max_batch_ms, 10000U);
    Ring ring(device_);
    fault_.set("hang");
    const std::int64_t start = now();
    EXPECT_EQ(ring.run_one(nop()).status, -ETIMEDOUT);
    EXPECT_GE(now(), start + 300 * ms);
    EXPECT_EQ(expect_report().reason, "no progress");
}

class BesideAHang : public HangTest {
 protected:
    static constexpr std::uint32_t timeout = 1000;

    ~BesideAHang() override { stop_ = true; }

    void start() {
        for (Worker& worker : workers_) worker.start(stop_);
        expect_all_go_on();
    }

    void stop() {
        stop_ = true;
        for (Worker& worker : workers_) worker.join();
    }

    void expect_all_go_on() {
        for (const Worker& worker : workers_) {
            const int before = worker.batches();
            EXPECT_TRUE(eventually([&] { return worker.batches() >= before + 2; }));
        }
    }

    void expect_nothing_lost() const {
        for (const Worker& worker : workers_) {
            EXPECT_EQ(worker.wrong(), 0);
            EXPECT_LT(worker.longest(), timeout * ms + slack);
        }
    }

    Fd device_ = open_device();
    Ring victim_{device_, with_timeout(timeout)};  // number 1
    std::atomic<bool> stop_ = false;
    Worker workers_[8];
    Fault fault_{"hang ring 1"};
};

TEST_F(BesideAHang, OthersLoseNothing) {
    start();
    for (std::uint32_t i = 1; i <= 2; i++) {
        EXPECT_EQ(victim_.run_one(nop()).status, -ETIMEDOUT);
        expect_report();
        expect_all_go_on();
    }
    stop();
    expect_nothing_lost();
}

TEST_F(BesideAHang, OthersLoseNothingWhenItsRingIsDestroyed) {
    start();
    victim_.put_batch({nop()});
    ASSERT_EQ(victim_.submit(), 0);
    EXPECT_TRUE(eventually(engine_hangs));
    ASSERT_EQ(victim_.destroy(), 0);
    expect_all_go_on();
    stop();
    expect_nothing_lost();
}

/// Two batches at once.
class TwoInstances : public HangTest {
 protected:
    Reloaded module_{{"instances=2"}};
    Fault fault_;
    Fd device_ = open_device();
};

// Of two at the same moment one may go unreported, but none unended.
TEST_F(TwoInstances, BothHangAndEnd) {
    Ring one(device_, with_timeout(500)), two(device_, with_timeout(500)), other(device_);
    fault_.set("hang");
    one.put_batch({nop()});
    two.put_batch({nop()});
    ASSERT_EQ(one.submit(), 0);
    ASSERT_EQ(two.submit(), 0);
    one.wait_for(1);
    two.wait_for(1);
    EXPECT_EQ(one.reap().at(0).status, -ETIMEDOUT);
    EXPECT_EQ(two.reap().at(0).status, -ETIMEDOUT);
    fault_.clear();
    EXPECT_EQ(other.run_one(nop()).status, 0);
    expect_reports_up_to(2);
}

TEST_F(TwoInstances, OneHangsAndTheOtherGoesOn) {
    Ring hung(device_, with_timeout(3000)), other(device_);
    fault_.set("hang ring 1");
    hung.put_batch({nop()});
    ASSERT_EQ(hung.submit(), 0);
    EXPECT_TRUE(eventually(engine_hangs));
    for (int i = 0; i < 20; i++) EXPECT_EQ(other.run_one(nop()).status, 0);
    EXPECT_FALSE(hung.posted(1)) << "it still hangs";
    ASSERT_EQ(hung.destroy(), 0);
}

}  // namespace
}  // namespace uapi_tests
