// SPDX-License-Identifier: MIT
#pragma once

#include <drm/zaccel_accel.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "process.hpp"

namespace uapi_tests {

/// Processes with a file of their own each and some rings, which they keep full of batches for as
/// long as the crowd lives. Every batch has a result that tells what the one before it left.
class Crowd {
 public:
    /// Of the machine.
    static constexpr std::size_t cpus = 2;

    struct Options {
        std::size_t processes = 8;
        std::size_t rings = 8;          ///< of each process
        std::uint32_t outstanding = 4;  ///< batches of a ring
        std::uint64_t bytes = 64;       ///< that a batch writes, beside its number
        std::size_t on_cpus = cpus;     ///< process i is on CPU i % on_cpus
        std::uint32_t priority = ZACCEL_PRIORITY_NORMAL;
    };

    explicit Crowd(const Options& options);
    ~Crowd();

    /// Let them work for so long, from when all have begun. @return the batches of each ring
    std::vector<double> work(std::chrono::milliseconds time) const;
    /// Batches out of order, or that failed.
    std::uint32_t violations() const;

 private:
    struct Shared;

    Options options_;
    std::unique_ptr<Shared> shared_;
    std::vector<std::unique_ptr<Child>> processes_;
};

/// Jain's index: 1 where all have the same share, 1/n where one has all.
double fairness(const std::vector<double>& shares);

}  // namespace uapi_tests
