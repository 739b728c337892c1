// SPDX-License-Identifier: MIT

// A client ends while the engine is in the middle of an EXEC of its.

#include <cerrno>
#include <optional>

#include "exec_victim.hpp"
#include "fixture.hpp"
#include "neighbour.hpp"
#include "process.hpp"

namespace uapi_tests {
namespace {

class ExecDeath : public CountedTest {
 protected:
    /// In this process.
    void start() {
        victim_.emplace(witness_.dmabuf());
        ASSERT_TRUE(witness_.sees_it_run(victim_->ring().export_dmabuf(), victim_->ring().args()));
    }

    /// In another one, that gives away what @p descriptor makes of its ring.
    template <typename F>
    void start_elsewhere(F descriptor) {
        child_.emplace([this, descriptor] {
            ExecVictim victim(witness_.dmabuf());
            pipe_.send(descriptor(victim), victim.ring().args());
            return victim.ring().wait(2, deadline_in(3 * long_enough));
        });
        drm_zaccel_ring_create geometry{};
        ring_ = pipe_.receive(geometry);
        ASSERT_TRUE(witness_.sees_it_run(ring_, geometry));
    }

    void kill() {
        child_->kill();
        ASSERT_EQ(child_->join(), -1);
    }

    void expect_canceled_and_others_go_on() {
        witness_.expect_cut_off(-ECANCELED);
        Ring next(device_);
        EXPECT_EQ(next.run_one(nop(5)).user_data, 5U);
    }

    Neighbour neighbour_;
    Fd device_ = open_device();
    ExecWitness witness_{device_};
    std::optional<ExecVictim> victim_;
    FdPipe pipe_;
    std::optional<Child> child_;
    Fd ring_;
};

TEST_F(ExecDeath, RingDestroyed) {
    start();
    ASSERT_EQ(victim_->ring().destroy(), 0);
    expect_canceled_and_others_go_on();
}

TEST_F(ExecDeath, FileClosed) {
    start();
    victim_->close();
    expect_canceled_and_others_go_on();
}

TEST_F(ExecDeath, Killed) {
    start_elsewhere([](ExecVictim& victim) { return victim.ring().export_dmabuf(); });
    kill();
    expect_canceled_and_others_go_on();
}

// Who has the ring's descriptor is told, and keeps nothing going.
TEST_F(ExecDeath, CreatorKilledWhileAnotherHoldsTheRing) {
    start_elsewhere(
        [](ExecVictim& victim) { return open_ring(victim.file(), victim.ring().id()); });
    EXPECT_EQ(kick(ring_), 0);
    kill();
    EXPECT_EQ(kick(ring_), -ENODEV);
    EXPECT_EQ(fd_wait(ring_, 3, deadline_in(long_enough)), ENODEV);
    expect_canceled_and_others_go_on();
}

}  // namespace
}  // namespace uapi_tests
