// SPDX-License-Identifier: MIT
#pragma once

#include <gst/gst.h>

#include <memory>

namespace accelgst {

/// Owners of GStreamer's and GLib's counted or allocated things.
struct Unref {
    void operator()(GstBuffer* buffer) const { gst_buffer_unref(buffer); }
    void operator()(GstCaps* caps) const { gst_caps_unref(caps); }
    void operator()(GstContext* context) const { gst_context_unref(context); }
    void operator()(GstQuery* query) const { gst_query_unref(query); }
    void operator()(GstBufferPool* pool) const { gst_object_unref(pool); }
    void operator()(GstAllocator* allocator) const { gst_object_unref(allocator); }
    void operator()(GstStructure* structure) const { gst_structure_free(structure); }
    void operator()(gchar* text) const { g_free(text); }
};

template <class T>
using GstPtr = std::unique_ptr<T, Unref>;

}  // namespace accelgst
