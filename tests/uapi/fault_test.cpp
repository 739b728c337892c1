// SPDX-License-Identifier: MIT

// Faults on demand: each does what it says, to whom it says, and nothing once it is gone.

#include <drm/drm_fourcc.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "hang.hpp"
#include "late.hpp"
#include "memory.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::int64_t us = 1000;

using Bytes = std::vector<std::uint8_t>;

/// Two rings on one buffer: numbers 1 and 2.
class FaultTest : public HangTest {
 protected:
    static constexpr std::uint64_t size = 1 << 20;
    enum : std::uint32_t { data, picture, other_picture, list };

    FaultTest() {
        for (const Ring* ring : {&ring_, &second_}) {
            EXPECT_EQ(ring->bind_range(data, buffer_, 0, size), 0);
            EXPECT_EQ(ring->bind(image(picture, DRM_FORMAT_XRGB8888, 128, size / 2)), 0);
            EXPECT_EQ(ring->bind(image(other_picture, DRM_FORMAT_R8, 64, size / 4 * 3)), 0);
            EXPECT_EQ(ring->bind_range(list, list_, 0, page), 0);
        }
    }

    drm_zaccel_ring_bind image(std::uint32_t slot, std::uint32_t fourcc, std::uint32_t pitch,
                               std::uint64_t offset) const {
        return image_args(slot, fourcc, 32, 32, {plane(buffer_.handle(), pitch, offset)});
    }

    void put_list(const std::vector<drm_zaccel_command>& commands) {
        std::memcpy(list_memory_.data(), commands.data(), commands.size() * sizeof(commands[0]));
    }

    /// NOPs that cancel nothing.
    static std::vector<drm_zaccel_command> independent(std::size_t count) {
        return std::vector(count, with(nop(), ZACCEL_CMD_CONTINUE));
    }

    Bytes contents() const { return Bytes(memory_.bytes().begin(), memory_.bytes().end()); }

    Fault fault_;
    Fd device_ = open_device();
    Buffer buffer_{device_, size}, list_{device_, page};
    Mapping memory_ = buffer_.map(), list_memory_ = list_.map();
    Ring ring_{device_, with_timeout(600)}, second_{device_};
};

TEST_F(FaultTest, NoneIsTheFirst) { EXPECT_EQ(Fault::read(), "none"); }

TEST_F(FaultTest, ShowsWhatIsSet) {
    for (const char* text : {"hang", "lose", "async", "slow 5 9", "fail 3 5", "slow 0 60000000",
                             "hang ring 3", "fail 1 4095 ring 18446744073709551615", "none"}) {
        fault_.set(text);
        EXPECT_EQ(Fault::read(), text);
    }
    fault_.set("slow 7\n");
    EXPECT_EQ(Fault::read(), "slow 7 7");
    fault_.set("  fail  2   110   ring   4 \n");
    EXPECT_EQ(Fault::read(), "fail 2 110 ring 4");
}

TEST_F(FaultTest, WhatIsNoneOfThemIsInvalid) {
    fault_.set("slow 5 9 ring 3");
    for (const char* text : {"",
                             " ",
                             "\n",
                             "ring 3",
                             " ring 3",
                             "nothing",
                             "HANG",
                             "hangs",
                             "hang 1",
                             "hang x",
                             "hang ring",
                             "hang ring ",
                             "hang ring 0",
                             "hang ring -1",
                             "hang ring x",
                             "hang ring 1 2",
                             "hang ring 18446744073709551616",
                             "hang ring 1 ring 2",
                             "none 1",
                             "none x",
                             "slow",
                             "slow -1",
                             "slow 9 5",
                             "slow 5 x",
                             "slow 5x",
                             "slow 1 2 3",
                             "slow 60000001",
                             "slow 4294967297",
                             "slow 0 4294967297",
                             "fail",
                             "fail 3",
                             "fail 0 5",
                             "fail 3 0",
                             "fail 3 -5",
                             "fail 3 4096",
                             "fail 3 5 7",
                             "fail 3 EIO",
                             "lose 1",
                             "async 1",
                             "vanish 1",
                             "vanish ring 1",
                             "vanished"})
        EXPECT_EQ(Fault::write(text), EINVAL) << '"' << text << '"';
    EXPECT_EQ(Fault::write(std::string(80, ' ')), EINVAL);
    EXPECT_EQ(Fault::write("hang" + std::string(4096, ' ')), EINVAL);
    EXPECT_EQ(Fault::read(), "slow 5 9 ring 3");
}

TEST_F(FaultTest, UnreadableTextIsEfault) {
    fault_.set("async");
    const BadMemory memory;
    const Fd file = LateMode::open("fault");
    EXPECT_EQ(::write(file.get(), memory.end_of_page(), 4), -1);
    EXPECT_EQ(errno, EFAULT);
    EXPECT_EQ(Fault::read(), "async");
}

TEST_F(FaultTest, GoesWithTheDevice) {
    fault_.set("hang");
    const Fd file = LateMode::open("fault");
    unbind();
    EXPECT_EQ(::write(file.get(), "none", 4), -1);
    EXPECT_EQ(errno, EIO);
    bind();
    EXPECT_EQ(Fault::read(), "none");
}

TEST_F(FaultTest, FailsEveryNthCommand) {
    for (const std::uint32_t n : {1U, 2U, 3U, 7U}) {
        fault_.set("fail " + std::to_string(n) + " 5");
        const std::vector<int> all = statuses(ring_.run(independent(30)));
        for (std::uint32_t i = 0; i < 30; i++)
            EXPECT_EQ(all[i], (i + 1) % n ? 0 : -EIO) << i << " of " << n;
    }
}

// The count goes on from batch to batch and from ring to ring, and begins when the fault is set.
TEST_F(FaultTest, FailCountsAcrossBatches) {
    fault_.set("fail 5 28");
    for (int i = 1; i <= 20; i++) {
        Ring& ring = i % 2 ? ring_ : second_;
        EXPECT_EQ(ring.run_one(nop()).status, i % 5 ? 0 : -ENOSPC) << i;
    }
    EXPECT_EQ(ring_.run_one(nop()).status, 0);
    fault_.set("fail 5 28");
    for (int i = 1; i <= 5; i++) EXPECT_EQ(ring_.run_one(nop()).status, i % 5 ? 0 : -ENOSPC) << i;
}

// A failure like any other, of a command that was not carried out.
TEST_F(FaultTest, WhatFailsIsUndoneAndCancels) {
    const Syncobj out(device_);
    fault_.set("fail 2 5");
    ring_.put_batch({fill(data, 0, 1, 1), fill(data, 1, 1, 1), fill(data, 2, 1, 1)});
    ASSERT_EQ(ring_.submit({}, std::vector{out.handle()}), 0);
    ring_.wait_for(3);
    const auto done = ring_.reap();
    EXPECT_EQ(statuses(done), (std::vector<int>{0, -EIO, -ECANCELED}));
    EXPECT_EQ(done[1].result, 0U);
    EXPECT_EQ(memory_[0] + memory_[1] + memory_[2], 1);
    EXPECT_EQ(final_status(out.export_sync_file()), -EIO);
}

TEST_F(FaultTest, CommandsOfAnExecCountOneByOne) {
    put_list(std::vector(4, nop()));
    fault_.set("fail 3 5");
    const auto completion = ring_.run_one(exec(list, 0, 4));
    EXPECT_EQ(completion.status, -EIO);
    EXPECT_EQ(completion.result, 2U);
}

// What was refused never comes to run.
TEST_F(FaultTest, RefusedCommandsDoNotCount) {
    fault_.set("fail 2 5");
    EXPECT_EQ(ring_.run_one(fill(9, 0, 1, 1)).status, -EBADSLT);
    EXPECT_EQ(ring_.run_one(nop()).status, 0);
    EXPECT_EQ(ring_.run_one(fill(9, 0, 1, 1)).status, -EBADSLT);
    EXPECT_EQ(ring_.run_one(nop()).status, -EIO);
}

TEST_F(FaultTest, SlowTakesItsTime) {
    constexpr std::size_t count = 20;
    fault_.set("slow 20000 40000");
    auto commands = std::vector(count, with(nop(), ZACCEL_CMD_TIMESTAMP));
    const auto start = static_cast<std::uint64_t>(deadline_in(std::chrono::seconds(0)));
    const auto done = second_.run(commands);
    std::vector<std::int64_t> took;
    std::uint64_t before = start;
    for (const drm_zaccel_completion& completion : done) {
        EXPECT_EQ(completion.status, 0);
        took.push_back(static_cast<std::int64_t>(completion.time_ns - before));
        before = completion.time_ns;
    }
    std::sort(took.begin(), took.end());
    EXPECT_GE(took.front(), 20000 * us);
    EXPECT_LT(took[count / 2], 45000 * us) << "some may have had to wait for the CPU";
    EXPECT_GT(took.back() - took.front(), 2000 * us) << "they are spread";
}

TEST_F(FaultTest, SlowCommandsAreDoneAllTheSame) {
    fault_.set("slow 1000");
    EXPECT_EQ(ring_.run_one(fill(data, 5, 1, 0x55)).result, 1U);
    EXPECT_EQ(memory_[5], 0x55);
}

TEST_F(FaultTest, HungCommandIsUndone) {
    fault_.set("hang");
    EXPECT_EQ(ring_.run_one(fill(data, 5, 1, 0x55)).status, -ETIMEDOUT);
    EXPECT_EQ(memory_[5], 0);
    expect_report();
}

TEST_F(FaultTest, LostCommandIsDoneAndNobodyIsTold) {
    fault_.set("lose");
    ring_.put_batch({fill(data, 5, 1, 0x55), fill(data, 6, 1, 0x66)});
    ASSERT_EQ(ring_.submit(), 0);
    ASSERT_TRUE(eventually([this] { return memory_[5] == 0x55; }));
    EXPECT_TRUE(eventually(engine_hangs));
    EXPECT_FALSE(ring_.posted(1));
    ring_.wait_for(2);
    const auto done = ring_.reap();
    EXPECT_EQ(statuses(done), (std::vector<int>{-ETIMEDOUT, -ECANCELED}));
    EXPECT_EQ(done[0].result, 0U);
    EXPECT_EQ(memory_[6], 0);
    EXPECT_EQ(expect_report().reason, "no progress");
}

// Of many slices, images, chains, EXEC.
TEST_F(FaultTest, AsyncGivesTheSameResults) {
    const auto work = [this] {
        std::fill(memory_.bytes().begin(), memory_.bytes().end(), 0x21);
        put_list({fill(data, 77, 1000, 0x1234567812345678), copy(data, data, 5000, 70, 900)});
        const auto done =
            second_.run({fill(data, 3, size / 2, 0x0807060504030201), crc32c(data, 0, size),
                         copy(data, data, size / 2 + 4096, 17, 100000),
                         image_command(ZACCEL_OP_INVERT, picture, picture),
                         image_command(ZACCEL_OP_CONVERT, other_picture, picture), exec(list, 0, 2),
                         fill(data, size, 1, 1), nop()});
        std::vector<std::uint64_t> results;
        for (const drm_zaccel_completion& completion : done) {
            results.push_back(completion.result);
            results.push_back(static_cast<std::uint64_t>(completion.status));
        }
        return results;
    };
    const auto expected = work();
    const Bytes expected_contents = contents();
    fault_.set("async");
    EXPECT_EQ(work(), expected);
    EXPECT_EQ(contents(), expected_contents);
}

TEST_F(FaultTest, ConcernsTheRingThatItNames) {
    fault_.set("fail 1 5 ring 2");
    EXPECT_EQ(statuses(ring_.run(independent(9))), std::vector<int>(9, 0));
    EXPECT_EQ(statuses(second_.run(independent(9))), std::vector<int>(9, -EIO));
    fault_.set("hang ring 1");
    EXPECT_EQ(second_.run_one(nop()).status, 0);
    EXPECT_EQ(ring_.run_one(nop()).status, -ETIMEDOUT);
    EXPECT_EQ(expect_report().ring, 1U);
    fault_.set("hang ring 3");
    EXPECT_EQ(ring_.run_one(nop()).status, 0);
    EXPECT_EQ(second_.run_one(nop()).status, 0);
}

// Of others' commands none is counted either.
TEST_F(FaultTest, CountsTheCommandsOfThatRing) {
    fault_.set("fail 3 5 ring 2");
    for (int i = 1; i <= 9; i++) {
        EXPECT_EQ(ring_.run_one(nop()).status, 0);
        EXPECT_EQ(second_.run_one(nop()).status, i % 3 ? 0 : -EIO) << i;
    }
}

TEST_F(FaultTest, NoneEndsEach) {
    for (const char* text : {"slow 10000000", "hang", "fail 1 5", "lose", "async"}) {
        fault_.set(text);
        fault_.clear();
        EXPECT_EQ(ring_.run_one(fill(data, 0, 1, 1)).status, 0) << text;
    }
}

/// Pulled out.
class Vanish : public FaultTest {
 protected:
    void vanish() {
        fault_.set("vanish");
        EXPECT_TRUE(eventually([] { return !is_bound(); }));
    }

    void expect_device_comes_back() {
        bind();
        EXPECT_EQ(Fault::read(), "none");
        const Fd file = open_device();
        Ring ring(file);
        EXPECT_EQ(ring.run_one(nop()).status, 0);
    }
};

TEST_F(Vanish, EveryCallIsEnodev) {
    EXPECT_EQ(ring_.run_one(fill(data, 0, 1, 0x11)).status, 0);
    vanish();
    ring_.put_batch({nop()});
    EXPECT_EQ(ring_.submit(), ENODEV);
    EXPECT_EQ(ring_.wait(1, 0), ENODEV);
    EXPECT_EQ(ring_.clear(data), ENODEV);
    EXPECT_EQ(buffer_.wait(0), ENODEV);
    drm_zaccel_ring_create args = ring_create_args();
    EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_CREATE, args), ENODEV);
    EXPECT_EQ(memory_[0], 0x11) << "what is mapped stays";
    expect_device_comes_back();
}

TEST_F(Vanish, HungBatchEnds) {
    const Fd dmabuf = buffer_.export_dmabuf();
    fault_.set("hang");
    second_.put_batch({fill(data, 0, 1, 1), nop()});
    ASSERT_EQ(second_.submit(), 0);
    const Fd fence = export_fences(dmabuf, Fences::writers);
    EXPECT_TRUE(eventually(engine_hangs));
    vanish();
    EXPECT_EQ(final_status(fence), -ENODEV);
    EXPECT_TRUE(eventually([this] { return second_.cq_tail() == 2; }));
    EXPECT_EQ(statuses(second_.reap()), (std::vector<int>{-ENODEV, -ECANCELED}));
    expect_device_comes_back();
}

TEST_F(Vanish, ManyTimes) {
    for (int i = 0; i < 5; i++) {
        vanish();
        expect_device_comes_back();
    }
}

}  // namespace
}  // namespace uapi_tests
