// SPDX-License-Identifier: MIT

// The memory of clients that are killed, as the machine counts it: all of it comes back, or what a
// ring's descriptor keeps until that is closed.

#include <unistd.h>

#include <cerrno>
#include <ostream>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "memory.hpp"
#include "process.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::int64_t mib = 1 << 20;
constexpr std::int64_t buffer_size = 8 * mib;
/// 3 MiB and a page.
constexpr std::uint32_t entries = 32768;
constexpr std::int64_t ring_size = 3 * mib;
/// What others may have taken or given back meanwhile. One buffer more would be seen.
constexpr std::int64_t slack = 4 * mib;
constexpr int clients = 8;

/// How far the client's batch is when the end comes.
enum class Batch { none, queued, running, waiting, exported };

class KilledClient : public CountedTest, public testing::WithParamInterface<Batch> {
 protected:
    KilledClient() {
        if (GetParam() == Batch::queued) late_.hold();
    }

    /// Makes its memory and its batch, says so, and sleeps.
    static int run(const FdPipe& pipe, const Fd& gate) {
        const Fd file = open_device();
        const Buffer buffer(file, buffer_size);
        Ring ring(file, {entries, entries, 1});
        check(ring.bind_range(0, buffer, 0, buffer_size), "bind");
        Fd dmabuf;
        if (GetParam() == Batch::exported) dmabuf = buffer.export_dmabuf();
        if (GetParam() != Batch::none) submit(file, ring, gate);
        pipe.send(open_ring(file, ring.id()));
        for (;;) ::pause();
    }

    static void submit(const Fd& file, Ring& ring, const Fd& gate) {
        Syncobj in(file, Syncobj::State::signaled);
        if (GetParam() == Batch::waiting) in.import_sync_file(gate);
        const bool runs = GetParam() == Batch::running || GetParam() == Batch::exported;
        for (std::uint32_t i = 1; i < (runs ? 4000U : 2U); i++) ring.put(crc32c(0, 0, mib));
        ring.put(with_end(fill(0, 0, buffer_size, 1)));
        check(ring.submit_syncs(std::vector{at(in)}, {}), "submit");
    }

    /// One client from start to end; what is left of it.
    Fd live_and_die() const {
        const FdPipe pipe;
        const ManualFence gate;
        Child child([&] { return run(pipe, gate.sync_file()); });
        Fd fd = pipe.receive();
        EXPECT_TRUE(fd);
        EXPECT_GE(shared_memory(), before_ + buffer_size + ring_size - slack) << "it is counted";
        child.kill();
        EXPECT_EQ(child.join(), -1);
        return fd;
    }

    static void expect_comes_down_to(std::int64_t bytes) {
        EXPECT_TRUE(eventually([&] { return shared_memory() <= bytes + slack; }))
            << shared_memory() / mib << " MiB, expected " << bytes / mib;
    }

    const LateMode late_;
    const std::int64_t before_ = shared_memory();
};

TEST_P(KilledClient, LeavesNoMemory) {
    for (int i = 0; i < clients; i++) live_and_die();
    expect_comes_down_to(before_);
}

TEST_P(KilledClient, LeavesItsRingToADescriptor) {
    std::vector<Fd> fds;
    for (int i = 0; i < clients; i++) fds.push_back(live_and_die());
    expect_comes_down_to(before_ + clients * ring_size);
    EXPECT_GE(shared_memory(), before_ + clients * ring_size - slack);
    fds.clear();
    expect_comes_down_to(before_);
}

std::string name_of(Batch batch) {
    static const char* const names[] = {"NoBatch", "ABatchHeldBack", "ABatchRunning",
                                        "ABatchBehindAForeignFence", "ABatchOnASharedBuffer"};
    return names[static_cast<int>(batch)];
}

INSTANTIATE_TEST_SUITE_P(With, KilledClient,
                         testing::Values(Batch::none, Batch::queued, Batch::running, Batch::waiting,
                                         Batch::exported),
                         [](const auto& test) { return name_of(test.param); });

}  // namespace
}  // namespace uapi_tests
