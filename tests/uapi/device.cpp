// SPDX-License-Identifier: MIT
#include "device.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <stdexcept>
#include <system_error>

namespace uapi_tests {

namespace fs = std::filesystem;

void Fd::reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

int call(int fd, unsigned long request, void* argument) {
    return ::ioctl(fd, request, argument) == 0 ? 0 : errno;
}

void check(int error, const char* what) {
    if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

fs::path sysfs_driver() { return "/sys/bus/platform/drivers/zaccel"; }

std::string sysfs_device() { return "zaccel"; }

std::string device_path(const std::string& device) {
    const fs::path nodes = sysfs_driver() / device / "accel";
    if (fs::exists(nodes))
        for (const fs::directory_entry& node : fs::directory_iterator(nodes))
            return "/dev/accel/" + node.path().filename().string();
    throw std::runtime_error("there is no device " + device);
}

Fd open_device(const std::string& device) {
    Fd fd(::open(device_path(device).c_str(), O_RDWR | O_CLOEXEC));
    check(fd ? 0 : errno, "device node");
    return fd;
}

Mapping::Mapping(int fd, std::uint64_t offset, std::size_t size, Rights rights) {
    const int protection = rights == Rights::read ? PROT_READ : PROT_READ | PROT_WRITE;
    void* memory = ::mmap(nullptr, size, protection, MAP_SHARED, fd, static_cast<off_t>(offset));
    check(memory == MAP_FAILED ? errno : 0, "mmap");
    bytes_ = {static_cast<std::uint8_t*>(memory), size};
}

Mapping::~Mapping() {
    if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

std::int64_t deadline_in(std::chrono::nanoseconds time) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec + time.count();
}

void yield() { ::sched_yield(); }

}  // namespace uapi_tests
