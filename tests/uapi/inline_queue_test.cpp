// SPDX-License-Identifier: MIT

// Batches that do not run inside the doorbell: those that cost too much, and those whose turn it is
// not yet.

#include <drm/drm_fourcc.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "inline.hpp"
#include "ring.hpp"
#include "syncobj.hpp"
#include "trace.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t large = 64 * page;

/// Slots.
enum : std::uint32_t { range, list, sync, picture, other_picture };

class NotInline : public DeviceTest {
 protected:
    NotInline() { bind_to(ring_); }

    void bind_to(const Ring& ring) const {
        EXPECT_EQ(ring.bind_range(range, buffer_, 0, large), 0);
        EXPECT_EQ(ring.bind_range(list, list_, 0, large), 0);
    }

    /// As the event of its end has it: a thread that was about to sleep need not begin to run once
    /// more. It has let go of the engine before.
    bool runs_on_thread(const std::vector<drm_zaccel_command>& batch) {
        threads_.settled();
        for (const drm_zaccel_completion& done : ring_.run(batch)) EXPECT_EQ(done.status, 0);
        return ends_.events().back().thread == threads_.pids().at(0);
    }
    /// The same batch is run inside the doorbell where the budget is @p cost, and not where it is
    /// one byte less.
    void expect_cost(const std::vector<drm_zaccel_command>& batch, std::uint32_t cost) {
        InlineBytes::set(cost);
        EXPECT_FALSE(runs_on_thread(batch));
        InlineBytes::set(cost - 1);
        EXPECT_TRUE(runs_on_thread(batch));
    }

    /// It has been fetched and is not run, with nobody before it.
    void expect_waits(const Ring& ring, std::uint32_t index) {
        EXPECT_FALSE(ring.posted(index));
        threads_.settled();
        EXPECT_FALSE(ring.posted(index));
        EXPECT_EQ(ring.sq_head(), ring.sq_tail());
    }

    LateMode late_;
    InlineBytes budget_;
    EngineThreads threads_;
    Buffer buffer_{device_, large}, list_{device_, large};
    Mapping memory_ = buffer_.map();
    Ring ring_{device_, {1024, 1024, 5}};
    Trace ends_{{"zaccel/zaccel_complete"}};
};

const drm_zaccel_command write_it = fill(range, 0, page, 0x4747474747474747);

TEST_F(NotInline, ThereIsOneThread) { EXPECT_EQ(threads_.count(), 1U); }

TEST_F(NotInline, NothingWhereTheBudgetIsNone) {
    InlineBytes::set(0);
    EXPECT_TRUE(runs_on_thread({nop()}));
    InlineBytes::set(InlineBytes::standard);
    EXPECT_FALSE(runs_on_thread({nop()}));
}

TEST_F(NotInline, CostOfBytes) {
    expect_cost({fill(range, 0, 1000, 1)}, 64 + 256 + 1000);
    expect_cost({copy(range, list, 0, 0, 1000)}, 64 + 256 + 1000);
    expect_cost({crc32c(range, 0, 1000)}, 64 + 256 + 4 * 1000);
}

class NotInlineImages : public NotInline {
 protected:
    /// A destination of this size, and a source of the same, or of another.
    void bind_images(std::uint32_t fourcc, std::uint32_t width, std::uint32_t height) const {
        bind_image(picture, buffer_, fourcc, width, height);
        bind_image(other_picture, list_, fourcc, width, height);
    }
    void bind_image(std::uint32_t slot, const Buffer& buffer, std::uint32_t fourcc,
                    std::uint32_t width, std::uint32_t height) const {
        const std::uint32_t pitch = 4 * width;
        ASSERT_EQ(
            ring_.bind(image_args(slot, fourcc, width, height, {plane(buffer.handle(), pitch)})),
            0);
    }

    static drm_zaccel_command command(drm_zaccel_opcode opcode) {
        return image_command(opcode, picture, other_picture);
    }
};

// A pixel costs the same in each format, a line whatever its length.
TEST_F(NotInlineImages, Cost) {
    for (const std::uint32_t fourcc : {DRM_FORMAT_XRGB8888, DRM_FORMAT_R8}) {
        bind_images(fourcc, 24, 4);
        expect_cost({command(ZACCEL_OP_INVERT)}, 64 + 4 * (256 + 24 * 8));
        expect_cost({command(ZACCEL_OP_CONVERT)}, 64 + 4 * (256 + 24 * 128));
        expect_cost({command(ZACCEL_OP_CONVOLVE3X3)}, 64 + 4 * (256 + 24 * 256));
        bind_images(fourcc, 4, 24);
        expect_cost({command(ZACCEL_OP_INVERT)}, 64 + 24 * (256 + 4 * 8));
        expect_cost({command(ZACCEL_OP_CONVERT)}, 64 + 24 * (256 + 4 * 128));
        expect_cost({command(ZACCEL_OP_CONVOLVE3X3)}, 64 + 24 * (256 + 4 * 256));
    }
}

TEST_F(NotInlineImages, CostIsThatOfWhatIsWritten) {
    bind_image(picture, buffer_, DRM_FORMAT_XRGB8888, 8, 6);
    bind_image(other_picture, list_, DRM_FORMAT_R8, 64, 48);
    expect_cost({command(ZACCEL_OP_CONVERT)}, 64 + 6 * (256 + 8 * 128));
}

// 64 + 8 * (256 + 479 * 8) is all that there is.
TEST_F(NotInlineImages, LargestOfTheStandardBudget) {
    bind_images(DRM_FORMAT_R8, 479, 8);
    EXPECT_FALSE(runs_on_thread({command(ZACCEL_OP_INVERT)}));
    bind_images(DRM_FORMAT_R8, 480, 8);
    EXPECT_TRUE(runs_on_thread({command(ZACCEL_OP_INVERT)})) << "another pixel of each line";
    bind_images(DRM_FORMAT_R8, 479, 9);
    EXPECT_TRUE(runs_on_thread({command(ZACCEL_OP_INVERT)})) << "another line";
}

TEST_F(NotInlineImages, CostsOfABatchAddUp) {
    bind_images(DRM_FORMAT_XRGB8888, 16, 2);
    expect_cost(
        {command(ZACCEL_OP_INVERT), nop(), command(ZACCEL_OP_CONVOLVE3X3), fill(range, 0, 100, 1)},
        4 * 64 + 2 * (256 + 16 * 8) + 2 * (256 + 16 * 256) + 256 + 100);
}

TEST_F(NotInline, CostOfManyCommands) {
    expect_cost(std::vector<drm_zaccel_command>(512, nop()), InlineBytes::standard);
    EXPECT_TRUE(runs_on_thread(std::vector<drm_zaccel_command>(513, nop())));
}

TEST_F(NotInline, CostOfExecutedCommands) {
    const Mapping commands = list_.map();
    for (std::size_t i = 0; i < 512; i++) {
        const drm_zaccel_command command = nop();
        std::memcpy(commands.data() + i * sizeof(command), &command, sizeof(command));
    }
    expect_cost({exec(list, 0, 511)}, InlineBytes::standard);
    EXPECT_TRUE(runs_on_thread({exec(list, 0, 512)}));
}

TEST_F(NotInline, LateBatch) {
    late_.hold();
    ring_.put_batch({write_it});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_FALSE(ring_.posted(1));
    late_.advance(1);
    ring_.wait_for(1);
    late_.release();
    ring_.reap();
    late_.set_late_us(1);
    EXPECT_TRUE(runs_on_thread({nop()}));
    late_.set_late_us(0);
    EXPECT_FALSE(runs_on_thread({nop()}));
}

TEST_F(NotInline, BatchThatWaitsForAFence) {
    const ManualFence gate;
    Syncobj in(device_);
    in.import_sync_file(gate.sync_file());
    ASSERT_EQ(ring_.bind_syncobj(sync, in.handle()), 0);
    ring_.put_batch({wait_point(sync), write_it});
    ASSERT_EQ(ring_.submit(), 0);
    expect_waits(ring_, 2);
    EXPECT_EQ(memory_[0], 0);
    gate.signal();
    ring_.wait_for(2);
    ring_.reap();
    EXPECT_FALSE(runs_on_thread({wait_point(sync), write_it})) << "it has signalled now";
}

TEST_F(NotInline, BatchBehindAFenceInASharedBuffer) {
    const ManualFence gate;
    const Fd dmabuf = buffer_.export_dmabuf();
    import_fence(dmabuf, VgemBuffer::Use::read, gate.sync_file());
    EXPECT_FALSE(runs_on_thread({crc32c(range, 0, 8)})) << "who reads waits for writers only";
    ring_.put_batch({write_it});
    ASSERT_EQ(ring_.submit(), 0);
    expect_waits(ring_, 2);
    EXPECT_FALSE(readable(dmabuf));
    gate.signal();
    ring_.wait_for(2);
    EXPECT_EQ(memory_[0], 0x47);
}

TEST_F(NotInline, BatchBehindAnotherOfItsRing) {
    const ManualFence gate;
    Syncobj in(device_);
    in.import_sync_file(gate.sync_file());
    ring_.put_batch({fill(range, 0, 8, 0x1111111111111111)});
    ASSERT_EQ(ring_.submit(std::vector{in.handle()}, {}), 0);
    ring_.put_batch({copy(range, range, 8, 0, 8)});
    ASSERT_EQ(ring_.submit(), 0);
    expect_waits(ring_, 1);
    Ring other(device_, {8, 8, 4});
    bind_to(other);
    other.put_batch({fill(range, 16, 8, 0x2222222222222222)});
    ASSERT_EQ(other.submit(), 0);
    EXPECT_EQ(other.cq_tail(), 1U) << "another ring's does not wait for it";
    gate.signal();
    ring_.wait_for(2);
    EXPECT_EQ(memory_[8], 0x11);
}

// The engine is busy for longer than any doorbell waits: what comes stands in line, and small
// batches overtake nobody.
TEST_F(NotInline, BatchBehindThoseOfOtherRings) {
    BusyEngine busy(device_);
    std::vector<Ring> rings;
    for (std::uint32_t i = 0; i < 8; i++) {
        rings.emplace_back(device_, RingOptions{8, 8, 4});
        bind_to(rings.back());
        rings[i].put_batch({i % 2 ? nop() : fill(range, 0, large, i)});
        ASSERT_EQ(rings[i].submit(), 0);
        EXPECT_FALSE(rings[i].posted(1));
    }
    busy.cancel();
    std::uint64_t before = 0;
    for (const Ring& ring : rings) {
        ring.wait_for(1);
        EXPECT_GT(ring.completion(0).time_ns, before);
        before = ring.completion(0).time_ns;
    }
}

// Small, large, small and so on: each finds what those before it left.
TEST_F(NotInline, OrderOfARingIsKeptWhereverItsBatchesRun) {
    std::uint64_t pattern = 0;
    for (int lap = 0; lap < 100; lap++) {
        for (int i = 0; i < 4; i++) {
            const std::uint64_t size = i % 2 ? 8 : large / 2 - 8;
            ring_.put_batch({copy(list, range, 8 * static_cast<std::uint64_t>(i), 0, 8),
                             fill(range, 0, size, ++pattern)});
            ASSERT_EQ(ring_.submit(), 0);
        }
        ring_.wait_for(ring_.sq_tail());
        EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(8, 0));
        std::uint64_t found[4];
        std::memcpy(found, list_.map().data(), sizeof(found));
        for (std::uint64_t i = 0; i < 4; i++) ASSERT_EQ(found[i], pattern - 4 + i);
    }
}

}  // namespace
}  // namespace uapi_tests
