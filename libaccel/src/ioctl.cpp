// SPDX-License-Identifier: MIT
#include "ioctl.hpp"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/magic.h>
#include <linux/sync_file.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <xf86drm.h>

#include <cstring>

namespace accel::sys {

namespace {

// Not drmIoctl(): that repeats on EAGAIN too, which is the doorbell's word for a full queue.
int call(int fd, unsigned long request, void* args) noexcept {
    int ret;

    do {
        ret = ::ioctl(fd, request, args);
    } while (ret < 0 && errno == EINTR);
    return ret < 0 ? errno : 0;
}

// What libdrm returns: 0, or -1 with errno, or -errno, depending on the function.
int from_libdrm(int ret) noexcept {
    if (ret == 0) return 0;
    return ret == -1 ? errno : -ret;
}

}  // namespace

int query(int fd, drm_zaccel_query& args) noexcept {
    return call(fd, DRM_IOCTL_ZACCEL_QUERY, &args);
}

int buffer_create(int fd, drm_zaccel_buffer_create& args) noexcept {
    return call(fd, DRM_IOCTL_ZACCEL_BUFFER_CREATE, &args);
}

int buffer_info(int fd, drm_zaccel_buffer_info& args) noexcept {
    return call(fd, DRM_IOCTL_ZACCEL_BUFFER_INFO, &args);
}

int buffer_wait(int fd, drm_zaccel_buffer_wait& args) noexcept {
    return call(fd, DRM_IOCTL_ZACCEL_BUFFER_WAIT, &args);
}

int ring_create(int fd, drm_zaccel_ring_create& args) noexcept {
    return call(fd, DRM_IOCTL_ZACCEL_RING_CREATE, &args);
}

int ring_destroy(int fd, std::uint32_t id) noexcept {
    drm_zaccel_ring_destroy args{.id = id, .pad = 0};
    return call(fd, DRM_IOCTL_ZACCEL_RING_DESTROY, &args);
}

int ring_bind(int fd, drm_zaccel_ring_bind& args) noexcept {
    return call(fd, DRM_IOCTL_ZACCEL_RING_BIND, &args);
}

int ring_submit(int fd, drm_zaccel_ring_submit& args) noexcept {
    return call(fd, DRM_IOCTL_ZACCEL_RING_SUBMIT, &args);
}

int ring_wait(int fd, drm_zaccel_ring_wait& args) noexcept {
    return call(fd, DRM_IOCTL_ZACCEL_RING_WAIT, &args);
}

int ring_fd(int fd, std::uint32_t id, int& ring_fd) noexcept {
    drm_zaccel_ring_fd args{.id = id, .flags = 0, .fd = -1, .pad = 0};
    const int error = call(fd, DRM_IOCTL_ZACCEL_RING_FD, &args);
    ring_fd = args.fd;
    return error;
}

int ring_kick(int ring_fd, std::uint32_t& fetched) noexcept {
    constexpr unsigned long flags = 0;
    int ret;

    do {
        ret = ::ioctl(ring_fd, DRM_IOCTL_ZACCEL_FD_KICK, flags);
    } while (ret < 0 && errno == EINTR);
    if (ret < 0) return errno;
    fetched = static_cast<std::uint32_t>(ret);
    return 0;
}

bool is_zaccel(int fd) noexcept {
    drmVersionPtr version = drmGetVersion(fd);
    if (!version) return false;

    const bool match = std::strcmp(version->name, "zaccel") == 0;
    drmFreeVersion(version);
    return match;
}

int gem_close(int fd, std::uint32_t handle) noexcept {
    drm_gem_close args{.handle = handle, .pad = 0};
    return from_libdrm(drmIoctl(fd, DRM_IOCTL_GEM_CLOSE, &args));
}

int prime_export(int fd, std::uint32_t handle, int& dmabuf_fd) noexcept {
    return from_libdrm(drmPrimeHandleToFD(fd, handle, DRM_CLOEXEC | DRM_RDWR, &dmabuf_fd));
}

int prime_import(int fd, int dmabuf_fd, std::uint32_t& handle) noexcept {
    return from_libdrm(drmPrimeFDToHandle(fd, dmabuf_fd, &handle));
}

int syncobj_create(int fd, std::uint32_t& handle) noexcept {
    return from_libdrm(drmSyncobjCreate(fd, 0, &handle));
}

int syncobj_destroy(int fd, std::uint32_t handle) noexcept {
    return from_libdrm(drmSyncobjDestroy(fd, handle));
}

int syncobj_reset(int fd, std::span<const std::uint32_t> handles) noexcept {
    return from_libdrm(
        drmSyncobjReset(fd, handles.data(), static_cast<std::uint32_t>(handles.size())));
}

int syncobj_import(int fd, std::uint32_t handle, int sync_file_fd) noexcept {
    return from_libdrm(drmSyncobjImportSyncFile(fd, handle, sync_file_fd));
}

int syncobj_export(int fd, std::uint32_t handle, int& sync_file_fd) noexcept {
    return from_libdrm(drmSyncobjExportSyncFile(fd, handle, &sync_file_fd));
}

// Every dma-buf lies in a file system of their own, which needs no /proc to be recognised.
bool is_dmabuf(int fd) noexcept {
    struct statfs info{};
    return ::fstatfs(fd, &info) == 0 && info.f_type == DMA_BUF_MAGIC;
}

int dmabuf_sync(int fd, std::uint64_t flags) noexcept {
    dma_buf_sync args{.flags = flags};
    int error;

    // The kernel's documentation asks callers to repeat on EAGAIN as well.
    do {
        error = call(fd, DMA_BUF_IOCTL_SYNC, &args);
    } while (error == EAGAIN);
    return error;
}

int dmabuf_export_sync_file(int fd, std::uint32_t flags, int& sync_file_fd) noexcept {
    dma_buf_export_sync_file args{.flags = flags, .fd = -1};
    const int error = call(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &args);
    sync_file_fd = args.fd;
    return error;
}

int dmabuf_import_sync_file(int fd, std::uint32_t flags, int sync_file_fd) noexcept {
    dma_buf_import_sync_file args{.flags = flags, .fd = sync_file_fd};
    return call(fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &args);
}

int sync_file_status(int fd, int& status) noexcept {
    sync_file_info args{};
    const int error = call(fd, SYNC_IOC_FILE_INFO, &args);
    status = args.status;
    return error;
}

int sync_file_merge(int fd, int other_fd, int& merged_fd) noexcept {
    sync_merge_data args{};
    std::strncpy(args.name, "accel", sizeof(args.name) - 1);
    args.fd2 = other_fd;
    const int error = call(fd, SYNC_IOC_MERGE, &args);
    merged_fd = args.fence;
    return error;
}

}  // namespace accel::sys
