// SPDX-License-Identifier: MIT

// EXEC: commands that stand in a buffer.

#include <drm/drm_fourcc.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string_view>
#include <vector>

#include "exec_fixture.hpp"
#include "neighbour.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

class Exec : public ExecTest {
 protected:
    Exec() {
        EXPECT_EQ(ring_.bind_syncobj(sync, syncobj_.handle()), 0);
        EXPECT_EQ(
            ring_.bind(image_args(picture, DRM_FORMAT_XRGB8888, 4, 4, {plane(data_.handle(), 16)})),
            0);
    }

    Syncobj syncobj_{device_, Syncobj::State::signaled};
};

TEST_F(Exec, RunsTheCommandsOfABuffer) {
    put({fill(data, 0, 9, 0x3837363534333231), fill(data, 8, 1, 0x39), copy(data, data, 100, 0, 9),
         crc32c(data, 100, 9), nop()});
    expect(run(exec(list, 0, 5)), 0, 5);
    EXPECT_EQ(std::memcmp(memory_.data() + 100, "123456789", 9), 0);
}

TEST_F(Exec, CountSaysHowMany) {
    for (std::uint32_t i = 0; i < 8; i++) entries_[i] = fill(data, i, 1, 0x11);
    for (std::uint32_t count = 1; count <= 8; count++) {
        std::fill_n(memory_.data(), 9, std::uint8_t{0});
        expect(run(exec(list, 0, count)), 0, count);
        EXPECT_EQ(memory_[count - 1], 0x11);
        EXPECT_EQ(memory_[count], 0);
    }
}

TEST_F(Exec, OffsetIsAnyMultipleOf8) {
    const drm_zaccel_command command = fill(data, 0, 1, 0x77);
    for (std::uint64_t offset : {8UL, 16UL, 56UL, 64UL, 4088UL, list_size - 64}) {
        memory_[0] = 0;
        std::memcpy(list_memory_.data() + offset, &command, sizeof(command));
        expect(run(exec(list, offset, 1)), 0, 1);
        EXPECT_EQ(memory_[0], 0x77) << offset;
    }
    for (std::uint64_t offset : {1U, 2U, 4U, 7U, 60U, 65U})
        expect(run(exec(list, offset, 1)), -EINVAL, 0);
}

TEST_F(Exec, StaysWithinItsRange) {
    ASSERT_EQ(ring_.bind_range(list, list_, 64, 640), 0);
    const auto status = [&](std::uint64_t offset, std::uint32_t count) {
        return run(exec(list, offset, count)).status;
    };
    EXPECT_EQ(status(0, 10), 0);
    EXPECT_EQ(status(576, 1), 0);
    EXPECT_EQ(status(0, 11), -ERANGE);
    EXPECT_EQ(status(8, 10), -ERANGE);
    EXPECT_EQ(status(584, 1), -ERANGE);
    EXPECT_EQ(status(640, 1), -ERANGE);
    EXPECT_EQ(status(648, 1), -ERANGE);
    for (std::uint64_t offset : {~7ULL, ~63ULL, 1ULL << 63, (1ULL << 63) - 8})
        EXPECT_EQ(status(offset, 1), -ERANGE) << offset;
}

TEST_F(Exec, CountHasItsLimits) {
    for (std::uint32_t i = 0; i < most; i++) entries_[i] = fill(data, i, 1, 0x10);
    expect(run(exec(list, 0, most)), 0, most);
    EXPECT_EQ(std::count(memory_.data(), memory_.data() + page, 0x10), most);
    for (std::uint32_t count : {0U, most + 1, 1U << 26, 1U << 31, ~0U})
        expect(run(exec(list, 0, count)), -EINVAL, 0);
}

TEST_F(Exec, ChecksEveryField) {
    const drm_zaccel_command good = exec(list, 0, 1);
    expect(run(good), 0, 1);
    const auto refused = [&](int error, auto change) {
        drm_zaccel_command command = good;
        change(command);
        expect(run(command), -error, 0);
    };
    refused(EINVAL, [](auto& command) { command.args[1] |= 1ULL << 32; });
    for (std::size_t i = 2; i < 5; i++)
        refused(EINVAL, [i](auto& command) { command.args[i] = 1; });
    refused(EINVAL, [](auto& command) { command.dst = data; });
    refused(EINVAL, [](auto& command) { command.pad = 1; });
    for (std::uint32_t slot :
         {std::uint32_t(sync), std::uint32_t(picture), std::uint32_t(empty), 16U, ~0U})
        refused(EBADSLT, [slot](auto& command) { command.src = slot; });
}

TEST_F(Exec, ManyOfOneBatchHaveOneLimit) {
    EXPECT_EQ(statuses(ring_.run({exec(list, 0, most - 4), exec(list, 0, 4)})),
              (std::vector<int>{0, 0}));
    const std::vector<drm_zaccel_completion> completions =
        ring_.run({exec(list, 0, most - 4), with(exec(list, 0, 5), ZACCEL_CMD_CONTINUE),
                   exec(list, 0, 4), exec(list, 0, 1), nop()});
    EXPECT_EQ(statuses(completions), (std::vector<int>{0, -E2BIG, 0, -E2BIG, -ECANCELED}));
    EXPECT_EQ(completions[1].result, 0U);
    EXPECT_EQ(completions[2].result, 4U);
    EXPECT_EQ(statuses(ring_.run({exec(list, 0, most)})), std::vector<int>{0}) << "a new batch";
}

TEST_F(Exec, TakesParams) {
    const drm_zaccel_command command = exec(list, 128, 2);
    std::memcpy(memory_.data() + 40, command.args, sizeof(drm_zaccel_exec));
    expect(run(with_params(command, data, sizeof(drm_zaccel_exec), 40)), 0, 2);
}

TEST_F(Exec, RunsItsOwnRingsMemory) {
    const std::uint64_t size = ring_.args().size;
    ASSERT_EQ(ring_.bind(range_args(list, ring_.handle(), 0, size)), 0);
    const std::vector<drm_zaccel_completion> completions =
        ring_.run({fill(data, 0, 1, 0x21), exec(list, ring_.args().sq_offset, 1)});
    EXPECT_EQ(statuses(completions), (std::vector<int>{0, 0}));
    EXPECT_EQ(completions[1].result, 1U);
}

/// A command that cannot be part of an EXEC, and why.
struct Malformed {
    std::string_view name;
    drm_zaccel_command command;
    int status;
};

class ExecMalformed : public Exec {
 protected:
    Neighbour neighbour_;

    static drm_zaccel_command changed(std::function<void(drm_zaccel_command&)> change) {
        drm_zaccel_command command = fill(data, 0, 8, 0x2222222222222222);
        change(command);
        return command;
    }

    std::vector<Malformed> all() const {
        std::vector<Malformed> all{
            {"opcode", changed([](auto& c) { c.opcode = 99; }), -EOPNOTSUPP},
            {"pad", changed([](auto& c) { c.pad = 1; }), -EINVAL},
            {"empty", changed([](auto& c) { c.dst = empty; }), -EBADSLT},
            {"kind", changed([](auto& c) { c.dst = picture; }), -EBADSLT},
            {"slot", changed([](auto& c) { c.dst = ~0U; }), -EBADSLT},
            {"range", changed([](auto& c) { c.args[0] = page - 7; }), -ERANGE},
            {"unused", changed([](auto& c) { c.args[4] = 1; }), -EINVAL},
            {"wait", wait_point(sync), -EINVAL},
            {"signal", signal_point(sync), -EINVAL},
            {"exec", exec(list, 0, 1), -EINVAL},
            {"params", with_params(nop(), data, 41), -EINVAL},
        };
        for (unsigned bit = 0; bit < 16; bit++)
            if (1U << bit != ZACCEL_CMD_CONTINUE && 1U << bit != ZACCEL_CMD_PARAMS)
                all.push_back({"flag", with(fill(data, 0, 8, 1), 1U << bit), -EINVAL});
        return all;
    }
};

TEST_F(ExecMalformed, EntryFailsTheWholeAndNothingRuns) {
    for (const Malformed& malformed : all())
        for (std::uint32_t index : {0U, 1U, 6U}) {
            SCOPED_TRACE(malformed.name);
            std::fill_n(entries_, 7, with(fill(data, 0, 8, ~0ULL), ZACCEL_CMD_CONTINUE));
            entries_[index] = malformed.command;
            expect(run(exec(list, 0, 7)), malformed.status, index);
            EXPECT_TRUE(std::all_of(memory_.bytes().begin(), memory_.bytes().end(),
                                    [](auto byte) { return byte == 0; }));
        }
}

TEST_F(ExecMalformed, ContinueDoesNotMendIt) {
    put({nop(), with(fill(data, page, 1, 1), ZACCEL_CMD_CONTINUE), fill(data, 0, 1, 1)});
    expect(run(exec(list, 0, 3)), -ERANGE, 1);
    EXPECT_EQ(memory_[0], 0);
}

TEST_F(ExecMalformed, FirstOfTwoCounts) {
    put({nop(), nop(), fill(data, page, 1, 1), fill(empty, 0, 1, 1)});
    expect(run(exec(list, 0, 4)), -ERANGE, 2);
}

TEST_F(ExecMalformed, CancelsTheRestOfItsBatch) {
    put({nop(), fill(data, page, 1, 1)});
    EXPECT_EQ(statuses(ring_.run({nop(), exec(list, 0, 2), fill(data, 0, 1, 1), exec(list, 0, 1)})),
              (std::vector<int>{0, -ERANGE, -ECANCELED, -ECANCELED}));
    EXPECT_EQ(memory_[0], 0);
    EXPECT_EQ(statuses(ring_.run({with(exec(list, 0, 2), ZACCEL_CMD_CONTINUE), fill(data, 0, 1, 1),
                                  exec(list, 0, 1)})),
              (std::vector<int>{-ERANGE, 0, 0}));
    EXPECT_EQ(memory_[0], 1);
}

TEST_F(ExecMalformed, LeavesItsStatusInTheFence) {
    put({nop(), fill(data, page, 1, 1)});
    const Syncobj out(device_);
    ring_.put_batch({exec(list, 0, 2)});
    ASSERT_EQ(ring_.submit_syncs({}, std::vector{at(out)}), 0);
    EXPECT_EQ(final_status(out.export_sync_file()), -ERANGE);
}

TEST_F(ExecMalformed, HasNoResultWhenCanceled) {
    put({nop(), nop(), fill(data, page, 1, 1)});
    const HeldEngine engine;
    ring_.put_batch({nop(), exec(list, 0, 3)});
    ASSERT_EQ(ring_.submit(), 0);
    ASSERT_EQ(ring_.destroy(), 0);
    ASSERT_TRUE(eventually([&] { return ring_.cq_tail() == 2; }));
    expect(ring_.completion(1), -ECANCELED, 0);
}

TEST_F(Exec, ContinueAndParamsMayBeInside) {
    const drm_zaccel_command command = fill(data, 0, 4, 0x44444444);
    std::memcpy(memory_.data() + 512, command.args, sizeof(drm_zaccel_fill));
    put({with(nop(), ZACCEL_CMD_CONTINUE),
         with(with_params(command, data, sizeof(drm_zaccel_fill), 512), ZACCEL_CMD_CONTINUE),
         with_params(nop(), data, 0)});
    expect(run(exec(list, 0, 3)), 0, 3);
    EXPECT_EQ(memory_[3], 0x44);
    EXPECT_EQ(memory_[4], 0);
}

TEST_F(Exec, MayHaveATimestamp) {
    const auto before = static_cast<std::uint64_t>(deadline_in({}));
    const std::vector<drm_zaccel_completion> completions =
        ring_.run({with(exec(list, 0, 4), ZACCEL_CMD_TIMESTAMP), exec(list, 0, most - 4)});
    EXPECT_LE(before, completions[0].time_ns);
    EXPECT_LT(completions[0].time_ns, completions[1].time_ns);
}

// A destination that may not be written is that for an EXEC, too.
TEST_F(Exec, ReadOnlyBufferIsRefused) {
    drm_zaccel_buffer_export args{};
    args.handle = data_.handle();
    args.flags = ZACCEL_EXPORT_READONLY;
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_EXPORT, args), 0);
    const Fd dmabuf(args.fd);
    const Buffer readonly = Buffer::import(device_, dmabuf.get());
    ASSERT_EQ(ring_.bind_range(empty, readonly, 0, page), 0);
    put({crc32c(empty, 0, 8), fill(empty, 0, 8, 1)});
    expect(run(exec(list, 0, 2)), -EACCES, 1);
    EXPECT_EQ(memory_[0], 0);
}

// The engine has one batch at a time, and EXEC is one command of it: destroying the ring ends it.
TEST_F(Exec, DestroyedRingEndsIt) {
    const Buffer large(device_, 1 << 20);
    ASSERT_EQ(ring_.bind_range(data, large, 0, 1 << 20), 0);
    for (std::uint32_t i = 0; i < most; i++)
        entries_[i] = with(crc32c(data, 0, 1 << 20), ZACCEL_CMD_CONTINUE);
    ring_.put_batch({exec(list, 0, most), nop()});
    ASSERT_EQ(ring_.submit(), 0);
    ASSERT_EQ(ring_.destroy(), 0);
    ASSERT_TRUE(eventually([&] { return ring_.cq_tail() == 2; }));
    EXPECT_EQ(ring_.completion(0).status, -ECANCELED);
    EXPECT_LT(ring_.completion(0).result, most);
    EXPECT_EQ(ring_.completion(1).status, -ECANCELED);
}

}  // namespace
}  // namespace uapi_tests
