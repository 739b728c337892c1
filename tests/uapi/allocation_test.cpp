// SPDX-License-Identifier: MIT

// What the kernel allocates for whoever rings a doorbell, where the engine's thread runs the batch:
// nothing that could be there already. (Inside the doorbell: InlineAllocations.)

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "fixture.hpp"
#include "inline.hpp"
#include "ring.hpp"
#include "syncobj.hpp"
#include "trace.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// Batches that a ring has memory for from the beginning.
constexpr std::size_t spare_jobs = 8;

/// Slots.
enum : std::uint32_t { hidden, shared };

class ThreadAllocations : public DeviceTest {
 protected:
    ThreadAllocations() {
        EXPECT_EQ(ring_.bind_range(hidden, hidden_, 0, page), 0);
        EXPECT_EQ(ring_.bind_range(shared, shared_, 0, page), 0);
    }

    void ring_doorbell(std::initializer_list<drm_zaccel_command> batch) {
        ring_.put_batch(batch);
        ASSERT_EQ(ring_.submit(), 0);
    }

    /// One after the other. The first ones do not count: what they make may stay.
    std::size_t of_batches(std::initializer_list<drm_zaccel_command> batch) {
        for (int i = 0; i < 20; i++) run(batch);
        const Trace trace({"kmem/kmalloc", "kmem/kmem_cache_alloc"}, ::gettid());
        for (std::size_t i = 0; i < batches; i++) run(batch);
        trace.stop();
        return trace.events().size();
    }

    /// The completions are waited for without a call.
    void run(std::initializer_list<drm_zaccel_command> batch) {
        ring_doorbell(batch);
        ASSERT_TRUE(eventually([&] { return ring_.cq_tail() == ring_.sq_tail(); }));
        ring_.set_cq_head(ring_.sq_tail());
    }

    /// Of each of so many doorbells, while none of their batches can be done.
    std::vector<std::size_t> of_each_outstanding(std::size_t count) {
        BusyEngine busy(device_);
        const Trace trace({"kmem/kmalloc", "kmem/kmem_cache_alloc", "zaccel/zaccel_submit"},
                          ::gettid());
        for (std::size_t i = 0; i < count; i++) ring_doorbell({nop(), fill(hidden, 0, page, i)});
        trace.stop();
        EXPECT_EQ(ring_.cq_tail(), ring_.cq_head());
        busy.cancel();
        ring_.wait_for(ring_.sq_tail());
        ring_.reap();
        return of_each_doorbell(trace.events());
    }

    static std::vector<std::size_t> of_each_doorbell(const std::vector<TraceEvent>& events) {
        std::vector<std::size_t> made;
        for (const TraceEvent& event : events) {
            if (event.name == "zaccel_submit")
                made.push_back(0);
            else if (!made.empty())
                made.back()++;
        }
        return made;
    }

    static constexpr std::size_t batches = 200;

    const InlineBytes none_{0};
    Buffer hidden_{device_, page}, shared_{device_, page};
    const Fd dmabuf_ = shared_.export_dmabuf();
    Ring ring_{device_};
};

TEST_F(ThreadAllocations, AreNoneForPrivateBuffers) {
    EXPECT_EQ(of_batches({nop()}), 0U);
    EXPECT_EQ(of_batches({nop(), fill(hidden, 0, page, 1)}), 0U);
}

TEST_F(ThreadAllocations, AreTheFenceOfASharedOne) {
    EXPECT_EQ(of_batches({fill(hidden, 0, 64, 1), fill(shared, 0, page, 2)}), batches);
}

// What was made beyond that is not kept, so it is made again.
TEST_F(ThreadAllocations, AreTheBatchesBeyondEight) {
    run({nop()});
    for (int lap = 0; lap < 3; lap++) {
        const std::vector<std::size_t> made = of_each_outstanding(spare_jobs + 4);
        ASSERT_EQ(made.size(), spare_jobs + 4);
        for (std::size_t i = 0; i < made.size(); i++)
            EXPECT_EQ(made[i], i < spare_jobs ? 0U : 1U) << "batch " << i + 1;
    }
}

}  // namespace
}  // namespace uapi_tests
