// SPDX-License-Identifier: MIT
#include "syncobj.hpp"

#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <xf86drm.h>

#include <array>
#include <cerrno>

namespace uapi_tests {

Syncobj::Syncobj(const Fd& device, State state) : Syncobj(device.get(), state) {}

Syncobj::Syncobj(int device, State state) : device_(device) {
    const std::uint32_t flags = state == State::signaled ? DRM_SYNCOBJ_CREATE_SIGNALED : 0;
    check(drmSyncobjCreate(device_, flags, &handle_) == 0 ? 0 : errno, "syncobj");
}

Syncobj::Syncobj(const Fd& device, const Fd& syncobj) : device_(device.get()) {
    check(drmSyncobjFDToHandle(device_, syncobj.get(), &handle_) == 0 ? 0 : errno, "syncobj fd");
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

int Syncobj::wait_point(std::uint64_t point, std::int64_t deadline_ns, std::uint32_t flags) const {
    std::uint32_t handle = handle_;
    return -drmSyncobjTimelineWait(device_, &handle, &point, 1, deadline_ns, flags, nullptr);
}

std::uint64_t Syncobj::query(std::uint32_t flags) const {
    std::uint32_t handle = handle_;
    std::uint64_t point = 0;
    check(drmSyncobjQuery2(device_, &handle, &point, 1, flags) == 0 ? 0 : errno, "syncobj query");
    return point;
}

void Syncobj::signal_point(std::uint64_t point) {
    check(drmSyncobjTimelineSignal(device_, &handle_, &point, 1) == 0 ? 0 : errno, "signal point");
}

void Syncobj::give_point(std::uint64_t point, const Syncobj& from, std::uint64_t from_point) {
    const int ret = drmSyncobjTransfer(device_, handle_, point, from.handle_, from_point, 0);
    check(ret == 0 ? 0 : errno, "transfer");
}

void Syncobj::import_point(std::uint64_t point, const Fd& sync_file) {
    Syncobj binary(device_, State::empty);
    binary.import_sync_file(sync_file);
    give_point(point, binary);
}

Fd Syncobj::export_point(std::uint64_t point) const {
    Syncobj binary(device_, State::empty);
    binary.give_point(0, *this, point);
    return binary.export_sync_file();
}

void Syncobj::reset() {
    check(drmSyncobjReset(device_, &handle_, 1) == 0 ? 0 : errno, "syncobj reset");
}

Fd Syncobj::export_fd() const {
    int fd = -1;
    check(drmSyncobjHandleToFD(device_, handle_, &fd) == 0 ? 0 : errno, "syncobj export");
    return Fd(fd);
}

int sync_file_status(const Fd& sync_file) {
    sync_file_info info{};
    check(call(sync_file, SYNC_IOC_FILE_INFO, info), "sync_file info");
    return info.status;
}

std::vector<sync_fence_info> fences_of(const Fd& sync_file) {
    std::vector<sync_fence_info> fences(64);
    sync_file_info info{};
    info.num_fences = static_cast<__u32>(fences.size());
    info.sync_fence_info = reinterpret_cast<std::uintptr_t>(fences.data());
    check(call(sync_file, SYNC_IOC_FILE_INFO, info), "sync_file info");
    fences.resize(info.num_fences);
    return fences;
}

Fd merge(const Fd& first, const Fd& second) {
    sync_merge_data args{};
    args.fd2 = second.get();
    check(call(first, SYNC_IOC_MERGE, args), "sync_file merge");
    return Fd(args.fence);
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

namespace {

bool ends(const Fd& sync_file) {
    constexpr auto limit = std::chrono::milliseconds(long_enough).count();
    return poll_events(sync_file.get(), POLLIN, static_cast<int>(limit)) != 0;
}

}  // namespace

std::optional<int> final_status(const Fd& sync_file) {
    if (!ends(sync_file)) return {};
    return sync_file_status(sync_file);
}

std::optional<int> final_point_status(const Fd& sync_file) {
    if (!ends(sync_file)) return {};
    return fences_of(sync_file).at(0).status;
}

}  // namespace uapi_tests
