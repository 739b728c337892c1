// SPDX-License-Identifier: MIT

// Whose turn it is does not depend on who asks: batches of many processes start in the order in
// which they became ready, among those of one priority.

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cpus.hpp"
#include "crowd.hpp"
#include "debugfs.hpp"
#include "fixture.hpp"
#include "inline.hpp"
#include "trace.hpp"

namespace uapi_tests {
namespace {

constexpr std::size_t no_place = SIZE_MAX;

/// A batch, by the places of its events in the trace.
struct Batch {
    std::uint64_t ring = 0;
    std::string priority;
    std::size_t ready = no_place;
    /// What the CPU where it became ready did next: by then it stood in the queue. Until then
    /// others may have come before it, from other CPUs.
    std::size_t queued = no_place;
    std::size_t run = no_place;

    bool precedes(const Batch& other) const {
        return queued <= other.ready && priority == other.priority;
    }
};

/// By the number of the ring, of all that there are.
std::map<std::uint64_t, std::string> ring_priorities() {
    std::map<std::uint64_t, std::string> all;
    for (const Line& line : read_list("rings")) all[number(line, "ring")] = line.at("priority");
    return all;
}

std::size_t next_on_cpu(const std::vector<TraceEvent>& events, std::size_t place) {
    const auto next =
        std::find_if(events.begin() + static_cast<std::ptrdiff_t>(place) + 1, events.end(),
                     [&](const TraceEvent& event) { return event.cpu == events[place].cpu; });
    return next == events.end() ? no_place : static_cast<std::size_t>(next - events.begin());
}

/// Those that are in the trace as a whole.
std::vector<Batch> batches_of(const std::vector<TraceEvent>& events) {
    const std::map<std::uint64_t, std::string> priorities = ring_priorities();
    std::map<std::uint64_t, Batch> batches;
    for (std::size_t i = 0; i < events.size(); i++) {
        if (!events[i].fields.contains("cookie")) continue;
        Batch& batch = batches[events[i].number("cookie")];
        batch.ring = events[i].number("ring");
        batch.priority = priorities.at(batch.ring);
        if (events[i].name == "zaccel_ready") {
            batch.ready = i;
            batch.queued = next_on_cpu(events, i);
        } else if (events[i].name == "zaccel_run") {
            batch.run = i;
        }
    }
    std::vector<Batch> whole;
    for (const auto& [cookie, batch] : batches)
        if (batch.ready != no_place && batch.run != no_place) whole.push_back(batch);
    return whole;
}

/// Pairs of which the later one started first.
std::size_t count_overtaken(const std::vector<Batch>& batches) {
    std::size_t overtaken = 0;
    for (const Batch& batch : batches)
        for (const Batch& other : batches)
            overtaken += batch.precedes(other) && other.run < batch.run;
    return overtaken;
}

/// Rings of that priority with a batch that stood in the queue before one of another ring.
std::set<std::uint64_t> rings_in_line(const std::vector<Batch>& batches,
                                      const std::string& priority) {
    std::set<std::uint64_t> rings;
    for (const Batch& batch : batches)
        for (const Batch& other : batches)
            if (batch.priority == priority && batch.ring != other.ring && batch.precedes(other) &&
                other.ready < batch.run)
                rings.insert(batch.ring);
    return rings;
}

class CrowdOrder : public CountedTest, public testing::WithParamInterface<std::size_t> {
 protected:
    /// Traces a crowd at work. How many of its rings have been seen in line, all times together?
    std::size_t see_in_line(const Crowd& crowd, const std::string& priority) {
        const Trace trace({"zaccel/zaccel_submit", "zaccel/zaccel_ready", "zaccel/zaccel_run"});
        crowd.work(std::chrono::milliseconds(100));
        trace.stop();
        const std::vector<Batch> batches = batches_of(trace.events());
        overtaken_ += count_overtaken(batches);
        in_line_.merge(rings_in_line(batches, priority));
        return in_line_.size();
    }

    const InlineBytes none_{0};
    /// On the last of those that the crowd is on.
    const OnCpu engine_{GetParam() - 1, EngineThreads().pids().at(0)};
    std::set<std::uint64_t> in_line_;
    std::size_t overtaken_ = 0;
};

TEST_P(CrowdOrder, IsThatInWhichBatchesBecameReady) {
    constexpr std::uint64_t bytes = 8192;
    const Crowd normal({4, 4, 4, bytes, GetParam()});
    EXPECT_TRUE(eventually([&] { return see_in_line(normal, "normal") == 16; }));
    // From here on there may be nothing left for the others.
    const Crowd high({2, 4, 1, bytes, GetParam(), ZACCEL_PRIORITY_HIGH});
    EXPECT_TRUE(eventually([&] { return see_in_line(high, "high") >= 16 + 2; }));
    EXPECT_EQ(overtaken_, 0U);
    EXPECT_EQ(normal.violations() + high.violations(), 0U);
}

INSTANTIATE_TEST_SUITE_P(OnCpus, CrowdOrder, testing::Values(1, Crowd::cpus),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace uapi_tests
