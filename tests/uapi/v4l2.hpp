// SPDX-License-Identifier: MIT
#pragma once

// vivid's video devices, with buffers that somebody else made.

#include <linux/videodev2.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "device.hpp"

namespace uapi_tests {

/// Opens the first of vivid's nodes of a kind: "vid-cap", "vid-out".
Fd open_vivid(const char* kind);

/// A queue of vivid's first capture or output device, for frames of 4:2:2 YUYV. What it sets in the
/// device is put back with it.
class VideoQueue {
 public:
    enum class Direction { capture, output };
    /// A frame that came back.
    struct Frame {
        std::uint32_t index;
        std::uint32_t sequence;
        std::uint32_t flags;
    };

    /// A camera without text in its picture (which changes), or an output.
    explicit VideoQueue(Direction direction);
    VideoQueue(const VideoQueue&) = delete;
    VideoQueue& operator=(const VideoQueue&) = delete;
    ~VideoQueue();

    /// HDMI on both sides: of the capture device the input, fed by the output of the same number.
    void use_hdmi();
    void set_size(std::uint32_t width, std::uint32_t height);

    std::uint32_t width() const { return format_.fmt.pix.width; }
    std::uint32_t height() const { return format_.fmt.pix.height; }
    std::uint32_t pitch() const { return format_.fmt.pix.bytesperline; }
    std::size_t size() const { return format_.fmt.pix.sizeimage; }

    void request(std::uint32_t count, v4l2_memory memory);
    Mapping map(std::uint32_t index) const;
    /// 0 or the errno of VIDIOC_QBUF; @p dmabuf for V4L2_MEMORY_DMABUF.
    int queue(std::uint32_t index, const Fd& dmabuf) const;
    int queue(std::uint32_t index) const;
    void start() const;
    /// Gives all buffers back, whether they were filled or not.
    void stop() const;
    /// None when none comes in time.
    std::optional<Frame> dequeue() const;

 private:
    v4l2_buffer buffer(std::uint32_t index) const;
    int set_control(std::uint32_t id, std::int32_t value) const;

    Fd video_;
    std::uint32_t type_;
    v4l2_memory memory_ = V4L2_MEMORY_MMAP;
    v4l2_format format_{};
};

}  // namespace uapi_tests
