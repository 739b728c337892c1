// SPDX-License-Identifier: MIT
#pragma once

// Where batches run: inside the doorbell, or on the engine's threads.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "late.hpp"
#include "sleeper.hpp"

namespace uapi_tests {

/// What the largest batch may cost that is run inside the doorbell, in bytes of FILL; put back when
/// it goes.
class InlineBytes {
 public:
    static constexpr std::uint32_t standard = 32768;

    InlineBytes() = default;
    explicit InlineBytes(std::uint32_t bytes) { set(bytes); }
    InlineBytes(const InlineBytes&) = delete;
    InlineBytes& operator=(const InlineBytes&) = delete;
    ~InlineBytes() { write(before_); }

    static void set(std::uint32_t bytes) { check(write(std::to_string(bytes)), "inline_bytes"); }
    /// 0 or the errno.
    static int write(const std::string& value) { return LateMode::write("inline_bytes", value); }
    static std::string read() { return LateMode::read("inline_bytes"); }

 private:
    std::string before_ = read();
};

/// The engine's threads, which sleep but when there is something to run.
class EngineThreads {
 public:
    EngineThreads() {
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            std::string name;
            std::ifstream(entry.path() / "comm") >> name;
            if (name.starts_with("zaccel-soft/"))
                pids_.push_back(std::stoi(entry.path().filename()));
        }
    }

    std::size_t count() const { return pids_.size(); }
    const std::vector<pid_t>& pids() const { return pids_; }

    /// How often they have begun to run, once all of them sleep.
    std::uint64_t settled() const {
        std::uint64_t before = 0, now = turns();
        check(eventually([&] {
                  for (const pid_t pid : pids_)
                      if (!is_asleep(pid, pid)) return false;
                  before = std::exchange(now, turns());
                  return before == now;
              })
                  ? 0
                  : ETIME,
              "engine's threads");
        return now;
    }

    /// Has any of them run since?
    bool ran_since(std::uint64_t turns_before) const { return settled() != turns_before; }

 private:
    std::uint64_t turns() const {
        std::uint64_t sum = 0;
        for (const pid_t pid : pids_) {
            std::ifstream file("/proc/" + std::to_string(pid) + "/schedstat");
            std::uint64_t on_cpu = 0, waited = 0, times = 0;
            file >> on_cpu >> waited >> times;
            sum += times;
        }
        return sum;
    }

    std::vector<pid_t> pids_;
};

}  // namespace uapi_tests
