// SPDX-License-Identifier: MIT

// The lists in debugfs: clients, rings, and the engine's queue.

#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "debugfs.hpp"
#include "fault.hpp"
#include "fdinfo.hpp"
#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "process.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "syncobj.hpp"
#include "thread_name.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

class Lists : public DeviceTest {
 protected:
    std::uint64_t client() const { return Fdinfo(device_).client_id(); }
    std::vector<Line> rings() const { return read_list("rings", "client", client()); }
    /// That of the only ring of this client.
    Line ring_line() const { return rings().at(0); }
    std::uint64_t serial() const { return number(ring_line(), "ring"); }
};

using ClientList = Lists;

TEST_F(ClientList, SaysWhatFdinfoSays) {
    const Buffer buffer(device_, 2 * page);
    const Fd dmabuf = buffer.export_dmabuf();
    Ring ring(device_);
    Ring second(device_);
    ring.run({nop(), nop()});
    const std::vector<Line> lines = read_list("clients", "client", client());
    ASSERT_EQ(lines.size(), 1U);
    const Fdinfo info(device_);
    EXPECT_EQ(number(lines[0], "rings"), 2U);
    EXPECT_EQ(number(lines[0], "batches"), 1U);
    EXPECT_EQ(number(lines[0], "busy_ns"), info.busy_ns());
    EXPECT_EQ(number(lines[0], "memory"), info.memory("total"));
    EXPECT_EQ(number(lines[0], "shared"), 2 * page);
    EXPECT_EQ(number(lines[0], "pid"), static_cast<std::uint64_t>(::getpid()));
    EXPECT_NE(lines[0].at("comm"), "");
}

TEST_F(ClientList, HasWhoeverHasItOpen) {
    const std::size_t before = read_list("clients").size();
    {
        const Fd other = open_device();
        EXPECT_EQ(read_list("clients").size(), before + 1);
        EXPECT_EQ(read_list("clients", "client", Fdinfo(other).client_id()).size(), 1U);
    }
    EXPECT_EQ(read_list("clients").size(), before);
}

using RingList = Lists;

TEST_F(RingList, SaysWhatTheRingIs) {
    const ThreadName name("ring maker");
    const Buffer buffer(device_, page);
    const Ring ring(device_, {.sq_entries = 8, .cq_entries = 32, .slots = 5});
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    ASSERT_EQ(ring.bind_range(4, buffer, 0, page), 0);
    const Line line = ring_line();
    EXPECT_EQ(number(line, "id"), ring.id());
    EXPECT_EQ(line.at("priority"), "normal");
    EXPECT_EQ(number(line, "sq"), 8U);
    EXPECT_EQ(number(line, "cq"), 32U);
    EXPECT_EQ(line.at("error"), "0");
    EXPECT_EQ(number(line, "pid"), static_cast<std::uint64_t>(::getpid()));
    EXPECT_EQ(line.at("comm"), "ring maker");
    EXPECT_EQ(line.at("slots").substr(0, 3), "2/5");
}

TEST_F(RingList, NumbersAreNotUsedAgain) {
    std::uint64_t last = 0;
    for (int i = 0; i < 3; i++) {
        const Ring ring(device_);
        EXPECT_EQ(rings().size(), 1U);
        EXPECT_GT(serial(), last);
        last = serial();
    }
    EXPECT_TRUE(rings().empty());
    const Ring ring(device_);
    const Fd other = open_device();
    const Ring others(other);
    EXPECT_GT(number(read_list("rings", "client", Fdinfo(other).client_id()).at(0), "ring"),
              serial())
        << "of the device, not of the file";
}

TEST_F(RingList, HasWhatBothSidesSay) {
    Ring ring(device_);
    ring.run({nop(), nop(), nop()});
    ring.put(nop());
    ring.publish();
    const Line line = ring_line();
    EXPECT_EQ(number(line, "sq_tail"), 4U);
    EXPECT_EQ(number(line, "sq_head"), 3U) << "the batch has no end yet";
    EXPECT_EQ(number(line, "cq_tail"), 3U);
    EXPECT_EQ(number(line, "cq_head"), 3U);
    EXPECT_EQ(number(line, "in_flight"), 0U);
    EXPECT_EQ(number(line, "waiting"), 0U);
}

TEST_F(RingList, TellsWhatWaitsFromWhatIsAtTheEngine) {
    const HeldEngine engine;
    const ManualFence fence;
    Syncobj in(device_);
    in.import_sync_file(fence.sync_file());
    Ring ring(device_);
    ring.put_batch({nop(), nop(), nop()});
    ASSERT_EQ(ring.submit(std::vector{in.handle()}, {}), 0);
    ring.put_batch({nop(), nop()});
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(number(ring_line(), "in_flight"), 5U);
    EXPECT_EQ(number(ring_line(), "waiting"), 5U) << "with what is behind it";
    fence.signal();
    EXPECT_EQ(number(ring_line(), "in_flight"), 5U);
    EXPECT_EQ(number(ring_line(), "waiting"), 2U) << "a batch of a ring at a time";
    engine.release();
    ring.wait_for(5);
    EXPECT_EQ(number(ring_line(), "in_flight"), 0U);
    EXPECT_EQ(number(ring_line(), "waiting"), 0U);
}

TEST_F(RingList, NameOfAProgramStaysOnItsLine) {
    const ThreadName name("a\nb\x1b[7m\\");
    const Ring ring(device_);
    EXPECT_EQ(rings().size(), 1U);
    const std::string comm = ring_line().at("comm");
    EXPECT_EQ(comm.find('\x1b'), std::string::npos);
    EXPECT_EQ(comm.substr(0, 2), "a\\") << comm;
}

TEST_F(RingList, ForgetsARingThatHasEnded) {
    const Fd kept = [&] {
        const Ring ring(device_);
        return open_ring(device_, ring.id());
    }();
    EXPECT_TRUE(rings().empty());
}

/// The queue's lines in one state: "running", "preempted" or "queued"; and "more", if it is there.
std::vector<Line> in_state(const char* state) {
    std::vector<Line> lines = read_list("queue");
    std::erase_if(lines, [&](const Line& line) { return line.at("state") != state; });
    return lines;
}

/// The rings of lines, by their device-wide numbers.
std::vector<std::uint64_t> rings_of(const std::vector<Line>& lines) {
    std::vector<std::uint64_t> all;
    for (const Line& line : lines) all.push_back(number(line, "ring"));
    return all;
}

class QueueList : public Lists {
 protected:
    /// A ring with so many batches of two commands each. Returns its number.
    std::uint64_t queue(std::uint32_t priority = ZACCEL_PRIORITY_NORMAL, int batches = 1) {
        Ring& ring = rings_.emplace_back(device_, RingOptions{.priority = priority});
        for (int i = 0; i < batches; i++) ring.put_batch({nop(), nop()});
        check(ring.submit(), "submit");
        return number(rings().back(), "ring");
    }

    /// The engine takes the first batch up in a moment.
    static bool one_runs() {
        return eventually([] { return in_state("running").size() == 1; });
    }

    HeldEngine engine_;
    std::vector<Ring> rings_;
};

TEST_F(QueueList, IsEmptyWhenNothingIsToDo) { EXPECT_TRUE(read_list("queue").empty()); }

TEST_F(QueueList, IsInTheOrderOfTheEngine) {
    std::vector<std::uint64_t> order;
    for (int i = 0; i < 4; i++) order.push_back(queue());
    while (!order.empty()) {
        EXPECT_TRUE(
            eventually([&] { return rings_of(in_state("running")) == std::vector{order[0]}; }));
        order.erase(order.begin());
        EXPECT_EQ(rings_of(in_state("queued")), order);
        engine_.advance();
    }
    EXPECT_TRUE(eventually([] { return read_list("queue").empty(); }));
}

TEST_F(QueueList, SaysWhatABatchIs) {
    const std::uint64_t first = queue(), second = queue();
    ASSERT_TRUE(one_runs());
    const std::vector<Line> lines = read_list("queue");
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(number(lines[0], "cookie"), first << 32);
    EXPECT_EQ(number(lines[1], "cookie"), second << 32);
    EXPECT_EQ(lines[0].at("instance"), "0");
    EXPECT_EQ(lines[1].at("instance"), "-");
    for (const Line& line : lines) {
        EXPECT_EQ(line.at("priority"), "normal");
        EXPECT_EQ(number(line, "client"), client());
        EXPECT_EQ(number(line, "count"), 2U);
        EXPECT_GT(number(line, "cost"), 0U);
        EXPECT_EQ(number(line, "deps"), 0U);
        EXPECT_EQ(number(line, "busy_ns"), 0U) << "it is held back";
    }
}

TEST_F(QueueList, HasHigherPrioritiesFirst) {
    const std::uint64_t first = queue();
    ASSERT_TRUE(one_runs());
    const std::uint64_t low = queue(ZACCEL_PRIORITY_LOW);
    const std::uint64_t normal = queue(ZACCEL_PRIORITY_NORMAL);
    const std::uint64_t high = queue(ZACCEL_PRIORITY_HIGH);
    EXPECT_EQ(rings_of(in_state("running")), std::vector{first});
    const std::vector<Line> queued = in_state("queued");
    EXPECT_EQ(rings_of(queued), (std::vector{high, normal, low}));
    EXPECT_EQ(queued.at(0).at("priority"), "high");
    EXPECT_EQ(queued.at(2).at("priority"), "low");
}

TEST_F(QueueList, HasOneBatchOfARing) {
    const std::uint64_t ring = queue(ZACCEL_PRIORITY_NORMAL, 3);
    for (std::uint64_t i = 0; i < 3; i++) {
        EXPECT_TRUE(eventually([&] {
            const std::vector<Line> lines = read_list("queue");
            return lines.size() == 1 && number(lines[0], "cookie") == (ring << 32 | 2 * i);
        }));
        EXPECT_EQ(number(ring_line(), "waiting"), 4 - 2 * i);
        engine_.advance();
    }
}

TEST_F(QueueList, SaysWhenThereIsMore) {
    constexpr std::size_t files = 5, each = 60, listed = 256;
    std::vector<Fd> devices;
    for (std::size_t i = 0; i < files; i++) devices.push_back(open_device());
    for (std::size_t i = 0; i < files * each; i++) {
        Ring& ring =
            rings_.emplace_back(devices[i / each], RingOptions{.sq_entries = 8, .cq_entries = 8});
        ring.put_batch({nop()});
        ASSERT_EQ(ring.submit(), 0);
    }
    ASSERT_TRUE(one_runs());
    EXPECT_EQ(in_state("queued").size(), listed - 1);
    EXPECT_EQ(in_state("more").size(), 1U);
    engine_.advance(100);
    rings_[99].wait_for(1);
    ASSERT_TRUE(eventually([] { return in_state("queued").size() == 199; }));
    EXPECT_TRUE(in_state("more").empty());
    engine_.release();
    for (const Ring& ring : rings_) ring.wait_for(1);
    rings_.clear();
}

TEST_F(Lists, QueueHasWhatWasPreempted) {
    const Fault slow("slow 30000");
    Ring below(device_, {.priority = ZACCEL_PRIORITY_LOW}), above(device_);
    below.put_batch(std::vector(3, nop()));
    ASSERT_EQ(below.submit(), 0);
    ASSERT_TRUE(eventually([] { return in_state("running").size() == 1; }));
    above.put_batch(std::vector(20, nop()));
    ASSERT_EQ(above.submit(), 0);
    ASSERT_TRUE(eventually([] { return in_state("preempted").size() == 1; }));
    const std::vector<Line> lines = read_list("queue"), later = read_list("queue");
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0].at("state"), "running");
    EXPECT_EQ(lines[0].at("priority"), "normal");
    EXPECT_EQ(lines[1].at("state"), "preempted");
    EXPECT_EQ(lines[1].at("priority"), "low");
    EXPECT_EQ(lines[1].at("instance"), lines[0].at("instance"));
    EXPECT_GT(number(lines[1], "busy_ns"), 0U);
    EXPECT_EQ(later.at(1).at("busy_ns"), lines[1].at("busy_ns"));
    EXPECT_GT(number(later.at(0), "busy_ns"), number(lines[0], "busy_ns"));
    below.wait_for(3);
    EXPECT_TRUE(eventually([] { return read_list("queue").empty(); }));
}

TEST_F(QueueList, DoesNotHaveWhatWaits) {
    const ManualFence fence;
    Syncobj in(device_);
    in.import_sync_file(fence.sync_file());
    Ring ring(device_);
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(std::vector{in.handle()}, {}), 0);
    EXPECT_TRUE(read_list("queue").empty());
    fence.signal();
    EXPECT_TRUE(one_runs());
    engine_.release();
    ring.wait_for(1);
}

class ListsUnderLoad : public Lists {
 protected:
    static void read_all() {
        for (const char* name : {"clients", "rings", "queue"}) read_list(name);
    }

    static void come_and_go(const std::atomic<bool>& end) {
        while (!end) {
            const Fd file = open_device();
            const Buffer buffer(file, 16 * page);
            Ring ring(file);
            check(ring.bind_range(0, buffer, 0, 16 * page), "bind");
            for (int i = 0; i < 20; i++) ring.put_batch({nop(), crc32c(0, 0, 16 * page)});
            check(ring.submit(), "submit");
            ring.leave_to_file();
        }
    }
};

TEST_F(ListsUnderLoad, CanBeReadWhileClientsComeAndGo) {
    std::atomic<bool> end = false;
    std::thread first([&] { come_and_go(end); });
    std::thread second([&] { come_and_go(end); });
    for (int i = 0; i < 100; i++) read_all();
    end = true;
    first.join();
    second.join();
}

TEST_F(ListsUnderLoad, CanBeReadWhileClientsDie) {
    const std::atomic<bool> never = false;
    for (int i = 0; i < 10; i++) {
        Child child([&] {
            come_and_go(never);
            return 0;
        });
        ASSERT_TRUE(eventually([&] {
            return !read_list("rings", "pid", static_cast<std::uint64_t>(child.pid())).empty();
        }));
        child.kill();
        for (int n = 0; n < 5; n++) read_all();
    }
}

}  // namespace
}  // namespace uapi_tests
