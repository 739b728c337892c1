// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <initializer_list>

#include "fixture.hpp"
#include "late.hpp"
#include "ring.hpp"

namespace uapi_tests {

/// A buffer of commands, all NOPs at first, and one of data.
class ExecTest : public DeviceTest {
 protected:
    /// Slots; the last two are for the tests to fill.
    enum : std::uint32_t { list, data, sync, picture, empty };

    static constexpr std::uint64_t page = 4096;
    /// drm_zaccel_device_info.max_exec.
    static constexpr std::uint32_t most = 1024;
    static constexpr std::uint64_t list_size = (most + 64) * sizeof(drm_zaccel_command);

    ExecTest() {
        EXPECT_EQ(ring_.bind_range(list, list_, 0, list_size), 0);
        EXPECT_EQ(ring_.bind_range(data, data_, 0, page), 0);
    }

    void put(std::initializer_list<drm_zaccel_command> commands) {
        std::copy(commands.begin(), commands.end(), entries_);
    }

    drm_zaccel_completion run(const drm_zaccel_command& command) { return ring_.run_one(command); }

    static void expect(const drm_zaccel_completion& completion, int status, std::uint64_t result) {
        EXPECT_EQ(completion.status, status);
        EXPECT_EQ(completion.result, result);
    }

    Buffer list_{device_, list_size};
    Mapping list_memory_ = list_.map();
    drm_zaccel_command* entries_ = reinterpret_cast<drm_zaccel_command*>(list_memory_.data());
    Buffer data_{device_, page};
    Mapping memory_ = data_.map();
    Ring ring_{device_};
};

}  // namespace uapi_tests
