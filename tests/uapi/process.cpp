// SPDX-License-Identifier: MIT
#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <vector>

#include "syncobj.hpp"

namespace uapi_tests {

namespace {

int status_of(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int run_body(const std::function<int()>& body) {
    try {
        return body();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "child: %s\n", error.what());
        return 99;
    }
}

}  // namespace

int run_program(std::initializer_list<const char*> arguments) {
    std::vector<char*> argv;
    for (const char* argument : arguments) argv.push_back(const_cast<char*>(argument));
    argv.push_back(nullptr);

    pid_t pid = 0;
    check(::posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), environ), argv[0]);
    return status_of(pid);
}

Child::Child(const std::function<int()>& body) : pid_(::fork()) {
    check(pid_ < 0 ? errno : 0, "fork");
    if (pid_ == 0) ::_exit(run_body(body));
}

Child::~Child() {
    if (pid_ <= 0) return;
    kill();
    join();
}

int Child::join() { return status_of(std::exchange(pid_, -1)); }

void Child::kill() { ::kill(pid_, SIGKILL); }

Signal::Signal() {
    int fds[2];
    check(::pipe2(fds, O_CLOEXEC) == 0 ? 0 : errno, "pipe");
    in_ = Fd(fds[0]);
    out_ = Fd(fds[1]);
}

void Signal::send() const { check(::write(out_.get(), "!", 1) == 1 ? 0 : EPIPE, "write"); }

bool Signal::wait() const {
    constexpr auto limit = std::chrono::milliseconds(long_enough).count();
    char byte;
    return poll_events(in_.get(), POLLIN, static_cast<int>(limit)) == POLLIN &&
           ::read(in_.get(), &byte, 1) == 1;
}

}  // namespace uapi_tests
