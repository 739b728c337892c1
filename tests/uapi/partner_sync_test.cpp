// SPDX-License-Identifier: MIT

// Fences across the border: those of others that batches wait for, in our memory and in theirs, and
// ours that others see, in this process and the next.

#include <poll.h>

#include <cerrno>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "process.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr int soon_enough_ms = 20000;
using Use = VgemBuffer::Use;

const drm_zaccel_command write_it = fill(0, 0, page, 0x2525252525252525);
const drm_zaccel_command read_it = crc32c(0, 0, page);

/// Memory of ours (false) or of the system heap (true), bound to slot 0.
class ImportedFence : public DeviceTest, public testing::WithParamInterface<bool> {
 protected:
    ImportedFence() { EXPECT_EQ(ring_.bind_range(0, buffer_, 0, page), 0); }

    Buffer make() const {
        if (!GetParam()) return Buffer(device_, page);
        return Buffer::import(device_, HeapBuffer(page).dmabuf().get());
    }

    void send(const drm_zaccel_command& command) {
        ring_.put_batch({command});
        ASSERT_EQ(ring_.submit(), 0);
    }

    /// The engine is free, so what does not run is waiting.
    void expect_held(Use fence, const drm_zaccel_command& command) {
        const ManualFence foreign;
        import_fence(dmabuf_, fence, foreign.sync_file());
        send(command);
        Ring other(device_);
        EXPECT_EQ(other.run_one(nop()).status, 0);
        EXPECT_FALSE(ring_.posted(1));
        foreign.signal();
        ring_.wait_for(1);
        EXPECT_EQ(ring_.reap().at(0).status, 0);
    }

    Buffer buffer_ = make();
    Fd dmabuf_ = buffer_.export_dmabuf();
    Ring ring_{device_};
};

TEST_P(ImportedFence, OfAWriterHoldsAReader) { expect_held(Use::write, read_it); }

TEST_P(ImportedFence, OfAWriterHoldsAWriter) { expect_held(Use::write, write_it); }

TEST_P(ImportedFence, OfAReaderHoldsAWriter) { expect_held(Use::read, write_it); }

TEST_P(ImportedFence, OfAReaderHoldsNoReader) {
    const ManualFence foreign;
    import_fence(dmabuf_, Use::read, foreign.sync_file());
    EXPECT_EQ(ring_.run_one(read_it).status, 0);
    foreign.signal();
}

TEST_P(ImportedFence, HeldWriterKeepsEverybodyWaiting) {
    const HeldEngine engine;
    send(write_it);
    EXPECT_FALSE(readable(dmabuf_));
    EXPECT_FALSE(writable(dmabuf_));
    engine.advance();
    EXPECT_EQ(poll_events(dmabuf_.get(), POLLIN, soon_enough_ms), POLLIN);
    EXPECT_EQ(poll_events(dmabuf_.get(), POLLOUT, soon_enough_ms), POLLOUT);
    ring_.wait_for(1);
}

TEST_P(ImportedFence, HeldReaderKeepsWritersWaiting) {
    const HeldEngine engine;
    send(read_it);
    EXPECT_TRUE(readable(dmabuf_));
    EXPECT_FALSE(writable(dmabuf_));
    engine.advance();
    EXPECT_EQ(poll_events(dmabuf_.get(), POLLOUT, soon_enough_ms), POLLOUT);
    ring_.wait_for(1);
}

INSTANTIATE_TEST_SUITE_P(In, ImportedFence, testing::Bool(), [](const auto& kind) {
    return std::string(kind.param ? "TheHeapsMemory" : "OurMemory");
});

/// What poll() alone says of a buffer.
enum State : int { ready = 0, being_read = 1, being_written = 2 };

State state_of(const Fd& dmabuf) {
    if (!readable(dmabuf)) return being_written;
    return writable(dmabuf) ? ready : being_read;
}

class Watcher : public DeviceTest {};

// It has the dma-buf and no device: no ring, no handle, no fence.
TEST_F(Watcher, FollowsABufferInAnotherProcess) {
    const FdPipe pipe;
    const Signal written, idle, read, seen_written, seen_idle, seen_read;
    Child watcher([&] {
        const Fd dmabuf = pipe.receive();
        if (!dmabuf || !written.wait() || state_of(dmabuf) != being_written) return 1;
        seen_written.send();
        if (poll_events(dmabuf.get(), POLLIN, soon_enough_ms) != POLLIN) return 2;
        if (!idle.wait() || state_of(dmabuf) != ready) return 3;
        seen_idle.send();
        if (!read.wait() || state_of(dmabuf) != being_read) return 4;
        seen_read.send();
        return poll_events(dmabuf.get(), POLLOUT, soon_enough_ms) == POLLOUT ? 0 : 5;
    });
    const HeldEngine engine;
    const Buffer buffer(device_, page);
    Ring ring(device_);
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    pipe.send(buffer.export_dmabuf());

    ring.put_batch({write_it});
    ASSERT_EQ(ring.submit(), 0);
    written.send();
    ASSERT_TRUE(seen_written.wait());
    engine.advance();
    ring.wait_for(1);
    ASSERT_EQ(buffer.wait(deadline_in(long_enough)), 0);
    idle.send();
    ASSERT_TRUE(seen_idle.wait());
    ring.put_batch({read_it});
    ASSERT_EQ(ring.submit(), 0);
    read.send();
    ASSERT_TRUE(seen_read.wait());
    engine.advance();
    ring.wait_for(2);
    EXPECT_EQ(watcher.join(), 0);
}

}  // namespace
}  // namespace uapi_tests
