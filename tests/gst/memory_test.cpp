// SPDX-License-Identifier: MIT
// Frames that come out.
#include <gst/allocators/gstdmabuf.h>
#include <gst/video/gstvideometa.h>

#include <utility>

#include "fixture.hpp"
#include "frames.hpp"
#include "pipeline.hpp"
#include "rig.hpp"

namespace {

using gst_tests::compare;
using gst_tests::drm_caps;
using gst_tests::Handle;
using gst_tests::info_of;
using gst_tests::new_frame;
using gst_tests::Pipeline;
using gst_tests::raw_caps;
using gst_tests::Rig;

class Memory : public gst_tests::ElementTest {
 protected:
    static Handle<GstBuffer> one_frame(Rig& rig, const std::string& in, const std::string& out) {
        rig.set_output(out);
        rig.set_input(in);
        return rig.process(new_frame(info_of(in)));
    }
};

TEST_F(Memory, FramesAreDmaBufsUnderEitherCaps) {
    for (const std::string& out : {raw_caps("BGRx", 36, 20), drm_caps("XR24", 36, 20)}) {
        Rig rig("accelconvert");
        const Handle<GstBuffer> frame = one_frame(rig, raw_caps("NV12", 64, 48), out);
        ASSERT_TRUE(frame);
        ASSERT_EQ(gst_buffer_n_memory(frame.get()), 1u);
        EXPECT_TRUE(gst_is_dmabuf_memory(gst_buffer_peek_memory(frame.get(), 0)));
        EXPECT_TRUE(gst_buffer_get_video_meta(frame.get()));
    }
}

// Such a peer takes offsets and lines from the caps alone.
TEST_F(Memory, APeerWithoutVideoMetaGetsTheDefaultLayoutAndSize) {
    for (const char* format : {"BGRx", "YUY2", "NV12", "I420", "GRAY8"}) {
        const std::string out = raw_caps(format, 36, 20);
        const GstVideoInfo info = info_of(out);
        Rig rig("accelconvert");
        const Handle<GstBuffer> frame = one_frame(rig, raw_caps("BGRx", 64, 48), out);
        ASSERT_TRUE(frame);
        EXPECT_EQ(gst_buffer_get_size(frame.get()), GST_VIDEO_INFO_SIZE(&info)) << format;
        const GstVideoMeta* meta = gst_buffer_get_video_meta(frame.get());
        for (guint i = 0; i < meta->n_planes; i++) {
            EXPECT_EQ(meta->offset[i], info.offset[i]) << format;
            EXPECT_EQ(meta->stride[i], info.stride[i]) << format;
        }
        EXPECT_EQ(rig.stat("copies-out"), 0u);
    }
}

TEST_F(Memory, APeerWithVideoMetaGetsAlignedLines) {
    for (const char* format : {"BGRx", "YUY2", "NV12", "I420", "GRAY8"}) {
        Rig rig("accelconvert");
        rig.know_video_meta();
        const Handle<GstBuffer> frame =
            one_frame(rig, raw_caps("BGRx", 64, 48), raw_caps(format, 36, 20));
        ASSERT_TRUE(frame);
        const GstVideoMeta* meta = gst_buffer_get_video_meta(frame.get());
        for (guint i = 0; i < meta->n_planes; i++) EXPECT_EQ(meta->stride[i] % 64, 0) << format;
    }
}

// Peers that are told one pitch (V4L2) take a planar frame's chroma for half of that.
TEST_F(Memory, AlignedLinesOfChromaAreHalfThoseOfLuma) {
    for (int width : {36, 320, 960}) {
        Rig rig("accelconvert");
        rig.know_video_meta();
        const Handle<GstBuffer> frame =
            one_frame(rig, raw_caps("BGRx", 64, 48), raw_caps("I420", width, 20));
        ASSERT_TRUE(frame);
        GstVideoMeta* meta = gst_buffer_get_video_meta(frame.get());
        for (guint i : {1u, 2u}) {
            EXPECT_EQ(meta->stride[i] % 64, 0) << width;
            EXPECT_EQ(meta->stride[i], meta->stride[0] / 2) << width;
        }
        guint lines[GST_VIDEO_MAX_PLANES];
        ASSERT_TRUE(gst_video_meta_get_plane_height(meta, lines)) << width;
        EXPECT_EQ(lines[0], 20u);
        EXPECT_EQ(lines[1], 10u);
        EXPECT_EQ(lines[2], 10u);
    }
}

TEST_F(Memory, FramesOfPoolsThatWereReplacedAreFreed) {
    Rig rig("accelconvert");
    const std::string in = raw_caps("GRAY8", 16, 16);
    rig.set_output(raw_caps("BGRx", 1920, 1080));
    rig.set_input(in);
    ASSERT_TRUE(rig.process(new_frame(info_of(in))));
    const std::size_t before = gst_tests::shared_memory();
    for (int i = 0; i < 16; i++) {
        ASSERT_TRUE(gst_pad_push_event(rig.harness()->sinkpad, gst_event_new_reconfigure()));
        ASSERT_TRUE(rig.process(new_frame(info_of(in))));
    }
    EXPECT_LT(gst_tests::shared_memory(), before + 8 * 1920 * 1080 * 4);
}

TEST_F(Memory, TimesFlagsAndMetasOfThePictureGoAlong) {
    Rig rig("accelconvert");
    const std::string in = raw_caps("BGRx", 64, 48);
    rig.set_output(raw_caps("NV12", 32, 24));
    rig.set_input(in);
    Handle<GstBuffer> frame = new_frame(info_of(in));
    GST_BUFFER_PTS(frame.get()) = 7 * GST_SECOND;
    GST_BUFFER_DURATION(frame.get()) = GST_SECOND;
    GST_BUFFER_FLAG_SET(frame.get(), GST_BUFFER_FLAG_DISCONT);
    gst_buffer_add_video_region_of_interest_meta(frame.get(), "face", 8, 10, 20, 30);
    const Handle<GstBuffer> got = rig.process(std::move(frame));
    ASSERT_TRUE(got);
    EXPECT_EQ(GST_BUFFER_PTS(got.get()), 7 * GST_SECOND);
    EXPECT_EQ(GST_BUFFER_DURATION(got.get()), GST_SECOND);
    EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(got.get(), GST_BUFFER_FLAG_DISCONT));
    const auto* roi = reinterpret_cast<GstVideoRegionOfInterestMeta*>(
        gst_buffer_get_meta(got.get(), GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));
    ASSERT_TRUE(roi);
    EXPECT_EQ(roi->x, 4u);
    EXPECT_EQ(roi->y, 5u);
    EXPECT_EQ(roi->w, 10u);
    EXPECT_EQ(roi->h, 15u);
}

// It is no larger than its caps, so that nothing of it can be left out here.
TEST_F(Memory, ACropOfLessThanTheCapsGoesAlong) {
    const std::string caps = raw_caps("BGRx", 64, 48);
    Rig rig("accelfilter");
    rig.set_input(caps);
    Handle<GstBuffer> frame = new_frame(info_of(caps));
    gst_buffer_add_video_meta(frame.get(), GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_BGRx, 64,
                              48);
    GstVideoCropMeta* crop = gst_buffer_add_video_crop_meta(frame.get());
    crop->x = 8;
    crop->width = 32;
    crop->height = 48;
    const Handle<GstBuffer> got = rig.process(std::move(frame));
    ASSERT_TRUE(got);
    const GstVideoCropMeta* kept = gst_buffer_get_video_crop_meta(got.get());
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->x, 8u);
    EXPECT_EQ(kept->width, 32u);
}

TEST_F(Memory, ReadersAndWritersMapOneMemoryAtOnce) {
    Rig rig("accelfilter");
    const Handle<GstBuffer> frame =
        one_frame(rig, raw_caps("BGRx", 64, 48), raw_caps("BGRx", 64, 48));
    ASSERT_TRUE(frame);
    GstMemory* memory = gst_buffer_peek_memory(frame.get(), 0);
    GstMapInfo read, write;
    ASSERT_TRUE(gst_memory_map(memory, &read, GST_MAP_READ));
    GstMemory* part = gst_memory_share(memory, 4, 8);
    ASSERT_TRUE(gst_memory_map(part, &write, GST_MAP_READ));
    EXPECT_EQ(write.data, read.data + 4);
    EXPECT_EQ(write.data[0], 255) << "inverted black";
    gst_memory_unmap(part, &write);
    gst_memory_unmap(memory, &read);
    gst_memory_unref(part);
    ASSERT_TRUE(gst_memory_map(memory, &write, GST_MAP_READWRITE));
    gst_memory_unmap(memory, &write);
}

TEST_F(Memory, NothingChangesNothingIsTouched) {
    Rig rig("accelconvert");
    const std::string caps = raw_caps("NV12", 64, 48);
    rig.set_output(caps);
    rig.set_input(caps);
    Handle<GstBuffer> frame = new_frame(info_of(caps));
    const GstBuffer* pushed = frame.get();
    const Handle<GstBuffer> got = rig.process(std::move(frame));
    EXPECT_EQ(got.get(), pushed);
    EXPECT_EQ(rig.stat("passthrough"), 1u);
    EXPECT_EQ(rig.stat("copies-in"), 0u);

    // And back to work with other caps.
    rig.set_output(raw_caps("BGRx", 64, 48));
    rig.set_input(caps);
    ASSERT_TRUE(rig.process(new_frame(info_of(caps))));
    EXPECT_EQ(rig.stat("passthrough"), 1u);
    EXPECT_EQ(rig.stat("frames"), 2u);
}

TEST_F(Memory, ASampleHeldPastNullIsStillReadable) {
    Handle<GstSample> sample;
    {
        Pipeline pipeline(
            "videotestsrc num-buffers=1 pattern=white ! "
            "video/x-raw,format=GRAY8,width=64,height=48 "
            "! accelfilter ! fakesink name=sink sync=false enable-last-sample=true");
        ASSERT_EQ(pipeline.run(), "");
        GstSample* pulled = nullptr;
        g_object_get(pipeline.element("sink"), "last-sample", &pulled, nullptr);
        sample.reset(pulled);
    }
    ASSERT_TRUE(sample);
    GstMapInfo map;
    ASSERT_TRUE(gst_buffer_map(gst_sample_get_buffer(sample.get()), &map, GST_MAP_READ));
    ASSERT_EQ(map.size, 64u * 48);
    EXPECT_EQ(map.data[0], map.data[map.size - 1]);
    EXPECT_LT(map.data[0], 30) << "inverted white";
    gst_buffer_unmap(gst_sample_get_buffer(sample.get()), &map);
}

}  // namespace
