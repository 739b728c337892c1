// SPDX-License-Identifier: MIT
#include <accel/image.hpp>

#include <algorithm>

#include "buffer_impl.hpp"
#include "common.hpp"
#include "failure.hpp"

namespace accel {

namespace {

std::string image_name(std::uint32_t format, Size size) {
    return fourcc_name(format) + " image of " + std::to_string(size.width) + "x" +
           std::to_string(size.height);
}

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) noexcept {
    return (value + alignment - 1) & ~(alignment - 1);
}

// Any component of the plane: they interleave, so each gives the plane's extent, as it does in
// zaccel_plane_bytes().
const zaccel_component& component_of(const zaccel_format& format, unsigned plane) {
    const std::span components(format.component, format.components);
    return *std::ranges::find(components, plane, &zaccel_component::plane);
}

const zaccel_format& checked_format(std::uint32_t fourcc, Size size, std::uint32_t alignment) {
    const zaccel_format* format = zaccel_format_find(fourcc);

    if (!format) detail::fail(Errc::not_supported, "layout of format " + fourcc_name(fourcc));
    if (size.width > ZACCEL_MAX_IMAGE_SIZE || size.height > ZACCEL_MAX_IMAGE_SIZE)
        detail::fail(Errc::too_large, "layout of a " + image_name(fourcc, size));
    if (zaccel_image_size_check(format, size.width, size.height) != 0)
        detail::fail(Errc::invalid_argument, "layout of a " + image_name(fourcc, size));
    // A huge page is more than any device asks for.
    if (alignment == 0 || (alignment & (alignment - 1)) != 0 || alignment > 1u << 21)
        detail::fail(Errc::invalid_argument, "layout alignment of " + std::to_string(alignment));
    return *format;
}

}  // namespace

static_assert(max_planes == ZACCEL_MAX_PLANES);

std::string fourcc_name(std::uint32_t fourcc) {
    std::string name;
    for (unsigned shift = 0; shift < 32; shift += 8) {
        const char c = static_cast<char>(fourcc >> shift & 0xff);
        name += c >= ' ' && c <= '~' ? c : '?';
    }
    name.erase(name.find_last_not_of(' ') + 1);
    return name;
}

ImageLayout ImageLayout::natural(std::uint32_t fourcc, Size size, std::uint32_t alignment) {
    const zaccel_format& format = checked_format(fourcc, size, alignment);
    ImageLayout layout;

    layout.format = fourcc;
    layout.size = size;
    layout.plane_count = format.planes;
    for (unsigned i = 0; i < format.planes; i++) {
        PlaneLayout& plane = layout.planes[i];
        const zaccel_component& component = component_of(format, i);
        const std::uint64_t line = std::uint64_t{size.width >> component.hsub} * component.step;
        const std::uint64_t lines = size.height >> component.vsub;

        plane.offset = layout.bytes;
        plane.pitch = static_cast<std::uint32_t>(align_up(line, alignment));
        layout.bytes = align_up(plane.offset + lines * plane.pitch, alignment);
    }
    return layout;
}

Plane::Plane(const Buffer& buffer, PlaneLayout layout)
    : buffer_(buffer.internal()), layout_(layout) {}

Plane::Plane(const Buffer& buffer, std::uint64_t offset, std::uint32_t pitch)
    : Plane(buffer, PlaneLayout{offset, pitch}) {}

Image::Image(std::uint32_t format, Size size, std::span<const Plane> planes, std::uint64_t modifier)
    : format_(format), size_(size), modifier_(modifier), planes_(planes.begin(), planes.end()) {
    if (planes.empty() || planes.size() > max_planes)
        detail::fail(Errc::invalid_argument, image_name(format, size) + " with " +
                                                 std::to_string(planes.size()) + " planes");
}

Image::Image(const Buffer& buffer, const ImageLayout& layout, std::uint64_t base)
    : format_(layout.format), size_(layout.size), modifier_(linear_modifier) {
    if (base > buffer.size() || layout.bytes > buffer.size() - base)
        detail::fail(Errc::out_of_range, image_name(format_, size_) + " at byte " +
                                             std::to_string(base) + " of a buffer of " +
                                             std::to_string(buffer.size()) + " bytes");
    if (layout.plane_count == 0 || layout.plane_count > max_planes)
        detail::fail(Errc::invalid_argument, "image with an empty layout");

    planes_.reserve(layout.plane_count);
    for (std::size_t i = 0; i < layout.plane_count; i++)
        planes_.emplace_back(buffer, base + layout.planes[i].offset, layout.planes[i].pitch);
}

}  // namespace accel
