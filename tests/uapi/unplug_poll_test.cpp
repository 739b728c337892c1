// SPDX-License-Identifier: MIT

// The device goes while a poller looks at its rings, or sleeps; the poller stays until they close.

#include <poll.h>

#include <atomic>
#include <cerrno>
#include <optional>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "hostile.hpp"
#include "neighbour.hpp"
#include "poll.hpp"
#include "ringfd.hpp"
#include "syncobj.hpp"
#include "unplug.hpp"

namespace uapi_tests {
namespace {

class UnplugPolled : public CountedTest, public testing::WithParamInterface<std::uint32_t> {
 protected:
    Neighbour neighbour_;
    DeviceGuard guard_;
    Fd device_ = open_device();
    std::optional<Ring> ring_{std::in_place, device_, polled(GetParam())};
};

TEST_P(UnplugPolled, NothingIsTakenAnyMore) {
    ASSERT_EQ(send(*ring_, {nop(1)}), 0);
    ring_->wait_for(1);
    const Fd fd = open_ring(device_, ring_->id());
    if (GetParam() != idle_forever_us) {
        ASSERT_TRUE(falls_asleep(*ring_));
    }
    unbind();
    ring_->put_batch({nop(2)});
    ring_->publish();
    EXPECT_EQ(ring_->submit(), ENODEV);
    EXPECT_EQ(kick(fd), -ENODEV);
    EXPECT_EQ(poll_events(fd.get(), 0, 0), POLLHUP);
    EXPECT_EQ(ring_->cq_tail(), 1U);
    EXPECT_EQ(ring_->sq_head(), 1U);
    EXPECT_TRUE(falls_asleep(*ring_)) << "there is nothing to look at";
    ring_->leave_to_file();
    ring_.reset();
    EXPECT_TRUE(pollers_are(1));
    device_.reset();
    EXPECT_TRUE(pollers_are(0));
}

// One that waits for room in a queue does not go on doing so.
TEST_P(UnplugPolled, ItSleepsForGood) {
    overfill(*ring_);
    unbind();
    ASSERT_TRUE(falls_asleep(*ring_));
    EXPECT_TRUE(eventually([&] { return !wakes_up(only_poller()); }));
}

TEST_P(UnplugPolled, BatchesUnderWayEnd) {
    const ManualFence gate;
    Syncobj in(device_);
    in.import_sync_file(gate.sync_file());
    ASSERT_EQ(ring_->bind_syncobj(0, in.handle()), 0);
    for (int i = 0; i < 5; i++) ring_->put_batch({wait_point(0), nop()});
    ASSERT_EQ(send(*ring_), 0);
    ASSERT_TRUE(eventually([&] { return ring_->sq_head() == 10; }));
    unbind();
    EXPECT_EQ(ring_->cq_tail(), 10U);
    EXPECT_EQ(statuses(ring_->reap()), std::vector<int>(10, -ECANCELED));
    gate.signal();
}

// In the midst of a stream of batches.
TEST_P(UnplugPolled, WhileItIsBusy) {
    std::atomic<int> error = 0;
    {
        const Loop submitter([&] {
            if (ring_->sq_tail() - ring_->cq_head() < 64) ring_->put_batch({nop()});
            if (const int said = send(*ring_)) error = said;
            ring_->reap();
        });
        EXPECT_TRUE(eventually([&] { return ring_->cq_tail() > 1000; }));
        unbind();
        EXPECT_TRUE(eventually([&] { return error == ENODEV; })) << "it learns of that";
    }
    ring_->reap();
    EXPECT_EQ(ring_->cq_tail(), ring_->sq_head()) << "what was taken has ended";
    bind();
    const Fd file = open_device();
    Ring ring(file, polled());
    ASSERT_EQ(send(ring, {nop()}), 0);
    ring.wait_for(1);
}

INSTANTIATE_TEST_SUITE_P(Idle, UnplugPolled, testing::Values(10, idle_forever_us),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace uapi_tests
