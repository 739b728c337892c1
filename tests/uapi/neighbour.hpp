// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "process.hpp"

namespace uapi_tests {

/// A process beside the test that does not keep to the protocol: with files of its own it scribbles
/// over its ring (header, entries, and what the entries lead to) while it rings both doorbells. It
/// must not disturb the test, nor the test it: it is seen at work before and after.
class Neighbour {
 public:
    /// What becomes of its batches. Those that wait never come to the engine, for tests that have
    /// that in hand: a grant of late mode's is for whose turn it is.
    enum class Batches { run, wait };

    explicit Neighbour(Batches batches = Batches::run);
    Neighbour(const Neighbour&) = delete;
    Neighbour& operator=(const Neighbour&) = delete;
    ~Neighbour();

    /// As it goes on. In memory of both processes.
    struct Progress {
        std::atomic<std::uint32_t> doorbells;
        std::atomic<std::uint32_t> fetched;
        std::atomic<int> surprise;  ///< an errno that no doorbell should have said
    };

 private:
    bool goes_on() const;

    Progress* progress_;
    std::optional<Child> child_;
};

}  // namespace uapi_tests
