// SPDX-License-Identifier: MIT
// Frames out of accelfilter, sample by sample.
#include <algorithm>
#include <array>
#include <utility>

#include "fixture.hpp"
#include "frames.hpp"
#include "rig.hpp"

namespace {

using gst_tests::compare;
using gst_tests::Difference;
using gst_tests::Handle;
using gst_tests::info_of;
using gst_tests::new_frame;
using gst_tests::raw_caps;
using gst_tests::Rig;

struct Kernel {
    std::array<int, 9> coefficients;
    int shift;
    int bias;
};

class FilterTest : public gst_tests::ElementTest {
 protected:
    static Handle<GstBuffer> painted(const GstVideoInfo& info) {
        Handle<GstBuffer> frame = new_frame(info);
        gst_tests::paint(frame.get(), info, gst_tests::saturated());
        return frame;
    }

    // One frame, by the device and as the function has it.
    template <class F>
    static void expect_exact(Rig& rig, const char* format, F&& expected_sample) {
        const GstVideoInfo info = info_of(raw_caps(format, 37, 21));
        rig.set_input(raw_caps(format, 37, 21));
        const Handle<GstBuffer> got = rig.process(painted(info));
        ASSERT_TRUE(got) << rig.next_error();
        const Handle<GstBuffer> expected = new_frame(info);
        GstVideoFrame in, out;
        const Handle<GstBuffer> source = painted(info);
        gst_video_frame_map(&in, &info, source.get(), GST_MAP_READ);
        gst_video_frame_map(&out, &info, expected.get(), GST_MAP_WRITE);
        gst_tests::for_each_sample(out, [&](guint c, int x, int y) {
            return static_cast<std::uint8_t>(expected_sample(in, c, x, y));
        });
        gst_video_frame_unmap(&in);
        gst_video_frame_unmap(&out);
        const Difference difference = compare(got.get(), expected.get(), info);
        EXPECT_EQ(difference.worst, 0) << format << ": " << difference;
    }

    static int convolved(const Kernel& kernel, const GstVideoFrame& in, guint c, int x, int y) {
        int sum = 0;
        for (int j = -1; j <= 1; j++)
            for (int i = -1; i <= 1; i++)
                sum += kernel.coefficients[static_cast<std::size_t>(3 * (j + 1) + i + 1)] *
                       gst_tests::sample(in, c, std::clamp(x + i, 0, in.info.width - 1),
                                         std::clamp(y + j, 0, in.info.height - 1));
        const int half = kernel.shift ? 1 << (kernel.shift - 1) : 0;
        return std::clamp(((sum + half) >> kernel.shift) + kernel.bias, 0, 255);
    }

    static void expect_convolved(const std::string& properties, const Kernel& kernel) {
        for (const char* format : {"BGRx", "GRAY8"}) {
            Rig rig("accelfilter operation=convolve " + properties);
            expect_exact(rig, format, [&](const GstVideoFrame& in, guint c, int x, int y) {
                return convolved(kernel, in, c, x, y);
            });
        }
    }
};

TEST_F(FilterTest, InvertIsTheDefault) {
    for (const char* format : {"BGRx", "GRAY8"}) {
        Rig rig("accelfilter");
        expect_exact(rig, format, [](const GstVideoFrame& in, guint c, int x, int y) {
            return 255 - gst_tests::sample(in, c, x, y);
        });
    }
}

TEST_F(FilterTest, PresetsAreTheKernelsTheyAreNamedFor) {
    expect_convolved("preset=sharpen", {{0, -1, 0, -1, 5, -1, 0, -1, 0}, 0, 0});
    expect_convolved("preset=blur", {{1, 2, 1, 2, 4, 2, 1, 2, 1}, 4, 0});
    expect_convolved("preset=edge", {{-1, -1, -1, -1, 8, -1, -1, -1, -1}, 0, 0});
    expect_convolved("preset=emboss", {{-2, -1, 0, -1, 0, 1, 0, 1, 2}, 0, 128});
}

TEST_F(FilterTest, AKernelOfOnesOwn) {
    expect_convolved("kernel=\"<1,1,1,1,0,1,1,1,1>\" shift=3 bias=-20",
                     {{1, 1, 1, 1, 0, 1, 1, 1, 1}, 3, -20});
}

TEST_F(FilterTest, SettingAKernelMakesThePresetCustom) {
    Rig rig("accelfilter preset=blur bias=3");
    gint preset = -1, bias = 0;
    guint shift = 0;
    g_object_get(rig.element("accelfilter"), "preset", &preset, "shift", &shift, "bias", &bias,
                 nullptr);
    EXPECT_EQ(preset, 0);
    EXPECT_EQ(shift, 4u) << "the rest of the preset stays";
    EXPECT_EQ(bias, 3);
}

TEST_F(FilterTest, AKernelThatIsNoneWarnsAndChangesNothing) {
    Rig rig("accelfilter preset=edge");
    for (const char* kernel : {"<1,2,3>", "<1,1,1,1,1,1,1,1,40000>", "<1,1,1,1,1,1,1,1,1,1>"}) {
        gst_util_set_object_arg(G_OBJECT(rig.element("accelfilter")), "kernel", kernel);
        EXPECT_EQ(rig.next_warning().rfind("gst-library-error-quark/", 0), 0u) << kernel;
    }
    gint preset = -1;
    g_object_get(rig.element("accelfilter"), "preset", &preset, nullptr);
    EXPECT_EQ(preset, 3);
}

TEST_F(FilterTest, PropertiesChangeBetweenFrames) {
    Rig rig("accelfilter operation=invert");
    for (int round = 0; round < 3; round++) {
        g_object_set(rig.element("accelfilter"), "operation", 0, nullptr);
        expect_exact(rig, "GRAY8", [](const GstVideoFrame& in, guint c, int x, int y) {
            return 255 - gst_tests::sample(in, c, x, y);
        });
        gst_util_set_object_arg(G_OBJECT(rig.element("accelfilter")), "preset", "edge");
        gst_util_set_object_arg(G_OBJECT(rig.element("accelfilter")), "operation", "convolve");
        const Kernel edge{{-1, -1, -1, -1, 8, -1, -1, -1, -1}, 0, 0};
        expect_exact(rig, "GRAY8", [&](const GstVideoFrame& in, guint c, int x, int y) {
            return convolved(edge, in, c, x, y);
        });
    }
    EXPECT_EQ(rig.stat("frames"), 6u);
}

// The operation may change while playing, so that caps alone cannot be refused.
TEST_F(FilterTest, InterlacedFramesAreInvertedAndNotConvolved) {
    const std::string caps = raw_caps("GRAY8", 64, 48, "interlace-mode=interleaved");
    Rig rig("accelfilter");
    rig.set_input(caps);
    ASSERT_TRUE(rig.process(new_frame(info_of(caps)))) << rig.next_error();
    gst_util_set_object_arg(G_OBJECT(rig.element("accelfilter")), "operation", "convolve");
    EXPECT_EQ(rig.push(new_frame(info_of(caps))), GST_FLOW_ERROR);
    const std::string error = rig.next_error();
    EXPECT_EQ(error.rfind("gst-stream-error-quark/11:", 0), 0u) << error;  // FORMAT
    EXPECT_NE(error.find("nterlaced"), std::string::npos) << error;
    gst_util_set_object_arg(G_OBJECT(rig.element("accelfilter")), "operation", "invert");
    EXPECT_TRUE(rig.process(new_frame(info_of(caps)))) << rig.next_error();
}

}  // namespace
