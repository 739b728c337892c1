// SPDX-License-Identifier: MIT

// poll() and mmap() of a ring's own descriptor.

#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include <cerrno>
#include <optional>

#include "fixture.hpp"
#include "neighbour.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "sleeper.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr auto limit_ms = static_cast<int>(std::chrono::milliseconds(long_enough).count());

class RingFdPoll : public DeviceTest {
 protected:
    short events() const { return poll_events(fd_.get(), POLLIN | POLLOUT | POLLPRI, 0); }
    short next_events() const { return poll_events(fd_.get(), POLLIN, limit_ms); }

    /// One batch, posted and left there.
    void post() {
        ring_.put_batch({nop()});
        ASSERT_EQ(ring_.submit(), 0);
        ring_.wait_for(ring_.sq_tail());
    }

    Ring ring_{device_};
    Fd fd_ = open_ring(device_, ring_.id());
};

TEST_F(RingFdPoll, SaysPollinUntilAllIsReaped) {
    EXPECT_EQ(events(), 0);
    post();
    post();
    EXPECT_EQ(events(), POLLIN);
    EXPECT_EQ(events(), POLLIN) << "looking changes nothing";
    ring_.set_cq_head(1);
    EXPECT_EQ(events(), POLLIN);
    ring_.set_cq_head(2);
    EXPECT_EQ(events(), 0);
}

// A head that cannot be is a difference, too: whoever stored it is told at the doorbell.
TEST_F(RingFdPoll, SaysPollinOnlyWhereTheHeadIsBehind) {
    for (std::uint32_t head : {~0U, ~0U - 7, (1U << 31) + 1}) {
        ring_.set_cq_head(head);
        EXPECT_EQ(events(), POLLIN) << head;
    }
    for (std::uint32_t head : {0U, 1U, 1U << 31}) {
        ring_.set_cq_head(head);
        EXPECT_EQ(events(), 0) << head;
    }
}

// The tail is the kernel's: what stands in the memory is of no account.
TEST_F(RingFdPoll, DoesNotBelieveTheMappedTail) {
    const Neighbour neighbour;
    ring_.header().cq_tail = 5;
    EXPECT_EQ(events(), 0);
    ring_.set_cq_head(5);
    EXPECT_EQ(events(), 0);
}

TEST_F(RingFdPoll, SubmittedIsNotPosted) {
    const Fd other = open_device();
    BusyEngine busy(other);
    ring_.put_batch({nop()});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_EQ(events(), 0);
    busy.cancel();
    EXPECT_EQ(next_events(), POLLIN);
}

TEST_F(RingFdPoll, WakesASleeper) {
    Sleeper first([this] { return next_events(); });
    const Fd duplicate = open_ring(device_, ring_.id());
    Sleeper second([&] { return poll_events(duplicate.get(), POLLIN, limit_ms); });
    ASSERT_TRUE(first.falls_asleep());
    ASSERT_TRUE(second.falls_asleep());
    ring_.put_batch({nop()});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_EQ(first.result(), POLLIN);
    EXPECT_EQ(second.result(), POLLIN);
}

TEST_F(RingFdPoll, EdgeComesWithEachPost) {
    const Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u32 = 77;
    ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd_.get(), &event), 0);
    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 0), 0) << i;
        ring_.put_batch({nop()});
        ASSERT_EQ(ring_.submit(), 0);
        ASSERT_EQ(::epoll_wait(epoll.get(), &event, 1, limit_ms), 1) << i;
        EXPECT_EQ(event.data.u32, 77U);
    }
}

TEST_F(RingFdPoll, HangsUpWhenTheRingIsDestroyed) {
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_EQ(events(), POLLHUP);
    EXPECT_EQ(events(), POLLHUP) << "for good";
}

TEST_F(RingFdPoll, HangsUpBesideWhatIsToBeReaped) {
    post();
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_EQ(events(), POLLIN | POLLHUP);
    ring_.reap();
    EXPECT_EQ(events(), POLLHUP);
}

TEST_F(RingFdPoll, HangsUpWhenTheFileCloses) {
    ring_.leave_to_file();
    device_.reset();
    EXPECT_EQ(events(), POLLHUP);
}

TEST_F(RingFdPoll, SleeperIsWokenWhenTheRingIsDestroyed) {
    Sleeper sleeper([this] { return next_events(); });
    ASSERT_TRUE(sleeper.falls_asleep());
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_EQ(sleeper.result(), POLLHUP);
}

TEST_F(RingFdPoll, SleeperIsWokenWhenTheFileCloses) {
    Sleeper sleeper([this] { return next_events(); });
    ASSERT_TRUE(sleeper.falls_asleep());
    ring_.leave_to_file();
    device_.reset();
    EXPECT_EQ(sleeper.result(), POLLHUP);
}

class RingFdMap : public DeviceTest {
 protected:
    /// 0 or the errno; nothing stays mapped.
    int map(std::size_t size, int protection, int flags, off_t offset) const {
        void* memory = ::mmap(nullptr, size, protection, flags, fd_.get(), offset);
        if (memory == MAP_FAILED) return errno;
        ::munmap(memory, size);
        return 0;
    }

    static constexpr int read_write = PROT_READ | PROT_WRITE;

    Ring ring_{device_, {256, 256, 1}};
    Fd fd_ = open_ring(device_, ring_.id());
    const std::size_t size_ = ring_.args().size;
};

TEST_F(RingFdMap, IsTheMemoryOfTheRing) {
    const Mapping memory(fd_.get(), 0, size_);
    for (std::size_t i = 0; i < size_; i += page) {
        memory[i] = 0x3c;
        EXPECT_EQ(ring_.memory()[i], 0x3c) << i;
        ring_.memory()[i] = 0xc3;
        EXPECT_EQ(memory[i], 0xc3) << i;
    }
}

TEST_F(RingFdMap, CanBeReadOnly) {
    ring_.run_one(nop(21));
    void* memory = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd_.get(), 0);
    ASSERT_NE(memory, MAP_FAILED);
    const auto* bytes = static_cast<const std::uint8_t*>(memory);
    EXPECT_EQ(reinterpret_cast<const drm_zaccel_ring_header*>(bytes)->cq_tail, 1U);
    EXPECT_EQ(
        reinterpret_cast<const drm_zaccel_completion*>(bytes + ring_.args().cq_offset)->user_data,
        21U);
    ::munmap(memory, size_);
}

TEST_F(RingFdMap, PartOfItWorks) { EXPECT_EQ(map(page, read_write, MAP_SHARED, 0), 0); }

TEST_F(RingFdMap, OffsetIsInvalid) {
    for (off_t offset : {off_t{page}, off_t{1} << 32, off_t{1} << 40})
        EXPECT_EQ(map(page, read_write, MAP_SHARED, offset), EINVAL) << offset;
    drm_zaccel_buffer_info info{};
    info.handle = ring_.handle();
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_INFO, info), 0);
    EXPECT_EQ(map(page, read_write, MAP_SHARED, static_cast<off_t>(info.mmap_offset)), EINVAL)
        << "that is for the node";
}

TEST_F(RingFdMap, PrivateIsInvalid) {
    for (int protection : {PROT_READ, read_write})
        EXPECT_EQ(map(size_, protection, MAP_PRIVATE, 0), EINVAL);
}

TEST_F(RingFdMap, LongerThanTheRingIsInvalid) {
    EXPECT_EQ(map(size_, read_write, MAP_SHARED, 0), 0);
    EXPECT_EQ(map(size_ + page, read_write, MAP_SHARED, 0), EINVAL);
    EXPECT_EQ(map(size_ + (1 << 30), read_write, MAP_SHARED, 0), EINVAL);
}

TEST_F(RingFdMap, StaysWhenAllElseHasGone) {
    const Mapping memory(fd_.get(), 0, size_);
    ring_.run_one(nop(33));
    ASSERT_EQ(ring_.destroy(), 0);
    ring_.leave_to_file();
    fd_.reset();
    device_.reset();
    EXPECT_EQ(
        reinterpret_cast<drm_zaccel_completion*>(memory.data() + ring_.args().cq_offset)->user_data,
        33U);
    for (std::size_t i = 0; i < size_; i += page) memory[i] = 0x77;
    EXPECT_EQ(memory[0], 0x77);
}

TEST_F(RingFdMap, AfterDestroyIsEnodev) {
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_EQ(map(size_, read_write, MAP_SHARED, 0), ENODEV);
    EXPECT_EQ(map(size_, PROT_READ, MAP_SHARED, 0), ENODEV);
}

TEST_F(RingFdMap, AfterTheFileClosedIsEnodev) {
    ring_.leave_to_file();
    device_.reset();
    EXPECT_EQ(map(size_, read_write, MAP_SHARED, 0), ENODEV);
}

// The pages are those of the buffer: what maps them does not count as another one.
TEST_F(RingFdMap, ManyTimes) {
    std::vector<Mapping> mappings;
    for (std::uint8_t i = 0; i < 100; i++) {
        mappings.emplace_back(fd_.get(), 0, size_);
        mappings.back()[size_ - 1] = i;
    }
    for (const Mapping& mapping : mappings) ASSERT_EQ(mapping[size_ - 1], 99);
}

}  // namespace
}  // namespace uapi_tests
