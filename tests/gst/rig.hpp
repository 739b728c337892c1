// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "handles.hpp"

namespace gst_tests {

/// An element, or some in a row, between pads that the test drives. Without more to it downstream
/// knows no GstVideoMeta and takes whatever caps output() says.
class Rig {
 public:
    explicit Rig(const std::string& launch);
    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;
    ~Rig();

    /// What is pushed.
    void set_input(const std::string& caps);
    /// Offers caps: true when they are taken.
    bool accepts(const std::string& caps);
    /// What downstream takes; anything before the first call.
    void set_output(const std::string& caps);
    /// Downstream understands GstVideoMeta.
    void know_video_meta();

    GstFlowReturn push(Handle<GstBuffer> buffer);
    /// The next frame out; null when there is none.
    Handle<GstBuffer> pull();
    /// push() and pull().
    Handle<GstBuffer> process(Handle<GstBuffer> buffer);

    /// Fixed caps of frames out; empty when there are none.
    std::string output_caps() const;

    GstElement* element(const std::string& name) const;  ///< Borrowed.
    guint64 stat(const std::string& name) const;         ///< Of the only accel element.
    guint64 copies(const std::string& reason) const;

    /// "domain/code: text" of the next error or warning, or empty.
    std::string next_error();
    std::string next_warning();

    GstHarness* harness() const { return harness_.get(); }

 private:
    Handle<GstStructure> stats() const;
    std::string next(GstMessageType type);

    Handle<GstBus> bus_;
    Handle<GstHarness> harness_;
};

/// Name of an error's domain and code: "gst-resource-error-quark/3".
std::string message_name(GstMessage* message);

}  // namespace gst_tests
