// SPDX-License-Identifier: MIT
#pragma once

// A batch that is ended while the engine writes a buffer that others share.

#include <gtest/gtest.h>

#include <cstdint>
#include <future>
#include <string>
#include <vector>

#include "buffer.hpp"
#include "cpus.hpp"
#include "device.hpp"
#include "inline.hpp"
#include "ring.hpp"

namespace uapi_tests {

/// A ring with one batch, which writes a shared picture again and again, each time in another
/// colour, for longer than any test takes. Somebody waits for the picture by its fence and keeps
/// what is there then, before any completion says so. The engine's thread has the other CPU.
class Overwriter {
 public:
    explicit Overwriter(const Fd& device, const RingOptions& options = {});

    /// Rings the doorbell; until the engine is seen to write.
    void start();
    Ring& ring() { return ring_; }

    /// How it ended. Once only.
    struct End {
        int status = 0;      ///< of the fence
        bool quiet = false;  ///< nothing was written from then on
    };
    End end();

 private:
    /// Pixels of a side: all of them together are one slice of the engine's.
    static constexpr std::uint32_t size = 256;
    static constexpr std::uint32_t pitch = 4 * size;

    /// As of when the fence signals, whose status is noted.
    std::vector<std::uint8_t> pixels_at(const Fd& fence);
    std::vector<std::uint8_t> pixels() const;
    /// It is not the first one any more.
    bool is_overwritten() const;

    OnCpu engine_{0, EngineThreads().pids().at(0)};
    Buffer source_;
    Buffer picture_;
    Mapping memory_;
    Fd dmabuf_;
    Ring ring_;
    int status_ = 0;
    std::future<std::vector<std::uint8_t>> seen_;
};

/// Of tests whose parameter is a fault: "none", or "async".
inline std::string who_carries_out(const testing::TestParamInfo<const char*>& fault) {
    return fault.param == std::string("none") ? "OfTheThread" : "OfAnotherThread";
}

}  // namespace uapi_tests
