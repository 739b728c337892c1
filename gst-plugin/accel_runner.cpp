// SPDX-License-Identifier: MIT
#include "accel_runner.hpp"

#include <gst/allocators/gstdmabuf.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "accel_copy.hpp"
#include "accel_pool.hpp"

namespace accelgst {
namespace {

// Made when the plug-in is loaded: GST_DEBUG reaches only categories that exist.
GstDebugCategory* const category =
    _gst_debug_category_new("accelrunner", 0, "frames on their way through accelerators");
#define GST_CAT_DEFAULT category

// The device ends what does not end by itself; this is for when that fails too, so that a pipeline
// never hangs.
constexpr std::chrono::seconds patience{30};

// How long a command may go on whose ring has ended.
constexpr std::chrono::milliseconds patience_after_end{1000};

void wait_until_idle(GstBuffer* frame) {
    for (guint i = 0; i < gst_buffer_n_memory(frame); i++) {
        GstMemory* memory = gst_buffer_peek_memory(frame, i);
        if (!gst_is_dmabuf_memory(memory)) continue;
        pollfd fences{gst_dmabuf_memory_get_fd(memory), POLLOUT, 0};
        poll(&fences, 1, static_cast<int>(patience_after_end.count()));
    }
}

bool has_operation(const accel::DeviceInfo& info, std::uint32_t engine,
                   accel::Operation operation) {
    return std::ranges::any_of(info.operations, [&](const accel::OperationInfo& candidate) {
        return candidate.engine == engine && candidate.operation == operation;
    });
}

accel::RingOptions ring_options(const accel::Device& device,
                                std::span<const accel::Operation> operations) {
    const accel::DeviceInfo& info = device.info();
    const auto has_all = [&](const accel::EngineInfo& engine) {
        return std::ranges::all_of(operations, [&](accel::Operation operation) {
            return has_operation(info, engine.id, operation);
        });
    };
    const auto engine = std::ranges::find_if(info.engines, has_all);
    if (engine == info.engines.end())
        throw accel::Error(accel::Errc::not_supported, info.path + ": operation of the element");

    accel::RingOptions options;
    options.engine = engine->id;
    options.entries = std::max(options.entries / 8, info.limits.min_ring_entries);
    options.slots = BindingCache::slots;
    return options;
}

}  // namespace

FrameRunner::FrameRunner(const DevicePtr& device, std::span<const accel::Operation> operations)
    : device_(device), ring_(std::in_place, *device, ring_options(*device, operations)) {}

FrameRunner::~FrameRunner() { retire(uploads_); }

void FrameRunner::set_formats(const FrameCaps& in, const FrameCaps& out, GstCaps* in_caps) {
    inputs_.clear();
    outputs_.clear();
    retire(uploads_);
    in_ = in;
    out_ = out;
    in_caps_.reset(gst_caps_ref(in_caps));
}

GstPtr<GstBuffer> FrameRunner::upload(GstBuffer* in) {
    if (!uploads_) {
        uploads_ = new_pool(device_, {.caps = in_caps_.get(), .min = 1, .video_meta = true});
        if (!uploads_) throw std::runtime_error("no pool for copies of the input");
        activate(uploads_.get());
    }
    GstPtr<GstBuffer> copy = acquire(uploads_.get());
    copy_frame(copy.get(), in, *in_);
    return copy;
}

const accel::Slot& FrameRunner::input(GstBuffer* in, Fallback fallback, Stats& stats,
                                      GstPtr<GstBuffer>& uploaded) {
    const auto bound = inputs_.bind(*ring_, device_, in, *in_);
    if (const auto* binding = std::get_if<Binding>(&bound)) {
        binding->fresh ? stats.add_import() : stats.add_cache_hit();
        return *binding->slot;
    }
    const CopyReason reason = std::get<CopyReason>(bound);
    GST_LOG("copying a frame %s", sentence(reason));
    if (fallback == Fallback::error) throw CopyForbidden(reason);
    uploaded = upload(in);
    stats.add_copy_in(reason, frame_bytes(*in_));
    const auto copy = inputs_.bind(*ring_, device_, uploaded.get(), *in_);
    if (const auto* binding = std::get_if<Binding>(&copy)) return *binding->slot;
    throw std::runtime_error("the accelerator refuses memory of its own");
}

const accel::Slot& FrameRunner::output(GstBuffer* out) {
    const auto bound = outputs_.bind(*ring_, device_, out, *out_);
    if (const auto* binding = std::get_if<Binding>(&bound)) return *binding->slot;
    throw std::runtime_error("the accelerator refuses memory of its own");
}

accel::Completion FrameRunner::complete(const accel::Command& command) {
    const std::uint32_t index = ring_->submit(command);
    ring_->wait_for(index, patience).value();
    return ring_->try_reap().value();
}

// Nothing stands before the command in its batch: what canceled it is that the device went.
std::error_code FrameRunner::reason(const accel::Completion& completion) {
    if (completion.status != make_error_code(accel::Errc::canceled)) return completion.status;
    return make_error_code(accel::Errc::device_lost);
}

// Ends what may still run, before the frames go to others who write to them.
void FrameRunner::give_up(GstBuffer* in, GstBuffer* out) {
    ring_.reset();
    inputs_.clear();
    outputs_.clear();
    wait_until_idle(in);
    wait_until_idle(out);
}

void FrameRunner::run(GstBuffer* in, GstBuffer* out, Fallback fallback, const MakeCommand& make,
                      Stats& stats) {
    const auto began = std::chrono::steady_clock::now();
    GstPtr<GstBuffer> uploaded;
    const accel::Slot& dst = output(out);
    const accel::Slot& src = input(in, fallback, stats, uploaded);
    const accel::Command command = make(dst, src);
    accel::Completion completion;
    try {
        completion = complete(command);
    } catch (...) {
        give_up(uploaded ? uploaded.get() : in, out);
        throw;
    }
    GST_LOG("completed: %s", completion.status.message().c_str());
    if (!completion.ok())
        throw accel::Error(reason(completion), device_->info().path + ": command");
    stats.add_frame(std::chrono::steady_clock::now() - began);
}

}  // namespace accelgst
