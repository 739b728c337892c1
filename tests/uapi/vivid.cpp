// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/videodev2.h>

#include <cerrno>

#include "foreign.hpp"
#include "v4l2.hpp"

namespace uapi_tests {

namespace {

v4l2_format set_format(const Fd& video) {
    v4l2_format format{};
    format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    format.fmt.pix.width = 320;
    format.fmt.pix.height = 180;
    format.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
    check(call(video, VIDIOC_S_FMT, format), "S_FMT");
    return format;
}

Fd export_first(const Fd& video, Rights rights) {
    v4l2_requestbuffers request{};
    request.count = 2;
    request.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    request.memory = V4L2_MEMORY_MMAP;
    check(call(video, VIDIOC_REQBUFS, request), "REQBUFS");

    v4l2_exportbuffer args{};
    args.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    args.flags = static_cast<__u32>((rights == Rights::read ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    check(call(video, VIDIOC_EXPBUF, args), "EXPBUF");
    return Fd(args.fd);
}

v4l2_buffer capture_buffer(std::uint32_t index) {
    v4l2_buffer buffer{};
    buffer.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    buffer.memory = V4L2_MEMORY_MMAP;
    buffer.index = index;
    return buffer;
}

}  // namespace

VividBuffer::VividBuffer(Rights rights) : video_(open_vivid("vid-cap")) {
    const v4l2_format format = set_format(video_);
    width_ = format.fmt.pix.width;
    height_ = format.fmt.pix.height;
    pitch_ = format.fmt.pix.bytesperline;
    size_ = format.fmt.pix.sizeimage;
    dmabuf_ = export_first(video_, rights);
}

void VividBuffer::capture() const {
    for (std::uint32_t index = 0; index < 2; index++) {
        v4l2_buffer buffer = capture_buffer(index);
        check(call(video_, VIDIOC_QBUF, buffer), "QBUF");
    }
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    check(call(video_, VIDIOC_STREAMON, type), "STREAMON");
    v4l2_buffer buffer = capture_buffer(0);
    const bool taken =
        eventually([&] { return call(video_, VIDIOC_DQBUF, buffer) == 0 && buffer.index == 0; });
    check(call(video_, VIDIOC_STREAMOFF, type), "STREAMOFF");
    check(taken ? 0 : ETIMEDOUT, "DQBUF");
}

}  // namespace uapi_tests
