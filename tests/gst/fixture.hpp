// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "support/resource_counts.hpp"

namespace gst_tests {

/// How many objects of each type GStreamer's leaks tracer knows of.
std::map<std::string, int> live_objects();

/// Bytes that the machine's shared memory takes, buffers of the accelerator among it.
std::size_t shared_memory();

/// Base of all fixtures here: descriptors, dma-bufs and GStreamer's objects are as many after the
/// test as before.
class ElementTest : public test_support::LeakCheckedTest {
 protected:
    ElementTest() : objects_(live_objects()) {}
    ~ElementTest() override {
        EXPECT_EQ(live_objects(), objects_) << "the test left objects behind";
    }

 private:
    std::map<std::string, int> objects_;
};

}  // namespace gst_tests
