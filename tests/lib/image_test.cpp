// SPDX-License-Identifier: MIT
#include <accel/image.hpp>

#include <array>
#include <optional>
#include <span>
#include <utility>

#include "fixture.hpp"
#include "udmabuf.hpp"

namespace {

using accel::Buffer;
using accel::Command;
using accel::Errc;
using accel::Image;
using accel::ImageLayout;
using accel::Plane;
using accel::Ring;
using accel::Size;
using accel::Slot;
using lib_tests::contents;
using lib_tests::error_of;
using lib_tests::long_enough;
namespace fourcc = accel::fourcc;

class ImageTest : public lib_tests::DeviceTest {
 protected:
    std::error_code bind_error(const Image& image) {
        return error_of([&] { ring_.bind(image); });
    }

    std::error_code run(const Command& command) {
        ring_.submit(command);
        return ring_.reap(long_enough).status;
    }

    Buffer buffer_for(const ImageLayout& layout) { return Buffer::allocate(device_, layout.bytes); }

    Buffer buffer_ = Buffer::allocate(device_, 4096);
    Ring ring_{device_};
};

class ImageBind : public ImageTest {};
class ImageOperation : public ImageTest {};

TEST_F(ImageBind, TakesEveryFormatInItsNaturalLayout) {
    for (const std::uint32_t format :
         {fourcc::XRGB8888, fourcc::R8, fourcc::YUYV, fourcc::NV12, fourcc::YUV420}) {
        const ImageLayout layout = ImageLayout::natural(format, {30, 18});
        const Buffer buffer = buffer_for(layout);
        EXPECT_TRUE(ring_.bind(Image(buffer, layout))) << accel::fourcc_name(format);
    }
}

TEST_F(ImageBind, KeepsTheBufferAliveThroughImageAndSlot) {
    const ImageLayout layout = ImageLayout::natural(fourcc::R8, {64, 4});
    std::optional<Buffer> buffer = buffer_for(layout);
    std::optional<Image> image(std::in_place, *buffer, layout);
    buffer.reset();
    const Slot slot = ring_.bind(*image);
    image.reset();
    EXPECT_EQ(run(Command::invert(slot, slot)), std::error_code());
}

TEST_F(ImageBind, TakesPlanesInBuffersOfTheirOwn) {
    const Buffer chroma = Buffer::allocate(device_, 4096);
    const std::array planes{Plane(buffer_, 0, 64), Plane(chroma, 128, 64)};
    EXPECT_TRUE(ring_.bind(Image(fourcc::NV12, {64, 16}, planes)));
}

TEST_F(ImageBind, TakesPlanesThatWereMovedFrom) {
    Plane plane(buffer_, 0, 64), other(buffer_, 4096, 64);
    const Plane moved = std::move(plane);
    other = std::move(plane);
    for (const Plane& each : {plane, moved, other})
        EXPECT_TRUE(ring_.bind(Image(fourcc::R8, {64, 8}, std::span(&each, 1))));
}

TEST_F(ImageBind, RefusesAnImageThatDoesNotFit) {
    const std::array at_end{Plane(buffer_, 4096 - 64 * 3, 64)};
    EXPECT_FALSE(bind_error(Image(fourcc::R8, {64, 3}, at_end)));
    EXPECT_EQ(bind_error(Image(fourcc::R8, {64, 4}, at_end)), Errc::out_of_range);
    const std::array huge_pitch{Plane(buffer_, 0, 0xffffffc0)};
    EXPECT_EQ(bind_error(Image(fourcc::R8, {64, 2}, huge_pitch)), Errc::out_of_range);
    const std::array huge_offset{Plane(buffer_, ~0ull - 63, 64)};
    EXPECT_EQ(bind_error(Image(fourcc::R8, {64, 1}, huge_offset)), Errc::out_of_range);

    const ImageLayout layout = ImageLayout::natural(fourcc::R8, {64, 65});
    EXPECT_EQ(error_of([&] { Image(buffer_, layout); }), Errc::out_of_range);
    EXPECT_EQ(error_of([&] { Image(buffer_, ImageLayout::natural(fourcc::R8, {64, 64}), 64); }),
              Errc::out_of_range);
}

TEST_F(ImageBind, RefusesFormatsAndModifiersItDoesNotKnow) {
    const std::array plane{Plane(buffer_, 0, 64)};
    EXPECT_EQ(bind_error(Image(accel::make_fourcc('A', 'B', 'C', 'D'), {8, 8}, plane)),
              Errc::not_supported);
    EXPECT_EQ(bind_error(Image(fourcc::R8, {8, 8}, plane, 1)), Errc::not_supported);
}

TEST_F(ImageBind, RefusesGeometryThatCannotBe) {
    const std::array one{Plane(buffer_, 0, 64)};
    const std::array two{Plane(buffer_, 0, 64), Plane(buffer_, 2048, 64)};
    EXPECT_EQ(bind_error(Image(fourcc::R8, {65, 1}, one)), Errc::invalid_argument) << "pitch";
    EXPECT_EQ(bind_error(Image(fourcc::R8, {0, 1}, one)), Errc::invalid_argument);
    EXPECT_EQ(bind_error(Image(fourcc::YUYV, {7, 1}, one)), Errc::invalid_argument) << "odd";
    EXPECT_EQ(bind_error(Image(fourcc::NV12, {8, 8}, one)), Errc::invalid_argument) << "planes";
    EXPECT_EQ(bind_error(Image(fourcc::R8, {8, 8}, two)), Errc::invalid_argument) << "planes";
    EXPECT_EQ(error_of([&] { Image(fourcc::R8, {8, 8}, {}); }), Errc::invalid_argument);
}

TEST_F(ImageBind, RefusesTheBuffersOfAnotherDevice) {
    const accel::Device other = accel::Device::open();
    const Buffer foreign = Buffer::allocate(other, 4096);
    const std::array planes{Plane(buffer_, 0, 64), Plane(foreign, 0, 64)};
    EXPECT_EQ(bind_error(Image(fourcc::NV12, {8, 8}, planes)), Errc::invalid_argument);
}

TEST_F(ImageOperation, InvertTwiceIsNothing) {
    const ImageLayout layout = ImageLayout::natural(fourcc::R8, {64, 64});
    lib_tests::fill_with(buffer_, 0x35);
    const Slot slot = ring_.bind(Image(buffer_, layout));
    EXPECT_EQ(run(Command::invert(slot, slot)), std::error_code());
    EXPECT_TRUE(lib_tests::holds_only(buffer_, 0xff - 0x35));
    EXPECT_EQ(run(Command::invert(slot, slot)), std::error_code());
    EXPECT_TRUE(lib_tests::holds_only(buffer_, 0x35));
}

TEST_F(ImageOperation, ConvolveWithTheIdentityCopies) {
    const ImageLayout layout = ImageLayout::natural(fourcc::R8, {64, 64});
    const Buffer target = buffer_for(layout);
    lib_tests::fill_with(buffer_, 0x6c);
    const Slot from = ring_.bind(Image(buffer_, layout));
    const Slot to = ring_.bind(Image(target, layout));
    EXPECT_EQ(run(Command::convolve3x3(to, from, {})), std::error_code());
    EXPECT_TRUE(lib_tests::holds_only(target, 0x6c));

    const accel::Kernel3x3 plus_ten{.bias = 10};
    EXPECT_EQ(run(Command::convolve3x3(to, from, plus_ten)), std::error_code());
    EXPECT_TRUE(lib_tests::holds_only(target, 0x6c + 10));
    EXPECT_EQ(run(Command::convolve3x3(to, from, {.shift = 16})), Errc::invalid_argument);
}

TEST_F(ImageOperation, ConvertTurnsWhiteIntoWhite) {
    const ImageLayout rgb = ImageLayout::natural(fourcc::XRGB8888, {16, 16});
    const ImageLayout grey = ImageLayout::natural(fourcc::R8, {32, 8}, 1);
    const Buffer target = buffer_for(grey);
    lib_tests::fill_with(buffer_, 0xff);
    const Slot from = ring_.bind(Image(buffer_, rgb));
    const Slot to = ring_.bind(Image(target, grey));

    EXPECT_EQ(run(Command::convert(to, from)), std::error_code());
    EXPECT_EQ(contents(target, 0, 256), std::vector<std::uint8_t>(256, 235));
    const accel::ConvertOptions full{.destination = {accel::Matrix::bt709, accel::Range::full},
                                     .filter = accel::Filter::bilinear};
    EXPECT_EQ(run(Command::convert(to, from, full)), std::error_code());
    EXPECT_EQ(contents(target, 0, 256), std::vector<std::uint8_t>(256, 255));
}

TEST_F(ImageOperation, WorksInPlaceOnForeignMemory) {
    const lib_tests::Udmabuf udmabuf(4096);
    udmabuf.bytes()[100] = 7;
    const Buffer imported = Buffer::import(device_, udmabuf.fd());
    const Slot slot = ring_.bind(Image(imported, ImageLayout::natural(fourcc::R8, {64, 64})));
    EXPECT_EQ(run(Command::invert(slot, slot)), std::error_code());
    EXPECT_EQ(udmabuf.bytes()[100], 248);
    EXPECT_EQ(udmabuf.bytes()[101], 255);
}

}  // namespace
