// SPDX-License-Identifier: MIT

// A ring's descriptor in other hands than its file's: what can be done with it, and what becomes of
// it when things go, in whatever order they do.

#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <limits>
#include <optional>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "neighbour.hpp"
#include "process.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "sleeper.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();
constexpr auto limit_ms = static_cast<int>(std::chrono::milliseconds(long_enough).count());

void expect_gone(const Fd& ring_fd) {
    EXPECT_EQ(kick(ring_fd), -ENODEV);
    EXPECT_EQ(fd_wait(ring_fd, 1 << 20, forever), ENODEV);
    EXPECT_EQ(try_map(ring_fd, page), ENODEV);
    EXPECT_EQ(poll_events(ring_fd.get(), 0, 0), POLLHUP);
}

bool hangs_up(const Fd& ring_fd) {
    return (poll_events(ring_fd.get(), 0, limit_ms) & POLLHUP) != 0;
}

/// A process that gets a ring's descriptor and nothing else. It is made before the device is
/// opened, so that it does not have the file by inheritance.
class Holder {
 public:
    template <typename F>
    explicit Holder(F body)
        : child_([this, body] {
              drm_zaccel_ring_create geometry;
              Fd fd = pipe_.receive(geometry);
              if (!fd) return 98;
              FdRing ring(std::move(fd), geometry);
              return body(ring);
          }) {}

    void give(const Fd& device, const Ring& ring) const {
        pipe_.send(open_ring(device, ring.id()), ring.args());
    }
    int join() { return child_.join(); }
    void kill() { child_.kill(); }
    bool falls_asleep() const {
        return eventually([this] { return is_asleep(child_.pid(), child_.pid()); });
    }

 private:
    FdPipe pipe_;
    Child child_;
};

class RingFdHolder : public CountedTest {
 private:
    Neighbour neighbour_;
};

TEST_F(RingFdHolder, DrivesTheRing) {
    Holder holder([](FdRing& ring) {
        for (std::uint64_t i = 0; i < 100; i++) {
            const auto done = ring.run({fill(0, 8 * i, 8, i), crc32c(0, 8 * i, 8), nop(i)});
            if (done.size() != 3 || done[0].result != 8 || done[2].user_data != i) return 1;
        }
        if (poll_events(ring.fd().get(), POLLIN, 0) != 0) return 2;
        ring.put_batch({nop()});
        if (ring.kick() != 1) return 3;
        return poll_events(ring.fd().get(), POLLIN, limit_ms) == POLLIN ? 0 : 4;
    });
    const Fd device = open_device();
    const Buffer buffer(device, page);
    Ring ring(device);
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    holder.give(device, ring);
    EXPECT_EQ(holder.join(), 0);
    const Mapping memory = buffer.map();
    EXPECT_EQ(memory[99 * 8], 99);
    EXPECT_EQ(ring.kernel_cq_tail(), 301U);
}

TEST_F(RingFdHolder, ReachesWhatIsBoundAndNothingElse) {
    Holder holder([](FdRing& ring) {
        for (std::uint32_t slot : {1U, 15U, 16U, ~0U})
            if (ring.run({fill(slot, 0, 8, ~0ULL)})[0].status == 0) return 1;
        if (ring.run({fill(0, 64, 8, ~0ULL)})[0].status == 0) return 2;
        drm_zaccel_ring_bind bind = range_args(1, 1, 0, page);
        bind.id = 1;
        if (call(ring.fd(), DRM_IOCTL_ZACCEL_RING_BIND, bind) != ENOTTY) return 3;
        drm_zaccel_ring_submit submit{};
        submit.id = 1;
        if (call(ring.fd(), DRM_IOCTL_ZACCEL_RING_SUBMIT, submit) != ENOTTY) return 4;
        drm_zaccel_ring_fd other{};
        other.id = 1;
        if (call(ring.fd(), DRM_IOCTL_ZACCEL_RING_FD, other) != ENOTTY) return 5;
        drm_zaccel_ring_wait wait{};
        wait.id = 1;
        if (call(ring.fd(), DRM_IOCTL_ZACCEL_FD_WAIT, wait) != EINVAL) return 6;
        return ring.run({fill(0, 0, 64, 1)})[0].status;
    });
    const Fd device = open_device();
    const Buffer buffer(device, page);
    const Ring other(device);
    Ring ring(device);
    ASSERT_EQ(ring.bind_range(0, buffer, 0, 64), 0);
    holder.give(device, ring);
    EXPECT_EQ(holder.join(), 0);
    const Mapping memory = buffer.map();
    EXPECT_EQ(memory[0], 1);
    EXPECT_EQ(memory[64], 0);
    EXPECT_EQ(other.kernel_cq_tail(), 0U);
}

TEST_F(RingFdHolder, LosesItWhenTheFileCloses) {
    const Signal closed, mapped;
    Holder holder([&](FdRing& ring) {
        if (ring.run({nop()})[0].status != 0) return 1;
        mapped.send();
        if (!closed.wait()) return 98;
        ring.put_batch({nop()});
        if (ring.kick() != -ENODEV) return 2;
        if (ring.wait(2, forever) != ENODEV) return 3;
        if (try_map(ring.fd(), page) != ENODEV) return 4;
        if (poll_events(ring.fd().get(), POLLIN, 0) != POLLHUP) return 5;
        // What is mapped stays.
        return ring.header().cq_tail == 1 && ring.header().sq_tail == 2 ? 0 : 6;
    });
    Fd device = open_device();
    Ring ring(device);
    holder.give(device, ring);
    ASSERT_TRUE(mapped.wait());
    ring.leave_to_file();
    device.reset();
    closed.send();
    EXPECT_EQ(holder.join(), 0);
}

TEST_F(RingFdHolder, IsWokenWhenTheFileCloses) {
    const Signal waits;
    Holder waiter([&](FdRing& ring) {
        waits.send();
        return ring.wait(1, forever);
    });
    Holder poller([&](FdRing& ring) {
        waits.send();
        return poll_events(ring.fd().get(), POLLIN, -1) == POLLHUP ? 0 : 1;
    });
    Fd device = open_device();
    Ring ring(device);
    for (Holder* holder : {&waiter, &poller}) {
        holder->give(device, ring);
        ASSERT_TRUE(waits.wait());
        ASSERT_TRUE(holder->falls_asleep());
    }
    ring.leave_to_file();
    device.reset();
    EXPECT_EQ(waiter.join(), ENODEV);
    EXPECT_EQ(poller.join(), 0);
}

TEST_F(RingFdHolder, KilledTakesNothingAlong) {
    const Signal waits;
    Holder holder([&](FdRing& ring) {
        ring.put_batch({nop(1)});
        if (ring.kick() != 1) return 1;
        waits.send();
        return ring.wait(2, forever);
    });
    const Fd device = open_device();
    Ring ring(device);
    holder.give(device, ring);
    ASSERT_TRUE(waits.wait());
    ASSERT_TRUE(holder.falls_asleep());
    holder.kill();
    EXPECT_EQ(holder.join(), -1);
    ring.set_sq_tail(1);
    EXPECT_EQ(ring.run({nop(2)}).at(1).user_data, 2U);
}

TEST_F(RingFdHolder, KilledInTheMiddleOfItsWorkTakesNothingAlong) {
    for (int i = 0; i < 10; i++) {
        const Signal started;
        Holder holder([&](FdRing& ring) {
            started.send();
            for (;;) ring.run({fill(0, 0, 64 * page, 1), nop()});
            return 0;
        });
        const Fd device = open_device();
        const Buffer buffer(device, 64 * page);
        Ring ring(device);
        ASSERT_EQ(ring.bind_range(0, buffer, 0, 64 * page), 0);
        holder.give(device, ring);
        ASSERT_TRUE(started.wait());
        holder.kill();
        EXPECT_EQ(holder.join(), -1);
        Ring after(device);
        EXPECT_EQ(after.run_one(nop(6)).user_data, 6U);
    }
}

class RingFdClose : public CountedTest {
 protected:
    Neighbour neighbour_;

    /// What holds something of a ring, each to be let go on its own.
    struct Things {
        Things()
            : device(open_device()),
              buffer(device, page),
              ring(device),
              dmabuf(buffer.export_dmabuf()),
              fd(open_ring(device, ring.id())),
              mapping(fd.get(), 0, ring.args().size) {
            check(ring.bind_range(0, buffer, 0, page), "bind");
            ring.put_batch({fill(0, 0, page, ~0ULL)});
            ring.put_batch({nop()});
            ring.publish();
            check(kick(fd) == 2 ? 0 : EPROTO, "kick");
            fence = export_fences(dmabuf, Fences::writers);
        }

        void let_go(int which) {
            if (which == 0) fd.reset();
            if (which == 1) end_file();
            if (which == 2) mapping = Mapping();
            if (which == 3) dmabuf.reset();
            if (which == 4 && device) ring.destroy();
        }
        void end_file() {
            ring.leave_to_file();
            device.reset();
        }

        Fd device;
        Buffer buffer;
        Ring ring;
        Fd dmabuf, fd, fence;
        Mapping mapping;
    };
};

// While the engine has other things to do: the batches outlive all that there is of their ring.
TEST_F(RingFdClose, InEveryOrder) {
    const Fd other = open_device();
    BusyEngine busy(other);
    std::vector<Fd> fences;
    std::array<int, 5> order{0, 1, 2, 3, 4};
    do {
        Things things;
        for (int which : order) things.let_go(which);
        fences.push_back(std::move(things.fence));
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_EQ(fences.size(), 120U);
    for (const Fd& fence : fences) ASSERT_EQ(sync_file_status(fence), 0);
    busy.cancel();
    for (const Fd& fence : fences) ASSERT_EQ(final_status(fence), -ECANCELED);
}

TEST_F(RingFdClose, FileWithBatchesQueuedEndsThem) {
    const Fd other = open_device();
    BusyEngine busy(other);
    Things things;
    things.end_file();
    expect_gone(things.fd);
    busy.cancel();
    EXPECT_EQ(final_status(things.fence), -ECANCELED);
    EXPECT_EQ(Mapping(things.dmabuf.get(), 0, page)[0], 0) << "it must not have run";
    // A fence signals before the completions are posted.
    auto& tail = reinterpret_cast<drm_zaccel_ring_header*>(things.mapping.data())->cq_tail;
    EXPECT_TRUE(eventually([&] { return std::atomic_ref(tail).load() == 2; }));
    expect_gone(things.fd);
}

class RingFdCreator : public CountedTest {
 protected:
    /// A process whose @p work makes a ring and gives its descriptor away.
    template <typename F>
    void start(F work) {
        child_.emplace([this, work] {
            const Fd device = open_device();
            work(device, pipe_);
            return 0;
        });
        fd_ = pipe_.receive();
        fence_ = pipe_.receive();
    }

    /// Sends both, and sleeps for as long as nobody kills it.
    static void give(const Fd& device, const Ring& ring, const Fd& fence, const FdPipe& pipe) {
        pipe.send(open_ring(device, ring.id()));
        pipe.send(fence);
        ring.wait(ring.sq_tail() + 1, forever);
    }

    void kill_and_expect_end() {
        ASSERT_TRUE(fd_ && fence_);
        EXPECT_EQ(poll_events(fd_.get(), 0, 0), 0);
        EXPECT_EQ(sync_file_status(fence_), 0);
        Sleeper poller([this] { return hangs_up(fd_) ? 0 : 1; });
        Sleeper waiter([this] { return fd_wait(fd_, 1 << 20, forever); });
        ASSERT_TRUE(poller.falls_asleep());
        ASSERT_TRUE(waiter.falls_asleep());
        child_->kill();
        EXPECT_EQ(child_->join(), -1);
        EXPECT_EQ(poller.result(), 0);
        EXPECT_EQ(waiter.result(), ENODEV);
        EXPECT_EQ(final_status(fence_), -ECANCELED);
        expect_gone(fd_);
    }

    Neighbour neighbour_{Neighbour::Batches::wait};
    FdPipe pipe_;
    std::optional<Child> child_;
    Fd fd_, fence_;
};

TEST_F(RingFdCreator, KilledWithBatchesQueued) {
    start([](const Fd& device, const FdPipe& pipe) {
        BusyEngine busy(device);
        const Syncobj out(device);
        Ring ring(device);
        ring.put_batch({nop()});
        check(ring.submit({}, std::vector{out.handle()}), "submit");
        give(device, ring, out.export_sync_file(), pipe);
    });
    kill_and_expect_end();
}

TEST_F(RingFdCreator, KilledWithABatchRunning) {
    start([](const Fd& device, const FdPipe& pipe) {
        const Buffer buffer(device, 1 << 20);
        const Fd dmabuf = buffer.export_dmabuf();
        Ring ring(device, {4096, 4096, 1});
        check(ring.bind_range(0, buffer, 0, 1 << 20), "bind");
        for (int i = 0; i < 4095; i++) ring.put(crc32c(0, 0, 1 << 20));
        ring.put(with_end(crc32c(0, 0, 1 << 20)));
        check(ring.submit(), "submit");
        give(device, ring, export_fences(dmabuf, Fences::all), pipe);
    });
    kill_and_expect_end();
}

TEST_F(RingFdCreator, KilledWithABatchHeldBack) {
    const Fd device = open_device();
    const Buffer buffer(device, page);
    const Fd dmabuf = buffer.export_dmabuf();
    const Mapping memory = buffer.map();
    memory[0] = 0x3c;
    const HeldEngine engine;
    start([&](const Fd& file, const FdPipe& pipe) {
        const Buffer imported = Buffer::import(file, dmabuf.get());
        Ring ring(file);
        check(ring.bind_range(0, imported, 0, page), "bind");
        for (int i = 0; i < 3; i++) ring.put_batch({fill(0, 0, page, ~0ULL)});
        check(ring.submit(), "submit");
        give(file, ring, export_fences(dmabuf, Fences::all), pipe);
    });
    EXPECT_TRUE(eventually([&] { return memory[0] == LateMode::poison; }));
    kill_and_expect_end();
    EXPECT_EQ(buffer.wait(deadline_in(long_enough)), 0);
    EXPECT_EQ(memory[0], 0x3c);
}

TEST_F(RingFdCreator, KilledWhileABatchWaits) {
    const VgemBuffer vgem;
    const std::uint32_t held = vgem.attach_fence(VgemBuffer::Use::write);
    const Fd wanted = export_fences(vgem.dmabuf(), Fences::all);
    start([&](const Fd& device, const FdPipe& pipe) {
        Syncobj in(device);
        in.import_sync_file(wanted);
        const Syncobj out(device);
        Ring ring(device);
        ring.put_batch({nop()});
        check(ring.submit(std::vector{in.handle()}, std::vector{out.handle()}), "submit");
        give(device, ring, out.export_sync_file(), pipe);
    });
    kill_and_expect_end();
    vgem.signal(held);
}

}  // namespace
}  // namespace uapi_tests
