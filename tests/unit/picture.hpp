// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "support/common.hpp"

namespace unit {

/// An image in memory of its own, with guard bytes around each plane and behind each line.
class Picture {
 public:
    static constexpr std::uint8_t kGuard = 0xee;

    Picture(std::uint32_t fourcc, std::uint32_t width, std::uint32_t height,
            std::uint32_t extra_pitch = 0);

    const zaccel_format& format() const { return *image_.format; }
    std::uint32_t width() const { return image_.width; }
    std::uint32_t height() const { return image_.height; }
    bool has_component(unsigned c) const { return c < format().components; }
    std::uint32_t grid_width(unsigned c) const { return width() >> format().component[c].hsub; }
    std::uint32_t grid_height(unsigned c) const { return height() >> format().component[c].vsub; }

    /// Sample of a component at a place in its own grid.
    std::uint8_t& at(unsigned c, std::uint32_t x, std::uint32_t y) {
        return bytes_[index(c, x, y)];
    }
    std::uint8_t at(unsigned c, std::uint32_t x, std::uint32_t y) const {
        return bytes_[index(c, x, y)];
    }
    std::uint8_t padding_at(std::uint32_t x, std::uint32_t y) const;

    /// Sets each sample of each component, and the unused bytes to 0.
    template <typename F>
    void fill(F&& sample) {
        for (unsigned c = 0; c < format().components; c++)
            for (std::uint32_t y = 0; y < grid_height(c); y++)
                for (std::uint32_t x = 0; x < grid_width(c); x++) at(c, x, y) = sample(c, x, y);
    }

    /// Are all bytes that belong to no pixel as they were made?
    bool guards_are_intact() const;

    zaccel_operand operand();
    const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
    std::size_t index(unsigned c, std::uint32_t x, std::uint32_t y) const;

    zaccel_image image_{};
    std::vector<std::size_t> offsets_;
    std::vector<std::uint32_t> line_bytes_;
    std::vector<std::uint32_t> lines_;
    std::vector<std::uint8_t> bytes_;
};

/// What became of a command.
struct Outcome {
    int status = 0;
    std::uint64_t result = 0;
};

/// Checks a command and, if it may, runs it, in slices of that many units (0: the recommended).
Outcome execute(const drm_zaccel_command& command, const zaccel_operand* dst,
                const zaccel_operand* src, std::uint64_t slice = 0);

/// The same for what reads one picture and writes another; fails the test where it is refused.
void run(const drm_zaccel_command& command, Picture& dst, Picture& src, std::uint64_t slice = 0);

}  // namespace unit
