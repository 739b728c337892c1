// SPDX-License-Identifier: MIT
#include <accel/accelerator.hpp>

#include <algorithm>
#include <deque>
#include <string>

#include "failure.hpp"

namespace accel {

struct Accelerator::Impl {
    Impl(const Device& opened, const RingOptions& options)
        : device(opened.internal()), ring(device, options) {}

    /// Makes @p count completions wait in the backlog, or throws and loses none.
    void fill_backlog(std::size_t count);

    /// Takes one completion out of the ring, so that there is room.
    void make_room() { fill_backlog(backlog.size() + 1); }

    Device device;
    Ring ring;
    std::deque<Completion> backlog;  // reaped by submit(), in order, ahead of those in the ring
};

void Accelerator::Impl::fill_backlog(std::size_t count) {
    if (backlog.size() >= count) return;

    const auto missing = static_cast<std::uint32_t>(count - backlog.size());
    const std::uint32_t first = ring.submitted() - ring.outstanding();
    const Expected<void> posted = ring.wait_for(first + missing, forever);
    if (!posted) throw Error(posted.error(), std::to_string(missing) + " completions");

    while (backlog.size() < count) {
        // First the place, then the completion: whichever throws, it is still in the ring.
        Completion& place = backlog.emplace_back();
        const Expected<Completion> completion = ring.try_reap();
        if (!completion) {
            backlog.pop_back();
            throw Error(completion.error(), "completion that is there");
        }
        place = *completion;
    }
}

Accelerator::Accelerator(const RingOptions& options) : Accelerator(Device::open(), options) {}

Accelerator::Accelerator(const Device& device, const RingOptions& options)
    : impl_(std::make_unique<Impl>(device, options)) {}

Accelerator::Accelerator(Accelerator&&) noexcept = default;
Accelerator& Accelerator::operator=(Accelerator&&) noexcept = default;
Accelerator::~Accelerator() = default;

Accelerator::Impl& Accelerator::impl() const {
    if (!impl_) detail::fail(Errc::invalid_argument, "moved-from Accelerator");
    return *impl_;
}

const Device& Accelerator::device() const { return impl().device; }

Slot Accelerator::bind(const Buffer& buffer, std::uint64_t offset, std::uint64_t size) {
    return impl().ring.bind(buffer, offset, size);
}

Slot Accelerator::bind(const Image& image) { return impl().ring.bind(image); }

Ring& Accelerator::ring() { return impl().ring; }

void Accelerator::submit(std::span<const Command> batch) {
    Impl& self = impl();

    for (;;) {
        const Expected<std::uint32_t> index = self.ring.try_submit(batch);
        if (index) return;
        // A full ring with nothing in it would never empty.
        if (index.error() != Errc::ring_full || self.ring.outstanding() == 0)
            throw Error(index.error(), "batch of " + std::to_string(batch.size()) + " commands");
        self.make_room();
    }
}

void Accelerator::wait(std::span<Completion> completions) {
    Impl& self = impl();

    if (completions.size() > outstanding())
        detail::fail(Errc::no_completion, "wait for " + std::to_string(completions.size()) +
                                              " of " + std::to_string(outstanding()) +
                                              " outstanding commands");
    self.fill_backlog(completions.size());

    const auto end = self.backlog.begin() + static_cast<std::ptrdiff_t>(completions.size());
    std::copy(self.backlog.begin(), end, completions.begin());
    self.backlog.erase(self.backlog.begin(), end);
}

std::vector<Completion> Accelerator::wait() {
    std::vector<Completion> completions(outstanding());
    wait(std::span(completions));
    return completions;
}

std::size_t Accelerator::outstanding() const {
    const Impl& self = impl();
    return self.backlog.size() + self.ring.outstanding();
}

}  // namespace accel
