// SPDX-License-Identifier: MIT
#pragma once

// Where threads run.

#include <sched.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>

#include "device.hpp"

namespace uapi_tests {

/// Has a thread run on one CPU only; 0 is the calling one, whose children follow it.
inline void run_on(std::size_t cpu, pid_t thread = 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    check(::sched_setaffinity(thread, sizeof(set), &set) ? errno : 0, "sched_setaffinity");
}

/// A thread on one CPU only, until this goes; 0 is the calling one.
class OnCpu {
 public:
    explicit OnCpu(std::size_t cpu, pid_t thread = 0) : thread_(thread) {
        check(::sched_getaffinity(thread, sizeof(before_), &before_) ? errno : 0,
              "sched_getaffinity");
        run_on(cpu, thread);
    }
    OnCpu(const OnCpu&) = delete;
    OnCpu& operator=(const OnCpu&) = delete;
    ~OnCpu() { ::sched_setaffinity(thread_, sizeof(before_), &before_); }

 private:
    pid_t thread_;
    cpu_set_t before_{};
};

}  // namespace uapi_tests
