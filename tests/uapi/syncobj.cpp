// SPDX-License-Identifier: MIT
#include "syncobj.hpp"

#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <xf86drm.h>

#include <cerrno>

namespace uapi_tests {

Syncobj::Syncobj(const Fd& device, State state) : device_(device.get()) {
    const std::uint32_t flags = state == State::signaled ? DRM_SYNCOBJ_CREATE_SIGNALED : 0;
    check(drmSyncobjCreate(device_, flags, &handle_) == 0 ? 0 : errno, "syncobj");
}

Syncobj::~Syncobj() { drmSyncobjDestroy(device_, handle_); }

int Syncobj::wait(std::int64_t deadline_ns) const {
    std::uint32_t handle = handle_;
    return -drmSyncobjWait(device_, &handle, 1, deadline_ns, 0, nullptr);
}

Fd Syncobj::export_sync_file() const {
    int fd = -1;
    check(drmSyncobjExportSyncFile(device_, handle_, &fd) == 0 ? 0 : errno, "export sync_file");
    return Fd(fd);
}

void Syncobj::import_sync_file(const Fd& sync_file) {
    check(drmSyncobjImportSyncFile(device_, handle_, sync_file.get()) == 0 ? 0 : errno,
          "import sync_file");
}

int sync_file_status(const Fd& sync_file) {
    sync_file_info info{};
    check(call(sync_file, SYNC_IOC_FILE_INFO, info), "sync_file info");
    return info.status;
}

Fd export_fences(const Fd& dmabuf, Fences which) {
    dma_buf_export_sync_file args{};
    // Who wants to read waits for writers; who wants to write, for all.
    args.flags = which == Fences::writers ? DMA_BUF_SYNC_READ : DMA_BUF_SYNC_RW;
    check(call(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, args), "sync_file of a dma-buf");
    return Fd(args.fd);
}

short poll_events(int fd, short events, int timeout_ms) {
    pollfd entry{fd, events, 0};
    check(::poll(&entry, 1, timeout_ms) < 0 ? errno : 0, "poll");
    return entry.revents;
}

bool readable(const Fd& dmabuf) { return poll_events(dmabuf.get(), POLLIN, 0) == POLLIN; }

bool writable(const Fd& dmabuf) { return poll_events(dmabuf.get(), POLLOUT, 0) == POLLOUT; }

std::optional<int> final_status(const Fd& sync_file) {
    constexpr auto limit = std::chrono::milliseconds(long_enough).count();
    if (poll_events(sync_file.get(), POLLIN, static_cast<int>(limit)) == 0) return {};
    return sync_file_status(sync_file);
}

}  // namespace uapi_tests
