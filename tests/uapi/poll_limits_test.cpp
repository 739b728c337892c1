// SPDX-License-Identifier: MIT

// Pollers cost a CPU: who may have one, how many there are, where they run, when they go.

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <vector>

#include "cpus.hpp"
#include "fixture.hpp"
#include "foreign.hpp"
#include "poll.hpp"
#include "process.hpp"
#include "ringfd.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr uid_t nobody = 65534;
constexpr const char* grants_file = "/sys/module/zaccel/parameters/poll_grants";

/// How many pollers those may have who have no CAP_SYS_NICE; as many as before when it goes.
class Grants {
 public:
    explicit Grants(unsigned count) {
        std::ifstream(grants_file) >> before_;
        write(count);
    }
    Grants(const Grants&) = delete;
    Grants& operator=(const Grants&) = delete;
    ~Grants() { write(before_); }

 private:
    unsigned before_ = 0;

    static void write(unsigned count) {
        std::ofstream file(grants_file);
        EXPECT_TRUE(file << count << std::flush) << grants_file;
    }
};

/// What a line of /proc/PID/status says.
std::string status_of(pid_t task, const std::string& key) {
    std::ifstream file("/proc/" + std::to_string(task) + "/status");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(key + ":\t")) return line.substr(key.size() + 2);
    return {};
}

/// Where the only poller of this process may run, once it has begun.
std::string poller_cpus(const Ring& ring) {
    EXPECT_TRUE(falls_asleep(ring));
    return status_of(only_poller(), "Cpus_allowed_list");
}

class Poller : public DeviceTest {
 protected:
    ~Poller() override { EXPECT_TRUE(pollers_are(0)); }
};

TEST_F(Poller, IsOneForAllRingsOfAFile) {
    EXPECT_TRUE(pollers_are(0));
    {
        std::vector<Ring> rings;
        for (int i = 0; i < 5; i++) {
            rings.emplace_back(device_, polled());
            EXPECT_TRUE(pollers_are(1));
        }
        const Fd other = open_device();
        const Ring of_other(other, polled());
        EXPECT_TRUE(pollers_are(2));
        const Ring not_polled(device_);
        EXPECT_TRUE(pollers_are(2));
    }
    EXPECT_TRUE(pollers_are(0)) << "with its last ring it goes";
}

TEST_F(Poller, GoesWithItsFile) {
    Fd file = open_device();
    ASSERT_EQ(create(file, polled()), 0);
    ASSERT_EQ(create(file, polled()), 0);
    EXPECT_TRUE(pollers_are(1));
    file.reset();
    EXPECT_TRUE(pollers_are(0));
}

TEST_F(Poller, GoesWithItsProcess) {
    const ManualFence gate;
    Signal ready;
    Child child([&] {
        const Fd file = open_device();
        Ring ring(file, polled());
        Syncobj in(file);
        in.import_sync_file(gate.sync_file());
        check(ring.bind_syncobj(0, in.handle()), "bind");
        for (int i = 0; i < 10; i++) ring.put_batch({wait_point(0), nop()});
        ring.publish();
        if (!eventually([&] { return ring.sq_head() == ring.sq_tail(); })) return 1;
        ready.send();
        for (;;) ::pause();
    });
    ASSERT_TRUE(ready.wait());
    EXPECT_EQ(pollers_of(child.pid()).size(), 1U);
    child.kill();
    child.join();
    EXPECT_TRUE(eventually([&] { return pollers_of(child.pid()).empty(); }));
}

TEST_F(Poller, AreNoMoreThanCpus) {
    const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
    std::vector<Fd> files;
    for (long i = 0; i < cpus; i++) {
        files.push_back(open_device());
        ASSERT_EQ(create(files.back(), polled(1)), 0);
    }
    EXPECT_EQ(create(device_, polled()), ENOSPC);
    EXPECT_EQ(create(files.back(), polled()), 0) << "it has one";
    files.pop_back();
    const Ring ring(device_, polled());
    EXPECT_TRUE(pollers_are(static_cast<std::size_t>(cpus)));
}

TEST_F(Poller, IsNotForEverybody) {
    Child child([&] {
        check(::setresuid(nobody, nobody, nobody) == 0 ? 0 : errno, "setresuid");
        if (create(device_, polled()) != EPERM) return 1;
        if (create(device_, polled(2'000'000)) != EINVAL) return 2;
        return create(device_, {}) == 0 ? 0 : 3;
    });
    EXPECT_EQ(child.join(), 0);
}

// A poller that is there serves all rings of its file, whoever makes them.
TEST_F(Poller, OfAFileServesThoseWithoutTheCapabilityToo) {
    const Fd file = open_device();
    const Ring ring(file, polled());
    Child child([&] {
        check(::setresuid(nobody, nobody, nobody) == 0 ? 0 : errno, "setresuid");
        return create(file, polled());
    });
    EXPECT_EQ(child.join(), 0);
    EXPECT_TRUE(pollers_are(1));
}

TEST_F(Poller, CanBeGranted) {
    const Grants grants(1);
    // Who has the capability uses up no grant.
    const Ring of_root(device_, polled());
    for (int turn = 0; turn < 2; turn++) {
        Child child([] {
            const Fd file = open_device(), other = open_device();
            check(::setresuid(nobody, nobody, nobody) == 0 ? 0 : errno, "setresuid");
            Ring ring(file, polled());
            if (create(file, polled()) != 0) return 1;
            if (create(other, polled()) != EPERM) return 2;
            if (send(ring, {nop()}) != 0) return 3;
            ring.wait_for(1);
            return 0;
        });
        EXPECT_EQ(child.join(), 0) << "turn " << turn;
    }
}

TEST_F(Poller, RunsWhereItsOwnerMay) {
    ASSERT_GE(::sysconf(_SC_NPROCESSORS_ONLN), 2);
    {
        const Ring ring(device_, polled(1));
        EXPECT_EQ(poller_cpus(ring), status_of(::getpid(), "Cpus_allowed_list"));
    }
    for (const unsigned cpu : {0U, 1U}) {
        const OnCpu here(cpu);
        const Ring ring(device_, polled(1));
        EXPECT_EQ(poller_cpus(ring), std::to_string(cpu));
        EXPECT_EQ(create(open_device(), polled_on(1 - cpu)), EINVAL);
    }
}

TEST_F(Poller, RunsWhereItIsToldTo) {
    ASSERT_GE(::sysconf(_SC_NPROCESSORS_ONLN), 2);
    for (const unsigned cpu : {0U, 1U}) {
        Ring ring(device_, polled_on(cpu, 1));
        EXPECT_EQ(poller_cpus(ring), std::to_string(cpu));
        EXPECT_EQ(create(device_, polled_on(1 - cpu)), EBUSY);
        const Ring same(device_, polled_on(cpu)), any(device_, polled());
        EXPECT_TRUE(pollers_are(1));
        ASSERT_EQ(send(ring, {nop()}), 0);
        ring.wait_for(1);
    }
    const Ring anywhere(device_, polled());
    EXPECT_EQ(create(device_, polled_on(0)), EBUSY);
}

TEST_F(Poller, GivesWayAsItsOwnerDoes) {
    Child child([] {
        check(::setpriority(PRIO_PROCESS, 0, 7) ? errno : 0, "setpriority");
        const Fd file = open_device();
        const Ring ring(file, polled());
        return ::getpriority(PRIO_PROCESS, static_cast<id_t>(only_poller()));
    });
    EXPECT_EQ(child.join(), 7);
}

}  // namespace
}  // namespace uapi_tests
