// SPDX-License-Identifier: MIT
#include "configfs.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace uapi_tests {

ConfigDirectory::ConfigDirectory(const std::string& name)
    : path_("/sys/kernel/config/zaccel/" + name) {
    check(::mkdir(path_.c_str(), 0755) == 0 ? 0 : errno, path_.c_str());
}

int ConfigDirectory::write(const char* file, const std::string& value) const {
    const Fd fd(::open((path_ + "/" + file).c_str(), O_WRONLY | O_CLOEXEC));
    return fd && ::write(fd.get(), value.data(), value.size()) >= 0 ? 0 : errno;
}

std::string ConfigDirectory::read(const char* file) const {
    std::ifstream stream(path_ + "/" + file);
    std::string line;
    check(std::getline(stream, line) ? 0 : ENOENT, file);
    return line;
}

int ConfigDirectory::remove() {
    const std::string path = std::exchange(path_, {});
    return path.empty() || ::rmdir(path.c_str()) == 0 ? 0 : errno;
}

ConfiguredDevice::ConfiguredDevice(const std::string& name, Settings settings)
    : directory_(name), name_(directory_.device()) {
    for (const auto& [file, value] : settings) check(directory_.write(file, value), file);
    check(directory_.write("live", "1"), "live");
    // devtmpfs has it at once; where udev renames or guards it, a moment later.
    const bool there = eventually([&] { return std::filesystem::exists(device_path(name_)); });
    check(there ? 0 : ENODEV, name_.c_str());
}

}  // namespace uapi_tests
