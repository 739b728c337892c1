// SPDX-License-Identifier: MIT

// Tracepoints: each step of a batch leaves one event, in order, with one cookie.

#include "trace.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include "debugfs.hpp"
#include "fault.hpp"
#include "fdinfo.hpp"
#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

using Names = std::vector<std::string>;

const Names all_steps = {"zaccel_submit", "zaccel_fetch",    "zaccel_ready",
                         "zaccel_run",    "zaccel_complete", "zaccel_post"};

class Tracing : public DeviceTest {
 protected:
    /// Of the batch whose first entry has this index.
    std::uint64_t cookie(std::uint32_t index) const { return serial_ << 32 | index; }

    std::uint64_t client_ = Fdinfo(device_).client_id();
    Ring ring_{device_};
    std::uint64_t serial_ = number(read_list("rings", "client", client_).at(0), "ring");
    Trace trace_{{"zaccel", "dma_fence/dma_fence_signaled"}};
};

TEST_F(Tracing, BatchInsideTheDoorbell) {
    ring_.run({nop(), nop()});
    EXPECT_EQ(names(trace_.events()), all_steps);
    EXPECT_EQ(names(trace_.events_of(cookie(0))), all_steps);
}

TEST_F(Tracing, BatchOnTheThread) {
    const HeldEngine engine;
    ring_.put_batch({nop(), nop()});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_EQ(names(trace_.events_of(cookie(0))), Names(all_steps.begin(), all_steps.begin() + 3));
    engine.release();
    ring_.wait_for(2);
    EXPECT_EQ(names(trace_.events_of(cookie(0))), all_steps);
}

TEST_F(Tracing, BatchThatWaitsForAFence) {
    const ManualFence fence;
    Syncobj in(device_);
    in.import_sync_file(fence.sync_file());
    ring_.put_batch({nop()});
    ring_.put_batch({nop()});
    ASSERT_EQ(ring_.submit(std::vector{in.handle()}, {}), 0);
    EXPECT_EQ(names(trace_.events_of(cookie(0))), Names(all_steps.begin(), all_steps.begin() + 2));
    fence.signal();
    ring_.wait_for(2);
    const std::vector<TraceEvent> events = trace_.events_of(cookie(0));
    ASSERT_EQ(names(events), all_steps);
    EXPECT_EQ(events[2].number("deps"), 1U);
    const std::vector<TraceEvent> behind = trace_.events_of(cookie(1));
    ASSERT_EQ(names(behind), Names(all_steps.begin() + 1, all_steps.end()));
    EXPECT_EQ(behind[1].number("deps"), 0U) << "it only comes after the other";
}

TEST_F(Tracing, EveryEventSaysWhoseBatchItIs) {
    const Buffer buffer(device_, page);
    ASSERT_EQ(ring_.bind_range(0, buffer, 0, page), 0);
    ring_.run({nop(), fill(0, 0, page, 1), nop()});
    const std::vector<TraceEvent> events = trace_.events_of(cookie(0));
    ASSERT_EQ(names(events), all_steps);
    for (const TraceEvent& event : events) {
        EXPECT_EQ(event.number("ring"), serial_) << event.name;
        if (event.fields.contains("client_id")) {
            EXPECT_EQ(event.number("client_id"), client_);
        }
        EXPECT_EQ(event.fields.at("dev"), "zaccel") << event.name;
        if (event.fields.contains("engine")) {
            EXPECT_EQ(event.fields.at("engine"), "soft");
        }
    }
    EXPECT_EQ(events[0].number("entries"), 3U);
    EXPECT_EQ(events[1].number("count"), 3U);
    EXPECT_EQ(events[1].number("bindings"), 1U);
    EXPECT_GE(events[1].number("cost"), page);
    EXPECT_EQ(events[4].fields.at("error"), "0");
    EXPECT_EQ(events[4].number("busy_ns"), Fdinfo(device_).busy_ns());
    EXPECT_EQ(events[5].number("cq_tail"), 3U);
}

TEST_F(Tracing, OneDoorbellForSeveralBatches) {
    ring_.put_batch({nop(), nop()});
    ring_.put_batch({nop()});
    ring_.put_batch({nop(), nop(), nop()});
    ASSERT_EQ(ring_.submit(), 0);
    ring_.wait_for(6);
    const std::vector<TraceEvent> first = trace_.events_of(cookie(0));
    ASSERT_EQ(names(first), all_steps);
    EXPECT_EQ(first[0].number("entries"), 6U);
    for (const std::uint32_t index : {2U, 3U})
        EXPECT_EQ(names(trace_.events_of(cookie(index))),
                  Names(all_steps.begin() + 1, all_steps.end()));
    EXPECT_TRUE(trace_.events_of(cookie(1)).empty());
}

TEST_F(Tracing, DoorbellForNothing) {
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_TRUE(trace_.events().empty());
    ring_.put(nop());
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_EQ(names(trace_.events()), Names{"zaccel_submit"}) << "the batch has no end yet";
}

/// All with one name, of any batch.
std::vector<TraceEvent> named(const Trace& trace, const std::string& name) {
    std::vector<TraceEvent> events = trace.events();
    std::erase_if(events, [&](const TraceEvent& event) { return event.name != name; });
    return events;
}

TEST_F(Tracing, BatchInTheMidstOfAnother) {
    const Fault slow("slow 30000");
    Ring below(device_, {.priority = ZACCEL_PRIORITY_LOW});
    const std::uint64_t before = now_ns();
    below.put_batch({nop(), nop(), nop()});
    ASSERT_EQ(below.submit(), 0);
    ASSERT_TRUE(eventually([&] { return named(trace_, "zaccel_run").size() == 1; }));
    EXPECT_EQ(ring_.run({nop(), nop()}).at(0).status, 0);
    below.wait_for(3);
    const std::uint64_t elapsed = now_ns() - before;
    const std::vector<TraceEvent> runs = named(trace_, "zaccel_run");
    const std::vector<TraceEvent> ends = named(trace_, "zaccel_complete");
    ASSERT_EQ(runs.size(), 2U);
    ASSERT_EQ(ends.size(), 2U);
    EXPECT_EQ(runs[1].number("ring"), serial_);
    EXPECT_EQ(ends[0].number("ring"), serial_) << "it came later and is done first";
    EXPECT_GE(ends[0].number("busy_ns"), 60'000'000U);
    EXPECT_GE(ends[1].number("busy_ns"), 90'000'000U);
    EXPECT_LE(ends[0].number("busy_ns") + ends[1].number("busy_ns"), elapsed);
}

TEST_F(Tracing, FailureIsInTheEvent) {
    drm_zaccel_command bad = nop();
    bad.opcode = 0x7fff;
    const int status = ring_.run_one(bad).status;
    EXPECT_LT(status, 0);
    EXPECT_EQ(trace_.events_of(cookie(0)).at(4).fields.at("error"), std::to_string(status));
}

TEST_F(Tracing, CanceledBatchGoesItsWayToo) {
    const HeldEngine engine;
    const ManualFence fence;
    Syncobj in(device_);
    in.import_sync_file(fence.sync_file());
    const Syncobj out(device_);
    ring_.put_batch({nop()});
    ASSERT_EQ(ring_.submit(std::vector{in.handle()}, std::vector{out.handle()}), 0);
    ASSERT_EQ(ring_.destroy(), 0);
    ASSERT_EQ(out.wait(deadline_in(long_enough)), 0);
    EXPECT_TRUE(eventually([&] { return names(trace_.events_of(cookie(0))) == all_steps; }));
    EXPECT_EQ(trace_.events_of(cookie(0)).at(4).fields.at("error"), std::to_string(-ECANCELED));
    ring_.leave_to_file();
    fence.signal();
}

TEST_F(Tracing, FenceIsTheOneThatSignals) {
    const HeldEngine engine;
    const Syncobj out(device_);
    ring_.put_batch({nop()});
    ASSERT_EQ(ring_.submit({}, std::vector{out.handle()}), 0);
    engine.release();
    ASSERT_EQ(out.wait(deadline_in(long_enough)), 0);
    ring_.wait_for(1);
    std::string fence;
    Names order;
    for (const TraceEvent& event : trace_.events()) {
        if (event.name == "zaccel_complete") fence = event.fields.at("fence");
        if (event.name == "dma_fence_signaled" && event.fields.at("driver") == "zaccel") {
            EXPECT_EQ(event.fields.at("context") + ":" + event.fields.at("seqno"), fence);
        }
        if (event.name != "zaccel_submit") order.push_back(event.name);
    }
    EXPECT_EQ(order, (Names{"zaccel_fetch", "zaccel_ready", "zaccel_run", "zaccel_complete",
                            "dma_fence_signaled", "zaccel_post"}));
}

}  // namespace
}  // namespace uapi_tests
