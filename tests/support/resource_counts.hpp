// SPDX-License-Identifier: MIT
#pragma once

// What a test may leave behind without anything failing: open descriptors, and dma-bufs.

#include <gtest/gtest.h>
#include <sched.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <ostream>
#include <string>

namespace test_support {

struct ResourceCounts {
    std::size_t fds = 0;                 ///< of this process
    std::optional<std::size_t> dmabufs;  ///< of the machine; none where debugfs cannot be read

    friend bool operator==(const ResourceCounts&, const ResourceCounts&) = default;

    friend std::ostream& operator<<(std::ostream& out, const ResourceCounts& counts) {
        out << counts.fds << " fds, ";
        if (counts.dmabufs) return out << *counts.dmabufs << " dma-bufs";
        return out << "dma-bufs not known";
    }
};

/// Open descriptors of this process, not counting the one that it takes to count.
inline std::size_t count_fds() {
    const std::filesystem::directory_iterator fds("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(fds), end(fds))) - 1;
}

/// The last line of bufinfo: "Total 3 objects, 12288 bytes".
inline std::optional<std::size_t> count_dmabufs() {
    std::ifstream bufinfo("/sys/kernel/debug/dma_buf/bufinfo");
    std::string word;
    while (bufinfo >> word) {
        std::size_t count = 0;
        if (word == "Total" && bufinfo >> count >> word && word == "objects,") return count;
    }
    return std::nullopt;
}

inline ResourceCounts count_resources() { return {count_fds(), count_dmabufs()}; }

/// Base of fixtures: whatever the test made must be gone when the fixture is. It counts in
/// constructor and destructor, so that members of a derived fixture are within.
class LeakCheckedTest : public testing::Test {
 protected:
    LeakCheckedTest() : before_(count_resources()) {}

    // What the kernel was still running holds its buffers a moment longer.
    ~LeakCheckedTest() override {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        ResourceCounts after = count_resources();
        while (!(after == before_) && std::chrono::steady_clock::now() < deadline) {
            ::sched_yield();
            after = count_resources();
        }
        EXPECT_EQ(after, before_) << "the test left something behind";
    }

 private:
    ResourceCounts before_;
};

}  // namespace test_support
