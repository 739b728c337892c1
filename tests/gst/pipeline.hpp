// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "handles.hpp"

namespace gst_tests {

/// A whole pipeline, as gst-launch makes it. Goes to NULL when destroyed.
class Pipeline {
 public:
    explicit Pipeline(const std::string& launch);
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;
    ~Pipeline();

    /// Waits until it is there; false when it cannot be, or takes too long.
    bool go(GstState state);

    /// The next message of these types, of which there must be one soon.
    Handle<GstMessage> wait(int types);

    /// Plays until the end. Empty, or the first error as message_name() has it.
    std::string run();

    GstElement* element(const std::string& name) const;  ///< Borrowed.
    guint64 stat(const std::string& element, const std::string& name) const;

    GstElement* get() const { return pipeline_.get(); }

 private:
    Handle<GstElement> pipeline_;
};

}  // namespace gst_tests
