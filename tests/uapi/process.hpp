// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <functional>
#include <initializer_list>

#include "device.hpp"

namespace uapi_tests {

/// Runs a program to its end.
/// @return its exit status, -1 when it did not exit
int run_program(std::initializer_list<const char*> arguments);

/// A forked copy of this process; killed and reaped with its scope. It does not return into the
/// test: its exit status is what @p body returns (99 when that throws).
class Child {
 public:
    explicit Child(const std::function<int()>& body);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    /// The exit status, or -1 when a signal ended it.
    int join();
    void kill();

 private:
    pid_t pid_;
};

/// One byte from one process to another, to say how far it is.
class Signal {
 public:
    Signal();

    void send() const;
    /// False when it does not come in time.
    bool wait() const;

 private:
    Fd in_;
    Fd out_;
};

}  // namespace uapi_tests
