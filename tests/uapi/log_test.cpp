// SPDX-License-Identifier: MIT

// The kernel's log is not for programs to write, right or wrong.

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "kernel_log.hpp"
#include "ring.hpp"

namespace uapi_tests {
namespace {

bool names_the_device(const std::string& record) {
    return record.find("accel") != std::string::npos || record.find("[drm") != std::string::npos;
}

class Log : public DeviceTest {
 protected:
    static constexpr int times = 1000;

    Ring ring_{device_};
};

TEST_F(Log, IsNotWrittenByCommandsOrDoorbells) {
    const NewRecords log;
    for (int i = 0; i < times; i++) {
        EXPECT_EQ(ring_.run_one(nop()).status, 0);
        EXPECT_EQ(ring_.run_one(fill(99, 0, 1, 1)).status, -EBADSLT);
    }
    const std::uint32_t tail = ring_.sq_tail();
    ring_.set_sq_tail(tail - 1);
    for (int i = 0; i < times; i++) EXPECT_EQ(ring_.submit(), EINVAL);
    ring_.set_sq_tail(tail);
    // The rest of the kernel may have something to say.
    const std::vector<std::string> records = log.take();
    EXPECT_LT(records.size(), 10U);
    const auto ours = std::find_if(records.begin(), records.end(), names_the_device);
    EXPECT_EQ(ours, records.end()) << *ours;
}

}  // namespace
}  // namespace uapi_tests
