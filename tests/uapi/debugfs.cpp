// SPDX-License-Identifier: MIT
#include "debugfs.hpp"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

namespace uapi_tests {

std::filesystem::path debugfs_file(const char* name, const std::string& device) {
    const auto path = std::filesystem::path("/sys/kernel/debug/accel") / device / name;
    if (std::filesystem::exists(path)) return path;
    throw std::system_error(ENOENT, std::generic_category(), path);
}

std::uint64_t number(const Line& line, const char* column) {
    return std::stoull(line.at(column), nullptr, 0);
}

std::vector<Line> read_list(const char* name) {
    std::ifstream file(debugfs_file(name));
    std::string text;
    if (!std::getline(file, text)) throw std::system_error(EIO, std::generic_category(), name);
    std::istringstream head(text);
    std::vector<std::string> columns;
    while (head >> text) columns.push_back(text);

    std::vector<Line> lines;
    while (std::getline(file, text)) {
        std::istringstream words(text);
        Line line;
        for (const std::string& column : columns) {
            std::string word;
            // A program's name may have spaces in it, and is last.
            if (column == "comm" ? !!std::getline(words >> std::ws, word) : !!(words >> word))
                line[column] = word;
        }
        lines.push_back(line);
    }
    return lines;
}

std::vector<Line> read_list(const char* name, const char* column, std::uint64_t value) {
    std::vector<Line> lines = read_list(name);
    std::erase_if(lines, [&](const Line& line) {
        return !line.contains(column) || number(line, column) != value;
    });
    return lines;
}

}  // namespace uapi_tests
