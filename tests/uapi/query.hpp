// SPDX-License-Identifier: MIT
#pragma once

#include <drm/zaccel_accel.h>

#include <cerrno>
#include <cstdint>
#include <vector>

#include "device.hpp"

namespace uapi_tests {

/// Arguments of DRM_IOCTL_ZACCEL_QUERY.
inline drm_zaccel_query query_args(std::uint32_t type, void* data, std::uint32_t stride,
                                   std::uint32_t count) {
    drm_zaccel_query args{};
    args.type = type;
    args.stride = stride;
    args.count = count;
    args.data = reinterpret_cast<std::uintptr_t>(data);
    return args;
}

/// The whole table, as two calls give it.
template <typename T>
std::vector<T> query_table(const Fd& device, drm_zaccel_query_type type) {
    drm_zaccel_query args = query_args(type, nullptr, 0, 0);
    check(call(device, DRM_IOCTL_ZACCEL_QUERY, args), "query");
    check(args.stride == sizeof(T) ? 0 : EPROTO, "stride");
    std::vector<T> elements(args.count);
    args = query_args(type, elements.data(), sizeof(T), args.count);
    check(call(device, DRM_IOCTL_ZACCEL_QUERY, args), "query");
    check(args.count == elements.size() ? 0 : EPROTO, "count");
    return elements;
}

/// What the query says of the device as a whole.
inline drm_zaccel_device_info device_info(const Fd& device) {
    return query_table<drm_zaccel_device_info>(device, ZACCEL_QUERY_DEVICE).at(0);
}

}  // namespace uapi_tests
