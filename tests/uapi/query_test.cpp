// SPDX-License-Identifier: MIT
#include <drm/drm_fourcc.h>
#include <drm/zaccel_accel.h>

#include <cerrno>
#include <compare>
#include <cstring>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "fixture.hpp"
#include "memory.hpp"
#include "query.hpp"

namespace uapi_tests {
namespace {

class Query : public DeviceTest {
 protected:
    int query(drm_zaccel_query& args) { return call(device_, DRM_IOCTL_ZACCEL_QUERY, args); }

    template <typename T>
    std::vector<T> table(drm_zaccel_query_type type) {
        return query_table<T>(device_, type);
    }
};

TEST_F(Query, DeviceInfoHasTheLimits) {
    const auto info = table<drm_zaccel_device_info>(ZACCEL_QUERY_DEVICE);
    ASSERT_EQ(info.size(), 1U);
    EXPECT_EQ(info[0].min_ring_entries, 8U);
    EXPECT_EQ(info[0].max_ring_entries, 32768U);
    EXPECT_EQ(info[0].max_slots, 4096U);
    EXPECT_EQ(info[0].max_rings, 64U);
    EXPECT_EQ(info[0].max_buffer_size, 1ULL << 30);
    EXPECT_EQ(info[0].max_image_size, 16384U);
    EXPECT_EQ(info[0].pitch_align, 1U);
    EXPECT_EQ(info[0].max_syncobjs, std::uint32_t{ZACCEL_MAX_SYNCOBJS});
    EXPECT_EQ(info[0].max_exec, 1024U);
    EXPECT_EQ(info[0].max_sqe_size, 256U);
    EXPECT_EQ(info[0].max_cqe_size, 128U);
}

TEST_F(Query, EnginesAreNamedAndNumbered) {
    const auto engines = table<drm_zaccel_engine_info>(ZACCEL_QUERY_ENGINES);
    ASSERT_FALSE(engines.empty());
    EXPECT_STREQ(engines[0].name, "soft");
    EXPECT_EQ(engines[0].id, 0U);
    EXPECT_EQ(engines[0].instances, 1U);
    EXPECT_EQ(engines[0].flags, 0U);
    EXPECT_EQ(engines[0].address_bits, 64U);
    EXPECT_EQ(engines[0].align, 1U);
    EXPECT_EQ(engines[0].pad, 0U);
}

/// What the header says of an operation.
struct Operation {
    std::uint32_t opcode, dst_kind, src_kind;
    std::size_t args_size;

    auto operator<=>(const Operation&) const = default;
};

TEST_F(Query, OperationsAreThoseOfTheHeader) {
    constexpr std::uint32_t none = ZACCEL_SLOT_EMPTY, range = ZACCEL_SLOT_RANGE,
                            image = ZACCEL_SLOT_IMAGE, syncobj = ZACCEL_SLOT_SYNCOBJ;
    const std::set<Operation> expected = {
        {ZACCEL_OP_NOP, none, none, 0},
        {ZACCEL_OP_FILL, range, none, sizeof(drm_zaccel_fill)},
        {ZACCEL_OP_COPY, range, range, sizeof(drm_zaccel_copy)},
        {ZACCEL_OP_CRC32C, none, range, sizeof(drm_zaccel_crc32c)},
        {ZACCEL_OP_CONVERT, image, image, sizeof(drm_zaccel_convert)},
        {ZACCEL_OP_INVERT, image, image, 0},
        {ZACCEL_OP_CONVOLVE3X3, image, image, sizeof(drm_zaccel_convolve3x3)},
        {ZACCEL_OP_WAIT, none, syncobj, sizeof(drm_zaccel_point)},
        {ZACCEL_OP_SIGNAL, syncobj, none, sizeof(drm_zaccel_point)},
        {ZACCEL_OP_EXEC, none, range, sizeof(drm_zaccel_exec)},
    };
    std::set<Operation> found;
    for (const auto& op : table<drm_zaccel_operation_info>(ZACCEL_QUERY_OPERATIONS)) {
        EXPECT_EQ(op.engine, 0U);
        EXPECT_EQ(op.pad, 0U);
        EXPECT_TRUE(found.insert({op.opcode, op.dst_kind, op.src_kind, op.args_size}).second)
            << "twice: " << op.opcode;
    }
    EXPECT_TRUE(found == expected);
}

TEST_F(Query, FormatsNameEachPairOnce) {
    std::set<std::tuple<std::uint32_t, std::uint32_t>> pairs;
    for (const auto& format : table<drm_zaccel_format_info>(ZACCEL_QUERY_FORMATS)) {
        EXPECT_EQ(format.modifier, DRM_FORMAT_MOD_LINEAR);
        EXPECT_NE(format.flags & (ZACCEL_FORMAT_SOURCE | ZACCEL_FORMAT_DESTINATION), 0U);
        EXPECT_EQ(format.flags & ~(ZACCEL_FORMAT_SOURCE | ZACCEL_FORMAT_DESTINATION), 0U);
        EXPECT_EQ(format.engine, 0U);
        EXPECT_TRUE(pairs.emplace(format.opcode, format.fourcc).second);
    }
    const std::uint32_t convert = ZACCEL_OP_CONVERT;
    for (std::uint32_t fourcc :
         {DRM_FORMAT_XRGB8888, DRM_FORMAT_R8, DRM_FORMAT_YUYV, DRM_FORMAT_NV12, DRM_FORMAT_YUV420})
        EXPECT_TRUE(pairs.contains({convert, fourcc})) << fourcc;
}

TEST_F(Query, RegionsHaveSystemMemory) {
    const auto regions = table<drm_zaccel_region_info>(ZACCEL_QUERY_REGIONS);
    ASSERT_FALSE(regions.empty());
    EXPECT_STREQ(regions[0].name, "system");
    EXPECT_EQ(regions[0].id, static_cast<std::uint32_t>(ZACCEL_REGION_SYSTEM));
    EXPECT_EQ(regions[0].pad, 0U);
    EXPECT_EQ(regions[0].size, 0U);
}

TEST_F(Query, LessRoomGivesTheFirstElements) {
    const auto whole = table<drm_zaccel_operation_info>(ZACCEL_QUERY_OPERATIONS);
    std::vector<drm_zaccel_operation_info> some(3, drm_zaccel_operation_info{99, 99});
    drm_zaccel_query args = query_args(ZACCEL_QUERY_OPERATIONS, some.data(), sizeof(some[0]), 2);
    ASSERT_EQ(query(args), 0);
    EXPECT_EQ(args.count, whole.size());
    EXPECT_EQ(some[1].opcode, whole[1].opcode);
    EXPECT_EQ(some[2].opcode, 99U);
}

TEST_F(Query, MoreRoomStaysAsItWas) {
    std::vector<drm_zaccel_engine_info> engines(64);
    engines[63].id = 99;
    drm_zaccel_query args =
        query_args(ZACCEL_QUERY_ENGINES, engines.data(), sizeof(engines[0]), 64);
    ASSERT_EQ(query(args), 0);
    EXPECT_LT(args.count, 64U);
    EXPECT_EQ(engines[63].id, 99U);
}

TEST_F(Query, NoRoomNeedsNoPointer) {
    drm_zaccel_query args = query_args(ZACCEL_QUERY_FORMATS, kernel_address(), 0, 0);
    EXPECT_EQ(query(args), 0);
    EXPECT_GT(args.count, 0U);
}

TEST_F(Query, UnknownTypeIsInvalid) {
    for (std::uint32_t type : {5U, 0x80000000U, 0xffffffffU}) {
        drm_zaccel_query args = query_args(type, nullptr, 0, 0);
        EXPECT_EQ(query(args), EINVAL) << type;
    }
}

TEST_F(Query, EveryFlagIsInvalid) {
    for (unsigned bit = 0; bit < 32; bit++) {
        drm_zaccel_query args = query_args(ZACCEL_QUERY_DEVICE, nullptr, 0, 0);
        args.flags = 1U << bit;
        EXPECT_EQ(query(args), EINVAL) << bit;
    }
}

TEST_F(Query, NoStrideForElementsIsInvalid) {
    drm_zaccel_device_info info{};
    drm_zaccel_query args = query_args(ZACCEL_QUERY_DEVICE, &info, 0, 1);
    EXPECT_EQ(query(args), EINVAL);
}

TEST_F(Query, StrideLargerThanAPageIsInvalid) {
    std::vector<std::uint8_t> bytes(4096);
    drm_zaccel_query args = query_args(ZACCEL_QUERY_ENGINES, bytes.data(), 4096, 1);
    EXPECT_EQ(query(args), 0);
    for (std::uint32_t stride : {4097U, 1U << 31, ~0U}) {
        args = query_args(ZACCEL_QUERY_ENGINES, bytes.data(), stride, 1);
        EXPECT_EQ(query(args), EINVAL) << stride;
    }
}

TEST_F(Query, BadDataPointerFaults) {
    const BadMemory memory;
    for (void* data : memory.unwritable()) {
        drm_zaccel_query args =
            query_args(ZACCEL_QUERY_DEVICE, data, sizeof(drm_zaccel_device_info), 1);
        EXPECT_EQ(query(args), EFAULT) << data;
    }
}

// The first element fits on the page, the second does not.
TEST_F(Query, DataThatEndsTooSoonFaults) {
    const BadMemory memory;
    std::uint8_t* last = memory.end_of_page() - sizeof(drm_zaccel_operation_info);
    std::memset(last, 0xee, sizeof(drm_zaccel_operation_info));
    drm_zaccel_query args =
        query_args(ZACCEL_QUERY_OPERATIONS, last, sizeof(drm_zaccel_operation_info), 2);
    EXPECT_EQ(query(args), EFAULT);
    EXPECT_EQ(args.count, 2U);
    EXPECT_EQ(args.stride, sizeof(drm_zaccel_operation_info));
    drm_zaccel_operation_info written{};
    std::memcpy(&written, last, sizeof(written));
    EXPECT_EQ(written.opcode, std::uint32_t{ZACCEL_OP_NOP});
    EXPECT_EQ(written.pad, 0U) << "what was there is written over";
}

}  // namespace
}  // namespace uapi_tests
