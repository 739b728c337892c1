// SPDX-License-Identifier: MIT
#include "accel_stats.hpp"

#include <numeric>

namespace accelgst {
namespace {

struct Reason {
    const char* nick;
    const char* sentence;
};

constexpr std::array<Reason, copy_reasons> reasons{{
    {"system-memory", "because it is in system memory instead of a dma-buf"},
    {"layout", "because of the layout of its planes in memory"},
    {"import-refused", "because the accelerator cannot use its dma-buf"},
}};

std::size_t index(CopyReason reason) { return static_cast<std::size_t>(reason); }

}  // namespace

const char* nick(CopyReason reason) { return reasons[index(reason)].nick; }

const char* sentence(CopyReason reason) { return reasons[index(reason)].sentence; }

void Stats::add_frame(std::chrono::nanoseconds time) {
    const std::scoped_lock lock(mutex_);
    frames_++;
    time_ += time;
}

void Stats::add_passthrough() {
    const std::scoped_lock lock(mutex_);
    passthrough_++;
}

void Stats::add_import() {
    const std::scoped_lock lock(mutex_);
    imports_++;
}

void Stats::add_cache_hit() {
    const std::scoped_lock lock(mutex_);
    cache_hits_++;
}

void Stats::add_copy_in(CopyReason reason, guint64 bytes) {
    const std::scoped_lock lock(mutex_);
    copies_in_[index(reason)]++;
    bytes_copied_ += bytes;
}

void Stats::reset() {
    const std::scoped_lock lock(mutex_);
    frames_ = passthrough_ = imports_ = cache_hits_ = bytes_copied_ = 0;
    copies_in_.fill(0);
    time_ = {};
}

GstPtr<GstStructure> Stats::structure() const {
    const std::scoped_lock lock(mutex_);
    const guint64 copies = std::accumulate(copies_in_.begin(), copies_in_.end(), guint64{0});
    const guint64 average = frames_ ? static_cast<guint64>(time_.count()) / frames_ : 0;

    const GstPtr<GstStructure> by_reason(gst_structure_new_empty("copies"));
    for (std::size_t i = 0; i < copy_reasons; i++)
        gst_structure_set(by_reason.get(), reasons[i].nick, G_TYPE_UINT64, copies_in_[i], nullptr);

    return GstPtr<GstStructure>(
        gst_structure_new("accel-stats",                                    //
                          "frames", G_TYPE_UINT64, frames_ + passthrough_,  //
                          "passthrough", G_TYPE_UINT64, passthrough_,       //
                          "imports", G_TYPE_UINT64, imports_,               //
                          "import-cache-hits", G_TYPE_UINT64, cache_hits_,  //
                          "copies-in", G_TYPE_UINT64, copies,               //
                          "copies-out", G_TYPE_UINT64, guint64{0},          //
                          "bytes-copied", G_TYPE_UINT64, bytes_copied_,     //
                          "time-per-frame", G_TYPE_UINT64, average,         //
                          "copies-by-reason", GST_TYPE_STRUCTURE, by_reason.get(), nullptr));
}

}  // namespace accelgst
