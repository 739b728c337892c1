// SPDX-License-Identifier: MIT

// EXEC and the watchdog: a hang behind a failure is a hang all the same.

#include <algorithm>
#include <cerrno>
#include <vector>

#include "hang.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

/// A ring with a list of commands and some data.
class WatchdogExec : public HangTest {
 protected:
    enum : std::uint32_t { list, data, empty };

    static constexpr std::uint64_t size = 16 << 20;

    WatchdogExec() {
        EXPECT_EQ(ring_.bind_range(list, list_, 0, page), 0);
        EXPECT_EQ(ring_.bind_range(data, data_, 0, size), 0);
    }

    void put_list(const std::vector<drm_zaccel_command>& commands) {
        std::copy(commands.begin(), commands.end(),
                  reinterpret_cast<drm_zaccel_command*>(list_memory_.data()));
    }

    Fault fault_;
    Fd device_ = open_device();
    Buffer list_{device_, page}, data_{device_, size};
    Mapping list_memory_ = list_.map(), memory_ = data_.map();
    Ring ring_{device_, with_timeout(600)};
};

// One fault at a time: every third fails, one that writes, one that takes long, one that writes,
// until the first has failed.
TEST_F(WatchdogExec, HangBehindAFailureInsideAnExecIsReported) {
    constexpr std::uint32_t count = 60;
    const Syncobj out(device_);
    std::vector<drm_zaccel_command> commands;
    for (std::uint32_t i = 0; i < count; i++)
        commands.push_back(
            with(i % 3 == 1 ? crc32c(data, 0, size) : fill(data, i, 1, 1), ZACCEL_CMD_CONTINUE));
    put_list(commands);
    fault_.set("fail 3 5");
    ring_.put_batch({exec(list, 0, count), nop()});
    ASSERT_EQ(ring_.submit({}, std::vector{out.handle()}), 0);
    ASSERT_TRUE(eventually([this] { return memory_[3] == 1; }));
    fault_.set("hang");
    EXPECT_TRUE(eventually(engine_hangs));
    EXPECT_EQ(memory_[2], 0) << "it failed";
    ring_.wait_for(2);
    const auto done = ring_.reap();
    EXPECT_EQ(statuses(done), (std::vector{-ETIMEDOUT, -ECANCELED}));
    EXPECT_GE(done[0].result, 3U) << "those that succeeded";
    EXPECT_LT(done[0].result, count / 3 * 2);
    EXPECT_EQ(memory_[count - 3], 0);
    EXPECT_EQ(final_status(out.export_sync_file()), -ETIMEDOUT);
    const HangReport report = expect_report();
    EXPECT_EQ(report.reason, "no progress");
    EXPECT_EQ(report.command, 0U);
    EXPECT_EQ(report.count, 2U);
    EXPECT_EQ(report.opcode, unsigned{ZACCEL_OP_EXEC});
}

// Of two EXECs one is refused, and the fence tells of that one.
TEST_F(WatchdogExec, HangBehindARefusedExecIsReported) {
    const Syncobj out(device_);
    put_list({nop(), nop(), fill(empty, 0, 1, 1)});
    fault_.set("hang");
    ring_.put_batch({with(exec(list, 0, 3), ZACCEL_CMD_CONTINUE), exec(list, 0, 2), nop()});
    ASSERT_EQ(ring_.submit({}, std::vector{out.handle()}), 0);
    ring_.wait_for(3);
    EXPECT_EQ(statuses(ring_.reap()), (std::vector{-EBADSLT, -ETIMEDOUT, -ECANCELED}));
    EXPECT_EQ(final_status(out.export_sync_file()), -EBADSLT);
    const HangReport report = expect_report();
    EXPECT_EQ(report.command, 1U);
    EXPECT_EQ(report.opcode, unsigned{ZACCEL_OP_EXEC});
}

}  // namespace
}  // namespace uapi_tests
