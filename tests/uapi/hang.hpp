// SPDX-License-Identifier: MIT
#pragma once

// What the watchdog tells of batches that it ended, and the tests that make it do so.

#include <drm/zaccel_accel.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "fault.hpp"
#include "fixture.hpp"
#include "kernel_log.hpp"
#include "ring.hpp"
#include "unplug.hpp"

namespace uapi_tests {

/// One of its warnings in the kernel's log.
struct HangReport {
    std::string reason;
    std::string comm;
    pid_t pid = 0;
    std::uint64_t ring = 0;
    unsigned command = 0;
    unsigned count = 0;
    unsigned opcode = 0;
    unsigned ms = 0;
};

/// The device's dump, while there is one.
class HangDump {
 public:
    /// None where there is none.
    static std::optional<HangDump> find();
    /// Drops what there is, as writing to a dump does.
    static void drop_all();

    /// What stands behind "NAME: ".
    std::string field(const std::string& name) const;
    std::string text() const;
    const std::filesystem::path& path() const { return path_; }

 private:
    explicit HangDump(std::filesystem::path path) : path_(std::move(path)) {}

    std::filesystem::path path_;
};

/// Tests of what the watchdog ends. Whatever it logs, a test has to expect, and no other may come:
/// this is why these programs may have it in the log. The device comes anew before each, so that
/// its rings count from 1.
class HangTest : public CountedTest {
 protected:
    static constexpr std::uint64_t page = 4096;

    HangTest();
    ~HangTest() override;

    /// The next warning; one that does not come fails the test.
    HangReport expect_report();
    /// So many, whatever they say.
    void expect_reports(int count);
    /// At least one, and so many at most.
    void expect_reports_up_to(int count);

    DeviceGuard guard_;

 private:
    /// New warnings into @p reports_.
    void look();

    std::optional<NewRecords> log_;
    std::vector<HangReport> reports_;
    std::size_t expected_ = 0;
};

/// A ring whose batches have so long.
inline RingOptions with_timeout(std::uint32_t ms) {
    RingOptions options;
    options.timeout_ms = ms;
    return options;
}

/// This process as reports have it.
std::string own_name();

/// The engine's thread waits for what does not come.
bool engine_hangs();

}  // namespace uapi_tests
