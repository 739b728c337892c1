// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "device.hpp"

namespace uapi_tests {

/// A DRM syncobj that goes with its scope.
class Syncobj {
 public:
    enum class State { empty, signaled };

    explicit Syncobj(const Fd& device, State state = State::empty);
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

 private:
    int device_;
    std::uint32_t handle_ = 0;
};

/// 1 once a sync_file's fence has signalled, 0 before, or the negative errno that it carries.
int sync_file_status(const Fd& sync_file);

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

}  // namespace uapi_tests
