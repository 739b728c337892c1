// SPDX-License-Identifier: MIT
#pragma once

#include <accel/export.hpp>
#include <accel/ring.hpp>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace accel {

/// The easy way in: a device and one ring, where submitting never fails for lack of room.
///
/// Completions come back in the order of submission, whatever mix of the calls below takes them.
/// When a ring is full, submit() waits and takes completions itself; they are kept, in order, for
/// the next wait(). So a thread never waits for itself, and nothing is lost.
///
/// Derive from it to put operations of your own in front of submit(): inherit privately or
/// protected, and use ring() where the facade is not enough.
///
/// Move-only (a moved-from object throws invalid_argument when used). Thread-bound: one thread at a
/// time.
class ACCEL_API Accelerator {
 public:
    /// On the first device.
    /// @throws Error as Device::open() and Ring do
    explicit Accelerator(const RingOptions& options = {});

    /// On a device that is open already, and shared.
    explicit Accelerator(const Device& device, const RingOptions& options = {});

    Accelerator(const Accelerator&) = delete;
    Accelerator& operator=(const Accelerator&) = delete;
    Accelerator(Accelerator&& other) noexcept;
    Accelerator& operator=(Accelerator&& other) noexcept;
    virtual ~Accelerator();

    /// The device, to allocate and import buffers on.
    const Device& device() const;

    /// As Ring::bind().
    Slot bind(const Buffer& buffer, std::uint64_t offset = 0, std::uint64_t size = to_end);
    Slot bind(const Image& image);

    /// Submits one batch: all commands run in order and contiguously, or none does. Blocks while
    /// the ring has no room.
    /// @throws Error invalid_argument (empty, or more than the ring's capacity), device_lost, ...
    void submit(std::span<const Command> batch);

    /// The same for a pack of commands.
    template <std::same_as<Command>... Commands>
        requires(sizeof...(Commands) > 0)
    void submit(const Commands&... commands) {
        const std::array<Command, sizeof...(Commands)> batch{commands...};
        submit(std::span<const Command>(batch));
    }

    /// Waits for the next completions and stores them, first submitted first.
    /// @throws Error no_completion when fewer are outstanding (and none is taken), device_lost
    template <std::same_as<Completion>... Completions>
        requires(sizeof...(Completions) > 0)
    void wait(Completions&... completions) {
        std::array<Completion, sizeof...(Completions)> out;
        wait(std::span<Completion>(out));
        std::size_t i = 0;
        ((completions = out[i++]), ...);
    }

    /// The same for a span.
    void wait(std::span<Completion> completions);

    /// Waits for every outstanding command; empty when there is none.
    std::vector<Completion> wait();

    /// Commands submitted whose completions no wait() has returned.
    std::size_t outstanding() const;

 protected:
    /// The ring underneath. Completions that are reaped from it directly are missing in wait().
    Ring& ring();

 private:
    struct Impl;
    Impl& impl() const;

    std::unique_ptr<Impl> impl_;
};

}  // namespace accel
