// SPDX-License-Identifier: MIT

// The module loaded with other parameters: an engine that runs several batches at once, and what is
// run inside the doorbell.

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "crowd.hpp"
#include "fixture.hpp"
#include "inline.hpp"
#include "process.hpp"
#include "query.hpp"
#include "ring.hpp"
#include "syncobj.hpp"
#include "unplug.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint32_t instances = 4;

std::uint32_t queried_instances() {
    return query_table<drm_zaccel_engine_info>(open_device(), ZACCEL_QUERY_ENGINES).at(0).instances;
}

class Parameter : public CountedTest {
 protected:
    DeviceGuard guard_;
};

TEST_F(Parameter, InstancesAreLimited) {
    for (const auto& [parameter, expected] :
         {std::pair("instances=0", 1U), std::pair("instances=16", 16U),
          std::pair("instances=1000", 16U)}) {
        const Reloaded module({parameter});
        EXPECT_EQ(queried_instances(), expected) << parameter;
        EXPECT_EQ(EngineThreads().count(), expected) << parameter;
    }
    EXPECT_EQ(queried_instances(), 1U);
}

TEST_F(Parameter, InlineBytesAreLimited) {
    for (const auto& [parameter, expected] :
         {std::pair("inline_bytes=0", "0"), std::pair("inline_bytes=4096", "4096"),
          std::pair("inline_bytes=100000", "32768")}) {
        const Reloaded module({parameter});
        EXPECT_EQ(InlineBytes::read(), expected) << parameter;
    }
    EXPECT_EQ(InlineBytes::read(), std::to_string(InlineBytes::standard));
}

std::vector<int> policies() {
    const EngineThreads threads;
    std::vector<int> all;
    for (const pid_t thread : threads.pids()) all.push_back(::sched_getscheduler(thread));
    return all;
}

TEST_F(Parameter, RealtimeIsForTheAdministrator) {
    EXPECT_EQ(policies(), std::vector<int>(1, SCHED_OTHER));
    const Reloaded module({"realtime=1", "instances=2", "inline_bytes=0"});
    EXPECT_EQ(policies(), std::vector<int>(2, SCHED_FIFO));
    const Fd device = open_device();
    EXPECT_EQ(Ring(device).run_one(nop()).status, 0);
    struct stat file{};
    ASSERT_EQ(::stat("/sys/module/zaccel/parameters/realtime", &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0444U);
}

TEST_F(Parameter, InlineBytesFileGoesWithTheDevice) {
    InlineBytes::set(4096);
    const Fd file = LateMode::open("inline_bytes");
    unbind();
    EXPECT_LT(::write(file.get(), "1", 1), 0);
    EXPECT_EQ(errno, EIO);
    EXPECT_THROW(InlineBytes::read(), std::system_error);
    bind();
    EXPECT_EQ(InlineBytes::read(), std::to_string(InlineBytes::standard)) << "as the module has it";
}

/// An engine with four instances.
class Instances : public CountedTest {
 protected:
    static constexpr std::uint8_t pattern = 0x47;
    static constexpr std::uint32_t clients = instances + 2;

    Instances() {
        for (std::uint32_t i = 0; i < clients; i++) {
            rings_.emplace_back(device_);
            EXPECT_EQ(rings_[i].bind_range(0, buffer_, 0, page), 0);
        }
    }

    /// Each batch writes bytes of its own.
    void submit(std::uint32_t client, std::uint32_t batch) {
        rings_[client].put_batch({fill(0, place(client, batch), 8, 0x0101010101010101 * pattern)});
        ASSERT_EQ(rings_[client].submit(), 0);
    }
    static std::uint32_t place(std::uint32_t client, std::uint32_t batch) {
        return client * 64 + batch * 8;
    }
    /// Batches that have been begun and are held back.
    std::uint32_t begun() const {
        std::uint32_t n = 0;
        for (std::uint32_t client = 0; client < clients; client++)
            for (std::uint32_t batch = 0; batch < 8; batch++)
                n += memory_[place(client, batch)] == LateMode::poison;
        return n;
    }

    DeviceGuard guard_;
    Reloaded module_{{"instances=4"}};
    LateMode late_;
    Fd device_ = open_device();
    Buffer buffer_{device_, page};
    Mapping memory_ = buffer_.map();
    std::vector<Ring> rings_;
};

TEST_F(Instances, AreQueried) { EXPECT_EQ(queried_instances(), instances); }

TEST_F(Instances, RunBatchesOfDifferentRingsAtOnce) {
    late_.hold();
    for (std::uint32_t client = 0; client < clients; client++) submit(client, 0);
    EXPECT_TRUE(eventually([&] { return begun() == instances; }));
    for (std::uint32_t client = 0; client < instances; client++)
        EXPECT_EQ(memory_[place(client, 0)], LateMode::poison) << "the first to come";
    for (std::uint32_t done = 1; done <= 2; done++) {
        late_.advance(1);
        EXPECT_TRUE(eventually(
            [&] { return memory_[place(instances + done - 1, 0)] == LateMode::poison; }));
        EXPECT_EQ(begun(), instances);
    }
    late_.release();
    for (std::uint32_t client = 0; client < clients; client++) {
        rings_[client].wait_for(1);
        EXPECT_EQ(memory_[place(client, 0)], pattern);
    }
}

TEST_F(Instances, RunBatchesOfOneRingOneByOne) {
    late_.hold();
    for (std::uint32_t batch = 0; batch < 8; batch++) submit(0, batch);
    for (std::uint32_t batch = 0; batch < 8; batch++) {
        EXPECT_TRUE(eventually([&] { return memory_[place(0, batch)] == LateMode::poison; }));
        EXPECT_EQ(begun(), 1U);
        late_.advance(1);
        rings_[0].wait_for(batch + 1);
        EXPECT_EQ(memory_[place(0, batch)], pattern);
    }
}

// While some are busy, small batches of others need not wait.
TEST_F(Instances, OneThatIsFreeServesTheDoorbell) {
    BusyEngine busy(device_);
    submit(0, 0);
    rings_[0].wait_for(1);
    // So the busy one is not in the queue any more.
    submit(0, 1);
    EXPECT_EQ(rings_[0].cq_tail(), 2U);
    EXPECT_EQ(memory_[place(0, 1)], pattern);
    EXPECT_FALSE(busy.ring().posted(1));
    busy.cancel();
}

TEST_F(Instances, AllThatAreBusyAreWaitedFor) {
    std::vector<std::unique_ptr<BusyEngine>> busy;
    for (std::uint32_t i = 0; i < instances; i++)
        busy.push_back(std::make_unique<BusyEngine>(device_));
    submit(0, 0);
    EXPECT_EQ(rings_[0].cq_tail(), 0U);
    busy[2]->cancel();
    rings_[0].wait_for(1);
    EXPECT_FALSE(busy[0]->ring().posted(1));
    for (const auto& each : busy) each->cancel();
}

// The next batch of a ring may go inside the doorbell while the thread is not done with the last.
TEST_F(Instances, KeepTheOrderOfARing) {
    std::uint32_t violations = 0;
    for (std::uint32_t i = 1; i <= 3000; i++) {
        rings_[0].put_batch({crc32c(0, 0, i % 3 ? 8 : page), fill(0, 0, 8, i)});
        ASSERT_EQ(rings_[0].submit(), 0);
        if (i % 2) continue;
        rings_[0].wait_for(rings_[0].sq_tail());
        for (const auto& done : rings_[0].reap()) violations += done.status != 0;
        std::uint64_t last = 0;
        std::memcpy(&last, memory_.data(), sizeof(last));
        violations += last != i;
    }
    EXPECT_EQ(violations, 0U);
}

TEST_F(Instances, CrowdIsServedInOrder) {
    const Crowd small({4, 4, 4, 64}), large({4, 4, 16, 64 * page});
    const std::vector<double> done = large.work(std::chrono::seconds(3));
    EXPECT_GE(fairness(done), 0.9);
    EXPECT_EQ(small.violations() + large.violations(), 0U);
    EXPECT_GT(small.work(std::chrono::milliseconds(100)).front(), 0);
}

TEST_F(Instances, FenceOfEachSignals) {
    std::vector<std::unique_ptr<Syncobj>> outs;
    InlineBytes::set(0);
    for (std::uint32_t i = 0; i < 200; i++) {
        outs.push_back(std::make_unique<Syncobj>(device_));
        Ring& ring = rings_[i % clients];
        ring.put_batch({fill(0, i % 3 ? 0 : page, 8, i)});
        ASSERT_EQ(ring.submit({}, std::vector{outs.back()->handle()}), 0);
        ring.set_cq_head(ring.cq_tail());
    }
    for (std::uint32_t i = 0; i < 200; i++)
        EXPECT_EQ(final_status(outs[i]->export_sync_file()), i % 3 ? 1 : -ERANGE);
}

TEST_F(Instances, DeviceGoesWhileAllAreBusy) {
    std::vector<std::unique_ptr<BusyEngine>> busy;
    for (std::uint32_t i = 0; i < clients; i++)
        busy.push_back(std::make_unique<BusyEngine>(device_));
    submit(0, 0);
    unbind();
    for (const auto& each : busy) EXPECT_EQ(each->ring().cq_tail(), 8192U);
    EXPECT_EQ(rings_[0].cq_tail(), 1U);
    bind();
    EXPECT_EQ(queried_instances(), instances);
}

}  // namespace
}  // namespace uapi_tests
