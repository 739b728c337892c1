// SPDX-License-Identifier: MIT
#include <accel/unique_fd.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <accel/error.hpp>

namespace accel {

void UniqueFd::reset(int fd) noexcept {
    const int kept = errno;
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd < 0 ? -1 : fd;
    errno = kept;
}

UniqueFd UniqueFd::duplicate() const { return duplicate(fd_); }

UniqueFd UniqueFd::duplicate(int fd) {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) {
        const int number = errno;
        throw Error(error_from_errno(number), "duplicate of fd " + std::to_string(fd), number);
    }
    return copy;
}

}  // namespace accel
