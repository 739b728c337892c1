// SPDX-License-Identifier: MIT
#pragma once

// A client that ends in the middle of an EXEC.

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>

#include "late.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "syncobj.hpp"

namespace uapi_tests {

/// A client whose EXEC marks the first byte of somebody else's buffer and then sums up bytes for
/// longer than any test takes. Behind it in its batch comes one more command.
class ExecVictim {
 public:
    static constexpr std::uint32_t commands = 1024;  ///< drm_zaccel_device_info.max_exec
    static constexpr std::uint8_t mark = 0x4d;

    explicit ExecVictim(int marked_dmabuf) {
        const Buffer marked = Buffer::import(file_, marked_dmabuf);
        const Buffer summed(file_, summed_size), list(file_, list_size);
        fill_list(list);
        check(ring_->bind_range(0, marked, 0, 1), "bind");
        check(ring_->bind_range(1, summed, 0, summed_size), "bind");
        check(ring_->bind_range(2, list, 0, list_size), "bind");
        ring_->put_batch({exec(2, 0, commands), nop()});
        check(ring_->submit(), "submit");
    }

    const Fd& file() const { return file_; }
    Ring& ring() { return *ring_; }

    void close() {
        ring_->leave_to_file();
        ring_.reset();
        file_.reset();
    }

 private:
    static constexpr std::uint64_t summed_size = 16 << 20;
    static constexpr std::uint64_t list_size = commands * sizeof(drm_zaccel_command);

    static void fill_list(const Buffer& list) {
        const Mapping memory = list.map();
        auto* entries = reinterpret_cast<drm_zaccel_command*>(memory.data());
        entries[0] = fill(0, 0, 1, mark);
        for (std::uint32_t i = 1; i < commands; i++) entries[i] = crc32c(1, 0, summed_size);
    }

    Fd file_ = open_device();
    std::unique_ptr<Ring> ring_ = std::make_unique<Ring>(file_);
};

/// Who looks on: the buffer that is marked, the fence in it, and the victim's completions.
class ExecWitness {
 public:
    explicit ExecWitness(const Fd& device) : buffer_(device, 4096), memory_(buffer_.map()) {}

    int dmabuf() const { return dmabuf_.get(); }

    /// False when the EXEC does not come to run. @p ring is a dma-buf of the ring's memory, or a
    /// descriptor of the ring.
    bool sees_it_run(const Fd& ring, const drm_zaccel_ring_create& geometry) {
        completions_ = Mapping(ring.get(), 0, geometry.size);
        cq_offset_ = geometry.cq_offset;
        fence_ = export_fences(dmabuf_, Fences::writers);
        return eventually([this] { return memory_[0] == ExecVictim::mark; }) &&
               sync_file_status(fence_) == 0;
    }

    /// The fence, the EXEC and the command behind it: cut off with @p error, in bounded time.
    void expect_cut_off(int error) const {
        ASSERT_EQ(final_status(fence_), error);
        ASSERT_TRUE(eventually([this] { return header().cq_tail == 2; }));
        drm_zaccel_completion done[2];
        std::memcpy(done, completions_.data() + cq_offset_, sizeof(done));
        EXPECT_EQ(done[0].status, error);
        EXPECT_GE(done[0].result, 1U);
        EXPECT_LT(done[0].result, ExecVictim::commands);
        EXPECT_EQ(done[1].status, -ECANCELED);
    }

 private:
    const volatile drm_zaccel_ring_header& header() const {
        return *reinterpret_cast<const volatile drm_zaccel_ring_header*>(completions_.data());
    }

    Buffer buffer_;
    Mapping memory_;
    Fd dmabuf_ = buffer_.export_dmabuf();
    Fd fence_;
    Mapping completions_;
    std::uint64_t cq_offset_ = 0;
};

}  // namespace uapi_tests
