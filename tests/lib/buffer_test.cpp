// SPDX-License-Identifier: MIT
#include <accel/buffer.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "vgem.hpp"

namespace {

using accel::Access;
using accel::Buffer;
using accel::Command;
using accel::Device;
using accel::Errc;
using accel::Mapping;
using accel::UniqueFd;
using lib_tests::a_moment;
using lib_tests::contents;
using lib_tests::error_of;
using lib_tests::fill_with;
using lib_tests::HeldFence;
using lib_tests::holds_only;
using lib_tests::long_enough;

constexpr std::uint64_t page = 4096;

class BufferAllocate : public lib_tests::DeviceTest {};
class BufferMap : public lib_tests::DeviceTest {};
class BufferImport : public lib_tests::DeviceTest {
 protected:
    std::error_code import_error(int fd) {
        return error_of([&] { Buffer::import(device_, fd); });
    }
};

TEST_F(BufferAllocate, GivesWholeZeroedPages) {
    const Buffer buffer = Buffer::allocate(device_, 5000);
    EXPECT_EQ(buffer.size(), 2 * page);
    EXPECT_FALSE(buffer.is_imported());
    EXPECT_FALSE(buffer.is_shared());
    EXPECT_TRUE(holds_only(buffer, 0));
}

TEST_F(BufferAllocate, RefusesSizesThatCannotBe) {
    EXPECT_EQ(error_of([&] { Buffer::allocate(device_, 0); }), Errc::invalid_argument);
    const std::uint64_t limit = device_.info().limits.max_buffer_size;
    EXPECT_EQ(error_of([&] { Buffer::allocate(device_, limit + 1); }), Errc::too_large);
    EXPECT_EQ(error_of([&] { Buffer::allocate(device_, ~0ull); }), Errc::too_large);
}

TEST_F(BufferAllocate, MovedFromOnlyThrows) {
    Buffer buffer = Buffer::allocate(device_, page);
    const Buffer moved = std::move(buffer);
    EXPECT_EQ(moved.size(), page);
    EXPECT_EQ(error_of([&] { (void)buffer.size(); }), Errc::invalid_argument);
    EXPECT_EQ(error_of([&] { (void)buffer.map(Access::read); }), Errc::invalid_argument);
    EXPECT_EQ(buffer.wait(Access::read, a_moment).error(), Errc::invalid_argument);
}

TEST_F(BufferMap, KeepsWhatIsWritten) {
    const Buffer buffer = Buffer::allocate(device_, page);
    fill_with(buffer, 0x5a);
    EXPECT_TRUE(holds_only(buffer, 0x5a));
}

TEST_F(BufferMap, IsTheSameMemoryEachTime) {
    const Buffer buffer = Buffer::allocate(device_, page);
    const std::byte* first = buffer.map(Access::read).bytes().data();
    EXPECT_EQ(buffer.map(Access::read_write).bytes().data(), first);
}

TEST_F(BufferMap, StaysValidWithoutTheBuffer) {
    std::optional<Mapping> mapping;
    {
        const Device other = Device::open();
        const Buffer buffer = Buffer::allocate(other, page);
        fill_with(buffer, 0x11);
        mapping.emplace(buffer.map(Access::read));
    }
    EXPECT_EQ(mapping->bytes()[page - 1], std::byte{0x11});
}

TEST_F(BufferMap, EndsOnceAndForAll) {
    const Buffer buffer = Buffer::allocate(device_, page);
    const UniqueFd shared = buffer.export_fd();
    Mapping mapping = buffer.map(Access::read_write);
    EXPECT_TRUE(mapping.unmap());
    EXPECT_TRUE(mapping.bytes().empty());
    EXPECT_TRUE(mapping.unmap());
}

TEST_F(BufferMap, MovesItsScope) {
    const Buffer a = Buffer::allocate(device_, page);
    const Buffer b = Buffer::allocate(device_, 2 * page);
    Mapping mapping = a.map(Access::read);
    Mapping moved = std::move(mapping);
    EXPECT_TRUE(mapping.bytes().empty());
    EXPECT_EQ(moved.bytes().size(), page);
    moved = b.map(Access::read);
    EXPECT_EQ(moved.bytes().size(), 2 * page);
}

TEST_F(BufferMap, WorksOnASharedBuffer) {
    const Buffer buffer = Buffer::allocate(device_, page);
    fill_with(buffer, 1);
    const UniqueFd shared = buffer.export_fd();
    EXPECT_TRUE(buffer.is_shared());
    EXPECT_TRUE(holds_only(buffer, 1));
    fill_with(buffer, 2);
    EXPECT_TRUE(holds_only(buffer, 2));
}

TEST_F(BufferImport, RefusesEveryOtherKindOfDescriptor) {
    EXPECT_EQ(import_error(-1), Errc::bad_descriptor);
    EXPECT_EQ(import_error(1000), Errc::bad_descriptor);

    int pipe[2];
    ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
    const UniqueFd reader(pipe[0]), writer(pipe[1]);
    EXPECT_EQ(import_error(reader.get()), Errc::not_a_dmabuf);

    const UniqueFd memfd(::memfd_create("accel-test", MFD_CLOEXEC));
    EXPECT_EQ(import_error(memfd.get()), Errc::not_a_dmabuf);
    const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(import_error(file.get()), Errc::not_a_dmabuf);
    EXPECT_EQ(import_error(device_.fd()), Errc::not_a_dmabuf);
}

TEST_F(BufferImport, NamesDescriptorAndErrno) {
    const UniqueFd memfd(::memfd_create("accel-test", MFD_CLOEXEC));
    try {
        Buffer::import(device_, memfd.get());
        FAIL() << "no exception";
    } catch (const accel::Error& error) {
        EXPECT_EQ(std::string(error.what()),
                  "import of fd " + std::to_string(memfd.get()) + ": not a dma-buf (EINVAL)");
    }
}

TEST_F(BufferImport, OfTheSameDeviceIsTheSameMemory) {
    std::optional<Buffer> buffer = Buffer::allocate(device_, page);
    const UniqueFd shared = buffer->export_fd();
    std::optional<Buffer> first = Buffer::import(device_, shared.get());
    const Buffer second = Buffer::import(device_, shared.get());
    EXPECT_FALSE(second.is_imported());
    EXPECT_TRUE(second.is_shared());

    fill_with(*buffer, 0x77);
    buffer.reset();
    EXPECT_TRUE(holds_only(*first, 0x77));
    first.reset();
    EXPECT_TRUE(holds_only(second, 0x77));
}

TEST_F(BufferImport, OfAnotherDeviceObjectIsTheSameMemory) {
    const Device other = Device::open();
    std::optional<Buffer> buffer = Buffer::allocate(device_, page);
    const Buffer imported = Buffer::import(other, buffer->export_fd().get());
    EXPECT_TRUE(imported.is_shared());
    EXPECT_FALSE(imported.is_imported());

    fill_with(*buffer, 0x21);
    EXPECT_TRUE(holds_only(imported, 0x21));
    fill_with(imported, 0x22);
    EXPECT_TRUE(holds_only(*buffer, 0x22));
    buffer.reset();
    EXPECT_TRUE(holds_only(imported, 0x22));
}

TEST_F(BufferImport, WorksAfterTheExporterHasGone) {
    UniqueFd shared;
    {
        const Device other = Device::open();
        const Buffer buffer = Buffer::allocate(other, page);
        fill_with(buffer, 0x44);
        shared = buffer.export_fd();
    }
    EXPECT_TRUE(holds_only(Buffer::import(device_, shared.get()), 0x44));
}

TEST_F(BufferImport, OfOneDmabufInManyThreadsGivesAlwaysTheMemory) {
    const Device other = Device::open();
    const Buffer buffer = Buffer::allocate(other, page);
    fill_with(buffer, 0x66);
    const UniqueFd shared = buffer.export_fd();

    // Each closes its last Buffer while the others import: the handle is one for all of them.
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back([&] {
            for (int n = 0; n < 100; n++)
                EXPECT_TRUE(holds_only(Buffer::import(device_, shared.get()), 0x66));
        });
    for (std::thread& thread : threads) thread.join();
}

TEST_F(BufferImport, ExportsCloseOnExec) {
    const Buffer buffer = Buffer::allocate(device_, page);
    const UniqueFd a = buffer.export_fd();
    const UniqueFd b = buffer.export_fd();
    EXPECT_NE(a.get(), b.get());
    EXPECT_EQ(::fcntl(a.get(), F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(::fcntl(a.get(), F_GETFL) & O_ACCMODE, O_RDWR);
}

// A private buffer, and a ring that can be made to wait before it works on it.
class BufferWait : public lib_tests::DeviceTest {
 protected:
    void submit_held(const Command& command) {
        ring_.submit(std::span(&command, 1), {.wait_for = {&held_.fence(), 1}});
    }

    std::error_code wait_error(Access access, std::chrono::nanoseconds timeout) const {
        return buffer_.wait(access, timeout).error_or({});
    }

    HeldFence held_;
    Buffer buffer_ = Buffer::allocate(device_, page);
    accel::Ring ring_{device_};
    accel::Slot slot_ = ring_.bind(buffer_);
};

TEST_F(BufferWait, FindsAnUnusedBufferIdle) {
    for (const Access access : {Access::read, Access::write, Access::read_write}) {
        EXPECT_EQ(wait_error(access, accel::forever), std::error_code());
        EXPECT_EQ(wait_error(access, std::chrono::nanoseconds(-5)), std::error_code());
        EXPECT_TRUE(buffer_.is_idle(access));
    }
    EXPECT_FALSE(buffer_.is_shared()) << "asking changes nothing";
}

TEST_F(BufferWait, LastsAsLongAsTheBatchThatWrites) {
    submit_held(Command::fill(slot_, 0x0707070707070707));
    for (const Access access : {Access::read, Access::write, Access::read_write}) {
        EXPECT_FALSE(buffer_.is_idle(access));
        EXPECT_EQ(wait_error(access, a_moment), Errc::timed_out);
        EXPECT_EQ(wait_error(access, std::chrono::nanoseconds(0)), Errc::timed_out);
        EXPECT_EQ(wait_error(access, std::chrono::nanoseconds(-5)), Errc::timed_out);
    }
    held_.signal();
    EXPECT_EQ(wait_error(Access::read, long_enough), std::error_code());
    EXPECT_TRUE(buffer_.is_idle(Access::read_write));
    EXPECT_TRUE(holds_only(buffer_, 7));
}

TEST_F(BufferWait, OfAReaderConcernsOnlyWriters) {
    submit_held(Command::crc32c(slot_));
    EXPECT_TRUE(buffer_.is_idle(Access::read));
    EXPECT_EQ(wait_error(Access::write, a_moment), Errc::timed_out);
    EXPECT_EQ(wait_error(Access::read_write, a_moment), Errc::timed_out);
    held_.signal();
    EXPECT_EQ(wait_error(Access::write, accel::forever), std::error_code());
}

TEST_F(BufferWait, ConcernsOneBuffer) {
    const Buffer other = Buffer::allocate(device_, page);
    submit_held(Command::fill(slot_, 1));
    EXPECT_TRUE(other.is_idle(Access::read_write));
}

TEST_F(BufferWait, EndsWithARingThatIsDestroyed) {
    submit_held(Command::fill(slot_, 1));
    {
        const accel::Ring gone = std::move(ring_);
    }
    EXPECT_EQ(wait_error(Access::read_write, long_enough), std::error_code());
    EXPECT_TRUE(holds_only(buffer_, 0)) << "it was never run";
}

TEST_F(BufferWait, GoesOnWhenTheBufferIsExported) {
    submit_held(Command::fill(slot_, 0x0505050505050505));
    std::thread waiter([&] {
        EXPECT_EQ(wait_error(Access::read, long_enough), std::error_code());
        EXPECT_TRUE(holds_only(buffer_, 5));
    });
    const UniqueFd shared = buffer_.export_fd();
    EXPECT_FALSE(buffer_.is_idle(Access::read));
    held_.signal();
    waiter.join();
}

TEST_F(BufferWait, IsAllThereIsToAPrivateBuffer) {
    EXPECT_EQ(error_of([&] { (void)buffer_.fence(Access::read); }), Errc::not_supported);
}

}  // namespace
