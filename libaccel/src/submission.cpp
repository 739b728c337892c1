// SPDX-License-Identifier: MIT
// Submission with fences. The kernel speaks of syncobjs there; they are carriers only, kept by the
// ring and emptied after each use, so that no fence is held longer than its owners hold it.

#include <cerrno>
#include <string>

#include <accel/ring.hpp>

#include "failure.hpp"
#include "ioctl.hpp"
#include "ring_impl.hpp"

namespace accel {

namespace detail {

int RingImpl::import_fences(std::span<const Fence> fences) noexcept {
    for (std::size_t i = 0; i < fences.size(); i++) {
        std::uint32_t& syncobj = in_syncobjs[i].handle;
        int number = syncobj != 0 ? 0 : sys::syncobj_create(device->fd.get(), syncobj);
        if (number == 0) number = sys::syncobj_import(device->fd.get(), syncobj, fences[i].fd());
        if (number != 0) return number;
    }
    return 0;
}

int RingImpl::ensure_out_syncobj() noexcept {
    return out_syncobj.handle != 0 ? 0 : sys::syncobj_create(device->fd.get(), out_syncobj.handle);
}

std::optional<Fence> RingImpl::take_out_fence() noexcept {
    int fd = -1;
    if (sys::syncobj_export(device->fd.get(), out_syncobj.handle, fd) != 0) return std::nullopt;
    try {
        return Fence::from_fd(UniqueFd(fd));
    } catch (const Error&) {
        return std::nullopt;
    }
}

void RingImpl::reset_syncobjs(std::size_t in_count, bool out) noexcept {
    std::array<std::uint32_t, ZACCEL_MAX_SYNCOBJS + 1> used{};
    std::size_t count = 0;

    for (std::size_t i = 0; i < in_count; i++)
        if (in_syncobjs[i].handle != 0) used[count++] = in_syncobjs[i].handle;
    if (out && out_syncobj.handle != 0) used[count++] = out_syncobj.handle;
    if (count != 0) sys::syncobj_reset(device->fd.get(), std::span(used.data(), count));
}

void RingImpl::destroy_syncobjs() noexcept {
    for (const drm_zaccel_sync& sync : in_syncobjs)
        if (sync.handle != 0) sys::syncobj_destroy(device->fd.get(), sync.handle);
    if (out_syncobj.handle != 0) sys::syncobj_destroy(device->fd.get(), out_syncobj.handle);
    in_syncobjs = {};
    out_syncobj = {};
}

}  // namespace detail

Expected<Submission> Ring::try_submit(std::span<const Command> batch,
                                      const SubmitOptions& options) noexcept {
    if (!impl_ || options.wait_for.size() > ZACCEL_MAX_SYNCOBJS)
        return Unexpected(Errc::invalid_argument);
    if (impl_->polled && (!options.wait_for.empty() || options.fence))
        return Unexpected(Errc::not_supported);
    for (const Fence& fence : options.wait_for)
        if (fence.fd() < 0) return Unexpected(Errc::not_a_fence);

    int number = impl_->import_fences(options.wait_for);
    if (number == 0 && options.fence) number = impl_->ensure_out_syncobj();

    Expected<Submission> submission = Unexpected(error_from_errno(number));
    if (number == 0) {
        submission = impl_->submit(batch, options.wait_for.size(), options.fence)
                         .transform([](std::uint32_t index) { return Submission{index, {}}; });
        if (submission && options.fence) submission->fence = impl_->take_out_fence();
    }
    impl_->reset_syncobjs(options.wait_for.size(), options.fence);
    return submission;
}

Submission Ring::submit(std::span<const Command> batch, const SubmitOptions& options) {
    Expected<Submission> submission = try_submit(batch, options);
    if (!submission)
        throw Error(submission.error(), "batch of " + std::to_string(batch.size()) +
                                            " commands and " +
                                            std::to_string(options.wait_for.size()) + " fences");
    return std::move(*submission);
}

}  // namespace accel
