// SPDX-License-Identifier: MIT
// A ring in an event loop: its descriptor says when there is something to reap.
#include <accel/ring.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <optional>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "vgem.hpp"

namespace {

using accel::Command;
using accel::Errc;
using accel::Ring;
using accel::UniqueFd;
using lib_tests::a_moment;
using lib_tests::error_of;
using lib_tests::HeldFence;
using lib_tests::long_enough;

class RingFd : public lib_tests::DeviceTest {
 protected:
    /// What ppoll() says of the ring within @p timeout; 0 for nothing.
    static int poll(const Ring& ring, std::chrono::nanoseconds timeout) {
        pollfd entry{.fd = ring.fd(), .events = POLLIN, .revents = 0};
        const timespec limit{.tv_sec = timeout.count() / 1'000'000'000,
                             .tv_nsec = timeout.count() % 1'000'000'000};
        EXPECT_GE(::ppoll(&entry, 1, &limit, nullptr), 0);
        return entry.revents;
    }

    static void submit_held(Ring& ring, const HeldFence& held) {
        const Command nop = Command::nop();
        ring.submit(std::span(&nop, 1), {.wait_for = {&held.fence(), 1}});
    }
};

/// Tells which of its rings have something to reap.
class Epoll {
 public:
    Epoll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {}

    void add(const Ring& ring, std::uint32_t number) {
        epoll_event event{.events = EPOLLIN, .data = {.u32 = number}};
        EXPECT_EQ(::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, ring.fd(), &event), 0);
    }

    /// The numbers of those with something to reap; empty when none has within @p timeout.
    std::vector<std::uint32_t> wait(std::chrono::milliseconds timeout) {
        epoll_event events[4];
        const int n = ::epoll_wait(fd_.get(), events, 4, static_cast<int>(timeout.count()));
        std::vector<std::uint32_t> numbers;
        for (int i = 0; i < n; i++) {
            EXPECT_EQ(events[i].events, static_cast<std::uint32_t>(EPOLLIN));
            numbers.push_back(events[i].data.u32);
        }
        return numbers;
    }

 private:
    UniqueFd fd_;
};

TEST_F(RingFd, BelongsToTheRing) {
    const Ring a(device_), b(device_);
    EXPECT_GE(a.fd(), 0);
    EXPECT_NE(a.fd(), b.fd());
    EXPECT_NE(a.fd(), device_.fd());
    EXPECT_EQ(::fcntl(a.fd(), F_GETFD), FD_CLOEXEC);

    const accel::Buffer buffer = accel::Buffer::allocate(device_, 4096);
    std::optional<accel::Slot> left;
    int fd = -1;
    {
        Ring gone(device_);
        left = gone.bind(buffer);
        fd = gone.fd();
        const Ring moved = std::move(gone);
        EXPECT_EQ(moved.fd(), fd);
        EXPECT_EQ(gone.fd(), -1);
    }
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

TEST_F(RingFd, IsReadableWhileCompletionsWait) {
    Ring ring(device_);
    EXPECT_EQ(poll(ring, std::chrono::nanoseconds(0)), 0);
    const std::vector<Command> batch(2, Command::nop());
    ring.submit(batch);
    EXPECT_EQ(poll(ring, long_enough), POLLIN);
    ASSERT_TRUE(ring.try_reap());
    EXPECT_EQ(poll(ring, std::chrono::nanoseconds(0)), POLLIN) << "there is another one";
    ASSERT_TRUE(ring.try_reap());
    EXPECT_EQ(poll(ring, std::chrono::nanoseconds(0)), 0);
}

TEST_F(RingFd, IsNotReadableByWhatIsOnlySubmitted) {
    HeldFence held;
    Ring ring(device_);
    submit_held(ring, held);
    EXPECT_EQ(poll(ring, a_moment), 0);
    held.signal();
    EXPECT_EQ(poll(ring, long_enough), POLLIN);
}

TEST_F(RingFd, WakesWhoeverPolls) {
    HeldFence held;
    Ring ring(device_);
    submit_held(ring, held);
    std::thread sleeper([&] { EXPECT_EQ(poll(ring, long_enough), POLLIN); });
    EXPECT_EQ(poll(ring, a_moment), 0) << "time for it to sleep";
    held.signal();
    sleeper.join();
}

TEST_F(RingFd, TellsRingsApartInOneEpoll) {
    HeldFence held;
    Ring a(device_), b(device_);
    Epoll epoll;
    epoll.add(a, 1);
    epoll.add(b, 2);
    EXPECT_TRUE(epoll.wait(std::chrono::milliseconds(0)).empty());

    submit_held(a, held);
    b.submit(Command::nop());
    EXPECT_EQ(epoll.wait(long_enough), std::vector{2u});
    ASSERT_TRUE(b.try_reap());
    EXPECT_TRUE(epoll.wait(a_moment).empty());
    held.signal();
    EXPECT_EQ(epoll.wait(long_enough), std::vector{1u});
}

// A wake-up that is lost stops the loop, as the submitter waits for room.
TEST_F(RingFd, WakesAnEventLoopForEveryCompletion) {
    constexpr std::uint64_t count = 2000;
    Ring ring(device_, {.entries = 8, .completion_entries = 8});
    std::thread submitter([&] {
        for (std::uint64_t i = 0; i < count;) {
            const auto index = ring.try_submit(Command::nop().with_user_data(i));
            if (index)
                i++;
            else if (index.error() == Errc::ring_full)
                std::this_thread::yield();
            else
                break;
        }
    });
    Epoll epoll;
    epoll.add(ring, 0);
    std::uint64_t reaped = 0;
    while (reaped < count && !epoll.wait(long_enough).empty())
        while (const auto completion = ring.try_reap()) EXPECT_EQ(completion->user_data, reaped++);
    EXPECT_EQ(reaped, count);
    submitter.join();
}

// Descriptors above the lowest free one are refused for its life.
class NoDescriptors {
 public:
    NoDescriptors() {
        EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
        const UniqueFd lowest_free(::fcntl(0, F_DUPFD_CLOEXEC, 0));
        rlimit limit = before_;
        limit.rlim_cur = static_cast<rlim_t>(lowest_free.get());
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    ~NoDescriptors() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }

 private:
    rlimit before_{};
};

TEST_F(RingFd, ThatCannotBeHadLeavesNoRingBehind) {
    {
        const NoDescriptors none;
        for (std::uint32_t i = 0; i <= device_.info().limits.max_rings; i++)
            ASSERT_EQ(error_of([&] { Ring ring(device_); }), Errc::quota_exceeded);
    }
    Ring ring(device_);
    ring.submit(Command::nop());
    EXPECT_TRUE(ring.reap(long_enough).ok());
}

}  // namespace
