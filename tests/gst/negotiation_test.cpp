// SPDX-License-Identifier: MIT
#include <utility>

#include "dmabuf_frame.hpp"
#include "fixture.hpp"
#include "frames.hpp"
#include "rig.hpp"

namespace {

using gst_tests::drm_caps;
using gst_tests::raw_caps;
using gst_tests::Rig;

class Negotiation : public gst_tests::ElementTest {};

struct Name {
    const char* plain;
    const char* drm;
};

constexpr Name convert_names[] = {
    {"BGRx", "XR24"}, {"YUY2", "YUYV"}, {"NV12", "NV12"}, {"I420", "YU12"}, {"GRAY8", "R8  "}};
constexpr Name filter_names[] = {{"BGRx", "XR24"}, {"GRAY8", "R8  "}};

std::string caps_of(const Name& name, bool dmabuf, int width = 64, int height = 48) {
    return dmabuf ? drm_caps(name.drm, width, height) : raw_caps(name.plain, width, height);
}

bool is_among(const std::string& caps, const std::string& allowed) {
    if (caps.empty()) return false;
    const gst_tests::Handle<GstCaps> a(gst_caps_from_string(caps.c_str()));
    const gst_tests::Handle<GstCaps> b(gst_caps_from_string(allowed.c_str()));
    return gst_caps_can_intersect(a.get(), b.get());
}

// What comes out of @p element for caps in, where downstream takes @p taken.
std::string negotiated(const std::string& element, const std::string& in,
                       const std::string& taken = {}) {
    Rig rig(element);
    if (!taken.empty()) rig.set_output(taken);
    return rig.accepts(in) ? rig.output_caps() : "";
}

TEST_F(Negotiation, ConvertTurnsEveryFormatAndMemoryIntoEveryOther) {
    for (const Name& from : convert_names) {
        for (bool dmabuf_in : {true, false}) {
            Rig rig("accelconvert");
            for (const Name& to : convert_names) {
                for (bool dmabuf_out : {true, false}) {
                    rig.set_output(caps_of(to, dmabuf_out, 32, 20));
                    EXPECT_TRUE(rig.accepts(caps_of(from, dmabuf_in)));
                    EXPECT_TRUE(is_among(rig.output_caps(), caps_of(to, dmabuf_out, 32, 20)))
                        << caps_of(from, dmabuf_in) << " -> " << rig.output_caps();
                }
            }
        }
    }
}

TEST_F(Negotiation, FilterKeepsTheFormatAndChangesTheMemory) {
    for (const Name& name : filter_names) {
        for (bool dmabuf_in : {true, false}) {
            Rig rig("accelfilter");
            for (bool dmabuf_out : {true, false}) {
                rig.set_output(caps_of(name, dmabuf_out));
                EXPECT_TRUE(rig.accepts(caps_of(name, dmabuf_in)));
                EXPECT_TRUE(is_among(rig.output_caps(), caps_of(name, dmabuf_out)))
                    << caps_of(name, dmabuf_in) << " -> " << rig.output_caps();
            }
        }
    }
}

TEST_F(Negotiation, FilterRefusesAnotherFormat) {
    EXPECT_EQ(negotiated("accelfilter", raw_caps("BGRx", 64, 48), "video/x-raw,format=GRAY8"), "");
    EXPECT_EQ(negotiated("accelfilter", raw_caps("NV12", 64, 48)), "");
    EXPECT_EQ(negotiated("accelfilter", raw_caps("BGRx", 64, 48), "video/x-raw,width=32,height=24"),
              "");
}

TEST_F(Negotiation, APeerThatTakesAnythingGetsSystemMemory) {
    for (const char* element : {"accelconvert", "accelfilter"})
        for (bool dmabuf : {true, false})
            EXPECT_TRUE(is_among(negotiated(element, caps_of(filter_names[0], dmabuf)),
                                 raw_caps("BGRx", 64, 48)))
                << element;
}

TEST_F(Negotiation, DmaBufsComeFirstForAPeerThatTakesBoth) {
    const std::string both =
        "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=XR24;video/x-raw,format=BGRx";
    for (const char* element : {"accelconvert", "accelfilter"})
        EXPECT_TRUE(
            is_among(negotiated(element, raw_caps("BGRx", 64, 48), both), drm_caps("XR24", 64, 48)))
            << element;
}

struct Preference {
    const char* in;
    const char* taken;
    const char* expected;
};

TEST_F(Negotiation, TheFormatThatLosesLeastIsTaken) {
    constexpr Preference cases[] = {
        {"NV12", "{GRAY8,YUY2,I420,NV12,BGRx}", "NV12"}, {"NV12", "{GRAY8,BGRx,YUY2,I420}", "I420"},
        {"NV12", "{GRAY8,BGRx,YUY2}", "YUY2"},           {"YUY2", "{GRAY8,NV12,BGRx}", "BGRx"},
        {"BGRx", "{GRAY8,NV12,YUY2}", "YUY2"},           {"GRAY8", "{BGRx,NV12}", "NV12"},
    };
    for (const Preference& c : cases) {
        const std::string caps = negotiated("accelconvert", raw_caps(c.in, 64, 48),
                                            std::string("video/x-raw,format=") + c.taken);
        EXPECT_TRUE(is_among(caps, raw_caps(c.expected, 64, 48))) << c.in << " -> " << caps;
    }
}

TEST_F(Negotiation, SizeAndDisplayAspectRatioAreKept) {
    constexpr Preference cases[] = {
        // No wish: as it is.
        {"pixel-aspect-ratio=1/1", "format=BGRx", "width=640,height=480"},
        // One side given: the other follows.
        {"pixel-aspect-ratio=1/1", "pixel-aspect-ratio=1/1,width=320", "width=320,height=240"},
        {"pixel-aspect-ratio=1/1", "pixel-aspect-ratio=1/1,height=96", "width=128,height=96"},
        // Both given: the pixels are no longer square.
        {"pixel-aspect-ratio=1/1", "width=640,height=240",
         "width=640,height=240,pixel-aspect-ratio=1/2"},
        // Square pixels wanted: the width changes.
        {"pixel-aspect-ratio=2/1", "pixel-aspect-ratio=1/1", "width=1280,height=480"},
        // Less room than that.
        {"pixel-aspect-ratio=2/1", "pixel-aspect-ratio=1/1,width=[1,640]", "width=640,height=240"},
    };
    for (const Preference& c : cases) {
        const std::string caps = negotiated("accelconvert", raw_caps("BGRx", 640, 480, c.in),
                                            std::string("video/x-raw,") + c.taken);
        EXPECT_TRUE(is_among(caps, std::string("video/x-raw,") + c.expected))
            << c.in << " to " << c.taken << " -> " << caps;
    }
}

TEST_F(Negotiation, OddSizesOfSubsampledFormatsAreRefused) {
    for (const auto& caps :
         {raw_caps("NV12", 65, 48), raw_caps("NV12", 64, 49), raw_caps("I420", 65, 48),
          raw_caps("I420", 64, 49), raw_caps("YUY2", 65, 48), drm_caps("NV12", 65, 48)})
        EXPECT_FALSE(Rig("accelconvert").accepts(caps)) << caps;
    for (const auto& caps : {raw_caps("YUY2", 64, 49), raw_caps("BGRx", 65, 49),
                             raw_caps("GRAY8", 65, 49), drm_caps("XR24", 65, 49)})
        EXPECT_TRUE(Rig("accelconvert").accepts(caps)) << caps;
}

TEST_F(Negotiation, FramesOfRefusedCapsAreNotNegotiated) {
    Rig rig("accelconvert");
    EXPECT_FALSE(rig.accepts(raw_caps("NV12", 65, 48)));
    const GstVideoInfo info = gst_tests::info_of(raw_caps("NV12", 65, 48));
    EXPECT_EQ(rig.push(gst_tests::new_frame(info)), GST_FLOW_NOT_NEGOTIATED);
}

TEST_F(Negotiation, DmaBufsWithNothingDownstreamAreNotLinked) {
    const GstVideoInfo info = gst_tests::info_of(raw_caps("BGRx", 64, 48));
    const lib_tests::Udmabuf memory(gst_tests::dmabuf_size(info));
    for (const char* element : {"accelconvert", "accelfilter"}) {
        const gst_tests::Handle<GstHarness> harness(
            gst_harness_new_with_padnames(element, "sink", nullptr));
        gst_harness_set_src_caps_str(harness.get(), drm_caps("XR24", 64, 48).c_str());
        gst_tests::Handle<GstBuffer> frame = gst_tests::wrap_frame(
            memory.fd(), memory.bytes().size(), info, gst_tests::default_layout(info));
        EXPECT_EQ(gst_harness_push(harness.get(), frame.release()), GST_FLOW_NOT_LINKED) << element;
    }
}

TEST_F(Negotiation, AnOddSizeBecomesEvenWhereTheFormatNeedsIt) {
    const std::string caps =
        negotiated("accelconvert", raw_caps("BGRx", 65, 49), "video/x-raw,format=NV12");
    EXPECT_TRUE(is_among(caps, "video/x-raw,format=NV12,width=64,height=48")) << caps;
}

TEST_F(Negotiation, OnlyLinearDmaBufsAreTaken) {
    for (const char* element : {"accelconvert", "accelfilter"}) {
        EXPECT_FALSE(Rig(element).accepts(drm_caps("XR24:0x0100000000000001", 64, 48)));
        EXPECT_FALSE(Rig(element).accepts(drm_caps("XR24:0x00ffffffffffffff", 64, 48)));
        EXPECT_FALSE(
            Rig(element).accepts("video/x-raw(memory:GLMemory),format=BGRx,width=64,"
                                 "height=48,framerate=25/1"));
    }
}

TEST_F(Negotiation, ColoursTheDeviceDoesNotKnowAreRefusedUnlessTheyStay) {
    const std::string bt2020 = raw_caps("NV12", 64, 48, "colorimetry=bt2020");
    EXPECT_EQ(negotiated("accelconvert", bt2020, "video/x-raw,format=BGRx"), "");
    const std::string kept = negotiated("accelconvert", bt2020, "video/x-raw,format=I420");
    EXPECT_TRUE(is_among(kept, raw_caps("I420", 64, 48, "colorimetry=bt2020"))) << kept;
}

// By default caps of 720 lines mean BT.709 and those of 480 BT.601.
TEST_F(Negotiation, AnotherSizeKeepsTheColorimetry) {
    const std::string caps = negotiated("accelconvert", raw_caps("NV12", 1280, 720),
                                        "video/x-raw,format=NV12,width=640,height=360");
    EXPECT_TRUE(is_among(caps, "video/x-raw,colorimetry=bt709")) << caps;
}

TEST_F(Negotiation, ChromaMadeHereIsSaidToLieInTheMiddle) {
    const std::string made =
        negotiated("accelconvert", raw_caps("BGRx", 64, 48), "video/x-raw,format=NV12");
    EXPECT_TRUE(is_among(made, "video/x-raw,chroma-site=jpeg")) << made;
    const std::string kept = negotiated(
        "accelconvert", raw_caps("NV12", 64, 48, "chroma-site=mpeg2"), "video/x-raw,format=I420");
    EXPECT_TRUE(is_among(kept, "video/x-raw,chroma-site=mpeg2")) << kept;
}

TEST_F(Negotiation, InterlacedFramesAreNotMixed) {
    const std::string fields = raw_caps("NV12", 64, 48, "interlace-mode=interleaved");
    EXPECT_EQ(negotiated("accelconvert", fields, "video/x-raw,height=24"), "");
    EXPECT_EQ(negotiated("accelconvert", fields, "video/x-raw,format=BGRx"), "");
    EXPECT_NE(negotiated("accelconvert", fields, "video/x-raw,format=I420"), "");
}

}  // namespace
