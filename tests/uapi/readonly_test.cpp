// SPDX-License-Identifier: MIT

// DRM_IOCTL_ZACCEL_BUFFER_EXPORT: a dma-buf that nobody writes through, whoever has it.

#include <drm/drm_fourcc.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xf86drm.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "memory.hpp"
#include "neighbour.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// 0 or the errno of mapping one page.
int try_map(int fd, int protection, int flags = MAP_SHARED, off_t offset = 0) {
    void* memory = ::mmap(nullptr, page, protection, flags, fd, offset);
    if (memory == MAP_FAILED) return errno;
    ::munmap(memory, page);
    return 0;
}

ino_t inode(const Fd& fd) {
    struct stat status{};
    check(::fstat(fd.get(), &status) == 0 ? 0 : errno, "fstat");
    return status.st_ino;
}

std::uint32_t flags_of(const Fd& device, const Buffer& buffer) {
    drm_zaccel_buffer_info args{};
    args.handle = buffer.handle();
    check(call(device, DRM_IOCTL_ZACCEL_BUFFER_INFO, args), "buffer info");
    return args.flags;
}

class ReadOnlyExport : public DeviceTest {
 protected:
    int try_export(drm_zaccel_buffer_export args) const {
        args.fd = -77;
        const int error = call(device_, DRM_IOCTL_ZACCEL_BUFFER_EXPORT, args);
        if (error == 0) ::close(args.fd);
        return error;
    }

    static drm_zaccel_buffer_export args_of(const Buffer& buffer) {
        drm_zaccel_buffer_export args{};
        args.handle = buffer.handle();
        args.flags = ZACCEL_EXPORT_READONLY;
        return args;
    }

    Buffer buffer_{device_, 2 * page};
};

TEST_F(ReadOnlyExport, FlagsAndPadAreChecked) {
    drm_zaccel_buffer_export args = args_of(buffer_);
    ASSERT_EQ(try_export(args), 0);
    args.flags = 0;
    EXPECT_EQ(try_export(args), EINVAL);
    for (unsigned bit = 1; bit < 32; bit++) {
        args.flags = ZACCEL_EXPORT_READONLY | 1U << bit;
        EXPECT_EQ(try_export(args), EINVAL) << bit;
    }
    args = args_of(buffer_);
    args.pad = 1;
    EXPECT_EQ(try_export(args), EINVAL);
}

TEST_F(ReadOnlyExport, UnknownHandleIsNotFound) {
    drm_zaccel_buffer_export args = args_of(buffer_);
    for (const std::uint32_t handle : {0U, 9999U, ~0U}) {
        args.handle = handle;
        EXPECT_EQ(try_export(args), ENOENT);
    }
}

TEST_F(ReadOnlyExport, BadPointerFaults) {
    const BadMemory memory;
    for (void* pointer : memory.unreadable())
        EXPECT_EQ(call(device_.get(), DRM_IOCTL_ZACCEL_BUFFER_EXPORT, pointer), EFAULT);
}

TEST_F(ReadOnlyExport, ImportIsInvalid) {
    const Udmabuf udmabuf(page);
    EXPECT_EQ(try_export(args_of(Buffer::import(device_, udmabuf.dmabuf().get()))), EINVAL);
    const Buffer readonly = Buffer::import(device_, buffer_.export_readonly().get());
    EXPECT_EQ(try_export(args_of(readonly)), EINVAL);
}

TEST_F(ReadOnlyExport, NeedsADescriptor) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit none = before;
    {
        const Fd lowest_free(::fcntl(device_.get(), F_DUPFD_CLOEXEC, 0));
        none.rlim_cur = static_cast<rlim_t>(lowest_free.get());
    }
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const int error = try_export(args_of(buffer_));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(error, EMFILE);
    EXPECT_EQ(flags_of(device_, buffer_), std::uint32_t{ZACCEL_BUFFER_SHARED});
    EXPECT_EQ(try_export(args_of(buffer_)), 0);
}

TEST_F(ReadOnlyExport, IsClosedOnExec) {
    EXPECT_EQ(::fcntl(buffer_.export_readonly().get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(ReadOnlyExport, EachIsADmabufOfItsOwn) {
    const Fd a = buffer_.export_readonly(), b = buffer_.export_readonly();
    const Fd writable_one = buffer_.export_dmabuf();
    EXPECT_NE(inode(a), inode(b));
    EXPECT_NE(inode(a), inode(writable_one));
    EXPECT_EQ(::lseek(a.get(), 0, SEEK_END), static_cast<off_t>(2 * page));
}

TEST_F(ReadOnlyExport, MakesTheBufferShared) {
    EXPECT_EQ(flags_of(device_, buffer_), 0U);
    buffer_.export_readonly();
    EXPECT_EQ(flags_of(device_, buffer_), static_cast<std::uint32_t>(ZACCEL_BUFFER_SHARED));
}

TEST_F(ReadOnlyExport, CannotBeMappedForWriting) {
    const Fd dmabuf = buffer_.export_readonly();
    for (const int protection : {PROT_WRITE, PROT_READ | PROT_WRITE})
        for (const int flags : {MAP_SHARED, MAP_PRIVATE})
            EXPECT_EQ(try_map(dmabuf.get(), protection, flags), EACCES);
    EXPECT_EQ(try_map(dmabuf.get(), PROT_READ), 0);
    EXPECT_EQ(::fcntl(dmabuf.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
}

TEST_F(ReadOnlyExport, CannotBeOpenedForWriting) {
    const Fd dmabuf = buffer_.export_readonly();
    const std::string name = "/proc/self/fd/" + std::to_string(dmabuf.get());
    const Fd again(::open(name.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_TRUE(!again || try_map(again.get(), PROT_READ | PROT_WRITE) == EACCES);
}

TEST_F(ReadOnlyExport, MappingShowsTheBufferAndStaysReadOnly) {
    const Mapping memory = buffer_.map();
    memory[page + 3] = 0x33;
    const Fd dmabuf = buffer_.export_readonly();
    void* map = ::mmap(nullptr, 2 * page, PROT_READ, MAP_SHARED, dmabuf.get(), 0);
    ASSERT_NE(map, MAP_FAILED);
    const auto* bytes = static_cast<const volatile std::uint8_t*>(map);
    EXPECT_EQ(bytes[page + 3], 0x33);
    memory[7] = 0x77;
    EXPECT_EQ(bytes[7], 0x77);
    EXPECT_EQ(::mprotect(map, 2 * page, PROT_READ | PROT_WRITE), -1);
    EXPECT_EQ(errno, EACCES);
    EXPECT_EQ(::mprotect(map, page, PROT_WRITE), -1);
    EXPECT_EQ(errno, EACCES);
    ::munmap(map, 2 * page);
}

// PRIME's dma-buf for the buffer is one for all, and the flags of the first export win.
TEST_F(ReadOnlyExport, LeavesPrimesExportWritable) {
    const Fd readonly = buffer_.export_readonly();
    const Fd dmabuf = buffer_.export_dmabuf();
    Mapping(dmabuf.get(), 0, page)[1] = 0x11;
    EXPECT_EQ(buffer_.map()[1], 0x11);
    std::uint32_t handle = 0;
    ASSERT_EQ(drmPrimeFDToHandle(device_.get(), dmabuf.get(), &handle), 0);
    EXPECT_EQ(handle, buffer_.handle());
}

TEST_F(ReadOnlyExport, OutlivesTheFileOfItsBuffer) {
    Fd dmabuf;
    {
        const Fd file = open_device();
        const Buffer buffer(file, page);
        std::memcpy(buffer.map().data(), "123456789", 9);
        dmabuf = buffer.export_readonly();
    }
    const Buffer imported = Buffer::import(device_, dmabuf.get());
    dmabuf.reset();
    Ring ring(device_);
    ASSERT_EQ(ring.bind_range(0, imported, 0, page), 0);
    EXPECT_EQ(ring.run_one(crc32c(0, 0, 9)).result, 0xe3069283U);
    EXPECT_EQ(ring.run_one(fill(0, 0, 9, 0)).status, -EACCES);
}

// vgem asks for both directions as most do, and its mappings are those of the dma-buf.
TEST_F(ReadOnlyExport, ImportIntoVgemCannotBeMappedForWriting) {
    load_module("vgem");
    const VgemBuffer vgem;
    const Fd dmabuf = buffer_.export_readonly();
    std::uint32_t handle = 0;
    ASSERT_EQ(drmPrimeFDToHandle(vgem.card().get(), dmabuf.get(), &handle), 0);
    drm_mode_map_dumb map{};
    map.handle = handle;
    if (call(vgem.card(), DRM_IOCTL_MODE_MAP_DUMB, map) == 0) {
        EXPECT_NE(try_map(vgem.card().get(), PROT_READ | PROT_WRITE, MAP_SHARED,
                          static_cast<off_t>(map.offset)),
                  0);
    }
    int fd = -1;
    ASSERT_EQ(drmPrimeHandleToFD(vgem.card().get(), handle, DRM_CLOEXEC | DRM_RDWR, &fd), 0);
    const Fd again(fd);
    EXPECT_EQ(try_map(again.get(), PROT_READ | PROT_WRITE), EACCES);
    drm_gem_close args{};
    args.handle = handle;
    EXPECT_EQ(call(vgem.card(), DRM_IOCTL_GEM_CLOSE, args), 0);
}

// On the file of the buffer itself, and on another.
class ReadOnlyImport : public DeviceTest, public testing::WithParamInterface<bool> {
 protected:
    enum : std::uint32_t { readonly = 0, range = 1, readonly_image = 2, image = 3 };

    ReadOnlyImport() {
        for (std::size_t i = 0; i < 2 * page; i++) memory_[i] = static_cast<std::uint8_t>(i % 251);
        EXPECT_EQ(ring_.bind_range(readonly, imported_, 0, page), 0);
        EXPECT_EQ(ring_.bind_range(range, own_, 0, page), 0);
        EXPECT_EQ(ring_.bind(xrgb(readonly_image, imported_)), 0);
        EXPECT_EQ(ring_.bind(xrgb(image, own_)), 0);
    }

    static drm_zaccel_ring_bind xrgb(std::uint32_t slot, const Buffer& buffer) {
        return image_args(slot, DRM_FORMAT_XRGB8888, 4, 4, {plane(buffer.handle(), 16, page)});
    }

    const Fd& file() const { return GetParam() ? device_ : other_; }

    void expect_refused(const drm_zaccel_command& command) {
        const std::vector<std::uint8_t> before(memory_.bytes().begin(), memory_.bytes().end());
        const drm_zaccel_completion completion = ring_.run_one(command);
        EXPECT_EQ(completion.status, -EACCES) << command.opcode;
        EXPECT_EQ(completion.result, 0U);
        EXPECT_TRUE(std::equal(before.begin(), before.end(), memory_.data()));
    }

    Neighbour neighbour_{Neighbour::Batches::wait};
    LateMode late_;
    Fd other_ = open_device();
    Buffer buffer_{device_, 2 * page};
    Mapping memory_ = buffer_.map();
    Fd dmabuf_ = buffer_.export_readonly();
    Buffer imported_ = Buffer::import(file(), dmabuf_.get());
    Buffer own_{file(), 2 * page};
    Ring ring_{file()};
};

INSTANTIATE_TEST_SUITE_P(On, ReadOnlyImport, testing::Bool(), [](const auto& test) {
    return test.param ? "TheSameFile" : "AnotherFile";
});

TEST_P(ReadOnlyImport, IsAHandleOfItsOwn) {
    EXPECT_TRUE(!GetParam() || imported_.handle() != buffer_.handle());
    EXPECT_EQ(flags_of(file(), imported_),
              static_cast<std::uint32_t>(ZACCEL_BUFFER_IMPORTED | ZACCEL_BUFFER_SHARED));
    std::uint32_t again = 0;
    ASSERT_EQ(drmPrimeFDToHandle(file().get(), dmabuf_.get(), &again), 0);
    EXPECT_EQ(again, imported_.handle()) << "imported twice";
}

TEST_P(ReadOnlyImport, CannotBeWritten) {
    expect_refused(fill(readonly, 0, 8, 1));
    expect_refused(fill(readonly, 8, 0, 1));
    expect_refused(copy(readonly, range, 0, 0, 8));
    expect_refused(copy(readonly, readonly, 0, 8, 8));
    for (const drm_zaccel_opcode opcode :
         {ZACCEL_OP_CONVERT, ZACCEL_OP_INVERT, ZACCEL_OP_CONVOLVE3X3})
        expect_refused(image_command(opcode, readonly_image, image));
    expect_refused(image_command(ZACCEL_OP_INVERT, readonly_image, readonly_image));
}

TEST_P(ReadOnlyImport, CannotBeWrittenByExecutedCommands) {
    const Buffer list(file(), page);
    const drm_zaccel_command command = fill(readonly, 0, 8, 1);
    std::memcpy(list.map().data(), &command, sizeof(command));
    ASSERT_EQ(ring_.bind_range(4, list, 0, page), 0);
    const drm_zaccel_completion completion = ring_.run_one(exec(4, 0, 1));
    EXPECT_EQ(completion.status, -EACCES);
    EXPECT_EQ(memory_[1], 1);
}

TEST_P(ReadOnlyImport, OnePlaneIsEnough) {
    ASSERT_EQ(ring_.bind(image_args(5, DRM_FORMAT_NV12, 4, 4,
                                    {plane(own_.handle(), 4), plane(imported_.handle(), 4)})),
              0);
    expect_refused(image_command(ZACCEL_OP_CONVERT, 5, image));
    ASSERT_EQ(ring_.bind(image_args(5, DRM_FORMAT_NV12, 4, 4,
                                    {plane(imported_.handle(), 4), plane(own_.handle(), 4)})),
              0);
    expect_refused(image_command(ZACCEL_OP_CONVERT, 5, image));
}

TEST_P(ReadOnlyImport, CanBeRead) {
    const Mapping own = own_.map();
    EXPECT_EQ(ring_.run_one(copy(range, readonly, 0, 0, page)).status, 0);
    EXPECT_TRUE(std::equal(own.data(), own.data() + page, memory_.data()));
    EXPECT_EQ(ring_.run_one(crc32c(readonly, 0, page)).result,
              ring_.run_one(crc32c(range, 0, page)).result);
    EXPECT_EQ(ring_.run_one(image_command(ZACCEL_OP_INVERT, image, readonly_image)).status, 0);
    EXPECT_EQ(own[page], static_cast<std::uint8_t>(~memory_[page]));
    EXPECT_EQ(ring_.run_one(image_command(ZACCEL_OP_CONVERT, image, readonly_image)).status, 0);
    EXPECT_EQ(own[page], memory_[page]);
}

TEST_P(ReadOnlyImport, CommandsInItAreExecuted) {
    const drm_zaccel_command command = fill(range, 0, 8, 0x66);
    std::memcpy(memory_.data(), &command, sizeof(command));
    EXPECT_EQ(ring_.run_one(exec(readonly, 0, 1)).result, 1U);
    EXPECT_EQ(own_.map()[0], 0x66);
}

TEST_P(ReadOnlyImport, ReexportIsReadOnly) {
    int fd = -1;
    ASSERT_EQ(drmPrimeHandleToFD(file().get(), imported_.handle(), DRM_CLOEXEC | DRM_RDWR, &fd), 0);
    const Fd again(fd);
    EXPECT_EQ(inode(again), inode(dmabuf_));
    EXPECT_EQ(try_map(again.get(), PROT_READ | PROT_WRITE), EACCES);
    const Fd third = open_device();
    const Buffer imported = Buffer::import(third, again.get());
    Ring ring(third);
    ASSERT_EQ(ring.bind_range(0, imported, 0, page), 0);
    EXPECT_EQ(ring.run_one(fill(0, 0, 8, 1)).status, -EACCES);
}

TEST_P(ReadOnlyImport, FencesAreThoseOfTheBuffer) {
    Ring writer(device_);
    ASSERT_EQ(writer.bind_range(0, buffer_, 0, page), 0);
    const std::uint64_t before = ring_.run_one(crc32c(readonly, 0, page)).result;
    late_.hold();
    writer.put_batch({fill(0, 0, page, 0x9999999999999999)});
    ASSERT_EQ(writer.submit(), 0);
    EXPECT_FALSE(readable(dmabuf_));
    ring_.put_batch({crc32c(readonly, 0, page)});
    ASSERT_EQ(ring_.submit(), 0);
    late_.advance(1);
    EXPECT_EQ(poll_events(dmabuf_.get(), POLLIN, 20000), POLLIN);
    EXPECT_FALSE(writable(dmabuf_)) << "our reader";
    EXPECT_FALSE(writable(buffer_.export_dmabuf()));
    late_.advance(1);
    ring_.wait_for(2);
    EXPECT_NE(ring_.reap().at(0).result, before);
    EXPECT_EQ(buffer_.wait(deadline_in(long_enough)), 0);
}

}  // namespace
}  // namespace uapi_tests
