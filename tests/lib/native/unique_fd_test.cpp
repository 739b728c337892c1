// SPDX-License-Identifier: MIT
#include <accel/unique_fd.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <accel/error.hpp>

#include "support/resource_counts.hpp"

namespace {

using accel::Errc;
using accel::UniqueFd;

class UniqueFdTest : public test_support::LeakCheckedTest {
 protected:
    static UniqueFd null() { return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }
    static bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
};

TEST_F(UniqueFdTest, OwnsNothingByDefault) {
    const UniqueFd fd;
    EXPECT_EQ(fd.get(), -1);
    EXPECT_FALSE(fd);
    EXPECT_EQ(UniqueFd(-5).get(), -1);
}

TEST_F(UniqueFdTest, ClosesWhatItOwns) {
    int number;
    {
        const UniqueFd fd = null();
        number = fd.get();
        EXPECT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
}

TEST_F(UniqueFdTest, ReleaseGivesItUp) {
    UniqueFd fd = null();
    const int number = fd.release();
    EXPECT_FALSE(fd);
    EXPECT_TRUE(is_open(number));
    ::close(number);
}

TEST_F(UniqueFdTest, MovesWithoutClosing) {
    UniqueFd a = null();
    const int number = a.get();
    UniqueFd b = std::move(a);
    EXPECT_EQ(b.get(), number);
    EXPECT_TRUE(is_open(number));

    UniqueFd c = null();
    const int replaced = c.get();
    c = std::move(b);
    EXPECT_EQ(c.get(), number);
    EXPECT_FALSE(is_open(replaced));
}

TEST_F(UniqueFdTest, SelfMoveKeepsIt) {
    UniqueFd fd = null();
    UniqueFd& same = fd;
    fd = std::move(same);
    EXPECT_TRUE(is_open(fd.get()));
}

TEST_F(UniqueFdTest, ResetKeepsErrno) {
    UniqueFd fd = null();
    errno = EXDEV;
    fd.reset();
    EXPECT_EQ(errno, EXDEV);
}

TEST_F(UniqueFdTest, DuplicatesCloseOnExec) {
    const UniqueFd fd = null();
    const UniqueFd copy = fd.duplicate();
    EXPECT_NE(copy.get(), fd.get());
    EXPECT_EQ(::fcntl(copy.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(UniqueFdTest, DuplicateOfNothingIsABadDescriptor) {
    try {
        (void)UniqueFd().duplicate();
        FAIL() << "no exception";
    } catch (const accel::Error& error) {
        EXPECT_EQ(error.code(), Errc::bad_descriptor);
        EXPECT_STREQ(error.what(), "duplicate of fd -1: bad file descriptor (EBADF)");
    }
}

}  // namespace
