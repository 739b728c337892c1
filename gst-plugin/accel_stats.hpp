// SPDX-License-Identifier: MIT
#pragma once

#include <gst/gst.h>

#include <array>
#include <chrono>
#include <mutex>

#include "gst_ptr.hpp"

namespace accelgst {

/// Why the CPU had to copy a frame.
enum class CopyReason {
    system_memory,   ///< Upstream's memory is no dma-buf.
    layout,          ///< Planes that run backwards, or spread over memories.
    import_refused,  ///< The accelerator cannot use the dma-buf: alignment, kind, no CPU mapping.
};

inline constexpr std::size_t copy_reasons = 3;

/// As in the stats ("system-memory"), and as the rest of "the frame would have to be copied, ...".
const char* nick(CopyReason reason);
const char* sentence(CopyReason reason);

/// What an element has done. Thread-safe.
class Stats {
 public:
    void add_frame(std::chrono::nanoseconds time);
    void add_passthrough();
    void add_import();
    void add_cache_hit();
    void add_copy_in(CopyReason reason, guint64 bytes);
    void reset();

    GstPtr<GstStructure> structure() const;

 private:
    mutable std::mutex mutex_;
    guint64 frames_ = 0;
    guint64 passthrough_ = 0;
    guint64 imports_ = 0;
    guint64 cache_hits_ = 0;
    guint64 bytes_copied_ = 0;
    std::array<guint64, copy_reasons> copies_in_{};
    std::chrono::nanoseconds time_{0};
};

}  // namespace accelgst
