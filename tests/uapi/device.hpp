// SPDX-License-Identifier: MIT
#pragma once

// The device node and what every test of it needs: calls whose errno is a value, mappings, time.

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

namespace uapi_tests {

/// No command of these tests takes longer, even in an emulated machine: whoever waits this long has
/// found a bug.
inline constexpr std::chrono::seconds long_enough{20};

/// A file descriptor that closes itself.
class Fd {
 public:
    explicit Fd(int fd = -1) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    void reset();

 private:
    int fd_;
};

/// One ioctl(2), as it is: libdrm's drmIoctl() would repeat it on EAGAIN.
/// @return 0 or the errno
int call(int fd, unsigned long request, void* argument);

template <typename T>
int call(const Fd& fd, unsigned long request, T& argument) {
    return call(fd.get(), request, static_cast<void*>(&argument));
}

/// Throws std::system_error with @p error (an errno) unless it is 0.
void check(int error, const char* what);

/// The directory of the driver's devices in sysfs, and the name of the one that the module makes.
std::filesystem::path sysfs_driver();
std::string sysfs_device();

/// /dev/accel/accelN of that device or another one; throws when the driver runs none of that name.
std::string device_path(const std::string& device = sysfs_device());

/// A new open file on it.
Fd open_device(const std::string& device = sysfs_device());

/// What a descriptor, or a mapping, allows.
enum class Rights { read, read_write };

/// Memory of a file, unmapped when it goes.
class Mapping {
 public:
    Mapping() = default;
    Mapping(int fd, std::uint64_t offset, std::size_t size, Rights rights = Rights::read_write);
    Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    Mapping& operator=(Mapping&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~Mapping();

    std::uint8_t* data() const { return bytes_.data(); }
    std::span<std::uint8_t> bytes() const { return bytes_; }
    std::uint8_t& operator[](std::size_t i) const { return bytes_[i]; }

 private:
    std::span<std::uint8_t> bytes_;
};

/// CLOCK_MONOTONIC, in ns, so far from now.
std::int64_t deadline_in(std::chrono::nanoseconds time);

/// Calls @p done until it is true or nobody would wait longer.
template <typename F>
bool eventually(F&& done, std::chrono::nanoseconds limit = long_enough);

void yield();

template <typename F>
bool eventually(F&& done, std::chrono::nanoseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done()) {
        if (std::chrono::steady_clock::now() > end) return false;
        yield();
    }
    return true;
}

}  // namespace uapi_tests
