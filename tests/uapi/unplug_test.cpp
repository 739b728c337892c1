// SPDX-License-Identifier: MIT

// The device goes while programs use it, and the module after it. Each test takes the device away
// and gives it back, so they are a program of their own.

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xf86drm.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "eventfd.hpp"
#include "fixture.hpp"
#include "foreign.hpp"
#include "neighbour.hpp"
#include "process.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "sleeper.hpp"
#include "syncobj.hpp"
#include "unplug.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

class Unplug : public CountedTest {
 protected:
    /// A new open file on the device, which must work.
    static void expect_device_works() {
        const Fd file = open_device();
        Ring ring(file);
        EXPECT_EQ(ring.run_one(nop(8)).user_data, 8U);
    }

    Neighbour neighbour_;
    DeviceGuard guard_;
    Fd device_ = open_device();
};

TEST_F(Unplug, EveryCallReturnsEnodev) {
    Ring ring(device_);
    const Buffer buffer(device_, page);
    const Fd dmabuf = buffer.export_dmabuf();
    unbind();
    std::uint64_t argument[17] = {};
    for (unsigned nr = DRM_ZACCEL_QUERY; nr <= DRM_ZACCEL_RING_FD; nr++)
        EXPECT_EQ(call(device_.get(), DRM_IOWR(DRM_COMMAND_BASE + nr, argument), argument), ENODEV);
    ring.put_batch({nop()});
    EXPECT_EQ(ring.submit(), ENODEV);
    EXPECT_EQ(ring.wait(0, 0), ENODEV);
    EXPECT_EQ(ring.bind_range(0, buffer, 0, page), ENODEV);
    EXPECT_EQ(ring.clear(0), ENODEV);
    EXPECT_EQ(ring.destroy(), ENODEV);
    std::uint32_t handle = 0;
    EXPECT_EQ(drmPrimeFDToHandle(device_.get(), dmabuf.get(), &handle), -1);
    EXPECT_EQ(errno, ENODEV);
    EXPECT_EQ(drmSyncobjCreate(device_.get(), 0, &handle), -1);
    EXPECT_EQ(errno, ENODEV);
}

TEST_F(Unplug, MappingsStay) {
    Ring ring(device_);
    const Buffer buffer(device_, 2 * page);
    const Mapping memory = buffer.map();
    const Fd dmabuf = buffer.export_dmabuf();
    const Mapping shared(dmabuf.get(), 0, 2 * page);
    ASSERT_EQ(ring.bind_range(0, buffer, 0, 2 * page), 0);
    ring.run_one(fill(0, 0, page, 0x2121212121212121));
    unbind();
    EXPECT_EQ(memory[5], 0x21);
    memory[page] = 0x43;
    EXPECT_EQ(shared[page], 0x43);
    EXPECT_EQ(Mapping(dmabuf.get(), 0, page)[5], 0x21) << "mapped anew";
    EXPECT_EQ(ring.completion(0).result, page);
    ring.header().sq_tail = 9;
    EXPECT_EQ(ring.header().sq_tail, 9U);
}

TEST_F(Unplug, NodeCannotBeMappedAnyMore) {
    const Buffer buffer(device_, page);
    drm_zaccel_buffer_info info{};
    info.handle = buffer.handle();
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_INFO, info), 0);
    unbind();
    EXPECT_EQ(::mmap(nullptr, page, PROT_READ, MAP_SHARED, device_.get(),
                     static_cast<off_t>(info.mmap_offset)),
              MAP_FAILED);
    EXPECT_EQ(errno, ENODEV);
}

TEST_F(Unplug, QueuedAndRunningBatchesEndWithEnodev) {
    const Buffer buffer(device_, page);
    const Fd dmabuf = buffer.export_dmabuf();
    Ring ring(device_);
    BusyEngine busy(device_);
    const Syncobj out(device_);
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    ring.put_batch({nop(), fill(0, 0, page, ~0ULL)});
    ASSERT_EQ(ring.submit({}, std::vector{out.handle()}), 0);
    const Fd explicit_fence = out.export_sync_file();
    const Fd implicit_fence = export_fences(dmabuf, Fences::writers);
    unbind();
    EXPECT_EQ(sync_file_status(explicit_fence), -ENODEV) << "before unbind returns";
    EXPECT_EQ(sync_file_status(implicit_fence), -ENODEV);
    EXPECT_EQ(ring.cq_tail(), 2U);
    EXPECT_EQ(statuses(ring.reap()), std::vector<int>(2, -ECANCELED));
    EXPECT_EQ(busy.ring().cq_tail(), 8192U);
    EXPECT_EQ(Mapping(dmabuf.get(), 0, page)[0], 0);
}

TEST_F(Unplug, CommandThatIsCutOffEndsWithEnodev) {
    constexpr std::uint64_t size = 1 << 20;
    const Buffer buffer(device_, size);
    const Mapping memory = buffer.map();
    Ring ring(device_, {8192, 8192, 1});
    ASSERT_EQ(ring.bind_range(0, buffer, 0, size), 0);
    ring.put(fill(0, 0, 1, 0x11));
    for (int i = 2; i < 8192; i++) ring.put(crc32c(0, 0, size));
    ring.put(with_end(nop()));
    ASSERT_EQ(ring.submit(), 0);
    ASSERT_TRUE(eventually([&] { return std::atomic_ref(memory[0]).load() == 0x11; }));
    unbind();
    const std::vector<int> all = statuses(ring.reap());
    ASSERT_EQ(all.size(), 8192U);
    const auto cut_off = std::find_if(all.begin(), all.end(), [](int status) { return status; });
    ASSERT_NE(cut_off, all.end());
    EXPECT_EQ(*cut_off, -ENODEV);
    EXPECT_EQ(std::count(cut_off + 1, all.end(), -ECANCELED), all.end() - cut_off - 1);
}

TEST_F(Unplug, BatchHeldByAForeignFenceEndsWithEnodev) {
    const VgemBuffer vgem;
    const std::uint32_t fence = vgem.attach_fence(VgemBuffer::Use::write);
    Syncobj in(device_);
    in.import_sync_file(export_fences(vgem.dmabuf(), Fences::all));
    const Syncobj out(device_);
    Ring ring(device_);
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(std::vector{in.handle()}, std::vector{out.handle()}), 0);
    const Fd held = out.export_sync_file();
    EXPECT_EQ(sync_file_status(held), 0);
    unbind();
    EXPECT_EQ(sync_file_status(held), -ENODEV);
    vgem.signal(fence);
}

TEST_F(Unplug, WaitersAreWoken) {
    Ring ring(device_);
    BusyEngine busy(device_);
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(), 0);
    Signal started;
    std::future<int> waiter = std::async(std::launch::async, [&] {
        started.send();
        return ring.wait(1000, deadline_in(2 * long_enough));
    });
    ASSERT_TRUE(started.wait());
    unbind();
    EXPECT_EQ(waiter.get(), ENODEV);
}

TEST_F(Unplug, RingFdIsGone) {
    Ring ring(device_);
    ring.run_one(nop(7));
    const Fd fd = open_ring(device_, ring.id());
    const Mapping memory(fd.get(), 0, ring.args().size);
    Sleeper waiter([&] { return fd_wait(fd, 100, deadline_in(2 * long_enough)); });
    Sleeper poller([&] { return poll_events(fd.get(), POLLPRI, 40000); });
    ASSERT_TRUE(waiter.falls_asleep());
    ASSERT_TRUE(poller.falls_asleep());
    unbind();
    EXPECT_EQ(waiter.result(), ENODEV);
    EXPECT_EQ(poller.result(), POLLHUP);
    EXPECT_EQ(poll_events(fd.get(), POLLIN, 0), POLLHUP);
    ring.put_batch({nop()});
    ring.publish();
    EXPECT_EQ(kick(fd), -ENODEV);
    EXPECT_EQ(fd_wait(fd, 2, 0), ENODEV);
    EXPECT_EQ(try_map(fd, page), ENODEV);
    const auto* completion =
        reinterpret_cast<drm_zaccel_completion*>(memory.data() + ring.args().cq_offset);
    EXPECT_EQ(completion->user_data, 7U) << "what is mapped stays";
    device_.reset();
    ring.leave_to_file();
    EXPECT_EQ(kick(fd), -ENODEV);
    EXPECT_EQ(completion->user_data, 7U);
    bind();
    expect_device_works();
    EXPECT_EQ(kick(fd), -ENODEV) << "it is the old device's";
}

TEST_F(Unplug, RingFdEndsBatchesThatItQueued) {
    Ring ring(device_);
    const Fd fd = open_ring(device_, ring.id());
    BusyEngine busy(device_);
    ring.put_batch({nop()});
    ring.publish();
    ASSERT_EQ(kick(fd), 1);
    unbind();
    EXPECT_EQ(statuses(ring.reap()), std::vector<int>(1, -ECANCELED));
    EXPECT_EQ(poll_events(fd.get(), POLLIN, 0), POLLHUP);
}

// The ring ends with its device, and not a second time with its file.
TEST_F(Unplug, EventfdIsToldOnceOfTheEnd) {
    const Eventfd eventfd;
    Ring ring(device_);
    drm_zaccel_ring_eventfd args{};
    args.id = ring.id();
    args.fd = eventfd.fd().get();
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_EVENTFD, args), 0);
    unbind();
    EXPECT_EQ(eventfd.take(), 1U);
    ring.leave_to_file();
    device_.reset();
    EXPECT_EQ(eventfd.take(), 0U);
}

TEST_F(Unplug, DeviceComesBackBesideTheOldFile) {
    Ring old(device_);
    unbind();
    bind();
    expect_device_works();
    old.put_batch({nop()});
    EXPECT_EQ(old.submit(), ENODEV) << "it is the old device's";
}

TEST_F(Unplug, OldDmabufIsImportedByTheNextDevice) {
    Fd dmabuf;
    {
        const Buffer buffer(device_, page);
        buffer.map()[7] = 0x77;
        dmabuf = buffer.export_dmabuf();
    }
    unbind();
    bind();
    const Fd file = open_device();
    const Buffer buffer = Buffer::import(file, dmabuf.get());
    Ring ring(file);
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    EXPECT_EQ(ring.run_one(fill(0, 0, 7, 0x1111111111111111)).status, 0);
    const Mapping memory(dmabuf.get(), 0, page);
    EXPECT_EQ(memory[6], 0x11);
    EXPECT_EQ(memory[7], 0x77);
}

TEST_F(Unplug, BindingsOfForeignBuffersGoWithTheirFile) {
    const Udmabuf udmabuf(page);
    const Buffer buffer = Buffer::import(device_, udmabuf.dmabuf().get());
    Ring ring(device_);
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    unbind();
    ring.leave_to_file();
    device_.reset();
    EXPECT_EQ(udmabuf.memory()[0], 0);
}

TEST_F(Unplug, ManyTimesInARow) {
    for (int i = 0; i < 10; i++) {
        const Fd file = open_device();
        Ring ring(file);
        EXPECT_EQ(ring.run_one(nop()).status, 0);
        unbind();
        bind();
    }
    expect_device_works();
}

// A doorbell that is under way, a file that closes, a ring that is destroyed, a wait: all at the
// moment the device goes.
TEST_F(Unplug, RacesWithEverything) {
    for (int round = 0; round < 8; round++) {
        std::atomic<bool> stop = false;
        std::vector<std::thread> threads;
        const auto use = [&](bool destroy) {
            while (!stop) {
                const Fd file(::open(device_path().c_str(), O_RDWR | O_CLOEXEC));
                Ring ring(file, {8, 8, 0});
                for (std::uint64_t i = 0; i < 8; i++) ring.put_batch({nop(i)});
                if (ring.submit() == 0) ring.wait(round % 2 ? 8 : 1, deadline_in(long_enough));
                if (!destroy) ring.leave_to_file();
            }
        };
        // Where the device is gone, the set-up throws.
        const auto attempt = [&](bool destroy) {
            try {
                use(destroy);
            } catch (const std::exception&) {
            }
        };
        threads.emplace_back(attempt, false);
        threads.emplace_back(attempt, true);
        threads.emplace_back(attempt, false);
        const Fd file = open_device();
        Ring ring(file);
        for (int i = 0; i < 20 * round; i++) ring.run_one(nop());
        unbind();
        stop = true;
        for (std::thread& thread : threads) thread.join();
        bind();
    }
    expect_device_works();
}

/// A page that the kernel finds missing, and whose supply is in the test's hand.
class MissingPage {
 public:
    MissingPage() : uffd_(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK))) {
        check(uffd_ ? 0 : errno, "userfaultfd");
        uffdio_api api{};
        api.api = UFFD_API;
        check(call(uffd_, UFFDIO_API, api), "UFFDIO_API");
        memory_ = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(memory_ == MAP_FAILED ? errno : 0, "mmap");
        uffdio_register args{};
        args.range = range();
        args.mode = UFFDIO_REGISTER_MODE_MISSING;
        check(call(uffd_, UFFDIO_REGISTER, args), "UFFDIO_REGISTER");
    }
    ~MissingPage() { ::munmap(memory_, page); }

    std::uint64_t address() const { return reinterpret_cast<std::uintptr_t>(memory_); }
    bool wait_for_fault() const { return poll_events(uffd_.get(), POLLIN, 20000) == POLLIN; }
    void supply() const {
        uffdio_zeropage args{};
        args.range = range();
        call(uffd_.get(), UFFDIO_ZEROPAGE, &args);
    }

 private:
    uffdio_range range() const { return {address(), page}; }

    Fd uffd_;
    void* memory_ = nullptr;
};

// A program whose memory is slow to come must not hold up the machine.
TEST_F(Unplug, DoesNotWaitForAProgramsMemory) {
    const MissingPage missing;
    Ring ring(device_);
    std::future<int> doorbell = std::async(std::launch::async, [&] {
        drm_zaccel_ring_submit args{};
        args.id = ring.id();
        args.in_syncobjs = missing.address();
        args.in_count = 1;
        return call(device_, DRM_IOCTL_ZACCEL_RING_SUBMIT, args);
    });
    ASSERT_TRUE(missing.wait_for_fault());
    std::future<void> gone = std::async(std::launch::async, [] { unbind(); });
    EXPECT_EQ(gone.wait_for(long_enough / 2), std::future_status::ready);
    missing.supply();
    gone.get();
    EXPECT_NE(doorbell.get(), 0);
}

// Alone: whoever has the device open keeps the module.
class Unload : public CountedTest {
 protected:
    static void expect_busy() { EXPECT_EQ(unload(), EWOULDBLOCK); }

    /// What was given back a moment ago may still be on its way.
    static void expect_unloads_and_loads() {
        ASSERT_TRUE(eventually([] { return unload() == 0; }));
        EXPECT_FALSE(std::filesystem::exists("/sys/module/zaccel"));
        load_module("zaccel");
        const Fd file = open_device();
        Ring ring(file);
        EXPECT_EQ(ring.run_one(nop(9)).user_data, 9U);
    }

    DeviceGuard guard_;
};

TEST_F(Unload, IdleModuleGoesAndComesBack) {
    for (int i = 0; i < 3; i++) expect_unloads_and_loads();
}

TEST_F(Unload, OpenFileKeepsTheModule) {
    Fd file = open_device();
    expect_busy();
    file.reset();
    expect_unloads_and_loads();
}

TEST_F(Unload, MappingKeepsTheModule) {
    Mapping memory;
    {
        const Fd file = open_device();
        memory = Buffer(file, page).map();
    }
    expect_busy();
    memory = Mapping();
    expect_unloads_and_loads();
}

TEST_F(Unload, RingFdKeepsTheModule) {
    Fd fd;
    Mapping memory;
    {
        const Fd file = open_device();
        Ring ring(file);
        fd = open_ring(file, ring.id());
        memory = Mapping(fd.get(), 0, page);
        ring.leave_to_file();
    }
    expect_busy();
    EXPECT_EQ(kick(fd), -ENODEV);
    fd.reset();
    expect_busy();
    memory = Mapping();
    expect_unloads_and_loads();
}

TEST_F(Unload, DmabufKeepsTheModule) {
    Fd dmabuf;
    {
        const Fd file = open_device();
        dmabuf = Buffer(file, page).export_dmabuf();
    }
    expect_busy();
    dmabuf.reset();
    expect_unloads_and_loads();
}

// The fence signalled long ago; whoever holds it may still ask it its name.
TEST_F(Unload, SyncFileKeepsTheModule) {
    Fd fence;
    {
        const Fd file = open_device();
        const Syncobj out(file);
        Ring ring(file);
        ring.put_batch({nop()});
        ASSERT_EQ(ring.submit({}, std::vector{out.handle()}), 0);
        fence = out.export_sync_file();
    }
    EXPECT_TRUE(final_status(fence));
    expect_busy();
    EXPECT_NE(sync_file_status(fence), 0);
    fence.reset();
    expect_unloads_and_loads();
}

TEST_F(Unload, FenceInAForeignBufferKeepsTheModule) {
    auto udmabuf = std::make_unique<Udmabuf>(page);
    {
        const Fd file = open_device();
        const Buffer buffer = Buffer::import(file, udmabuf->dmabuf().get());
        Ring ring(file);
        ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
        // Too much to be run inside the doorbell, which leaves no fence.
        const std::vector<drm_zaccel_command> batch(16, fill(0, 0, page, 1));
        EXPECT_EQ(statuses(ring.run(batch)), std::vector<int>(16, 0));
    }
    expect_busy();
    udmabuf.reset();
    expect_unloads_and_loads();
}

TEST_F(Unload, GoesRightAfterWorkThatWasCutOff) {
    for (int i = 0; i < 3; i++) {
        {
            const Fd file = open_device();
            BusyEngine busy(file);
            Ring ring(file, {1024, 1024, 0});
            for (int n = 0; n < 1024; n++) ring.put_batch({nop()});
            ASSERT_EQ(ring.submit(), 0);
            ring.leave_to_file();
            busy.ring().leave_to_file();
        }
        expect_unloads_and_loads();
    }
}

TEST_F(Unload, GoesWhileUnbound) {
    {
        const Fd file = open_device();
        Ring ring(file);
        ring.run_one(nop());
        unbind();
        expect_busy();
    }
    expect_unloads_and_loads();
}

}  // namespace
}  // namespace uapi_tests
