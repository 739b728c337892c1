// SPDX-License-Identifier: MIT
#include "v4l2.hpp"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "foreign.hpp"

namespace uapi_tests {

namespace {

namespace fs = std::filesystem;

// vivid's own controls, which have numbers in its source only.
constexpr std::uint32_t vivid_base = 0x00f0f000;
constexpr std::uint32_t osd_text_mode = vivid_base + 1;
constexpr std::uint32_t hdmi_connected_to = vivid_base + 0x71;
enum : std::int32_t { osd_all = 0, osd_none = 2, test_pattern = 0, first_output = 2 };

/// Numbers of its inputs and outputs.
enum : int { webcam = 0, hdmi_in = 3, s_video_out = 0, hdmi_out = 1 };

}  // namespace

// Nodes have numbers by order of arrival; their names say which is which.
Fd open_vivid(const char* kind) {
    load_module("vivid");
    for (const fs::directory_entry& node : fs::directory_iterator("/sys/class/video4linux")) {
        std::string name;
        std::getline(std::ifstream(node.path() / "name"), name);
        if (name.find("vivid") == std::string::npos || !name.ends_with(kind)) continue;
        const std::string path = "/dev/" + node.path().filename().string();
        Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
        check(fd ? 0 : errno, path.c_str());
        return fd;
    }
    throw std::system_error(ENODEV, std::generic_category(), kind);
}

VideoQueue::VideoQueue(Direction direction)
    : video_(open_vivid(direction == Direction::capture ? "vid-cap" : "vid-out")),
      type_(direction == Direction::capture ? V4L2_BUF_TYPE_VIDEO_CAPTURE
                                            : V4L2_BUF_TYPE_VIDEO_OUTPUT) {
    if (direction == Direction::capture)
        check(set_control(osd_text_mode, osd_none), "picture without text");
}

VideoQueue::~VideoQueue() {
    v4l2_requestbuffers none{};
    none.type = type_;
    none.memory = memory_;
    call(video_, VIDIOC_REQBUFS, none);
    const bool capture = type_ == V4L2_BUF_TYPE_VIDEO_CAPTURE;
    int side = capture ? webcam : s_video_out;
    if (capture) {
        set_control(osd_text_mode, osd_all);
        set_control(hdmi_connected_to, test_pattern);
    }
    call(video_, capture ? VIDIOC_S_INPUT : VIDIOC_S_OUTPUT, side);
}

void VideoQueue::use_hdmi() {
    const bool capture = type_ == V4L2_BUF_TYPE_VIDEO_CAPTURE;
    int side = capture ? hdmi_in : hdmi_out;
    check(call(video_, capture ? VIDIOC_S_INPUT : VIDIOC_S_OUTPUT, side), "HDMI");
    if (capture) check(set_control(hdmi_connected_to, first_output), "input fed by the output");
}

void VideoQueue::set_size(std::uint32_t width, std::uint32_t height) {
    format_.type = type_;
    format_.fmt.pix.width = width;
    format_.fmt.pix.height = height;
    format_.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
    check(call(video_, VIDIOC_S_FMT, format_), "S_FMT");
}

void VideoQueue::request(std::uint32_t count, v4l2_memory memory) {
    v4l2_requestbuffers request{};
    request.count = count;
    request.type = type_;
    request.memory = memory_ = memory;
    check(call(video_, VIDIOC_REQBUFS, request), "REQBUFS");
}

Mapping VideoQueue::map(std::uint32_t index) const {
    v4l2_buffer args = buffer(index);
    check(call(video_, VIDIOC_QUERYBUF, args), "QUERYBUF");
    return Mapping(video_.get(), args.m.offset, args.length);
}

int VideoQueue::queue(std::uint32_t index, const Fd& dmabuf) const {
    v4l2_buffer args = buffer(index);
    args.m.fd = dmabuf.get();
    args.bytesused = type_ == V4L2_BUF_TYPE_VIDEO_OUTPUT ? format_.fmt.pix.sizeimage : 0;
    return call(video_, VIDIOC_QBUF, args);
}

int VideoQueue::queue(std::uint32_t index) const {
    v4l2_buffer args = buffer(index);
    return call(video_, VIDIOC_QBUF, args);
}

void VideoQueue::start() const {
    auto type = static_cast<int>(type_);
    check(call(video_, VIDIOC_STREAMON, type), "STREAMON");
}

void VideoQueue::stop() const {
    auto type = static_cast<int>(type_);
    check(call(video_, VIDIOC_STREAMOFF, type), "STREAMOFF");
}

std::optional<VideoQueue::Frame> VideoQueue::dequeue() const {
    v4l2_buffer args = buffer(0);
    if (!eventually([&] { return call(video_, VIDIOC_DQBUF, args) == 0; })) return std::nullopt;
    return Frame{args.index, args.sequence, args.flags};
}

v4l2_buffer VideoQueue::buffer(std::uint32_t index) const {
    v4l2_buffer buffer{};
    buffer.type = type_;
    buffer.memory = memory_;
    buffer.index = index;
    buffer.field = V4L2_FIELD_NONE;
    return buffer;
}

int VideoQueue::set_control(std::uint32_t id, std::int32_t value) const {
    v4l2_control control{id, value};
    return call(video_, VIDIOC_S_CTRL, control);
}

}  // namespace uapi_tests
