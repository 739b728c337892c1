// SPDX-License-Identifier: MIT
#pragma once

#include <accel/export.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace accel {

namespace detail {
struct DeviceImpl;
}

/// What a command does. Numbers from engine_operations are an engine's own; see Command::raw().
enum class Operation : std::uint16_t {
    nop = 0,
    fill,
    copy,
    crc32c,
    convert,
    invert,
    convolve3x3,
};

/// The first operation number that belongs to the engine.
inline constexpr std::uint16_t engine_operations = 0x8000;

/// Which side of an operation an image stands on.
enum class Direction { source, destination };

/// DRM's modifier of pictures whose lines follow one another.
inline constexpr std::uint64_t linear_modifier = 0;

/// What a device can do at most.
struct DeviceLimits {
    std::uint32_t min_ring_entries = 0;  ///< Least entries of either queue of a ring.
    std::uint32_t max_ring_entries = 0;  ///< Most entries of either queue of a ring.
    std::uint32_t max_slots = 0;         ///< Most slots of a ring.
    std::uint32_t max_rings = 0;         ///< Most rings of one Device object.
    std::uint64_t max_buffer_size = 0;   ///< Largest buffer, in bytes.
    std::uint32_t max_image_size = 0;    ///< Largest width and height of an image, in pixels.
    std::uint32_t pitch_align = 1;       ///< Alignment of image pitches and offsets, in bytes.
    std::chrono::milliseconds max_batch_time{0};     ///< A batch that runs longer is ended.
    std::chrono::milliseconds default_timeout{0};    ///< See RingOptions::timeout.
    std::chrono::microseconds default_idle_time{0};  ///< See Polling::idle_time.
    std::chrono::microseconds max_idle_time{0};      ///< Likewise.
};

/// One engine: what runs batches.
struct EngineInfo {
    std::string name{};              ///< "soft" for the engine that is the CPU.
    std::uint32_t id = 0;            ///< For RingOptions::engine.
    std::uint32_t instances = 0;     ///< How many batches it runs at once.
    std::uint32_t address_bits = 0;  ///< Width of the addresses that it reaches.
    std::uint32_t align = 1;         ///< Alignment of offsets into buffers, in bytes.
    bool contiguous = false;         ///< Buffers must be one block of memory.
};

/// One operation that an engine has.
struct OperationInfo {
    Operation operation = Operation::nop;
    std::uint32_t engine = 0;  ///< EngineInfo::id
};

/// A pixel format that an operation takes.
struct FormatInfo {
    std::uint32_t fourcc = 0;    ///< One of accel::fourcc, or another of DRM's.
    std::uint64_t modifier = 0;  ///< linear_modifier or another of DRM's.
    Operation operation = Operation::nop;
    std::uint32_t engine = 0;  ///< EngineInfo::id
    bool source = false;       ///< It can be read.
    bool destination = false;  ///< It can be written.
};

/// What is known of a device; never changes while it is open.
struct DeviceInfo {
    std::string name{};  ///< "accel0"
    std::string path{};  ///< "/dev/accel/accel0"
    DeviceLimits limits{};
    std::vector<EngineInfo> engines{};
    std::vector<OperationInfo> operations{};
    std::vector<FormatInfo> formats{};
};

/// A device that is there, opened or not.
struct DeviceEntry {
    std::string name{};  ///< "accel0"
    std::string path{};  ///< "/dev/accel/accel0"
};

/// An open accelerator.
///
/// Buffers, rings and slots made on it keep it open for themselves: they may outlive the Device
/// object, and the order in which they are destroyed does not matter.
///
/// Move-only. Thread-safe: all members may be called from several threads at once. A moved-from
/// Device can only be assigned to or destroyed; other calls throw invalid_argument.
///
/// A child made by fork() shares the open file with its parent, handles and rings included. There
/// it must neither use nor destroy a Device or anything made on one: what it would release is its
/// parent's. It may exec(), which closes the device, or end by _exit().
class ACCEL_API Device {
 public:
    /// The zaccel devices of this machine, by number. Opens none of them.
    /// @throws Error when sysfs cannot be read; a machine without any gives an empty list
    static std::vector<DeviceEntry> list();

    /// Opens the first device of list().
    /// @throws Error not_found when there is none, else as open(path)
    static Device open();

    /// Opens a device node. Costs queries only; the device allocates nothing for it.
    /// @throws Error not_found, access_denied, not_supported (not a zaccel device)
    static Device open(const std::string& path);

    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    Device(Device&& other) noexcept;
    Device& operator=(Device&& other) noexcept;
    ~Device();

    /// Valid as long as the Device or anything made on it lives.
    const DeviceInfo& info() const;

    /// Does any engine have this operation?
    bool supports(Operation operation) const;

    /// Does any engine take images of this format on this side of the operation?
    /// @param fourcc DRM's number, see accel::fourcc
    bool supports(Operation operation, std::uint32_t fourcc, Direction direction,
                  std::uint64_t modifier = linear_modifier) const;

    /// The device node's descriptor, owned here; for ioctls that the library does not cover.
    ///
    /// GEM handles belong to the open file, so one that is got through this descriptor may be a
    /// Buffer's as well: never close one that a PRIME import gave.
    int fd() const;

    /// @private For the library itself.
    explicit Device(std::shared_ptr<detail::DeviceImpl> impl) noexcept;
    /// @private
    const std::shared_ptr<detail::DeviceImpl>& internal() const;

 private:
    std::shared_ptr<detail::DeviceImpl> impl_;
};

}  // namespace accel
