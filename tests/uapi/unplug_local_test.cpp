// SPDX-License-Identifier: MIT

// Memory of the device goes with the device: who has it mapped finds zeros, and may go on writing.

#include <sys/mman.h>
#include <xf86drm.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>

#include "fixture.hpp"
#include "foreign.hpp"
#include "process.hpp"
#include "ring.hpp"
#include "unplug.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

bool all_are(const Mapping& memory, std::uint8_t value) {
    return std::ranges::all_of(memory.bytes(), [=](auto byte) { return byte == value; });
}

class UnplugLocal : public CountedTest {
 protected:
    Buffer make(std::uint64_t size, drm_zaccel_region region = ZACCEL_REGION_LOCAL) {
        return Buffer(device_, size, region);
    }

    DeviceGuard guard_;
    Fd device_ = open_device();
};

TEST_F(UnplugLocal, MappingsTurnToZeros) {
    const Buffer buffer = make(4 * page);
    const Fd dmabuf = buffer.export_dmabuf();
    const Fd readonly = buffer.export_readonly();
    const Mapping of_node = buffer.map(), of_dmabuf(dmabuf.get(), 0, 4 * page);
    void* reader = ::mmap(nullptr, page, PROT_READ, MAP_SHARED, readonly.get(), 0);
    ASSERT_NE(reader, MAP_FAILED);
    std::ranges::fill(of_node.bytes(), 0x61);
    EXPECT_TRUE(all_are(of_dmabuf, 0x61));
    EXPECT_EQ(*static_cast<volatile std::uint8_t*>(reader), 0x61);
    unbind();
    EXPECT_TRUE(all_are(of_node, 0));
    EXPECT_TRUE(all_are(of_dmabuf, 0));
    EXPECT_EQ(*static_cast<volatile std::uint8_t*>(reader), 0);
    EXPECT_TRUE(all_are(Mapping(dmabuf.get(), 0, 4 * page), 0)) << "mapped anew";
    ::munmap(reader, page);
}

// What was never touched while the device was there is no different.
TEST_F(UnplugLocal, WritesLandOnAPageOfTheBuffersOwn) {
    const Buffer a = make(2 * page), b = make(2 * page);
    const Mapping first = a.map(), second = b.map();
    unbind();
    first[5] = 0x17;
    first[page + 6] = 0x18;
    EXPECT_EQ(first[5], 0x17);
    EXPECT_EQ(first[page + 6], 0x18);
    EXPECT_TRUE(all_are(second, 0)) << "it is not the other's";
}

TEST_F(UnplugLocal, OtherProcessesLoseItToo) {
    const Buffer buffer = make(page);
    const Fd dmabuf = buffer.export_dmabuf();
    const Signal ready, gone;
    Child child([&] {
        const Mapping memory(dmabuf.get(), 0, page);
        memory[1] = 0x29;
        ready.send();
        if (!gone.wait()) return 1;
        if (memory[1] != 0) return 2;
        memory[1] = 3;
        return memory[1] == 3 ? 0 : 3;
    });
    ASSERT_TRUE(ready.wait());
    unbind();
    gone.send();
    EXPECT_EQ(child.join(), 0);
}

TEST_F(UnplugLocal, ForkedMappingsGoToo) {
    const Buffer buffer = make(page);
    const Mapping memory = buffer.map();
    memory[0] = 0x53;
    const Signal ready, gone;
    Child child([&] {
        if (memory[0] != 0x53) return 1;
        ready.send();
        return gone.wait() && memory[0] == 0 ? 0 : 2;
    });
    ASSERT_TRUE(ready.wait());
    unbind();
    gone.send();
    EXPECT_EQ(child.join(), 0);
}

TEST_F(UnplugLocal, SystemMemoryStays) {
    for (const auto region : {ZACCEL_REGION_SYSTEM, ZACCEL_REGION_CONTIGUOUS}) {
        if (!is_bound()) bind();
        device_ = open_device();
        const Buffer buffer = make(2 * page, region);
        const Mapping memory = buffer.map();
        const Fd dmabuf = buffer.export_dmabuf();
        std::ranges::fill(memory.bytes(), 0x72);
        unbind();
        EXPECT_TRUE(all_are(memory, 0x72)) << region;
        EXPECT_TRUE(all_are(Mapping(dmabuf.get(), 0, 2 * page), 0x72)) << region;
        memory[0] = 1;
        EXPECT_EQ(memory[0], 1);
    }
}

// Nothing that was written before shows again, nor anything that is written meanwhile.
TEST_F(UnplugLocal, WhoWritesAllTheTimeGoesOn) {
    for (int round = 0; round < 5; round++) {
        device_ = open_device();
        const Buffer buffer = make(64 * page);
        const Mapping memory = buffer.map();
        std::atomic<bool> stop = false;
        std::atomic<std::uint64_t> rounds = 0;
        std::thread writer([&] {
            for (; !stop; rounds++)
                for (std::size_t i = 0; i < 64; i++)
                    std::atomic_ref(memory[i * page + 1]).store(0x5c);
        });
        const auto goes_on = [&] {
            const std::uint64_t now = rounds;
            return eventually([&, now] { return rounds > now + 1; });
        };
        EXPECT_TRUE(goes_on());
        unbind();
        EXPECT_TRUE(goes_on());
        for (std::size_t i = 0; i < 64; i++) EXPECT_EQ(memory[i * page + 1], 0x5c) << "one page";
        stop = true;
        writer.join();
        memory[1] = 0x11;
        EXPECT_EQ(memory[63 * page + 1], 0x11) << "one page";
        bind();
    }
}

// A batch that writes it is cut off before unbind returns.
TEST_F(UnplugLocal, BatchesEnd) {
    const Buffer buffer = make(16 * page);
    const Mapping memory = buffer.map();
    Ring ring(device_, {8192, 8192, 1});
    ASSERT_EQ(ring.bind_range(0, buffer, 0, 16 * page), 0);
    for (int i = 0; i < 8191; i++) ring.put(fill(0, 0, 16 * page, ~0ULL));
    ring.put(with_end(nop()));
    ASSERT_EQ(ring.submit(), 0);
    ASSERT_TRUE(eventually([&] { return std::atomic_ref(memory[0]).load() == 0xff; }));
    unbind();
    EXPECT_EQ(ring.reap().size(), 8192U);
    EXPECT_TRUE(all_are(memory, 0));
}

// Another driver has it attached and mapped for DMA: the pages are there until it lets go.
TEST_F(UnplugLocal, AttachmentsKeepTheMemory) {
    const VgemBuffer vgem;
    std::uint32_t handle = 0;
    {
        const Buffer buffer = make(8 * page);
        const Fd dmabuf = buffer.export_dmabuf();
        ASSERT_EQ(drmPrimeFDToHandle(vgem.card().get(), dmabuf.get(), &handle), 0);
    }
    unbind();
    device_.reset();
    bind();
    drm_gem_close args{};
    args.handle = handle;
    EXPECT_EQ(call(vgem.card(), DRM_IOCTL_GEM_CLOSE, args), 0);
}

TEST_F(UnplugLocal, NobodyBeginsToUseIt) {
    const Buffer buffer = make(page);
    const Fd dmabuf = buffer.export_dmabuf();
    const Fd readonly = buffer.export_readonly();
    const VgemBuffer vgem;
    unbind();
    bind();
    const Fd next = open_device();
    for (const Fd* file : {&next, &vgem.card()}) {
        for (const Fd* share : {&dmabuf, &readonly}) {
            std::uint32_t handle = 0;
            EXPECT_EQ(drmPrimeFDToHandle(file->get(), share->get(), &handle), -1);
            EXPECT_EQ(errno, ENODEV);
        }
    }
}

TEST_F(UnplugLocal, TheNextDeviceHasItsOwn) {
    const Buffer old = make(16 << 20);
    const Mapping before = old.map();
    before[0] = 0x44;
    unbind();
    bind();
    const Fd file = open_device();
    const Buffer buffer(file, 16 << 20, ZACCEL_REGION_LOCAL);
    const Mapping memory = buffer.map();
    memory[0] = 0x55;
    EXPECT_EQ(before[0], 0);
    before[0] = 0x66;
    EXPECT_EQ(memory[0], 0x55);
}

TEST_F(UnplugLocal, ThereMayBeNone) {
    device_.reset();
    const Reloaded reloaded({"local_mb=0"});
    const Fd file = open_device();
    drm_zaccel_buffer_create args{};
    args.size = page;
    args.region = ZACCEL_REGION_LOCAL;
    EXPECT_EQ(call(file, DRM_IOCTL_ZACCEL_BUFFER_CREATE, args), EINVAL);
    args.region = ZACCEL_REGION_CONTIGUOUS;
    EXPECT_EQ(call(file, DRM_IOCTL_ZACCEL_BUFFER_CREATE, args), 0);
}

}  // namespace
}  // namespace uapi_tests
