// SPDX-License-Identifier: MIT

// ZACCEL_CMD_EXPLICIT_SYNC: a batch that neither heeds the fences in its shared buffers nor leaves
// one that others heed; what it names it waits for.

#include <poll.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// Slots.
enum : std::uint32_t { shared = 0, scratch = 1, commands = 2, in = 3, out = 4 };

const drm_zaccel_command write_it = fill(shared, 0, page, 0x5353535353535353);
const drm_zaccel_command read_it = crc32c(shared, 0, page);

/// A shared buffer; a foreign fence that stands elsewhere, and that a batch can be made to wait
/// for.
class ExplicitSync : public DeviceTest {
 protected:
    ExplicitSync() {
        bind_to(ring_);
        bind_to(other_);
        in_.import_sync_file(export_fences(gate_.dmabuf(), Fences::all));
        EXPECT_EQ(ring_.bind(syncobj_args(in, in_.handle())), 0);
        EXPECT_EQ(ring_.bind(syncobj_args(out, out_.handle())), 0);
    }

    void bind_to(const Ring& ring) const {
        EXPECT_EQ(ring.bind_range(shared, buffer_, 0, page), 0);
        EXPECT_EQ(ring.bind_range(scratch, scratch_, 0, page), 0);
    }

    static void submit(Ring& ring, std::initializer_list<drm_zaccel_command> batch) {
        ring.put_batch(batch);
        ASSERT_EQ(ring.submit(), 0);
    }

    /// A batch of the first ring that waits at the gate.
    void submit_gated(const drm_zaccel_command& command) {
        ring_.put_batch({command});
        ASSERT_EQ(ring_.submit(std::vector{in_.handle()}, {}), 0);
    }

    void open_gate() {
        if (fence_) gate_.signal(*fence_);
        fence_.reset();
    }

    /// The engine is idle, so what does not run is waiting.
    void expect_gated(std::uint32_t end) {
        Ring bystander(device_);
        EXPECT_EQ(bystander.run_one(nop()).status, 0);
        EXPECT_FALSE(ring_.posted(end));
    }

    void expect_runs_behind_the_gate(std::uint32_t end) {
        expect_gated(end);
        open_gate();
        ring_.wait_for(end);
        EXPECT_EQ(ring_.completion(end - 1).status, 0);
    }

    VgemBuffer gate_;
    std::optional<std::uint32_t> fence_ = gate_.attach_fence(VgemBuffer::Use::write);
    Syncobj in_{device_};
    Syncobj out_{device_};
    Buffer buffer_{device_, page};
    Buffer scratch_{device_, page};
    Fd dmabuf_ = buffer_.export_dmabuf();
    Ring ring_{device_};
    Ring other_{device_};
};

TEST_F(ExplicitSync, DoesNotWaitForWriters) {
    submit_gated(write_it);
    EXPECT_EQ(other_.run_one(with_explicit_sync(read_it)).status, 0);
    EXPECT_EQ(other_.run_one(with_explicit_sync(write_it)).status, 0);
    expect_runs_behind_the_gate(1);
}

TEST_F(ExplicitSync, DoesNotWaitForReaders) {
    submit_gated(read_it);
    EXPECT_EQ(other_.run_one(with_explicit_sync(write_it)).status, 0);
    expect_runs_behind_the_gate(1);
}

TEST_F(ExplicitSync, DoesNotWaitForFencesOfOtherDrivers) {
    const VgemBuffer vgem;
    const Buffer imported = Buffer::import(device_, vgem.dmabuf().get());
    ASSERT_EQ(other_.bind_range(shared, imported, 0, page), 0);
    const std::uint32_t fence = vgem.attach_fence(VgemBuffer::Use::write);
    EXPECT_EQ(other_.run_one(with_explicit_sync(write_it)).status, 0);
    vgem.signal(fence);
}

TEST_F(ExplicitSync, ImplicitBatchesDoNotWaitForIt) {
    submit_gated(with_explicit_sync(write_it));
    EXPECT_EQ(other_.run_one(read_it).status, 0);
    EXPECT_EQ(other_.run_one(write_it).status, 0);
    EXPECT_EQ(other_.run_one(with_explicit_sync(write_it)).status, 0);
    expect_runs_behind_the_gate(1);
}

TEST_F(ExplicitSync, NobodyElseSeesItsFence) {
    submit_gated(with_explicit_sync(write_it));
    EXPECT_TRUE(readable(dmabuf_));
    EXPECT_TRUE(writable(dmabuf_));
    EXPECT_EQ(sync_file_status(export_fences(dmabuf_, Fences::all)), 1);
    EXPECT_EQ(buffer_.wait(0), ETIME) << "but it is there";
    EXPECT_EQ(buffer_.wait(0, ZACCEL_BUFFER_WAIT_READ), ETIME);
    expect_runs_behind_the_gate(1);
    EXPECT_EQ(buffer_.wait(deadline_in(long_enough)), 0);
}

// An import of a read-only dma-buf is an object of its own: only a fence tells of batches on the
// other.
TEST_F(ExplicitSync, IsWaitedForThroughAnotherObject) {
    const Fd other_file = open_device();
    const Buffer imported = Buffer::import(other_file, buffer_.export_readonly().get());
    EXPECT_EQ(imported.wait(0), 0);
    submit_gated(with_explicit_sync(write_it));
    EXPECT_EQ(imported.wait(0), ETIME);
    EXPECT_TRUE(readable(dmabuf_));
    open_gate();
    EXPECT_EQ(imported.wait(deadline_in(long_enough)), 0);
    ring_.wait_for(1);
    EXPECT_EQ(buffer_.map()[0], 0x53);
}

// Its fence does not take the place of one that others heed, nor the other way round.
TEST_F(ExplicitSync, LeavesTheFencesOfItsRingAlone) {
    submit_gated(write_it);
    submit(ring_, {with_explicit_sync(read_it)});
    EXPECT_FALSE(readable(dmabuf_));
    submit(ring_, {with_explicit_sync(write_it)});
    EXPECT_FALSE(readable(dmabuf_));
    submit(ring_, {read_it});
    EXPECT_FALSE(readable(dmabuf_));
    other_.put_batch({read_it});
    ASSERT_EQ(other_.submit(), 0);
    EXPECT_FALSE(other_.posted(1));
    expect_runs_behind_the_gate(4);
    other_.wait_for(1);
    EXPECT_EQ(poll_events(dmabuf_.get(), POLLOUT, 20000), POLLOUT);
}

TEST_F(ExplicitSync, PrivateBatchExportedInFlightIsShownToNobody) {
    submit_gated(with_explicit_sync(fill(scratch, 0, page, 1)));
    const Fd dmabuf = scratch_.export_dmabuf();
    EXPECT_TRUE(readable(dmabuf));
    EXPECT_TRUE(writable(dmabuf));
    EXPECT_EQ(scratch_.wait(0), ETIME);
    expect_runs_behind_the_gate(1);
    EXPECT_EQ(scratch_.wait(deadline_in(long_enough)), 0);
}

TEST_F(ExplicitSync, WaitsForInSyncobjs) {
    submit_gated(with_explicit_sync(write_it));
    expect_runs_behind_the_gate(1);
}

TEST_F(ExplicitSync, WaitsForItsWaits) {
    submit(ring_, {wait_point(in), with_explicit_sync(write_it)});
    expect_runs_behind_the_gate(2);
}

TEST_F(ExplicitSync, SignalsWhatItNames) {
    submit(ring_, {wait_point(in), write_it, with_explicit_sync(signal_point(out))});
    EXPECT_FALSE(out_.signaled());
    const Fd fence = out_.export_sync_file();
    expect_runs_behind_the_gate(3);
    EXPECT_EQ(final_status(fence), 1);
}

TEST_F(ExplicitSync, KeepsItsPlaceInTheRing) {
    submit_gated(write_it);
    submit(ring_, {with_explicit_sync(fill(scratch, 0, 8, 1))});
    expect_runs_behind_the_gate(2);
}

TEST_F(ExplicitSync, IsSaidForEachBatch) {
    submit_gated(write_it);
    other_.put_batch({with_explicit_sync(read_it)});
    other_.put_batch({read_it});
    ASSERT_EQ(other_.submit(), 0);
    other_.wait_for(1);
    Ring bystander(device_);
    EXPECT_EQ(bystander.run_one(nop()).status, 0);
    EXPECT_FALSE(other_.posted(2));
    expect_runs_behind_the_gate(1);
    other_.wait_for(2);
}

TEST_F(ExplicitSync, IsSaidByTheLastCommand) {
    submit_gated(write_it);
    drm_zaccel_command first = with_explicit_sync(nop());
    first.flags = static_cast<__u16>(first.flags | ZACCEL_CMD_CONTINUE);
    submit(other_, {first, read_it});
    Ring bystander(device_);
    EXPECT_EQ(bystander.run_one(nop()).status, 0);
    EXPECT_FALSE(other_.posted(2)) << "this one is implicit";
    open_gate();
    other_.wait_for(2);
    EXPECT_EQ(statuses(other_.reap()), (std::vector<int>{-EINVAL, 0}));
}

TEST_F(ExplicitSync, CountsInACommandThatIsRefused) {
    submit_gated(write_it);
    drm_zaccel_command refused = nop();
    refused.opcode = 99;
    submit(other_, {write_it, with_explicit_sync(refused)});
    other_.wait_for(2);
    EXPECT_EQ(statuses(other_.reap()), (std::vector<int>{0, -EOPNOTSUPP}));
    expect_runs_behind_the_gate(1);
}

TEST_F(ExplicitSync, CountsForExecutedCommands) {
    const Buffer list(device_, page);
    std::memcpy(list.map().data(), &write_it, sizeof(write_it));
    ASSERT_EQ(other_.bind_range(commands, list, 0, page), 0);
    submit_gated(write_it);
    EXPECT_EQ(other_.run_one(with_explicit_sync(exec(commands, 0, 1))).result, 1U);
    expect_runs_behind_the_gate(1);
}

// Commands are copied by the doorbell, which waits for nobody.
class ExplicitWriter : public ExplicitSync, public testing::WithParamInterface<bool> {};

TEST_P(ExplicitWriter, KeepsItsBufferFromBeingExecuted) {
    const Buffer list(device_, page);
    if (GetParam()) list.export_dmabuf();
    for (Ring* ring : {&ring_, &other_}) ASSERT_EQ(ring->bind_range(commands, list, 0, page), 0);
    submit_gated(with_explicit_sync(fill(commands, 0, page, 0)));
    EXPECT_EQ(other_.run_one(exec(commands, 0, 1)).status, -EBUSY);
    expect_runs_behind_the_gate(1);
    EXPECT_EQ(other_.run_one(exec(commands, 0, 1)).status, 0);
}

INSTANTIATE_TEST_SUITE_P(Of, ExplicitWriter, testing::Bool(), [](const auto& test) {
    return test.param ? "ASharedBuffer" : "APrivateBuffer";
});

TEST_F(ExplicitSync, EndsWithItsRing) {
    submit(ring_, {wait_point(in), write_it, with_explicit_sync(signal_point(out))});
    const Fd fence = out_.export_sync_file();
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_EQ(final_status(fence), -ECANCELED);
    EXPECT_EQ(buffer_.wait(deadline_in(long_enough)), 0);
    EXPECT_EQ(buffer_.map()[0], 0);
}

}  // namespace
}  // namespace uapi_tests
