// SPDX-License-Identifier: MIT
#pragma once

// What a program does that does not keep to the protocol.

#include <atomic>
#include <cstdint>
#include <random>
#include <span>
#include <thread>

namespace uapi_tests {

/// The same numbers in every run.
class Random {
 public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    std::uint64_t word() { return engine_(); }
    std::uint32_t half() { return static_cast<std::uint32_t>(word()); }
    std::uint32_t below(std::uint32_t limit) { return half() % limit; }
    bool chance(std::uint32_t one_in) { return below(one_in) == 0; }
    /// Of any magnitude.
    std::uint64_t number() { return word() >> below(64); }

 private:
    std::mt19937_64 engine_;
};

/// Runs @p f in a thread again and again until it goes.
class Loop {
 public:
    template <typename F>
    explicit Loop(F f)
        : thread_([this, f]() mutable {
              while (!stop_) f();
          }) {}
    ~Loop() {
        stop_ = true;
        thread_.join();
    }

 private:
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

/// Changes a word of memory that both sides share, while the kernel looks at it.
inline void scribble(std::span<std::uint8_t> memory, Random& random) {
    const std::uint32_t word = random.below(static_cast<std::uint32_t>(memory.size() / 4));
    const std::uint32_t value = random.chance(2) ? random.half() : random.below(70);
    std::atomic_ref(reinterpret_cast<std::uint32_t*>(memory.data())[word]).store(value);
}

}  // namespace uapi_tests
