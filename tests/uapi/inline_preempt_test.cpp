// SPDX-License-Identifier: MIT

// A caller who is not given the CPU does not keep the engine meanwhile. It could only where the
// kernel is preempted anywhere, as Linux 7.x is; with 6.12 it takes "preempt=full" at boot. (That
// can be switched later, too, but the machine may not survive its text being patched.)

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>

#include "cpus.hpp"
#include "fixture.hpp"
#include "process.hpp"
#include "ring.hpp"
#include "shared_array.hpp"

namespace uapi_tests {
namespace {

using namespace std::string_literals;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// Of a batch that is just small enough, and takes long for that.
constexpr std::uint64_t size = 8000;

/// For so long the caller is off its CPU at a time; who waits for half of that waits for it.
constexpr milliseconds away{150};
constexpr milliseconds too_long = away / 2;
constexpr int rounds = 30;
/// The machine itself may be held up now and then.
constexpr int by_accident = 2;

/// Writes a word to a file of the kernel's. False where that cannot be.
bool write_to(const std::string& path, const std::string& value) {
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    return fd && ::write(fd.get(), value.data(), value.size()) > 0;
}

/// A ring whose batches take as long as any that are run inside the doorbell.
class Client {
 public:
    Client() { check(ring_.bind_range(0, buffer_, 0, size), "bind"); }

    void run(int batches = 1) {
        for (int i = 0; i < batches; i++) ring_.put_batch({crc32c(0, 0, size)});
        check(ring_.submit(), "submit");
        ring_.wait_for(ring_.sq_tail());
        ring_.reap();
    }

 private:
    Fd device_ = open_device();
    Buffer buffer_{device_, size};
    Ring ring_{device_};
};

/// What others do meanwhile, in memory of all.
struct Meanwhile {
    std::atomic<std::uint32_t> batches;  ///< of the caller in question
    std::atomic<std::uint64_t> work[2];  ///< on each CPU
};

class InlinePreemption : public CountedTest {
 protected:
    /// Where the whole machine is held up, nobody works either: that does not count. Of @p client's
    /// batches, how many took as long as so much work of those who do nothing else, on both CPUs.
    int count_held_up(Client& client, std::initializer_list<int> cpus) const {
        int held_up = 0;
        for (const auto end = Clock::now() + rounds * away; Clock::now() < end;) {
            const std::uint64_t before[] = {shared_.work[0], shared_.work[1]};
            const auto begun = Clock::now();
            client.run();
            bool slow = Clock::now() - begun > too_long;
            for (const int cpu : cpus) slow &= shared_.work[cpu] - before[cpu] > per_away_ / 4;
            held_up += slow;
        }
        return held_up;
    }

    /// How much work there is in such a time.
    void measure() {
        std::uint64_t most = 0;
        for (int i = 0; i < 5; i++) {
            const std::uint64_t before = shared_.work[1];
            ::usleep(std::chrono::microseconds(away).count());
            most = std::max<std::uint64_t>(most, shared_.work[1] - before);
        }
        per_away_ = most;
    }

    const OnCpu here_{1};
    SharedArray<Meanwhile> memory_{1};
    Meanwhile& shared_ = memory_[0];
    std::uint64_t per_away_ = 0;
};

void become_idle() {
    const sched_param param{};
    check(::sched_setscheduler(0, SCHED_IDLE, &param) ? errno : 0, "SCHED_IDLE");
}

/// As much of the time as can be in the middle of a batch.
[[noreturn]] void keep_ringing(Client& client, std::atomic<std::uint32_t>& batches) {
    for (;; batches++) client.run(60);
}

/// Works on CPU 1 when nobody else does.
[[noreturn]] void fill_in(std::atomic<std::uint64_t>& work) {
    run_on(1);
    for (become_idle();;) work++;
}

/// Leaves CPU 0 alone for a moment after each time that it has had it.
[[noreturn]] void keep_busy(std::atomic<std::uint64_t>& work) {
    for (run_on(0);; ::usleep(5000))
        for (const auto end = Clock::now() + away; Clock::now() < end;)
            for (int i = 0; i < 1000; i++) work++;
}

TEST_F(InlinePreemption, IdleCallerHoldsUpNobody) {
    Child idle([this]() -> int {
        run_on(0);
        become_idle();
        Client client;
        keep_ringing(client, shared_.batches);
    });
    ASSERT_TRUE(eventually([this] { return shared_.batches > 0; }));
    Child busy([this]() -> int { keep_busy(shared_.work[0]); });
    Child filler([this]() -> int { fill_in(shared_.work[1]); });
    measure();
    Client client;
    const std::uint32_t before = shared_.batches;
    EXPECT_LE(count_held_up(client, {0, 1}), by_accident);
    EXPECT_GT(shared_.batches, before + rounds) << "the other had no part in it";
}

/// A group of processes that gets a CPU for a tenth of the time.
class Throttled {
 public:
    Throttled() {
        ::mkdir(root, 0755);
        mounted_ = ::mount("cgroup2", root, "cgroup2", 0, nullptr) == 0;
        usable_ = mounted_ && write_to(root + "/cgroup.subtree_control"s, "+cpu") &&
                  ::mkdir(group, 0755) == 0 && limit("15000 " + std::to_string(period.count()));
    }
    ~Throttled() {
        ::rmdir(group);
        if (mounted_) ::umount2(root, MNT_DETACH);
        ::rmdir(root);
    }

    bool usable() const { return usable_; }
    /// A dying process must not wait for its turn.
    void end() const { limit("max"); }
    /// How often its processes have been kept from the CPU.
    std::uint32_t times() const {
        std::uint32_t value = 0;
        std::ifstream file(group + "/cpu.stat"s);
        for (std::string name; file >> name >> value;)
            if (name == "nr_throttled") return value;
        return 0;
    }
    static void join() {
        check(write_to(group + "/cgroup.procs"s, "0") ? 0 : errno, "cgroup.procs");
    }

 private:
    static constexpr std::chrono::microseconds period{away};
    static constexpr const char* root = "/tmp/zaccel-cgroup";
    static constexpr const char* group = "/tmp/zaccel-cgroup/throttled";

    static bool limit(const std::string& value) { return write_to(group + "/cpu.max"s, value); }

    bool mounted_ = false;
    bool usable_ = false;
};

TEST_F(InlinePreemption, ThrottledCallerHoldsUpNobody) {
    const Throttled group;
    ASSERT_TRUE(group.usable());
    Child throttled([this]() -> int {
        run_on(0);
        Client client;
        Throttled::join();
        keep_ringing(client, shared_.batches);
    });
    ASSERT_TRUE(eventually([this] { return shared_.batches > 0; }));
    Child filler([this]() -> int { fill_in(shared_.work[1]); });
    measure();
    Client client;
    const std::uint32_t before = shared_.batches;
    EXPECT_LE(count_held_up(client, {1}), by_accident);
    EXPECT_GT(shared_.batches, before + rounds) << "the other had no part in it";
    EXPECT_GE(group.times(), rounds / 2U);
    group.end();
    throttled.kill();
    throttled.join();
}

}  // namespace
}  // namespace uapi_tests
