// SPDX-License-Identifier: MIT
#include "foreign.hpp"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>

#include "process.hpp"
#include "syncobj.hpp"

namespace uapi_tests {

namespace {

// As in the kernel's vgem_drm.h, which not every libdrm packages.
struct VgemFenceAttach {
    std::uint32_t handle;
    std::uint32_t flags;
    std::uint32_t out_fence;
    std::uint32_t pad;
};
struct VgemFenceSignal {
    std::uint32_t fence;
    std::uint32_t flags;
};
constexpr unsigned long vgem_fence_attach = DRM_IOWR(DRM_COMMAND_BASE + 1, VgemFenceAttach);
constexpr unsigned long vgem_fence_signal = DRM_IOW(DRM_COMMAND_BASE + 2, VgemFenceSignal);

Fd open_file(const char* path) {
    Fd fd(::open(path, O_RDWR | O_CLOEXEC));
    check(fd ? 0 : errno, path);
    return fd;
}

bool is_vgem(const Fd& fd) {
    drmVersionPtr version = drmGetVersion(fd.get());
    const bool match = version && std::strcmp(version->name, "vgem") == 0;
    if (version) drmFreeVersion(version);
    return match;
}

/// Its render node refuses dumb buffers.
Fd open_vgem() {
    load_module("vgem");
    for (int i = 0; i < 16; i++) {
        const std::string path = "/dev/dri/card" + std::to_string(i);
        Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        if (fd && is_vgem(fd)) return fd;
    }
    throw std::system_error(ENODEV, std::generic_category(), "vgem");
}

std::uint32_t create_dumb(const Fd& card) {
    drm_mode_create_dumb args{};
    args.width = 64;
    args.height = 64;
    args.bpp = 32;
    check(call(card, DRM_IOCTL_MODE_CREATE_DUMB, args), "vgem buffer");
    return args.handle;
}

Fd sealed_memfd(std::size_t size) {
    Fd fd(::memfd_create("zaccel-test", MFD_ALLOW_SEALING | MFD_CLOEXEC));
    check(fd ? 0 : errno, "memfd");
    check(::ftruncate(fd.get(), static_cast<off_t>(size)) == 0 ? 0 : errno, "ftruncate");
    check(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK) == 0 ? 0 : errno, "seal");
    return fd;
}

Fd udmabuf_of(const Fd& memfd, std::size_t size) {
    const Fd driver = open_file("/dev/udmabuf");
    udmabuf_create args{};
    args.memfd = static_cast<__u32>(memfd.get());
    args.flags = UDMABUF_FLAGS_CLOEXEC;
    args.size = size;
    Fd fd(::ioctl(driver.get(), UDMABUF_CREATE, &args));
    check(fd ? 0 : errno, "udmabuf");
    return fd;
}

}  // namespace

void load_module(const char* name) {
    if (run_program({"/sbin/modprobe", name}) != 0)
        throw std::system_error(ENODEV, std::generic_category(), name);
}

long attachments() {
    std::ifstream bufinfo("/sys/kernel/debug/dma_buf/bufinfo");
    const std::string name = sysfs_device();
    long count = 0;
    for (std::string word; bufinfo >> word;) count += word == name;
    return count;
}

Udmabuf::Udmabuf(std::size_t size)
    : memfd_(sealed_memfd(size)),
      dmabuf_(udmabuf_of(memfd_, size)),
      memory_(memfd_.get(), 0, size) {}

HeapBuffer::HeapBuffer(std::size_t size, Rights rights) {
    const Fd heap = open_file("/dev/dma_heap/system");
    dma_heap_allocation_data args{};
    args.len = size;
    args.fd_flags = (rights == Rights::read ? O_RDONLY : O_RDWR) | O_CLOEXEC;
    check(call(heap, DMA_HEAP_IOCTL_ALLOC, args), "heap buffer");
    dmabuf_ = Fd(static_cast<int>(args.fd));
}

VgemBuffer::VgemBuffer(Rights rights) : card_(open_vgem()), handle_(create_dumb(card_)) {
    int fd = -1;
    const std::uint32_t flags = DRM_CLOEXEC | (rights == Rights::read ? 0 : DRM_RDWR);
    const int ret = drmPrimeHandleToFD(card_.get(), handle_, flags, &fd);
    check(ret == 0 ? 0 : errno, "vgem export");
    dmabuf_ = Fd(fd);
}

std::uint32_t VgemBuffer::attach_fence(Use use) const {
    VgemFenceAttach args{handle_, static_cast<std::uint32_t>(use), 0, 0};
    check(call(card_, vgem_fence_attach, args), "vgem fence");
    return args.out_fence;
}

void VgemBuffer::signal(std::uint32_t fence) const {
    VgemFenceSignal args{fence, 0};
    check(call(card_, vgem_fence_signal, args), "vgem signal");
}

ManualFence::ManualFence() : sync_file_(export_fences(vgem_.dmabuf(), Fences::all)) {}

void import_fence(const Fd& dmabuf, VgemBuffer::Use use, const Fd& sync_file) {
    dma_buf_import_sync_file args{};
    args.flags = use == VgemBuffer::Use::write ? DMA_BUF_SYNC_WRITE : DMA_BUF_SYNC_READ;
    args.fd = sync_file.get();
    check(call(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, args), "sync_file into a dma-buf");
}

}  // namespace uapi_tests
