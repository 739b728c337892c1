// SPDX-License-Identifier: MIT
// Frames out of accelconvert beside those of GStreamer's own converter.
#include <utility>

#include "fixture.hpp"
#include "frames.hpp"
#include "reference.hpp"
#include "rig.hpp"

namespace {

using gst_tests::compare;
using gst_tests::convert_by_cpu;
using gst_tests::Difference;
using gst_tests::Handle;
using gst_tests::info_of;
using gst_tests::new_frame;
using gst_tests::paint;
using gst_tests::Picture;
using gst_tests::raw_caps;
using gst_tests::Rig;

constexpr int width = 64;
constexpr int height = 48;
constexpr const char* formats[] = {"BGRx", "YUY2", "NV12", "I420", "GRAY8"};

/// Of 255.
constexpr int tolerance = 2;

class PictureTest : public gst_tests::ElementTest {};

/// The device takes chroma to lie in the middle of its pixels.
std::string caps_of(const std::string& format, int w, int h, const std::string& colorimetry) {
    if (format == "BGRx") return raw_caps(format, w, h);
    return raw_caps(format, w, h, "chroma-site=jpeg,colorimetry=(string)" + colorimetry);
}

/// An accelconvert set up for one conversion.
class Conversion {
 public:
    Conversion(const std::string& in, const std::string& out, bool bilinear)
        : in_(info_of(in)),
          out_(info_of(out)),
          bilinear_(bilinear),
          rig_(std::string("accelconvert filter=") + (bilinear ? "bilinear" : "nearest")),
          name_(in + " -> " + out + (bilinear ? " bilinear" : " nearest")) {
        rig_.set_output(out);
        rig_.set_input(in);
    }

    Handle<GstBuffer> by_device(const Picture& picture) { return rig_.process(painted(picture)); }
    Handle<GstBuffer> by_cpu(const Picture& picture) const {
        return convert_by_cpu(painted(picture).get(), in_, out_, bilinear_);
    }

    Difference difference(const Picture& picture) {
        const Handle<GstBuffer> got = by_device(picture);
        if (!got) return {.worst = 256};
        return compare(got.get(), by_cpu(picture).get(), out_);
    }

    const GstVideoInfo& out() const { return out_; }
    const std::string& name() const { return name_; }

 private:
    Handle<GstBuffer> painted(const Picture& picture) const {
        Handle<GstBuffer> frame = new_frame(in_);
        paint(frame.get(), in_, picture);
        return frame;
    }

    GstVideoInfo in_;
    GstVideoInfo out_;
    bool bilinear_;
    Rig rig_;
    std::string name_;
};

void expect_close(Conversion& conversion) {
    const Difference smooth = conversion.difference(gst_tests::smooth(width, height));
    EXPECT_LE(smooth.worst, tolerance) << conversion.name() << ", smooth: " << smooth;
    const Difference edges = conversion.difference(gst_tests::saturated());
    EXPECT_LE(edges.worst, tolerance) << conversion.name() << ", saturated: " << edges;
}

class PictureOfFilter : public PictureTest, public testing::WithParamInterface<bool> {};

TEST_P(PictureOfFilter, EveryPairOfFormats) {
    for (const char* from : formats) {
        for (const char* to : formats) {
            if (from == to) continue;
            Conversion conversion(caps_of(from, width, height, "bt601"),
                                  caps_of(to, width, height, "bt601"), GetParam());
            expect_close(conversion);
        }
    }
}

// RGB and grey at any size, and luma too. Scaled chroma is compared on the smooth picture only:
// the CPU first makes as much chroma as there are pixels, scales that, and then makes less of it,
// three filters in a row, where the device reads the chroma there is at the places it needs. At
// saturated edges that differs by up to 28; what is right there by the operation's definition,
// tests/unit holds to a reference of its own.
TEST_P(PictureOfFilter, EveryFormatScaled) {
    constexpr int sizes[][2] = {{128, 96}, {100, 80}, {32, 24}, {40, 30}};
    for (const char* format : formats) {
        const bool has_chroma = format[0] == 'Y' || format[0] == 'N' || format[0] == 'I';
        for (const auto& [w, h] : sizes) {
            Conversion conversion(caps_of(format, width, height, "bt601"),
                                  caps_of(format, w, h, "bt601"), GetParam());
            if (!has_chroma || !GetParam()) {
                expect_close(conversion);
                continue;
            }
            const Difference smooth = conversion.difference(gst_tests::smooth(width, height));
            EXPECT_LE(smooth.worst, tolerance) << conversion.name() << ", smooth: " << smooth;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Both, PictureOfFilter, testing::Values(false, true),
                         [](const auto& test) { return test.param ? "Bilinear" : "Nearest"; });

// Range, matrix, transfer function, primaries, as GstVideoColorimetry has them.
constexpr const char* colorimetries[] = {"2:4:16:4", "1:4:16:4", "2:3:5:1", "1:3:5:1"};

TEST_F(PictureTest, ColorimetryOfTheInput) {
    for (const char* colorimetry : colorimetries) {
        for (const char* format : {"NV12", "YUY2", "GRAY8"}) {
            Conversion conversion(caps_of(format, width, height, colorimetry),
                                  caps_of("BGRx", width, height, ""), true);
            expect_close(conversion);
        }
    }
}

TEST_F(PictureTest, ColorimetryOfTheOutput) {
    for (const char* colorimetry : colorimetries) {
        for (const char* format : {"NV12", "YUY2", "GRAY8"}) {
            Conversion conversion(caps_of("BGRx", width, height, ""),
                                  caps_of(format, width, height, colorimetry), true);
            expect_close(conversion);
        }
    }
}

// Without mixing of neighbours: their mean can be a colour that RGB has not, and the CPU goes
// through RGB for another range, which the device does not.
TEST_F(PictureTest, ColorimetryOfBoth) {
    for (const char* from : colorimetries) {
        for (const char* to : colorimetries) {
            if (from == to) continue;
            Conversion conversion(caps_of("I420", width, height, from),
                                  caps_of("NV12", width, height, to), false);
            expect_close(conversion);
        }
    }
}

TEST_F(PictureTest, TheFilterChangesBetweenFrames) {
    const std::string in = raw_caps("GRAY8", 2, 2);
    const std::string out = raw_caps("GRAY8", 4, 4);
    Rig rig("accelconvert filter=nearest");
    rig.set_output(out);
    rig.set_input(in);
    const auto second_of_first_line = [&] {
        Handle<GstBuffer> frame = new_frame(info_of(in));
        paint(frame.get(), info_of(in), [](int x, int) {
            return x ? gst_tests::Colour{255, 255, 255} : gst_tests::Colour{0, 0, 0};
        });
        const Handle<GstBuffer> got = rig.process(std::move(frame));
        std::uint8_t value = 0;
        if (got) gst_buffer_extract(got.get(), 1, &value, 1);
        return value;
    };
    EXPECT_EQ(second_of_first_line(), 0);
    gst_util_set_object_arg(G_OBJECT(rig.element("accelconvert")), "filter", "bilinear");
    EXPECT_EQ(second_of_first_line(), 64);
    gst_util_set_object_arg(G_OBJECT(rig.element("accelconvert")), "filter", "nearest");
    EXPECT_EQ(second_of_first_line(), 0);
}

}  // namespace
