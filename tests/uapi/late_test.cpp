// SPDX-License-Identifier: MIT

// Late mode: while a batch is held back its destinations hold poison, and nothing else does; what
// comes of it is the same.

#include <drm/drm_fourcc.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

#include "fixture.hpp"
#include "late.hpp"
#include "query.hpp"
#include "ring.hpp"
#include "support/op_vectors.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

using test_support::Bytes;

constexpr std::uint64_t page = 4096;
constexpr std::uint8_t poison = LateMode::poison;

/// Slots.
enum : std::uint32_t { a = 0, b = 1, picture = 2, source = 3 };

class Late : public DeviceTest {
 protected:
    Late() {
        EXPECT_EQ(ring_.bind_range(a, buffer_, 0, page), 0);
        EXPECT_EQ(ring_.bind_range(b, buffer_, page, page), 0);
        for (std::size_t i = 0; i < 2 * page; i++) memory_[i] = static_cast<std::uint8_t>(i % 199);
    }

    void submit(std::initializer_list<drm_zaccel_command> batch) {
        ring_.put_batch(batch);
        ASSERT_EQ(ring_.submit(), 0);
    }

    Bytes contents() const { return {memory_.bytes().begin(), memory_.bytes().end()}; }

    /// The engine takes a batch up in a moment, and what it poisons last is there last.
    void expect_contents(const Bytes& expected) const {
        EXPECT_TRUE(eventually([&] { return contents() == expected; }, long_enough / 4));
    }

    /// @p before with poison where a command writes.
    static Bytes poisoned(Bytes before, std::size_t offset, std::size_t size) {
        std::fill_n(before.begin() + static_cast<std::ptrdiff_t>(offset), size, poison);
        return before;
    }

    LateMode late_;
    Buffer buffer_{device_, 2 * page};
    Mapping memory_ = buffer_.map();
    Ring ring_{device_};
};

TEST_F(Late, PoisonIsThereWhenTheDoorbellReturns) {
    late_.hold();
    int seen = 0;
    for (std::uint32_t i = 1; i <= 20; i++) {
        memory_[5] = 1;
        submit({fill(a, 5, 1, i)});
        seen += memory_[5] == poison;
        late_.advance(1);
        ring_.wait_for(i);
        EXPECT_EQ(memory_[5], i);
    }
    // The doorbell gives up after a moment: a busy machine may take longer, now and then.
    EXPECT_GE(seen, 10);
}

TEST_F(Late, FillPoisonsItsBytes) {
    late_.hold();
    const Bytes before = contents();
    submit({fill(b, 3, 14, 0x0807060504030201)});
    expect_contents(poisoned(before, page + 3, 14));
    EXPECT_FALSE(ring_.posted(1));
    late_.advance(1);
    ring_.wait_for(1);
    Bytes after = before;
    for (std::size_t i = 0; i < 14; i++) after[page + 3 + i] = static_cast<std::uint8_t>(1 + i % 8);
    EXPECT_EQ(contents(), after);
}

TEST_F(Late, CopyPoisonsItsDestination) {
    late_.hold();
    const Bytes before = contents();
    submit({copy(b, a, 7, 100, 50)});
    expect_contents(poisoned(before, page + 7, 50));
    late_.advance(1);
    ring_.wait_for(1);
    Bytes after = before;
    std::copy_n(before.begin() + 100, 50, after.begin() + page + 7);
    EXPECT_EQ(contents(), after);
}

TEST_F(Late, WhatOnlyReadsPoisonsNothing) {
    const std::uint64_t crc = ring_.run_one(crc32c(a, 0, page)).result;
    late_.hold();
    const Bytes before = contents();
    submit({crc32c(a, 0, page), nop(), fill(a, 5, 0, 1), fill(b, 0, 1, 0xee)});
    expect_contents(poisoned(before, page, 1));
    late_.advance(1);
    ring_.wait_for(5);
    EXPECT_EQ(ring_.reap().at(0).result, crc);
    EXPECT_EQ(memory_[page], 0xee);
}

TEST_F(Late, ChainReadsWhatItWrote) {
    late_.hold();
    const Bytes before = contents();
    submit({copy(b, a, 0, 0, 64), fill(a, 0, 64, 0x1111111111111111), copy(b, a, 32, 0, 64),
            fill(a, 32, 8, 0x2222222222222222), copy(b, a, 0, 32, 16)});
    expect_contents(poisoned(poisoned(before, 0, 64), page, 96));
    late_.advance(1);
    ring_.wait_for(5);
    Bytes after = before;
    std::fill_n(after.begin(), 64, std::uint8_t{0x11});
    std::copy_n(before.begin(), 32, after.begin() + page);
    std::fill_n(after.begin() + page + 32, 64, std::uint8_t{0x11});
    std::fill_n(after.begin() + 32, 8, std::uint8_t{0x22});
    std::fill_n(after.begin() + page, 8, std::uint8_t{0x22});
    std::fill_n(after.begin() + page + 8, 8, std::uint8_t{0x11});
    EXPECT_EQ(contents(), after);
}

TEST_F(Late, ExecutedCommandsPoisonToo) {
    const Buffer list(device_, page);
    const drm_zaccel_command commands[] = {fill(a, 10, 10, 0x3333333333333333),
                                           copy(b, a, 20, 0, 30)};
    std::memcpy(list.map().data(), commands, sizeof(commands));
    ASSERT_EQ(ring_.bind_range(2, list, 0, page), 0);
    late_.hold();
    const Bytes before = contents();
    submit({exec(2, 0, 2)});
    expect_contents(poisoned(poisoned(before, 10, 10), page + 20, 30));
    late_.advance(1);
    ring_.wait_for(1);
    EXPECT_EQ(ring_.reap().at(0).result, 2U);
    Bytes after = before;
    std::fill_n(after.begin() + 10, 10, std::uint8_t{0x33});
    std::copy_n(after.begin(), 30, after.begin() + page + 20);
    EXPECT_EQ(contents(), after);
}

TEST_F(Late, ParametersCountAsArguments) {
    drm_zaccel_fill args{};
    args.offset = 40;
    args.size = 4;
    args.pattern = 0x44444444;
    std::memcpy(memory_.data() + page + 64, &args, sizeof(args));
    drm_zaccel_command command =
        test_support::make_command(ZACCEL_OP_FILL, drm_zaccel_params{b, sizeof(args), 64});
    command.flags = ZACCEL_CMD_PARAMS;
    command.dst = a;
    late_.hold();
    const Bytes before = contents();
    submit({command});
    expect_contents(poisoned(before, 40, 4));
    late_.advance(1);
    ring_.wait_for(1);
    EXPECT_EQ(memory_[43], 0x44);
    EXPECT_EQ(memory_[44], before[44]);
}

TEST_F(Late, FailedAndCanceledCommandsLeaveWhatWasThere) {
    late_.hold();
    const Bytes before = contents();
    submit({fill(a, 0, 4, 1), fill(a, page, 1, 1), fill(b, 0, 4, 1)});
    expect_contents(poisoned(before, 0, 4));
    late_.advance(1);
    ring_.wait_for(3);
    EXPECT_EQ(statuses(ring_.reap()), (std::vector<int>{0, -ERANGE, -ECANCELED}));
    EXPECT_TRUE(std::equal(before.begin() + 4, before.end(), memory_.data() + 4));
}

TEST_F(Late, DestroyedRingLeavesWhatWasThere) {
    late_.hold();
    const Bytes before = contents();
    const Syncobj out(device_);
    ring_.put_batch({fill(a, 0, 4, 1), copy(b, a, 0, 0, page)});
    ASSERT_EQ(ring_.submit({}, std::vector{out.handle()}), 0);
    submit({fill(b, 0, page, 2)});
    expect_contents(poisoned(poisoned(before, 0, 4), page, page));
    const Fd fence = out.export_sync_file();
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_EQ(final_status(fence), -ECANCELED);
    EXPECT_TRUE(eventually([&] { return ring_.cq_tail() == 3; }));
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(3, -ECANCELED));
    EXPECT_EQ(contents(), before);
}

TEST_F(Late, AdvanceLetsExactlySoManyGo) {
    late_.hold();
    for (std::uint32_t i = 0; i < 6; i++) submit({fill(a, i, 1, i + 1)});
    std::uint32_t done = 0;
    for (const std::uint32_t n : {1U, 0U, 2U}) {
        late_.advance(n);
        done += n;
        ring_.wait_for(done);
        // The next one is taken up, and that is as far as it goes.
        ASSERT_TRUE(eventually([&] { return memory_[done] == poison; }, long_enough / 4));
        EXPECT_EQ(ring_.kernel_cq_tail(), done);
        EXPECT_EQ(memory_[done - 1], done);
    }
}

TEST_F(Late, AdvanceCountsForThoseToCome) {
    late_.hold();
    late_.advance(1);
    late_.advance(1);
    for (std::uint32_t i = 0; i < 3; i++) submit({fill(a, i, 1, i + 1)});
    ring_.wait_for(2);
    EXPECT_TRUE(eventually([&] { return memory_[2] == poison; }));
    EXPECT_EQ(ring_.kernel_cq_tail(), 2U);
}

TEST_F(Late, HoldingAnewForgetsWhatWasGranted) {
    late_.hold();
    late_.advance(5);
    late_.hold();
    submit({fill(a, 0, 1, 1)});
    EXPECT_TRUE(eventually([&] { return memory_[0] == poison; }));
    EXPECT_FALSE(ring_.posted(1));
}

TEST_F(Late, ReleaseLetsAllGo) {
    late_.hold();
    for (std::uint32_t i = 0; i < 6; i++) submit({fill(a, i, 1, i + 1)});
    EXPECT_FALSE(ring_.posted(1));
    late_.release();
    ring_.wait_for(6);
    for (std::uint32_t i = 0; i < 6; i++) EXPECT_EQ(memory_[i], i + 1);
    EXPECT_EQ(ring_.run_one(fill(a, 0, 1, 9)).status, 0) << "and is off";
}

TEST_F(Late, LatenessHoldsBackForItsTime) {
    late_.set_late_us(50'000);
    const std::int64_t start = deadline_in(std::chrono::seconds(0));
    const Bytes before = contents();
    submit({copy(b, a, 0, 0, page)});
    bool seen = false;
    EXPECT_TRUE(eventually([&] {
        seen |= contents() == poisoned(before, page, page);
        return ring_.posted(1);
    }));
    EXPECT_TRUE(seen);
    const drm_zaccel_completion completion = ring_.reap().at(0);
    EXPECT_GE(static_cast<std::int64_t>(completion.time_ns), start + 50'000'000);
    EXPECT_TRUE(std::equal(before.begin(), before.begin() + page, memory_.data() + page));
}

TEST_F(Late, LatenessComesBeforeHolding) {
    late_.set_late_us(1000);
    late_.hold();
    submit({fill(a, 0, 1, 1)});
    late_.advance(1);
    ring_.wait_for(1);
    EXPECT_EQ(memory_[0], 1);
}

TEST_F(Late, DestroyedRingIsNotHeldForItsTime) {
    late_.set_late_us(10'000'000);
    submit({fill(a, 0, 1, 1)});
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_TRUE(eventually([&] { return ring_.cq_tail() == 1; }, std::chrono::seconds(5)));
    EXPECT_EQ(ring_.completion(0).status, -ECANCELED);
}

TEST_F(Late, OtherClientsGoOnBehindADestroyedRing) {
    late_.hold();
    submit({fill(a, 0, 1, 1)});
    const Fd file = open_device();
    Ring other(file);
    other.put_batch({nop()});
    ASSERT_EQ(other.submit(), 0);
    ASSERT_EQ(ring_.destroy(), 0);
    late_.advance(1);
    other.wait_for(1);
    EXPECT_EQ(other.reap().at(0).status, 0) << "the destroyed one used up no advance";
}

TEST_F(Late, SettingsAreChecked) {
    const drm_zaccel_device_info info = device_info(device_);
    const std::string most = std::to_string(info.max_ring_entries);
    const std::string more = std::to_string(info.max_ring_entries + 1);
    for (const char* value : {"2", "-1", "4294967296", "x"})
        EXPECT_EQ(LateMode::write("hold", value), EINVAL) << value;
    for (const char* value : {more.c_str(), "-1", "4294967297", "x"})
        EXPECT_EQ(LateMode::write("advance", value), EINVAL) << value;
    EXPECT_EQ(LateMode::write("advance", most), 0);
    EXPECT_EQ(LateMode::write("advance", "0"), 0);
    EXPECT_EQ(LateMode::read("hold"), "0") << "as before";
    late_.hold();
    EXPECT_EQ(LateMode::read("hold"), "1");
}

// The longest is ten seconds.
TEST_F(Late, TooLateIsInvalid) {
    late_.set_late_us(7);
    for (const char* value : {"10000001", "4294967295", "4294967296", "4294967297", "-1", "x"})
        EXPECT_EQ(LateMode::write("late_us", value), EINVAL) << value;
    EXPECT_EQ(LateMode::read("late_us"), "7");
}

}  // namespace
}  // namespace uapi_tests
