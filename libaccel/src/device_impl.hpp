// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <accel/device.hpp>
#include <accel/unique_fd.hpp>

namespace accel::detail {

struct BufferImpl;

/// An open node. Whatever is made on it holds a reference, so the node closes last.
struct DeviceImpl {
    UniqueFd fd;
    DeviceInfo info;

    // Importing a dma-buf that this node knows already gives the handle it has, and closing that
    // handle once closes it for all. So there is one BufferImpl per handle, found here. The mutex
    // is held from a handle's appearance to its entry, and from an entry's end to the handle's.
    struct KnownBuffer {
        std::weak_ptr<BufferImpl> weak;
        const BufferImpl* owner;  // who closes the handle
    };
    std::mutex buffers_mutex;
    std::unordered_map<std::uint32_t, KnownBuffer> buffers;
};

/// The zaccel devices below @p class_dir, which is /sys/class/accel but for tests.
std::vector<DeviceEntry> list_devices(const std::filesystem::path& class_dir);

}  // namespace accel::detail
