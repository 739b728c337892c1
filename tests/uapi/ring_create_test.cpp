// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <set>
#include <vector>

#include "fixture.hpp"
#include "ring.hpp"

namespace uapi_tests {
namespace {

class RingCreate : public DeviceTest {
 protected:
    /// Creates, checks what came back, and destroys.
    int create(drm_zaccel_ring_create args) {
        const drm_zaccel_ring_create wanted = args;
        const int error = call(device_, DRM_IOCTL_ZACCEL_RING_CREATE, args);
        if (error != 0) return error;
        expect_layout(args, wanted);
        drm_zaccel_ring_destroy destroy{};
        destroy.id = args.id;
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_DESTROY, destroy), 0);
        Buffer::adopt(device_, args.handle).close();
        return 0;
    }

    static void expect_layout(const drm_zaccel_ring_create& ring,
                              const drm_zaccel_ring_create& wanted) {
        EXPECT_NE(ring.id, 0U);
        EXPECT_NE(ring.handle, 0U);
        EXPECT_EQ(ring.sq_entries, wanted.sq_entries);
        EXPECT_EQ(ring.cq_entries, wanted.cq_entries);
        EXPECT_GE(ring.sq_offset, sizeof(drm_zaccel_ring_header));
        EXPECT_EQ(ring.sq_offset % 64, 0U);
        EXPECT_EQ(ring.cq_offset % 64, 0U);
        EXPECT_GE(ring.cq_offset, ring.sq_offset + ring.sq_entries * sizeof(drm_zaccel_command));
        EXPECT_GE(ring.size, ring.cq_offset + ring.cq_entries * sizeof(drm_zaccel_completion));
        EXPECT_EQ(ring.size % 4096, 0U);
    }

    int create(std::uint32_t sq_entries, std::uint32_t cq_entries) {
        return create(ring_create_args({sq_entries, cq_entries, 1}));
    }
};

TEST_F(RingCreate, EverySizeWithinTheLimitsWorks) {
    for (std::uint32_t entries = 8; entries <= 32768; entries *= 2)
        EXPECT_EQ(create(entries, entries), 0) << entries;
    EXPECT_EQ(create(8, 32768), 0);
}

TEST_F(RingCreate, EntriesOutOfTheLimitsAreInvalid) {
    for (std::uint32_t entries : {0U, 1U, 2U, 4U, 65536U, 1U << 31}) {
        EXPECT_EQ(create(entries, 64), EINVAL) << entries;
        EXPECT_EQ(create(8, entries), EINVAL) << entries;
        EXPECT_EQ(create(entries, entries), EINVAL) << entries;
    }
}

TEST_F(RingCreate, EntriesThatAreNoPowerOfTwoAreInvalid) {
    for (std::uint32_t entries : {7U, 9U, 12U, 63U, 65U, 32767U, 32769U, ~0U}) {
        EXPECT_EQ(create(entries, 32768), EINVAL) << entries;
        EXPECT_EQ(create(8, entries), EINVAL) << entries;
    }
}

TEST_F(RingCreate, FewerCompletionsThanSubmissionsAreInvalid) {
    EXPECT_EQ(create(16, 8), EINVAL);
    EXPECT_EQ(create(32768, 16384), EINVAL);
}

TEST_F(RingCreate, OtherSizesOfEntriesAreInvalid) {
    for (std::uint32_t size : {1U, 32U, 63U, 65U, 96U, 512U, ~0U}) {
        drm_zaccel_ring_create args = ring_create_args();
        args.sqe_size = size;
        EXPECT_EQ(create(args), EINVAL) << size;
    }
    for (std::uint32_t size : {1U, 16U, 31U, 33U, 48U, 256U, ~0U}) {
        drm_zaccel_ring_create args = ring_create_args();
        args.cqe_size = size;
        EXPECT_EQ(create(args), EINVAL) << size;
    }
}

TEST_F(RingCreate, SlotsUpToTheLimitWork) {
    for (std::uint32_t slots : {0U, 1U, 4096U}) {
        EXPECT_EQ(create(ring_create_args({8, 8, slots})), 0) << slots;
    }
}

TEST_F(RingCreate, MoreSlotsAreInvalid) {
    for (std::uint32_t slots : {4097U, 1U << 31, ~0U})
        EXPECT_EQ(create(ring_create_args({8, 8, slots})), EINVAL) << slots;
}

TEST_F(RingCreate, UnknownEngineIsNotFound) {
    for (std::uint32_t engine : {1U, 0x80000000U, ~0U}) {
        drm_zaccel_ring_create args = ring_create_args();
        args.engine = engine;
        EXPECT_EQ(create(args), ENOENT) << engine;
    }
}

TEST_F(RingCreate, EveryOtherFlagIsInvalid) {
    for (unsigned bit = 1; bit < 32; bit++) {
        drm_zaccel_ring_create args = ring_create_args();
        args.flags = 1U << bit;
        EXPECT_EQ(create(args), EINVAL) << bit;
    }
}

TEST_F(RingCreate, BadPadIsInvalid) {
    for (std::uint32_t pad : {1U, 0x80000000U}) {
        drm_zaccel_ring_create args = ring_create_args();
        args.pad = pad;
        EXPECT_EQ(create(args), EINVAL) << pad;
    }
}

TEST_F(RingCreate, ResultsAreOnlyResults) {
    drm_zaccel_ring_create args = ring_create_args();
    args.id = args.handle = args.sq_offset = args.cq_offset = ~0U;
    args.size = ~0ULL;
    EXPECT_EQ(create(args), 0);
}

TEST_F(RingCreate, MemoryIsZero) {
    const Ring ring(device_);
    EXPECT_TRUE(std::all_of(ring.memory().bytes().begin(), ring.memory().bytes().end(),
                            [](auto byte) { return byte == 0; }));
}

TEST_F(RingCreate, OneMoreThanTheLimitIsNoSpace) {
    std::vector<Ring> rings;
    std::set<std::uint32_t> ids;
    for (int i = 0; i < 64; i++) ids.insert(rings.emplace_back(device_, RingOptions{8, 8, 0}).id());
    EXPECT_EQ(ids.size(), 64U);
    EXPECT_EQ(create(8, 8), ENOSPC);
    rings.pop_back();
    EXPECT_EQ(create(8, 8), 0);
}

TEST_F(RingCreate, LimitIsPerFile) {
    std::vector<Ring> rings;
    for (int i = 0; i < 64; i++) rings.emplace_back(device_, RingOptions{8, 8, 0});
    const Fd other = open_device();
    Ring ring(other);
    EXPECT_EQ(ring.run_one(nop()).status, 0);
}

class RingDestroy : public DeviceTest {
 protected:
    int destroy(std::uint32_t id, std::uint32_t pad = 0) {
        drm_zaccel_ring_destroy args{};
        args.id = id;
        args.pad = pad;
        return call(device_, DRM_IOCTL_ZACCEL_RING_DESTROY, args);
    }
};

TEST_F(RingDestroy, UnknownRingIsNotFound) {
    for (std::uint32_t id : {0U, 1U, 64U, 65U, 0x80000000U, ~0U})
        EXPECT_EQ(destroy(id), ENOENT) << id;
}

TEST_F(RingDestroy, TwiceIsNotFound) {
    const Ring ring(device_);
    EXPECT_EQ(destroy(ring.id()), 0);
    EXPECT_EQ(destroy(ring.id()), ENOENT);
}

TEST_F(RingDestroy, BadPadIsInvalid) {
    const Ring ring(device_);
    EXPECT_EQ(destroy(ring.id(), 1), EINVAL);
    EXPECT_EQ(destroy(ring.id(), 0x80000000), EINVAL);
    EXPECT_EQ(destroy(ring.id()), 0);
}

TEST_F(RingDestroy, RingOfAnotherFileIsNotFound) {
    const Fd other = open_device();
    Ring ring(other);
    EXPECT_EQ(destroy(ring.id()), ENOENT);
    EXPECT_EQ(ring.run_one(nop()).status, 0);
}

TEST_F(RingDestroy, MemoryStaysWithItsMapping) {
    Ring ring(device_);
    ring.run_one(nop(77));
    ASSERT_EQ(ring.destroy(), 0);
    EXPECT_EQ(ring.completion(0).user_data, 77U);
    EXPECT_EQ(ring.cq_tail(), 1U);
    ring.header().sq_tail = 5;
    Buffer::adopt(device_, ring.handle()).close();
    EXPECT_EQ(ring.completion(0).user_data, 77U);
    EXPECT_EQ(ring.header().sq_tail, 5U);
}

TEST_F(RingDestroy, RingWorksWithoutItsHandle) {
    Ring ring(device_);
    Buffer::adopt(device_, ring.handle()).close();
    EXPECT_EQ(ring.run_one(nop(5)).user_data, 5U);
}

TEST_F(RingDestroy, EveryCallOnItIsNotFoundAfterwards) {
    Ring ring(device_);
    const Buffer buffer(device_, 4096);
    ASSERT_EQ(ring.destroy(), 0);
    ring.put_batch({nop()});
    EXPECT_EQ(ring.submit(), ENOENT);
    EXPECT_EQ(ring.wait(0, 0), ENOENT);
    EXPECT_EQ(ring.bind_range(0, buffer, 0, 4096), ENOENT);
    EXPECT_EQ(ring.clear(0), ENOENT);
}

// The running command stops at the end of its slice, those behind it do not start.
TEST_F(RingDestroy, QueuedBatchesEndAsCanceled) {
    BusyEngine busy(device_);
    Ring ring(device_);
    ring.put_batch({nop(1), nop(2)});
    ring.put_batch({nop(3)});
    ASSERT_EQ(ring.submit(), 0);
    ASSERT_EQ(ring.destroy(), 0);
    busy.cancel();
    ASSERT_TRUE(eventually([&] { return ring.cq_tail() == 3; }));
    EXPECT_EQ(statuses(ring.reap()), std::vector<int>(3, -ECANCELED));
    ASSERT_TRUE(eventually([&] { return busy.ring().cq_tail() == 8192; }));
    EXPECT_EQ(busy.ring().completion(8191).status, -ECANCELED);
}

TEST_F(RingDestroy, IdsAreUsedAgain) {
    std::uint32_t first = 0;
    for (int i = 0; i < 200; i++) {
        Ring ring(device_, {8, 8, 1});
        if (i == 0) first = ring.id();
        ASSERT_EQ(ring.id(), first);
    }
}

}  // namespace
}  // namespace uapi_tests
