// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <ctime>
#include <vector>

namespace bench {

/// In loops that wait for another CPU.
inline void pause_cpu() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/// The driver's kernel threads there are now.
std::vector<pid_t> driver_threads();

/// CPU time of processes, in user space and kernel and with all of their threads. A kernel thread
/// is a process of its own.
class CpuTime {
 public:
    explicit CpuTime(const std::vector<pid_t>& processes);

    /// Nanoseconds, since they began.
    double now() const;

 private:
    std::vector<clockid_t> clocks_;
};

}  // namespace bench
