// SPDX-License-Identifier: MIT
#include "hang.hpp"

#include <cctype>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <regex>

namespace uapi_tests {

namespace {

namespace fs = std::filesystem;

const fs::path& dumps() {
    static const fs::path path = "/sys/class/devcoredump";
    return path;
}

bool is_dump(const fs::path& path) { return fs::exists(path / "data"); }

std::optional<HangReport> parse(const std::string& record) {
    static const std::regex pattern(
        "zaccel zaccel(?:\\.[0-9]+)?: ([a-z ]+): batch of (.*)\\[([0-9]+)\\], ring ([0-9]+), "
        "command ([0-9]+) of ([0-9]+) \\(opcode ([0-9]+)\\) ended after ([0-9]+) ms\n");
    std::smatch match;
    if (!std::regex_search(record, match, pattern)) return std::nullopt;
    const auto number = [&](std::size_t i) { return static_cast<unsigned>(std::stoul(match[i])); };
    return HangReport{match[1],  match[2],  std::stoi(match[3]), std::stoull(match[4]),
                      number(5), number(6), number(7),           number(8)};
}

/// State of the threads of that name, one letter each.
std::string states_of_threads(const std::string& name) {
    std::string states;
    for (const fs::directory_entry& process : fs::directory_iterator("/proc")) {
        if (!std::isdigit(static_cast<unsigned char>(process.path().filename().c_str()[0])))
            continue;
        std::ifstream file(process.path() / "stat");
        const std::string stat(std::istreambuf_iterator<char>(file), {});
        if (stat.find(" (" + name + ") ") != std::string::npos) states += stat[stat.rfind(')') + 2];
    }
    return states;
}

}  // namespace

std::optional<HangDump> HangDump::find() {
    if (!fs::exists(dumps())) return std::nullopt;
    for (const fs::directory_entry& entry : fs::directory_iterator(dumps()))
        if (is_dump(entry.path())) return HangDump(entry.path() / "data");
    return std::nullopt;
}

void HangDump::drop_all() {
    while (const std::optional<HangDump> dump = find()) {
        std::ofstream(dump->path()) << "0";
        yield();
    }
}

std::string HangDump::text() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string HangDump::field(const std::string& name) const {
    const std::string all = "\n" + text();
    const std::string start = "\n" + name + ": ";
    const std::size_t at = all.find(start);
    if (at == std::string::npos) return "";
    const std::size_t value = at + start.size();
    return all.substr(value, all.find('\n', value) - value);
}

HangTest::HangTest() {
    HangDump::drop_all();
    unbind();
    bind();
    log_.emplace();
}

// The engine has nothing to do any more: rings and files went before.
HangTest::~HangTest() {
    look();
    EXPECT_EQ(reports_.size(), expected_) << "warnings in the kernel's log";
    HangDump::drop_all();
    log_.reset();
}

void HangTest::look() {
    for (const std::string& record : log_->take())
        if (std::optional<HangReport> report = parse(record)) reports_.push_back(*report);
}

HangReport HangTest::expect_report() {
    expect_reports(1);
    return reports_.size() < expected_ ? HangReport() : reports_[expected_ - 1];
}

void HangTest::expect_reports(int count) {
    expected_ += static_cast<std::size_t>(count);
    const bool come = eventually([this] {
        look();
        return reports_.size() >= expected_;
    });
    EXPECT_TRUE(come) << "no warning in the kernel's log";
}

// The unbinding waits for those to come.
void HangTest::expect_reports_up_to(int count) {
    expect_reports(1);
    unbind();
    look();
    EXPECT_LE(reports_.size(), expected_ - 1 + static_cast<std::size_t>(count));
    expected_ = reports_.size();
    bind();
}

std::string own_name() {
    std::string name;
    std::getline(std::ifstream("/proc/self/comm"), name);
    return name;
}

bool engine_hangs() {
    // Asleep for a time (D), or without an end (I); a thread with nothing to do can be woken (S).
    for (const char* name : {"zaccel-soft/0", "zaccel-soft/1"})
        if (states_of_threads(name).find_first_of("DI") != std::string::npos) return true;
    return false;
}

}  // namespace uapi_tests
