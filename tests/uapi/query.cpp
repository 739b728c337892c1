// SPDX-License-Identifier: MIT
#include "query.hpp"

#include <cstdint>

namespace uapi_tests {

drm_zaccel_device_info device_info(const Fd& device) {
    drm_zaccel_device_info info{};
    drm_zaccel_query query{};
    query.type = ZACCEL_QUERY_DEVICE;
    query.stride = sizeof(info);
    query.count = 1;
    query.data = reinterpret_cast<std::uintptr_t>(&info);
    check(call(device, DRM_IOCTL_ZACCEL_QUERY, query), "query");
    return info;
}

}  // namespace uapi_tests
