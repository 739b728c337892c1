// SPDX-License-Identifier: MIT

// A ring's own descriptor: how it is had, and its calls.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <limits>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "interruptions.hpp"
#include "memory.hpp"
#include "neighbour.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "sleeper.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();

class RingFd : public DeviceTest {
 protected:
    int open(drm_zaccel_ring_fd& args) { return call(device_, DRM_IOCTL_ZACCEL_RING_FD, args); }

    static drm_zaccel_ring_fd make(std::uint32_t id) {
        drm_zaccel_ring_fd args{};
        args.id = id;
        return args;
    }
};

TEST_F(RingFd, EveryFlagIsInvalid) {
    const Ring ring(device_);
    for (unsigned bit = 0; bit < 32; bit++) {
        drm_zaccel_ring_fd args = make(ring.id());
        args.flags = 1U << bit;
        EXPECT_EQ(open(args), EINVAL) << bit;
    }
}

TEST_F(RingFd, PadIsInvalid) {
    const Ring ring(device_);
    for (unsigned bit = 0; bit < 32; bit++) {
        drm_zaccel_ring_fd args = make(ring.id());
        args.pad = 1U << bit;
        EXPECT_EQ(open(args), EINVAL) << bit;
    }
}

TEST_F(RingFd, UnknownRingIsNotFound) {
    const Ring ring(device_);
    for (std::uint32_t id : {0U, ring.id() + 1, 65U, ~0U}) {
        drm_zaccel_ring_fd args = make(id);
        EXPECT_EQ(open(args), ENOENT) << id;
    }
    ASSERT_EQ(ring.destroy(), 0);
    drm_zaccel_ring_fd args = make(ring.id());
    EXPECT_EQ(open(args), ENOENT) << "destroyed";
}

TEST_F(RingFd, RingOfAnotherFileIsNotFound) {
    const Ring ring(device_);
    const Fd other = open_device();
    drm_zaccel_ring_fd args = make(ring.id());
    EXPECT_EQ(call(other, DRM_IOCTL_ZACCEL_RING_FD, args), ENOENT);
}

TEST_F(RingFd, NoDescriptorLeftIsEmfile) {
    const Ring ring(device_);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{0, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    drm_zaccel_ring_fd args = make(ring.id());
    const int error = open(args);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(error, EMFILE);
    EXPECT_GE(open_ring(device_, ring.id()).get(), 0);
}

TEST_F(RingFd, IsClosedOnExec) {
    const Ring ring(device_);
    EXPECT_EQ(::fcntl(open_ring(device_, ring.id()).get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(RingFd, ManyOfOneRing) {
    Ring ring(device_, {128, 128, 0});
    std::vector<Fd> fds;
    for (int i = 0; i < 100; i++) fds.push_back(open_ring(device_, ring.id()));
    for (std::uint64_t i = 0; i < fds.size(); i++) {
        ring.put_batch({nop(i)});
        ring.publish();
        EXPECT_EQ(kick(fds[i]), 1) << i;
    }
    EXPECT_EQ(fd_wait(fds[0], 100, deadline_in(long_enough)), 0);
    EXPECT_EQ(ring.reap().at(99).user_data, 99U);
}

// Nothing of the device's node can be called through it.
TEST_F(RingFd, UnknownCallIsNotAnIoctl) {
    const Ring ring(device_);
    const Fd fd = open_ring(device_, ring.id());
    std::uint64_t argument[32] = {};
    for (unsigned nr = 0; nr <= 0xff; nr++) {
        if (nr == DRM_COMMAND_BASE + DRM_ZACCEL_FD_WAIT) continue;
        for (unsigned long request : {static_cast<unsigned long>(DRM_IO(nr)),
                                      static_cast<unsigned long>(DRM_IOWR(nr, std::uint64_t[2])),
                                      static_cast<unsigned long>(DRM_IOW(nr, std::uint64_t[17]))})
            if (request != DRM_IOCTL_ZACCEL_FD_KICK) {
                EXPECT_EQ(call(fd.get(), request, argument), ENOTTY) << std::hex << request;
            }
    }
}

TEST_F(RingFd, CannotBeReadOrWritten) {
    const Ring ring(device_);
    const Fd fd = open_ring(device_, ring.id());
    char byte = 0;
    EXPECT_EQ(::read(fd.get(), &byte, 1), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(::write(fd.get(), &byte, 1), -1);
    EXPECT_EQ(errno, EINVAL);
}

class RingFdKick : public DeviceTest {
 protected:
    explicit RingFdKick(const RingOptions& options = {64, 64, 4}) : ring_(device_, options) {}

    long kick() const {
        ring_.publish();
        return uapi_tests::kick(fd_);
    }

    Ring ring_;
    Fd fd_ = open_ring(device_, ring_.id());
};

/// What a hostile program rings for, beside another.
class RingFdKickHostile : public RingFdKick {
 private:
    Neighbour neighbour_;
};

TEST_F(RingFdKick, ReturnsTheNumberFetched) {
    EXPECT_EQ(kick(), 0);
    ring_.put_batch({nop(1)});
    ring_.put_batch({nop(2), nop(3)});
    EXPECT_EQ(kick(), 3);
    EXPECT_EQ(kick(), 0);
    ring_.put_batch({nop(4)});
    EXPECT_EQ(kick(), 1);
    EXPECT_EQ(fd_wait(fd_, 4, deadline_in(long_enough)), 0);
    EXPECT_EQ(ring_.reap().at(3).user_data, 4U);
}

TEST_F(RingFdKick, UnfinishedBatchStaysWhereItIs) {
    ring_.put_batch({nop(1)});
    ring_.put(nop(2));
    ring_.put(nop(3));
    EXPECT_EQ(kick(), 1);
    EXPECT_EQ(kick(), 0);
    EXPECT_EQ(ring_.sq_head(), 1U);
    ring_.put(with_end(nop(4)));
    EXPECT_EQ(kick(), 3);
    EXPECT_EQ(ring_.sq_head(), 4U);
}

TEST_F(RingFdKick, EveryFlagIsInvalid) {
    ring_.put_batch({nop()});
    ring_.publish();
    for (unsigned bit = 0; bit < 64; bit++) EXPECT_EQ(uapi_tests::kick(fd_, 1UL << bit), -EINVAL);
    EXPECT_EQ(ring_.sq_head(), 0U);
    EXPECT_EQ(kick(), 1);
}

TEST_F(RingFdKickHostile, QueueWithoutEndOfBatchIsInvalid) {
    for (int i = 0; i < 64; i++) ring_.put(nop());
    EXPECT_EQ(kick(), -EINVAL);
    EXPECT_EQ(ring_.sq_head(), 0U);
}

TEST_F(RingFdKick, FullCompletionQueueIsEagain) {
    for (int i = 0; i < 63; i++) ring_.put_batch({nop()});
    ASSERT_EQ(kick(), 63);
    ring_.put_batch({nop(), nop()});
    EXPECT_EQ(kick(), -EAGAIN);
    ASSERT_EQ(fd_wait(fd_, 63, deadline_in(long_enough)), 0);
    EXPECT_EQ(kick(), -EAGAIN) << "posted, not reaped";
    ring_.set_cq_head(1);
    EXPECT_EQ(kick(), 2);
}

TEST_F(RingFdKickHostile, TailOutOfReachIsInvalid) {
    for (std::uint32_t tail : {65U, 1000U, 1U << 31, ~0U}) {
        ring_.set_sq_tail(tail);
        EXPECT_EQ(kick(), -EINVAL) << tail;
    }
    ring_.set_sq_tail(0);
    EXPECT_EQ(kick(), 0);
}

TEST_F(RingFdKickHostile, ReapedMoreThanPostedIsInvalid) {
    ring_.put_batch({nop()});
    for (std::uint32_t head : {1U, 65U, 1U << 31, ~0U - 64}) {
        ring_.set_cq_head(head);
        EXPECT_EQ(kick(), -EINVAL) << head;
    }
    ring_.set_cq_head(0);
    EXPECT_EQ(kick(), 1);
}

TEST_F(RingFdKick, WritesWhatIsBound) {
    const Buffer buffer(device_, page);
    ASSERT_EQ(ring_.bind_range(2, buffer, 0, page), 0);
    ring_.put_batch({fill(2, 8, 16, 0x4747474747474747)});
    ASSERT_EQ(kick(), 1);
    ASSERT_EQ(fd_wait(fd_, 1, deadline_in(long_enough)), 0);
    const Mapping memory = buffer.map();
    EXPECT_EQ(memory[7], 0);
    EXPECT_EQ(memory[8], 0x47);
    EXPECT_EQ(memory[23], 0x47);
    EXPECT_EQ(memory[24], 0);
}

TEST_F(RingFdKick, TakesTurnsWithSubmit) {
    for (std::uint64_t i = 0; i < 20; i++) {
        ring_.put_batch({nop(2 * i)});
        EXPECT_EQ(kick(), 1);
        ring_.put_batch({nop(2 * i + 1)});
        EXPECT_EQ(ring_.submit(), 0);
        EXPECT_EQ(ring_.fetched(), 1U);
    }
    ring_.wait_for(40);
    std::uint64_t number = 0;
    for (const drm_zaccel_completion& completion : ring_.reap())
        EXPECT_EQ(completion.user_data, number++);
}

TEST_F(RingFdKick, AfterTheEndIsEnodev) {
    ring_.put_batch({nop()});
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_EQ(kick(), -ENODEV);
    EXPECT_EQ(uapi_tests::kick(fd_, 1), -EINVAL);
    EXPECT_EQ(ring_.sq_head(), 0U);
}

TEST_F(RingFdKickHostile, RacesInManyThreads) {
    Ring ring(device_, {32768, 32768, 0});
    const Fd fd = open_ring(device_, ring.id());
    for (std::uint32_t i = 0; i < 32768; i++) ring.put(with_end(nop(i)));
    ring.publish();
    std::atomic<long> fetched = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back([&] {
            for (int n = 0; n < 100; n++) {
                const long taken = uapi_tests::kick(fd);
                EXPECT_GE(taken, 0);
                fetched += taken;
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(fetched, 32768);
    ring.wait_for(32768);
    std::uint32_t index = 0;
    for (const drm_zaccel_completion& completion : ring.reap())
        ASSERT_EQ(completion.user_data, index++);
}

class RingFdWait : public RingFdKick {
 protected:
    int wait(drm_zaccel_ring_wait& args) { return call(fd_, DRM_IOCTL_ZACCEL_FD_WAIT, args); }
};

TEST_F(RingFdWait, IdMustBeZero) {
    for (std::uint32_t id : {ring_.id(), ring_.id() + 1, ~0U}) {
        drm_zaccel_ring_wait args{};
        args.id = id;
        EXPECT_EQ(wait(args), EINVAL) << id;
    }
}

TEST_F(RingFdWait, EveryFlagIsInvalid) {
    for (unsigned bit = 0; bit < 32; bit++) {
        drm_zaccel_ring_wait args{};
        args.flags = 1U << bit;
        EXPECT_EQ(wait(args), EINVAL) << bit;
    }
}

TEST_F(RingFdWait, BadPointerFaults) {
    const BadMemory memory;
    for (void* pointer : memory.unwritable())
        EXPECT_EQ(call(fd_.get(), DRM_IOCTL_ZACCEL_FD_WAIT, pointer), EFAULT) << pointer;
    EXPECT_EQ(call(fd_.get(), DRM_IOCTL_ZACCEL_FD_WAIT, memory.end_of_page() - 20), EFAULT);
}

TEST_F(RingFdWait, TailIsWritten) {
    ring_.run({nop(), nop(), nop()});
    for (std::uint32_t index : {0U, 3U, 4U, 3U + (1U << 31)}) {
        drm_zaccel_ring_wait args{};
        args.index = index;
        args.tail = 99;
        EXPECT_EQ(wait(args), index <= 3 ? 0 : ETIME) << index;
        EXPECT_EQ(args.tail, 3U);
    }
}

TEST_F(RingFdWait, DeadlineIsAbsolute) {
    for (std::int64_t deadline :
         {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::int64_t{0}}) {
        EXPECT_EQ(fd_wait(fd_, 0, deadline), 0) << deadline;
        EXPECT_EQ(fd_wait(fd_, 1, deadline), ETIME) << deadline;
    }
    const std::int64_t deadline = deadline_in(std::chrono::milliseconds(20));
    EXPECT_EQ(fd_wait(fd_, 1, deadline), ETIME);
    EXPECT_GE(deadline_in({}), deadline);
}

TEST_F(RingFdWait, SleeperIsWoken) {
    for (std::int64_t deadline : {forever, deadline_in(long_enough)}) {
        const std::uint32_t next = ring_.sq_tail() + 1;
        Sleeper waiter([this, deadline, next] { return fd_wait(fd_, next, deadline); });
        ASSERT_TRUE(waiter.falls_asleep());
        ring_.put_batch({nop()});
        EXPECT_EQ(kick(), 1);
        EXPECT_EQ(waiter.result(), 0);
    }
}

TEST_F(RingFdWait, AfterTheEndIsEnodev) {
    Sleeper waiter([this] { return fd_wait(fd_, 1, forever); });
    ASSERT_TRUE(waiter.falls_asleep());
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_EQ(waiter.result(), ENODEV);
    EXPECT_EQ(fd_wait(fd_, 1, forever), ENODEV);
    EXPECT_EQ(fd_wait(fd_, 1, 0), ENODEV);
}

// What was reached before the end is so for ever.
TEST_F(RingFdWait, ReachedIndexIsReachedAfterTheEnd) {
    ring_.run_one(nop());
    ASSERT_EQ(ring_.destroy(), 0);
    for (std::uint32_t index : {0U, 1U})
        EXPECT_EQ(fd_wait(fd_, index, deadline_in(long_enough)), 0) << index;
    EXPECT_EQ(fd_wait(fd_, 2, deadline_in(long_enough)), ENODEV);
}

TEST_F(RingFdWait, SignalInterruptsAndTheCallCanBeRepeated) {
    const Interruptions interruptions;
    for (std::int64_t deadline : {forever, deadline_in(long_enough)})
        EXPECT_EQ(interruptions.until_it_returns([&] { return fd_wait(fd_, 1, deadline); }), EINTR);
    ring_.put_batch({nop()});
    EXPECT_EQ(kick(), 1);
    EXPECT_EQ(fd_wait(fd_, 1, deadline_in(long_enough)), 0);
}

}  // namespace
}  // namespace uapi_tests
