// SPDX-License-Identifier: MIT

// Programs built with another header than the module. One of the future has longer structures, and
// what stands behind the part that is known means nothing without a flag, which is not known. One
// of the past has shorter ones, and what it does not have is zero.

#include <drm/zaccel_accel.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "eventfd.hpp"
#include "fixture.hpp"
#include "query.hpp"
#include "ring.hpp"
#include "ringfd.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
using Bytes = std::vector<std::uint8_t>;

template <typename T>
Bytes bytes_of(const T& value) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
    return Bytes(bytes, bytes + sizeof(value));
}

template <typename T>
T read_as(const Bytes& bytes) {
    T value{};
    std::memcpy(&value, bytes.data(), std::min(sizeof(value), bytes.size()));
    return value;
}

unsigned long with_size(unsigned long request, std::size_t size) {
    return _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request), size);
}

/// One call with good arguments, and what makes it ready and undoes it: it can be made again and
/// again, with the same results.
struct Subject {
    const char* name;
    unsigned long request;
    Bytes good;
    std::size_t flags_offset;
    std::uint32_t known_flags;
    std::function<void()> prepare;
    std::function<void(const Bytes& result)> undo;
};

void nothing() {}
void nothing_to_undo(const Bytes&) {}

class Growth : public DeviceTest {
 protected:
    Growth() {
        EXPECT_EQ(ring_.bind_range(0, buffer_, 0, page), 0);
        add_buffer_calls();
        add_ring_calls();
        add_doorbells();
    }

    struct Outcome {
        int error;
        Bytes argument;
    };

    /// The call as a program does whose structure has @p size bytes.
    Outcome make(const Subject& subject, Bytes argument, std::size_t size) {
        subject.prepare();
        const int error = call(device_.get(), with_size(subject.request, size),
                               static_cast<void*>(argument.data()));
        return {error, std::move(argument)};
    }
    Outcome make(const Subject& subject) {
        return make(subject, subject.good, subject.good.size());
    }

    /// The good arguments, and rubbish from @p known on up to @p size.
    static Bytes with_rubbish(const Subject& subject, std::size_t known, std::size_t size) {
        Bytes argument = subject.good;
        argument.resize(known);
        while (argument.size() < size)
            argument.push_back(static_cast<std::uint8_t>(0x5a + argument.size()));
        return argument;
    }

    template <typename T>
    void add(const char* name, unsigned long request, const T& good, std::size_t flags_offset = 4,
             std::uint32_t known_flags = 0,
             std::function<void(const Bytes&)> undo = nothing_to_undo,
             std::function<void()> prepare = nothing) {
        subjects_.push_back(
            {name, request, bytes_of(good), flags_offset, known_flags, prepare, undo});
    }

    void add_buffer_calls() {
        add("QUERY", DRM_IOCTL_ZACCEL_QUERY,
            query_args(ZACCEL_QUERY_DEVICE, &info_, sizeof(info_), 1));

        drm_zaccel_buffer_create create{};
        create.size = 100;
        add("BUFFER_CREATE", DRM_IOCTL_ZACCEL_BUFFER_CREATE, create, 12, 0,
            [this](const Bytes& result) {
                close_handle(read_as<drm_zaccel_buffer_create>(result).handle);
            });

        drm_zaccel_buffer_info info{};
        info.handle = buffer_.handle();
        add("BUFFER_INFO", DRM_IOCTL_ZACCEL_BUFFER_INFO, info, 28);  // its pad

        drm_zaccel_buffer_wait wait{};
        wait.handle = buffer_.handle();
        add("BUFFER_WAIT", DRM_IOCTL_ZACCEL_BUFFER_WAIT, wait, 4, ZACCEL_BUFFER_WAIT_READ);

        drm_zaccel_buffer_export exported{};
        exported.handle = buffer_.handle();
        exported.flags = ZACCEL_EXPORT_READONLY;
        add("BUFFER_EXPORT", DRM_IOCTL_ZACCEL_BUFFER_EXPORT, exported, 4, ZACCEL_EXPORT_READONLY,
            [](const Bytes& result) { close_fd(read_as<drm_zaccel_buffer_export>(result).fd); });
    }

    void add_ring_calls() {
        add("RING_CREATE", DRM_IOCTL_ZACCEL_RING_CREATE, ring_create_args({8, 16, 4}), 0,
            ZACCEL_RING_POLL, [this](const Bytes& result) {
                const auto created = read_as<drm_zaccel_ring_create>(result);
                destroy_ring(created.id);
                close_handle(created.handle);
            });

        drm_zaccel_ring_create victim = ring_create_args({8, 8, 0});
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_CREATE, victim), 0);
        destroy_ring(victim.id);
        close_handle(victim.handle);
        drm_zaccel_ring_destroy destroy{};
        destroy.id = victim.id;  // which the next gets again
        add(
            "RING_DESTROY", DRM_IOCTL_ZACCEL_RING_DESTROY, destroy, 4, 0,
            [this, victim](const Bytes&) {
                destroy_ring(victim.id);
                close_handle(victim.handle);
            },
            [this] {
                drm_zaccel_ring_create again = ring_create_args({8, 8, 0});
                EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_CREATE, again), 0);
            });

        drm_zaccel_ring_bind bind = range_args(1, buffer_.handle(), 64, 128);
        bind.id = ring_.id();
        add("RING_BIND", DRM_IOCTL_ZACCEL_RING_BIND, bind, 12);

        drm_zaccel_ring_eventfd eventfd{};
        eventfd.id = ring_.id();
        eventfd.fd = eventfd_.fd().get();
        add("RING_EVENTFD", DRM_IOCTL_ZACCEL_RING_EVENTFD, eventfd);

        drm_zaccel_ring_fd fd{};
        fd.id = ring_.id();
        add("RING_FD", DRM_IOCTL_ZACCEL_RING_FD, fd, 4, 0,
            [](const Bytes& result) { close_fd(read_as<drm_zaccel_ring_fd>(result).fd); });
    }

    void add_doorbells() {
        drm_zaccel_ring_submit submit{};
        submit.id = ring_.id();
        submit.in_syncobjs = submit.out_syncobjs = reinterpret_cast<std::uintptr_t>(&sync_);
        submit.in_count = submit.out_count = 1;
        add(
            "RING_SUBMIT", DRM_IOCTL_ZACCEL_RING_SUBMIT, submit, 4, 0,
            [this](const Bytes&) {
                ring_.wait_for(ring_.sq_head());
                ring_.set_cq_head(ring_.cq_tail());
                ring_.set_sq_tail(ring_.sq_head());
            },
            [this] {
                ring_.put_batch({nop(), nop()});
                ring_.publish();
            });

        drm_zaccel_ring_wait wait{};
        wait.id = ring_.id();
        add("RING_WAIT", DRM_IOCTL_ZACCEL_RING_WAIT, wait, 16);
    }

    /// 0 is what a call that failed left there.
    static void close_fd(int fd) {
        if (fd > 0) ::close(fd);
    }
    void close_handle(std::uint32_t handle) const { Buffer::adopt(device_, handle).close(); }
    void destroy_ring(std::uint32_t id) const {
        drm_zaccel_ring_destroy args{};
        args.id = id;
        call(device_, DRM_IOCTL_ZACCEL_RING_DESTROY, args);
    }

    drm_zaccel_device_info info_{};
    const Buffer buffer_{device_, page};
    Ring ring_{device_, {8, 8, 4}};
    Eventfd eventfd_;
    const Syncobj syncobj_{device_, Syncobj::State::signaled};
    drm_zaccel_sync sync_{syncobj_.handle(), 0, 0};
    std::vector<Subject> subjects_;
};

TEST_F(Growth, EveryCallIsHere) { EXPECT_EQ(subjects_.size(), DRM_ZACCEL_RING_FD + 1U); }

// Or the tests below compare failures.
TEST_F(Growth, GoodArgumentsAreGoodAgainAndAgain) {
    for (const Subject& subject : subjects_) {
        const Outcome first = make(subject);
        EXPECT_EQ(first.error, 0) << subject.name;
        subject.undo(first.argument);
        const Outcome second = make(subject);
        EXPECT_EQ(second.error, 0) << subject.name;
        subject.undo(second.argument);
        EXPECT_EQ(first.argument, second.argument) << subject.name;
    }
}

TEST_F(Growth, LongerStructureIsTaken) {
    for (const Subject& subject : subjects_) {
        const std::size_t known = subject.good.size();
        const Outcome expected = make(subject);
        subject.undo(expected.argument);
        for (std::size_t more : {8U, 16U, 64U, 1024U}) {
            const Bytes argument = with_rubbish(subject, known, known + more);
            const Outcome outcome = make(subject, argument, known + more);
            EXPECT_EQ(outcome.error, 0) << subject.name << " + " << more;
            subject.undo(outcome.argument);
            EXPECT_TRUE(std::equal(expected.argument.begin(), expected.argument.end(),
                                   outcome.argument.begin()))
                << subject.name << " + " << more;
            EXPECT_TRUE(std::equal(argument.begin() + known, argument.end(),
                                   outcome.argument.begin() + known))
                << subject.name << " + " << more << ": what is not known stays";
        }
    }
}

TEST_F(Growth, FlagOfTheFutureIsInvalid) {
    for (const Subject& subject : subjects_) {
        const std::size_t known = subject.good.size();
        for (unsigned bit = 0; bit < 32; bit++) {
            if ((subject.known_flags & (1U << bit)) != 0) continue;
            Bytes argument = with_rubbish(subject, known, known + 16);
            argument[subject.flags_offset + bit / 8] |= static_cast<std::uint8_t>(1 << bit % 8);
            const Outcome outcome = make(subject, argument, known + 16);
            EXPECT_EQ(outcome.error, EINVAL) << subject.name << " bit " << bit;
            if (outcome.error != 0 && subject.request != DRM_IOCTL_ZACCEL_RING_DESTROY &&
                subject.request != DRM_IOCTL_ZACCEL_RING_SUBMIT)
                continue;
            subject.undo(outcome.argument);
        }
    }
}

// Cut at every field: as if the rest were zero, and it is neither read nor written.
TEST_F(Growth, ShorterStructureIsFilledWithZeros) {
    for (const Subject& subject : subjects_) {
        const std::size_t whole = subject.good.size();
        for (std::size_t size = 4; size < whole; size += 4) {
            Bytes zeros = subject.good;
            std::fill(zeros.begin() + static_cast<std::ptrdiff_t>(size), zeros.end(), 0);
            const Outcome expected = make(subject, zeros, whole);
            subject.undo(expected.argument);
            const Bytes argument = with_rubbish(subject, size, whole);
            const Outcome outcome = make(subject, argument, size);
            // What it was given and cannot see has the same names as the time before.
            subject.undo(expected.argument);
            EXPECT_EQ(outcome.error, expected.error) << subject.name << " of " << size;
            EXPECT_TRUE(std::equal(outcome.argument.begin(), outcome.argument.begin() + size,
                                   expected.argument.begin()))
                << subject.name << " of " << size;
            EXPECT_TRUE(std::equal(outcome.argument.begin() + size, outcome.argument.end(),
                                   argument.begin() + size))
                << subject.name << " of " << size << ": what is not there";
        }
    }
}

// What zeros behind the cut mean, where that cannot be seen above.
TEST_F(Growth, WaitWithoutDeadlineFieldPolls) {
    const Fd other = open_device();
    const BusyEngine busy(other);
    ring_.put_batch({fill(0, 0, page, 1)});
    ASSERT_EQ(ring_.submit(), 0);
    drm_zaccel_buffer_wait buffer{};
    buffer.handle = buffer_.handle();
    buffer.deadline_ns = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(call(device_, with_size(DRM_IOCTL_ZACCEL_BUFFER_WAIT, 8), buffer), ETIME);
    drm_zaccel_ring_wait ring{};
    ring.id = ring_.id();
    ring.index = 1;
    ring.deadline_ns = std::numeric_limits<std::int64_t>::max();
    ring.flags = 1;
    ring.tail = 99;
    EXPECT_EQ(call(device_, with_size(DRM_IOCTL_ZACCEL_RING_WAIT, 8), ring), ETIME);
    EXPECT_EQ(ring.tail, 99U);
    busy.cancel();
}

// The call of a ring's own descriptor follows the same rule, without the core's help.
class GrowthOfRingFd : public DeviceTest {
 protected:
    GrowthOfRingFd() { ring_.run_one(nop()); }

    int wait(std::size_t size, void* argument) {
        return call(fd_.get(), with_size(DRM_IOCTL_ZACCEL_FD_WAIT, size), argument);
    }

    Ring ring_{device_};
    const Fd fd_ = open_ring(device_, ring_.id());
};

TEST_F(GrowthOfRingFd, LongerWaitIsTaken) {
    struct {
        drm_zaccel_ring_wait known;
        std::uint64_t more[2];
    } args{{}, {0x1234, 0x5678}};
    EXPECT_EQ(wait(sizeof(args), &args), 0);
    EXPECT_EQ(args.known.tail, 1U);
    EXPECT_EQ(args.more[1], 0x5678U);
    args.known.flags = 1;
    EXPECT_EQ(wait(sizeof(args), &args), EINVAL);
}

TEST_F(GrowthOfRingFd, ShorterWaitIsFilledWithZeros) {
    drm_zaccel_ring_wait args{};
    args.flags = args.tail = 0xdeadbeef;
    EXPECT_EQ(wait(16, &args), 0);
    EXPECT_EQ(args.tail, 0xdeadbeefU) << "neither read nor written";
}

/// The tables of DRM_IOCTL_ZACCEL_QUERY with another idea of their elements' size.
class GrowthOfTable : public DeviceTest {
 protected:
    /// Room for one element more than asked for, filled with @p filling.
    Bytes read(std::uint32_t type, std::uint32_t stride, std::uint32_t count,
               std::uint8_t filling) {
        Bytes bytes(std::size_t{stride} * (count + 1), filling);
        drm_zaccel_query args = query_args(type, bytes.data(), stride, count);
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_QUERY, args), 0);
        size_ = args.stride;
        count_ = args.count;
        return bytes;
    }

    void expect_strides(std::uint32_t type) {
        read(type, 0, 0, 0);
        const std::uint32_t size = size_, count = count_;
        ASSERT_GT(count, 0U);
        const Bytes whole = read(type, size, count, 0);
        for (std::uint32_t stride :
             {1U, 4U, 8U, size - 8, size - 1, size + 1, size + 8, 256U, 4096U}) {
            const Bytes bytes = read(type, stride, count, 0xee);
            EXPECT_EQ(size_, size);
            EXPECT_EQ(count_, count);
            const std::uint32_t known = std::min(stride, size);
            for (std::uint32_t i = 0; i < count; i++) {
                const std::uint8_t* element = bytes.data() + std::size_t{i} * stride;
                ASSERT_EQ(std::memcmp(element, whole.data() + std::size_t{i} * size, known), 0)
                    << "element " << i << " of " << stride;
                ASSERT_TRUE(
                    std::all_of(element + known, element + stride, [](auto b) { return b == 0; }))
                    << "element " << i << " of " << stride;
            }
            EXPECT_TRUE(
                std::all_of(bytes.end() - stride, bytes.end(), [](auto b) { return b == 0xee; }))
                << stride << ": behind the last";
        }
    }

    std::uint32_t size_ = 0;
    std::uint32_t count_ = 0;
};

TEST_F(GrowthOfTable, StrideIsTheProgramsOwn) {
    for (std::uint32_t type = ZACCEL_QUERY_DEVICE; type <= ZACCEL_QUERY_REGIONS; type++) {
        SCOPED_TRACE(type);
        expect_strides(type);
    }
}

}  // namespace
}  // namespace uapi_tests
