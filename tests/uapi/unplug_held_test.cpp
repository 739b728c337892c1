// SPDX-License-Identifier: MIT

// The device goes while batches are held back or run, and while somebody waits for a buffer.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <limits>
#include <string>
#include <vector>

#include "exec_victim.hpp"
#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "neighbour.hpp"
#include "ring.hpp"
#include "sleeper.hpp"
#include "syncobj.hpp"
#include "unplug.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();

class UnplugHeld : public CountedTest {
 protected:
    UnplugHeld() {
        EXPECT_EQ(ring_.bind_range(0, buffer_, 0, page), 0);
        memory_[0] = 0x61;
        late_.hold();
    }

    void submit() {
        ring_.put_batch({fill(0, 0, page, ~0ULL)});
        ASSERT_EQ(ring_.submit(), 0);
    }

    /// Bounded: nothing that is held back may hold up the machine.
    static void unbind_soon() {
        std::future<void> gone = std::async(std::launch::async, [] { unbind(); });
        EXPECT_EQ(gone.wait_for(long_enough / 2), std::future_status::ready);
        gone.get();
    }

    Neighbour neighbour_{Neighbour::Batches::wait};
    LateMode late_;
    DeviceGuard guard_;
    Fd device_ = open_device();
    Buffer buffer_{device_, page};
    Mapping memory_ = buffer_.map();
    Ring ring_{device_};
};

TEST_F(UnplugHeld, BatchEndsWithEnodev) {
    const Fd dmabuf = buffer_.export_dmabuf();
    submit();
    submit();
    const Fd fence = export_fences(dmabuf, Fences::writers);
    EXPECT_TRUE(eventually([&] { return memory_[0] == LateMode::poison; }));
    unbind_soon();
    EXPECT_EQ(sync_file_status(fence), -ENODEV);
    EXPECT_EQ(fences_of(fence).at(0).status, -ENODEV) << "its names can be asked for";
    EXPECT_EQ(memory_[0], 0x61);
    EXPECT_EQ(ring_.cq_tail(), 2U);
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(2, -ECANCELED));
}

TEST_F(UnplugHeld, BatchExportedInFlightEndsWithEnodev) {
    submit();
    const Fd dmabuf = buffer_.export_readonly();
    const Fd fence = export_fences(dmabuf, Fences::all);
    EXPECT_EQ(sync_file_status(fence), 0);
    unbind_soon();
    EXPECT_EQ(sync_file_status(fence), -ENODEV);
    EXPECT_TRUE(writable(dmabuf));
}

TEST_F(UnplugHeld, LatenessIsNotWaitedFor) {
    late_.release();
    late_.set_late_us(10'000'000);
    submit();
    const std::int64_t limit = deadline_in(std::chrono::seconds(8));
    unbind_soon();
    EXPECT_LT(deadline_in(std::chrono::seconds(0)), limit);
    EXPECT_EQ(memory_[0], 0x61);
}

TEST_F(UnplugHeld, WaitForAPrivateBufferEnds) {
    submit();
    Sleeper timed([&] { return buffer_.wait(deadline_in(2 * long_enough)); });
    Sleeper endless([&] { return buffer_.wait(forever, ZACCEL_BUFFER_WAIT_READ); });
    EXPECT_TRUE(timed.falls_asleep());
    EXPECT_TRUE(endless.falls_asleep());
    unbind_soon();
    EXPECT_EQ(timed.result(), 0);
    EXPECT_EQ(endless.result(), 0);
}

TEST_F(UnplugHeld, WaitForASharedBufferEnds) {
    const Fd dmabuf = buffer_.export_dmabuf();
    submit();
    Sleeper waiter([&] { return buffer_.wait(deadline_in(2 * long_enough)); });
    EXPECT_TRUE(waiter.falls_asleep());
    unbind_soon();
    EXPECT_EQ(waiter.result(), 0);
}

// In the middle of an EXEC.
TEST_F(UnplugHeld, RunningCommandEndsWithEnodev) {
    late_.release();
    ExecWitness witness(device_);
    ExecVictim victim(witness.dmabuf());
    ASSERT_TRUE(witness.sees_it_run(victim.ring().export_dmabuf(), victim.ring().args()));
    unbind_soon();
    witness.expect_cut_off(-ENODEV);
    bind();
    const Fd file = open_device();
    Ring next(file);
    EXPECT_EQ(next.run_one(nop(5)).user_data, 5U);
}

// A fence of somebody else's does not end, and nobody waits for who waits for it.
TEST_F(UnplugHeld, WaitForAForeignFenceDoesNotMatter) {
    const VgemBuffer vgem;
    const Buffer imported = Buffer::import(device_, vgem.dmabuf().get());
    const std::uint32_t fence = vgem.attach_fence(VgemBuffer::Use::write);
    Sleeper waiter([&] { return imported.wait(deadline_in(2 * long_enough)); });
    EXPECT_TRUE(waiter.falls_asleep());
    unbind_soon();
    vgem.signal(fence);
    EXPECT_EQ(waiter.result(), 0);
}

TEST_F(UnplugHeld, BindingThatWaitsEndsWithEnodev) {
    const VgemBuffer vgem;
    const Buffer imported = Buffer::import(device_, vgem.dmabuf().get());
    const std::uint32_t fence = vgem.attach_fence(VgemBuffer::Use::write);
    Sleeper binding([&] { return ring_.bind_range(1, imported, 0, page); });
    EXPECT_TRUE(binding.falls_asleep());
    unbind_soon();
    vgem.signal(fence);
    EXPECT_EQ(binding.result(), ENODEV);
}

TEST_F(UnplugHeld, CallsReturnEnodev) {
    unbind_soon();
    EXPECT_EQ(buffer_.wait(0), ENODEV);
    EXPECT_EQ(buffer_.wait(forever, ZACCEL_BUFFER_WAIT_READ), ENODEV);
    drm_zaccel_buffer_export args{};
    args.handle = buffer_.handle();
    args.flags = ZACCEL_EXPORT_READONLY;
    EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_EXPORT, args), ENODEV);
}

TEST_F(UnplugHeld, ReadOnlyDmabufStays) {
    const Fd dmabuf = buffer_.export_readonly();
    unbind_soon();
    bind();
    const Fd file = open_device();
    const Buffer imported = Buffer::import(file, dmabuf.get());
    Ring ring(file);
    ASSERT_EQ(ring.bind_range(0, imported, 0, page), 0);
    EXPECT_EQ(ring.run_one(fill(0, 0, 1, 1)).status, -EACCES);
    EXPECT_EQ(memory_[0], 0x61);
}

// Who has the files open has nothing any more.
TEST_F(UnplugHeld, SettingsGoWithTheDevice) {
    const Fd hold = LateMode::open("hold"), late_us = LateMode::open("late_us"),
             advance = LateMode::open("advance");
    submit();
    unbind_soon();
    for (const Fd* file : {&hold, &late_us, &advance}) {
        EXPECT_EQ(::write(file->get(), "1", 1), -1);
        EXPECT_EQ(errno, EIO);
    }
    bind();
    EXPECT_EQ(LateMode::read("hold"), "0") << "the module's parameter";
}

/// The module, loaded with settings; without them again when the test is over.
class ModuleParameters : public CountedTest {
 protected:
    ModuleParameters() { reload({"hold=1", "late_us=1000"}); }
    ~ModuleParameters() override { reload(); }

    DeviceGuard guard_;
};

TEST_F(ModuleParameters, AreTheFirstSettings) {
    EXPECT_EQ(LateMode::read("hold"), "1");
    EXPECT_EQ(LateMode::read("late_us"), "1000");
    const Fd file = open_device();
    const Buffer buffer(file, page);
    const Mapping memory = buffer.map();
    Ring ring(file);
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    ring.put_batch({fill(0, 0, page, 0x2222222222222222)});
    ASSERT_EQ(ring.submit(), 0);
    EXPECT_TRUE(eventually([&] { return memory[page - 1] == LateMode::poison; }));
    EXPECT_EQ(ring.wait(1, deadline_in(std::chrono::milliseconds(20))), ETIME);
    EXPECT_EQ(LateMode::write("advance", "1"), 0);
    ring.wait_for(1);
    EXPECT_EQ(memory[page - 1], 0x22);
}

TEST_F(ModuleParameters, AreThoseOfADeviceThatComesBack) {
    EXPECT_EQ(LateMode::write("hold", "0"), 0);
    EXPECT_EQ(LateMode::write("late_us", "0"), 0);
    unbind();
    bind();
    EXPECT_EQ(LateMode::read("hold"), "1");
    EXPECT_EQ(LateMode::read("late_us"), "1000");
}

}  // namespace
}  // namespace uapi_tests
