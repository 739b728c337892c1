// SPDX-License-Identifier: MIT

// Late mode and images: poison in each line of each plane, none in the padding or around it.

#include <drm/drm_fourcc.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <ostream>
#include <vector>

#include "fixture.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "support/op_vectors.hpp"

namespace uapi_tests {
namespace {

using test_support::Bytes;
using test_support::OpVector;
using test_support::VectorOperand;

constexpr std::uint8_t poison = LateMode::poison;
constexpr std::uint8_t outside = 0xee;

struct PlaneShape {
    std::uint32_t line;
    std::uint32_t lines;
};

std::vector<PlaneShape> shapes(std::uint32_t fourcc, std::uint32_t width, std::uint32_t height) {
    switch (fourcc) {
        case DRM_FORMAT_XRGB8888:
            return {{width * 4, height}};
        case DRM_FORMAT_YUYV:
            return {{width * 2, height}};
        case DRM_FORMAT_NV12:
            return {{width, height}, {width, height / 2}};
        case DRM_FORMAT_YUV420:
            return {{width, height}, {width / 2, height / 2}, {width / 2, height / 2}};
        default:
            return {{width, height}};
    }
}

/// What an operand's bytes are while a command that writes it is held back.
Bytes poisoned(const VectorOperand& dst, const drm_zaccel_command& command) {
    Bytes bytes = dst.bytes;
    const auto put = [&](std::uint64_t offset, std::uint64_t size) {
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), size, poison);
    };
    if (dst.kind == ZACCEL_SLOT_RANGE) {
        const bool fills = command.opcode == ZACCEL_OP_FILL;
        put(command.args[0], fills ? command.args[1] : command.args[2]);
        return bytes;
    }
    const std::vector<PlaneShape> all = shapes(dst.fourcc, dst.width, dst.height);
    for (std::size_t i = 0; i < all.size(); i++)
        for (std::uint32_t y = 0; y < all[i].lines; y++)
            put(dst.planes[i].offset + y * dst.planes[i].pitch, all[i].line);
    return bytes;
}

class LateVector : public DeviceTest {
 protected:
    LateVector() { late_.hold(); }

    void bind(const VectorOperand& operand, std::uint32_t slot) {
        if (operand.kind == ZACCEL_SLOT_EMPTY) return;
        const Buffer buffer(device_, std::max<std::uint64_t>(operand.bytes.size(), 1));
        memory_[slot] = buffer.map();
        std::copy(operand.bytes.begin(), operand.bytes.end(), memory_[slot].data());
        drm_zaccel_ring_bind args = range_args(slot, buffer.handle(), 0, operand.bytes.size());
        if (operand.kind == ZACCEL_SLOT_IMAGE) {
            args = image_args(slot, operand.fourcc, operand.width, operand.height, {});
            for (std::size_t i = 0; i < operand.planes.size(); i++)
                args.planes[i] =
                    plane(buffer.handle(), operand.planes[i].pitch, operand.planes[i].offset);
        }
        ASSERT_EQ(ring_.bind(args), 0);
    }

    bool holds(const Bytes& bytes) const {
        return std::equal(bytes.begin(), bytes.end(), memory_[1].data());
    }

    void run(const OpVector& vector) {
        SCOPED_TRACE(vector.name);
        bind(vector.dst, 1);
        bind(vector.src, 2);
        drm_zaccel_command command = vector.command;
        command.dst = 1;
        command.src = vector.src.kind == ZACCEL_SLOT_EMPTY ? 0 : 2;
        ring_.put_batch({command});
        ASSERT_EQ(ring_.submit(), 0);
        const Bytes meanwhile =
            vector.status ? vector.dst.bytes : poisoned(vector.dst, vector.command);
        EXPECT_TRUE(eventually([&] { return holds(meanwhile); }, long_enough / 4));
        EXPECT_FALSE(ring_.posted(ring_.sq_tail()));
        late_.advance(1);
        ring_.wait_for(ring_.sq_tail());
        EXPECT_EQ(ring_.reap().at(0).status, vector.status);
        EXPECT_TRUE(holds(vector.expected));
    }

    LateMode late_;
    Mapping memory_[3];
    Ring ring_{device_};
};

TEST_F(LateVector, PoisonFirstAndThenTheResult) {
    for (const OpVector& vector : test_support::op_vectors())
        if (vector.dst.kind != ZACCEL_SLOT_EMPTY && !HasFailure()) run(vector);
}

struct Format {
    const char* name;
    std::uint32_t fourcc;

    friend void PrintTo(const Format& format, std::ostream* out) { *out << format.name; }
};

// Each plane in its place of one buffer, with padding behind each line.
class LateImage : public DeviceTest, public testing::WithParamInterface<Format> {
 protected:
    static constexpr std::uint32_t width = 12, height = 6, padding = 5, gap = 64;

    LateImage() {
        std::fill_n(memory_.data(), memory_.bytes().size(), outside);
        std::iota(picture_.data(), picture_.data() + width * height * 4, std::uint8_t{1});
    }

    /// The picture's operand: its planes one behind the other.
    VectorOperand operand() const {
        VectorOperand image;
        image.kind = ZACCEL_SLOT_IMAGE;
        image.bytes = Bytes(memory_.bytes().begin(), memory_.bytes().end());
        image.fourcc = GetParam().fourcc;
        image.width = width;
        image.height = height;
        std::uint32_t offset = gap;
        for (const PlaneShape& shape : shapes(image.fourcc, width, height)) {
            image.planes.push_back({offset, shape.line + padding});
            offset += shape.lines * (shape.line + padding) + gap;
        }
        return image;
    }

    void bind(const VectorOperand& image, std::uint32_t slot) {
        drm_zaccel_ring_bind args = image_args(slot, image.fourcc, width, height, {});
        for (std::size_t i = 0; i < image.planes.size(); i++)
            args.planes[i] = plane(buffer_.handle(), image.planes[i].pitch, image.planes[i].offset);
        ASSERT_EQ(ring_.bind(args), 0);
        ASSERT_EQ(ring_.bind(image_args(2, DRM_FORMAT_XRGB8888, width, height,
                                        {plane(source_.handle(), width * 4)})),
                  0);
    }

    Bytes contents() const { return {memory_.bytes().begin(), memory_.bytes().end()}; }

    LateMode late_;
    Buffer buffer_{device_, 4096};
    Buffer source_{device_, 4096};
    Mapping memory_ = buffer_.map();
    Mapping picture_ = source_.map();
    Ring ring_{device_};
};

TEST_P(LateImage, PaddingAndSurroundingsStay) {
    const VectorOperand image = operand();
    bind(image, 1);
    const drm_zaccel_command convert = image_command(ZACCEL_OP_CONVERT, 1, 2);
    ASSERT_EQ(ring_.run_one(convert).status, 0);
    const Bytes result = contents();
    std::copy(image.bytes.begin(), image.bytes.end(), memory_.data());

    late_.hold();
    ring_.put_batch({convert});
    ASSERT_EQ(ring_.submit(), 0);
    const Bytes meanwhile = poisoned(image, convert);
    EXPECT_TRUE(eventually([&] { return contents() == meanwhile; }, long_enough / 4));
    late_.advance(1);
    ring_.wait_for(2);
    EXPECT_EQ(contents(), result);
    for (std::size_t i = 0; i < result.size(); i++)
        EXPECT_TRUE(meanwhile[i] == poison || result[i] == outside) << i;
}

TEST_P(LateImage, DestroyedRingLeavesThePicture) {
    const VectorOperand image = operand();
    bind(image, 1);
    ASSERT_EQ(ring_.run_one(image_command(ZACCEL_OP_CONVERT, 1, 2)).status, 0);
    const Bytes before = contents();
    late_.hold();
    ring_.put_batch({image_command(ZACCEL_OP_CONVERT, 1, 2)});
    ASSERT_EQ(ring_.submit(), 0);
    const Bytes meanwhile = poisoned(image, {});
    EXPECT_TRUE(eventually([&] { return contents() == meanwhile; }, long_enough / 4));
    ASSERT_EQ(ring_.destroy(), 0);
    EXPECT_TRUE(eventually([&] { return ring_.cq_tail() == 2; }));
    EXPECT_EQ(contents(), before);
}

INSTANTIATE_TEST_SUITE_P(Formats, LateImage,
                         testing::Values(Format{"XRGB8888", DRM_FORMAT_XRGB8888},
                                         Format{"R8", DRM_FORMAT_R8},
                                         Format{"YUYV", DRM_FORMAT_YUYV},
                                         Format{"NV12", DRM_FORMAT_NV12},
                                         Format{"I420", DRM_FORMAT_YUV420}),
                         [](const auto& test) { return test.param.name; });

class LateFilter : public DeviceTest {
 protected:
    static constexpr std::uint32_t side = 8;

    LateFilter() {
        EXPECT_EQ(ring_.bind(image(0, 0)), 0);
        EXPECT_EQ(ring_.bind(image(1, side * side)), 0);
        std::iota(memory_.data(), memory_.data() + side * side, std::uint8_t{0});
        late_.hold();
    }

    drm_zaccel_ring_bind image(std::uint32_t slot, std::uint64_t offset) const {
        return image_args(slot, DRM_FORMAT_R8, side, side, {plane(buffer_.handle(), side, offset)});
    }

    LateMode late_;
    Buffer buffer_{device_, 4096};
    Mapping memory_ = buffer_.map();
    Ring ring_{device_};
};

TEST_F(LateFilter, InvertsInPlace) {
    ring_.put_batch({image_command(ZACCEL_OP_INVERT, 0, 0)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_TRUE(eventually([&] { return memory_[0] == poison && memory_[63] == poison; }));
    EXPECT_EQ(memory_[64], 0);
    late_.advance(1);
    ring_.wait_for(1);
    for (unsigned i = 0; i < 64; i++) EXPECT_EQ(memory_[i], 255 - i);
}

TEST_F(LateFilter, ChainsImages) {
    ring_.put_batch({image_command(ZACCEL_OP_INVERT, 0, 0), image_command(ZACCEL_OP_INVERT, 1, 0),
                     image_command(ZACCEL_OP_INVERT, 0, 0), image_command(ZACCEL_OP_INVERT, 0, 1)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_TRUE(eventually([&] { return memory_[0] == poison && memory_[127] == poison; }));
    late_.advance(1);
    ring_.wait_for(4);
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(4, 0));
    for (unsigned i = 0; i < 64; i++) {
        EXPECT_EQ(memory_[i], 255 - i);
        EXPECT_EQ(memory_[64 + i], i);
    }
}

}  // namespace
}  // namespace uapi_tests
