// SPDX-License-Identifier: MIT
#pragma once

// Two descriptors over a UNIX socket, for the samples.

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
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

// Whatever came is in our table already, so it is owned before anybody judges it. A control buffer
// has room for one message of two descriptors.
inline std::array<accel::UniqueFd, 2> take_fds(const msghdr& header) {
    std::array<accel::UniqueFd, 2> fds;
    const cmsghdr* control = CMSG_FIRSTHDR(&header);
    if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
        return fds;

    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < std::min(count, fds.size()); i++) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(control) + i * sizeof(fd), sizeof(fd));
        fds[i].reset(fd);
    }
    return fds;
}

inline std::array<accel::UniqueFd, 2> receive_fds(int socket) {
    FdMessage message;
    if (::recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC) < 0)
        throw std::system_error(errno, std::generic_category(), "recvmsg");

    std::array<accel::UniqueFd, 2> fds = take_fds(message.header);
    if (!fds[0] || !fds[1] || (message.header.msg_flags & MSG_CTRUNC) != 0)
        throw std::system_error(EPROTO, std::generic_category(), "message of two descriptors");
    return fds;
}

}  // namespace samples
