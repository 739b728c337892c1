// SPDX-License-Identifier: MIT
#include <accel/fence.hpp>

#include <fcntl.h>
#include <poll.h>

#include "fixture.hpp"
#include "vgem.hpp"

namespace {

using accel::Access;
using accel::Errc;
using accel::Fence;
using lib_tests::a_moment;
using lib_tests::error_of;
using lib_tests::HeldFence;
using lib_tests::long_enough;

class FenceTest : public test_support::LeakCheckedTest {};

TEST_F(FenceTest, WaitsUntilItSignals) {
    HeldFence held;
    EXPECT_FALSE(held.fence().is_signalled());
    EXPECT_EQ(held.fence().wait_for(a_moment).error(), Errc::timed_out);
    EXPECT_EQ(held.fence().wait_for(std::chrono::nanoseconds(0)).error(), Errc::timed_out);
    held.signal();
    EXPECT_TRUE(held.fence().wait_for(long_enough));
    EXPECT_TRUE(held.fence().wait_for(accel::forever));
    EXPECT_TRUE(held.fence().is_signalled());
    EXPECT_EQ(held.fence().status(), std::error_code());
}

TEST_F(FenceTest, IsADescriptorToPoll) {
    HeldFence held;
    pollfd entry{.fd = held.fence().fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&entry, 1, 0), 0);
    held.signal();
    EXPECT_EQ(::poll(&entry, 1, 0), 1);
    EXPECT_EQ(::fcntl(held.fence().fd(), F_GETFD), FD_CLOEXEC);
}

TEST_F(FenceTest, DuplicatesAndReleases) {
    HeldFence held;
    Fence copy = held.fence().duplicate();
    held.signal();
    EXPECT_TRUE(copy.wait_for(long_enough));

    accel::UniqueFd fd = copy.release();
    EXPECT_EQ(copy.fd(), -1);
    EXPECT_EQ(copy.wait_for(long_enough).error(), Errc::bad_descriptor);
    EXPECT_FALSE(copy.is_signalled());
    EXPECT_EQ(copy.status(), Errc::bad_descriptor);
    EXPECT_EQ(error_of([&] { (void)copy.duplicate(); }), Errc::bad_descriptor);
    EXPECT_TRUE(Fence::from_fd(std::move(fd)).is_signalled());
}

TEST_F(FenceTest, MergedSignalsWithTheLast) {
    HeldFence a, b;
    const Fence both = Fence::merge(a.fence(), b.fence());
    a.signal();
    EXPECT_FALSE(both.is_signalled());
    b.signal();
    EXPECT_TRUE(both.wait_for(long_enough));
}

TEST_F(FenceTest, MergesOnlyWithAnother) {
    HeldFence held;
    Fence moved_from = held.fence().duplicate();
    const Fence taken = std::move(moved_from);
    EXPECT_EQ(error_of([&] { Fence::merge(taken, moved_from); }), Errc::bad_descriptor);
    EXPECT_EQ(error_of([&] { Fence::merge(moved_from, taken); }), Errc::bad_descriptor);
}

TEST_F(FenceTest, OfADmabufOnlyTakesASyncFile) {
    HeldFence held;
    const accel::UniqueFd dmabuf = accel::UniqueFd::duplicate(held.dmabuf_fd());
    EXPECT_EQ(error_of([&] { Fence::from_fd(dmabuf.duplicate()); }), Errc::not_a_fence);
}

class BufferFence : public lib_tests::DeviceTest {};

TEST_F(BufferFence, OfAnIdleBufferHasSignalled) {
    const accel::Buffer buffer = accel::Buffer::allocate(device_, 4096);
    const accel::UniqueFd shared = buffer.export_fd();
    EXPECT_TRUE(buffer.fence(Access::read).is_signalled());
    EXPECT_TRUE(buffer.fence(Access::read_write).is_signalled());
    EXPECT_TRUE(buffer.is_idle(Access::read_write));
}

TEST_F(BufferFence, CanBeSetForReadersAlone) {
    HeldFence held;
    const accel::Buffer buffer = accel::Buffer::allocate(device_, 4096);
    const accel::UniqueFd shared = buffer.export_fd();
    buffer.set_fence(held.fence(), Access::read);
    EXPECT_TRUE(buffer.is_idle(Access::read));
    EXPECT_FALSE(buffer.is_idle(Access::write));
    EXPECT_TRUE(buffer.fence(Access::read).is_signalled());
    EXPECT_FALSE(buffer.fence(Access::write).is_signalled());
}

TEST_F(BufferFence, CannotBeSetInAPrivateBufferOrFromNothing) {
    HeldFence held;
    const accel::Buffer buffer = accel::Buffer::allocate(device_, 4096);
    EXPECT_EQ(error_of([&] { buffer.set_fence(held.fence(), Access::read); }), Errc::not_supported);
    const accel::UniqueFd shared = buffer.export_fd();
    Fence moved_from = held.fence().duplicate();
    const Fence taken = std::move(moved_from);
    EXPECT_EQ(error_of([&] { buffer.set_fence(moved_from, Access::read); }), Errc::not_a_fence);
}

}  // namespace
