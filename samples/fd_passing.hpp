// SPDX-License-Identifier: MIT
#pragma once

// Two descriptors over a UNIX socket, for the samples.

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <accel/unique_fd.hpp>

namespace samples {

using FdPair = std::array<int, 2>;

struct FdMessage {
    FdMessage() {
        header.msg_iov = &io;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof(control);
    }

    char byte = 0;  // a message has to carry at least one
    iovec io{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(FdPair))] = {};
    msghdr header{};
};

inline void send_fds(int socket, FdPair fds) {
    FdMessage message;
    cmsghdr* control = CMSG_FIRSTHDR(&message.header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof(fds));
    std::memcpy(CMSG_DATA(control), fds.data(), sizeof(fds));

    if (::sendmsg(socket, &message.header, MSG_NOSIGNAL) < 0)
        throw std::system_error(errno, std::generic_category(), "sendmsg");
}

inline std::array<accel::UniqueFd, 2> receive_fds(int socket) {
    FdMessage message;
    if (::recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC) < 0)
        throw std::system_error(errno, std::generic_category(), "recvmsg");

    const cmsghdr* control = CMSG_FIRSTHDR(&message.header);
    if (!control || control->cmsg_type != SCM_RIGHTS ||
        control->cmsg_len != CMSG_LEN(sizeof(FdPair)))
        throw std::system_error(EPROTO, std::generic_category(), "message without descriptors");

    FdPair fds;
    std::memcpy(fds.data(), CMSG_DATA(control), sizeof(fds));
    return {accel::UniqueFd(fds[0]), accel::UniqueFd(fds[1])};
}

}  // namespace samples
