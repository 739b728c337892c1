// SPDX-License-Identifier: MIT
// Buffers that other drivers made.
#include <accel/buffer.hpp>

#include <fcntl.h>

#include <algorithm>

#include "fixture.hpp"
#include "udmabuf.hpp"
#include "vgem.hpp"

namespace {

using accel::Access;
using accel::Buffer;
using accel::Command;
using accel::Errc;
using lib_tests::error_of;
using lib_tests::holds_only;
using lib_tests::long_enough;
using lib_tests::Udmabuf;

constexpr std::size_t size = 64 * 1024;

class ForeignBuffer : public lib_tests::DeviceTest {};

TEST_F(ForeignBuffer, IsImportedAndShared) {
    const Udmabuf udmabuf(size);
    const Buffer buffer = Buffer::import(device_, udmabuf.fd());
    EXPECT_TRUE(buffer.is_imported());
    EXPECT_TRUE(buffer.is_shared());
    EXPECT_EQ(buffer.size(), size);
}

TEST_F(ForeignBuffer, ShowsItsContentsBothWays) {
    const Udmabuf udmabuf(size);
    std::ranges::fill(udmabuf.bytes(), std::uint8_t{0x3d});
    const Buffer buffer = Buffer::import(device_, udmabuf.fd());
    EXPECT_TRUE(holds_only(buffer, 0x3d));

    lib_tests::fill_with(buffer, 0x4e);
    EXPECT_EQ(std::ranges::count(udmabuf.bytes(), 0x4e), static_cast<std::ptrdiff_t>(size));
}

TEST_F(ForeignBuffer, IsWorkedOnInPlace) {
    const Udmabuf udmabuf(size);
    const Buffer buffer = Buffer::import(device_, udmabuf.fd());
    accel::Ring ring(device_);
    const accel::Slot slot = ring.bind(buffer);

    ring.submit(Command::fill(slot, 0xabababababababab));
    EXPECT_EQ(ring.reap(long_enough).status, std::error_code());
    ASSERT_TRUE(buffer.wait(Access::read, long_enough));
    EXPECT_EQ(std::ranges::count(udmabuf.bytes(), 0xab), static_cast<std::ptrdiff_t>(size));
}

TEST_F(ForeignBuffer, IsCopiedFrom) {
    const Udmabuf udmabuf(size);
    std::ranges::fill(udmabuf.bytes(), std::uint8_t{0x19});
    const Buffer source = Buffer::import(device_, udmabuf.fd());
    const Buffer target = Buffer::allocate(device_, size);
    accel::Ring ring(device_);
    const accel::Slot source_slot = ring.bind(source);
    const accel::Slot target_slot = ring.bind(target);

    ring.submit(Command::copy(target_slot, source_slot));
    EXPECT_EQ(ring.reap(long_enough).result, size);
    EXPECT_TRUE(holds_only(target, 0x19));
}

TEST_F(ForeignBuffer, CanBeExportedOn) {
    const Udmabuf udmabuf(size);
    std::ranges::fill(udmabuf.bytes(), std::uint8_t{0x55});
    const Buffer buffer = Buffer::import(device_, udmabuf.fd());
    const accel::Device other = accel::Device::open();
    const Buffer again = Buffer::import(other, buffer.export_fd().get());
    EXPECT_TRUE(again.is_imported());
    EXPECT_TRUE(holds_only(again, 0x55));
}

TEST_F(ForeignBuffer, OutlivesItsMaker) {
    accel::UniqueFd shared;
    {
        const Udmabuf udmabuf(size);
        std::ranges::fill(udmabuf.bytes(), std::uint8_t{0x5b});
        shared = accel::UniqueFd::duplicate(udmabuf.fd());
    }
    const Buffer buffer = Buffer::import(device_, shared.get());
    shared.reset();
    EXPECT_TRUE(holds_only(buffer, 0x5b));
}

TEST_F(ForeignBuffer, ThatIsReadOnlyRefusesOnlyWriting) {
    const accel::UniqueFd read_only = lib_tests::vgem_read_only_dmabuf();
    const Buffer buffer = Buffer::import(device_, read_only.get());
    EXPECT_EQ(error_of([&] { (void)buffer.map(Access::write); }), Errc::access_denied);
    EXPECT_EQ(error_of([&] { (void)buffer.map(Access::read_write); }), Errc::access_denied);
    EXPECT_TRUE(holds_only(buffer, 0));
}

TEST_F(ForeignBuffer, ThatIsReadOnlyIsExportedReadOnly) {
    const accel::UniqueFd read_only = lib_tests::vgem_read_only_dmabuf();
    const accel::UniqueFd exported = Buffer::import(device_, read_only.get()).export_fd();
    EXPECT_EQ(::fcntl(exported.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
}

TEST_F(ForeignBuffer, WaitsForItsWriter) {
    lib_tests::HeldFence writer;
    const Buffer buffer = Buffer::import(device_, writer.dmabuf_fd());
    EXPECT_FALSE(buffer.is_idle(Access::read));
    EXPECT_EQ(buffer.wait(Access::write, lib_tests::a_moment).error(), Errc::timed_out);

    writer.signal();
    EXPECT_TRUE(buffer.wait(Access::read, long_enough));
    EXPECT_TRUE(buffer.is_idle(Access::write));
}

}  // namespace
