// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <fstream>

#include "device.hpp"
#include "support/resource_counts.hpp"

namespace uapi_tests {

/// Users of the module: open files, dma-bufs, and each fence that somebody still holds.
inline long module_references() {
    long count = -1;
    std::ifstream("/sys/module/zaccel/refcnt") >> count;
    return count;
}

/// Base of all fixtures: descriptors, dma-bufs and references to the module must be as before.
class CountedTest : public test_support::LeakCheckedTest {
 protected:
    ~CountedTest() override {
        // Fences are given back from RCU callbacks.
        EXPECT_TRUE(eventually([this] { return module_references() <= references_; }))
            << module_references() << " references to the module, " << references_ << " before";
    }

 private:
    long references_ = module_references();
};

/// A test with an open device.
class DeviceTest : public CountedTest {
 protected:
    Fd device_ = open_device();
};

}  // namespace uapi_tests
