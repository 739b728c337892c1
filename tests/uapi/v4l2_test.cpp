// SPDX-License-Identifier: MIT

// Our buffers in the queues of V4L2, which writes and reads them in place and knows no fences.

#include <drm/drm_fourcc.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "syncobj.hpp"
#include "v4l2.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint32_t width = 320, height = 180;
using Direction = VideoQueue::Direction;

/// A frame of the camera, in memory of its own.
std::vector<std::uint8_t> reference_frame() {
    VideoQueue camera(Direction::capture);
    camera.set_size(width, height);
    camera.request(2, V4L2_MEMORY_MMAP);
    const Mapping memory = camera.map(0);
    for (std::uint32_t i = 0; i < 2; i++) check(camera.queue(i), "QBUF");
    camera.start();
    check(camera.dequeue() ? 0 : ETIMEDOUT, "frame");
    camera.stop();
    return {memory.data(), memory.data() + camera.size()};
}

class V4l2 : public DeviceTest {
 protected:
    void bind_frame(const Ring& ring, std::uint32_t slot, const Buffer& buffer,
                    const VideoQueue& queue) {
        // INVERT knows no YUYV; as bytes a picture is one of grey.
        ASSERT_EQ(ring.bind(image_args(slot, DRM_FORMAT_R8, queue.pitch(), queue.height(),
                                       {plane(buffer.handle(), queue.pitch())})),
                  0);
    }

    static void expect_equal(const Mapping& memory, const std::vector<std::uint8_t>& frame) {
        EXPECT_EQ(std::memcmp(memory.data(), frame.data(), frame.size()), 0);
    }
};

/// A camera that writes into two buffers of ours.
class Camera : public V4l2 {
 protected:
    Camera() {
        camera_.set_size(width, height);
        camera_.request(2, V4L2_MEMORY_DMABUF);
        for (int i = 0; i < 2; i++) {
            buffers_.emplace_back(device_, camera_.size());
            dmabufs_.push_back(buffers_.back().export_dmabuf());
        }
    }

    std::uint32_t next() const {
        const auto frame = camera_.dequeue();
        check(frame ? 0 : ETIMEDOUT, "frame");
        EXPECT_EQ(frame->flags & V4L2_BUF_FLAG_ERROR, 0U);
        return frame->index;
    }

    std::vector<std::uint8_t> reference_ = reference_frame();
    VideoQueue camera_{Direction::capture};
    std::vector<Buffer> buffers_;
    std::vector<Fd> dmabufs_;
};

TEST_F(Camera, FillsOurBuffers) {
    ASSERT_GT(std::count_if(reference_.begin(), reference_.end(),
                            [&](std::uint8_t byte) { return byte != reference_[0]; }),
              0)
        << "colour bars";
    for (std::uint32_t i = 0; i < 2; i++) ASSERT_EQ(camera_.queue(i, dmabufs_[i]), 0);
    camera_.start();
    for (int i = 0; i < 2; i++) {
        const std::uint32_t index = next();
        expect_equal(buffers_[index].map(), reference_);
    }
    camera_.stop();
}

// What the accelerator makes of a frame, in place, goes to the camera again when it is done.
TEST_F(Camera, FramesAreInvertedInPlace) {
    Ring ring(device_);
    for (std::uint32_t i = 0; i < 2; i++) {
        bind_frame(ring, i, buffers_[i], camera_);
        ASSERT_EQ(camera_.queue(i, dmabufs_[i]), 0);
    }
    const Buffer expected(device_, camera_.size());
    const Mapping bytes = expected.map();
    std::memcpy(bytes.data(), reference_.data(), reference_.size());
    bind_frame(ring, 2, expected, camera_);
    ASSERT_EQ(ring.run_one(image_command(ZACCEL_OP_INVERT, 2, 2)).status, 0);
    ASSERT_NE(std::memcmp(bytes.data(), reference_.data(), reference_.size()), 0);

    camera_.start();
    for (int round = 0; round < 6; round++) {
        const std::uint32_t index = next();
        expect_equal(buffers_[index].map(), reference_);
        ring.put_batch({image_command(ZACCEL_OP_INVERT, index, index)});
        ASSERT_EQ(ring.submit(), 0);
        ASSERT_EQ(buffers_[index].wait(deadline_in(long_enough)), 0);
        EXPECT_EQ(std::memcmp(buffers_[index].map().data(), bytes.data(), reference_.size()), 0);
        ASSERT_EQ(camera_.queue(index, dmabufs_[index]), 0);
    }
    camera_.stop();
}

// V4L2 looks at no fence: who does not wait gives it a buffer that is still written.
TEST_F(Camera, WaitingIsOurs) {
    const HeldEngine engine;
    Ring ring(device_);
    ASSERT_EQ(ring.bind_range(0, buffers_[0], 0, camera_.size()), 0);
    ring.put_batch({fill(0, 0, camera_.size(), 0)});
    ASSERT_EQ(ring.submit(), 0);
    ASSERT_EQ(camera_.queue(0, dmabufs_[0]), 0) << "taken all the same";
    EXPECT_EQ(buffers_[0].wait(0), ETIME);
    EXPECT_FALSE(writable(dmabufs_[0]));
    camera_.start();
    camera_.stop();
    engine.advance();
    EXPECT_EQ(buffers_[0].wait(deadline_in(long_enough)), 0);
    EXPECT_TRUE(writable(dmabufs_[0]));
    ASSERT_EQ(ring.reap().at(0).status, 0);

    for (std::uint32_t i = 0; i < 2; i++) ASSERT_EQ(camera_.queue(i, dmabufs_[i]), 0);
    camera_.start();
    const std::uint32_t index = next();
    expect_equal(buffers_[index].map(), reference_);
    camera_.stop();
}

TEST_F(Camera, TooSmallIsInvalid) {
    const Buffer small(device_, 4096);
    EXPECT_EQ(camera_.queue(0, small.export_dmabuf()), EINVAL);
}

// The camera holds the memory, whoever else has let go of it.
TEST_F(Camera, OutlivesOurHandle) {
    for (std::uint32_t i = 0; i < 2; i++) ASSERT_EQ(camera_.queue(i, dmabufs_[i]), 0);
    const Mapping memory = buffers_[0].map();
    buffers_.clear();
    dmabufs_.clear();
    camera_.start();
    while (next() != 0) {
    }
    expect_equal(memory, reference_);
    camera_.stop();
}

// The output's picture comes back by way of vivid's wire.
TEST_F(V4l2, OutputShowsWhatWeWrote) {
    VideoQueue output(Direction::output), input(Direction::capture);
    output.use_hdmi();
    input.use_hdmi();
    for (VideoQueue* queue : {&output, &input}) {
        queue->set_size(1280, 720);
        queue->request(2, V4L2_MEMORY_DMABUF);
    }
    ASSERT_EQ(output.size(), input.size());
    const std::size_t size = output.size();
    const Buffer sent(device_, size), received(device_, size);
    Ring ring(device_);
    ASSERT_EQ(ring.bind_range(0, sent, 0, size), 0);
    const Fd sent_fd = sent.export_dmabuf(), received_fd = received.export_dmabuf();
    ASSERT_EQ(ring.run_one(fill(0, 0, size, 0x6a7069706b702a70)).status, 0);
    ASSERT_EQ(sent.wait(deadline_in(long_enough)), 0);

    for (std::uint32_t i = 0; i < 2; i++) ASSERT_EQ(output.queue(i, sent_fd), 0);
    output.start();
    const Buffer other(device_, size);
    const Fd other_fd = other.export_dmabuf();
    ASSERT_EQ(input.queue(0, received_fd), 0);
    ASSERT_EQ(input.queue(1, other_fd), 0);
    input.start();
    const Mapping memory = received.map();
    const bool arrived = eventually([&] {
        const auto out = output.dequeue();
        if (out) output.queue(out->index, sent_fd);
        const auto in = input.dequeue();
        if (in && in->index == 0 && std::memcmp(memory.data(), sent.map().data(), size) == 0)
            return true;
        if (in) input.queue(in->index, in->index == 0 ? received_fd : other_fd);
        return false;
    });
    input.stop();
    output.stop();
    EXPECT_TRUE(arrived);
}

TEST_F(V4l2, OutputTakesReadOnlyOnes) {
    VideoQueue output(Direction::output);
    output.use_hdmi();
    output.set_size(1280, 720);
    output.request(2, V4L2_MEMORY_DMABUF);
    const Buffer buffer(device_, output.size());
    const Fd dmabuf = buffer.export_readonly();
    for (std::uint32_t i = 0; i < 2; i++) ASSERT_EQ(output.queue(i, dmabuf), 0);
    output.start();
    const auto first = output.dequeue();
    output.stop();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->flags & V4L2_BUF_FLAG_ERROR, 0U);
}

}  // namespace
}  // namespace uapi_tests
