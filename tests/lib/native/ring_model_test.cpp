// SPDX-License-Identifier: MIT
// The library's side of a ring against a model of it, in schedules that follow from a seed: one
// thread and every answer known beforehand, or two and whatever comes.
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
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
using accel::SubmitOptions;
using lib_tests::Jitter;
using lib_tests::RingPeer;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds long_enough{20};

// Queues of 8 to 64 commands and up to four times as many completions.
RingOptions random_options(Jitter& random) {
    const std::uint32_t entries = 8u << random.below(4);
    return {.entries = entries, .completion_entries = entries << random.below(3), .slots = 1};
}

// Half of all schedules go over the wrap at 2^32.
std::uint32_t random_start(Jitter& random, const RingOptions& options) {
    return random.one_in(2) ? 0 - random.below(4 * options.completion_entries) : 0;
}

// Often 1, often all, never more than @p most.
std::uint32_t random_count(Jitter& random, std::uint32_t most) {
    switch (random.below(4)) {
        case 0:
            return 1;
        case 1:
            return most;
        default:
            return 1 + random.below(most);
    }
}

// The command number @p n of a schedule: no two are alike, and every part of it counts.
Command command_of(std::uint64_t n) {
    return Command::raw(
               {.opcode = static_cast<std::uint16_t>(n), .args = {n, n << 8, n << 16, ~n, n * n}})
        .with_user_data(n * 3);
}

std::vector<Command> batch_of(std::uint64_t first, std::uint32_t count) {
    std::vector<Command> batch;
    for (std::uint32_t i = 0; i < count; i++) batch.push_back(command_of(first + i));
    return batch;
}

bool completes(const Completion& completion, std::uint64_t n) {
    const auto entry = std::bit_cast<drm_zaccel_command>(command_of(n));
    return completion.user_data == entry.user_data &&
           completion.result == lib_tests::result_of(entry) &&
           completion.status == accel::error_from_errno(-lib_tests::status_of(entry));
}

// By either doorbell: with a fence it is another one.
Expected<std::uint32_t> try_submit(Ring& ring, std::span<const Command> batch, bool fence) {
    if (!fence) return ring.try_submit(batch);
    return ring.try_submit(batch, {.fence = true}).transform([](const accel::Submission& one) {
        return one.index;
    });
}

// One thread; the engine works when the schedule says so.
class Model {
 public:
    Model(lib_tests::FakeKernel& kernel, const accel::Device& device, std::uint32_t seed);
    void run(int steps);

 private:
    int doorbell(std::uint32_t& fetched);
    void submit();
    void post();
    void reap();
    void wait();
    void expect_counts() const;
    std::error_code own_error(std::uint32_t count) const;
    std::error_code kernels_error() const;
    std::uint32_t posted() const;

    Jitter random_;
    RingOptions options_ = random_options(random_);
    Ring ring_;
    RingPeer peer_{ring_};
    std::uint32_t start_ = random_start(random_, options_);

    std::deque<std::uint64_t> outstanding_{};  // numbers of commands, oldest first
    std::deque<std::uint32_t> fetched_{};      // lengths of batches that have not been posted
    std::uint64_t next_ = 0;                   // number of the next command
    int refusal_ = 0;                          // what the kernel is to say next
    int doorbells_ = 0;
};

Model::Model(lib_tests::FakeKernel& kernel, const accel::Device& device, std::uint32_t seed)
    : random_(seed), ring_(device, options_) {
    kernel.ring_kick = [this](std::uint32_t& fetched) { return doorbell(fetched); };
    kernel.ring_submit = [this](auto& args) { return doorbell(args.fetched); };
    kernel.ring_wait = [this](auto& args) { return peer_.wait(args.index, args.deadline_ns); };
    peer_.start_at(start_);
}

int Model::doorbell(std::uint32_t& fetched) {
    doorbells_++;
    return refusal_ != 0 ? refusal_ : peer_.fetch(fetched);
}

std::uint32_t Model::posted() const {
    std::uint32_t count = static_cast<std::uint32_t>(outstanding_.size());
    for (const std::uint32_t waiting : fetched_) count -= waiting;
    return count;
}

// Of batches that never get to the kernel.
std::error_code Model::own_error(std::uint32_t count) const {
    if (count == 0 || count > options_.entries) return Errc::invalid_argument;
    if (outstanding_.size() + count > options_.completion_entries) return Errc::ring_full;
    return {};
}

std::error_code Model::kernels_error() const {
    return refusal_ == EAGAIN ? make_error_code(Errc::ring_full)
                              : accel::error_from_errno(refusal_);
}

void Model::submit() {
    constexpr std::array refusals{0, 0, 0, 0, 0, EAGAIN, ENOMEM, ENODEV};
    refusal_ = refusals[random_.below(refusals.size())];
    const std::uint32_t most = options_.entries + (random_.one_in(8) ? 1 : 0);
    const std::uint32_t count = random_.one_in(16) ? 0 : random_count(random_, most);
    const std::error_code own = own_error(count);
    const std::error_code error = own ? own : kernels_error();
    doorbells_ = 0;

    const auto index = try_submit(ring_, batch_of(next_, count), random_.one_in(8));
    EXPECT_EQ(index.error_or({}), error);
    EXPECT_EQ(doorbells_, own ? 0 : 1);
    if (error) return;

    for (std::uint32_t i = 0; i < count; i++) outstanding_.push_back(next_ + i);
    fetched_.push_back(count);
    next_ += count;
    EXPECT_EQ(index.value_or(0), start_ + static_cast<std::uint32_t>(next_));
}

void Model::post() {
    EXPECT_EQ(peer_.post(), !fetched_.empty());
    if (!fetched_.empty()) fetched_.pop_front();
}

void Model::reap() {
    const bool there = posted() != 0;
    const Expected<Completion> completion = ring_.try_reap();
    ASSERT_EQ(completion.has_value(), there);
    if (!there) {
        EXPECT_EQ(completion.error(), Errc::no_completion);
        return;
    }
    EXPECT_TRUE(completes(*completion, outstanding_.front())) << outstanding_.front();
    outstanding_.pop_front();
}

// For an index from well before the oldest completion to well behind the last command.
void Model::wait() {
    const std::uint32_t reaped = start_ + static_cast<std::uint32_t>(next_ - outstanding_.size());
    const std::uint32_t index =
        reaped - options_.completion_entries + random_.below(3 * options_.completion_entries);
    const bool there = static_cast<std::int32_t>(reaped + posted() - index) >= 0;
    const std::chrono::nanoseconds timeout(random_.below(2));

    const Expected<void> waited = ring_.wait_for(index, timeout);
    EXPECT_EQ(waited.error_or({}), there ? std::error_code() : Errc::timed_out);
}

void Model::expect_counts() const {
    EXPECT_EQ(ring_.outstanding(), outstanding_.size());
    EXPECT_EQ(ring_.submitted(), start_ + static_cast<std::uint32_t>(next_));
    const drm_zaccel_ring_header& header = *lib_tests::impl_of(ring_).header;
    EXPECT_EQ(header.sq_tail, ring_.submitted()) << "what was refused is not on offer";
    EXPECT_EQ(header.cq_head, ring_.submitted() - ring_.outstanding());
}

void Model::run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); i++) {
        SCOPED_TRACE("step " + std::to_string(i));
        switch (random_.below(8)) {
            case 0:
            case 1:
                submit();
                break;
            case 2:
                post();
                break;
            case 3:
                wait();
                break;
            default:
                reap();
        }
        expect_counts();
    }
    while (!fetched_.empty()) post();
    while (!outstanding_.empty() && !testing::Test::HasFailure()) reap();
    expect_counts();
}

// A thread submits, another reaps, a third asks; behind them the peer's two.
class Race {
 public:
    Race(lib_tests::FakeKernel& kernel, const accel::Device& device, std::uint32_t seed);
    void run(std::uint64_t commands);

 private:
    int doorbell(std::uint32_t& fetched);
    void submit_all();
    void submit_one(Jitter& jitter, std::uint64_t& next);
    void reap_all();
    Expected<Completion> reap_throwing();
    Expected<Completion> reap_one(Jitter& jitter, std::uint64_t next);
    void ask();
    void fail(const std::string& text);
    bool over() const { return failed_ || Clock::now() > deadline_; }

    std::uint32_t seed_;
    Jitter random_{seed_ * 4};
    RingOptions options_ = random_options(random_);
    Ring ring_;
    RingPeer peer_{ring_};
    std::uint32_t start_ = random_start(random_, options_);
    lib_tests::PeerThreads* threads_ = nullptr;

    std::uint64_t commands_ = 0;
    Clock::time_point deadline_{};
    std::vector<std::uint32_t> batches_{};  // lengths of those submitted
    std::atomic<bool> failed_{false};
    std::atomic<bool> done_{false};
};

Race::Race(lib_tests::FakeKernel& kernel, const accel::Device& device, std::uint32_t seed)
    : seed_(seed), ring_(device, options_) {
    kernel.ring_kick = [this](std::uint32_t& fetched) { return doorbell(fetched); };
    kernel.ring_submit = [this](auto& args) { return doorbell(args.fetched); };
    kernel.ring_wait = [this](auto& args) { return peer_.wait(args.index, args.deadline_ns); };
    peer_.start_at(start_);
}

void Race::fail(const std::string& text) {
    failed_ = true;
    ADD_FAILURE() << "seed " << seed_ << ": " << text;
}

// Now and then the kernel has no memory. That it finds no room for a batch, or indices that cannot
// be, is never to happen.
int Race::doorbell(std::uint32_t& fetched) {
    if (random_.one_in(16)) return ENOMEM;
    const int error = threads_->doorbell(fetched);
    if (error != 0) fail("the doorbell says " + std::to_string(error));
    return error;
}

void Race::submit_one(Jitter& jitter, std::uint64_t& next) {
    const std::uint64_t left = commands_ - next;
    const std::uint32_t count = random_count(
        jitter, left < options_.entries ? static_cast<std::uint32_t>(left) : options_.entries);
    const auto index = try_submit(ring_, batch_of(next, count), jitter.one_in(32));
    if (index) {
        next += count;
        batches_.push_back(count);
        if (*index != start_ + static_cast<std::uint32_t>(next)) fail("a wrong index");
    } else if (index.error() == Errc::ring_full) {
        std::this_thread::yield();
    } else if (index.error() != Errc::out_of_memory) {
        fail("submit: " + index.error().message());
    }
}

void Race::submit_all() {
    Jitter jitter(seed_ * 4 + 1);
    for (std::uint64_t next = 0; next < commands_ && !over();) {
        submit_one(jitter, next);
        jitter();
    }
}

Expected<Completion> Race::reap_throwing() {
    try {
        return ring_.reap(long_enough);
    } catch (const accel::Error& error) {
        return accel::Unexpected(error.code());
    }
}

Expected<Completion> Race::reap_one(Jitter& jitter, std::uint64_t next) {
    const std::uint32_t index = start_ + static_cast<std::uint32_t>(next) + 1;
    switch (jitter.below(16)) {
        case 0:
            return reap_throwing();
        case 1:
            return ring_.wait_for(index, long_enough).and_then([&] { return ring_.try_reap(); });
        default:
            return ring_.try_reap();
    }
}

void Race::reap_all() {
    Jitter jitter(seed_ * 4 + 2);
    for (std::uint64_t next = 0; next < commands_ && !over();) {
        const Expected<Completion> completion = reap_one(jitter, next);
        if (!completion && completion.error() == Errc::no_completion) {
            std::this_thread::yield();
        } else if (!completion) {
            fail("reap: " + completion.error().message());
        } else if (!completes(*completion, next++)) {
            fail("completion " + std::to_string(next - 1) + " is another's");
        }
        jitter();
    }
}

void Race::ask() {
    std::uint32_t submitted = start_;
    while (!done_) {
        if (ring_.outstanding() > options_.completion_entries) fail("too many outstanding");
        const std::uint32_t now = ring_.submitted();
        if (static_cast<std::int32_t>(now - submitted) < 0) fail("submitted() went back");
        if (!ring_.wait_for(start_, 0s)) fail("what was posted is not there");
        submitted = now;
        std::this_thread::yield();
    }
}

void Race::run(std::uint64_t commands) {
    commands_ = commands;
    deadline_ = Clock::now() + long_enough;
    lib_tests::PeerThreads threads(peer_, seed_);
    threads_ = &threads;
    std::thread asker([this] { ask(); });
    std::thread reaper([this] { reap_all(); });
    submit_all();
    reaper.join();
    done_ = true;
    asker.join();

    EXPECT_LE(Clock::now(), deadline_) << "it came to a halt";
    EXPECT_EQ(peer_.batches(), batches_);
    EXPECT_EQ(ring_.outstanding(), 0u);
    EXPECT_EQ(ring_.try_reap().error_or({}), Errc::no_completion);
}

class RingModel : public lib_tests::FakeKernelTest,
                  public testing::WithParamInterface<std::uint32_t> {
 protected:
    void run_model(std::uint32_t seed, int steps) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Model(kernel_, device_, seed).run(steps);
    }

    void run_race(std::uint32_t seed, std::uint64_t commands) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Race(kernel_, device_, seed).run(commands);
    }
};

class RingModelLong : public RingModel {};

INSTANTIATE_TEST_SUITE_P(Seeds, RingModel, testing::Range(0u, 8u));
INSTANTIATE_TEST_SUITE_P(Seeds, RingModelLong, testing::Range(100u, 2100u, 500u));

TEST_P(RingModel, AnswersAreThoseOfADeque) {
    for (std::uint32_t i = 0; i < 10; i++) run_model(10 * GetParam() + i, 2000);
}

TEST_P(RingModel, EachCommandCompletesOnceAndInOrder) { run_race(GetParam(), 3000); }

TEST_P(RingModelLong, AnswersAreThoseOfADeque) {
    for (std::uint32_t i = 0; i < 500 && !HasFailure(); i++) run_model(GetParam() + i, 20'000);
}

TEST_P(RingModelLong, EachCommandCompletesOnceAndInOrder) {
    for (std::uint32_t i = 0; i < 500 && !HasFailure(); i++) run_race(GetParam() + i, 3000);
}

}  // namespace
