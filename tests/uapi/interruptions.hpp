// SPDX-License-Identifier: MIT
#pragma once

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "device.hpp"

namespace uapi_tests {

/// Signals that do nothing but interrupt calls, which end unless the flags have SA_RESTART. What
/// was there before comes back.
class Interruptions {
 public:
    explicit Interruptions(int flags = 0) {
        struct sigaction action{};
        action.sa_flags = flags;
        action.sa_handler = [](int) { handled_++; };
        ::sigaction(SIGUSR1, &action, &before_);
    }
    Interruptions(const Interruptions&) = delete;
    Interruptions& operator=(const Interruptions&) = delete;
    ~Interruptions() { ::sigaction(SIGUSR1, &before_, nullptr); }

    /// How many of them have come, ever.
    static unsigned handled() { return handled_; }

    static void interrupt(pthread_t thread) { ::pthread_kill(thread, SIGUSR1); }

    /// Calls @p f in a thread and interrupts that until @p f returns: a signal may come before the
    /// call. @return what @p f does
    template <typename F>
    int until_it_returns(F f) const {
        int result = -1;
        std::atomic<bool> done = false;
        std::thread thread([&] {
            result = f();
            done = true;
        });
        while (!done) {
            interrupt(thread.native_handle());
            yield();
        }
        thread.join();
        return result;
    }

 private:
    static inline std::atomic<unsigned> handled_ = 0;

    struct sigaction before_{};
};

}  // namespace uapi_tests
