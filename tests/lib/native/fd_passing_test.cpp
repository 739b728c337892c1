// SPDX-License-Identifier: MIT
// How the samples hand descriptors to another process.
#include "samples/fd_passing.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <system_error>
#include <vector>

#include "support/resource_counts.hpp"

namespace {

using accel::UniqueFd;

class FdPassing : public test_support::LeakCheckedTest {
 protected:
    FdPassing() {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return;
        near_.reset(pair[0]);
        far_.reset(pair[1]);
    }

    // As send_fds(), but as many as there are.
    void send(std::span<const int> fds) const {
        samples::FdMessage message;
        std::vector<char> control(CMSG_SPACE(fds.size_bytes()));
        message.header.msg_control = control.data();
        message.header.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message.header);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
        ASSERT_EQ(::sendmsg(near_.get(), &message.header, MSG_NOSIGNAL), 1);
    }

    int receive_error() const {
        try {
            samples::receive_fds(far_.get());
        } catch (const std::system_error& error) {
            return error.code().value();
        }
        return 0;
    }

    UniqueFd near_, far_;
};

TEST_F(FdPassing, BringsTwo) {
    samples::send_fds(near_.get(), {near_.get(), far_.get()});
    const auto [first, second] = samples::receive_fds(far_.get());
    EXPECT_TRUE(first);
    EXPECT_TRUE(second);
    EXPECT_NE(first.get(), second.get());
}

TEST_F(FdPassing, RefusesAndClosesAnyOtherNumber) {
    for (const std::size_t count : {1u, 3u, 4u}) {
        send(std::vector<int>(count, near_.get()));
        EXPECT_EQ(receive_error(), EPROTO) << count;
    }
}

TEST_F(FdPassing, RefusesAMessageWithoutAny) {
    ASSERT_EQ(::send(near_.get(), "x", 1, MSG_NOSIGNAL), 1);
    EXPECT_EQ(receive_error(), EPROTO);
    near_.reset();
    EXPECT_EQ(receive_error(), EPROTO) << "the other side has gone";
}

}  // namespace
