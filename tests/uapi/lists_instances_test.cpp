// SPDX-License-Identifier: MIT

// The list of what an engine does, where that is several batches at once.

#include <set>
#include <string>
#include <vector>

#include "debugfs.hpp"
#include "fixture.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "unplug.hpp"

namespace uapi_tests {
namespace {

class QueueInstances : public CountedTest {
 protected:
    DeviceGuard guard_;
    Reloaded module_{{"instances=4"}};
    HeldEngine engine_;
    Fd device_ = open_device();
};

TEST_F(QueueInstances, EachHasItsBatch) {
    std::vector<Ring> rings;
    for (int i = 0; i < 6; i++) {
        rings.emplace_back(device_).put_batch({nop()});
        ASSERT_EQ(rings.back().submit(), 0);
    }
    std::vector<Line> lines;
    ASSERT_TRUE(eventually([&] {
        lines = read_list("queue");
        return lines.size() == 6 && lines[3].at("state") == "running";
    }));
    std::set<std::string> instances;
    std::set<std::uint64_t> running;
    for (std::size_t i = 0; i < 4; i++) {
        instances.insert(lines[i].at("instance"));
        running.insert(number(lines[i], "ring"));
    }
    EXPECT_EQ(instances, (std::set<std::string>{"0", "1", "2", "3"}));
    EXPECT_EQ(running, (std::set<std::uint64_t>{1, 2, 3, 4}));
    for (std::size_t i = 4; i < 6; i++) {
        EXPECT_EQ(lines[i].at("state"), "queued");
        EXPECT_EQ(number(lines[i], "ring"), i + 1);
    }
    engine_.release();
    for (const Ring& ring : rings) ring.wait_for(1);
    EXPECT_TRUE(eventually([] { return read_list("queue").empty(); }));
}

}  // namespace
}  // namespace uapi_tests
