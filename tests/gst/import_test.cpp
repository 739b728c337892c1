// SPDX-License-Identifier: MIT
// Where frames of upstream lie, and what that costs.
#include <gst/allocators/allocators.h>
#include <gst/video/gstvideometa.h>
#include <gst/video/gstvideopool.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>

#include "dmabuf_frame.hpp"
#include "fixture.hpp"
#include "frames.hpp"
#include "rig.hpp"

namespace {

using gst_tests::compare;
using gst_tests::default_layout;
using gst_tests::dmabuf_size;
using gst_tests::drm_caps;
using gst_tests::Handle;
using gst_tests::info_of;
using gst_tests::Layout;
using gst_tests::new_frame;
using gst_tests::odd_layout;
using gst_tests::paint;
using gst_tests::raw_caps;
using gst_tests::Rig;
using gst_tests::wrap_dmabuf;
using gst_tests::wrap_frame;
using lib_tests::Udmabuf;

constexpr int width = 100;
constexpr int height = 48;

class Import : public gst_tests::ElementTest {
 protected:
    static void paint_picture(GstBuffer* frame, const GstVideoInfo& info) {
        paint(frame, info, gst_tests::smooth(width, height));
    }

    // What an element makes of the picture in system memory.
    static Handle<GstBuffer> expected_of(const std::string& format, const std::string& to) {
        const GstVideoInfo info = info_of(raw_caps(format, width, height));
        Rig rig("accelconvert");
        rig.set_output(raw_caps(to, width, height));
        rig.set_input(raw_caps(format, width, height));
        Handle<GstBuffer> frame = new_frame(info);
        paint_picture(frame.get(), info);
        return rig.process(std::move(frame));
    }

    static void expect_same(GstBuffer* got, GstBuffer* expected, const std::string& format) {
        ASSERT_TRUE(got);
        EXPECT_EQ(compare(got, expected, info_of(raw_caps(format, width, height))).worst, 0);
    }
};

struct Case {
    const char* format;
    const char* drm;
};
constexpr Case cases[] = {
    {"BGRx", "XR24"}, {"YUY2", "YUYV"}, {"NV12", "NV12"}, {"I420", "YU12"}, {"GRAY8", "R8  "}};

TEST_F(Import, ForeignDmaBufsAreReadInPlaceWhateverTheLayoutAndCaps) {
    for (const Case& c : cases) {
        const GstVideoInfo info = info_of(raw_caps(c.format, width, height));
        const Udmabuf memory(dmabuf_size(info));
        const std::string to = c.format == std::string("BGRx") ? "GRAY8" : "BGRx";
        const Handle<GstBuffer> expected = expected_of(c.format, to);
        for (const std::string& caps :
             {drm_caps(c.drm, width, height), raw_caps(c.format, width, height)}) {
            for (const Layout& layout : {default_layout(info), odd_layout(info)}) {
                Rig rig("accelconvert fallback=error");
                rig.set_output(raw_caps(to, width, height));
                rig.set_input(caps);
                Handle<GstBuffer> frame =
                    wrap_frame(memory.fd(), memory.bytes().size(), info, layout);
                paint_picture(frame.get(), info);
                const Handle<GstBuffer> got = rig.process(std::move(frame));
                expect_same(got.get(), expected.get(), to);
                EXPECT_EQ(rig.stat("copies-in"), 0u) << caps;
                EXPECT_EQ(rig.stat("imports"), 1u) << caps;
            }
        }
    }
}

TEST_F(Import, TheSecondUseOfADmaBufIsACacheHitEvenByAnotherDescriptor) {
    const GstVideoInfo info = info_of(raw_caps("NV12", width, height));
    const Udmabuf memory(dmabuf_size(info));
    Rig rig("accelconvert");
    rig.set_output(raw_caps("BGRx", width, height));
    rig.set_input(raw_caps("NV12", width, height));

    Handle<GstBuffer> frame =
        wrap_frame(memory.fd(), memory.bytes().size(), info, odd_layout(info));
    for (int i = 0; i < 3; i++)
        ASSERT_TRUE(rig.process(Handle<GstBuffer>(gst_buffer_ref(frame.get()))));
    EXPECT_EQ(rig.stat("imports"), 1u);
    EXPECT_EQ(rig.stat("import-cache-hits"), 2u);

    for (int i = 0; i < 3; i++)
        ASSERT_TRUE(
            rig.process(wrap_frame(memory.fd(), memory.bytes().size(), info, odd_layout(info))));
    EXPECT_EQ(rig.stat("imports"), 1u);
    EXPECT_EQ(rig.stat("import-cache-hits"), 5u);

    ASSERT_TRUE(
        rig.process(wrap_frame(memory.fd(), memory.bytes().size(), info, default_layout(info))));
    EXPECT_EQ(rig.stat("imports"), 2u) << "another layout is another image";
    EXPECT_EQ(rig.stat("frames"), 7u);
}

TEST_F(Import, CapsChangesAndMoreDmaBufsThanTheCacheHolds) {
    Rig rig("accelconvert");
    for (int w : {width, width + 4}) {
        rig.set_output(raw_caps("BGRx", w, height));
        rig.set_input(raw_caps("GRAY8", w, height));
        const GstVideoInfo info = info_of(raw_caps("GRAY8", w, height));
        for (int i = 0; i < 60; i++) {
            const Udmabuf memory(dmabuf_size(info));
            ASSERT_TRUE(rig.process(
                wrap_frame(memory.fd(), memory.bytes().size(), info, default_layout(info))));
        }
    }
    EXPECT_EQ(rig.stat("imports"), 120u);
    // What the cache keeps is bounded: two caches of 48, and the frames of pools.
    EXPECT_LE(test_support::count_dmabufs().value_or(0), 70u);
}

TEST_F(Import, PlanesMayLieInMemoriesOfTheirOwn) {
    const GstVideoInfo info = info_of(raw_caps("NV12", width, height));
    const gsize luma = static_cast<gsize>(info.stride[0]) * height;
    const gsize chroma = luma / 2;
    const Udmabuf first(8192), second(4096);
    Handle<GstBuffer> frame = wrap_dmabuf(first.fd(), 8192);
    Handle<GstBuffer> other = wrap_dmabuf(second.fd(), 4096);
    gst_buffer_resize(frame.get(), 64, static_cast<gssize>(luma));
    gst_buffer_resize(other.get(), 128, static_cast<gssize>(chroma));
    GstMemory* taken = gst_buffer_get_memory(other.get(), 0);
    other.reset();  // a memory belongs to one buffer, or is copied
    gst_buffer_append_memory(frame.get(), taken);
    gsize offset[] = {0, luma, 0, 0};
    gint stride[] = {info.stride[0], info.stride[1], 0, 0};
    gst_buffer_add_video_meta_full(frame.get(), GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_NV12,
                                   width, height, 2, offset, stride);
    paint_picture(frame.get(), info);

    Rig rig("accelconvert fallback=error");
    rig.set_output(raw_caps("BGRx", width, height));
    rig.set_input(raw_caps("NV12", width, height));
    const Handle<GstBuffer> got = rig.process(std::move(frame));
    ASSERT_TRUE(got) << rig.next_error();
    expect_same(got.get(), expected_of("NV12", "BGRx").get(), "BGRx");
    EXPECT_EQ(rig.stat("imports"), 1u);
}

TEST_F(Import, SystemMemoryIsCopiedOnceAndCounted) {
    const GstVideoInfo info = info_of(raw_caps("NV12", width, height));
    Rig rig("accelconvert");
    rig.set_output(raw_caps("BGRx", width, height));
    rig.set_input(raw_caps("NV12", width, height));
    for (int i = 0; i < 2; i++) ASSERT_TRUE(rig.process(new_frame(info)));
    EXPECT_EQ(rig.stat("copies-in"), 2u);
    EXPECT_EQ(rig.copies("system-memory"), 2u);
    EXPECT_EQ(rig.stat("bytes-copied"), 2u * width * height * 3 / 2);
    EXPECT_EQ(rig.stat("imports"), 0u);
    EXPECT_EQ(rig.stat("copies-out"), 0u);
}

// A memfd has a descriptor, as a dma-buf has, and is none.
TEST_F(Import, AMemfdIsSystemMemory) {
    const GstVideoInfo info = info_of(raw_caps("BGRx", width, height));
    const gsize size = GST_VIDEO_INFO_SIZE(&info);
    const int fd = memfd_create("frame", MFD_CLOEXEC);
    ASSERT_EQ(ftruncate(fd, static_cast<off_t>(size)), 0);
    GstAllocator* allocator = gst_fd_allocator_new();
    Handle<GstBuffer> frame(gst_buffer_new());
    gst_buffer_append_memory(frame.get(),
                             gst_fd_allocator_alloc(allocator, fd, size, GST_FD_MEMORY_FLAG_NONE));
    gst_object_unref(allocator);

    Rig rig("accelfilter");
    rig.set_input(raw_caps("BGRx", width, height));
    ASSERT_TRUE(rig.process(std::move(frame)));
    EXPECT_EQ(rig.copies("system-memory"), 1u);
}

TEST_F(Import, LinesThatRunBackwardsAreCopied) {
    const GstVideoInfo info = info_of(raw_caps("GRAY8", width, height));
    const Udmabuf memory(dmabuf_size(info));
    Layout upside_down = default_layout(info);
    upside_down.offset[0] = static_cast<gsize>(info.stride[0]) * (height - 1);
    upside_down.stride[0] = -info.stride[0];
    Handle<GstBuffer> frame = wrap_frame(memory.fd(), memory.bytes().size(), info, upside_down);
    paint_picture(frame.get(), info);

    Rig rig("accelconvert");
    rig.set_output(raw_caps("BGRx", width, height));
    rig.set_input(raw_caps("GRAY8", width, height));
    const Handle<GstBuffer> got = rig.process(std::move(frame));
    ASSERT_TRUE(got) << rig.next_error();
    expect_same(got.get(), expected_of("GRAY8", "BGRx").get(), "BGRx");
    EXPECT_EQ(rig.copies("layout"), 1u);
}

TEST_F(Import, FallbackErrorRefusesACopyAndNamesTheReason) {
    Rig rig("accelconvert fallback=error");
    rig.set_output(raw_caps("BGRx", width, height));
    rig.set_input(raw_caps("NV12", width, height));
    EXPECT_EQ(rig.push(new_frame(info_of(raw_caps("NV12", width, height)))), GST_FLOW_ERROR);
    const std::string error = rig.next_error();
    EXPECT_EQ(error.rfind("gst-stream-error-quark/11:", 0), 0u) << error;  // FORMAT
    EXPECT_NE(error.find("system memory"), std::string::npos) << error;
    EXPECT_EQ(rig.stat("copies-in"), 0u);
}

TEST_F(Import, AFrameThatIsTooShortIsAnError) {
    Rig rig("accelfilter");
    rig.set_input(raw_caps("BGRx", width, height));
    Handle<GstBuffer> frame(gst_buffer_new_allocate(nullptr, 100, nullptr));
    EXPECT_EQ(rig.push(std::move(frame)), GST_FLOW_ERROR);
    EXPECT_NE(rig.next_error(), "");
}

// The pool that upstream is offered, as it is offered; upstream that knows GstVideoMeta says so.
GstBufferPool* offered_pool(const Rig& rig, const std::string& text, bool video_meta) {
    const Handle<GstCaps> caps(gst_caps_from_string(text.c_str()));
    GstQuery* query = gst_query_new_allocation(caps.get(), TRUE);
    GstBufferPool* pool = nullptr;
    guint size = 0, min = 0, max = 0;
    EXPECT_TRUE(gst_pad_peer_query(rig.harness()->srcpad, query));
    EXPECT_TRUE(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr));
    gst_query_parse_nth_allocation_pool(query, 0, &pool, &size, &min, &max);
    gst_query_unref(query);
    GstStructure* config = gst_buffer_pool_get_config(pool);
    gst_buffer_pool_config_set_params(config, caps.get(), size, min, max);
    if (video_meta) gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
    EXPECT_TRUE(gst_buffer_pool_set_config(pool, config));
    EXPECT_TRUE(gst_buffer_pool_set_active(pool, TRUE));
    return pool;
}

TEST_F(Import, FramesOfTheOfferedPoolNeedNoCopy) {
    for (const Case& c : cases) {
        const std::string caps = raw_caps(c.format, width, height);
        const std::string to = c.format == std::string("BGRx") ? "GRAY8" : "BGRx";
        const Handle<GstBuffer> expected = expected_of(c.format, to);
        Rig rig("accelconvert fallback=error");
        rig.set_output(raw_caps(to, width, height));
        rig.set_input(caps);
        for (bool video_meta : {true, false}) {
            GstBufferPool* pool = offered_pool(rig, caps, video_meta);
            GstBuffer* frame = nullptr;
            ASSERT_EQ(gst_buffer_pool_acquire_buffer(pool, &frame, nullptr), GST_FLOW_OK);
            const int stride = gst_buffer_get_video_meta(frame)->stride[0];
            if (video_meta)
                EXPECT_EQ(stride % 64, 0) << c.format;
            else
                EXPECT_EQ(stride, info_of(caps).stride[0]) << c.format;
            paint_picture(frame, info_of(caps));
            const Handle<GstBuffer> got = rig.process(Handle<GstBuffer>(frame));
            ASSERT_TRUE(got) << rig.next_error();
            expect_same(got.get(), expected.get(), to);
            gst_buffer_pool_set_active(pool, FALSE);
            gst_object_unref(pool);
        }
        EXPECT_EQ(rig.stat("copies-in"), 0u);
    }
}

TEST_F(Import, FramesOfAPoolThatUpstreamReplacedAreFreed) {
    const std::string caps = raw_caps("BGRx", 1920, 1080);
    Rig rig("accelconvert");
    rig.set_output(raw_caps("GRAY8", 16, 16));
    rig.set_input(caps);
    std::size_t before = 0;
    for (int i = 0; i < 16; i++) {
        GstBufferPool* pool = offered_pool(rig, caps, true);
        GstBuffer* frame = nullptr;
        ASSERT_EQ(gst_buffer_pool_acquire_buffer(pool, &frame, nullptr), GST_FLOW_OK);
        ASSERT_TRUE(rig.process(Handle<GstBuffer>(frame)));
        gst_buffer_pool_set_active(pool, FALSE);
        gst_object_unref(pool);
        if (i == 0) before = gst_tests::shared_memory();
    }
    EXPECT_LT(gst_tests::shared_memory(), before + 8 * 1920 * 1080 * 4);
}

// Every frame of these stands for 32 MiB, since that is what each would keep alive.
TEST_F(Import, TheCacheHoldsFewerFramesOfMuchMemory) {
    const GstVideoInfo info = info_of(raw_caps("GRAY8", width, height));
    const Udmabuf memory(std::size_t{32} << 20);
    Rig rig("accelfilter");
    rig.set_input(raw_caps("GRAY8", width, height));
    const auto process = [&](int place) {
        Layout layout = default_layout(info);
        layout.offset[0] = static_cast<gsize>(place) * 4096;
        return rig.process(wrap_frame(memory.fd(), memory.bytes().size(), info, layout));
    };
    for (int round = 0; round < 2; round++)
        for (int place = 0; place < 16; place++) ASSERT_TRUE(process(place));
    EXPECT_EQ(rig.stat("imports"), 16u) << "sixteen always stay";
    ASSERT_TRUE(process(16));
    ASSERT_TRUE(process(0));
    EXPECT_EQ(rig.stat("imports"), 18u) << "the first had to go";
}

void count_refusals(GstDebugCategory* category, GstDebugLevel, const gchar*, const gchar*, gint,
                    GObject*, GstDebugMessage*, gpointer count) {
    if (g_strcmp0(gst_debug_category_get_name(category), "accelbinding") == 0)
        ++*static_cast<int*>(count);
}

TEST_F(Import, ADmaBufThatIsRefusedIsTriedOnce) {
    const GstVideoInfo info = info_of(raw_caps("GRAY8", width, height));
    const Udmabuf memory(dmabuf_size(info));
    Layout overlapping = default_layout(info);
    overlapping.stride[0] = width / 2;
    Rig rig("accelfilter");
    rig.set_input(raw_caps("GRAY8", width, height));

    int refusals = 0;
    gst_debug_set_threshold_for_name("accelbinding", GST_LEVEL_INFO);
    gst_debug_add_log_function(count_refusals, &refusals, nullptr);
    for (int i = 0; i < 3; i++)
        EXPECT_TRUE(rig.process(wrap_frame(memory.fd(), memory.bytes().size(), info, overlapping)));
    gst_debug_remove_log_function_by_data(&refusals);
    gst_debug_unset_threshold_for_name("accelbinding");
    EXPECT_EQ(rig.copies("import-refused"), 3u);
    EXPECT_EQ(refusals, 1);
}

struct Crop {
    const char* format;
    int left, top;     // asked for
    int column, line;  // where the picture begins then
};

// The frame is larger than its caps, and the crop says which part the caps mean.
void expect_cropped(const Crop& crop, bool dmabuf) {
    const GstVideoInfo info = info_of(raw_caps(crop.format, width, height));
    const GstVideoInfo whole = info_of(raw_caps(crop.format, width + 20, height + 10));
    const Udmabuf memory(dmabuf_size(whole));
    Handle<GstBuffer> frame =
        dmabuf ? wrap_frame(memory.fd(), memory.bytes().size(), whole, default_layout(whole))
               : new_frame(whole);
    if (!dmabuf)
        gst_buffer_add_video_meta(frame.get(), GST_VIDEO_FRAME_FLAG_NONE,
                                  GST_VIDEO_INFO_FORMAT(&whole), width + 20, height + 10);
    const gst_tests::Picture picture = gst_tests::smooth(width + 20, height + 10);
    paint(frame.get(), whole, picture);
    GstVideoCropMeta* meta = gst_buffer_add_video_crop_meta(frame.get());
    meta->x = static_cast<guint>(crop.left);
    meta->y = static_cast<guint>(crop.top);
    meta->width = width;
    meta->height = height;

    Rig expected("accelconvert");
    expected.set_output(raw_caps("BGRx", width, height));
    expected.set_input(raw_caps(crop.format, width, height));
    Handle<GstBuffer> part = new_frame(info);
    paint(part.get(), info, [&](int x, int y) { return picture(x + crop.column, y + crop.line); });
    const Handle<GstBuffer> wanted = expected.process(std::move(part));
    ASSERT_TRUE(wanted) << expected.next_error();

    Rig rig(dmabuf ? "accelconvert fallback=error" : "accelconvert");
    rig.set_output(raw_caps("BGRx", width, height));
    rig.set_input(raw_caps(crop.format, width, height));
    const Handle<GstBuffer> got = rig.process(std::move(frame));
    ASSERT_TRUE(got) << rig.next_error();
    EXPECT_EQ(compare(got.get(), wanted.get(), info_of(raw_caps("BGRx", width, height))).worst, 0)
        << crop.format << " dmabuf " << dmabuf;
    EXPECT_FALSE(gst_buffer_get_video_crop_meta(got.get())) << "it has been applied";
}

TEST_F(Import, ACropIsAppliedAndNotPassedOn) {
    constexpr Crop crops[] = {{"NV12", 8, 6, 8, 6},
                              {"NV12", 9, 7, 8, 6},
                              {"I420", 20, 10, 20, 10},
                              {"YUY2", 3, 5, 2, 5},
                              {"GRAY8", 3, 5, 3, 5}};
    for (const Crop& crop : crops)
        for (bool dmabuf : {true, false}) expect_cropped(crop, dmabuf);
}

}  // namespace
