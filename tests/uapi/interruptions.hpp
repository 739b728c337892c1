// SPDX-License-Identifier: MIT
#pragma once

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "device.hpp"

namespace uapi_tests {

/// Signals without SA_RESTART, which do nothing but end calls. What was there before comes back.
class Interruptions {
 public:
    Interruptions() {
        struct sigaction action{};
        action.sa_handler = [](int) {};
        ::sigaction(SIGUSR1, &action, &before_);
    }
    Interruptions(const Interruptions&) = delete;
    Interruptions& operator=(const Interruptions&) = delete;
    ~Interruptions() { ::sigaction(SIGUSR1, &before_, nullptr); }

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
    struct sigaction before_{};
};

}  // namespace uapi_tests
