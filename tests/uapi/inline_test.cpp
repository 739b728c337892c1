// SPDX-License-Identifier: MIT

// A small batch whose turn it is runs inside the doorbell: when that returns all is over, and the
// engine's thread has not been woken.

#include <drm/drm_fourcc.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "eventfd.hpp"
#include "fixture.hpp"
#include "inline.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "sleeper.hpp"
#include "syncobj.hpp"
#include "trace.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// Slots.
enum : std::uint32_t { range, list, timeline, picture, empty };

class Inline : public DeviceTest {
 protected:
    Inline() { bind_to(ring_); }
    ~Inline() override { EXPECT_FALSE(threads_.ran_since(before_)) << "a batch left the doorbell"; }

    void bind_to(const Ring& ring) const {
        EXPECT_EQ(ring.bind_range(range, buffer_, 0, page), 0);
        EXPECT_EQ(ring.bind_range(list, list_, 0, page), 0);
        EXPECT_EQ(ring.bind_syncobj(timeline, timeline_.handle()), 0);
        EXPECT_EQ(
            ring.bind(image_args(picture, DRM_FORMAT_R8, 32, 32, {plane(list_.handle(), 32)})), 0);
    }

    /// The completions that are there when the doorbell returns.
    std::vector<drm_zaccel_completion> ring_doorbell(Ring& ring) {
        EXPECT_EQ(ring.submit(), 0);
        EXPECT_EQ(ring.cq_tail(), ring.sq_tail());
        return ring.reap();
    }
    std::vector<drm_zaccel_completion> run(std::initializer_list<drm_zaccel_command> commands) {
        ring_.put_batch(commands);
        return ring_doorbell(ring_);
    }

    EngineThreads threads_;
    std::uint64_t before_ = threads_.settled();
    Buffer buffer_{device_, page}, list_{device_, page};
    Mapping memory_ = buffer_.map(), commands_ = list_.map();
    Syncobj timeline_{device_};
    Ring ring_{device_};
};

const drm_zaccel_command write_it = fill(range, 0, page, 0x4747474747474747);

/// What the kernel allocates for this thread while it rings, with or without an out-syncobj.
class InlineAllocations : public Inline {
 protected:
    std::size_t of_doorbells(std::span<const std::uint32_t> out) {
        const Trace trace({"kmem/kmalloc", "kmem/kmem_cache_alloc"}, ::gettid());
        for (int i = 0; i < 200; i++) ring_one(out);
        trace.stop();
        return trace.events().size();
    }

    void ring_one(std::span<const std::uint32_t> out) {
        ring_.put(nop());
        ring_.put(fill(range, 0, 64, 1));
        ring_.put(with(fill(list, 0, 64, 2), ZACCEL_CMD_END));
        EXPECT_EQ(ring_.submit({}, out), 0);
        ring_.set_cq_head(ring_.sq_tail());
    }

    const Fd dmabuf_ = list_.export_dmabuf();
};

TEST_F(InlineAllocations, AreForFencesOnly) {
    const std::uint32_t out[] = {timeline_.handle()};
    for (int i = 0; i < 20; i++) ring_one({});
    EXPECT_EQ(of_doorbells({}), 0U);
    EXPECT_GE(of_doorbells(out), 200U);
}

TEST_F(Inline, IsCompleteWhenTheDoorbellReturns) {
    const drm_zaccel_completion done = run({with(write_it, 0)}).at(0);
    EXPECT_EQ(done.status, 0);
    EXPECT_EQ(done.result, page);
    EXPECT_EQ(memory_[page - 1], 0x47);
    EXPECT_EQ(ring_.kernel_cq_tail(), 1U);
    EXPECT_EQ(ring_.sq_head(), 1U);
}

TEST_F(Inline, IsCompleteWhenTheKickReturns) {
    const Fd fd = open_ring(device_, ring_.id());
    ring_.put_batch({write_it, crc32c(range, 0, page)});
    ring_.publish();
    EXPECT_EQ(kick(fd), 2);
    EXPECT_EQ(ring_.cq_tail(), 2U);
    EXPECT_EQ(fd_wait(fd, 2, 0), 0);
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(2, 0));
}

TEST_F(Inline, AllBatchesOfADoorbell) {
    for (std::uint8_t i = 0; i < 30; i++)
        ring_.put_batch({copy(range, range, i + 1, i, 1), nop(i)});
    memory_[0] = 0x31;
    const std::vector<drm_zaccel_completion> done = ring_doorbell(ring_);
    EXPECT_EQ(statuses(done), std::vector<int>(60, 0));
    EXPECT_EQ(memory_[30], 0x31);
    for (std::size_t i = 1; i < done.size(); i++) EXPECT_GE(done[i].time_ns, done[i - 1].time_ns);
}

TEST_F(Inline, QueuesThatWrapManyTimes) {
    Ring small(device_, {8, 8, 0});
    for (std::uint32_t i = 0; i < 100; i++) {
        small.put_batch({nop(i), nop(i), nop(i)});
        EXPECT_EQ(ring_doorbell(small).at(2).user_data, i);
    }
}

TEST_F(Inline, FullQueueOfOneBatch) {
    const std::vector<drm_zaccel_command> batch(64, nop());
    ring_.put_batch(batch);
    EXPECT_EQ(statuses(ring_doorbell(ring_)), std::vector<int>(64, 0));
}

TEST_F(Inline, UnreapedCompletionsStillHaveTheirPlaces) {
    for (std::uint32_t i = 0; i < 64; i++) {
        ring_.put_batch({nop(i)});
        ASSERT_EQ(ring_.submit(), 0);
        ASSERT_EQ(ring_.cq_tail(), i + 1);
    }
    ring_.put_batch({nop(64)});
    EXPECT_EQ(ring_.submit(), EAGAIN);
    ring_.reap();
    EXPECT_EQ(ring_doorbell(ring_).at(0).user_data, 64U);
}

TEST_F(Inline, PictureOperation) {
    std::memset(commands_.data(), 0x01, page);
    EXPECT_EQ(run({image_command(ZACCEL_OP_INVERT, picture, picture)}).at(0).status, 0);
    EXPECT_EQ(commands_[32 * 32 - 1], 0xfe);
}

TEST_F(Inline, LargerEntriesAreCheckedAndFilled) {
    Ring large(device_, {8, 8, 4, 256, 128});
    bind_to(large);
    large.put_batch({write_it});
    std::memset(large.completion_bytes(0).data(), 0xff, 128);
    EXPECT_EQ(ring_doorbell(large).at(0).status, 0);
    for (std::size_t i = sizeof(drm_zaccel_completion); i < 128; i++)
        EXPECT_EQ(large.completion_bytes(0)[i], 0) << i;
    large.put_batch({write_it});
    large.entry_bytes(1)[255] = 1;
    EXPECT_EQ(ring_doorbell(large).at(0).status, -EINVAL);
}

TEST_F(Inline, TimestampIsOfTheCommand) {
    const auto begun = static_cast<std::uint64_t>(deadline_in({}));
    const auto done = run({with(write_it, ZACCEL_CMD_TIMESTAMP), write_it, write_it,
                           with(write_it, ZACCEL_CMD_TIMESTAMP)});
    EXPECT_GE(done.at(0).time_ns, begun);
    EXPECT_LT(done[0].time_ns, done[3].time_ns);
    EXPECT_LE(done[3].time_ns, done[1].time_ns);
    EXPECT_EQ(done[1].time_ns, done[2].time_ns);
    EXPECT_LE(done[1].time_ns, static_cast<std::uint64_t>(deadline_in({})));
    const auto next = run({nop(), nop()});
    EXPECT_EQ(next.at(0).time_ns, next.at(1).time_ns) << "what the last batch asked for";
}

TEST_F(Inline, FailureCancelsWhatIsBehindIt) {
    EXPECT_EQ(statuses(run({write_it, fill(range, page, 1, 1), write_it})),
              (std::vector{0, -ERANGE, -ECANCELED}));
    EXPECT_EQ(statuses(run({with(fill(empty, 0, 1, 1), ZACCEL_CMD_CONTINUE), write_it})),
              (std::vector{-EBADSLT, 0}));
    EXPECT_EQ(statuses(run({write_it})), std::vector<int>(1, 0)) << "the next batch";
}

TEST_F(Inline, ParameterBlock) {
    const drm_zaccel_fill args{8, 8, 0x6161616161616161};
    std::memcpy(commands_.data(), &args, sizeof(args));
    EXPECT_EQ(run({with_params(fill(range, 0, 0, 0), list, sizeof(args))}).at(0).result, 8U);
    EXPECT_EQ(memory_[7], 0);
    EXPECT_EQ(memory_[8], 0x61);
}

TEST_F(Inline, ExecutedCommands) {
    const drm_zaccel_command commands[] = {write_it, fill(range, 0, 1, 0x11)};
    std::memcpy(commands_.data(), commands, sizeof(commands));
    // More often than its commands would be under way at once.
    for (int i = 0; i < 600; i++) {
        const drm_zaccel_completion done = run({exec(list, 0, 2)}).at(0);
        ASSERT_EQ(done.status, 0);
        ASSERT_EQ(done.result, 2U);
    }
    EXPECT_EQ(memory_[0], 0x11);
    EXPECT_EQ(memory_[1], 0x47);
}

TEST_F(Inline, ExecutedCommandThatFails) {
    const drm_zaccel_command commands[] = {write_it, fill(range, page, 1, 1)};
    std::memcpy(commands_.data(), commands, sizeof(commands));
    const auto done = run({exec(list, 0, 2), nop()});
    EXPECT_EQ(statuses(done), (std::vector{-ERANGE, -ECANCELED}));
    EXPECT_EQ(done[0].result, 1U);
    EXPECT_EQ(memory_[0], 0);
}

TEST_F(Inline, SignalledFencesKeepNobody) {
    timeline_.signal_point(5);
    Syncobj in(device_, Syncobj::State::signaled);
    ring_.put_batch({wait_point(timeline, 3), write_it});
    EXPECT_EQ(ring_.submit(std::vector{in.handle()}, {}), 0);
    EXPECT_EQ(ring_.cq_tail(), 2U);
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(2, 0));
}

// The syncobj gets a fence that has signalled, with what came of the batch.
TEST_F(Inline, OutSyncobjHasSignalled) {
    const Syncobj good(device_), bad(device_);
    ring_.put_batch({write_it});
    EXPECT_EQ(ring_.submit({}, std::vector{good.handle()}), 0);
    EXPECT_TRUE(good.signaled());
    EXPECT_EQ(sync_file_status(good.export_sync_file()), 1);
    ring_.put_batch({with(fill(range, page, 1, 1), ZACCEL_CMD_CONTINUE), write_it});
    EXPECT_EQ(ring_.submit({}, std::vector{bad.handle()}), 0);
    EXPECT_TRUE(bad.signaled());
    EXPECT_EQ(sync_file_status(bad.export_sync_file()), -ERANGE);
    EXPECT_EQ(ring_.cq_tail(), 3U);
}

TEST_F(Inline, OutSyncobjIsOfTheLastBatch) {
    const Syncobj out(device_);
    ring_.put_batch({nop()});
    ring_.put_batch({fill(range, page, 1, 1)});
    EXPECT_EQ(ring_.submit({}, std::vector{out.handle()}), 0);
    EXPECT_EQ(sync_file_status(out.export_sync_file()), -ERANGE);
}

TEST_F(Inline, SignalledPointsHaveSignalled) {
    for (std::uint64_t point = 1; point <= 10; point++)
        ring_.put_batch({write_it, signal_point(timeline, point)});
    EXPECT_EQ(statuses(ring_doorbell(ring_)), std::vector<int>(20, 0));
    EXPECT_EQ(timeline_.value(), 10U);
    EXPECT_EQ(statuses(run({fill(range, page, 1, 1), signal_point(timeline, 11)})),
              (std::vector{-ERANGE, -ECANCELED}));
    EXPECT_EQ(timeline_.value(), 11U);
    EXPECT_EQ(final_point_status(timeline_.export_point(11)), -ERANGE);
}

TEST_F(Inline, SharedBufferIsIdleAfterwards) {
    const Fd dmabuf = buffer_.export_dmabuf();
    const long fences = module_references();
    for (int i = 0; i < 10; i++)
        EXPECT_EQ(statuses(run({write_it, crc32c(range, 0, page)})), std::vector<int>(2, 0));
    EXPECT_TRUE(readable(dmabuf));
    EXPECT_TRUE(writable(dmabuf));
    EXPECT_EQ(module_references(), fences) << "each fence is one";
    EXPECT_EQ(buffer_.wait(0), 0);
}

TEST_F(Inline, ManySharedBuffers) {
    const Fd one = buffer_.export_dmabuf(), other = list_.export_dmabuf();
    const long fences = module_references();
    EXPECT_EQ(run({copy(range, list, 0, 0, page)}).at(0).status, 0);
    EXPECT_EQ(run({with_explicit_sync(copy(list, range, 0, 0, page))}).at(0).status, 0);
    for (const Fd* dmabuf : {&one, &other}) EXPECT_TRUE(writable(*dmabuf));
    EXPECT_EQ(module_references(), fences);
}

TEST_F(Inline, PrivateBufferIsFreeAfterwards) {
    run({write_it});
    EXPECT_EQ(buffer_.wait(0), 0);
    EXPECT_TRUE(writable(buffer_.export_dmabuf()));
}

TEST_F(Inline, PollSeesIt) {
    const Fd fd = open_ring(device_, ring_.id());
    EXPECT_EQ(poll_events(fd.get(), POLLIN, 0), 0);
    ring_.put_batch({nop()});
    EXPECT_EQ(ring_.submit(), 0);
    EXPECT_EQ(poll_events(fd.get(), POLLIN, 0), POLLIN);
    ring_.reap();
    EXPECT_EQ(poll_events(fd.get(), POLLIN, 0), 0);
}

TEST_F(Inline, EventfdIsToldOfEachBatch) {
    const Eventfd eventfd;
    drm_zaccel_ring_eventfd args{};
    args.id = ring_.id();
    args.fd = eventfd.fd().get();
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_EVENTFD, args), 0);
    for (int i = 0; i < 3; i++) ring_.put_batch({nop(), nop()});
    ring_doorbell(ring_);
    EXPECT_EQ(eventfd.take(), 3U);
}

TEST_F(Inline, WhoSleepsIsWoken) {
    const Fd fd = open_ring(device_, ring_.id());
    Sleeper waiter([&] { return ring_.wait(1, deadline_in(long_enough)); });
    Sleeper poller([&] { return poll_events(fd.get(), POLLIN, 20000); });
    EXPECT_TRUE(waiter.falls_asleep());
    EXPECT_TRUE(poller.falls_asleep());
    ring_.put_batch({nop()});
    EXPECT_EQ(ring_.submit(), 0);
    EXPECT_EQ(waiter.result(), 0);
    EXPECT_EQ(poller.result(), POLLIN);
}

TEST(InlineBytesFile, TakesWhatTheParameterMayBe) {
    const InlineBytes restored;
    EXPECT_EQ(InlineBytes::read(), std::to_string(InlineBytes::standard));
    for (const char* value : {"0", "1", "4096", "32768"}) {
        EXPECT_EQ(InlineBytes::write(value), 0);
        EXPECT_EQ(InlineBytes::read(), value);
    }
}

TEST(InlineBytesFile, RefusesMore) {
    for (const char* value : {"32769", "4294967296", "18446744073709551615", "x"})
        EXPECT_EQ(InlineBytes::write(value), EINVAL) << value;
    EXPECT_EQ(InlineBytes::read(), std::to_string(InlineBytes::standard));
}

}  // namespace
}  // namespace uapi_tests
