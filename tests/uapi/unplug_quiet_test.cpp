// SPDX-License-Identifier: MIT

// The device goes while the engine writes a buffer that others share: when the fence there signals,
// it writes no more.

#include <cerrno>

#include "fault.hpp"
#include "fixture.hpp"
#include "overwriter.hpp"
#include "unplug.hpp"

namespace uapi_tests {
namespace {

/// With the commands run by the engine's thread, and by another.
class UnplugQuiet : public CountedTest, public testing::WithParamInterface<const char*> {
 protected:
    DeviceGuard guard_;
    Fd device_ = open_device();
};

TEST_P(UnplugQuiet, WhenTheDeviceWent) {
    check(Fault::write(GetParam()), "fault");
    Overwriter overwriter(device_);
    overwriter.start();
    unbind();
    const Overwriter::End end = overwriter.end();
    EXPECT_EQ(end.status, -ENODEV);
    EXPECT_TRUE(end.quiet);
}

INSTANTIATE_TEST_SUITE_P(Commands, UnplugQuiet, testing::Values("none", "async"), who_carries_out);

}  // namespace
}  // namespace uapi_tests
