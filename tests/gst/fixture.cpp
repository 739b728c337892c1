// SPDX-License-Identifier: MIT
#include "fixture.hpp"

#include <gst/gst.h>

#include <fstream>

namespace gst_tests {
namespace {

GstTracer* find_leaks_tracer() {
    GstTracer* found = nullptr;
    GList* tracers = gst_tracing_get_active_tracers();
    for (GList* at = tracers; at; at = at->next)
        if (g_strcmp0(G_OBJECT_TYPE_NAME(at->data), "GstLeaksTracer") == 0)
            found = GST_TRACER(at->data);
    g_list_free_full(tracers, gst_object_unref);
    return found;  // lives until gst_deinit()
}

const char* type_of(const GstStructure* entry) {
    const GValue* object = gst_structure_get_value(entry, "object");
    return G_VALUE_HOLDS_OBJECT(object) ? G_OBJECT_TYPE_NAME(g_value_get_object(object))
                                        : G_VALUE_TYPE_NAME(object);
}

}  // namespace

std::size_t shared_memory() {
    std::ifstream meminfo("/proc/meminfo");
    std::string word;
    std::size_t kilobytes = 0;
    while (meminfo >> word)
        if (word == "Shmem:" && meminfo >> kilobytes) break;
    return kilobytes * 1024;
}

std::map<std::string, int> live_objects() {
    std::map<std::string, int> counts;
    GstTracer* tracer = find_leaks_tracer();
    if (!tracer) return {{"no leaks tracer", 1}};
    // The answer holds objects without a reference of its own, so it cannot be freed.
    GstStructure* objects = nullptr;
    g_signal_emit_by_name(tracer, "get-live-objects", &objects);
    const GValue* list = gst_structure_get_value(objects, "live-objects-list");
    for (guint i = 0; list && i < gst_value_list_get_size(list); i++)
        counts[type_of(gst_value_get_structure(gst_value_list_get_value(list, i)))]++;
    // Made once and kept: caps of templates and features.
    counts.erase("GstCaps");
    return counts;
}

}  // namespace gst_tests
