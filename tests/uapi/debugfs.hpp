// SPDX-License-Identifier: MIT
#pragma once

// What the device says of itself in its debugfs directory.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "device.hpp"

namespace uapi_tests {

/// The path of a file there; throws when there is none.
std::filesystem::path debugfs_file(const char* name, const std::string& device = sysfs_device());

/// One line of a list, by the names in its first line.
using Line = std::map<std::string, std::string>;

/// A number of a line; throws when it is not there.
std::uint64_t number(const Line& line, const char* column);

/// "clients", "rings" or "queue"; throws when it cannot be read.
std::vector<Line> read_list(const char* name);

/// Those of its lines that have @p value in a column.
std::vector<Line> read_list(const char* name, const char* column, std::uint64_t value);

}  // namespace uapi_tests
