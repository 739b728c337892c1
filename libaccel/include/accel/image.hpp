// SPDX-License-Identifier: MIT
#pragma once

#include <accel/buffer.hpp>
#include <accel/export.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace accel {

/// DRM's number of a pixel format, from its four letters.
constexpr std::uint32_t make_fourcc(char a, char b, char c, char d) noexcept {
    const auto byte = [](char x) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(x));
    };
    return byte(a) | byte(b) << 8 | byte(c) << 16 | byte(d) << 24;
}

/// The formats whose layout the library knows, with DRM's values.
namespace fourcc {
inline constexpr std::uint32_t XRGB8888 = make_fourcc('X', 'R', '2', '4');  ///< Bytes B, G, R, x.
inline constexpr std::uint32_t R8 = make_fourcc('R', '8', ' ', ' ');        ///< GRAY8.
inline constexpr std::uint32_t YUYV = make_fourcc('Y', 'U', 'Y', 'V');      ///< Bytes Y, U, Y, V.
inline constexpr std::uint32_t NV12 = make_fourcc('N', 'V', '1', '2');      ///< Y; U and V mixed.
inline constexpr std::uint32_t YUV420 = make_fourcc('Y', 'U', '1', '2');    ///< I420: Y; U; V.
}  // namespace fourcc

/// The four letters of a fourcc, for messages: "XR24".
ACCEL_API std::string fourcc_name(std::uint32_t fourcc);

/// Pixels.
struct Size {
    std::uint32_t width = 0;
    std::uint32_t height = 0;

    friend bool operator==(const Size&, const Size&) = default;
};

/// Most planes of an image.
inline constexpr std::size_t max_planes = 4;

/// Where a plane lies in its buffer, both in bytes.
struct PlaneLayout {
    std::uint64_t offset = 0;  ///< First byte.
    std::uint32_t pitch = 0;   ///< From one line to the next.

    friend bool operator==(const PlaneLayout&, const PlaneLayout&) = default;
};

/// Offsets and pitches of an image that lies in one buffer. A plain value.
struct ACCEL_API ImageLayout {
    std::uint32_t format = 0;  ///< One of accel::fourcc.
    Size size{};
    std::size_t plane_count = 0;
    std::array<PlaneLayout, max_planes> planes{};
    std::uint64_t bytes = 0;  ///< What a buffer must have, from the first plane's offset of 0.

    /// The natural layout: planes one behind the other, each line as short as @p alignment allows.
    /// @param alignment of every pitch and offset, in bytes, a power of two; at least
    ///        DeviceLimits::pitch_align for images that are bound
    /// @throws Error not_supported (unknown format), invalid_argument (a side is 0, or odd where
    ///         the chroma is subsampled, or the alignment is no power of two), too_large
    static ImageLayout natural(std::uint32_t format, Size size, std::uint32_t alignment = 64);
};

/// One plane of an image, in a buffer that it keeps alive. Copyable; reentrant.
class ACCEL_API Plane {
 public:
    Plane(const Buffer& buffer, PlaneLayout layout);
    Plane(const Buffer& buffer, std::uint64_t offset, std::uint32_t pitch);

    // No moves: a Plane without a buffer would be of no use to anybody, so moving one copies it.
    Plane(const Plane&) noexcept = default;
    Plane& operator=(const Plane&) noexcept = default;
    ~Plane() = default;

    std::uint64_t offset() const noexcept { return layout_.offset; }
    std::uint32_t pitch() const noexcept { return layout_.pitch; }

    /// @private For the library itself.
    const std::shared_ptr<detail::BufferImpl>& internal() const noexcept { return buffer_; }

 private:
    std::shared_ptr<detail::BufferImpl> buffer_;
    PlaneLayout layout_;
};

/// A picture: format, size, and planes over buffers, which it keeps alive. Describes memory and
/// owns no device state; Ring::bind() makes a slot of it, where the device checks it once.
///
/// Copyable; reentrant.
class ACCEL_API Image {
 public:
    /// @param format a fourcc
    /// @param planes one to max_planes, in the format's order
    /// @throws Error invalid_argument when there are none or too many
    Image(std::uint32_t format, Size size, std::span<const Plane> planes,
          std::uint64_t modifier = linear_modifier);

    /// All planes in one buffer, from byte @p base on.
    /// @throws Error out_of_range when the buffer is too small
    Image(const Buffer& buffer, const ImageLayout& layout, std::uint64_t base = 0);

    std::uint32_t format() const noexcept { return format_; }
    Size size() const noexcept { return size_; }
    std::uint64_t modifier() const noexcept { return modifier_; }
    std::span<const Plane> planes() const noexcept { return planes_; }

 private:
    std::uint32_t format_;
    Size size_;
    std::uint64_t modifier_;
    std::vector<Plane> planes_;
};

}  // namespace accel
