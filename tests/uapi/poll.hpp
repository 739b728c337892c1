// SPDX-License-Identifier: MIT
#pragma once

// Rings that the kernel looks at by itself.

#include <sys/types.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "ring.hpp"

namespace uapi_tests {

/// Longer than any test looks at a poller that is to be awake, and shorter than it waits for one to
/// fall asleep.
inline constexpr std::uint32_t idle_forever_us = 1'000'000;

RingOptions polled(std::uint32_t idle_us = idle_forever_us);
RingOptions polled_on(std::uint32_t cpu, std::uint32_t idle_us = idle_forever_us);

/// Makes a ring that stays with its file. 0 or the errno.
int create(const Fd& device, const RingOptions& options);

/// Does its poller sleep? Asked as a submitter has to: a tail stored before is seen by a poller
/// that does not.
bool needs_wakeup(const Ring& ring);
/// Says that it sleeps. It looks once more before it does.
bool falls_asleep(const Ring& ring);
/// Sleeps, and says so.
bool is_asleep(const Ring& ring, pid_t poller);
int poll_status(const Ring& ring);

/// Publishes; rings the doorbell if that is needed. 0 or its errno.
int send(Ring& ring);
int send(Ring& ring, std::initializer_list<drm_zaccel_command> batch);

/// Sends as many NOPs as there is room for completions, and one more, which the poller says it
/// cannot take.
void overfill(Ring& ring);

/// Threads of the kernel that look at rings which process @p owner made.
std::vector<pid_t> pollers_of(pid_t owner);
/// Of this process.
std::vector<pid_t> pollers();
/// Are there so many, now or in a moment? One that has ended is still seen for a while.
bool pollers_are(std::size_t count);
/// The only one.
pid_t only_poller();

/// Does a thread that sleeps do so for a moment only?
bool wakes_up(pid_t thread);

}  // namespace uapi_tests
