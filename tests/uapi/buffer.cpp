// SPDX-License-Identifier: MIT
#include "buffer.hpp"

#include <drm/zaccel_accel.h>
#include <fcntl.h>
#include <xf86drm.h>

#include <cerrno>

namespace uapi_tests {

Buffer::Buffer(const Fd& device, std::uint64_t size, drm_zaccel_region region)
    : device_(device.get()) {
    drm_zaccel_buffer_create args{};
    args.size = size;
    args.region = region;
    check(call(device, DRM_IOCTL_ZACCEL_BUFFER_CREATE, args), "buffer create");
    handle_ = args.handle;
}

Buffer Buffer::adopt(const Fd& device, std::uint32_t handle) {
    return Buffer(device.get(), handle);
}

Buffer Buffer::import(const Fd& device, int dmabuf) {
    std::uint32_t handle = 0;
    check(drmPrimeFDToHandle(device.get(), dmabuf, &handle) == 0 ? 0 : errno, "import");
    return Buffer(device.get(), handle);
}

Mapping Buffer::map() const {
    drm_zaccel_buffer_info info{};
    info.handle = handle_;
    check(call(device_, DRM_IOCTL_ZACCEL_BUFFER_INFO, &info), "buffer info");
    return Mapping(device_, info.mmap_offset, info.size);
}

Fd Buffer::export_dmabuf() const {
    int fd = -1;
    const int ret = drmPrimeHandleToFD(device_, handle_, DRM_CLOEXEC | DRM_RDWR, &fd);
    check(ret == 0 ? 0 : errno, "export");
    return Fd(fd);
}

Fd Buffer::export_readonly() const {
    drm_zaccel_buffer_export args{};
    args.handle = handle_;
    args.flags = ZACCEL_EXPORT_READONLY;
    check(call(device_, DRM_IOCTL_ZACCEL_BUFFER_EXPORT, &args), "read-only export");
    return Fd(args.fd);
}

int Buffer::wait(std::int64_t deadline_ns, std::uint32_t flags) const {
    drm_zaccel_buffer_wait args{};
    args.handle = handle_;
    args.flags = flags;
    args.deadline_ns = deadline_ns;
    return call(device_, DRM_IOCTL_ZACCEL_BUFFER_WAIT, &args);
}

void Buffer::close() {
    if (handle_ == 0) return;
    drm_gem_close args{};
    args.handle = std::exchange(handle_, 0);
    call(device_, DRM_IOCTL_GEM_CLOSE, &args);
}

}  // namespace uapi_tests
