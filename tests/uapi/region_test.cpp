// SPDX-License-Identifier: MIT

// Where a buffer's memory comes from: what holds in every region, and what is special to one.

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "fdinfo.hpp"
#include "fixture.hpp"
#include "process.hpp"
#include "query.hpp"
#include "ring.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t mib = 1 << 20;

bool all_are(const Mapping& memory, std::uint8_t value) {
    return std::ranges::all_of(memory.bytes(), [=](auto byte) { return byte == value; });
}

drm_zaccel_region_info region_info(const Fd& device, drm_zaccel_region region) {
    const auto regions = query_table<drm_zaccel_region_info>(device, ZACCEL_QUERY_REGIONS);
    return regions.at(static_cast<std::size_t>(region));
}

class Regions : public DeviceTest {
 protected:
    int create(std::uint64_t size, drm_zaccel_region region) {
        drm_zaccel_buffer_create args{};
        args.size = size;
        args.region = region;
        const int error = call(device_, DRM_IOCTL_ZACCEL_BUFFER_CREATE, args);
        if (error == 0) Buffer::adopt(device_, args.handle).close();
        return error;
    }
    std::uint64_t used(drm_zaccel_region region) { return region_info(device_, region).used; }
};

TEST_F(Regions, AreNamedAndNumbered) {
    const auto regions = query_table<drm_zaccel_region_info>(device_, ZACCEL_QUERY_REGIONS);
    ASSERT_EQ(regions.size(), 3U);
    for (std::uint32_t i = 0; i < regions.size(); i++) {
        EXPECT_EQ(regions[i].id, i);
        EXPECT_EQ(regions[i].pad, 0U);
    }
    EXPECT_STREQ(regions[ZACCEL_REGION_CONTIGUOUS].name, "contiguous");
    EXPECT_STREQ(regions[ZACCEL_REGION_LOCAL].name, "local");
    EXPECT_EQ(regions[ZACCEL_REGION_SYSTEM].max_buffer_size, 1024 * mib);
    EXPECT_EQ(regions[ZACCEL_REGION_CONTIGUOUS].max_buffer_size, 4 * mib);
    EXPECT_EQ(regions[ZACCEL_REGION_CONTIGUOUS].size, 0U);
    EXPECT_EQ(regions[ZACCEL_REGION_LOCAL].max_buffer_size, 16 * mib);
    EXPECT_EQ(regions[ZACCEL_REGION_LOCAL].size, 16 * mib);
}

TEST_F(Regions, LargestBufferIsTheOneReported) {
    for (const auto region : {ZACCEL_REGION_CONTIGUOUS, ZACCEL_REGION_LOCAL}) {
        const std::uint64_t size = region_info(device_, region).max_buffer_size;
        EXPECT_EQ(create(size, region), 0) << region;
        EXPECT_EQ(create(size + 1, region), E2BIG) << region;
        EXPECT_EQ(create(~0ULL, region), E2BIG) << region;
    }
}

TEST_F(Regions, LocalMemoryCanBeUsedUp) {
    const Buffer most(device_, 15 * mib, ZACCEL_REGION_LOCAL);
    EXPECT_EQ(create(2 * mib, ZACCEL_REGION_LOCAL), ENOMEM);
    EXPECT_EQ(create(mib, ZACCEL_REGION_LOCAL), 0);
    EXPECT_EQ(create(2 * mib, ZACCEL_REGION_CONTIGUOUS), 0) << "that is another";
}

// A range of the heap is in one piece, as it would be in the memory of a card.
TEST_F(Regions, LocalMemoryCanBeInPieces) {
    std::vector<Buffer> buffers;
    for (int i = 0; i < 8; i++) buffers.emplace_back(device_, 2 * mib, ZACCEL_REGION_LOCAL);
    for (std::size_t i : {6U, 4U, 2U, 0U}) buffers[i].close();
    EXPECT_EQ(used(ZACCEL_REGION_LOCAL), 8 * mib);
    EXPECT_EQ(create(3 * mib, ZACCEL_REGION_LOCAL), ENOMEM);
    buffers[1].close();
    EXPECT_EQ(create(6 * mib, ZACCEL_REGION_LOCAL), 0);
}

TEST_F(Regions, UsedBytesAreGivenBackByTheLastUser) {
    for (const auto region :
         {ZACCEL_REGION_SYSTEM, ZACCEL_REGION_CONTIGUOUS, ZACCEL_REGION_LOCAL}) {
        const std::uint64_t before = used(region);
        Fd dmabuf;
        {
            const Buffer buffer(device_, 3 * page, region);
            EXPECT_EQ(used(region), before + 3 * page) << region;
            dmabuf = buffer.export_dmabuf();
        }
        EXPECT_EQ(used(region), before + 3 * page) << region;
        dmabuf.reset();
        EXPECT_TRUE(eventually([&] { return used(region) == before; })) << region;
    }
}

// What a client leaves in memory is not for the next to see. The heap's first free range is taken,
// so the next local buffer lies where the last one did.
TEST_F(Regions, MemoryIsZeroWhateverWasThere) {
    for (const auto region :
         {ZACCEL_REGION_SYSTEM, ZACCEL_REGION_CONTIGUOUS, ZACCEL_REGION_LOCAL}) {
        for (int round = 0; round < 4; round++) {
            const Buffer buffer(device_, 4 * mib, region);
            const Mapping memory = buffer.map();
            ASSERT_TRUE(all_are(memory, 0)) << region << " in round " << round;
            std::ranges::fill(memory.bytes(), 0xd7);
        }
    }
}

/// What every region's buffers can do.
class RegionBuffer : public DeviceTest, public testing::WithParamInterface<drm_zaccel_region> {
 protected:
    Buffer make(std::uint64_t size) { return Buffer(device_, size, GetParam()); }
};

std::string name_of(const testing::TestParamInfo<drm_zaccel_region>& region) {
    static const char* const names[] = {"System", "Contiguous", "Local"};
    return names[region.param];
}

INSTANTIATE_TEST_SUITE_P(Each, RegionBuffer,
                         testing::Values(ZACCEL_REGION_SYSTEM, ZACCEL_REGION_CONTIGUOUS,
                                         ZACCEL_REGION_LOCAL),
                         name_of);

TEST_P(RegionBuffer, InfoTellsTheRegion) {
    const Buffer buffer = make(page + 1);
    drm_zaccel_buffer_info info{};
    info.handle = buffer.handle();
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_INFO, info), 0);
    EXPECT_EQ(info.region, static_cast<std::uint32_t>(GetParam()));
    EXPECT_EQ(info.size, 2 * page);
    EXPECT_EQ(info.flags, 0U);
}

TEST_P(RegionBuffer, PrivateMappingIsInvalid) {
    const Buffer buffer = make(page);
    drm_zaccel_buffer_info info{};
    info.handle = buffer.handle();
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_INFO, info), 0);
    EXPECT_EQ(::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, device_.get(),
                     static_cast<off_t>(info.mmap_offset)),
              MAP_FAILED);
    EXPECT_EQ(errno, EINVAL);
}

TEST_P(RegionBuffer, HoldsWhatOperationsWrite) {
    const Buffer from = make(4 * page), to = make(4 * page);
    Ring ring(device_);
    ASSERT_EQ(ring.bind_range(0, from, 0, 4 * page), 0);
    ASSERT_EQ(ring.bind_range(1, to, 0, 4 * page), 0);
    EXPECT_EQ(ring.run_one(fill(0, page, 2 * page, 0x3131313131313131)).status, 0);
    EXPECT_EQ(ring.run_one(copy(1, 0, 0, page / 2, 3 * page)).status, 0);
    const Mapping source = from.map(), result = to.map();
    EXPECT_EQ(source[page - 1], 0);
    EXPECT_EQ(source[3 * page - 1], 0x31);
    EXPECT_EQ(result[page / 2 - 1], 0);
    EXPECT_EQ(result[page / 2], 0x31);
    source[0] = 0x99;
    EXPECT_EQ(ring.run_one(copy(1, 0, 7, 0, 1)).status, 0);
    EXPECT_EQ(result[7], 0x99);
}

// Pages of a mapping stand where they belong.
TEST_P(RegionBuffer, EachPageIsMappedInItsPlace) {
    const Buffer buffer = make(8 * page);
    {
        const Mapping memory = buffer.map();
        for (std::size_t i = 0; i < 8; i++) memory[i * page] = static_cast<std::uint8_t>(i + 1);
    }
    const Fd dmabuf = buffer.export_dmabuf();
    const Mapping memory(dmabuf.get(), 0, 8 * page);
    for (std::size_t i = 0; i < 8; i++) EXPECT_EQ(memory[i * page], i + 1);
}

TEST_P(RegionBuffer, IsSharedWithOthers) {
    const Buffer buffer = make(2 * page);
    const Fd dmabuf = buffer.export_dmabuf();
    EXPECT_EQ(Mapping(dmabuf.get(), 0, 2 * page)[page], 0);
    Child child([&] {
        const Mapping memory(dmabuf.get(), 0, 2 * page);
        memory[page] = 0x46;
        return 0;
    });
    ASSERT_EQ(child.join(), 0);
    EXPECT_EQ(buffer.map()[page], 0x46);
    const Fd other = open_device();
    const Buffer import = Buffer::import(other, dmabuf.get());
    EXPECT_EQ(import.map()[page], 0x46);
}

TEST_P(RegionBuffer, ReadOnlyExportIsAnImportThatCannotBeWritten) {
    const Buffer buffer = make(page);
    buffer.map()[3] = 0x33;
    const Fd dmabuf = buffer.export_readonly();
    const Buffer import = Buffer::import(device_, dmabuf.get());
    Ring ring(device_);
    ASSERT_EQ(ring.bind_range(0, import, 0, page), 0);
    EXPECT_EQ(ring.run_one(fill(0, 0, page, 1)).status, -EACCES);
    EXPECT_EQ(ring.run_one(crc32c(0, 0, page)).status, 0);
}

TEST_P(RegionBuffer, FdinfoHasItUnderItsRegion) {
    constexpr const char* names[] = {"memory", "contiguous", "local"};
    const Buffer buffer = make(5 * page);
    const Mapping memory = buffer.map();
    const Fdinfo info(device_);
    for (const char* name : names) {
        const std::uint64_t expected = name == names[GetParam()] ? 5 * page : 0;
        EXPECT_EQ(info.memory("total", name), expected) << name;
        EXPECT_EQ(info.memory("resident", name), expected) << name;
        EXPECT_EQ(info.memory("shared", name), 0U) << name;
    }
}

TEST_P(RegionBuffer, OutlivesHandleAndFile) {
    Fd file = open_device();
    Mapping memory;
    Fd dmabuf;
    {
        const Buffer buffer(file, page, GetParam());
        memory = buffer.map();
        dmabuf = buffer.export_dmabuf();
    }
    memory[0] = 1;
    file.reset();
    EXPECT_EQ(Mapping(dmabuf.get(), 0, page)[0], 1);
    dmabuf.reset();
    EXPECT_EQ(memory[0], 1);
    memory = Mapping();
}

}  // namespace
}  // namespace uapi_tests
