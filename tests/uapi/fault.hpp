// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "late.hpp"

namespace uapi_tests {

/// What is to go wrong with the device, by its file "fault" in debugfs; nothing any more when it
/// goes.
class Fault {
 public:
    Fault() = default;
    explicit Fault(const std::string& text) { set(text); }
    Fault(const Fault&) = delete;
    Fault& operator=(const Fault&) = delete;
    ~Fault();

    void set(const std::string& text) const { check(write(text), text.c_str()); }
    void clear() const { set("none"); }

    /// One write to the file. 0 or the errno.
    static int write(const std::string& text) { return LateMode::write("fault", text); }
    /// What is set, as the file has it.
    static std::string read() { return LateMode::read_line("fault"); }
};

}  // namespace uapi_tests
