// SPDX-License-Identifier: MIT
#include <accel/fence.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "support/resource_counts.hpp"

namespace {

using accel::Errc;
using accel::Fence;
using accel::UniqueFd;

class FenceFromFd : public test_support::LeakCheckedTest {
 protected:
    static std::error_code error_for(UniqueFd fd) {
        try {
            Fence::from_fd(std::move(fd));
        } catch (const accel::Error& error) {
            return error.code();
        }
        return {};
    }
};

TEST_F(FenceFromFd, NoDescriptorIsABadOne) {
    EXPECT_EQ(error_for(UniqueFd()), Errc::bad_descriptor);
}

TEST_F(FenceFromFd, OtherKindsAreNoFences) {
    int pipe[2];
    ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
    const UniqueFd writer(pipe[1]);
    EXPECT_EQ(error_for(UniqueFd(pipe[0])), Errc::not_a_fence);
    EXPECT_EQ(error_for(UniqueFd(::memfd_create("x", MFD_CLOEXEC))), Errc::not_a_fence);
    EXPECT_EQ(error_for(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC))), Errc::not_a_fence);
    EXPECT_EQ(error_for(UniqueFd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC))),
              Errc::not_a_fence);
}

}  // namespace
