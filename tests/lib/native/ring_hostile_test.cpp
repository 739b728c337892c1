// SPDX-License-Identifier: MIT
// Somebody scribbles over a ring's memory. The library may then answer wrongly, and promises no
// more than this: it answers, and touches nothing but the places of the two queues.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "fake_kernel.hpp"
#include "ring_impl.hpp"
#include "ring_peer.hpp"

namespace {

using accel::Command;
using accel::Completion;
using accel::Errc;
using accel::Expected;
using accel::Ring;
using accel::RingOptions;
using accel::detail::RingImpl;
using lib_tests::impl_of;
using lib_tests::Jitter;
using lib_tests::RingPeer;
using namespace std::chrono_literals;

constexpr RingOptions options{.entries = 8, .completion_entries = 16, .slots = 1};
constexpr std::uint32_t start = 0 - 40u;

class RingScribbledOver : public lib_tests::FakeKernelTest {
 protected:
    RingScribbledOver() {
        peer_.start_at(start);
        kernel_.ring_kick = [this](std::uint32_t& fetched) {
            doorbells_++;
            return peer_.fetch(fetched);
        };
        kernel_.ring_wait = [](auto&) { return ETIME; };
    }

    Ring ring_{device_, options};
    RingPeer peer_{ring_};
    drm_zaccel_ring_header* header_ = impl_of(ring_).header;
    int doorbells_ = 0;
};

TEST_F(RingScribbledOver, SqHeadThatCannotBeIsAFullRing) {
    for (const std::uint32_t wrong : {start + 1, start - 9, start + 0x80000000u, 0x12345678u}) {
        header_->sq_head = wrong;
        EXPECT_EQ(ring_.try_submit(Command::nop()).error_or({}), Errc::ring_full) << wrong;
    }
    EXPECT_EQ(doorbells_, 0);
    EXPECT_EQ(header_->sq_tail, start);

    header_->sq_head = start;
    EXPECT_EQ(ring_.try_submit(Command::nop()).value_or(0), start + 1) << "right again";
}

TEST_F(RingScribbledOver, CqTailThatCannotBeIsAnError) {
    ring_.submit(Command::nop().with_user_data(7));
    ASSERT_TRUE(peer_.post());
    for (const std::uint32_t wrong : {start - 1, start + 17, start + 0x80000000u, 0x12345678u}) {
        header_->cq_tail = wrong;
        EXPECT_EQ(ring_.try_reap().error_or({}), Errc::io_error) << wrong;
        EXPECT_THROW(ring_.reap(1ms), accel::Error) << wrong;
    }
    EXPECT_EQ(header_->cq_head, start);
    EXPECT_EQ(ring_.outstanding(), 1u);

    header_->cq_tail = start + 1;
    EXPECT_EQ(ring_.try_reap().value().user_data, 7u) << "right again";
}

TEST_F(RingScribbledOver, ATailPostedInVainEndsAReapWithoutLimit) {
    kernel_.ring_wait = [](auto&) { return 0; };
    EXPECT_THROW(ring_.reap(accel::forever), accel::Error);
}

TEST_F(RingScribbledOver, AnyStatusIsAnError) {
    for (const std::int32_t status : {INT32_MIN, -4096, -1, 1, INT32_MAX}) {
        ring_.submit(Command::nop());
        ASSERT_TRUE(peer_.post());
        const std::uint32_t head = header_->cq_head;
        const_cast<drm_zaccel_completion*>(impl_of(ring_).cq)[head % 16].status = status;
        const Completion completion = ring_.try_reap().value();
        EXPECT_FALSE(completion.ok()) << status;
        EXPECT_FALSE(completion.status.message().empty()) << status;
    }
}

// Which place of the completion queue it came from, or that it did not come from there.
constexpr std::uint64_t mark = 0x6d61726b00000000;

class RingScribbledOverAtRandom : public lib_tests::FakeKernelTest,
                                  public testing::WithParamInterface<std::uint32_t> {
 protected:
    RingScribbledOverAtRandom();

    void scribble(Jitter& random);
    void scribble_always();
    void submit_much();
    void reap_much();
    bool reap_one(Jitter& random, std::uint32_t index, Completion& completion);
    std::vector<std::byte> bystanders() const;

    static constexpr int calls = 5000;

    Ring ring_{device_, options};
    RingImpl& impl_ = impl_of(ring_);
    std::atomic<bool> done_{false};
    Jitter answers_{4 * GetParam()};  // the kernel's to doorbells
};

RingScribbledOverAtRandom::RingScribbledOverAtRandom() {
    std::memset(impl_.memory, 0xee, impl_.memory_size);
    RingPeer(ring_).start_at(start);
    for (std::uint32_t i = 0; i < options.completion_entries; i++)
        const_cast<drm_zaccel_completion*>(impl_.cq)[i].user_data = mark + i;

    kernel_.ring_kick = [this](std::uint32_t& fetched) {
        fetched = answers_.below(3);
        return answers_.one_in(4) ? EINVAL : 0;
    };
    kernel_.ring_wait = [](auto& args) { return args.index % 2 ? ETIME : 0; };
}

// Anything, or what comes near to the truth. (Not the entries: nobody orders these writes.)
void RingScribbledOverAtRandom::scribble(Jitter& random) {
    drm_zaccel_ring_header& header = *impl_.header;
    const std::array indices{&header.sq_tail, &header.sq_head, &header.cq_tail, &header.cq_head};
    const std::uint32_t truth = random.one_in(2) ? impl_.sq_tail.load(std::memory_order_relaxed)
                                                 : impl_.cq_head.load(std::memory_order_relaxed);
    const std::uint32_t anything = random.below(0xffffff) * 257;
    __atomic_store_n(indices[random.below(indices.size())],
                     random.one_in(4) ? anything : truth + random.below(40) - 20, __ATOMIC_RELAXED);
}

void RingScribbledOverAtRandom::scribble_always() {
    Jitter random(4 * GetParam() + 1);
    while (!done_) {
        scribble(random);
        random();
    }
}

void RingScribbledOverAtRandom::submit_much() {
    Jitter random(4 * GetParam() + 2);
    std::uint32_t tail = start;
    for (int i = 0; i < calls; i++) {
        scribble(random);
        const std::vector<Command> batch(1 + random.below(options.entries), Command::nop());
        const Expected<std::uint32_t> index = ring_.try_submit(batch);
        if (index) {
            tail += static_cast<std::uint32_t>(batch.size());
            EXPECT_EQ(*index, tail);
        } else {
            EXPECT_TRUE(index.error() == Errc::ring_full || index.error() == Errc::invalid_argument)
                << index.error().message();
        }
        EXPECT_EQ(ring_.submitted(), tail);
        random();
    }
    EXPECT_NE(tail, start) << "not one was taken";
}

bool RingScribbledOverAtRandom::reap_one(Jitter& random, std::uint32_t index,
                                         Completion& completion) {
    try {
        if (random.one_in(8)) (void)ring_.wait_for(index + random.below(20) - 10, 1us);
        completion = random.one_in(8) ? ring_.reap(1us) : ring_.try_reap().value();
        return true;
    } catch (const accel::Error& error) {
        EXPECT_TRUE(error.code() == Errc::no_completion || error.code() == Errc::io_error ||
                    error.code() == Errc::timed_out)
            << error.what();
        return false;
    }
}

void RingScribbledOverAtRandom::reap_much() {
    Jitter random(4 * GetParam() + 3);
    std::uint32_t head = start;
    for (int i = 0; i < calls; i++) {
        scribble(random);
        Completion completion;
        if (reap_one(random, head, completion)) {
            EXPECT_EQ(completion.user_data, mark + head % options.completion_entries);
            head++;
        }
        random();
    }
    EXPECT_NE(head, start) << "not one was there";
}

// All that is mapped but indices and submission entries.
std::vector<std::byte> RingScribbledOverAtRandom::bystanders() const {
    std::vector<std::byte> bytes(impl_.memory, impl_.memory + impl_.memory_size);
    const auto sq = reinterpret_cast<const std::byte*>(impl_.sq) - impl_.memory;
    std::fill_n(bytes.begin() + sq, options.entries * sizeof(drm_zaccel_command), std::byte{});
    for (std::size_t index = 0; index < sizeof(drm_zaccel_ring_header); index += 64)
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(index), 4, std::byte{});
    return bytes;
}

TEST_P(RingScribbledOverAtRandom, NeitherStopsNorStrays) {
    const std::vector<std::byte> before = bystanders();
    std::thread scribbler([this] { scribble_always(); });
    std::thread reaper([this] { reap_much(); });
    submit_much();
    reaper.join();
    done_ = true;
    scribbler.join();
    EXPECT_EQ(bystanders(), before);
    EXPECT_LE(ring_.outstanding(), ring_.submitted() - start);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RingScribbledOverAtRandom, testing::Range(0u, 8u));

}  // namespace
