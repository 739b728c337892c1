// SPDX-License-Identifier: MIT
#pragma once

#include <drm/zaccel_accel.h>

#include <linux/sync_file.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "device.hpp"

namespace uapi_tests {

/// A DRM syncobj that goes with its scope.
class Syncobj {
 public:
    enum class State { empty, signaled };

    explicit Syncobj(const Fd& device, State state = State::empty);
    /// The one behind a descriptor that export_fd() gave.
    Syncobj(const Fd& device, const Fd& syncobj);
    Syncobj(const Syncobj&) = delete;
    Syncobj& operator=(const Syncobj&) = delete;
    ~Syncobj();

    std::uint32_t handle() const { return handle_; }

    /// 0, or the errno of waiting until @p deadline_ns (CLOCK_MONOTONIC) for its fence.
    int wait(std::int64_t deadline_ns) const;
    bool signaled() const { return wait(0) == 0; }

    /// Its fence as a sync_file; its fence from one.
    Fd export_sync_file() const;
    void import_sync_file(const Fd& sync_file);

    /// The same for a point of a timeline. With @p flags 0 a point that has not been given a fence
    /// is EINVAL.
    int wait_point(std::uint64_t point, std::int64_t deadline_ns, std::uint32_t flags = 0) const;
    bool reached(std::uint64_t point) const { return wait_point(point, 0) == 0; }
    /// The last point that has signalled; the last that was given a fence.
    std::uint64_t value() const { return query(0); }
    std::uint64_t last_given() const { return query(DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED); }
    /// Signal a point from the CPU.
    void signal_point(std::uint64_t point);
    /// Give a point the fence of another syncobj.
    void give_point(std::uint64_t point, const Syncobj& from, std::uint64_t from_point = 0);
    void import_point(std::uint64_t point, const Fd& sync_file);
    Fd export_point(std::uint64_t point) const;

    /// No fence any more.
    void reset();
    /// A descriptor of the syncobj itself, for another file.
    Fd export_fd() const;

 private:
    Syncobj(int device, State state);

    std::uint64_t query(std::uint32_t flags) const;

    int device_;
    std::uint32_t handle_ = 0;
};

/// A drm_zaccel_sync for a syncobj, or for a point of it.
inline drm_zaccel_sync at(const Syncobj& syncobj, std::uint64_t point = 0) {
    return {syncobj.handle(), 0, point};
}

/// 1 once a sync_file's fence has signalled, 0 before, or the negative errno that it carries.
int sync_file_status(const Fd& sync_file);

/// What a sync_file says of each of its fences.
std::vector<sync_fence_info> fences_of(const Fd& sync_file);

/// Another one, of the fences of both.
Fd merge(const Fd& first, const Fd& second);

/// The fences that stand in a dma-buf: those of its writers, or of its readers too.
enum class Fences { writers, all };
Fd export_fences(const Fd& dmabuf, Fences which);

/// poll(2) for these events; what came of them by the deadline.
short poll_events(int fd, short events, int timeout_ms);

/// poll() on a dma-buf with no timeout: may it be read (no writer), may it be written (no user)?
bool readable(const Fd& dmabuf);
bool writable(const Fd& dmabuf);

/// The status a sync_file ends with; none when it does not end.
std::optional<int> final_status(const Fd& sync_file);

/// The same of a sync_file that was made of a point: the point's own fence is told from those
/// before it, whose errors it does not take over.
std::optional<int> final_point_status(const Fd& sync_file);

}  // namespace uapi_tests
