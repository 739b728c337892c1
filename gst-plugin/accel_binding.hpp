// SPDX-License-Identifier: MIT
#pragma once

#include <accel/accel.hpp>
#include <array>
#include <list>
#include <memory>
#include <optional>
#include <variant>

#include "accel_allocator.hpp"
#include "accel_caps.hpp"
#include "accel_stats.hpp"

namespace accelgst {

/// A frame's place in a ring's table.
struct Binding {
    const accel::Slot* slot;  ///< Valid until the next call of the cache.
    bool fresh;               ///< Made now, and not found in the cache.
};

class LiveMemories;

/// Frames by the dma-bufs they lie in, each bound once to one ring; the one not used for the
/// longest time goes when there are too many. What is cached keeps the memory alive, so clear()
/// it when the stream's buffers change; memory of our own goes by itself at the next bind() when
/// its GstMemory has gone.
///
/// Keyed by the dma-buf and not by the GstMemory: some elements (unixfdsrc) make a new memory, with
/// a new descriptor, of the same dma-buf for every frame.
class BindingCache {
 public:
    /// Slots of a ring that two caches, for frames in and out, need.
    static constexpr std::uint32_t bound = 48;
    static constexpr std::uint32_t slots = 2 * bound;

    /// What more frames than these may pin together. Fewer stay however large they are: a source
    /// that goes round its buffers would miss each of them in a cache that is one too small.
    static constexpr std::uint32_t bound_of_large = 16;
    static constexpr std::uint64_t bound_bytes = std::uint64_t{256} << 20;

    BindingCache();
    BindingCache(const BindingCache&) = delete;
    BindingCache& operator=(const BindingCache&) = delete;
    ~BindingCache();

    /// The slot of a frame, or why the accelerator cannot use it in place. What it refuses is
    /// remembered too.
    /// @throws accel::Error for failures that a copy would not help against
    std::variant<Binding, CopyReason> bind(accel::Ring& ring, const DevicePtr& device,
                                           GstBuffer* buffer, const FrameCaps& caps);

    void clear() { entries_.clear(); }

 private:
    struct PlaneKey {
        DmaBufId dmabuf{};
        std::uint64_t offset = 0;
        std::uint32_t pitch = 0;

        friend bool operator==(const PlaneKey&, const PlaneKey&) = default;
    };
    struct PlaceOfPlane {
        PlaneKey key;
        GstMemory* memory = nullptr;
    };
    using Key = std::array<PlaneKey, accel::max_planes>;
    using Places = std::array<PlaceOfPlane, accel::max_planes>;

    struct Entry {
        Key key;
        std::optional<accel::Slot> slot;  // none: the accelerator refused the frame
        std::uint64_t bytes = 0;          // that the slot keeps alive
    };

    static std::optional<CopyReason> locate(GstBuffer* buffer, const FrameCaps& caps,
                                            Places& places);
    static std::optional<CopyReason> locate_plane(GstBuffer* buffer, const FrameCaps& caps,
                                                  guint plane, PlaceOfPlane& place);
    static std::uint64_t bytes_of(const Places& places);
    static accel::Image image_of(const DevicePtr& device, const FrameCaps& caps,
                                 const Places& places);

    void drop_departed();
    void make_room(std::uint64_t bytes);
    std::variant<Binding, CopyReason> add(accel::Ring& ring, const DevicePtr& device,
                                          const FrameCaps& caps, const Places& places,
                                          const Key& key);

    std::list<Entry> entries_;  // the last used first
    std::shared_ptr<LiveMemories> memories_;
};

}  // namespace accelgst
