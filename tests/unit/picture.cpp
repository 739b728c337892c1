// SPDX-License-Identifier: MIT
#include "picture.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace unit {
namespace {

constexpr std::size_t kGuardSize = 64;

/// The least pitch there is, which is the bytes of a line.
std::uint32_t bytes_of_line(const zaccel_format& format, unsigned plane, std::uint32_t width) {
    std::uint32_t bytes = 0;
    for (unsigned c = 0; c < format.components; c++) {
        const zaccel_component& component = format.component[c];
        if (component.plane == plane)
            bytes = std::max(bytes, (width >> component.hsub) * component.step);
    }
    return bytes;
}

std::uint32_t lines_of_plane(const zaccel_format& format, unsigned plane, std::uint32_t height) {
    for (unsigned c = 0; c < format.components; c++)
        if (format.component[c].plane == plane) return height >> format.component[c].vsub;
    return 0;
}

}  // namespace

Picture::Picture(std::uint32_t fourcc, std::uint32_t width, std::uint32_t height,
                 std::uint32_t extra_pitch) {
    image_.format = zaccel_format_find(fourcc);
    image_.width = width;
    image_.height = height;

    std::size_t end = kGuardSize;
    for (unsigned plane = 0; plane < image_.format->planes; plane++) {
        line_bytes_.push_back(bytes_of_line(*image_.format, plane, width));
        lines_.push_back(lines_of_plane(*image_.format, plane, height));
        image_.planes[plane].pitch = line_bytes_.back() + extra_pitch;
        offsets_.push_back(end);
        end += std::size_t{image_.planes[plane].pitch} * lines_.back() + kGuardSize;
    }
    bytes_.assign(end, kGuard);
    if (image_.format->has_padding)
        for (std::uint32_t y = 0; y < height; y++)
            std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(
                                             offsets_[0] + std::size_t{y} * image_.planes[0].pitch),
                        line_bytes_[0], std::uint8_t{0});
}

std::size_t Picture::index(unsigned c, std::uint32_t x, std::uint32_t y) const {
    const zaccel_component& component = format().component[c];
    return offsets_[component.plane] + std::size_t{y} * image_.planes[component.plane].pitch +
           component.offset + std::size_t{x} * component.step;
}

std::uint8_t Picture::padding_at(std::uint32_t x, std::uint32_t y) const {
    const zaccel_component& first = format().component[0];
    return bytes_[index(0, x, y) - first.offset + format().padding_byte];
}

bool Picture::guards_are_intact() const {
    std::vector<bool> used(bytes_.size());
    for (unsigned plane = 0; plane < format().planes; plane++)
        for (std::uint32_t y = 0; y < lines_[plane]; y++)
            std::fill_n(
                used.begin() + static_cast<std::ptrdiff_t>(
                                   offsets_[plane] + std::size_t{y} * image_.planes[plane].pitch),
                line_bytes_[plane], true);

    for (std::size_t i = 0; i < bytes_.size(); i++)
        if (!used[i] && bytes_[i] != kGuard) return false;
    return true;
}

zaccel_operand Picture::operand() {
    for (unsigned plane = 0; plane < format().planes; plane++)
        image_.planes[plane].data = bytes_.data() + offsets_[plane];
    return {.kind = ZACCEL_SLOT_IMAGE, .range = {}, .image = image_};
}

Outcome execute(const drm_zaccel_command& command, const zaccel_operand* dst,
                const zaccel_operand* src, std::uint64_t slice) {
    Outcome outcome;
    outcome.status = zaccel_op_check(&command, dst, src);
    if (outcome.status != 0) return outcome;

    const zaccel_op* op = zaccel_op_find(command.opcode);
    if (!op->run) return outcome;
    const std::uint64_t units = op->units(command.args, dst, src);
    if (slice == 0) slice = zaccel_op_slice(op, dst);

    std::uint64_t start = 0;
    do {
        const std::uint64_t end = start + std::min(slice, units - start);
        op->run(command.args, dst, src, start, end, &outcome.result);
        start = end;
    } while (start < units);
    return outcome;
}

void run(const drm_zaccel_command& command, Picture& dst, Picture& src, std::uint64_t slice) {
    const zaccel_operand to = dst.operand();
    const zaccel_operand from = src.operand();
    const Outcome outcome = execute(command, &to, &from, slice);
    ASSERT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.result, 0u);
}

}  // namespace unit
