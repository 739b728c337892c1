// SPDX-License-Identifier: MIT
//
// Runs a GStreamer pipeline and tells, as JSON, how many frames reached its busiest sink, how fast,
// and what each accel element counted:
//
//   run_pipeline 'videotestsrc num-buffers=9 ! accelconvert ! ...'

#include <gst/gst.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <iostream>
#include <list>
#include <nlohmann/json.hpp>
#include <string>

namespace {

struct Options {
    gint progress = 0;      // print every so many frames
    gint snapshot_at = -1;  // copy a file when this frame arrives: a look at the system in mid-run
    gchar* snapshot_from = nullptr;
    gchar* snapshot_to = nullptr;
};

struct Run;

// What has reached one sink: its streaming thread's, until the pipeline is in NULL.
struct Sink {
    Run* run;
    gint frames = 0;
    gint64 first = 0, last = 0;  // microseconds, monotonic
};

struct Run {
    Options options;
    std::list<Sink> sinks;
    std::atomic<gint> furthest{0};  // frames of the sink that is ahead
    std::atomic<bool> failed{false};
};

// Called from GStreamer, which no exception may cross.
void take_snapshot(Run& run) {
    std::error_code error;
    std::filesystem::copy_file(run.options.snapshot_from, run.options.snapshot_to,
                               std::filesystem::copy_options::overwrite_existing, error);
    if (!error) return;
    std::cerr << "copy of " << run.options.snapshot_from << ": " << error.message() << std::endl;
    run.failed = true;
}

GstPadProbeReturn on_frame(GstPad*, GstPadProbeInfo*, gpointer data) {
    auto& sink = *static_cast<Sink*>(data);
    Run& run = *sink.run;
    sink.last = g_get_monotonic_time();
    gint before = sink.frames++;
    if (before == 0) sink.first = sink.last;
    // Of several sinks only the first to have a frame reports it.
    if (!run.furthest.compare_exchange_strong(before, sink.frames)) return GST_PAD_PROBE_OK;
    if (run.options.progress > 0 && sink.frames % run.options.progress == 0)
        std::cout << "frame " + std::to_string(sink.frames) + "\n" << std::flush;
    if (sink.frames == run.options.snapshot_at) take_snapshot(run);
    return GST_PAD_PROBE_OK;
}

nlohmann::json to_json(const GstStructure* stats) {
    nlohmann::json object = nlohmann::json::object();
    for (gint i = 0; i < gst_structure_n_fields(stats); ++i) {
        const gchar* name = gst_structure_nth_field_name(stats, static_cast<guint>(i));
        guint64 number = 0;
        if (gst_structure_get_uint64(stats, name, &number)) object[name] = number;
    }
    return object;
}

void watch_sink(const GValue* item, gpointer data) {
    auto* run = static_cast<Run*>(data);
    GstPad* pad = gst_element_get_static_pad(GST_ELEMENT(g_value_get_object(item)), "sink");
    if (!pad) return;
    Sink& sink = run->sinks.emplace_back(Sink{run});
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, &sink, nullptr);
    gst_object_unref(pad);
}

void collect_stats(const GValue* item, gpointer data) {
    auto* element = GST_ELEMENT(g_value_get_object(item));
    GstElementFactory* factory = gst_element_get_factory(element);
    if (!factory || !g_str_has_prefix(GST_OBJECT_NAME(factory), "accel")) return;
    GstStructure* stats = nullptr;
    g_object_get(element, "stats", &stats, nullptr);
    (*static_cast<nlohmann::json*>(data))[GST_OBJECT_NAME(element)] = to_json(stats);
    gst_structure_free(stats);
}

void print_error(GstMessage* message) {
    GError* error = nullptr;
    gchar* debug = nullptr;
    gst_message_parse_error(message, &error, &debug);
    std::cerr << GST_OBJECT_NAME(GST_MESSAGE_SRC(message)) << ": " << error->message << "\n"
              << (debug ? debug : "") << "\n";
    g_error_free(error);
    g_free(debug);
}

/// Plays to the end of the stream; false after an error, which is printed.
bool play(GstElement* pipeline) {
    GstBus* bus = gst_element_get_bus(pipeline);
    const bool started =
        gst_element_set_state(pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
    // What could not be started has said why, or never will.
    GstMessage* message =
        gst_bus_timed_pop_filtered(bus, started ? GST_CLOCK_TIME_NONE : 0,
                                   GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    const bool ok = message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
    if (!message)
        std::cerr << "the pipeline cannot be started\n";
    else if (!ok)
        print_error(message);
    if (message) gst_message_unref(message);
    gst_object_unref(bus);
    return ok;
}

nlohmann::json result_of(const Run& run, const nlohmann::json& elements) {
    const auto most = std::ranges::max_element(run.sinks, {}, &Sink::frames);
    const Sink sink = most == run.sinks.end() ? Sink{} : *most;
    const double seconds = static_cast<double>(sink.last - sink.first) / 1e6;
    return {{"frames", sink.frames},
            {"seconds", seconds},
            {"fps", seconds > 0 ? (sink.frames - 1) / seconds : 0.0},
            {"elements", elements}};
}

bool parse(int* argc, char*** argv, Options& options) {
    const GOptionEntry entries[] = {
        {"progress", 0, 0, G_OPTION_ARG_INT, &options.progress, "Print every Nth frame", "N"},
        {"snapshot-at", 0, 0, G_OPTION_ARG_INT, &options.snapshot_at, "Frame of the copy", "N"},
        {"snapshot-from", 0, 0, G_OPTION_ARG_FILENAME, static_cast<void*>(&options.snapshot_from),
         "Copied", "FILE"},
        {"snapshot-to", 0, 0, G_OPTION_ARG_FILENAME, static_cast<void*>(&options.snapshot_to),
         "The copy", "FILE"},
        {}};
    GOptionContext* context = g_option_context_new("PIPELINE");
    g_option_context_add_main_entries(context, entries, nullptr);
    g_option_context_add_group(context, gst_init_get_option_group());
    GError* error = nullptr;
    bool ok = g_option_context_parse(context, argc, argv, &error) && *argc == 2;
    if (!ok) std::cerr << (error ? error->message : "one pipeline description is needed") << "\n";
    if (ok && options.snapshot_at >= 0 && !(options.snapshot_from && options.snapshot_to)) {
        std::cerr << "--snapshot-at needs --snapshot-from and --snapshot-to\n";
        ok = false;
    }
    g_clear_error(&error);
    g_option_context_free(context);
    return ok;
}

}  // namespace

int main(int argc, char** argv) try {
    Run run;
    if (!parse(&argc, &argv, run.options)) return 2;
    GError* error = nullptr;
    GstElement* pipeline =
        gst_parse_launch_full(argv[1], nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error);
    if (!pipeline) {
        std::cerr << error->message << "\n";
        g_error_free(error);
        return 2;
    }
    GstIterator* sinks = gst_bin_iterate_sinks(GST_BIN(pipeline));
    gst_iterator_foreach(sinks, watch_sink, &run);
    gst_iterator_free(sinks);

    const bool ok = play(pipeline);
    nlohmann::json elements = nlohmann::json::object();
    GstIterator* all = gst_bin_iterate_recurse(GST_BIN(pipeline));
    gst_iterator_foreach(all, collect_stats, &elements);
    gst_iterator_free(all);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);

    std::cout << "result " << result_of(run, elements) << std::endl;
    return ok && !run.failed ? 0 : 1;
} catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
}
