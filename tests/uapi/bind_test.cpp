// SPDX-License-Identifier: MIT
#include <drm/drm_fourcc.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "ring.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// One thing that is wrong with good arguments.
struct Fault {
    const char* name;
    std::function<void(drm_zaccel_ring_bind&)> apply;
};

/// A value in one field of a plane.
std::vector<Fault> plane_faults(std::size_t i) {
    return {{"handle", [i](auto& args) { args.planes[i].handle = 1; }},
            {"pitch", [i](auto& args) { args.planes[i].pitch = 1; }},
            {"offset", [i](auto& args) { args.planes[i].offset = 1; }},
            {"size", [i](auto& args) { args.planes[i].size = 1; }}};
}

class RingBind : public DeviceTest {
 protected:
    void expect_all(int error, const drm_zaccel_ring_bind& good, const std::vector<Fault>& faults) {
        EXPECT_EQ(ring_.bind(good), 0);
        for (const Fault& fault : faults) {
            drm_zaccel_ring_bind args = good;
            fault.apply(args);
            EXPECT_EQ(ring_.bind(args), error) << fault.name;
        }
    }

    drm_zaccel_ring_bind range() const { return range_args(0, buffer_.handle(), 0, page); }

    drm_zaccel_ring_bind xrgb(std::uint32_t width = 16, std::uint32_t height = 16) const {
        return image_args(0, DRM_FORMAT_XRGB8888, width, height,
                          {plane(buffer_.handle(), width * 4)});
    }

    drm_zaccel_ring_bind nv12() const {
        return image_args(0, DRM_FORMAT_NV12, 16, 16,
                          {plane(buffer_.handle(), 16), plane(buffer_.handle(), 16, 256)});
    }

    Buffer buffer_{device_, 4 * page};
    Ring ring_{device_};
};

TEST_F(RingBind, UnknownRingIsNotFound) {
    for (std::uint32_t id : {0U, ring_.id() + 1, 65U, ~0U}) {
        drm_zaccel_ring_bind args = range();
        args.id = id;
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_BIND, args), ENOENT) << id;
    }
}

TEST_F(RingBind, RingOfAnotherFileIsNotFound) {
    const Fd other = open_device();
    drm_zaccel_ring_bind args = range();
    args.id = ring_.id();
    EXPECT_EQ(call(other, DRM_IOCTL_ZACCEL_RING_BIND, args), ENOENT);
}

TEST_F(RingBind, EverySlotCanBeFilledAndCleared) {
    for (std::uint32_t slot = 0; slot < ring_.args().slots; slot++)
        EXPECT_EQ(ring_.bind_range(slot, buffer_, 0, page), 0) << slot;
    for (std::uint32_t slot = 0; slot < ring_.args().slots; slot++)
        EXPECT_EQ(ring_.clear(slot), 0) << slot;
    EXPECT_EQ(ring_.clear(0), 0) << "an empty slot";
}

TEST_F(RingBind, SlotOutOfRangeIsInvalid) {
    for (std::uint32_t slot : {ring_.args().slots, 4096U, 1U << 31, ~0U}) {
        EXPECT_EQ(ring_.bind_range(slot, buffer_, 0, page), EINVAL) << slot;
        EXPECT_EQ(ring_.clear(slot), EINVAL) << slot;
    }
}

TEST_F(RingBind, RingWithoutSlotsHasNone) {
    const Ring ring(device_, {8, 8, 0});
    EXPECT_EQ(ring.bind_range(0, buffer_, 0, page), EINVAL);
    EXPECT_EQ(ring.clear(0), EINVAL);
}

TEST_F(RingBind, UnknownKindIsInvalid) {
    for (std::uint32_t kind : {3U, 4U, 1U << 31, ~0U}) {
        drm_zaccel_ring_bind args = range();
        args.kind = kind;
        EXPECT_EQ(ring_.bind(args), EINVAL) << kind;
    }
}

TEST_F(RingBind, EveryFlagIsInvalid) {
    for (unsigned bit = 0; bit < 32; bit++)
        for (drm_zaccel_ring_bind args : {drm_zaccel_ring_bind{}, range(), xrgb()}) {
            args.flags = 1U << bit;
            EXPECT_EQ(ring_.bind(args), EINVAL) << bit;
        }
}

TEST_F(RingBind, BadPadIsInvalid) {
    for (drm_zaccel_ring_bind args : {drm_zaccel_ring_bind{}, range(), xrgb()}) {
        args.pad = 1;
        EXPECT_EQ(ring_.bind(args), EINVAL);
    }
}

TEST_F(RingBind, ClearingTakesNothingElse) {
    std::vector<Fault> faults{
        {"fourcc", [](auto& args) { args.fourcc = DRM_FORMAT_R8; }},
        {"width", [](auto& args) { args.width = 1; }},
        {"height", [](auto& args) { args.height = 1; }},
        {"modifier", [](auto& args) { args.modifier = 1; }},
    };
    for (std::size_t i = 0; i < ZACCEL_MAX_PLANES; i++)
        for (const Fault& fault : plane_faults(i)) faults.push_back(fault);
    expect_all(EINVAL, drm_zaccel_ring_bind{}, faults);
}

TEST_F(RingBind, RangeTakesNothingOfAnImage) {
    expect_all(EINVAL, range(),
               {{"fourcc", [](auto& args) { args.fourcc = DRM_FORMAT_R8; }},
                {"width", [](auto& args) { args.width = 1; }},
                {"height", [](auto& args) { args.height = 1; }},
                {"modifier", [](auto& args) { args.modifier = 1; }},
                {"pitch", [](auto& args) { args.planes[0].pitch = 1; }},
                {"no size", [](auto& args) { args.planes[0].size = 0; }}});
}

TEST_F(RingBind, RangeTakesNoOtherPlane) {
    for (std::size_t i = 1; i < ZACCEL_MAX_PLANES; i++)
        expect_all(EINVAL, range(), plane_faults(i));
}

TEST_F(RingBind, ImageTakesNoOtherPlane) {
    for (std::size_t i = 1; i < ZACCEL_MAX_PLANES; i++) expect_all(EINVAL, xrgb(), plane_faults(i));
    for (std::size_t i = 2; i < ZACCEL_MAX_PLANES; i++) expect_all(EINVAL, nv12(), plane_faults(i));
}

TEST_F(RingBind, ImageTakesNoSizeOfAPlane) {
    expect_all(EINVAL, nv12(),
               {{"plane 0", [](auto& args) { args.planes[0].size = 1; }},
                {"plane 1", [](auto& args) { args.planes[1].size = 1; }}});
}

TEST_F(RingBind, UnknownHandleIsNotFound) {
    const Fault unknown[] = {{"none", [](auto& args) { args.planes[0].handle = 0; }},
                             {"never given", [](auto& args) { args.planes[0].handle = 9999; }},
                             {"large", [](auto& args) { args.planes[0].handle = ~0U; }}};
    const std::vector<Fault> faults(std::begin(unknown), std::end(unknown));
    expect_all(ENOENT, range(), faults);
    expect_all(ENOENT, xrgb(), faults);
    expect_all(ENOENT, nv12(), {{"plane 1", [](auto& args) { args.planes[1].handle = 0; }}});
}

TEST_F(RingBind, HandleOfAnotherFileIsNotFound) {
    const Fd other = open_device();
    // So many that its handle cannot be one of this file's.
    std::vector<Buffer> buffers;
    for (int i = 0; i < 8; i++) buffers.emplace_back(other, page);
    EXPECT_EQ(ring_.bind_range(0, buffers.back(), 0, page), ENOENT);
}

TEST_F(RingBind, RangeMustFit) {
    struct {
        std::uint64_t offset, size;
        int error;
    } const cases[] = {
        {0, 1, 0},
        {0, 4 * page, 0},
        {4 * page - 1, 1, 0},
        {3 * page, page, 0},
        {0, 4 * page + 1, ERANGE},
        {1, 4 * page, ERANGE},
        {4 * page, 1, ERANGE},
        {4 * page + 1, 1, ERANGE},
        {~0ULL, 1, ERANGE},
        {~0ULL, 2, ERANGE},
        {1, ~0ULL, ERANGE},
        {page, ~0ULL - page + 1, ERANGE},
        {1ULL << 63, 1ULL << 63, ERANGE},
    };
    for (const auto& c : cases)
        EXPECT_EQ(ring_.bind_range(0, buffer_, c.offset, c.size), c.error)
            << c.offset << " + " << c.size;
}

TEST_F(RingBind, EveryFormatIsTaken) {
    const std::uint32_t h = buffer_.handle();
    EXPECT_EQ(ring_.bind(xrgb()), 0);
    EXPECT_EQ(ring_.bind(nv12()), 0);
    EXPECT_EQ(ring_.bind(image_args(0, DRM_FORMAT_R8, 15, 17, {plane(h, 15)})), 0);
    EXPECT_EQ(ring_.bind(image_args(0, DRM_FORMAT_YUYV, 16, 17, {plane(h, 32)})), 0);
    EXPECT_EQ(ring_.bind(image_args(0, DRM_FORMAT_YUV420, 16, 16,
                                    {plane(h, 16), plane(h, 8, 256), plane(h, 8, 320)})),
              0);
}

TEST_F(RingBind, PlanesMayLieInDifferentBuffers) {
    const Buffer chroma(device_, page);
    EXPECT_EQ(ring_.bind(image_args(0, DRM_FORMAT_NV12, 16, 16,
                                    {plane(buffer_.handle(), 16), plane(chroma.handle(), 16)})),
              0);
}

TEST_F(RingBind, EveryPlaneMayHaveItsBuffer) {
    const Buffer u(device_, page), v(device_, page);
    const drm_zaccel_ring_bind good =
        image_args(0, DRM_FORMAT_YUV420, 16, 16,
                   {plane(buffer_.handle(), 16), plane(u.handle(), 8), plane(v.handle(), 8, 100)});
    expect_all(ENOENT, good, {{"third", [](auto& args) { args.planes[2].handle = 9999; }}});
    expect_all(ERANGE, good, {{"third", [](auto& args) { args.planes[2].offset = page - 63; }}});
    ASSERT_EQ(ring_.bind(image_args(1, DRM_FORMAT_XRGB8888, 16, 16, {plane(u.handle(), 64, 1024)})),
              0);
    ASSERT_EQ(ring_.run_one(image_command(ZACCEL_OP_CONVERT, 0, 1)).status, 0);
    const Mapping luma = buffer_.map(), first = u.map(), second = v.map();
    const auto expect_plane = [](const Mapping& memory, std::size_t offset, std::size_t size,
                                 std::uint8_t value) {
        const std::vector<std::uint8_t> written(size, value);
        EXPECT_EQ(std::memcmp(memory.data() + offset, written.data(), size), 0);
        EXPECT_EQ(memory[offset + size], 0) << "behind it";
    };
    expect_plane(luma, 0, 256, 16);
    expect_plane(first, 0, 64, 128);
    expect_plane(second, 100, 64, 128);
    EXPECT_EQ(second[99], 0);
}

TEST_F(RingBind, UnknownFormatIsNotSupported) {
    expect_all(EOPNOTSUPP, xrgb(),
               {{"none", [](auto& args) { args.fourcc = 0; }},
                {"ARGB2101010", [](auto& args) { args.fourcc = DRM_FORMAT_ARGB2101010; }},
                {"big endian",
                 [](auto& args) { args.fourcc = DRM_FORMAT_XRGB8888 | DRM_FORMAT_BIG_ENDIAN; }},
                {"any", [](auto& args) { args.fourcc = ~0U; }}});
}

TEST_F(RingBind, UnknownModifierIsNotSupported) {
    expect_all(EOPNOTSUPP, xrgb(),
               {{"tiled", [](auto& args) { args.modifier = I915_FORMAT_MOD_X_TILED; }},
                {"invalid", [](auto& args) { args.modifier = DRM_FORMAT_MOD_INVALID; }}});
}

TEST_F(RingBind, ImpossibleSizeIsInvalid) {
    expect_all(EINVAL, xrgb(),
               {{"no width", [](auto& args) { args.width = 0; }},
                {"no height", [](auto& args) { args.height = 0; }},
                {"too wide", [](auto& args) { args.width = 16385; }},
                {"too high", [](auto& args) { args.height = 16385; }},
                {"wide", [](auto& args) { args.width = ~0U; }},
                {"high", [](auto& args) { args.height = ~0U; }},
                {"short pitch", [](auto& args) { args.planes[0].pitch = 63; }},
                {"no pitch", [](auto& args) { args.planes[0].pitch = 0; }}});
}

TEST_F(RingBind, OddSizeOfSubsampledFormatIsInvalid) {
    expect_all(EINVAL, nv12(),
               {{"width", [](auto& args) { args.width = 15; }},
                {"height", [](auto& args) { args.height = 15; }},
                {"chroma pitch", [](auto& args) { args.planes[1].pitch = 15; }},
                {"no chroma", [](auto& args) { args.planes[1] = {}; }}});
}

TEST_F(RingBind, LargestImageIsTaken) {
    const std::uint32_t h = buffer_.handle();
    EXPECT_EQ(ring_.bind(image_args(0, DRM_FORMAT_R8, 16384, 1, {plane(h, 16384)})), 0);
    EXPECT_EQ(ring_.bind(image_args(0, DRM_FORMAT_R8, 1, 16384, {plane(h, 1)})), 0);
}

// What counts is the last pixel, not the last line's pitch.
TEST_F(RingBind, ImageMustFit) {
    const std::uint32_t h = buffer_.handle();
    const auto bind = [&](std::uint32_t lines, std::uint32_t pitch, std::uint64_t offset) {
        return ring_.bind(image_args(0, DRM_FORMAT_XRGB8888, 16, lines, {plane(h, pitch, offset)}));
    };
    EXPECT_EQ(bind(256, 64, 0), 0);
    EXPECT_EQ(bind(257, 64, 0), ERANGE);
    EXPECT_EQ(bind(256, 64, 1), ERANGE);
    EXPECT_EQ(bind(4, 4 * page / 4, 4 * page / 4 - 64), 0);
    EXPECT_EQ(bind(4, 4 * page / 4, 4 * page / 4 - 63), ERANGE);
    EXPECT_EQ(bind(2, ~0U, 0), ERANGE);
    EXPECT_EQ(bind(16384, ~0U, 0), ERANGE);
    EXPECT_EQ(bind(1, ~0U, 0), 0);
    EXPECT_EQ(bind(1, 64, ~0ULL), ERANGE);
    EXPECT_EQ(bind(1, 64, 1ULL << 63), ERANGE);
    EXPECT_EQ(bind(1, 64, 4 * page), ERANGE);
}

TEST_F(RingBind, SecondPlaneMustFitToo) {
    expect_all(ERANGE, nv12(),
               {{"behind", [](auto& args) { args.planes[1].offset = 4 * page; }},
                {"across", [](auto& args) { args.planes[1].offset = 4 * page - 127; }},
                {"wrap", [](auto& args) { args.planes[1].offset = ~0ULL - 16; }}});
}

TEST_F(RingBind, FailureLeavesTheSlotAsItWas) {
    ASSERT_EQ(ring_.bind_range(3, buffer_, 0, 64), 0);
    EXPECT_EQ(ring_.bind_range(3, buffer_, 4 * page, 64), ERANGE);
    EXPECT_EQ(ring_.run_one(fill(3, 0, 64, 1)).status, 0);
}

TEST_F(RingBind, BindingHoldsItsBuffer) {
    const Mapping memory = buffer_.map();
    ASSERT_EQ(ring_.bind_range(0, buffer_, 0, page), 0);
    buffer_.close();
    EXPECT_EQ(ring_.run_one(fill(0, 0, 8, 0x0102030405060708)).status, 0);
    EXPECT_EQ(memory[0], 8);
    EXPECT_EQ(memory[7], 1);
}

TEST_F(RingBind, ClearedSlotIsEmpty) {
    ASSERT_EQ(ring_.bind_range(0, buffer_, 0, page), 0);
    ASSERT_EQ(ring_.clear(0), 0);
    EXPECT_EQ(ring_.run_one(fill(0, 0, 8, 1)).status, -EBADSLT);
}

TEST_F(RingBind, ReplacingAffectsLaterBatchesOnly) {
    const Buffer other(device_, page);
    const Mapping before = buffer_.map(), after = other.map();
    BusyEngine busy(device_);
    ASSERT_EQ(ring_.bind_range(0, buffer_, 0, page), 0);
    ring_.put_batch({fill(0, 0, 1, 0x11)});
    ASSERT_EQ(ring_.submit(), 0);
    ASSERT_EQ(ring_.bind_range(0, other, 0, page), 0);
    buffer_.close();
    ring_.put_batch({fill(0, 1, 1, 0x22)});
    ASSERT_EQ(ring_.submit(), 0);
    busy.cancel();
    ring_.wait_for(2);
    EXPECT_EQ(before[0], 0x11);
    EXPECT_EQ(before[1], 0);
    EXPECT_EQ(after[0], 0);
    EXPECT_EQ(after[1], 0x22);
}

TEST_F(RingBind, SlotsBelongToTheirRing) {
    Ring other(device_);
    ASSERT_EQ(ring_.bind_range(0, buffer_, 0, page), 0);
    EXPECT_EQ(other.run_one(fill(0, 0, 8, 1)).status, -EBADSLT);
}

}  // namespace
}  // namespace uapi_tests
