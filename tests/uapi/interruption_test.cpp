// SPDX-License-Identifier: MIT

// Signals that come during calls, with SA_RESTART and without: a wait goes on, a doorbell never
// does of its own.

#include <pthread.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <future>
#include <limits>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "hostile.hpp"
#include "interruptions.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "ringfd.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();

/// Every call that sleeps until a time, on a batch that is held back.
class RestartedWait : public DeviceTest {
 protected:
    struct Wait {
        const char* name;
        std::function<int(std::int64_t deadline)> call;
    };

    RestartedWait() {
        EXPECT_EQ(ring_.bind_range(0, buffer_, 0, page), 0);
        EXPECT_EQ(ring_.bind_range(1, shared_, 0, page), 0);
    }

    void submit() {
        ring_.put_batch({fill(0, 0, page, 1), fill(1, 0, page, 1)});
        ASSERT_EQ(ring_.submit(), 0);
    }

    const HeldEngine engine_;
    const Interruptions interruptions_{SA_RESTART};
    const Buffer buffer_{device_, page}, shared_{device_, page};
    const Fd dmabuf_ = shared_.export_dmabuf();
    Ring ring_{device_};
    const Fd fd_ = open_ring(device_, ring_.id());
    const std::vector<Wait> waits_ = {
        {"RING_WAIT", [this](auto deadline) { return ring_.wait(ring_.sq_tail(), deadline); }},
        {"FD_WAIT", [this](auto deadline) { return fd_wait(fd_, ring_.sq_tail(), deadline); }},
        {"BUFFER_WAIT", [this](auto deadline) { return buffer_.wait(deadline); }},
        {"BUFFER_WAIT, shared", [this](auto deadline) { return shared_.wait(deadline); }},
    };
};

TEST_F(RestartedWait, EndsAtItsDeadline) {
    submit();
    const pthread_t self = ::pthread_self();
    const Loop loop([self] { Interruptions::interrupt(self); });
    for (const Wait& wait : waits_) {
        const std::int64_t deadline = deadline_in(std::chrono::milliseconds(200));
        EXPECT_EQ(wait.call(deadline), ETIME) << wait.name;
        EXPECT_GE(deadline_in({}), deadline) << wait.name;
        EXPECT_LT(deadline_in(-long_enough), deadline) << wait.name;
    }
}

TEST_F(RestartedWait, GoesOnUntilItIsOver) {
    for (const Wait& wait : waits_) {
        submit();
        const unsigned before = Interruptions::handled();
        std::future<int> result = std::async(std::launch::async, [&] {
            return interruptions_.until_it_returns([&] { return wait.call(forever); });
        });
        EXPECT_TRUE(eventually([&] { return Interruptions::handled() >= before + 50; }));
        EXPECT_EQ(result.wait_for(std::chrono::seconds(0)), std::future_status::timeout)
            << wait.name;
        engine_.advance();
        EXPECT_EQ(result.get(), 0) << wait.name;
    }
}

TEST_F(RestartedWait, OfABindingGoesOnUntilItIsOver) {
    const VgemBuffer vgem;
    const Buffer imported = Buffer::import(device_, vgem.dmabuf().get());
    const std::uint32_t fence = vgem.attach_fence(VgemBuffer::Use::write);
    const unsigned before = Interruptions::handled();
    std::future<int> result = std::async(std::launch::async, [&] {
        return interruptions_.until_it_returns(
            [&] { return ring_.bind_range(2, imported, 0, page); });
    });
    EXPECT_TRUE(eventually([&] { return Interruptions::handled() >= before + 50; }));
    EXPECT_EQ(result.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
    vgem.signal(fence);
    EXPECT_EQ(result.get(), 0);
}

enum class Doorbell { submit, kick };

/// Of either kind, with handlers of either kind.
class InterruptedDoorbell : public DeviceTest,
                            public testing::WithParamInterface<std::tuple<Doorbell, int>> {
 protected:
    /// What was taken, or a negative errno; never both.
    long ring_doorbell() {
        if (std::get<Doorbell>(GetParam()) == Doorbell::kick) return kick(fd_);
        drm_zaccel_ring_submit args{};
        args.id = ring_.id();
        const int error = call(device_, DRM_IOCTL_ZACCEL_RING_SUBMIT, args);
        if (error == 0) return args.fetched;
        EXPECT_EQ(args.fetched, 0U);
        return -error;
    }

    void put(std::uint32_t batches) {
        for (std::uint32_t i = 0; i < batches; i++) ring_.put_batch({nop(ring_.sq_tail())});
        ring_.publish();
    }

    void expect_each_completes_once() {
        std::uint64_t next = ring_.cq_head();
        ASSERT_TRUE(eventually([&] { return ring_.cq_tail() == ring_.sq_tail(); }));
        for (const drm_zaccel_completion& completion : ring_.reap())
            ASSERT_EQ(completion.user_data, next++);
        EXPECT_EQ(next, ring_.sq_tail());
    }

    /// @return doorbells that took it all
    unsigned take_all() {
        for (unsigned doorbells = 1;; doorbells++) {
            const long taken = ring_doorbell();
            EXPECT_TRUE(taken > 0 || taken == -EINTR) << taken;
            if (taken == 0 || ring_.sq_head() == ring_.sq_tail()) return doorbells;
        }
    }

    const Interruptions interruptions_{std::get<int>(GetParam())};
    Ring ring_{device_, {32768, 32768, 0}};
    const Fd fd_ = open_ring(device_, ring_.id());
};

// A signal at any moment: nothing is taken twice, nothing is lost.
TEST_P(InterruptedDoorbell, StopsBetweenBatches) {
    const pthread_t self = ::pthread_self();
    const Loop loop([self] { Interruptions::interrupt(self); });
    unsigned split = 0;
    EXPECT_TRUE(eventually([&] {
        put(1024);
        split += take_all() > 1;
        expect_each_completes_once();
        return split >= 10 || HasFailure();
    }));
}

// While one is long at work another waits for it, and need not.
TEST_P(InterruptedDoorbell, NeedNotWaitForAnother) {
    const auto second_is_interrupted = [&] {
        const std::uint32_t before = ring_.sq_head();
        put(32768);
        std::future<long> first = std::async(std::launch::async, [&] { return ring_doorbell(); });
        EXPECT_TRUE(eventually([&] { return ring_.sq_head() != before; }));
        const int second =
            interruptions_.until_it_returns([&] { return static_cast<int>(ring_doorbell()); });
        EXPECT_TRUE(second >= 0 || second == -EINTR) << second;
        EXPECT_GT(first.get(), 0);
        if (ring_.sq_head() != ring_.sq_tail()) take_all();
        expect_each_completes_once();
        return second == -EINTR;
    };
    EXPECT_TRUE(eventually([&] { return second_is_interrupted() || HasFailure(); }));
}

std::string name_of(const std::tuple<Doorbell, int>& param) {
    return std::string(std::get<Doorbell>(param) == Doorbell::kick ? "Kick" : "Submit") +
           (std::get<int>(param) != 0 ? "Restarting" : "");
}

INSTANTIATE_TEST_SUITE_P(By, InterruptedDoorbell,
                         testing::Combine(testing::Values(Doorbell::submit, Doorbell::kick),
                                          testing::Values(0, SA_RESTART)),
                         [](const auto& test) { return name_of(test.param); });

}  // namespace
}  // namespace uapi_tests
