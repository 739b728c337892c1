// SPDX-License-Identifier: MIT

// Batches that make no progress, or take too long, are ended: who is told what, and what others
// notice of it.

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "eventfd.hpp"
#include "foreign.hpp"
#include "hang.hpp"
#include "late.hpp"
#include "memory.hpp"
#include "process.hpp"
#include "query.hpp"
#include "ringfd.hpp"
#include "sleeper.hpp"
#include "syncobj.hpp"
#include "trace.hpp"

namespace uapi_tests {
namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();
/// Of rings whose batches are to be ended; longer than a busy machine keeps a thread waiting.
constexpr std::uint32_t short_timeout = 300;
/// What the machine may add to a time.
constexpr std::int64_t slack = 4000 * ms;

std::int64_t now() { return deadline_in(std::chrono::seconds(0)); }

class Watchdog : public HangTest {
 protected:
    static drm_zaccel_command mark(std::uint32_t slot = 0) { return fill(slot, 0, 1, 0x4d); }

    /// Nothing but that many zeros, one @p status, and -ECANCELED behind it.
    static std::size_t expect_cut_off(const std::vector<drm_zaccel_completion>& done, int status) {
        const std::vector<int> all = statuses(done);
        const auto at = std::find_if(all.begin(), all.end(), [](int s) { return s != 0; });
        EXPECT_NE(at, all.end());
        if (at == all.end()) return all.size();
        EXPECT_EQ(*at, status);
        EXPECT_EQ(std::count(at + 1, all.end(), -ECANCELED), all.end() - at - 1);
        return static_cast<std::size_t>(at - all.begin());
    }

    Fault fault_;
    Fd device_ = open_device();
};

TEST_F(Watchdog, HungBatchEndsAfterItsRingsTimeout) {
    Ring ring(device_, with_timeout(700));
    fault_.set("hang");
    const std::int64_t start = now();
    const auto done = ring.run({nop(), nop(), nop()});
    EXPECT_EQ(statuses(done), (std::vector<int>{-ETIMEDOUT, -ECANCELED, -ECANCELED}));
    EXPECT_EQ(done[0].result, 0U);
    EXPECT_GE(static_cast<std::int64_t>(done[0].time_ns), start + 700 * ms);
    EXPECT_LT(static_cast<std::int64_t>(done[0].time_ns), start + 700 * ms + slack);
    const HangReport report = expect_report();
    EXPECT_EQ(report.reason, "no progress");
    EXPECT_EQ(report.comm, own_name());
    EXPECT_EQ(report.pid, ::getpid());
    EXPECT_EQ(report.ring, 1U);
    EXPECT_EQ(report.command, 0U);
    EXPECT_EQ(report.count, 3U);
    EXPECT_EQ(report.opcode, unsigned{ZACCEL_OP_NOP});
    EXPECT_GE(report.ms, 700U);
}

// The fence tells of the first that failed, the report of the one that hung.
TEST_F(Watchdog, HangBehindAFailureIsReported) {
    Ring ring(device_, with_timeout(short_timeout));
    drm_zaccel_command fails = mark(3);
    fails.flags |= ZACCEL_CMD_CONTINUE;
    fault_.set("hang");
    const auto done = ring.run({fails, nop(), nop()});
    EXPECT_EQ(statuses(done), (std::vector<int>{-EBADSLT, -ETIMEDOUT, -ECANCELED}));
    EXPECT_EQ(expect_report().command, 1U);
}

TEST_F(Watchdog, EndOfABatchIsTraced) {
    for (const char* fault : {"hang", "lose"}) {
        const Trace trace;
        Ring ring(device_, with_timeout(short_timeout));
        fault_.set(fault);
        ring.run({nop(), nop()});
        const std::vector<TraceEvent> events = trace.events();
        ASSERT_EQ(names(events).back(), "zaccel_post") << fault;
        const TraceEvent& end = events.at(events.size() - 2);
        EXPECT_EQ(end.name, "zaccel_complete");
        EXPECT_EQ(end.fields.at("error"), std::to_string(-ETIMEDOUT));
        EXPECT_GE(end.number("busy_ns"), std::uint64_t{short_timeout} * ms);
        EXPECT_EQ(expect_report().ring, end.number("ring"));
    }
}

TEST_F(Watchdog, WithoutATimeoutTheDevicesCounts) {
    const std::int64_t limit = device_info(device_).default_timeout_ms;
    EXPECT_EQ(limit, 2000);
    Ring ring(device_);
    fault_.set("hang");
    const std::int64_t start = now();
    EXPECT_EQ(ring.run_one(nop()).status, -ETIMEDOUT);
    EXPECT_GE(now(), start + limit * ms);
    EXPECT_LT(now(), start + limit * ms + slack);
    expect_report();
}

TEST_F(Watchdog, TimeoutAboveTheLimitIsInvalid) {
    const std::uint32_t limit = device_info(device_).max_batch_ms;
    EXPECT_EQ(limit, 10000U);
    for (const std::uint32_t timeout : {limit + 1, 1U << 31, ~0U}) {
        drm_zaccel_ring_create args = ring_create_args(with_timeout(timeout));
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_CREATE, args), EINVAL) << timeout;
    }
    for (const std::uint32_t timeout : {1U, limit})
        EXPECT_EQ(Ring(device_, with_timeout(timeout)).destroy(), 0) << timeout;
}

// What was done before stays done, and the report names the one that was not.
TEST_F(Watchdog, CommandsBeforeTheHungOneAreDone) {
    const Buffer buffer(device_, page);
    const Mapping memory = buffer.map();
    Ring ring(device_, with_timeout(1500));
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    fault_.set("slow 100000");
    std::vector<drm_zaccel_command> commands(64, nop());
    commands[0] = mark();
    ring.put_batch(commands);
    ASSERT_EQ(ring.submit(), 0);
    ASSERT_TRUE(eventually([&] { return memory[0] == 0x4d; }));
    fault_.set("hang");
    ring.wait_for(64);
    const std::size_t at = expect_cut_off(ring.reap(), -ETIMEDOUT);
    EXPECT_GE(at, 1U);
    const HangReport report = expect_report();
    EXPECT_EQ(report.command, at);
    EXPECT_EQ(report.count, 64U);
}

TEST_F(Watchdog, ContinueDoesNotGoOnBehindAHungCommand) {
    Ring ring(device_, with_timeout(short_timeout));
    fault_.set("hang");
    EXPECT_EQ(statuses(ring.run({with(nop(), ZACCEL_CMD_CONTINUE), nop()})),
              (std::vector<int>{-ETIMEDOUT, -ECANCELED}));
    expect_report();
}

TEST_F(Watchdog, FencesCarryIt) {
    const Buffer buffer(device_, page);
    const Fd dmabuf = buffer.export_dmabuf();
    const Syncobj out(device_), slot(device_);
    Ring ring(device_, with_timeout(short_timeout));
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    ASSERT_EQ(ring.bind_syncobj(1, slot.handle()), 0);
    fault_.set("hang");
    ring.put_batch({mark(), signal_point(1)});
    ASSERT_EQ(ring.submit({}, std::vector{out.handle()}), 0);
    for (const Fd& fence :
         {out.export_sync_file(), slot.export_sync_file(), export_fences(dmabuf, Fences::writers)})
        EXPECT_EQ(final_status(fence), -ETIMEDOUT);
    expect_report();
}

TEST_F(Watchdog, RingGoesOn) {
    Ring ring(device_, with_timeout(short_timeout));
    fault_.set("hang");
    ring.put_batch({nop(1)});
    ring.put_batch({nop(2)});
    ASSERT_EQ(ring.submit(), 0);
    ring.wait_for(1);
    fault_.clear();
    ring.wait_for(2);
    EXPECT_EQ(ring.reap().at(0).status, -ETIMEDOUT);
    EXPECT_EQ(ring.run_one(nop(3)).status, 0);
    fault_.set("hang");
    EXPECT_EQ(ring.run_one(nop(4)).status, -ETIMEDOUT);
    fault_.clear();
    EXPECT_EQ(ring.run_one(nop(5)).status, 0);
    // The second may have begun to hang before the first was seen.
    expect_reports(ring.completion(1).status == 0 ? 2 : 3);
}

TEST_F(Watchdog, TellsWhoeverWaits) {
    const Buffer buffer(device_, page), alone(device_, page);
    const Fd dmabuf = buffer.export_dmabuf();
    const Syncobj out(device_);
    const Eventfd eventfd;
    Ring ring(device_, with_timeout(1000));
    const FdRing other(open_ring(device_, ring.id()), ring.args());
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    ASSERT_EQ(ring.bind_range(1, alone, 0, page), 0);
    drm_zaccel_ring_eventfd args{};
    args.id = ring.id();
    args.fd = eventfd.fd().get();
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_EVENTFD, args), 0);
    fault_.set("hang");
    ring.put_batch({mark(0), mark(1)});
    ASSERT_EQ(ring.submit({}, std::vector{out.handle()}), 0);

    const Fd fence = out.export_sync_file();
    constexpr int limit = 20000;
    Sleeper waits[] = {Sleeper([&] { return ring.wait(2, forever); }),
                       Sleeper([&] { return other.wait(2, forever); }),
                       Sleeper([&] { return buffer.wait(forever); }),
                       Sleeper([&] { return alone.wait(forever); }),
                       Sleeper([&] { return out.wait(forever); })};
    Sleeper polls[] = {
        Sleeper([&] { return poll_events(fence.get(), POLLIN, limit); }),
        Sleeper([&] { return poll_events(dmabuf.get(), POLLIN, limit); }),
        Sleeper([&] { return poll_events(other.fd().get(), POLLIN, limit); }),
        Sleeper([&] { return poll_events(eventfd.fd().get(), POLLIN, limit); }),
    };
    EXPECT_FALSE(ring.posted(1));
    for (Sleeper& wait : waits) EXPECT_EQ(wait.result(), 0) << &wait - waits;
    for (Sleeper& poll : polls) EXPECT_EQ(poll.result(), POLLIN) << &poll - polls;
    EXPECT_EQ(eventfd.take(), 1U);
    EXPECT_EQ(sync_file_status(fence), -ETIMEDOUT);
    expect_report();
}

TEST_F(Watchdog, BuffersStayUntilTheBatchHasEnded) {
    constexpr std::int64_t size = 16 << 20, room = 4 << 20;
    const std::int64_t before = shared_memory();
    Ring ring(device_, with_timeout(2000));
    {
        const Buffer buffer(device_, size);
        buffer.map()[0] = 1;
        ASSERT_EQ(ring.bind_range(0, buffer, 0, size), 0);
    }
    fault_.set("hang");
    ring.put_batch({mark()});
    ASSERT_EQ(ring.submit(), 0);
    ASSERT_EQ(ring.clear(0), 0);
    const std::int64_t hung = shared_memory();
    ASSERT_FALSE(ring.posted(1));
    EXPECT_GE(hung, before + size - room);
    ring.wait_for(1);
    EXPECT_TRUE(eventually([&] { return shared_memory() < before + room; }));
    expect_report();
}

TEST_F(Watchdog, DmabufsStayUntilTheBatchHasEnded) {
    const auto before = test_support::count_dmabufs();
    ASSERT_TRUE(before);
    Ring ring(device_, with_timeout(2000));
    {
        const HeapBuffer heap(page);
        const Buffer imported = Buffer::import(device_, heap.dmabuf().get());
        ASSERT_EQ(ring.bind_range(0, imported, 0, page), 0);
    }
    fault_.set("hang");
    ring.put_batch({mark()});
    ASSERT_EQ(ring.submit(), 0);
    ASSERT_EQ(ring.clear(0), 0);
    const auto hung = test_support::count_dmabufs();
    ASSERT_FALSE(ring.posted(1));
    EXPECT_EQ(hung, *before + 1);
    ring.wait_for(1);
    EXPECT_TRUE(eventually([&] { return test_support::count_dmabufs() == before; }));
    expect_report();
}

TEST_F(Watchdog, HangInsideAnExecEndsAllOfIt) {
    const Buffer list(device_, page), data(device_, page);
    const Mapping memory = data.map();
    const drm_zaccel_command commands[] = {fill(1, 0, 1, 0x4d), nop(), nop()};
    std::memcpy(list.map().data(), commands, sizeof(commands));
    Ring ring(device_, with_timeout(1500));
    ASSERT_EQ(ring.bind_range(0, list, 0, page), 0);
    ASSERT_EQ(ring.bind_range(1, data, 0, page), 0);
    fault_.set("slow 200000");
    ring.put_batch({exec(0, 0, 3), nop()});
    ASSERT_EQ(ring.submit(), 0);
    ASSERT_TRUE(eventually([&] { return memory[0] == 0x4d; }));
    fault_.set("hang");
    ring.wait_for(2);
    const auto done = ring.reap();
    EXPECT_EQ(statuses(done), (std::vector<int>{-ETIMEDOUT, -ECANCELED}));
    EXPECT_GE(done[0].result, 1U);
    EXPECT_LT(done[0].result, 3U);
    EXPECT_EQ(expect_report().opcode, unsigned{ZACCEL_OP_EXEC});
}

TEST_F(Watchdog, HoldingBackDoesNotCount) {
    const LateMode late;
    const Buffer buffer(device_, page);
    Ring ring(device_, with_timeout(100));
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    late.hold();
    ring.put_batch({mark()});
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.wait(1, deadline_in(std::chrono::milliseconds(600))), ETIME);
    late.release();
    ring.wait_for(1);
    EXPECT_EQ(ring.reap().at(0).status, 0);
    late.set_late_us(600'000);
    EXPECT_EQ(ring.run_one(mark()).status, 0);
}

// 2 s in 40 commands.
TEST_F(Watchdog, ProgressIsNotEndedByTheRingsTimeout) {
    Ring ring(device_, with_timeout(1000));
    fault_.set("slow 50000");
    EXPECT_EQ(statuses(ring.run(std::vector(40, nop()))), std::vector<int>(40, 0));
}

TEST_F(Watchdog, CommandSlowerThanTheTimeoutIsEnded) {
    Ring ring(device_, with_timeout(short_timeout));
    fault_.set("slow 5000000");
    EXPECT_EQ(ring.run_one(nop()).status, -ETIMEDOUT);
    EXPECT_EQ(expect_report().reason, "no progress");
}

// What nobody ends early ends itself.
class HungClient : public Watchdog {
 protected:
    HungClient() { fault_.set("hang"); }

    /// A client's batch of which nothing comes; its fence.
    static Fd hang(const Fd& file, Ring& ring) {
        const Syncobj out(file);
        ring.put_batch({nop(), nop()});
        check(ring.submit({}, std::vector{out.handle()}), "submit");
        EXPECT_TRUE(eventually(engine_hangs));
        return out.export_sync_file();
    }
    Fd hang() { return hang(victim_, *ring_); }

    /// Long before the timeout.
    void expect_soon(const Fd& fence, int status) const {
        EXPECT_EQ(final_status(fence), status);
        EXPECT_LT(now(), start_ + slack);
    }

    void expect_others_go_on() {
        fault_.clear();
        Ring ring(device_);
        EXPECT_EQ(ring.run_one(nop(5)).user_data, 5U);
    }

    Fd victim_ = open_device();
    std::unique_ptr<Ring> ring_ = std::make_unique<Ring>(victim_, with_timeout(10000));
    const std::int64_t start_ = now();
};

TEST_F(HungClient, EndsWithItsRing) {
    const Fd fence = hang();
    ASSERT_EQ(ring_->destroy(), 0);
    expect_soon(fence, -ECANCELED);
    ASSERT_TRUE(eventually([this] { return ring_->cq_tail() == 2; }));
    EXPECT_EQ(statuses(ring_->reap()), std::vector<int>(2, -ECANCELED));
    expect_others_go_on();
}

TEST_F(HungClient, EndsWithItsFile) {
    const Fd fence = hang();
    ring_->leave_to_file();
    ring_.reset();
    victim_.reset();
    expect_soon(fence, -ECANCELED);
    expect_others_go_on();
}

TEST_F(HungClient, EndsWithItsProcess) {
    const FdPipe pipe;
    Child child([&] {
        const Fd file = open_device();
        Ring ring(file, with_timeout(10000));
        pipe.send(hang(file, ring));
        return ring.wait(2, forever);
    });
    const Fd fence = pipe.receive();
    ASSERT_TRUE(fence);
    EXPECT_EQ(sync_file_status(fence), 0);
    child.kill();
    EXPECT_EQ(child.join(), -1);
    expect_soon(fence, -ECANCELED);
    expect_others_go_on();
}

TEST_F(HungClient, EndsWithTheDevice) {
    const Fd fence = hang();
    unbind();
    EXPECT_EQ(sync_file_status(fence), -ENODEV);
    EXPECT_LT(now(), start_ + slack);
    EXPECT_EQ(statuses(ring_->reap()), (std::vector<int>{-ENODEV, -ECANCELED}));
    bind();
    const Fd file = open_device();
    Ring next(file);
    EXPECT_EQ(next.run_one(nop()).status, 0);
}

}  // namespace
}  // namespace uapi_tests
