// SPDX-License-Identifier: MIT
#pragma once

// What the device says of itself in its debugfs directory.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace uapi_tests {

/// The path of a file there. The directory's name is the device's or the node's number, as the
/// kernel has it; throws when there is none.
std::filesystem::path debugfs_file(const char* name);

/// One line of a list, by the names in its first line.
using Line = std::map<std::string, std::string>;

/// A number of a line; throws when it is not there.
std::uint64_t number(const Line& line, const char* column);

/// "clients", "rings" or "queue"; throws when it cannot be read.
std::vector<Line> read_list(const char* name);

/// Those of its lines that have @p value in a column.
std::vector<Line> read_list(const char* name, const char* column, std::uint64_t value);

}  // namespace uapi_tests
