// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <ctime>
#include <numeric>
#include <vector>

#include "fixture.hpp"
#include "memory.hpp"
#include "neighbour.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

class RingSubmit : public DeviceTest {
 protected:
    int submit(drm_zaccel_ring_submit& args) {
        return call(device_, DRM_IOCTL_ZACCEL_RING_SUBMIT, args);
    }

    static drm_zaccel_ring_submit make(std::uint32_t id) {
        drm_zaccel_ring_submit args{};
        args.id = id;
        return args;
    }

    /// NOPs numbered from the ring's tail on, the last one the end of their batch.
    static void put_nops(Ring& ring, std::uint32_t count, bool end = true) {
        for (std::uint32_t i = 1; i <= count; i++) {
            const drm_zaccel_command command = nop(ring.sq_tail());
            ring.put(end && i == count ? with_end(command) : command);
        }
    }

    /// Are the completions good and numbered from @p first on?
    static void expect_numbered(const std::vector<drm_zaccel_completion>& completions,
                                std::uint32_t first, std::size_t count) {
        ASSERT_EQ(completions.size(), count);
        for (std::size_t i = 0; i < count; i++) {
            ASSERT_EQ(completions[i].user_data, std::uint32_t(first + i));
            ASSERT_EQ(completions[i].status, 0);
        }
    }

    void expect_whole_ring_is_one_batch(std::uint32_t entries) {
        Ring ring(device_, {entries, entries, 0});
        for (int lap = 0; lap < 2; lap++) {
            const std::uint32_t first = ring.sq_tail();
            put_nops(ring, entries);
            ASSERT_EQ(ring.submit(), 0);
            EXPECT_EQ(ring.fetched(), entries);
            ring.wait_for(ring.sq_tail());
            expect_numbered(ring.reap(), first, entries);
        }
    }
};

/// Indices and queues that cannot be, beside somebody whose ring is no better.
class RingSubmitHostile : public RingSubmit {
 private:
    Neighbour neighbour_;
};

TEST_F(RingSubmit, EveryFlagIsInvalid) {
    Ring ring(device_);
    put_nops(ring, 1);
    ring.publish();
    for (unsigned bit = 0; bit < 32; bit++) {
        drm_zaccel_ring_submit args = make(ring.id());
        args.flags = 1U << bit;
        EXPECT_EQ(submit(args), EINVAL) << bit;
        EXPECT_EQ(args.fetched, 0U);
    }
    EXPECT_EQ(ring.sq_head(), 0U);
}

TEST_F(RingSubmit, BadPadIsInvalid) {
    const Ring ring(device_);
    for (std::uint32_t pad : {1U, 0x80000000U}) {
        drm_zaccel_ring_submit args = make(ring.id());
        args.pad = pad;
        EXPECT_EQ(submit(args), EINVAL) << pad;
    }
}

TEST_F(RingSubmit, UnknownRingIsNotFound) {
    const Ring ring(device_);
    for (std::uint32_t id : {0U, ring.id() + 1, 65U, ~0U}) {
        drm_zaccel_ring_submit args = make(id);
        EXPECT_EQ(submit(args), ENOENT) << id;
    }
}

TEST_F(RingSubmit, RingOfAnotherFileIsNotFound) {
    Ring ring(device_);
    put_nops(ring, 1);
    ring.publish();
    const Fd other = open_device();
    drm_zaccel_ring_submit args = make(ring.id());
    EXPECT_EQ(call(other, DRM_IOCTL_ZACCEL_RING_SUBMIT, args), ENOENT);
    EXPECT_EQ(ring.sq_head(), 0U);
}

TEST_F(RingSubmit, NothingToFetchSucceeds) {
    Ring ring(device_);
    drm_zaccel_ring_submit args = make(ring.id());
    args.fetched = 77;
    EXPECT_EQ(submit(args), 0);
    EXPECT_EQ(args.fetched, 0U);
}

TEST_F(RingSubmit, CompletionsComeInOrder) {
    Ring ring(device_);
    put_nops(ring, 5);
    put_nops(ring, 1);
    put_nops(ring, 10);
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 16U);
    EXPECT_EQ(ring.sq_head(), 16U);
    ring.wait_for(16);
    expect_numbered(ring.reap(), 0, 16);
}

TEST_F(RingSubmit, CompletionSaysWhen) {
    Ring ring(device_);
    const std::int64_t before = deadline_in({});
    const std::vector<drm_zaccel_completion> completions = ring.run({nop(), nop()});
    const std::int64_t after = deadline_in({});
    for (const drm_zaccel_completion& completion : completions) {
        EXPECT_GE(completion.time_ns, static_cast<std::uint64_t>(before));
        EXPECT_LE(completion.time_ns, static_cast<std::uint64_t>(after));
        EXPECT_EQ(completion.flags, 0U);
        EXPECT_EQ(completion.result, 0U);
    }
    EXPECT_EQ(completions[0].time_ns, completions[1].time_ns) << "once per batch";
}

TEST_F(RingSubmit, UserDataComesBackAsItIs) {
    Ring ring(device_);
    for (std::uint64_t data : {0ULL, ~0ULL, 0x0123456789abcdefULL})
        EXPECT_EQ(ring.run_one(nop(data)).user_data, data);
}

TEST_F(RingSubmit, SmallestRingIsOneBatch) { expect_whole_ring_is_one_batch(8); }

TEST_F(RingSubmit, LargestRingIsOneBatch) { expect_whole_ring_is_one_batch(32768); }

TEST_F(RingSubmit, LargestRingHoldsAsManyBatches) {
    Ring ring(device_, {32768, 32768, 0});
    for (std::uint32_t i = 0; i < 32768; i++) put_nops(ring, 1);
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 32768U);
    ring.wait_for(32768);
    expect_numbered(ring.reap(), 0, 32768);
}

// All phases of batches against the ends of both queues.
TEST_F(RingSubmit, WrapsManyTimes) {
    Ring ring(device_, {8, 16, 0});
    for (std::uint32_t i = 0; i < 300; i++) {
        const std::uint32_t first = ring.sq_tail();
        const std::uint32_t count = 1 + i % 8;
        put_nops(ring, count);
        ASSERT_EQ(ring.submit(), 0);
        ring.wait_for(ring.sq_tail());
        expect_numbered(ring.reap(), first, count);
    }
}

TEST_F(RingSubmit, UnfinishedBatchStays) {
    Ring ring(device_);
    put_nops(ring, 3);
    put_nops(ring, 2, false);
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 3U);
    EXPECT_EQ(ring.sq_head(), 3U);
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 0U);
    put_nops(ring, 1);
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 3U);
    ring.wait_for(6);
    expect_numbered(ring.reap(), 0, 6);
}

TEST_F(RingSubmitHostile, FullRingWithoutEndIsInvalid) {
    Ring ring(device_, {8, 8, 0});
    put_nops(ring, 8, false);
    EXPECT_EQ(ring.submit(), EINVAL);
    EXPECT_EQ(ring.fetched(), 0U);
    ring.entry(7) = with_end(nop(7));
    EXPECT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 8U);
}

TEST_F(RingSubmitHostile, TailOutOfRangeIsInvalid) {
    Ring ring(device_, {8, 8, 0});
    put_nops(ring, 8);
    ring.publish();
    for (std::uint32_t tail : {9U, 16U, 1U << 31, ~0U}) {
        ring.header().sq_tail = tail;
        drm_zaccel_ring_submit args = make(ring.id());
        EXPECT_EQ(submit(args), EINVAL) << tail;
        EXPECT_EQ(args.fetched, 0U);
    }
    EXPECT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 8U);
    ring.header().sq_tail = 7;
    drm_zaccel_ring_submit args = make(ring.id());
    EXPECT_EQ(submit(args), EINVAL) << "behind what was fetched";
}

TEST_F(RingSubmitHostile, ReapedIndexOutOfRangeIsInvalid) {
    Ring ring(device_, {8, 8, 0});
    ring.run({nop(), nop()});
    put_nops(ring, 1);
    for (std::uint32_t head : {3U, 4U, 1U << 31, ~0U - 6, ~0U - 7}) {
        ring.header().cq_head = head;
        EXPECT_EQ(ring.submit(), EINVAL) << head;
        EXPECT_EQ(ring.fetched(), 0U);
    }
    ring.set_cq_head(2);
    EXPECT_EQ(ring.submit(), 0);
}

TEST_F(RingSubmit, FullCompletionQueueReturnsEagain) {
    Ring ring(device_, {8, 8, 0});
    put_nops(ring, 8);
    ASSERT_EQ(ring.submit(), 0);
    ring.wait_for(8);
    put_nops(ring, 1);
    EXPECT_EQ(ring.submit(), EAGAIN);
    EXPECT_EQ(ring.fetched(), 0U);
    expect_numbered(ring.reap(), 0, 8);
    EXPECT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 1U);
    ring.wait_for(9);
    expect_numbered(ring.reap(), 8, 1);
}

TEST_F(RingSubmit, WhoNeverReapsStopsOnlyItself) {
    const Fd other_file = open_device();
    Ring ring(device_, {8, 8, 0}), neighbour(device_), other(other_file);
    put_nops(ring, 8);
    ASSERT_EQ(ring.submit(), 0);
    ring.wait_for(8);
    put_nops(ring, 1);
    for (std::uint64_t i = 0; i < 100; i++) {
        EXPECT_EQ(ring.submit(), EAGAIN);
        EXPECT_EQ(-kick(open_ring(device_, ring.id())), EAGAIN);
        EXPECT_EQ(neighbour.run_one(nop(i)).user_data, i);
        EXPECT_EQ(other.run_one(nop(i)).user_data, i);
    }
    expect_numbered(ring.reap(), 0, 8);
}

TEST_F(RingSubmit, UnfinishedBatchAsksForNoRoom) {
    Ring ring(device_, {8, 8, 0});
    put_nops(ring, 8);
    ASSERT_EQ(ring.submit(), 0);
    ring.wait_for(8);
    for (int i = 0; i < 7; i++) ring.put(nop());
    EXPECT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 0U);
    ring.put(nop());
    EXPECT_EQ(ring.submit(), EINVAL) << "a full queue without any end of batch";
}

TEST_F(RingSubmit, CompletionsAreNeverDropped) {
    Ring ring(device_, {8, 8, 0});
    put_nops(ring, 8);
    ASSERT_EQ(ring.submit(), 0);
    ring.wait_for(8);
    put_nops(ring, 8);
    EXPECT_EQ(ring.submit(), EAGAIN);
    expect_numbered(ring.reap(), 0, 8);
}

TEST_F(RingSubmit, WhatFitsIsFetched) {
    Ring ring(device_, {8, 8, 0});
    put_nops(ring, 3);
    ASSERT_EQ(ring.submit(), 0);
    put_nops(ring, 2);
    put_nops(ring, 4);
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 2U);
    EXPECT_EQ(ring.submit(), EAGAIN);
    ring.wait_for(5);
    expect_numbered(ring.reap(), 0, 5);
    EXPECT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 4U);
}

TEST_F(RingSubmit, SpaceIsThatOfReapedEntriesOnly) {
    Ring ring(device_, {8, 8, 0});
    put_nops(ring, 8);
    ASSERT_EQ(ring.submit(), 0);
    ring.wait_for(8);
    ring.set_cq_head(3);
    put_nops(ring, 4);
    EXPECT_EQ(ring.submit(), EAGAIN);
    ring.set_cq_head(4);
    EXPECT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 4U);
}

TEST_F(RingSubmit, CompletionQueueMayBeLonger) {
    Ring ring(device_, {8, 32, 0});
    for (int i = 0; i < 4; i++) {
        put_nops(ring, 8);
        ASSERT_EQ(ring.submit(), 0);
        EXPECT_EQ(ring.fetched(), 8U);
    }
    put_nops(ring, 1);
    ring.wait_for(32);
    EXPECT_EQ(ring.submit(), EAGAIN);
    expect_numbered(ring.reap(), 0, 32);
}

TEST_F(RingSubmit, EntriesMayBeReusedOnceFetched) {
    const Buffer buffer(device_, 4096);
    const Mapping memory = buffer.map();
    Ring ring(device_);
    ASSERT_EQ(ring.bind_range(0, buffer, 0, 4096), 0);
    BusyEngine busy(device_);
    ring.put_batch({fill(0, 0, 8, 0x1111111111111111)});
    ASSERT_EQ(ring.submit(), 0);
    ring.entry(0) = fill(0, 0, 4096, ~0ULL);
    busy.cancel();
    ring.wait_for(1);
    EXPECT_EQ(ring.reap().at(0).status, 0);
    EXPECT_EQ(memory[0], 0x11);
    EXPECT_EQ(memory[8], 0);
}

TEST_F(RingSubmit, RingsOfOneFileAreApart) {
    Ring a(device_), b(device_);
    put_nops(a, 3);
    put_nops(b, 2);
    ASSERT_EQ(b.submit(), 0);
    EXPECT_EQ(b.fetched(), 2U);
    EXPECT_EQ(a.sq_head(), 0U);
    ASSERT_EQ(a.submit(), 0);
    a.wait_for(3);
    b.wait_for(2);
    expect_numbered(a.reap(), 0, 3);
    expect_numbered(b.reap(), 0, 2);
}

TEST_F(RingSubmit, FilesOfOneProcessAreApart) {
    const Fd other = open_device();
    Ring a(device_), b(other);
    EXPECT_EQ(a.id(), b.id()) << "each file counts by itself";
    EXPECT_EQ(a.run_one(nop(1)).user_data, 1U);
    EXPECT_EQ(b.run_one(nop(2)).user_data, 2U);
    EXPECT_EQ(a.destroy(), 0);
    EXPECT_EQ(b.run_one(nop(3)).user_data, 3U);
}

// What the kernel writes it never reads back.
TEST_F(RingSubmitHostile, KernelsIndicesAreOnlyItsCopies) {
    Ring ring(device_);
    ring.run({nop(), nop()});
    ring.header().sq_head = 0xdeadbeef;
    ring.header().cq_tail = 0xdeadbeef;
    put_nops(ring, 3);
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(ring.fetched(), 3U);
    ring.wait_for(5);
    EXPECT_EQ(ring.sq_head(), 5U);
    EXPECT_EQ(ring.cq_tail(), 5U);
}

TEST_F(RingSubmit, HeaderPadsAreIgnored) {
    Ring ring(device_);
    std::fill(std::begin(ring.header().pad0), std::end(ring.header().pad0), ~0U);
    std::fill(std::begin(ring.header().pad1), std::end(ring.header().pad1), ~0U);
    std::fill(std::begin(ring.header().pad2), std::end(ring.header().pad2), ~0U);
    std::fill(std::begin(ring.header().pad3), std::end(ring.header().pad3), ~0U);
    EXPECT_EQ(ring.run_one(nop(4)).user_data, 4U);
}

}  // namespace
}  // namespace uapi_tests
