// SPDX-License-Identifier: MIT
#pragma once

#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <string>
#include <vector>

#include "device.hpp"

namespace uapi_tests {

/// One event of the kernel's device model: ACTION, DEVPATH, DEVNAME and what else it says.
using Uevent = std::map<std::string, std::string>;

/// What the kernel tells udev, from the making of this on.
class Uevents {
 public:
    Uevents() {
        check(socket_ ? 0 : errno, "uevent socket");
        sockaddr_nl address{};
        address.nl_family = AF_NETLINK;
        address.nl_groups = 1;  // the kernel's, not udev's
        check(
            ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0
                ? 0
                : errno,
            "uevent group");
    }

    /// Those of the subsystem "accel" that came since the last call. They are there when what
    /// brought them about has returned.
    std::vector<Uevent> take() const {
        std::vector<Uevent> events;
        char message[8192];
        ssize_t size;
        while ((size = ::recv(socket_.get(), message, sizeof(message), 0)) > 0) {
            Uevent event = parse({message, static_cast<std::size_t>(size)});
            if (event["SUBSYSTEM"] == "accel") events.push_back(std::move(event));
        }
        return events;
    }

 private:
    /// "change@/devices/..." and then words "KEY=value", each with its zero.
    static Uevent parse(const std::string& message) {
        Uevent event;
        for (std::size_t at = 0; at < message.size();) {
            const std::string word = message.c_str() + at;
            const std::size_t equals = word.find('=');
            if (equals != std::string::npos)
                event[word.substr(0, equals)] = word.substr(equals + 1);
            at += word.size() + 1;
        }
        return event;
    }

    Fd socket_{
        ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT)};
};

}  // namespace uapi_tests
