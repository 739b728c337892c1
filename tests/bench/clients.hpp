// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "uapi/process.hpp"
#include "uapi/shared_array.hpp"

namespace bench {

/// What a client does again and again, one batch at a time.
struct Work {
    const char* name;
    std::uint32_t batch;  ///< Commands.
    std::uint64_t fill;   ///< Bytes that the first of them fills; 0 for a NOP.
};

/// A batch as its client saw it, in ns of CLOCK_MONOTONIC, which is the device's clock too.
struct Batch {
    std::int64_t begin;  ///< Before the doorbell.
    std::int64_t rung;   ///< After it.
    std::int64_t done;   ///< As the completions have it.
    std::int64_t end;    ///< When they were there.
};

/// What a client leaves behind, in memory of all.
struct ClientLog {
    static constexpr std::uint32_t size = 4096;

    std::atomic<std::uint32_t> batches;       ///< Since it began.
    std::atomic<std::uint32_t> out_of_order;  ///< Completions that failed, or not as put.
    std::atomic<std::uint32_t> recorded;      ///< Batches of those below.
    std::array<Batch, size> record;
};

/// Clients at work, each a process with a file and a ring of its own.
class Clients {
 public:
    /// Returns when all have begun.
    Clients(const Work& work, std::size_t count);

    /// Whether they write down what they do, as far as there is room.
    void record(bool on) { state_[0].recording = on; }
    /// Ends them. Their logs stay.
    void stop();

    std::vector<pid_t> pids() const;
    std::size_t size() const { return count_; }
    const ClientLog& log(std::size_t i) const { return logs_[i]; }

 private:
    struct State {
        std::atomic<std::uint32_t> begun;
        std::atomic<bool> recording;
    };
    class Client;

    [[noreturn]] static void live(const Work& work, ClientLog& log, State& state);

    std::size_t count_;
    uapi_tests::SharedArray<ClientLog> logs_;
    uapi_tests::SharedArray<State> state_{1};
    std::vector<std::unique_ptr<uapi_tests::Child>> processes_;
};

/// Now, as Batch has it.
std::int64_t monotonic_ns();

}  // namespace bench
