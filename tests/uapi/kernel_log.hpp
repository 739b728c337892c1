// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "device.hpp"

namespace uapi_tests {

/// What was logged since its making, at any level.
class NewRecords {
 public:
    NewRecords() {
        check(fd_ ? 0 : errno, "/dev/kmsg");
        check(::lseek(fd_.get(), 0, SEEK_END) < 0 ? errno : 0, "end of /dev/kmsg");
    }

    std::vector<std::string> take() const {
        std::vector<std::string> records;
        char record[8192];
        for (;;) {
            const ssize_t size = ::read(fd_.get(), record, sizeof(record));
            if (size > 0)
                records.emplace_back(record, static_cast<std::size_t>(size));
            else if (errno != EPIPE)  // some were overwritten
                return records;
        }
    }

 private:
    Fd fd_{::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
};

}  // namespace uapi_tests
