// SPDX-License-Identifier: MIT
#include <accel/device.hpp>

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "device_impl.hpp"
#include "failure.hpp"
#include "ioctl.hpp"

namespace accel {

namespace fs = std::filesystem;

namespace detail {

namespace {

constexpr std::string_view node_prefix = "accel";

// The N of "accelN".
std::optional<unsigned> node_number(std::string_view name) {
    if (!name.starts_with(node_prefix)) return std::nullopt;
    name.remove_prefix(node_prefix.size());

    unsigned number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
    return number;
}

bool has_our_driver(const fs::path& entry) {
    std::error_code error;
    const fs::path driver = fs::read_symlink(entry / "device" / "driver", error);
    return !error && driver.filename() == "zaccel";
}

}  // namespace

std::vector<DeviceEntry> list_devices(const fs::path& class_dir) {
    std::error_code error;
    fs::directory_iterator entries(class_dir, error);
    if (error == std::errc::no_such_file_or_directory) return {};
    if (error) fail(error.value(), "list of " + class_dir.string());

    std::vector<std::pair<unsigned, DeviceEntry>> found;
    // Not a range-based loop: its increment throws errors that are not the library's.
    for (; entries != fs::directory_iterator(); entries.increment(error)) {
        std::string name = entries->path().filename().string();
        const auto number = node_number(name);
        if (!number || !has_our_driver(entries->path())) continue;
        std::string path = "/dev/accel/" + name;
        found.push_back({*number, {std::move(name), std::move(path)}});
    }
    if (error) fail(error.value(), "list of " + class_dir.string());

    std::ranges::sort(found, {}, &std::pair<unsigned, DeviceEntry>::first);
    std::vector<DeviceEntry> list;
    list.reserve(found.size());
    for (auto& [number, entry] : found) list.push_back(std::move(entry));
    return list;
}

}  // namespace detail

namespace {

using detail::DeviceImpl;

template <class T>
std::vector<T> query_table(const DeviceImpl& device, drm_zaccel_query_type type) {
    std::vector<T> table;

    for (;;) {
        drm_zaccel_query args{};
        args.type = type;
        args.stride = sizeof(T);
        args.count = static_cast<__u32>(table.size());
        args.data = reinterpret_cast<std::uintptr_t>(table.data());
        detail::check(sys::query(device.fd.get(), args),
                      [&] { return "query of " + device.info.path; });

        const bool complete = args.count <= table.size();
        table.resize(args.count);
        if (complete) return table;
    }
}

template <std::size_t N>
std::string bounded_string(const char (&text)[N]) {
    return {text, ::strnlen(text, N)};
}

void query_limits(DeviceImpl& device) {
    const auto table = query_table<drm_zaccel_device_info>(device, ZACCEL_QUERY_DEVICE);
    if (table.empty()) detail::fail(Errc::not_supported, "limits of " + device.info.path);

    const drm_zaccel_device_info& info = table.front();
    device.info.limits = {
        .min_ring_entries = info.min_ring_entries,
        .max_ring_entries = info.max_ring_entries,
        .max_slots = info.max_slots,
        .max_rings = info.max_rings,
        .max_buffer_size = info.max_buffer_size,
        .max_image_size = info.max_image_size,
        .pitch_align = std::max(info.pitch_align, 1u),
        .max_batch_time = std::chrono::milliseconds(info.max_batch_ms),
        .default_timeout = std::chrono::milliseconds(info.default_timeout_ms),
        .default_idle_time = std::chrono::microseconds(info.default_idle_us),
        .max_idle_time = std::chrono::microseconds(info.max_idle_us),
    };
}

void query_capabilities(DeviceImpl& device) {
    for (const auto& e : query_table<drm_zaccel_engine_info>(device, ZACCEL_QUERY_ENGINES))
        device.info.engines.push_back({
            .name = bounded_string(e.name),
            .id = e.id,
            .instances = e.instances,
            .address_bits = e.address_bits,
            .align = std::max(e.align, 1u),
            .contiguous = (e.flags & ZACCEL_ENGINE_CONTIGUOUS) != 0,
        });

    for (const auto& o : query_table<drm_zaccel_operation_info>(device, ZACCEL_QUERY_OPERATIONS))
        device.info.operations.push_back({static_cast<Operation>(o.opcode), o.engine});

    for (const auto& f : query_table<drm_zaccel_format_info>(device, ZACCEL_QUERY_FORMATS))
        device.info.formats.push_back({
            .fourcc = f.fourcc,
            .modifier = f.modifier,
            .operation = static_cast<Operation>(f.opcode),
            .engine = f.engine,
            .source = (f.flags & ZACCEL_FORMAT_SOURCE) != 0,
            .destination = (f.flags & ZACCEL_FORMAT_DESTINATION) != 0,
        });
}

}  // namespace

std::vector<DeviceEntry> Device::list() { return detail::list_devices("/sys/class/accel"); }

Device Device::open() {
    const std::vector<DeviceEntry> entries = list();
    if (entries.empty()) detail::fail(Errc::not_found, "zaccel device in /sys/class/accel");
    return open(entries.front().path);
}

Device Device::open(const std::string& path) {
    auto impl = std::make_shared<DeviceImpl>();

    impl->info.path = path;
    impl->info.name = fs::path(path).filename().string();
    impl->fd = UniqueFd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!impl->fd) {
        const int number = errno;
        detail::fail(number, "open of " + path);
    }
    if (!sys::is_zaccel(impl->fd.get()))
        detail::fail(Errc::not_supported, path + " as a zaccel device");

    query_limits(*impl);
    query_capabilities(*impl);
    return Device(std::move(impl));
}

Device::Device(std::shared_ptr<DeviceImpl> impl) noexcept : impl_(std::move(impl)) {}
Device::Device(Device&&) noexcept = default;
Device& Device::operator=(Device&&) noexcept = default;
Device::~Device() = default;

const std::shared_ptr<DeviceImpl>& Device::internal() const {
    if (!impl_) detail::fail(Errc::invalid_argument, "moved-from Device");
    return impl_;
}

const DeviceInfo& Device::info() const { return internal()->info; }

bool Device::supports(Operation operation) const {
    return std::ranges::any_of(info().operations,
                               [&](const OperationInfo& o) { return o.operation == operation; });
}

bool Device::supports(Operation operation, std::uint32_t fourcc, Direction direction,
                      std::uint64_t modifier) const {
    return std::ranges::any_of(info().formats, [&](const FormatInfo& f) {
        return f.operation == operation && f.fourcc == fourcc && f.modifier == modifier &&
               (direction == Direction::source ? f.source : f.destination);
    });
}

int Device::fd() const { return internal()->fd.get(); }

}  // namespace accel
