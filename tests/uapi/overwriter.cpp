// SPDX-License-Identifier: MIT
#include "overwriter.hpp"

#include <drm/drm_fourcc.h>
#include <drm/zaccel_accel.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "syncobj.hpp"

namespace uapi_tests {

namespace {

/// Slots.
enum : std::uint32_t { source, picture };

constexpr std::uint32_t commands = 4096;
/// Bytes of the source are 1: this is what the picture's become.
constexpr std::uint32_t colours = 200;

/// Nothing else takes the engine as long for a slice, so one that goes on when it should not is
/// seen at it.
drm_zaccel_command paint(std::uint32_t colour) {
    drm_zaccel_convolve3x3 args{};
    args.coefficients[4] = static_cast<__s16>(colour);
    drm_zaccel_command command = test_support::make_command(ZACCEL_OP_CONVOLVE3X3, args);
    command.dst = picture;
    command.src = source;
    return command;
}

RingOptions large(RingOptions options) {
    options.sq_entries = options.cq_entries = commands;
    return options;
}

}  // namespace

Overwriter::Overwriter(const Fd& device, const RingOptions& options)
    : source_(device, pitch * size),
      picture_(device, pitch * size),
      memory_(picture_.map()),
      dmabuf_(picture_.export_dmabuf()),
      ring_(device, large(options)) {
    std::memset(source_.map().data(), 1, pitch * size);
    for (const auto& [slot, buffer] : {std::pair(source, &source_), std::pair(picture, &picture_)})
        check(ring_.bind(image_args(slot, DRM_FORMAT_XRGB8888, size, size,
                                    {plane(buffer->handle(), pitch)})),
              "bind");
}

std::vector<std::uint8_t> Overwriter::pixels_at(const Fd& fence) {
    run_on(1);
    status_ = final_status(fence).value_or(0);
    return pixels();
}

std::vector<std::uint8_t> Overwriter::pixels() const {
    return {memory_.bytes().begin(), memory_.bytes().end()};
}

bool Overwriter::is_overwritten() const { return std::atomic_ref(memory_[0]).load() > 1; }

void Overwriter::start() {
    std::vector<drm_zaccel_command> batch;
    for (std::uint32_t i = 0; i < commands; i++) batch.push_back(paint(i % colours + 1));
    ring_.put_batch(batch);
    check(ring_.submit(), "submit");
    seen_ = std::async(std::launch::async, [this, fence = export_fences(dmabuf_, Fences::writers)] {
        return pixels_at(fence);
    });
    check(eventually([this] { return is_overwritten(); }) ? 0 : ETIME, "picture");
}

Overwriter::End Overwriter::end() {
    const std::vector<std::uint8_t> then = seen_.get();
    // Many slices.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return {status_, pixels() == then};
}

}  // namespace uapi_tests
