// SPDX-License-Identifier: MIT
#pragma once

#include <accel/export.hpp>
#include <utility>

namespace accel {

/// Owner of a file descriptor, closed when the owner goes. Move-only; reentrant.
class ACCEL_API UniqueFd {
 public:
    UniqueFd() noexcept = default;

    /// Takes ownership of @p fd; a negative number stands for none.
    explicit UniqueFd(int fd) noexcept : fd_(fd < 0 ? -1 : fd) {}

    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    ~UniqueFd() { reset(); }

    /// The descriptor, still owned here; -1 when there is none.
    int get() const noexcept { return fd_; }

    explicit operator bool() const noexcept { return fd_ >= 0; }

    /// Gives the descriptor up: the caller closes it from now on.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    /// Closes what is owned and owns @p fd instead. errno is kept.
    void reset(int fd = -1) noexcept;

    /// A second descriptor (O_CLOEXEC) for the same open file.
    /// @throws Error bad_descriptor when nothing is owned, quota_exceeded when the process may
    ///         have no more descriptors.
    UniqueFd duplicate() const;

    /// Does what the member duplicate() does, for a borrowed @p fd.
    static UniqueFd duplicate(int fd);

 private:
    int fd_ = -1;
};

}  // namespace accel
