// SPDX-License-Identifier: MIT

// Whoever is beside a batch that hangs or takes too long loses nothing: other processes, polled
// rings, and those who wait for its fence.

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "debugfs.hpp"
#include "hang.hpp"
#include "process.hpp"
#include "shared_array.hpp"
#include "sleeper.hpp"
#include "syncobj.hpp"
#include "worker.hpp"

namespace uapi_tests {
namespace {

/// What is wrong with the batch: its command never ends, its commands are slow, it is long.
enum class Trouble { hangs, is_slow, works_long };

/// A client whose batch is ended.
class Victim {
 public:
    static constexpr std::uint64_t size = 1 << 20;

    explicit Victim(Trouble trouble) : trouble_(trouble) {
        check(ring_.bind_range(0, buffer_, 0, size), "bind");
    }

    /// Until the engine has its batch.
    void start(const Fault& fault) {
        if (trouble_ == Trouble::hangs) fault.set("hang ring 1");
        if (trouble_ == Trouble::is_slow) fault.set("slow 50000 ring 1");
        // Checksums of 8 GiB, where that is the trouble.
        std::vector batch(count, trouble_ == Trouble::works_long ? crc32c(0, 0, size) : nop());
        batch.front() = fill(0, 0, 1, 0x4d);
        ring_.put_batch(batch);
        const std::uint32_t out[] = {fence_.handle()};
        check(ring_.submit({}, out), "submit");
        check(eventually(runs) ? 0 : ETIME, "the batch runs");
    }
    bool is_done() const { return ring_.posted(count); }

    void expect_ended() {
        ring_.wait_for(count);
        const std::vector<int> all = statuses(ring_.reap());
        EXPECT_EQ(std::count(all.begin(), all.end(), -ETIMEDOUT), 1);
        EXPECT_EQ(all.back(), -ECANCELED);
        EXPECT_EQ(sync_file_status(fence()), -ETIMEDOUT);
    }
    const char* reason() const { return trouble_ == Trouble::hangs ? "no progress" : "too long"; }

    const Fd& dmabuf() const { return dmabuf_; }
    std::uint8_t* memory() const { return memory_.data(); }
    const Syncobj& syncobj() const { return fence_; }
    Fd fence() const { return fence_.export_sync_file(); }

 private:
    static constexpr std::uint32_t count = 8192;

    static bool runs() {
        const std::vector<Line> lines = read_list("queue", "ring", 1);
        return !lines.empty() && lines[0].at("state") == "running";
    }
    static RingOptions options() {
        RingOptions options = with_timeout(700);
        options.sq_entries = options.cq_entries = count;
        return options;
    }

    Trouble trouble_;
    Fd file_ = open_device();
    Buffer buffer_{file_, size};
    Fd dmabuf_ = buffer_.export_dmabuf();
    Mapping memory_ = buffer_.map();
    Syncobj fence_{file_};
    Ring ring_{file_, options()};
};

/// A worker in a process of its own.
class WorkingProcess {
 public:
    int batches() const { return shared_[0].batches; }
    int wrong() const { return shared_[0].wrong; }
    /// @return what it exited with
    int stop() {
        shared_[0].stop = true;
        return child_.join();
    }

 private:
    struct Shared {
        std::atomic<bool> stop;
        std::atomic<int> batches, wrong;
    };

    int work() const {
        Worker worker;
        while (!shared_[0].stop) {
            worker.work();
            shared_[0].batches = worker.batches();
            shared_[0].wrong = worker.wrong();
        }
        return 0;
    }

    SharedArray<Shared> shared_{1};
    Child child_{[this] { return work(); }};
};

class Beside : public HangTest, public testing::WithParamInterface<Trouble> {
 protected:
    ~Beside() override { stop_ = true; }

    void expect_report_of_victim() {
        const HangReport report = expect_report();
        EXPECT_EQ(report.ring, 1U);
        EXPECT_EQ(report.reason, victim_.reason());
    }

    // Its ring is made first: number 1.
    Reloaded module_{{"max_batch_ms=1200"}};
    Fault fault_;
    Victim victim_{GetParam()};
    std::atomic<bool> stop_ = false;
};

std::string name_of(const testing::TestParamInfo<Trouble>& info) {
    constexpr const char* names[] = {"ThatHangs", "OfSlowCommands", "ThatWorksLong"};
    return names[static_cast<int>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Batch, Beside,
                         testing::Values(Trouble::hangs, Trouble::is_slow, Trouble::works_long),
                         name_of);

/// Has each client done so many batches more?
void expect_all_go_on(const std::vector<std::function<int()>>& clients) {
    for (const auto& batches : clients) {
        const int before = batches();
        EXPECT_TRUE(eventually([&] { return batches() >= before + 2; }));
    }
}

TEST_P(Beside, OthersLoseNothing) {
    WorkingProcess process;
    Worker thread, polled(uapi_tests::polled());
    for (Worker* worker : {&thread, &polled}) worker->start(stop_);
    const std::vector<std::function<int()>> all = {[&] { return process.batches(); },
                                                   [&] { return thread.batches(); },
                                                   [&] { return polled.batches(); }};
    expect_all_go_on(all);
    victim_.start(fault_);
    EXPECT_TRUE(eventually([] { return read_list("queue").size() == 4; })) << "all stand behind it";
    EXPECT_FALSE(victim_.is_done());
    victim_.expect_ended();
    expect_all_go_on(all);
    expect_report_of_victim();
    stop_ = true;
    for (Worker* worker : {&thread, &polled}) {
        worker->join();
        EXPECT_EQ(worker->wrong(), 0);
    }
    EXPECT_EQ(process.stop(), 0);
    EXPECT_EQ(process.wrong(), 0);
}

/// A client that copies from the victim's buffer what the victim does not write.
class Heir {
 public:
    explicit Heir(const Victim& victim) : shared_(Buffer::import(file_, victim.dmabuf().get())) {
        check(ring_.bind_range(0, buffer_, 0, size), "bind");
        check(ring_.bind_range(1, shared_, 0, Victim::size), "bind");
    }

    /// Waits for the fence in the buffer, and for another where there is one.
    void submit(const Syncobj* in = nullptr) {
        ring_.put_batch({copy(0, 1, 0, Victim::size - size, size), crc32c(0, 0, size)});
        if (in) {
            const Syncobj mine(file_, in->export_fd());
            const std::uint32_t handles[] = {mine.handle()};
            check(ring_.submit(handles, {}), "submit");
        } else {
            check(ring_.submit(), "submit");
        }
    }
    bool is_done() const { return ring_.posted(2); }

    void expect_right(std::uint8_t value) {
        ring_.wait_for(2);
        EXPECT_EQ(statuses(ring_.reap()), (std::vector{0, 0}));
        for (const std::uint8_t byte : memory_.bytes()) ASSERT_EQ(byte, value);
    }
    const Buffer& shared() const { return shared_; }

 private:
    static constexpr std::uint64_t size = 4096;

    Fd file_ = open_device();
    Buffer buffer_{file_, size}, shared_;
    Mapping memory_ = buffer_.map();
    Ring ring_{file_};
};

// A fence with an error counts as signalled.
TEST_P(Beside, WhoWaitsForItsFenceGoesOn) {
    std::fill_n(victim_.memory(), Victim::size, 0x33);
    Heir of_the_buffer(victim_), of_both(victim_);
    victim_.start(fault_);
    const Fd fence = victim_.fence(), written = export_fences(victim_.dmabuf(), Fences::writers);
    of_the_buffer.submit();
    of_both.submit(&victim_.syncobj());
    Sleeper waits([&] { return of_both.shared().wait(deadline_in(long_enough)); });
    Sleeper polls([&] { return poll_events(fence.get(), POLLIN, 20000); });
    EXPECT_EQ(sync_file_status(fence), 0);
    EXPECT_FALSE(of_the_buffer.is_done());
    EXPECT_FALSE(of_both.is_done());
    EXPECT_FALSE(victim_.is_done());
    victim_.expect_ended();
    of_the_buffer.expect_right(0x33);
    of_both.expect_right(0x33);
    EXPECT_EQ(waits.result(), 0);
    EXPECT_EQ(polls.result(), POLLIN);
    for (const Fd* told : {&fence, &written}) EXPECT_EQ(sync_file_status(*told), -ETIMEDOUT);
    expect_report_of_victim();
}

// It has nothing but the fence.
TEST_P(Beside, WhoWaitsInAnotherProcessGoesOn) {
    const FdPipe pipe;
    Signal waits;
    Child child([&] {
        const Fd fence = pipe.receive();
        if (!fence || sync_file_status(fence) != 0) return 1;
        waits.send();
        if (final_status(fence) != -ETIMEDOUT) return 2;
        Worker worker;
        for (int i = 0; i < 5; i++) worker.work();
        return worker.wrong() ? 3 : 0;
    });
    victim_.start(fault_);
    pipe.send(victim_.fence());
    EXPECT_TRUE(waits.wait());
    EXPECT_FALSE(victim_.is_done());
    victim_.expect_ended();
    EXPECT_EQ(child.join(), 0);
    expect_report_of_victim();
}

}  // namespace
}  // namespace uapi_tests
