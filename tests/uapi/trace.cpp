// SPDX-License-Identifier: MIT
#include "trace.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <regex>

#include "device.hpp"

namespace uapi_tests {

namespace {

void write_file(const std::string& path, const std::string& value) {
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    check(fd ? 0 : errno, path.c_str());
    check(::write(fd.get(), value.data(), value.size()) < 0 ? errno : 0, path.c_str());
}

/// "   program-123   [001] ..... 12.345678: zaccel_post: ring=1, cookie=0x100000000, cq_tail=1"
bool parse(const std::string& line, TraceEvent& event) {
    static const std::regex head(R"(.*-(\d+) +\[(\d+)\] \S+ +[\d.]+: (\w+): (.*))");
    static const std::regex field(R"((\w+)[=:]([^,\s]+))");
    std::smatch match;
    if (!std::regex_match(line, match, head)) return false;
    event.thread = std::stoi(match[1]);
    event.cpu = static_cast<unsigned>(std::stoul(match[2]));
    event.name = match[3];
    event.text = match[4];
    event.fields.clear();
    for (std::sregex_iterator i(event.text.begin(), event.text.end(), field), end; i != end; ++i)
        event.fields[(*i)[1]] = (*i)[2];
    return true;
}

}  // namespace

Trace::Trace(const std::vector<std::string>& events, pid_t thread)
    : directory_("/sys/kernel/tracing/instances/zaccel-" + std::to_string(::getpid())) {
    check(::mkdir(directory_.c_str(), 0700) == 0 ? 0 : errno, directory_.c_str());
    try {
        // One clock for all CPUs: the order of events is the order in time.
        write_file(directory_ + "/trace_clock", "mono");
        write_file(directory_ + "/buffer_size_kb", "256");
        if (thread) write_file(directory_ + "/set_event_pid", std::to_string(thread));
        switch_ = Fd(::open((directory_ + "/tracing_on").c_str(), O_WRONLY | O_CLOEXEC));
        check(switch_ ? 0 : errno, "tracing_on");
        stop();
        for (const std::string& event : events)
            write_file(directory_ + "/events/" + event + "/enable", "1");
        turn("1");
    } catch (...) {
        remove();
        throw;
    }
}

Trace::~Trace() {
    switch_.reset();
    remove();
}

void Trace::turn(const char* on) const {
    check(::write(switch_.get(), on, 1) < 0 ? errno : 0, "tracing_on");
}

void Trace::remove() const { ::rmdir(directory_.c_str()); }

std::vector<TraceEvent> Trace::events() const {
    std::ifstream file(directory_ + "/trace");
    std::vector<TraceEvent> events;
    std::string line;
    TraceEvent event;
    while (std::getline(file, line))
        if (parse(line, event)) events.push_back(event);
    return events;
}

std::vector<TraceEvent> Trace::events_of(std::uint64_t cookie) const {
    std::vector<TraceEvent> all = events();
    std::erase_if(all, [&](const TraceEvent& event) {
        return !event.fields.contains("cookie") || event.number("cookie") != cookie;
    });
    return all;
}

std::vector<std::string> names(const std::vector<TraceEvent>& events) {
    std::vector<std::string> all;
    for (const TraceEvent& event : events) all.push_back(event.name);
    return all;
}

}  // namespace uapi_tests
