// SPDX-License-Identifier: MIT

// What the events hold, as tools read it from their format files: exactly what docs/debugging.md
// says, and like the GPU scheduler's where both have a field.

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>

#include "process.hpp"

namespace uapi_tests {
namespace {

namespace fs = std::filesystem;

/// Types, by the names of the fields.
using Fields = std::map<std::string, std::string>;
/// Fields, by the names of the events.
using Events = std::map<std::string, Fields>;

const std::string text = "__data_loc char[]";

/// Without those that every event of the kernel has.
Fields read_format(const fs::path& path) {
    static const std::regex pattern("\tfield:(.*) (\\w+);\toffset:.*");
    std::ifstream file(path);
    Fields fields;
    std::smatch match;
    for (std::string line; std::getline(file, line);)
        if (std::regex_match(line, match, pattern) && !match[2].str().starts_with("common_"))
            fields[match[2]] = match[1];
    return fields;
}

Events read_events(const std::string& group) {
    Events events;
    for (const auto& entry : fs::directory_iterator("/sys/kernel/tracing/events/" + group))
        if (entry.is_directory())
            events[entry.path().filename()] = read_format(entry.path() / "format");
    return events;
}

/// The kernel's scheduler of GPUs, which nothing here uses: loaded for its events.
class GpuScheduler {
 public:
    GpuScheduler() {
        check(run_program({"/sbin/modprobe", "gpu-sched"}) ? ENOENT : 0, "gpu-sched");
    }
    GpuScheduler(const GpuScheduler&) = delete;
    GpuScheduler& operator=(const GpuScheduler&) = delete;
    ~GpuScheduler() {
        if (!was_there_) run_program({"/sbin/modprobe", "-r", "gpu-sched"});
    }

    Events events() const { return read_events("gpu_scheduler"); }

 private:
    bool was_there_ = fs::exists("/sys/module/gpu_sched");
};

TEST(TraceFormat, HasTheFieldsOfTheDocs) {
    const Fields of_a_job = {
        {"dev", text},          {"name", text},  {"client_id", "u64"}, {"fence_context", "u64"},
        {"fence_seqno", "u64"}, {"ring", "u64"}, {"cookie", "u64"},    {"deps", "u32"}};
    const Events expected = {
        {"zaccel_submit",
         {{"dev", text},
          {"client_id", "u64"},
          {"ring", "u64"},
          {"cookie", "u64"},
          {"entries", "u32"}}},
        {"zaccel_fetch",
         {{"dev", text},
          {"client_id", "u64"},
          {"ring", "u64"},
          {"cookie", "u64"},
          {"count", "u32"},
          {"cost", "u64"},
          {"bindings", "u32"}}},
        {"zaccel_ready", of_a_job},
        {"zaccel_run", of_a_job},
        {"zaccel_complete",
         {{"dev", text},
          {"fence_context", "u64"},
          {"fence_seqno", "u64"},
          {"ring", "u64"},
          {"cookie", "u64"},
          {"error", "int"},
          {"busy_ns", "u64"}}},
        {"zaccel_post", {{"dev", text}, {"ring", "u64"}, {"cookie", "u64"}, {"cq_tail", "u32"}}},
    };
    EXPECT_EQ(read_events("zaccel"), expected);
}

// One type for each name, so that one tool reads both.
TEST(TraceFormat, FieldsThatTheGpuSchedulerHasTooAreOfItsTypes) {
    const Events others = GpuScheduler().events();
    ASSERT_FALSE(others.empty());
    std::size_t shared = 0;
    for (const auto& [event, fields] : read_events("zaccel"))
        for (const auto& [other, other_fields] : others)
            for (const auto& [name, type] : fields)
                if (const auto found = other_fields.find(name); found != other_fields.end()) {
                    EXPECT_EQ(type, found->second) << event << "." << name << ", " << other;
                    shared++;
                }
    EXPECT_GT(shared, 0U);
}

// Linux 6.12 has them under other names, and with addresses in them.
TEST(TraceFormat, HasWhatTheGpuSchedulerSaysOfAJob) {
    const Events others = GpuScheduler().events();
    if (!others.contains("drm_sched_job_run")) {
        EXPECT_TRUE(others.contains("drm_run_job"));
        return;
    }
    Fields of_a_job = others.at("drm_sched_job_run");
    // Of the scheduler's queues.
    EXPECT_EQ(of_a_job.erase("job_count") + of_a_job.erase("hw_job_count"), 2U);
    const Events events = read_events("zaccel");
    for (const auto& [name, type] : of_a_job)
        EXPECT_TRUE(events.at("zaccel_run").contains(name)) << name;
    for (const auto& [name, type] : others.at("drm_sched_job_done"))
        EXPECT_TRUE(events.at("zaccel_complete").contains(name)) << name;
}

}  // namespace
}  // namespace uapi_tests
