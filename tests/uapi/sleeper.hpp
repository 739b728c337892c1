// SPDX-License-Identifier: MIT
#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <string>
#include <utility>

#include "device.hpp"

namespace uapi_tests {

/// The letter that ps(1) has for the state of a thread; 0 when there is none such.
inline char state_of(pid_t process, pid_t thread) {
    std::ifstream file("/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) +
                       "/stat");
    const std::string stat(std::istreambuf_iterator<char>(file), {});
    const std::size_t end_of_name = stat.rfind(") ");
    return end_of_name != std::string::npos ? stat[end_of_name + 2] : '\0';
}

/// Does this thread of a process sleep where a signal would wake it?
inline bool is_asleep(pid_t process, pid_t thread) { return state_of(process, thread) == 'S'; }

/// A thread in one call that is to sleep, so that a test knows when it does.
class Sleeper {
 public:
    template <typename F>
    explicit Sleeper(F call)
        : result_(std::async(std::launch::async, [this, call] {
              thread_ = ::gettid();
              return static_cast<int>(call());
          })) {}

    bool falls_asleep() const {
        return eventually([this] { return thread_ != 0 && is_asleep(::getpid(), thread_); });
    }
    bool done() const {
        return result_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    }
    /// What the call returned, once it has.
    int result() { return result_.get(); }

 private:
    std::atomic<pid_t> thread_ = 0;
    std::future<int> result_;
};

}  // namespace uapi_tests
