// SPDX-License-Identifier: MIT
#pragma once

#include <gst/gst.h>

#include <accel/accel.hpp>
#include <functional>
#include <span>
#include <stdexcept>

#include "accel_binding.hpp"
#include "accel_caps.hpp"
#include "accel_context.hpp"
#include "accel_stats.hpp"
#include "gst_ptr.hpp"

namespace accelgst {

enum class Fallback { automatic, error };

/// A frame needs a copy by the CPU, and that is forbidden.
class CopyForbidden : public std::runtime_error {
 public:
    explicit CopyForbidden(CopyReason reason) : std::runtime_error(nick(reason)), reason_(reason) {}

    CopyReason reason() const noexcept { return reason_; }

 private:
    CopyReason reason_;
};

/// Makes the command that turns src into dst.
using MakeCommand = std::function<accel::Command(const accel::Slot& dst, const accel::Slot& src)>;

/// What an element runs its frames with: a ring, the frames bound to it, and memory for those that
/// the accelerator cannot read where they are. Bound to the streaming thread.
class FrameRunner {
 public:
    /// @param operations what the ring's engine has to have
    /// @throws accel::Error not_supported when no engine has them, or as accel::Ring does
    FrameRunner(const DevicePtr& device, std::span<const accel::Operation> operations);
    FrameRunner(const FrameRunner&) = delete;
    FrameRunner& operator=(const FrameRunner&) = delete;
    ~FrameRunner();

    /// For the frames from now on; forgets all others.
    void set_formats(const FrameCaps& in, const FrameCaps& out, GstCaps* in_caps);

    /// Lets go of the frames out so far: others will come.
    void forget_outputs() { outputs_.clear(); }

    /// False once the ring failed. It is gone then, since its next completion would be that of a
    /// frame that has been given up; run() must not be called any more.
    bool usable() const { return ring_.has_value(); }

    /// Runs one command and waits for it: when this returns nobody works on either buffer.
    /// @throws accel::Error, CopyForbidden, std::runtime_error
    void run(GstBuffer* in, GstBuffer* out, Fallback fallback, const MakeCommand& make,
             Stats& stats);

 private:
    /// The slot of a frame; @p uploaded holds the copy, where one had to be made.
    const accel::Slot& input(GstBuffer* in, Fallback fallback, Stats& stats,
                             GstPtr<GstBuffer>& uploaded);
    const accel::Slot& output(GstBuffer* out);
    GstPtr<GstBuffer> upload(GstBuffer* in);
    accel::Completion complete(const accel::Command& command);
    static std::error_code reason(const accel::Completion& completion);
    void give_up(GstBuffer* in, GstBuffer* out);

    DevicePtr device_;
    std::optional<accel::Ring> ring_;
    BindingCache inputs_;
    BindingCache outputs_;
    std::optional<FrameCaps> in_;
    std::optional<FrameCaps> out_;
    GstPtr<GstCaps> in_caps_;
    GstPtr<GstBufferPool> uploads_;  // made by the first frame that needs it
};

}  // namespace accelgst
