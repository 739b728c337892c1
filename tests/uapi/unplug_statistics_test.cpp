// SPDX-License-Identifier: MIT

// What the device says of itself, while it goes.

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "debugfs.hpp"
#include "fdinfo.hpp"
#include "fixture.hpp"
#include "ring.hpp"
#include "trace.hpp"
#include "unplug.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

class UnplugStatistics : public CountedTest {
 protected:
    /// All of a list, with whatever errors there are while the device is away.
    static void try_read(const char* name) {
        try {
            std::ifstream file(debugfs_file(name));
            const std::string text(std::istreambuf_iterator<char>(file), {});
        } catch (const std::exception&) {
        }
    }

    DeviceGuard guard_;
};

TEST_F(UnplugStatistics, ListsGoWithTheDevice) {
    EXPECT_NO_THROW(read_list("rings"));
    unbind();
    for (const char* name : {"clients", "rings", "queue"})
        EXPECT_THROW(read_list(name), std::system_error);
    bind();
    for (const char* name : {"clients", "rings", "queue"}) EXPECT_NO_THROW(read_list(name));
}

TEST_F(UnplugStatistics, ListHeldOpenSaysNothingAfterwards) {
    const Fd list(::open(debugfs_file("rings").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(list);
    unbind();
    char text[64];
    EXPECT_EQ(::read(list.get(), text, sizeof(text)), -1);
    EXPECT_EQ(errno, EIO);
    bind();
    EXPECT_EQ(::read(list.get(), text, sizeof(text)), -1) << "that device does not come back";
}

TEST_F(UnplugStatistics, ListHeldOpenOutlivesTheModule) {
    Fd list(::open(debugfs_file("clients").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(list);
    ASSERT_TRUE(eventually([] { return unload() == 0; }));
    char text[64];
    EXPECT_EQ(::read(list.get(), text, sizeof(text)), -1);
    list.reset();
    load_module("zaccel");
}

TEST_F(UnplugStatistics, ListsCanBeReadAllTheWay) {
    std::atomic<bool> end = false;
    std::thread reader([&] {
        while (!end)
            for (const char* name : {"clients", "rings", "queue"}) try_read(name);
    });
    for (int i = 0; i < 5; i++) {
        const Fd device = open_device();
        const BusyEngine busy(device);
        unbind();
        bind();
    }
    end = true;
    reader.join();
}

TEST_F(UnplugStatistics, FdinfoCanBeReadAllTheWay) {
    const Fd device = open_device();
    const Buffer buffer(device, page);
    Ring ring(device);
    ring.run_one(nop());
    std::atomic<bool> end = false;
    std::thread reader([&] {
        while (!end) Fdinfo{device};
    });
    unbind();
    const Fdinfo info(device);
    bind();
    end = true;
    reader.join();
    // Kernels differ: some say nothing of a device that has gone.
    if (info.has("drm-engine-soft")) {
        EXPECT_EQ(info.batches(), 1U);
        EXPECT_EQ(info.memory("total"), page + ring.args().size);
    }
}

TEST_F(UnplugStatistics, BatchesThatTheRemovalEndsAreTraced) {
    const Fd device = open_device();
    Ring ring(device);
    const BusyEngine busy(device);
    ring.put_batch({nop()});
    ASSERT_EQ(ring.submit(), 0);
    const std::uint64_t cookie =
        number(read_list("rings", "client", Fdinfo(device).client_id()).at(0), "ring") << 32;
    const Trace trace;
    unbind();
    const std::vector<TraceEvent> events = trace.events_of(cookie);
    ASSERT_EQ(names(events),
              (std::vector<std::string>{"zaccel_run", "zaccel_complete", "zaccel_post"}));
    EXPECT_EQ(events[1].fields.at("error"), std::to_string(-ENODEV));
}

TEST_F(UnplugStatistics, NewDeviceCountsAnew) {
    {
        const Fd device = open_device();
        Ring ring(device);
        ring.run_one(nop());
    }
    unbind();
    bind();
    const Fd device = open_device();
    EXPECT_EQ(Fdinfo(device).batches(), 0U);
    EXPECT_EQ(Fdinfo(device).busy_ns(), 0U);
    const Ring ring(device);
    EXPECT_EQ(number(read_list("rings").at(0), "ring"), 1U);
}

}  // namespace
}  // namespace uapi_tests
