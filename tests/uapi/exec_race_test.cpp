// SPDX-License-Identifier: MIT

// EXEC of a buffer that others write: batches, devices, and programs that do not keep still.

#include <poll.h>

#include <atomic>
#include <cerrno>
#include <vector>

#include "exec_fixture.hpp"
#include "foreign.hpp"
#include "hostile.hpp"
#include "neighbour.hpp"
#include "ringfd.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

class ExecBusy : public ExecTest {
 protected:
    Neighbour neighbour_{Neighbour::Batches::wait};

    /// A batch that writes the first command's place, on a ring of its own.
    void submit_writer(Ring& writer, unsigned flags = 0) {
        ASSERT_EQ(writer.bind_range(0, list_, 0, 64), 0);
        writer.put_batch({with(fill(0, 0, 64, 0), flags)});
        ASSERT_EQ(writer.submit(), 0);
    }

    /// What a doorbell says to an EXEC now. Its batch runs later.
    void submit_exec() {
        ring_.put_batch({exec(list, 0, 1)});
        ASSERT_EQ(ring_.submit(), 0);
    }

    int exec_status() {
        ring_.wait_for(ring_.sq_tail());
        return ring_.reap().at(0).status;
    }

    void expect_busy() {
        submit_exec();
        EXPECT_EQ(exec_status(), -EBUSY);
    }
};

TEST_F(ExecBusy, UnderAWriterOfAnotherRing) {
    Ring writer(device_);
    {
        const HeldEngine engine;
        submit_writer(writer);
        submit_exec();
    }
    EXPECT_EQ(exec_status(), -EBUSY);
    submit_exec();
    EXPECT_EQ(exec_status(), 0) << "it has run";
}

TEST_F(ExecBusy, UnderAWriterOfItsRing) {
    {
        const HeldEngine engine;
        submit_writer(ring_);
        ASSERT_EQ(ring_.bind_range(list, list_, 0, list_size), 0);
        submit_exec();
    }
    ring_.wait_for(2);
    EXPECT_EQ(statuses(ring_.reap()), (std::vector<int>{0, -EBUSY}));
}

TEST_F(ExecBusy, CancelsTheRestAndRunsNothing) {
    Ring writer(device_);
    {
        const HeldEngine engine;
        submit_writer(writer);
        put({fill(data, 0, 1, 1)});
        ring_.put_batch({exec(list, 0, 1), fill(data, 1, 1, 1)});
        ASSERT_EQ(ring_.submit(), 0);
    }
    ring_.wait_for(2);
    const std::vector<drm_zaccel_completion> completions = ring_.reap();
    EXPECT_EQ(statuses(completions), (std::vector<int>{-EBUSY, -ECANCELED}));
    EXPECT_EQ(completions[0].result, 0U);
    EXPECT_EQ(memory_[0] + memory_[1], 0);
}

TEST_F(ExecBusy, UnderAWriterOfItsBatch) {
    EXPECT_EQ(statuses(ring_.run({fill(list, 0, 64, 0), exec(list, 0, 1)})),
              (std::vector<int>{0, -EBUSY}));
    EXPECT_EQ(statuses(ring_.run({copy(list, list, 64, 0, 64), exec(list, 0, 1)})),
              (std::vector<int>{0, -EBUSY}));
    ASSERT_EQ(ring_.bind_range(empty, list_, 4096, 64), 0);
    EXPECT_EQ(statuses(ring_.run({fill(empty, 0, 64, 0), exec(list, 0, 1)})),
              (std::vector<int>{0, -EBUSY}))
        << "by another slot";
}

TEST_F(ExecBusy, UnderAnExecOfItsBatch) {
    put({fill(list, 64, 64, 0)});
    EXPECT_EQ(statuses(ring_.run({exec(list, 0, 1), exec(list, 64, 1)})),
              (std::vector<int>{0, -EBUSY}));
}

TEST_F(ExecBusy, NotUnderReaders) {
    Ring reader(device_);
    ASSERT_EQ(reader.bind_range(0, list_, 0, list_size), 0);
    {
        const HeldEngine engine;
        reader.put_batch({crc32c(0, 0, list_size)});
        ASSERT_EQ(reader.submit(), 0);
        ring_.put_batch({copy(data, list, 0, 0, 64), exec(list, 0, 1)});
        ASSERT_EQ(ring_.submit(), 0);
    }
    ring_.wait_for(2);
    EXPECT_EQ(statuses(ring_.reap()), (std::vector<int>{0, 0}));
}

TEST_F(ExecBusy, NotUnderWritersBehindIt) {
    put({fill(data, 0, 1, 7)});
    EXPECT_EQ(statuses(ring_.run({exec(list, 0, 1), fill(list, 0, list_size, 0)})),
              (std::vector<int>{0, 0}));
    EXPECT_EQ(memory_[0], 7);
    EXPECT_EQ(entries_[0].opcode, ZACCEL_OP_NOP);
}

TEST_F(ExecBusy, NotUnderWritersThatWereRefused) {
    EXPECT_EQ(statuses(ring_.run(
                  {with(fill(list, list_size, 1, 0), ZACCEL_CMD_CONTINUE), exec(list, 0, 1)})),
              (std::vector<int>{-ERANGE, 0}));
}

// The same once others know the buffer.
class ExecShared : public ExecBusy {
 protected:
    Fd dmabuf_ = list_.export_dmabuf();
};

TEST_F(ExecShared, IsBusyUnderAWriter) {
    Ring writer(device_);
    {
        const HeldEngine engine;
        submit_writer(writer);
        submit_exec();
    }
    EXPECT_EQ(exec_status(), -EBUSY);
    submit_exec();
    EXPECT_EQ(exec_status(), 0) << "it has run";
}

TEST_F(ExecShared, IsBusyUnderAnExplicitWriter) {
    Ring writer(device_);
    {
        const HeldEngine engine;
        submit_writer(writer, ZACCEL_CMD_EXPLICIT_SYNC);
        submit_exec();
    }
    EXPECT_EQ(exec_status(), -EBUSY);
}

TEST_F(ExecShared, IsBusyUnderAWriterOfAnotherFile) {
    const Fd other = open_device();
    const Buffer imported = Buffer::import(other, dmabuf_.get());
    Ring writer(other);
    ASSERT_EQ(writer.bind_range(0, imported, 0, 64), 0);
    {
        const HeldEngine engine;
        writer.put_batch({fill(0, 0, 64, 0)});
        ASSERT_EQ(writer.submit(), 0);
        submit_exec();
    }
    EXPECT_EQ(exec_status(), -EBUSY);
}

TEST_F(ExecShared, IsBusyUnderAForeignWriter) {
    const ManualFence fence;
    import_fence(dmabuf_, VgemBuffer::Use::write, fence.sync_file());
    expect_busy();
    fence.signal();
    submit_exec();
    EXPECT_EQ(exec_status(), 0);
}

TEST_F(ExecShared, IsBusyUnderAFenceOfOurs) {
    const Syncobj out(device_);
    Ring writer(device_);
    const HeldEngine engine;
    writer.put_batch({nop()});
    ASSERT_EQ(writer.submit_syncs({}, std::vector{at(out)}), 0);
    import_fence(dmabuf_, VgemBuffer::Use::write, out.export_sync_file());
    submit_exec();
    engine.release();
    EXPECT_EQ(exec_status(), -EBUSY);
    submit_exec();
    EXPECT_EQ(exec_status(), 0);
}

// Commands are read at the doorbell, for which a reader is no obstacle.
TEST_F(ExecShared, IsNotBusyUnderAForeignReader) {
    const ManualFence fence;
    import_fence(dmabuf_, VgemBuffer::Use::read, fence.sync_file());
    submit_exec();
    EXPECT_EQ(exec_status(), 0);
    fence.signal();
}

TEST_F(ExecShared, IsBusyInABufferOfAnotherDriver) {
    const VgemBuffer vgem;
    const Buffer imported = Buffer::import(device_, vgem.dmabuf().get());
    ASSERT_EQ(ring_.bind_range(list, imported, 0, VgemBuffer::size), 0);
    submit_exec();
    EXPECT_EQ(exec_status(), 0) << "zeros are NOPs";
    const std::uint32_t fence = vgem.attach_fence(VgemBuffer::Use::write);
    expect_busy();
    vgem.signal(fence);
    submit_exec();
    EXPECT_EQ(exec_status(), 0);
}

class ExecCopy : public ExecTest {};

TEST_F(ExecCopy, IsMadeAtTheDoorbell) {
    const HeldEngine engine;
    put({fill(data, 0, 8, 0x1111111111111111), fill(data, 8, 8, 0x2222222222222222)});
    ring_.put_batch({exec(list, 0, 2)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_EQ(memory_[0], LateMode::poison) << "it is being held";
    put({fill(data, 0, page, ~0ULL), fill(data, page, page, ~0ULL)});
    engine.advance();
    ring_.wait_for(1);
    expect(ring_.reap().at(0), 0, 2);
    EXPECT_EQ(memory_[0], 0x11);
    EXPECT_EQ(memory_[8], 0x22);
    EXPECT_EQ(memory_[16], 0);
}

TEST_F(ExecCopy, KeepsItsSlots) {
    const HeldEngine engine;
    const Buffer other(device_, page);
    put({fill(data, 0, 1, 0x55)});
    ring_.put_batch({exec(list, 0, 1)});
    ASSERT_EQ(ring_.submit(), 0);
    ASSERT_EQ(ring_.bind_range(data, other, 0, page), 0);
    ASSERT_EQ(ring_.clear(list), 0);
    engine.advance();
    ring_.wait_for(1);
    expect(ring_.reap().at(0), 0, 1);
    EXPECT_EQ(memory_[0], 0x55);
    EXPECT_EQ(other.map()[0], 0);
}

// Its commands are seen by those who wait for buffers.
TEST_F(ExecCopy, UsesTheBuffersOfItsCommands) {
    const HeldEngine engine;
    const Fd dmabuf = data_.export_dmabuf();
    put({nop(), fill(data, 0, 1, 0x55)});
    ring_.put_batch({exec(list, 0, 2)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_FALSE(readable(dmabuf));
    engine.advance();
    ring_.wait_for(1);
    EXPECT_EQ(poll_events(dmabuf.get(), POLLIN, 20000), POLLIN);
}

// Commands of all EXECs under way: as many as a batch may have, or the completion queue if that is
// longer.
class ExecRoom : public ExecTest {
 protected:
    void put_exec(std::uint32_t count) { ring_.put_batch({exec(list, 0, count)}); }

    void expect_no_room() {
        EXPECT_EQ(ring_.submit(), EAGAIN);
        EXPECT_EQ(ring_.fetched(), 0U);
        EXPECT_EQ(kick(fd_), -EAGAIN);
    }

    const Fd fd_ = open_ring(device_, ring_.id());
    const HeldEngine engine_;
};

TEST_F(ExecRoom, IsForAllBatchesTogether) {
    put_exec(most - 1);
    put_exec(1);
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_EQ(ring_.fetched(), 2U);
    put_exec(1);
    expect_no_room();
    engine_.release();
    ring_.wait_for(2);
    ASSERT_EQ(ring_.submit(), 0);
    ring_.wait_for(3);
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(3, 0));
}

TEST_F(ExecRoom, IsThatOfALongQueue) {
    constexpr std::uint32_t length = 4 * most;
    Ring ring(device_, {8, length, 1});
    ASSERT_EQ(ring.bind_range(list, list_, 0, list_size), 0);
    for (int i = 0; i < 4; i++) ring.put_batch({exec(list, 0, most)});
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 4U);
    ring.put_batch({exec(list, 0, 1)});
    EXPECT_EQ(ring.submit(), EAGAIN);
}

TEST_F(ExecRoom, LeavesOtherBatchesAlone) {
    put_exec(most);
    ASSERT_EQ(ring_.submit(), 0);
    ring_.put_batch({nop()});
    put_exec(1);
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_EQ(ring_.fetched(), 1U) << "up to the one without room";
    expect_no_room();
}

// Refused for its list, not for the room: it must not keep any.
TEST_F(ExecRoom, IsNotUsedByWhatIsRefused) {
    entries_[most - 1].opcode = 99;
    ring_.put_batch({with(exec(list, 0, most), ZACCEL_CMD_CONTINUE), nop()});
    ASSERT_EQ(ring_.submit(), 0);
    engine_.advance();
    ring_.wait_for(2);
    EXPECT_EQ(statuses(ring_.reap()), (std::vector<int>{-EOPNOTSUPP, 0}));
    entries_[most - 1] = nop();
    put_exec(most);
    EXPECT_EQ(ring_.submit(), 0);
}

// To whoever saw its completions a batch is over in every respect.
TEST_F(ExecRoom, IsBackWhenTheCompletionIsSeen) {
    put_exec(most);
    ASSERT_EQ(ring_.submit(), 0);
    for (std::uint32_t round = 1; round <= 200; round++) {
        put_exec(most);
        if (round % 20 == 1) expect_no_room();
        engine_.advance();
        ASSERT_TRUE(eventually([&] { return ring_.cq_tail() == round; }));
        EXPECT_EQ(ring_.reap().at(0).status, 0);
        ASSERT_EQ(ring_.submit(), 0) << round;
    }
}

class ExecScribbler : public ExecTest {
 protected:
    Neighbour neighbour_;

    /// Sound commands, until somebody writes over them.
    void refill(std::atomic<std::uint32_t>& round) {
        const std::uint32_t i = round++ % 8;
        entries_[i] = i % 2 ? copy(data, data, 1024, 0, 512) : fill(data, 0, 64, i);
    }
};

TEST_F(ExecScribbler, DoesNotGetOutOfItsRange) {
    ASSERT_EQ(ring_.bind_range(data, data_, 1024, 2048), 0);
    std::atomic<std::uint32_t> round = 0;
    std::uint32_t good = 0, bad = 0;
    {
        const Loop loop([this, &round, random = Random(11)]() mutable {
            if (!random.chance(16)) return refill(round);
            scribble(list_memory_.bytes().first(8 * sizeof(drm_zaccel_command)), random);
        });
        const auto enough = [&] {
            const drm_zaccel_completion completion = run(exec(list, 0, 8));
            EXPECT_LE(completion.status, 0);
            EXPECT_LE(completion.result, 8U);
            completion.status == 0 ? good++ : bad++;
            return good >= 100 && bad >= 100 && good + bad >= 2000;
        };
        EXPECT_TRUE(eventually(enough)) << good << " good, " << bad << " bad";
    }
    for (std::uint64_t i = 0; i < 1024; i++) {
        ASSERT_EQ(memory_[i], 0) << i;
        ASSERT_EQ(memory_[page - 1 - i], 0) << i;
    }
    entries_[0] = nop();
    expect(run(exec(list, 0, 1)), 0, 1);
}

}  // namespace
}  // namespace uapi_tests
