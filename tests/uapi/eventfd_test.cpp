// SPDX-License-Identifier: MIT

// DRM_IOCTL_ZACCEL_RING_EVENTFD: one count for each time that completions are posted, one for the
// end of the ring.

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <latch>
#include <limits>
#include <thread>
#include <vector>

#include "eventfd.hpp"
#include "fixture.hpp"
#include "foreign.hpp"
#include "ring.hpp"
#include "sleeper.hpp"

namespace uapi_tests {
namespace {

constexpr auto limit_ms = static_cast<int>(std::chrono::milliseconds(long_enough).count());

class RingEventfd : public DeviceTest {
 protected:
    static drm_zaccel_ring_eventfd make(std::uint32_t id, int fd) {
        drm_zaccel_ring_eventfd args{};
        args.id = id;
        args.fd = fd;
        return args;
    }

    int set(drm_zaccel_ring_eventfd args) {
        return call(device_, DRM_IOCTL_ZACCEL_RING_EVENTFD, args);
    }
    int set(const Ring& ring, const Eventfd& eventfd) {
        return set(make(ring.id(), eventfd.fd().get()));
    }
    int remove(const Ring& ring) { return set(make(ring.id(), -1)); }

    /// What ran before this has told everybody: the engine does one thing after the other.
    void settle() { Ring(other_file_).run_one(nop()); }

    /// So many batches by one doorbell, all posted and told of.
    void post(Ring& ring, unsigned batches) {
        for (unsigned i = 0; i < batches; i++)
            i % 2 ? ring.put_batch({nop(), nop()}) : ring.put_batch({nop()});
        ASSERT_EQ(ring.submit(), 0);
        ring.wait_for(ring.sq_tail());
        ring.reap();
        settle();
    }

    Fd other_file_ = open_device();
};

TEST_F(RingEventfd, EveryFlagIsInvalid) {
    const Ring ring(device_);
    const Eventfd eventfd;
    for (unsigned bit = 0; bit < 32; bit++) {
        drm_zaccel_ring_eventfd args = make(ring.id(), eventfd.fd().get());
        args.flags = 1U << bit;
        EXPECT_EQ(set(args), EINVAL) << bit;
    }
}

TEST_F(RingEventfd, PadIsInvalid) {
    const Ring ring(device_);
    const Eventfd eventfd;
    for (unsigned bit = 0; bit < 32; bit++) {
        drm_zaccel_ring_eventfd args = make(ring.id(), eventfd.fd().get());
        args.pad = 1U << bit;
        EXPECT_EQ(set(args), EINVAL) << bit;
    }
}

TEST_F(RingEventfd, NoSuchDescriptorIsEbadf) {
    const Ring ring(device_);
    for (int fd :
         {-2, -100, std::numeric_limits<int>::min(), 900000, std::numeric_limits<int>::max()})
        EXPECT_EQ(set(make(ring.id(), fd)), EBADF) << fd;
}

TEST_F(RingEventfd, AnotherDescriptorIsInvalid) {
    const Ring ring(device_);
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const Udmabuf dmabuf(4096);
    for (int fd : {device_.get(), null.get(), dmabuf.dmabuf().get()})
        EXPECT_EQ(set(make(ring.id(), fd)), EINVAL) << fd;
}

TEST_F(RingEventfd, UnknownRingIsNotFound) {
    const Ring ring(device_);
    const Eventfd eventfd;
    for (std::uint32_t id : {0U, ring.id() + 1, 65U, ~0U}) {
        EXPECT_EQ(set(make(id, eventfd.fd().get())), ENOENT) << id;
        EXPECT_EQ(set(make(id, -1)), ENOENT) << id;
    }
    drm_zaccel_ring_eventfd args = make(ring.id(), eventfd.fd().get());
    EXPECT_EQ(call(other_file_, DRM_IOCTL_ZACCEL_RING_EVENTFD, args), ENOENT) << "of another file";
    ASSERT_EQ(ring.destroy(), 0);
    EXPECT_EQ(set(args), ENOENT) << "destroyed";
}

TEST_F(RingEventfd, CountsThePosts) {
    const Eventfd eventfd;
    Ring ring(device_);
    ASSERT_EQ(set(ring, eventfd), 0);
    EXPECT_EQ(eventfd.take(), 0U);
    for (unsigned batches : {1U, 2U, 17U}) {
        post(ring, batches);
        EXPECT_EQ(eventfd.take(), batches);
    }
}

TEST_F(RingEventfd, CountsFailuresToo) {
    const Eventfd eventfd;
    Ring ring(device_);
    ASSERT_EQ(set(ring, eventfd), 0);
    EXPECT_NE(ring.run_one(fill(3, 0, 1, 1)).status, 0);
    settle();
    EXPECT_EQ(eventfd.take(), 1U);
}

TEST_F(RingEventfd, WhatWasPostedBeforeIsNotTold) {
    const Eventfd eventfd;
    Ring ring(device_);
    post(ring, 5);
    ASSERT_EQ(set(ring, eventfd), 0);
    EXPECT_EQ(eventfd.take(), 0U);
    post(ring, 2);
    EXPECT_EQ(eventfd.take(), 2U);
}

TEST_F(RingEventfd, SubmittedIsNotPosted) {
    const Eventfd eventfd;
    const BusyEngine busy(other_file_);
    Ring ring(device_);
    ASSERT_EQ(set(ring, eventfd), 0);
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(eventfd.take(), 0U);
    busy.cancel();
    EXPECT_TRUE(eventfd.comes());
}

TEST_F(RingEventfd, IsReplaced) {
    const Eventfd first, second;
    Ring ring(device_);
    ASSERT_EQ(set(ring, first), 0);
    post(ring, 3);
    ASSERT_EQ(set(ring, second), 0);
    post(ring, 4);
    EXPECT_EQ(first.take(), 3U);
    EXPECT_EQ(second.take(), 4U);
    ASSERT_EQ(set(ring, second), 0) << "by itself";
    post(ring, 2);
    EXPECT_EQ(second.take(), 2U);
}

TEST_F(RingEventfd, IsRemoved) {
    const Eventfd eventfd;
    Ring ring(device_);
    ASSERT_EQ(remove(ring), 0) << "there was none";
    ASSERT_EQ(set(ring, eventfd), 0);
    ASSERT_EQ(remove(ring), 0);
    post(ring, 2);
    ASSERT_EQ(ring.destroy(), 0);
    settle();
    EXPECT_EQ(eventfd.take(), 0U);
}

TEST_F(RingEventfd, FailedCallLeavesTheOldOne) {
    const Eventfd eventfd;
    Ring ring(device_);
    ASSERT_EQ(set(ring, eventfd), 0);
    drm_zaccel_ring_eventfd flags = make(ring.id(), -1);
    flags.flags = 1;
    EXPECT_EQ(set(flags), EINVAL);
    EXPECT_EQ(set(make(ring.id(), 900000)), EBADF);
    EXPECT_EQ(set(make(ring.id(), device_.get())), EINVAL);
    post(ring, 1);
    EXPECT_EQ(eventfd.take(), 1U);
}

TEST_F(RingEventfd, IsToldOnceOfTheEnd) {
    const Eventfd destroyed, closed;
    {
        const Fd file = open_device();
        Ring ring(file);
        drm_zaccel_ring_eventfd args = make(ring.id(), closed.fd().get());
        ASSERT_EQ(call(file, DRM_IOCTL_ZACCEL_RING_EVENTFD, args), 0);
        ring.leave_to_file();
    }
    Ring ring(device_);
    ASSERT_EQ(set(ring, destroyed), 0);
    ASSERT_EQ(ring.destroy(), 0);
    EXPECT_EQ(ring.destroy(), ENOENT);
    settle();
    EXPECT_EQ(destroyed.take(), 1U);
    EXPECT_EQ(closed.take(), 1U);
}

// Those that were cancelled are posted as well.
TEST_F(RingEventfd, EndWithBatchesQueuedCountsAll) {
    const Eventfd eventfd;
    const BusyEngine busy(other_file_);
    Ring ring(device_);
    ASSERT_EQ(set(ring, eventfd), 0);
    for (int i = 0; i < 5; i++) ring.put_batch({nop(), nop()});
    ASSERT_EQ(ring.submit(), 0);
    ASSERT_EQ(ring.destroy(), 0);
    EXPECT_EQ(eventfd.take(), 1U);
    busy.cancel();
    settle();
    EXPECT_EQ(eventfd.take(), 5U);
}

TEST_F(RingEventfd, ServesManyRings) {
    const Eventfd eventfd;
    Ring first(device_), second(device_);
    ASSERT_EQ(set(first, eventfd), 0);
    ASSERT_EQ(set(second, eventfd), 0);
    post(first, 3);
    post(second, 4);
    EXPECT_EQ(eventfd.take(), 7U);
    ASSERT_EQ(first.destroy(), 0);
    EXPECT_EQ(eventfd.take(), 1U);
    post(second, 1);
    EXPECT_EQ(eventfd.take(), 1U);
}

TEST_F(RingEventfd, ClosedOneHurtsNobody) {
    Eventfd eventfd;
    Ring ring(device_);
    ASSERT_EQ(set(ring, eventfd), 0);
    eventfd.close();
    post(ring, 10);
    EXPECT_EQ(ring.run_one(nop(5)).user_data, 5U);
}

TEST_F(RingEventfd, DuplicateIsTheSame) {
    Eventfd eventfd;
    const Fd duplicate(::fcntl(eventfd.fd().get(), F_DUPFD_CLOEXEC, 0));
    Ring ring(device_);
    ASSERT_EQ(set(ring, eventfd), 0);
    eventfd.close();
    post(ring, 3);
    std::uint64_t count = 0;
    EXPECT_EQ(::read(duplicate.get(), &count, sizeof(count)), 8);
    EXPECT_EQ(count, 3U);
}

TEST_F(RingEventfd, WakesASleeper) {
    const Eventfd eventfd;
    Ring ring(device_);
    ASSERT_EQ(set(ring, eventfd), 0);
    const auto comes = [&] { return eventfd.comes() ? 0 : 1; };
    Sleeper post_waiter(comes);
    ASSERT_TRUE(post_waiter.falls_asleep());
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_EQ(post_waiter.result(), 0);
    settle();
    EXPECT_EQ(eventfd.take(), 1U);
    Sleeper end_waiter(comes);
    ASSERT_TRUE(end_waiter.falls_asleep());
    ASSERT_EQ(ring.destroy(), 0);
    EXPECT_EQ(end_waiter.result(), 0);
}

TEST_F(RingEventfd, EpollTellsOfEachPost) {
    const Eventfd eventfd;
    const Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, eventfd.fd().get(), &event), 0);
    Ring ring(device_);
    ASSERT_EQ(set(ring, eventfd), 0);
    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 0), 0) << i;
        ring.put_batch({nop()});
        ASSERT_EQ(ring.submit(), 0);
        EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, limit_ms), 1) << i;
    }
}

TEST_F(RingEventfd, SemaphoreIsTakenOneByOne) {
    const Eventfd eventfd(EFD_SEMAPHORE);
    Ring ring(device_);
    ASSERT_EQ(set(ring, eventfd), 0);
    post(ring, 2);
    EXPECT_EQ(eventfd.take(), 1U);
    EXPECT_EQ(eventfd.take(), 1U);
    EXPECT_EQ(eventfd.take(), 0U);
}

// A writer of a full eventfd sleeps; the engine must not.
TEST_F(RingEventfd, FullOneHoldsUpNobody) {
    const Eventfd eventfd;
    eventfd.add(~0ULL - 1);
    Ring ring(device_);
    ASSERT_EQ(set(ring, eventfd), 0);
    post(ring, 10);
    EXPECT_EQ(ring.run_one(nop(5)).user_data, 5U);
}

// Each post is told to the one that is there, and to no other.
TEST_F(RingEventfd, ReplacementRacesWithPosts) {
    const Eventfd eventfds[2];
    Ring ring(device_);
    ASSERT_EQ(set(ring, eventfds[0]), 0);
    std::atomic<bool> done = false;
    std::atomic<unsigned> replaced = 0;
    std::thread thread([&] {
        while (!done) EXPECT_EQ(set(ring, eventfds[++replaced % 2]), 0);
    });
    unsigned posts = 0;
    // A call waits for all CPUs to have looked away.
    EXPECT_TRUE(eventually([&] {
        ring.run_one(nop());
        return ++posts >= 2000 && replaced >= 20;
    }));
    done = true;
    thread.join();
    settle();
    EXPECT_EQ(eventfds[0].take() + eventfds[1].take(), posts);
}

// The one that goes is freed while the engine may be about to tell it.
TEST_F(RingEventfd, RemovalRacesWithPosts) {
    Ring ring(device_);
    std::atomic<bool> done = false;
    std::thread thread([&] {
        while (!done) {
            Eventfd eventfd;
            EXPECT_EQ(set(ring, eventfd), 0);
            eventfd.close();
            EXPECT_EQ(remove(ring), 0);
        }
    });
    for (int i = 0; i < 2000; i++) ring.run_one(nop());
    done = true;
    thread.join();
}

// Who was told that the ring is there is told that it ended.
TEST_F(RingEventfd, RegistrationRacesWithTheEnd) {
    unsigned registered = 0, refused = 0;
    const auto race = [&] {
        const Eventfd eventfd;
        const Ring ring(device_, {8, 8, 0});
        std::latch start(2);
        std::future<int> registration = std::async(std::launch::async, [&] {
            start.arrive_and_wait();
            return set(ring, eventfd);
        });
        start.arrive_and_wait();
        EXPECT_EQ(ring.destroy(), 0);
        const int error = registration.get();
        EXPECT_TRUE(error == 0 || error == ENOENT || error == ECANCELED) << error;
        EXPECT_EQ(eventfd.take(), error == 0 ? 1U : 0U) << error;
        error == 0 ? registered++ : refused++;
        return registered >= 20 && refused >= 20;
    };
    EXPECT_TRUE(eventually(race)) << registered << " registered, " << refused << " refused";
}

}  // namespace
}  // namespace uapi_tests
