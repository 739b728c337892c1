// SPDX-License-Identifier: MIT

// A private buffer is exported while batches use it: each unfinished one leaves its fence before
// anybody has the dma-buf.

#include <drm/drm_fourcc.h>
#include <poll.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// Slots.
enum : std::uint32_t { wanted = 0, scratch = 1, commands = 2 };

void expect_idle(const Fd& dmabuf) {
    EXPECT_TRUE(readable(dmabuf));
    EXPECT_TRUE(writable(dmabuf));
    EXPECT_EQ(sync_file_status(export_fences(dmabuf, Fences::all)), 1);
}

void expect_written(const Fd& dmabuf) {
    EXPECT_FALSE(readable(dmabuf));
    EXPECT_FALSE(writable(dmabuf));
    EXPECT_EQ(sync_file_status(export_fences(dmabuf, Fences::writers)), 0);
}

void expect_read(const Fd& dmabuf) {
    EXPECT_TRUE(readable(dmabuf));
    EXPECT_FALSE(writable(dmabuf));
    EXPECT_EQ(sync_file_status(export_fences(dmabuf, Fences::writers)), 1);
    EXPECT_EQ(sync_file_status(export_fences(dmabuf, Fences::all)), 0);
}

void expect_becomes(const Fd& dmabuf, short event) {
    EXPECT_EQ(poll_events(dmabuf.get(), event, 20000), event);
}

class ShareInFlight : public DeviceTest {
 protected:
    ShareInFlight() { bind_to(ring_); }

    void bind_to(const Ring& ring) const {
        EXPECT_EQ(ring.bind_range(wanted, buffer_, 0, page), 0);
        EXPECT_EQ(ring.bind_range(scratch, scratch_, 0, page), 0);
    }

    static void submit(Ring& ring, std::initializer_list<drm_zaccel_command> batch) {
        ring.put_batch(batch);
        ASSERT_EQ(ring.submit(), 0);
    }
    void submit(std::initializer_list<drm_zaccel_command> batch) { submit(ring_, batch); }

    LateMode late_;
    Buffer buffer_{device_, page};
    Buffer scratch_{device_, page};
    Ring ring_{device_};
};

const drm_zaccel_command write_it = fill(wanted, 0, page, 0x4747474747474747);
const drm_zaccel_command read_it = crc32c(wanted, 0, page);

TEST_F(ShareInFlight, FinishedBatchesLeaveNothing) {
    for (int i = 0; i < 10; i++) EXPECT_EQ(statuses(ring_.run({write_it, read_it})).at(0), 0);
    const Fd dmabuf = buffer_.export_dmabuf();
    expect_idle(dmabuf);
    EXPECT_EQ(Mapping(dmabuf.get(), 0, page)[page - 1], 0x47);
}

TEST_F(ShareInFlight, PrivateBatchHasNoFence) {
    late_.hold();
    const long before = module_references();
    submit({write_it});
    EXPECT_EQ(module_references(), before) << "each fence is one";
    const Fd dmabuf = buffer_.export_dmabuf();
    EXPECT_EQ(module_references(), before + 2) << "and so is the dma-buf";
    late_.release();
    ring_.wait_for(1);
}

TEST_F(ShareInFlight, OtherBuffersOfTheFileAreIdle) {
    const Buffer other(device_, page);
    late_.hold();
    submit({write_it});
    expect_idle(other.export_dmabuf());
    expect_idle(scratch_.export_dmabuf());
}

// How far a batch is when its buffer is exported, and how it goes on.
struct Stage {
    std::string name;
    bool held;     ///< by the engine: it runs
    bool behind;   ///< another batch
    bool foreign;  ///< waits for a foreign fence

    friend void PrintTo(const Stage& stage, std::ostream* out) { *out << stage.name; }
};

class ShareAtStage : public ShareInFlight, public testing::WithParamInterface<Stage> {
 protected:
    void start(const drm_zaccel_command& command) {
        const Stage& stage = GetParam();
        if (stage.held) late_.hold();
        if (stage.behind) submit(other_, {nop()});
        std::vector<std::uint32_t> in;
        if (stage.foreign) {
            fence_ = vgem_.attach_fence(VgemBuffer::Use::write);
            in_.import_sync_file(export_fences(vgem_.dmabuf(), Fences::all));
            in.push_back(in_.handle());
        }
        ring_.put_batch({command});
        ASSERT_EQ(ring_.submit(in, {}), 0);
        ASSERT_FALSE(ring_.posted(1));
    }

    void finish() {
        if (GetParam().foreign) vgem_.signal(fence_);
        late_.release();
    }

    void expect_success(const Fd& fence) {
        EXPECT_EQ(sync_file_status(fence), 0);
        finish();
        EXPECT_EQ(final_status(fence), 1);
        ring_.wait_for(1);
    }

    VgemBuffer vgem_;
    std::uint32_t fence_ = 0;
    Syncobj in_{device_};
    Ring other_{device_};
};

TEST_P(ShareAtStage, WriterIsShown) {
    start(write_it);
    const Fd dmabuf = buffer_.export_dmabuf();
    expect_written(dmabuf);
    finish();
    expect_becomes(dmabuf, POLLIN);
    expect_becomes(dmabuf, POLLOUT);
    EXPECT_EQ(Mapping(dmabuf.get(), 0, page)[0], 0x47);
    EXPECT_EQ(ring_.cq_tail(), 1U);
}

TEST_P(ShareAtStage, ReaderIsShown) {
    start(read_it);
    const Fd dmabuf = buffer_.export_dmabuf();
    expect_read(dmabuf);
    finish();
    expect_becomes(dmabuf, POLLOUT);
    EXPECT_EQ(ring_.cq_tail(), 1U);
}

TEST_P(ShareAtStage, ReadOnlyExportShowsItToo) {
    start(write_it);
    const Fd dmabuf = buffer_.export_readonly();
    expect_written(dmabuf);
    const Fd again = buffer_.export_dmabuf();
    expect_written(again);
    expect_success(export_fences(dmabuf, Fences::all));
    expect_idle(dmabuf);
    expect_idle(again);
}

TEST_P(ShareAtStage, SyncFileOfItSignals) {
    start(write_it);
    expect_success(export_fences(buffer_.export_dmabuf(), Fences::writers));
}

TEST_P(ShareAtStage, DestroyedRingEndsItsFence) {
    start(write_it);
    const Fd dmabuf = buffer_.export_dmabuf();
    const Fd fence = export_fences(dmabuf, Fences::writers);
    ASSERT_EQ(ring_.destroy(), 0);
    finish();
    EXPECT_EQ(final_status(fence), -ECANCELED);
    EXPECT_EQ(Mapping(dmabuf.get(), 0, page)[0], 0);
}

TEST_P(ShareAtStage, BatchFetchedAfterwardsWaitsForIt) {
    start(write_it);
    const Fd dmabuf = buffer_.export_dmabuf();
    bind_to(other_);
    submit(other_, {read_it});
    const std::uint32_t end = other_.sq_tail();
    EXPECT_FALSE(other_.posted(end));
    finish();
    other_.wait_for(end);
    ring_.wait_for(1);
    ring_.reap();
    EXPECT_EQ(other_.completion(end - 1).result, ring_.run_one(read_it).result);
}

INSTANTIATE_TEST_SUITE_P(All, ShareAtStage,
                         testing::Values(Stage{"Running", true, false, false},
                                         Stage{"Queued", true, true, false},
                                         Stage{"Foreign", false, false, true}),
                         [](const auto& test) { return test.param.name; });

TEST_F(ShareInFlight, EachBatchHasItsOwnFence) {
    Ring writer(device_), last(device_);
    bind_to(writer);
    bind_to(last);
    late_.hold();
    submit({read_it});
    submit(writer, {write_it});
    submit(last, {read_it});
    const Fd dmabuf = buffer_.export_dmabuf();
    const Fd writers = export_fences(dmabuf, Fences::writers);
    const Fd all = export_fences(dmabuf, Fences::all);
    late_.advance(1);
    ring_.wait_for(1);
    EXPECT_EQ(sync_file_status(writers), 0);
    EXPECT_FALSE(readable(dmabuf));
    late_.advance(1);
    EXPECT_EQ(final_status(writers), 1);
    EXPECT_TRUE(readable(dmabuf));
    EXPECT_FALSE(writable(dmabuf));
    EXPECT_EQ(sync_file_status(all), 0);
    late_.advance(1);
    EXPECT_EQ(final_status(all), 1);
    EXPECT_TRUE(writable(dmabuf));
}

TEST_F(ShareInFlight, ReaderBehindAWriterOfOneRing) {
    late_.hold();
    submit({write_it});
    submit({read_it});
    const Fd dmabuf = buffer_.export_dmabuf();
    expect_written(dmabuf);
    late_.advance(1);
    expect_becomes(dmabuf, POLLIN);
    ring_.wait_for(1);
    EXPECT_EQ(ring_.kernel_cq_tail(), 1U);
    expect_read(dmabuf);
    late_.advance(1);
    expect_becomes(dmabuf, POLLOUT);
}

TEST_F(ShareInFlight, WriterBehindAReaderOfOneRing) {
    late_.hold();
    submit({read_it});
    submit({write_it});
    const Fd dmabuf = buffer_.export_dmabuf();
    expect_written(dmabuf);
    late_.advance(1);
    ring_.wait_for(1);
    expect_written(dmabuf);
    late_.advance(1);
    expect_becomes(dmabuf, POLLIN);
}

TEST_F(ShareInFlight, OnlyTheUnfinishedAreShown) {
    late_.hold();
    submit({write_it});
    submit({read_it});
    late_.advance(1);
    ring_.wait_for(1);
    const Fd dmabuf = buffer_.export_dmabuf();
    expect_read(dmabuf);
    late_.release();
    expect_becomes(dmabuf, POLLOUT);
}

TEST_F(ShareInFlight, BatchThatReadsAndWritesIsAWriter) {
    late_.hold();
    submit({read_it, copy(scratch, wanted, 0, 0, 8), copy(wanted, scratch, 8, 0, 8)});
    expect_written(buffer_.export_dmabuf());
}

TEST_F(ShareInFlight, TwoBuffersOfABatchHaveOneFence) {
    late_.hold();
    submit({copy(wanted, scratch, 0, 0, page)});
    const Fd written = buffer_.export_dmabuf();
    const Fd read = scratch_.export_dmabuf();
    expect_written(written);
    expect_read(read);
    late_.release();
    expect_becomes(read, POLLOUT);
    expect_becomes(written, POLLOUT);
}

TEST_F(ShareInFlight, BatchWithAFenceLeavesThatOne) {
    const Syncobj out(device_);
    late_.hold();
    const long before = module_references();
    ring_.put_batch({write_it});
    ASSERT_EQ(ring_.submit({}, std::vector{out.handle()}), 0);
    const Fd dmabuf = buffer_.export_dmabuf();
    expect_written(dmabuf);
    EXPECT_EQ(module_references(), before + 2) << "a fence and a dma-buf";
    late_.release();
    expect_becomes(dmabuf, POLLIN);
    EXPECT_TRUE(out.signaled());
}

TEST_F(ShareInFlight, FailedBatchCarriesItsError) {
    late_.hold();
    submit({write_it, fill(wanted, page, 1, 1), read_it});
    const Fd fence = export_fences(buffer_.export_dmabuf(), Fences::all);
    late_.release();
    EXPECT_EQ(final_status(fence), -ERANGE);
}

TEST_F(ShareInFlight, RefusedAndCanceledCommandsUseNothing) {
    late_.hold();
    submit({fill(scratch, page, 1, 1), write_it});
    expect_idle(buffer_.export_dmabuf());
}

TEST_F(ShareInFlight, ExecutedCommandsUseTheirBuffers) {
    const Buffer list(device_, page);
    std::memcpy(list.map().data(), &write_it, sizeof(write_it));
    ASSERT_EQ(ring_.bind_range(commands, list, 0, page), 0);
    late_.hold();
    submit({exec(commands, 0, 1)});
    const Fd dmabuf = buffer_.export_dmabuf();
    expect_written(dmabuf);
    expect_idle(list.export_dmabuf());
    late_.release();
    expect_becomes(dmabuf, POLLIN);
}

TEST_F(ShareInFlight, PlanesOfAnImageAreBuffersOfTheirOwn) {
    const Buffer luma(device_, page), chroma(device_, page);
    ASSERT_EQ(ring_.bind(image_args(2, DRM_FORMAT_NV12, 16, 16,
                                    {plane(luma.handle(), 16), plane(chroma.handle(), 16)})),
              0);
    ASSERT_EQ(ring_.bind(image_args(3, DRM_FORMAT_R8, 16, 16, {plane(buffer_.handle(), 16)})), 0);
    late_.hold();
    submit({image_command(ZACCEL_OP_CONVERT, 2, 3)});
    const Fd second = chroma.export_dmabuf();
    expect_written(second);
    expect_written(luma.export_dmabuf());
    expect_read(buffer_.export_dmabuf());
    late_.release();
    expect_becomes(second, POLLIN);
}

TEST_F(ShareInFlight, BatchOfAnotherFileWaits) {
    late_.hold();
    submit({write_it});
    const Fd dmabuf = buffer_.export_dmabuf();
    const Fd file = open_device();
    const Buffer imported = Buffer::import(file, dmabuf.get());
    Ring ring(file);
    ASSERT_EQ(ring.bind_range(0, imported, 0, page), 0);
    submit(ring, {copy(0, 0, 0, 1, 1)});
    late_.advance(2);
    ring.wait_for(1);
    EXPECT_EQ(ring.reap().at(0).status, 0);
    EXPECT_EQ(ring_.cq_tail(), 1U);
    EXPECT_EQ(Mapping(dmabuf.get(), 0, page)[0], 0x47);
}

TEST_F(ShareInFlight, BatchBehindItInTheRingTakesAFence) {
    late_.hold();
    submit({write_it});
    const Fd dmabuf = buffer_.export_dmabuf();
    const Fd first = export_fences(dmabuf, Fences::all);
    submit({write_it});
    const Fd both = export_fences(dmabuf, Fences::all);
    late_.advance(1);
    EXPECT_EQ(final_status(first), 1);
    EXPECT_EQ(sync_file_status(both), 0);
    expect_written(dmabuf);
    late_.advance(1);
    EXPECT_EQ(final_status(both), 1);
}

}  // namespace
}  // namespace uapi_tests
