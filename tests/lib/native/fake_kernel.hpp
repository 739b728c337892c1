// SPDX-License-Identifier: MIT
#pragma once

// The library's seam (libaccel/src/ioctl.hpp) with no kernel behind it, for what a real one does
// only at moments that no test can choose.

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>

#include <accel/device.hpp>

#include "common.hpp"
#include "support/resource_counts.hpp"

namespace lib_tests {

/// What the test does in the kernel's place; calls that it does not set succeed and do nothing.
struct FakeKernel {
    std::function<int(drm_zaccel_ring_submit&)> ring_submit{};
    std::function<int(std::uint32_t& fetched)> ring_kick{};
    std::function<int(drm_zaccel_ring_wait&)> ring_wait{};
    std::function<int(int fd)> prime_import{};
    std::function<bool(int fd)> is_dmabuf{};
};

/// A device that is a memfd, in which its one ring lies.
class FakeKernelTest : public test_support::LeakCheckedTest {
 protected:
    FakeKernelTest();
    ~FakeKernelTest() override;

    /// Takes @p count entries and posts a completion for each.
    void run(std::uint32_t count);

    FakeKernel& kernel_;
    accel::Device device_;

 private:
    drm_zaccel_ring_header* header_;
};

}  // namespace lib_tests
