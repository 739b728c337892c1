// SPDX-License-Identifier: MIT

// Programs that do not keep to the protocol. They may get errors and rubbish of their own; they
// must not get anybody else's memory, stop anybody else, or stop the kernel.

#include <drm/drm_fourcc.h>
#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "hostile.hpp"
#include "interruptions.hpp"
#include "memory.hpp"
#include "neighbour.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

struct Request {
    const char* name;
    unsigned long number;
    bool writes;
};

constexpr Request requests[] = {
    {"QUERY", DRM_IOCTL_ZACCEL_QUERY, true},
    {"BUFFER_CREATE", DRM_IOCTL_ZACCEL_BUFFER_CREATE, true},
    {"BUFFER_INFO", DRM_IOCTL_ZACCEL_BUFFER_INFO, true},
    {"RING_CREATE", DRM_IOCTL_ZACCEL_RING_CREATE, true},
    {"RING_DESTROY", DRM_IOCTL_ZACCEL_RING_DESTROY, false},
    {"RING_BIND", DRM_IOCTL_ZACCEL_RING_BIND, false},
    {"RING_SUBMIT", DRM_IOCTL_ZACCEL_RING_SUBMIT, true},
    {"RING_WAIT", DRM_IOCTL_ZACCEL_RING_WAIT, true},
    {"BUFFER_WAIT", DRM_IOCTL_ZACCEL_BUFFER_WAIT, false},
    {"BUFFER_EXPORT", DRM_IOCTL_ZACCEL_BUFFER_EXPORT, true},
    {"RING_EVENTFD", DRM_IOCTL_ZACCEL_RING_EVENTFD, false},
    {"RING_FD", DRM_IOCTL_ZACCEL_RING_FD, true},
};

/// A program that is not the only one of its kind.
class HostileTest : public CountedTest {
 protected:
    Neighbour neighbour_;
    Fd device_ = open_device();
};

class Ioctl : public HostileTest {};

TEST_F(Ioctl, BadPointerFaults) {
    const BadMemory memory;
    for (const Request& request : requests)
        for (void* pointer : memory.unreadable())
            EXPECT_EQ(call(device_.get(), request.number, pointer), EFAULT)
                << request.name << ' ' << pointer;
}

TEST_F(Ioctl, StructureThatEndsTooSoonFaults) {
    const BadMemory memory;
    for (const Request& request : requests)
        EXPECT_EQ(call(device_.get(), request.number, memory.end_of_page() - 4), EFAULT)
            << request.name;
}

// All zeros: no ring has the id 0. A call without results does not mind, the others cannot give
// theirs.
TEST_F(Ioctl, ReadOnlyStructureFaultsWhereThereAreResults) {
    const BadMemory memory;
    for (const Request& request : requests)
        EXPECT_EQ(call(device_.get(), request.number, memory.read_only()),
                  request.writes ? EFAULT : ENOENT)
            << request.name;
}

TEST_F(Ioctl, UnknownNumberIsInvalid) {
    std::uint64_t argument[32] = {};
    for (unsigned nr = DRM_COMMAND_BASE + DRM_ZACCEL_RING_FD + 1; nr < DRM_COMMAND_END; nr++)
        EXPECT_EQ(call(device_.get(), DRM_IOWR(nr, std::uint64_t[4]), argument), EINVAL) << nr;
}

// Gaps in the core's table, and what lies behind it.
TEST_F(Ioctl, UnknownNumberOfTheCoreIsInvalid) {
    std::uint64_t argument[32] = {};
    for (unsigned nr : {0x1fU, 0x22U, 0xe0U, 0xffU})
        EXPECT_EQ(call(device_.get(), DRM_IOWR(nr, std::uint64_t[4]), argument), EINVAL) << nr;
}

TEST_F(Ioctl, NoneOfDrmsIsNotAnIoctl) {
    std::uint64_t argument[32] = {};
    for (unsigned nr : {0U, 1U, 0x40U, 0x41U, 0xffU})
        for (unsigned long request : {static_cast<unsigned long>(_IO('T', nr)),
                                      static_cast<unsigned long>(_IOWR('D', nr, std::uint64_t[4]))})
            EXPECT_EQ(call(device_.get(), request, argument), ENOTTY) << std::hex << request;
}

/// A structure that can be read and not written.
template <typename T>
class ReadOnly {
 public:
    explicit ReadOnly(const T& value)
        : memory_(
              ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        check(memory_ == MAP_FAILED ? errno : 0, "mmap");
        std::memcpy(memory_, &value, sizeof(value));
        ::mprotect(memory_, page, PROT_READ);
    }
    ReadOnly(const ReadOnly&) = delete;
    ReadOnly& operator=(const ReadOnly&) = delete;
    ~ReadOnly() { ::munmap(memory_, page); }

    void* address() const { return memory_; }

 private:
    void* memory_;
};

// The call is over when its results are to be written.
TEST_F(Ioctl, HandleThatCannotBeWrittenIsThere) {
    drm_zaccel_buffer_create args{};
    args.size = 3 * page;
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_CREATE, args), 0);
    Buffer::adopt(device_, args.handle).close();
    const ReadOnly lost(args);
    EXPECT_EQ(call(device_.get(), DRM_IOCTL_ZACCEL_BUFFER_CREATE, lost.address()), EFAULT);
    const Buffer next(device_, page), same_as_before = Buffer::adopt(device_, args.handle);
    EXPECT_NE(next.handle(), args.handle);
    drm_zaccel_buffer_info info{};
    info.handle = args.handle;
    EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_INFO, info), 0);
    EXPECT_EQ(info.size, 3 * page);
}

TEST_F(Ioctl, DescriptorThatCannotBeWrittenIsThere) {
    const Ring ring(device_);
    const int next = open_ring(device_, ring.id()).get();
    drm_zaccel_ring_fd args{};
    args.id = ring.id();
    const ReadOnly lost(args);
    EXPECT_EQ(call(device_.get(), DRM_IOCTL_ZACCEL_RING_FD, lost.address()), EFAULT);
    const Fd there(next);
    EXPECT_EQ(kick(there), 0);
}

TEST_F(Ioctl, RubbishIsRefused) {
    Random random(1);
    for (int i = 0; i < 20000; i++) {
        std::uint64_t argument[17];
        // Zeros often enough to get past the first check.
        for (std::uint64_t& word : argument) word = random.chance(2) ? 0 : random.number();
        const Request& request = requests[random.below(std::size(requests))];
        if (request.number == DRM_IOCTL_ZACCEL_RING_CREATE) argument[0] |= 4;
        if (request.number == DRM_IOCTL_ZACCEL_QUERY) argument[1] &= 0xff;
        const int error = call(device_.get(), request.number, argument);
        if (error != 0 || request.number != DRM_IOCTL_ZACCEL_BUFFER_CREATE) continue;
        drm_zaccel_buffer_create created;
        std::memcpy(&created, argument, sizeof(created));
        Buffer::adopt(device_, created.handle).close();
    }
}

class Scribbler : public HostileTest {
 protected:
    Scribbler() {
        EXPECT_EQ(ring_.bind_range(0, buffer_, 0, page), 0);
        EXPECT_EQ(ring_.bind_range(1, buffer_, page, page), 0);
        for (std::uint32_t slot : {2U, 3U})
            EXPECT_EQ(ring_.bind(image_args(slot, DRM_FORMAT_XRGB8888, 16, 16,
                                            {plane(buffer_.handle(), 64, slot * page)})),
                      0);
    }

    /// Batches from where the kernel really is, not from where the header says.
    void submit(std::initializer_list<drm_zaccel_command> batch) {
        ring_.set_sq_tail(head_);
        ring_.put_batch(batch);
        const int error = ring_.submit();
        EXPECT_TRUE(error == 0 || error == EINVAL || error == EAGAIN) << error;
        head_ += ring_.fetched();
        fetched_ += ring_.fetched();
        ring_.set_cq_head(ring_.kernel_cq_tail());
    }

    void ring_doorbells(int count) {
        for (int i = 0; i < count; i++) submit({nop(), fill(0, 0, 64, 1), copy(1, 0, 0, 0, 64)});
        EXPECT_GT(fetched_, 0U);
    }

    void expect_others_go_on() {
        const Fd other = open_device();
        Ring ring(other);
        EXPECT_EQ(ring.run_one(nop(3)).user_data, 3U);
    }

    Buffer buffer_{device_, 4 * page};
    Ring ring_{device_, {16, 16, 9}};
    std::atomic<std::uint32_t> head_ = 0;
    std::uint64_t fetched_ = 0;
};

TEST_F(Scribbler, InTheHeader) {
    {
        const Loop loop([this, random = Random(2)]() mutable {
            scribble(ring_.memory().bytes().first(sizeof(drm_zaccel_ring_header)), random);
        });
        ring_doorbells(3000);
    }
    expect_others_go_on();
}

TEST_F(Scribbler, InTheIndices) {
    {
        const Loop loop([this, random = Random(3)]() mutable {
            const std::uint32_t value = head_ + random.below(40) - 20;
            for (__u32* index : {&ring_.header().sq_tail, &ring_.header().sq_head,
                                 &ring_.header().cq_tail, &ring_.header().cq_head})
                std::atomic_ref(*index).store(random.chance(2) ? value : random.half());
        });
        ring_doorbells(3000);
    }
    expect_others_go_on();
}

TEST_F(Scribbler, InTheEntries) {
    {
        const Loop loop([this, random = Random(4)]() mutable {
            scribble(ring_.memory().bytes().subspan(ring_.args().sq_offset, 16 * 64), random);
        });
        ring_doorbells(3000);
    }
    expect_others_go_on();
}

TEST_F(Scribbler, InAllOfTheRing) {
    {
        const Loop loop(
            [this, random = Random(5)]() mutable { scribble(ring_.memory().bytes(), random); });
        ring_doorbells(3000);
    }
    expect_others_go_on();
}

// The device itself as the scribbler: the ring's memory is a buffer like any.
TEST_F(Scribbler, OnItsOwnRing) {
    const std::uint64_t size = ring_.args().size;
    ASSERT_EQ(ring_.bind(range_args(4, ring_.handle(), 0, size)), 0);
    for (int i = 0; i < 50; i++) {
        submit({fill(4, 0, size, 0x0001000100010001ULL * unsigned(i)),
                copy(4, 0, ring_.args().sq_offset, 0, 1024), fill(4, 0, 256, ~0ULL)});
    }
    EXPECT_GT(fetched_, 0U);
    expect_others_go_on();
}

/// Any command with any flags, sound here and there.
drm_zaccel_command random_command(Random& random) {
    static constexpr unsigned known =
        ZACCEL_CMD_CONTINUE | ZACCEL_CMD_TIMESTAMP | ZACCEL_CMD_PARAMS | ZACCEL_CMD_EXPLICIT_SYNC;
    drm_zaccel_command command{};
    command.opcode = static_cast<__u16>(random.below(ZACCEL_OP_EXEC + 2));
    for (__u32* slot : {&command.dst, &command.src})
        *slot = random.chance(2) ? 0 : random.chance(8) ? random.half() : random.below(9);
    for (__u64& argument : command.args)
        argument = random.chance(3) ? random.number() : random.below(64);
    // As many as an operation may have; the rest must be zero.
    std::fill(command.args + random.below(6), std::end(command.args), 0);
    unsigned flags = random.chance(8) ? random.half() : random.half() & known;
    if (random.chance(2)) flags &= ZACCEL_CMD_CONTINUE;
    if (command.opcode == ZACCEL_OP_EXEC && random.chance(2))
        command = exec(random.below(9), 8 * random.below(8), random.below(8));
    return with(command, flags & 0xffffU & ~unsigned(ZACCEL_CMD_END));
}

/// What becomes of a NOP behind that.
int status_behind(const drm_zaccel_command& command, int status) {
    if (status != 0 && !(command.flags & ZACCEL_CMD_CONTINUE)) return -ECANCELED;
    return command.opcode == ZACCEL_OP_SIGNAL ? -EINVAL : 0;
}

int bind_readonly(const Ring& ring, std::uint32_t slot, const Fd& device, const Buffer& buffer) {
    const Buffer imported = Buffer::import(device, buffer.export_readonly().get());
    return ring.bind_range(slot, imported, 0, page);
}

TEST_F(Scribbler, RandomEntriesComplete) {
    const Syncobj signaled(device_, Syncobj::State::signaled), other(device_);
    ASSERT_EQ(ring_.bind_syncobj(5, signaled.handle()), 0);
    ASSERT_EQ(ring_.bind_syncobj(6, other.handle()), 0);
    ASSERT_EQ(ring_.bind_range(7, buffer_, 0, 4 * page), 0);
    // Zeros are NOPs.
    const Buffer zeros(device_, page);
    ASSERT_EQ(bind_readonly(ring_, 8, device_, zeros), 0);
    Random random(6);
    std::array<int, ZACCEL_OP_EXEC + 2> good{};
    for (int i = 0; i < 5000; i++) {
        const drm_zaccel_command command = random_command(random);
        const std::vector<drm_zaccel_completion> completions = ring_.run({command, nop()});
        ASSERT_EQ(completions.size(), 2U);
        ASSERT_LE(completions[0].status, 0);
        ASSERT_EQ(completions[1].status, status_behind(command, completions[0].status))
            << command.opcode << ' ' << command.flags << ' ' << completions[0].status;
        good[command.opcode] += completions[0].status == 0;
    }
    for (const drm_zaccel_opcode opcode :
         {ZACCEL_OP_NOP, ZACCEL_OP_FILL, ZACCEL_OP_COPY, ZACCEL_OP_CRC32C, ZACCEL_OP_INVERT,
          ZACCEL_OP_WAIT, ZACCEL_OP_SIGNAL, ZACCEL_OP_EXEC})
        EXPECT_GT(good[opcode], 0) << opcode;
}

// What the kernel writes into shared memory tells nothing about the kernel.
TEST_F(Scribbler, FindsNoKernelAddress) {
    ring_.run({nop(1), fill(0, 0, 64, 1), copy(1, 0, 0, 0, 64), crc32c(0, 0, 64)});
    ring_.run({fill(0, page, 1, 1), nop(2)});
    ring_.run({image_command(ZACCEL_OP_INVERT, 3, 2), fill(9, 0, 1, 1), nop(3)});
    const std::size_t words = ring_.memory().bytes().size() / 8;
    const auto* memory = reinterpret_cast<const std::uint64_t*>(ring_.memory().data());
    for (std::size_t i = 0; i < words; i++) EXPECT_LT(memory[i] >> 40, 0xffff80U) << i;
}

class Race : public HostileTest {
 protected:
    /// All at once.
    static void run(const std::vector<std::function<void()>>& bodies) {
        std::vector<std::thread> threads;
        for (const auto& body : bodies) threads.emplace_back(body);
        for (std::thread& thread : threads) thread.join();
    }

    static bool one_of(int error, std::initializer_list<int> allowed) {
        for (int e : allowed)
            if (error == e) return true;
        ADD_FAILURE() << "errno " << error;
        return false;
    }
};

// The doorbell of one ring from four threads: each entry is fetched once.
TEST_F(Race, DoorbellsOfOneRing) {
    Ring ring(device_, {32768, 32768, 0});
    for (std::uint32_t i = 0; i < 32768; i++) ring.put(with_end(nop(i)));
    ring.publish();
    std::atomic<std::uint32_t> fetched = 0;
    const auto doorbells = [&] {
        for (int i = 0; i < 100; i++) {
            drm_zaccel_ring_submit args{};
            args.id = ring.id();
            EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_SUBMIT, args), 0);
            fetched += args.fetched;
        }
    };
    run({doorbells, doorbells, doorbells, doorbells});
    EXPECT_EQ(fetched, 32768U);
    ring.wait_for(32768);
    std::uint32_t index = 0;
    for (const drm_zaccel_completion& completion : ring.reap())
        ASSERT_EQ(completion.user_data, index++);
}

TEST_F(Race, BindAndSubmit) {
    const Buffer first(device_, page), second(device_, page);
    Ring ring(device_);
    const auto bind = [&] {
        for (int i = 0; i < 500; i++) {
            EXPECT_EQ(ring.bind_range(0, i % 2 ? first : second, 0, page), 0);
            if (i % 3 != 0) continue;
            EXPECT_EQ(ring.clear(0), 0);
        }
    };
    const auto submit = [&] {
        for (int i = 0; i < 500; i++)
            one_of(-ring.run_one(fill(0, 0, page, 1)).status, {0, EBADSLT});
    };
    run({bind, bind, submit});
}

TEST_F(Race, DestroyAndEverythingElse) {
    const Buffer buffer(device_, page);
    for (int i = 0; i < 100; i++) {
        Ring ring(device_, {8, 8, 1});
        ring.put_batch({fill(0, 0, page, 1)});
        run({[&] { one_of(ring.destroy(), {0, ENOENT}); },
             [&] { one_of(ring.destroy(), {0, ENOENT}); },
             [&] { one_of(ring.submit(), {0, ENOENT, ECANCELED}); },
             [&] { one_of(ring.bind_range(0, buffer, 0, page), {0, ENOENT, ECANCELED}); },
             [&] { one_of(ring.wait(1, deadline_in(long_enough)), {0, ENOENT, ECANCELED}); }});
    }
}

TEST_F(Race, CreateAndDestroyInManyThreads) {
    const auto body = [&] {
        for (int i = 0; i < 60; i++) {
            Ring ring(device_, {8, 8, 1});
            EXPECT_EQ(ring.run_one(nop(5)).user_data, 5U);
        }
    };
    run({body, body, body, body});
}

// Whoever guesses ids and handles of other threads gets errors.
TEST_F(Race, GuessedNames) {
    std::atomic<bool> done = false;
    const auto guess = [&] {
        Random random(7);
        while (!done) {
            drm_zaccel_ring_submit submit{};
            submit.id = random.below(70);
            one_of(call(device_, DRM_IOCTL_ZACCEL_RING_SUBMIT, submit), {0, ENOENT, ECANCELED});
            drm_zaccel_ring_bind bind = range_args(0, random.below(16), 0, page);
            bind.id = random.below(70);
            one_of(call(device_, DRM_IOCTL_ZACCEL_RING_BIND, bind), {0, ENOENT, EINVAL, ECANCELED});
        }
    };
    const auto work = [&] {
        for (int i = 0; i < 50; i++) {
            const Buffer buffer(device_, page);
            Ring ring(device_, {8, 8, 2});
            EXPECT_EQ(ring.bind_range(1, buffer, 0, page), 0);
            EXPECT_EQ(ring.run_one(fill(1, 0, page, 1)).status, 0);
        }
        done = true;
    };
    run({guess, guess, work});
}

// A signal at any moment: nothing is taken twice, nothing is lost.
TEST_F(Race, SignalsDuringDoorbells) {
    const Interruptions interruptions;
    std::vector<Buffer> buffers;
    Ring ring(device_, {256, 256, 32});
    for (std::uint32_t slot = 0; slot < 32; slot++) {
        const Buffer& buffer = buffers.emplace_back(device_, page);
        ASSERT_EQ(ring.bind_range(slot, buffer, 0, page), 0);
    }
    const pthread_t self = ::pthread_self();
    const Loop loop([self] { Interruptions::interrupt(self); });
    for (std::uint32_t round = 0; round < 200; round++) {
        for (std::uint32_t slot = 0; slot < 31; slot++) ring.put(fill(slot, 0, 8, 1));
        ring.put(with_end(fill(31, 0, 8, 1)));
        int error;
        while ((error = ring.submit()) == EINTR) ASSERT_EQ(ring.fetched(), 0U);
        ASSERT_EQ(error, 0);
        ASSERT_EQ(ring.fetched(), 32U);
        ASSERT_TRUE(eventually([&] { return ring.cq_tail() == ring.sq_tail(); }));
        for (const drm_zaccel_completion& completion : ring.reap()) ASSERT_EQ(completion.status, 0);
    }
}

}  // namespace
}  // namespace uapi_tests
