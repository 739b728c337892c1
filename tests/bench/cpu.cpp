// SPDX-License-Identifier: MIT
#include "cpu.hpp"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>

#include "bench.hpp"

namespace bench {

std::vector<pid_t> driver_threads() {
    std::vector<pid_t> threads;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string directory = entry.path().filename();
        const char* const end = directory.data() + directory.size();
        pid_t pid = 0;
        if (std::from_chars(directory.data(), end, pid).ptr != end) continue;
        std::string name;
        std::ifstream(entry.path() / "comm") >> name;
        if (name.starts_with("zaccel")) threads.push_back(pid);
    }
    return threads;
}

CpuTime::CpuTime(const std::vector<pid_t>& processes) {
    for (const pid_t pid : processes) {
        clockid_t clock = 0;
        // One that has ended meanwhile uses no CPU.
        if (::clock_getcpuclockid(pid, &clock) == 0) clocks_.push_back(clock);
    }
}

double CpuTime::now() const {
    double sum = 0;
    for (const clockid_t clock : clocks_) {
        timespec time{};
        check(::clock_gettime(clock, &time), "clock of a process");
        sum += static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
    }
    return sum;
}

}  // namespace bench
