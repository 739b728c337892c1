// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "device.hpp"

namespace uapi_tests {

/// One event of the kernel's trace.
struct TraceEvent {
    pid_t thread = 0;
    std::string name;
    std::string text;  ///< all that stands behind the name
    unsigned cpu = 0;
    std::map<std::string, std::string> fields;

    std::uint64_t number(const char* field) const {
        return std::stoull(fields.at(field), nullptr, 0);
    }
};

/// A trace of its own, beside whatever else is traced, until it goes.
class Trace {
 public:
    /// @param events  what to trace, "zaccel" or "dma_fence/dma_fence_signaled"
    /// @param thread  whose events, where not everybody's
    explicit Trace(const std::vector<std::string>& events = {"zaccel"}, pid_t thread = 0);
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;
    ~Trace();

    /// Trace no more: so that looking at it, which may bring events about, is not in it.
    void stop() const { turn("0"); }
    /// All that was traced so far, in order.
    std::vector<TraceEvent> events() const;
    /// Those of one batch.
    std::vector<TraceEvent> events_of(std::uint64_t cookie) const;

 private:
    void turn(const char* on) const;
    void remove() const;

    std::string directory_;
    Fd switch_;
};

std::vector<std::string> names(const std::vector<TraceEvent>& events);

}  // namespace uapi_tests
