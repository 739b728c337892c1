// SPDX-License-Identifier: MIT

// Faults of one ring leave the others alone; what "async" does really happens elsewhere, and "slow"
// is spread as it says; the watchdog ends what either makes too long.

#include <drm/drm_fourcc.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "hang.hpp"
#include "inline.hpp"
#include "trace.hpp"

namespace uapi_tests {
namespace {

/// No test waits for the end of a command that is so slow.
const std::string endless = "slow 60000000";

/// Two rings on one buffer: numbers 1 and 2.
class RingFault : public HangTest {
 protected:
    static constexpr std::uint64_t size = 1 << 20;
    static constexpr std::uint32_t timeout = 600;

    RingFault() {
        for (const Ring* ring : {&first_, &second_})
            EXPECT_EQ(ring->bind_range(0, buffer_, 0, size), 0);
    }

    /// One byte, which tells whether the command was carried out.
    int write(Ring& ring, std::uint8_t value) const {
        return ring.run_one(fill(0, 0, 1, value)).status;
    }

    Fault fault_;
    Fd device_ = open_device();
    Buffer buffer_{device_, size};
    Mapping memory_ = buffer_.map();
    Ring first_{device_, with_timeout(timeout)}, second_{device_, with_timeout(timeout)};
};

TEST_F(RingFault, SlowConcernsTheRingThatItNames) {
    fault_.set(endless + " ring 1");
    EXPECT_EQ(write(second_, 2), 0);
    EXPECT_EQ(write(first_, 1), -ETIMEDOUT);
    EXPECT_EQ(memory_[0], 2);
    EXPECT_EQ(expect_report().ring, 1U);
    fault_.set(endless + " ring 2");
    EXPECT_EQ(write(first_, 3), 0);
    EXPECT_EQ(write(second_, 4), -ETIMEDOUT);
    EXPECT_EQ(memory_[0], 3);
    EXPECT_EQ(expect_report().ring, 2U);
}

TEST_F(RingFault, LoseConcernsTheRingThatItNames) {
    fault_.set("lose ring 2");
    EXPECT_EQ(write(first_, 1), 0);
    EXPECT_EQ(write(second_, 2), -ETIMEDOUT);
    EXPECT_EQ(memory_[0], 2) << "lost, but done";
    EXPECT_EQ(expect_report().ring, 2U);
    EXPECT_EQ(write(first_, 3), 0);
    EXPECT_EQ(memory_[0], 3);
}

// The other ring's batch stands behind it.
TEST_F(RingFault, SlowCommandIsEndedAndTheOtherRingGoesOn) {
    fault_.set(endless + " ring 1");
    first_.put_batch({nop(), nop()});
    ASSERT_EQ(first_.submit(), 0);
    EXPECT_TRUE(eventually(engine_hangs));
    second_.put_batch({fill(0, 0, 1, 5), nop()});
    ASSERT_EQ(second_.submit(), 0);
    EXPECT_FALSE(second_.posted(1));
    second_.wait_for(2);
    EXPECT_EQ(statuses(second_.reap()), (std::vector{0, 0}));
    EXPECT_EQ(memory_[0], 5);
    ASSERT_TRUE(first_.posted(2));
    EXPECT_EQ(statuses(first_.reap()), (std::vector{-ETIMEDOUT, -ECANCELED}));
    const HangReport report = expect_report();
    EXPECT_EQ(report.ring, 1U);
    EXPECT_EQ(report.reason, "no progress");
    EXPECT_GE(report.ms, timeout);
}

TEST_F(RingFault, SlowIsSpreadEvenly) {
    constexpr std::size_t count = 40;
    constexpr std::uint64_t least = 20'000'000, middle = 60'000'000;
    const Trace ends({"zaccel/zaccel_complete"});
    fault_.set("slow 20000 100000 ring 1");
    for (std::size_t i = 0; i < count; i++) EXPECT_EQ(first_.run_one(nop()).status, 0);
    std::vector<std::uint64_t> busy;
    for (const TraceEvent& end : ends.events()) busy.push_back(end.number("busy_ns"));
    ASSERT_EQ(busy.size(), count);
    std::sort(busy.begin(), busy.end());
    EXPECT_GE(busy.front(), least);
    const auto below = std::lower_bound(busy.begin(), busy.end(), middle) - busy.begin();
    // Of 25000 runs one has fewer.
    EXPECT_GE(below, 8);
    EXPECT_LE(below, 32);
}

/// An event of the kernel's for each call of a function of the driver. It goes after whoever traces
/// it.
class Probe {
 public:
    static constexpr const char* event = "zaccel_tests/zaccel_test";

    explicit Probe(const std::string& function) {
        write("p:" + std::string(event) + " zaccel:" + function);
    }
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;
    ~Probe() { EXPECT_NO_THROW(write("-:" + std::string(event))); }

 private:
    static void write(const std::string& text) {
        const Fd file(::open("/sys/kernel/tracing/kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC));
        check(file ? 0 : errno, "kprobe_events");
        check(::write(file.get(), text.data(), text.size()) < 0 ? errno : 0, text.c_str());
    }
};

/// With the events of those who carry commands out, and of those who wake others.
class AsyncFault : public RingFault {
 protected:
    /// Events of other threads that begin to carry out a command.
    std::vector<TraceEvent> taken_over() const {
        std::vector<TraceEvent> events = trace_.events();
        std::erase_if(events, [](const TraceEvent& event) {
            return event.name != "workqueue_execute_start" ||
                   event.text.find("zaccel_async_work") == std::string::npos;
        });
        return events;
    }

    /// From the start of the only batch to its end.
    std::vector<TraceEvent> batch() const {
        const std::vector<TraceEvent> events = trace_.events();
        const auto named = [](const char* name) {
            return [name](const TraceEvent& event) { return event.name == name; };
        };
        const auto run = std::find_if(events.begin(), events.end(), named("zaccel_run"));
        const auto end = std::find_if(run, events.end(), named("zaccel_complete"));
        EXPECT_NE(end, events.end());
        return end == events.end() ? std::vector<TraceEvent>() : std::vector(run, end + 1);
    }

    const pid_t engine_ = EngineThreads().pids().at(0);
    Trace trace_{{"zaccel", "workqueue/workqueue_execute_start", "sched/sched_waking"}};
};

TEST_F(AsyncFault, ConcernsTheRingThatItNames) {
    fault_.set("async ring 2");
    EXPECT_EQ(statuses(first_.run({nop(), fill(0, 0, 1, 1)})), (std::vector{0, 0}));
    EXPECT_EQ(taken_over().size(), 0U);
    EXPECT_EQ(statuses(second_.run({nop(), fill(0, 0, 1, 2), nop()})), (std::vector{0, 0, 0}));
    EXPECT_EQ(taken_over().size(), 3U);
    EXPECT_EQ(memory_[0], 2);
}

// Long enough for the engine's thread to sleep before they end.
TEST_F(AsyncFault, CommandsEndOnAnotherThread) {
    fault_.set("async");
    const auto done = first_.run(std::vector(8, crc32c(0, 0, size)));
    trace_.stop();
    EXPECT_EQ(statuses(done), std::vector<int>(8, 0));
    const std::vector<TraceEvent> others = taken_over();
    EXPECT_EQ(others.size(), 8U);
    std::size_t told = 0;
    for (const TraceEvent& event : batch()) {
        if (event.name.starts_with("zaccel_")) {
            EXPECT_EQ(event.thread, engine_) << event.name << ": it only waits";
        }
        told += event.name == "sched_waking" &&
                event.number("pid") == static_cast<std::uint64_t>(engine_) &&
                std::any_of(others.begin(), others.end(),
                            [&](const TraceEvent& other) { return other.thread == event.thread; });
    }
    EXPECT_GE(told, 1U) << "who carried it out says so";
    for (const TraceEvent& event : others) EXPECT_NE(event.thread, engine_);
}

TEST_F(RingFault, AsyncCommandsAreCarriedOutByAnotherThread) {
    const pid_t engine = EngineThreads().pids().at(0);
    constexpr std::size_t count = 4, slices = size / (256 << 10);
    const Probe probe("crc32c_run");
    const Trace slices_run({Probe::event});
    EXPECT_EQ(statuses(first_.run(std::vector(count, crc32c(0, 0, size)))),
              std::vector<int>(count, 0));
    ASSERT_EQ(slices_run.events().size(), count * slices);
    for (const TraceEvent& event : slices_run.events()) EXPECT_EQ(event.thread, engine);
    fault_.set("async");
    EXPECT_EQ(statuses(first_.run(std::vector(count, crc32c(0, 0, size)))),
              std::vector<int>(count, 0));
    const std::vector<TraceEvent> all = slices_run.events();
    ASSERT_EQ(all.size(), 2 * count * slices);
    for (std::size_t i = count * slices; i < all.size(); i++) EXPECT_NE(all[i].thread, engine);
}

/// Batches may run for a second.
class AsyncLimit : public HangTest {
 protected:
    static constexpr std::uint32_t limit = 1000, width = 4096;

    static drm_zaccel_ring_bind image(std::uint32_t slot, const Buffer& buffer) {
        return image_args(slot, DRM_FORMAT_XRGB8888, width, width,
                          {plane(buffer.handle(), 4 * width)});
    }

    Reloaded module_{{"max_batch_ms=" + std::to_string(limit)}};
    Fault fault_;
    Fd device_ = open_device();
};

// That it makes progress is seen from where it is made: a single command takes longer than the
// ring's timeout.
TEST_F(AsyncLimit, EndsABatchThatMakesProgressElsewhere) {
    constexpr std::size_t count = 32;
    const Buffer to(device_, 4 * width * width), from(device_, 4 * width * width);
    Ring ring(device_, with_timeout(400));
    ASSERT_EQ(ring.bind(image(0, to)), 0);
    ASSERT_EQ(ring.bind(image(1, from)), 0);
    fault_.set("async");
    const auto done = ring.run(std::vector(count, image_command(ZACCEL_OP_CONVOLVE3X3, 0, 1)));
    const HangReport report = expect_report();
    EXPECT_EQ(report.reason, "too long");
    EXPECT_GE(report.ms, limit);
    ASSERT_LT(report.command, count);
    EXPECT_EQ(done[report.command].status, -ETIMEDOUT);
    EXPECT_EQ(done.back().status, report.command == count - 1 ? -ETIMEDOUT : -ECANCELED);
    EXPECT_EQ(ring.run_one(nop()).status, 0);
}

/// Two batches at once.
class FaultOfOneInstance : public HangTest {
 protected:
    Reloaded module_{{"instances=2"}};
    Fault fault_;
    Fd device_ = open_device();
};

TEST_F(FaultOfOneInstance, OtherRingGoesOnBesideASlowCommand) {
    Ring slow(device_, with_timeout(3000)), other(device_);
    fault_.set(endless + " ring 1");
    slow.put_batch({nop()});
    ASSERT_EQ(slow.submit(), 0);
    EXPECT_TRUE(eventually(engine_hangs));
    for (int i = 0; i < 20; i++) EXPECT_EQ(other.run_one(nop()).status, 0);
    EXPECT_FALSE(slow.posted(1)) << "it still takes its time";
    slow.wait_for(1);
    EXPECT_EQ(slow.reap().at(0).status, -ETIMEDOUT);
    EXPECT_EQ(expect_report().ring, 1U);
    EXPECT_EQ(other.run_one(nop()).status, 0);
}

}  // namespace
}  // namespace uapi_tests
