// SPDX-License-Identifier: MIT
#include "vgem.hpp"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xf86drm.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

namespace lib_tests {

namespace {

// As in the kernel's vgem_drm.h, which not every libdrm packages.
struct FenceAttach {
    std::uint32_t handle;
    std::uint32_t flags;
    std::uint32_t out_fence;
    std::uint32_t pad;
};
struct FenceSignal {
    std::uint32_t fence;
    std::uint32_t flags;
};
constexpr std::uint32_t fence_write = 1;
constexpr unsigned long ioctl_fence_attach = DRM_IOWR(DRM_COMMAND_BASE + 1, FenceAttach);
constexpr unsigned long ioctl_fence_signal = DRM_IOW(DRM_COMMAND_BASE + 2, FenceSignal);

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

bool is_vgem(int fd) {
    drmVersionPtr version = drmGetVersion(fd);
    const bool match = version && std::strcmp(version->name, "vgem") == 0;
    if (version) drmFreeVersion(version);
    return match;
}

accel::UniqueFd find_card() {
    for (int i = 0; i < 16; i++) {
        const std::string path = "/dev/dri/card" + std::to_string(i);
        accel::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        if (fd && is_vgem(fd.get())) return fd;
    }
    return {};
}

void load_module() {
    char program[] = "/sbin/modprobe";
    char module[] = "vgem";
    char* arguments[] = {program, module, nullptr};
    pid_t child;
    if (::posix_spawn(&child, program, nullptr, nullptr, arguments, environ) == 0)
        ::waitpid(child, nullptr, 0);
}

accel::UniqueFd open_card() {
    accel::UniqueFd card = find_card();
    if (!card) {
        load_module();
        card = find_card();
    }
    if (!card) throw std::system_error(ENODEV, std::generic_category(), "vgem");
    return card;
}

std::uint32_t create_buffer(int card) {
    drm_mode_create_dumb args{};
    args.width = 64;
    args.height = 64;
    args.bpp = 32;
    if (drmIoctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &args) != 0) fail("vgem buffer");
    return args.handle;
}

accel::UniqueFd export_buffer(int card, std::uint32_t handle, std::uint32_t access) {
    int fd = -1;
    if (drmPrimeHandleToFD(card, handle, DRM_CLOEXEC | access, &fd) != 0) fail("vgem export");
    return accel::UniqueFd(fd);
}

std::uint32_t attach_fence(int card, std::uint32_t handle) {
    FenceAttach args{.handle = handle, .flags = fence_write, .out_fence = 0, .pad = 0};
    if (drmIoctl(card, ioctl_fence_attach, &args) != 0) fail("vgem fence");
    return args.out_fence;
}

accel::Fence fence_of(int dmabuf) {
    dma_buf_export_sync_file args{.flags = DMA_BUF_SYNC_RW, .fd = -1};
    if (::ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &args) != 0) fail("sync_file of vgem");
    return accel::Fence::from_fd(accel::UniqueFd(args.fd));
}

accel::Fence make(int card, accel::UniqueFd& dmabuf, std::uint32_t& id) {
    const std::uint32_t handle = create_buffer(card);
    dmabuf = export_buffer(card, handle, DRM_RDWR);
    id = attach_fence(card, handle);
    return fence_of(dmabuf.get());
}

}  // namespace

HeldFence::HeldFence() : card_(open_card()), fence_(make(card_.get(), dmabuf_, id_)) {}

HeldFence::~HeldFence() { signal(); }

void HeldFence::signal() {
    if (id_ == 0) return;
    FenceSignal args{.fence = id_, .flags = 0};
    drmIoctl(card_.get(), ioctl_fence_signal, &args);
    id_ = 0;
}

accel::UniqueFd vgem_read_only_dmabuf() {
    const accel::UniqueFd card = open_card();
    return export_buffer(card.get(), create_buffer(card.get()), 0);
}

}  // namespace lib_tests
