// SPDX-License-Identifier: MIT

// A batch that is ended has no further consequences: when its fence signals, the engine writes no
// more, whoever it was that ended it.

#include <cerrno>

#include "hang.hpp"
#include "overwriter.hpp"

namespace uapi_tests {
namespace {

/// With the commands run by the engine's thread, and by another.
class Quiet : public HangTest, public testing::WithParamInterface<const char*> {
 protected:
    Reloaded module_{{"max_batch_ms=1000"}};
    Fault fault_{GetParam()};
    Fd device_ = open_device();
};

TEST_P(Quiet, WhenTheWatchdogEndedIt) {
    Overwriter overwriter(device_);
    overwriter.start();
    const Overwriter::End end = overwriter.end();
    EXPECT_EQ(end.status, -ETIMEDOUT);
    EXPECT_TRUE(end.quiet);
    EXPECT_EQ(expect_report().reason, "too long");
}

TEST_P(Quiet, WhenItsRingWasDestroyed) {
    Overwriter overwriter(device_);
    overwriter.start();
    EXPECT_EQ(overwriter.ring().destroy(), 0);
    const Overwriter::End end = overwriter.end();
    EXPECT_EQ(end.status, -ECANCELED);
    EXPECT_TRUE(end.quiet);
}

INSTANTIATE_TEST_SUITE_P(Commands, Quiet, testing::Values("none", "async"), who_carries_out);

}  // namespace
}  // namespace uapi_tests
