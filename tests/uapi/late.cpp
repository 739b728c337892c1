// SPDX-License-Identifier: MIT
#include "late.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <fstream>
#include <system_error>
#include <utility>

#include "debugfs.hpp"

namespace uapi_tests {

LateMode::LateMode(std::string device)
    : device_(std::move(device)),
      hold_(read("hold", device_)),
      late_us_(read("late_us", device_)) {}

// Without a device there is nothing to put back.
LateMode::~LateMode() {
    try {
        write("late_us", late_us_, device_);
        write("hold", hold_, device_);
    } catch (const std::exception&) {
    }
}

void LateMode::hold() const { check(write("hold", "1", device_), "hold"); }

void LateMode::release() const { check(write("hold", "0", device_), "hold"); }

void LateMode::advance(std::uint32_t batches) const {
    check(write("advance", std::to_string(batches), device_), "advance");
}

void LateMode::set_late_us(std::uint32_t us) const {
    check(write("late_us", std::to_string(us), device_), "late_us");
}

int LateMode::write(const char* file, const std::string& value, const std::string& device) {
    return ::write(open(file, device).get(), value.data(), value.size()) < 0 ? errno : 0;
}

Fd LateMode::open(const char* file, const std::string& device) {
    Fd fd(::open(debugfs_file(file, device).c_str(), O_WRONLY | O_CLOEXEC));
    check(fd ? 0 : errno, file);
    return fd;
}

std::string LateMode::read(const char* file, const std::string& device) {
    std::ifstream stream(debugfs_file(file, device));
    std::string value;
    stream >> value;
    check(stream ? 0 : ENOENT, file);
    return value;
}

std::string LateMode::read_line(const char* file) {
    std::ifstream stream(debugfs_file(file));
    std::string line;
    check(std::getline(stream, line) ? 0 : ENOENT, file);
    return line;
}

}  // namespace uapi_tests
