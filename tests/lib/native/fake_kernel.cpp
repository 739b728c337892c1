// SPDX-License-Identifier: MIT
#include "fake_kernel.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <span>

#include "device_impl.hpp"
#include "ioctl.hpp"

namespace lib_tests {

namespace {

constexpr std::uint64_t memory_size = std::uint64_t{64} * 1024;

FakeKernel kernel;

accel::Device memfd_device() {
    auto impl = std::make_shared<accel::detail::DeviceImpl>();
    impl->fd.reset(::memfd_create("fake-device", MFD_CLOEXEC));
    EXPECT_EQ(::ftruncate(impl->fd.get(), memory_size), 0);
    return accel::Device(std::move(impl));
}

}  // namespace

FakeKernelTest::FakeKernelTest() : kernel_(kernel), device_(memfd_device()) {
    void* memory =
        ::mmap(nullptr, sizeof(*header_), PROT_READ | PROT_WRITE, MAP_SHARED, device_.fd(), 0);
    EXPECT_NE(memory, MAP_FAILED);
    header_ = static_cast<drm_zaccel_ring_header*>(memory);
}

FakeKernelTest::~FakeKernelTest() {
    ::munmap(header_, sizeof(*header_));
    kernel = {};
}

void FakeKernelTest::run(std::uint32_t count) {
    zaccel_store_release(&header_->sq_head, header_->sq_head + count);
    zaccel_store_release(&header_->cq_tail, header_->cq_tail + count);
}

}  // namespace lib_tests

namespace accel::sys {

using lib_tests::kernel;
using lib_tests::memory_size;

int ring_create(int, drm_zaccel_ring_create& args) noexcept {
    args.id = 1;
    args.handle = 1;
    args.sq_offset = ZACCEL_RING_HEADER_SIZE;
    args.cq_offset = args.sq_offset + args.sq_entries * args.sqe_size;
    args.size = args.cq_offset + std::uint64_t{args.cq_entries} * args.cqe_size;
    return args.size <= memory_size ? 0 : ENOMEM;
}

int ring_submit(int, drm_zaccel_ring_submit& args) noexcept {
    return kernel.ring_submit ? kernel.ring_submit(args) : 0;
}

int ring_wait(int, drm_zaccel_ring_wait& args) noexcept {
    return kernel.ring_wait ? kernel.ring_wait(args) : 0;
}

int ring_kick(int, std::uint32_t& fetched) noexcept {
    return kernel.ring_kick ? kernel.ring_kick(fetched) : 0;
}

int prime_import(int, int dmabuf_fd, std::uint32_t& handle) noexcept {
    handle = 2;
    return kernel.prime_import ? kernel.prime_import(dmabuf_fd) : 0;
}

bool is_dmabuf(int fd) noexcept { return kernel.is_dmabuf && kernel.is_dmabuf(fd); }

bool is_zaccel(int) noexcept { return true; }

int query(int, drm_zaccel_query&) noexcept { return 0; }
int buffer_create(int, drm_zaccel_buffer_create&) noexcept { return 0; }
int buffer_info(int, drm_zaccel_buffer_info&) noexcept { return 0; }
int buffer_wait(int, drm_zaccel_buffer_wait&) noexcept { return 0; }
int ring_fd(int, std::uint32_t, int&) noexcept { return 0; }
int ring_destroy(int, std::uint32_t) noexcept { return 0; }
int ring_bind(int, drm_zaccel_ring_bind&) noexcept { return 0; }
int gem_close(int, std::uint32_t) noexcept { return 0; }
int prime_export(int, std::uint32_t, int&) noexcept { return 0; }
int syncobj_create(int, std::uint32_t&) noexcept { return 0; }
int syncobj_destroy(int, std::uint32_t) noexcept { return 0; }
int syncobj_reset(int, std::span<const std::uint32_t>) noexcept { return 0; }
int syncobj_import(int, std::uint32_t, int) noexcept { return 0; }
int syncobj_export(int, std::uint32_t, int&) noexcept { return 0; }
int dmabuf_sync(int, std::uint64_t) noexcept { return 0; }
int dmabuf_export_sync_file(int, std::uint32_t, int&) noexcept { return 0; }
int dmabuf_import_sync_file(int, std::uint32_t, int) noexcept { return 0; }
int sync_file_status(int, int&) noexcept { return 0; }
int sync_file_merge(int, int, int&) noexcept { return 0; }

}  // namespace accel::sys
