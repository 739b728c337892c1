// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "device.hpp"

namespace uapi_tests {

/// Runs a program to its end.
/// @return its exit status, -1 when it did not exit
int run_program(const std::vector<std::string>& arguments);

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
    pid_t pid() const { return pid_; }

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

/// A socket pair that carries file descriptors, and something to say of each.
class FdPipe {
 public:
    FdPipe();

    void send(const Fd& fd) const;
    /// None when it does not come in time.
    Fd receive() const;

    template <typename T>
    void send(const Fd& fd, const T& what) const {
        send_bytes(fd, std::as_bytes(std::span(&what, 1)));
    }
    template <typename T>
    Fd receive(T& what) const {
        return receive_bytes(std::as_writable_bytes(std::span(&what, 1)));
    }

 private:
    void send_bytes(const Fd& fd, std::span<const std::byte> what) const;
    Fd receive_bytes(std::span<std::byte> what) const;

    Fd in_;
    Fd out_;
};

}  // namespace uapi_tests
