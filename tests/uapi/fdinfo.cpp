// SPDX-License-Identifier: MIT
#include "fdinfo.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace uapi_tests {

Fdinfo::Fdinfo(const Fd& file) {
    std::ifstream stream("/proc/self/fdinfo/" + std::to_string(file.get()));
    std::string line;
    while (std::getline(stream, line)) {
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos) throw std::runtime_error("fdinfo: " + line);
        const std::size_t value = line.find_first_not_of(" \t", colon + 1);
        values_[line.substr(0, colon)] = value == std::string::npos ? "" : line.substr(value);
    }
}

std::uint64_t Fdinfo::number(const std::string& key) const {
    std::istringstream words(text(key));
    std::uint64_t value = 0;
    std::string unit;
    if (!(words >> value)) throw std::runtime_error(key + ": " + text(key));
    words >> unit;
    if (unit.empty() || unit == "ns") return value;
    if (unit == "KiB") return value << 10;
    if (unit == "MiB") return value << 20;
    throw std::runtime_error(key + ": " + text(key));
}

}  // namespace uapi_tests
