// SPDX-License-Identifier: MIT

// The order of batches: those of a ring run one after the other, whichever becomes ready first, and
// nobody's command comes between those of a batch.

#include <algorithm>
#include <array>
#include <cerrno>
#include <future>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::size_t gates = 3;
constexpr std::uint32_t batches = gates + 1;

/// The gates in the order in which they open.
using Order = std::array<std::size_t, gates>;

/// Four batches in a ring, each but the last behind a gate. Each notes what the one before it left
/// in a cell, and leaves its own number there.
class RingOrder : public DeviceTest, public testing::WithParamInterface<Order> {
 protected:
    /// Slots.
    enum : std::uint32_t { cell, log };

    RingOrder() {
        EXPECT_EQ(ring_.bind_range(cell, buffer_, 0, 1), 0);
        EXPECT_EQ(ring_.bind_range(log, buffer_, page, batches + 1), 0);
        for (std::uint32_t batch = 1; batch <= batches; batch++) {
            ring_.put_batch({copy(log, cell, batch, 0, 1), fill(cell, 0, 1, batch)});
            EXPECT_EQ(ring_.submit(batch <= gates ? gate(batch - 1) : Handles(), {}), 0);
        }
    }

    using Handles = std::vector<std::uint32_t>;

    Handles gate(std::size_t i) {
        in_.import_sync_file(gates_[i].sync_file());
        return {in_.handle()};
    }

    void open(std::size_t i) {
        gates_[i].signal();
        open_[i] = true;
    }

    /// Batches that nothing keeps back, neither a gate of theirs nor one before them.
    std::uint32_t free_batches() const {
        const auto shut = std::find(open_.begin(), open_.end(), false);
        return shut == open_.end() ? batches : static_cast<std::uint32_t>(shut - open_.begin());
    }

    /// The engine is idle: what does not run is waiting.
    void expect_only_free_batches_run() {
        ring_.wait_for(2 * free_batches());
        Ring bystander(device_);
        EXPECT_EQ(bystander.run_one(nop()).status, 0);
        EXPECT_EQ(ring_.posted(2 * free_batches() + 1), false);
        EXPECT_EQ(memory_[0], free_batches());
    }

    std::array<ManualFence, gates> gates_;
    std::array<bool, gates> open_{};
    Syncobj in_{device_};
    Buffer buffer_{device_, 2 * page};
    Mapping memory_ = buffer_.map();
    Ring ring_{device_};
};

TEST_P(RingOrder, IsKeptHoweverTheyBecomeReady) {
    for (const std::size_t i : GetParam()) {
        expect_only_free_batches_run();
        open(i);
    }
    ring_.wait_for(2 * batches);
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(2 * batches, 0));
    for (std::uint8_t batch = 1; batch <= batches; batch++)
        EXPECT_EQ(memory_[page + batch], batch - 1) << "before batch " << int(batch);
}

// What is ready but for the batch before it ends with the ring, too, and in its place.
TEST_P(RingOrder, IsKeptWhenTheRingEnds) {
    constexpr std::size_t last = gates - 1;
    for (std::size_t i = 0; i < last; i++) open(GetParam()[i]);
    expect_only_free_batches_run();
    const std::uint32_t done = 2 * free_batches();
    ASSERT_EQ(ring_.destroy(), 0);
    ASSERT_TRUE(eventually([&] { return ring_.cq_tail() == 2 * batches; }));
    const std::vector<drm_zaccel_completion> completions = ring_.reap();
    for (std::uint32_t i = 0; i < 2 * batches; i++)
        EXPECT_EQ(completions[i].status, i < done ? 0 : -ECANCELED) << i;
    EXPECT_EQ(memory_[0], done / 2);
    open(GetParam()[last]);
}

std::vector<Order> all_orders() {
    std::vector<Order> orders;
    Order order{0, 1, 2};
    do orders.push_back(order);
    while (std::next_permutation(order.begin(), order.end()));
    return orders;
}

INSTANTIATE_TEST_SUITE_P(OfGates, RingOrder, testing::ValuesIn(all_orders()), [](const auto& test) {
    std::string name;
    for (const std::size_t i : test.param) name += std::to_string(i + 1);
    return name;
});

/// Bytes that a batch writes and sums up.
class Contiguous : public CountedTest, public testing::WithParamInterface<std::uint64_t> {
 protected:
    static constexpr std::uint32_t per_lap = 32;
    static int laps() { return GetParam() == page ? 100 : 8; }

    /// A client with a file and a pattern of its own on a buffer of all. Nothing but the engine
    /// keeps the others out.
    class Client {
     public:
        Client(const Fd& dmabuf, std::uint64_t pattern) : pattern_(pattern) {
            const Buffer imported = Buffer::import(file_, dmabuf.get());
            check(ring_.bind_range(0, imported, 0, GetParam()), "bind");
        }

        /// The sum of its own bytes, while it is alone.
        void learn() { sum_ = ring_.run({write(), sum_up()}).at(1).result; }

        /// Batches that found other bytes than those they wrote.
        int count_disturbed() {
            int disturbed = 0;
            for (int lap = 0; lap < laps(); lap++) {
                ring_doorbells();
                ring_.wait_for(ring_.sq_tail());
                const std::vector<drm_zaccel_completion> done = ring_.reap();
                for (std::size_t i = 1; i < done.size(); i += 2)
                    disturbed += done[i].status != 0 || done[i].result != sum_;
            }
            return disturbed;
        }

     private:
        drm_zaccel_command write() const { return fill(0, 0, GetParam(), pattern_); }
        static drm_zaccel_command sum_up() { return with_explicit_sync(crc32c(0, 0, GetParam())); }

        void ring_doorbells() {
            for (std::uint32_t i = 0; i < per_lap; i++) {
                ring_.put_batch({write(), sum_up()});
                check(ring_.submit(), "submit");
            }
        }

        std::uint64_t pattern_;
        std::uint64_t sum_ = 0;
        Fd file_ = open_device();
        Ring ring_{file_};
    };

    Fd device_ = open_device();
    Buffer buffer_{device_, GetParam()};
    Fd dmabuf_ = buffer_.export_dmabuf();
};

TEST_P(Contiguous, BatchesOfManyClientsOnOneBuffer) {
    Client one(dmabuf_, 0x1111111111111111), two(dmabuf_, 0x2222222222222222);
    one.learn();
    two.learn();
    std::future<int> first = std::async(std::launch::async, [&] { return one.count_disturbed(); });
    EXPECT_EQ(two.count_disturbed(), 0);
    EXPECT_EQ(first.get(), 0);
}

INSTANTIATE_TEST_SUITE_P(Each, Contiguous, testing::Values(page, 1 << 20), [](const auto& test) {
    return test.param == page ? "InOneSlice" : "InManySlices";
});

}  // namespace
}  // namespace uapi_tests
