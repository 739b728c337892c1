// SPDX-License-Identifier: MIT

// Rings with entries larger than the structures of this header.

#include <algorithm>
#include <cerrno>
#include <span>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "hostile.hpp"
#include "query.hpp"
#include "ring.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// Bytes of a command and of a completion.
struct Sizes {
    std::uint32_t sqe, cqe;
};

constexpr Sizes all_sizes[] = {{64, 32}, {128, 32}, {64, 64}, {256, 64}, {64, 128}, {256, 128}};

/// A ring of eight such entries each.
class SizedRing : public Ring {
 public:
    SizedRing(const Fd& device, Sizes sizes)
        : Ring(device, {8, 8, 2, sizes.sqe, sizes.cqe}), sizes_(sizes) {}

    Sizes sizes() const { return sizes_; }
    std::span<std::uint8_t> completions() const {
        return memory().bytes().subspan(args().cq_offset, 8 * sizes_.cqe);
    }
    /// What is behind the structure.
    std::span<std::uint8_t> behind_entry(std::uint32_t index) const {
        return entry_bytes(index).subspan(sizeof(drm_zaccel_command));
    }
    std::span<std::uint8_t> behind_completion(std::uint32_t index) const {
        return completion_bytes(index).subspan(sizeof(drm_zaccel_completion));
    }

 private:
    Sizes sizes_;
};

class EntrySize : public DeviceTest {
 protected:
    /// Calls @p f with a new ring for each of the sizes.
    template <typename F>
    void with_each(F f) {
        for (const Sizes& sizes : all_sizes) {
            SCOPED_TRACE(std::to_string(sizes.sqe) + " and " + std::to_string(sizes.cqe));
            SizedRing ring(device_, sizes);
            f(ring);
        }
    }

    static bool zero(std::span<const std::uint8_t> bytes) {
        return std::ranges::all_of(bytes, [](auto byte) { return byte == 0; });
    }
};

TEST_F(EntrySize, LayoutHasRoom) {
    with_each([](SizedRing& ring) {
        EXPECT_EQ(ring.args().sqe_size, ring.sizes().sqe);
        EXPECT_EQ(ring.args().cqe_size, ring.sizes().cqe);
        EXPECT_GE(ring.args().sq_offset, sizeof(drm_zaccel_ring_header));
        EXPECT_GE(ring.args().cq_offset, ring.args().sq_offset + 8 * ring.sizes().sqe);
        EXPECT_GE(ring.args().size, ring.args().cq_offset + 8 * ring.sizes().cqe);
    });
}

// All phases of batches against the ends of both queues, and each entry by its place.
TEST_F(EntrySize, WrapsManyTimes) {
    with_each([](SizedRing& ring) {
        for (std::uint32_t lap = 0; lap < 64; lap++) {
            const std::uint32_t first = ring.sq_tail(), count = 1 + lap % 8;
            for (std::uint32_t i = 1; i < count; i++) ring.put(nop(ring.sq_tail()));
            ring.put(with_end(nop(ring.sq_tail())));
            ASSERT_EQ(ring.submit(), 0);
            EXPECT_EQ(ring.fetched(), count);
            ring.wait_for(ring.sq_tail());
            const std::vector<drm_zaccel_completion> completions = ring.reap();
            ASSERT_EQ(completions.size(), count);
            for (std::uint32_t i = 0; i < count; i++) {
                EXPECT_EQ(completions[i].user_data, first + i);
                EXPECT_EQ(completions[i].status, 0);
            }
        }
    });
}

TEST_F(EntrySize, EveryEntryCanBeUsed) {
    with_each([](SizedRing& ring) {
        for (std::uint32_t i = 0; i < 8; i++) ring.put_batch({nop(i)});
        ASSERT_EQ(ring.submit(), 0);
        EXPECT_EQ(ring.fetched(), 8U);
        ring.wait_for(8);
        ring.put_batch({nop(8)});
        EXPECT_EQ(ring.submit(), EAGAIN) << "the completion queue is full";
        const std::vector<drm_zaccel_completion> completions = ring.reap();
        ASSERT_EQ(completions.size(), 8U);
        for (std::uint32_t i = 0; i < 8; i++) EXPECT_EQ(completions[i].user_data, i);
        for (int i = 0; i < 7; i++) ring.put(nop());
        ring.entry(15).flags = 0;
        EXPECT_EQ(ring.submit(), 0) << "there is one end";
        EXPECT_EQ(ring.fetched(), 1U);
    });
}

TEST_F(EntrySize, FullRingWithoutEndIsInvalid) {
    with_each([](SizedRing& ring) {
        for (int i = 0; i < 8; i++) ring.put(nop());
        EXPECT_EQ(ring.submit(), EINVAL);
        ring.entry(7) = with_end(nop());
        EXPECT_EQ(ring.submit(), 0);
        EXPECT_EQ(ring.fetched(), 8U);
    });
}

TEST_F(EntrySize, BytesBehindTheCommandMustBeZero) {
    with_each([](SizedRing& ring) {
        const std::size_t rest = ring.sizes().sqe - sizeof(drm_zaccel_command);
        std::vector<std::size_t> places;
        for (std::size_t place = 0; place < rest; place = place * 2 + 1) places.push_back(place);
        if (rest) places.push_back(rest - 1);
        for (std::size_t place : places) {
            ring.behind_entry(ring.sq_tail() + 1)[place] = 1;
            EXPECT_EQ(statuses(ring.run({nop(), nop(), nop()})),
                      (std::vector<int>{0, -EINVAL, -ECANCELED}))
                << place;
            ring.behind_entry(ring.sq_tail() - 2)[place] = 0;
        }
        EXPECT_EQ(statuses(ring.run({nop(), nop(), nop()})), std::vector<int>(3, 0));
    });
}

// Its flags count all the same, so that what is behind it is told from its batch.
TEST_F(EntrySize, MalformedEntryKeepsItsFlags) {
    with_each([](SizedRing& ring) {
        if (ring.sizes().sqe == sizeof(drm_zaccel_command)) return;
        ring.behind_entry(0).back() = 0x80;
        ring.behind_entry(2).front() = 0x80;
        EXPECT_EQ(statuses(ring.run({with(nop(), ZACCEL_CMD_CONTINUE), nop(), nop()})),
                  (std::vector<int>{-EINVAL, 0, -EINVAL}));
        EXPECT_EQ(ring.fetched(), 3U);
    });
}

TEST_F(EntrySize, BytesBehindTheCompletionAreZero) {
    with_each([](SizedRing& ring) {
        std::ranges::fill(ring.completions(), std::uint8_t{0xff});
        for (std::uint32_t lap = 0; lap < 3; lap++) {
            ring.put_batch({nop(1), fill(0, 0, 1, 1), nop(2)});
            ASSERT_EQ(ring.submit(), 0);
            ring.wait_for(ring.sq_tail());
            for (std::uint32_t i = 3 * lap; i < 3 * lap + 3; i++) {
                EXPECT_TRUE(zero(ring.behind_completion(i))) << i;
                EXPECT_EQ(ring.completion(i).flags, 0U);
            }
            ring.reap();
            std::ranges::fill(ring.completions(), std::uint8_t{0xff});
        }
    });
}

TEST_F(EntrySize, OthersCompletionsAreLeftAlone) {
    with_each([](SizedRing& ring) {
        for (std::uint32_t i = 0; i < 8; i++)
            std::ranges::fill(ring.completion_bytes(i), std::uint8_t(i + 1));
        ring.run({nop(), nop(), nop()});
        for (std::uint32_t i = 3; i < 8; i++)
            EXPECT_TRUE(std::ranges::all_of(ring.completion_bytes(i), [i](auto byte) {
                return byte == i + 1;
            })) << i;
    });
}

TEST_F(EntrySize, CommandsDoTheirWork) {
    with_each([&](SizedRing& ring) {
        const Buffer buffer(device_, page);
        const Mapping memory = buffer.map();
        ASSERT_EQ(ring.bind_range(1, buffer, 0, page), 0);
        for (std::uint32_t i = 0; i < 20; i++) {
            const drm_zaccel_completion completion = ring.run_one(fill(1, i, 1, i + 1));
            EXPECT_EQ(completion.status, 0);
            EXPECT_EQ(completion.result, 1U);
            EXPECT_EQ(memory[i], i + 1);
        }
    });
}

// What stands behind the entries changes while the kernel looks at it.
TEST_F(EntrySize, MayBeScribbledOver) {
    with_each([&](SizedRing& ring) {
        const std::size_t queues = 8 * (ring.sizes().sqe + ring.sizes().cqe);
        {
            const Loop loop([&ring, queues, random = Random(13)]() mutable {
                scribble(ring.memory().bytes().subspan(ring.args().sq_offset, queues), random);
            });
            std::uint32_t head = 0;
            for (int i = 0; i < 500; i++) {
                ring.set_sq_tail(head);
                ring.put_batch({nop(), nop(), nop()});
                const int error = ring.submit();
                EXPECT_TRUE(error == 0 || error == EINVAL || error == EAGAIN) << error;
                head += ring.fetched();
                ring.set_cq_head(ring.kernel_cq_tail());
            }
            EXPECT_GT(head, 0U);
        }
        SizedRing other(device_, ring.sizes());
        EXPECT_EQ(other.run_one(nop(3)).user_data, 3U);
    });
}

class EntrySizeLimit : public DeviceTest {
 protected:
    int create(std::uint32_t sqe_size, std::uint32_t cqe_size) const {
        drm_zaccel_ring_create args = ring_create_args({8, 8, 0, sqe_size, cqe_size});
        const int error = call(device_, DRM_IOCTL_ZACCEL_RING_CREATE, args);
        if (error != 0) return error;
        EXPECT_EQ(args.sqe_size, sqe_size ? sqe_size : sizeof(drm_zaccel_command));
        EXPECT_EQ(args.cqe_size, cqe_size ? cqe_size : sizeof(drm_zaccel_completion));
        Buffer::adopt(device_, args.handle).close();
        drm_zaccel_ring_destroy destroy{};
        destroy.id = args.id;
        return call(device_, DRM_IOCTL_ZACCEL_RING_DESTROY, destroy);
    }
};

TEST_F(EntrySizeLimit, ZeroIsTheSmallest) {
    EXPECT_EQ(create(0, 0), 0);
    EXPECT_EQ(create(0, 64), 0);
    EXPECT_EQ(create(128, 0), 0);
    Ring ring(device_, {8, 8, 0, 0, 0});
    EXPECT_EQ(ring.run_one(nop(5)).user_data, 5U);
}

TEST_F(EntrySizeLimit, IsWhatTheDeviceSays) {
    const drm_zaccel_device_info info = device_info(device_);
    EXPECT_EQ(info.max_sqe_size, 256U);
    EXPECT_EQ(info.max_cqe_size, 128U);
    EXPECT_EQ(create(info.max_sqe_size, info.max_cqe_size), 0);
    EXPECT_EQ(create(2 * info.max_sqe_size, 0), EINVAL);
    EXPECT_EQ(create(0, 2 * info.max_cqe_size), EINVAL);
}

}  // namespace
}  // namespace uapi_tests
