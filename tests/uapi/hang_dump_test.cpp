// SPDX-License-Identifier: MIT

// The dump of a hang: what it says, how long it stays, and that there is one only then.

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <string>

#include "hang.hpp"
#include "process.hpp"
#include "thread_name.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint32_t short_timeout = 300;

class HangDumps : public HangTest {
 protected:
    std::optional<HangDump> wait_for_dump() {
        EXPECT_TRUE(eventually([] { return HangDump::find().has_value(); }));
        return HangDump::find();
    }

    Fault fault_;
    Fd device_ = open_device();
};

TEST_F(HangDumps, NamesClientAndCommand) {
    const Buffer buffer(device_, page);
    Ring first(device_), ring(device_, with_timeout(short_timeout));
    ASSERT_EQ(ring.bind_range(3, buffer, 0, page), 0);
    ASSERT_EQ(ring.run_one(nop()).status, 0);
    fault_.set("hang");
    EXPECT_EQ(ring.run({fill(3, 16, 32, 0xabcd), nop()}).at(0).status, -ETIMEDOUT);
    const std::optional<HangDump> dump = wait_for_dump();
    ASSERT_TRUE(dump);
    EXPECT_EQ(dump->field("driver"), "zaccel");
    EXPECT_EQ(dump->field("reason"), "no progress");
    EXPECT_EQ(dump->field("client"), own_name());
    EXPECT_EQ(dump->field("pid"), std::to_string(::getpid()));
    EXPECT_EQ(dump->field("ring"), "2");
    EXPECT_EQ(dump->field("batch"), "completions 1 to 2");
    EXPECT_EQ(dump->field("command"),
              "0, opcode " + std::to_string(ZACCEL_OP_FILL) + ", flags 0x0");
    EXPECT_EQ(dump->field("args"), "0x10 0x20 0xabcd 0x0 0x0");
    EXPECT_GE(std::stoi(dump->field("ran")), int{short_timeout});
    EXPECT_EQ(expect_report().ring, 2U);
}

TEST_F(HangDumps, OfAnExecTellsNoAddress) {
    const Buffer list(device_, page);
    Ring ring(device_, with_timeout(short_timeout));
    ASSERT_EQ(ring.bind_range(0, list, 0, page), 0);
    reinterpret_cast<drm_zaccel_command*>(list.map().data())[0] = nop();
    fault_.set("hang");
    EXPECT_EQ(ring.run_one(exec(0, 0, 1)).status, -ETIMEDOUT);
    const std::optional<HangDump> dump = wait_for_dump();
    ASSERT_TRUE(dump);
    EXPECT_EQ(dump->field("args"), "0x0 0x0 0x0 0x0 0x0");
    expect_report();
}

TEST_F(HangDumps, NamesTheProcessThatMadeTheRing) {
    fault_.set("hang");
    Child child([] {
        const Fd file = open_device();
        Ring ring(file, with_timeout(short_timeout));
        return ring.run_one(nop()).status == -ETIMEDOUT ? 0 : 1;
    });
    const pid_t pid = child.pid();
    EXPECT_EQ(child.join(), 0);
    EXPECT_EQ(expect_report().pid, pid);
    const std::optional<HangDump> dump = wait_for_dump();
    ASSERT_TRUE(dump);
    EXPECT_EQ(dump->field("pid"), std::to_string(pid));
}

// Neither here nor in the log may it add a line of its own.
TEST_F(HangDumps, NameOfAProgramStaysOnItsLine) {
    const ThreadName name("a\npid: 1\x1b[7m");
    Ring ring(device_, with_timeout(short_timeout));
    fault_.set("hang");
    ring.run_one(nop());
    // The log's device escapes for its readers once more.
    EXPECT_EQ(expect_report().comm, "a\\x5cnpid: 1\\x5ce[7m");
    const std::optional<HangDump> dump = wait_for_dump();
    ASSERT_TRUE(dump);
    EXPECT_EQ(dump->field("client"), "a\\npid: 1\\e[7m");
    EXPECT_EQ(dump->field("pid"), std::to_string(::getpid()));
}

TEST_F(HangDumps, IsForRootAndGoesWhenItHasBeenRead) {
    Ring ring(device_, with_timeout(short_timeout));
    fault_.set("hang");
    ring.run_one(nop());
    const std::optional<HangDump> dump = wait_for_dump();
    ASSERT_TRUE(dump);
    struct stat status{};
    ASSERT_EQ(::stat(dump->path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 077, 0U);
    EXPECT_EQ(dump->text(), dump->text()) << "it can be read twice";
    std::ofstream(dump->path()) << "0";
    EXPECT_TRUE(eventually([] { return !HangDump::find(); }));
    ring.run_one(nop());
    EXPECT_TRUE(wait_for_dump()) << "and then there is room for the next";
    expect_reports(2);
}

// The system keeps one of a device. The hang behind it is ended and logged all the same.
TEST_F(HangDumps, FirstStaysWhileItIsUnread) {
    Ring one(device_, with_timeout(short_timeout)), two(device_, with_timeout(short_timeout));
    fault_.set("hang");
    EXPECT_EQ(one.run_one(nop()).status, -ETIMEDOUT);
    EXPECT_EQ(expect_report().ring, 1U);
    ASSERT_TRUE(wait_for_dump());
    EXPECT_EQ(two.run_one(nop()).status, -ETIMEDOUT);
    EXPECT_EQ(expect_report().ring, 2U);
    EXPECT_EQ(wait_for_dump()->field("ring"), "1");
}

TEST_F(HangDumps, OutlivesTheDevice) {
    {
        Ring ring(device_, with_timeout(short_timeout));
        fault_.set("hang");
        ring.run_one(nop());
        expect_report();
        ring.leave_to_file();
    }
    ASSERT_TRUE(wait_for_dump());
    unbind();
    EXPECT_EQ(wait_for_dump()->field("ring"), "1");
    bind();
}

TEST_F(HangDumps, AreNotMadeOfWhatFails) {
    Ring ring(device_, with_timeout(100));
    EXPECT_EQ(ring.run_one(nop()).status, 0);
    EXPECT_EQ(ring.run_one(fill(0, 0, 1, 1)).status, -EBADSLT);
    fault_.set("fail 1 5");
    EXPECT_EQ(ring.run_one(nop()).status, -EIO);
    fault_.clear();
    BusyEngine busy(device_);
    busy.cancel();
    EXPECT_EQ(ring.run_one(nop()).status, 0);
    EXPECT_FALSE(HangDump::find());
}

}  // namespace
}  // namespace uapi_tests
