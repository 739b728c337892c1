// SPDX-License-Identifier: MIT
#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
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

bool arrives(const Fd& fd) {
    constexpr auto limit = std::chrono::milliseconds(long_enough).count();
    return poll_events(fd.get(), POLLIN, static_cast<int>(limit)) == POLLIN;
}

/// Room for one descriptor beside a message's bytes.
struct Message {
    explicit Message(std::span<const std::byte> bytes)
        : vector{const_cast<std::byte*>(bytes.data()), bytes.size()} {
        header.msg_iov = &vector;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof(control);
    }

    iovec vector;
    msghdr header{};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
};

}  // namespace

int run_program(const std::vector<std::string>& arguments) {
    std::vector<char*> argv;
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
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
    char byte;
    return arrives(in_) && ::read(in_.get(), &byte, 1) == 1;
}

FdPipe::FdPipe() {
    int fds[2];
    check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0 ? 0 : errno,
          "socketpair");
    in_ = Fd(fds[0]);
    out_ = Fd(fds[1]);
}

void FdPipe::send(const Fd& fd) const { send(fd, '!'); }

Fd FdPipe::receive() const {
    char byte;
    return receive(byte);
}

void FdPipe::send_bytes(const Fd& fd, std::span<const std::byte> what) const {
    Message message(what);
    cmsghdr* rights = CMSG_FIRSTHDR(&message.header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    const int number = fd.get();
    std::memcpy(CMSG_DATA(rights), &number, sizeof(number));
    check(::sendmsg(out_.get(), &message.header, 0) < 0 ? errno : 0, "sendmsg");
}

Fd FdPipe::receive_bytes(std::span<std::byte> what) const {
    Message message(what);
    if (!arrives(in_)) return Fd();
    check(::recvmsg(in_.get(), &message.header, MSG_CMSG_CLOEXEC) < 0 ? errno : 0, "recvmsg");
    int number = -1;
    std::memcpy(&number, CMSG_DATA(CMSG_FIRSTHDR(&message.header)), sizeof(number));
    return Fd(number);
}

}  // namespace uapi_tests
