// SPDX-License-Identifier: MIT
#pragma once

#include <accel/device.hpp>
#include <accel/export.hpp>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <system_error>

namespace accel {

class Ring;
class Slot;

/// Bytes of a slot, counted from the slot's own start.
struct ByteRange {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

/// As a size: all bytes from the offset to the slot's end.
inline constexpr std::uint64_t to_end = std::numeric_limits<std::uint64_t>::max();

/// All bytes of a slot.
inline constexpr ByteRange whole_slot{0, to_end};

/// What Command::copy() copies; sizes and offsets in bytes.
struct CopyRegion {
    std::uint64_t dst_offset = 0;
    std::uint64_t src_offset = 0;
    std::uint64_t size = to_end;  ///< to_end: as many as the source has from src_offset on.
};

/// YUV matrix coefficients.
enum class Matrix : std::uint8_t { bt601 = 0, bt709 };

/// Quantisation range of 8-bit YUV: limited is luma 16..235 and chroma 16..240.
enum class Range : std::uint8_t { limited = 0, full };

/// How samples between the source's are made.
enum class Filter : std::uint8_t { nearest = 0, bilinear };

/// What the numbers of a YUV or grey image mean; of no effect for an RGB one.
struct Colorimetry {
    Matrix matrix = Matrix::bt601;
    Range range = Range::limited;

    friend bool operator==(const Colorimetry&, const Colorimetry&) = default;
};

/// How Command::convert() converts.
struct ConvertOptions {
    Colorimetry source{};
    Colorimetry destination{};
    Filter filter = Filter::nearest;  ///< Used where the sizes differ, and for chroma.
};

/// A 3x3 convolution:
/// out = clamp(((sum of coefficients * samples + 2^(shift-1)) >> shift) + bias), 0..255.
struct Kernel3x3 {
    std::array<std::int16_t, 9> coefficients{0, 0, 0, 0, 1, 0, 0, 0, 0};  ///< Row by row.
    std::uint8_t shift = 0;                                               ///< 0..15
    std::int16_t bias = 0;                                                ///< Added last.
};

/// The bits of a device's own command, as Command::raw() takes them.
struct RawCommand {
    std::uint16_t opcode = 0;
    std::uint16_t flags = 0;  ///< The batch's own flags are set by the Ring.
    std::array<std::uint64_t, 5> args{};
};

/// One command: a plain value of 64 bytes, made by one of the static functions below and handed to
/// Ring or Accelerator. It names its operands by slot, so each Slot must live until the command is
/// submitted; afterwards the device holds what it needs.
///
/// The functions check what only the library can know: they throw Error(invalid_argument) when a
/// Slot is moved-from or when two Slots belong to different rings. Everything else (kinds, ranges,
/// formats) the device checks, and says so in the Completion's status.
///
/// Copyable; reentrant.
class ACCEL_API Command {
 public:
    /// A nop().
    Command() noexcept = default;

    /// Does nothing and completes. Result 0.
    static Command nop() noexcept { return {}; }

    /// Stores @p pattern (little endian) again and again. @p dst holds a range.
    /// @param range need not be a multiple of 8 bytes; out of the slot: status out_of_range
    /// Result: bytes done.
    static Command fill(const Slot& dst, std::uint64_t pattern, ByteRange range = whole_slot);

    /// Copies bytes. Both slots hold ranges, which must not overlap (status invalid_argument).
    /// Result: bytes done.
    static Command copy(const Slot& dst, const Slot& src, CopyRegion region = {});

    /// Checksum of Castagnoli, as iSCSI has it. @p src holds a range. Result: the checksum.
    /// @param seed the checksum of what comes before; 0 starts
    static Command crc32c(const Slot& src, ByteRange range = whole_slot, std::uint32_t seed = 0);

    /// Turns the whole source image into the whole destination image: format, colour and size.
    static Command convert(const Slot& dst, const Slot& src, const ConvertOptions& options = {});

    /// Inverts each colour component. Images of the same format and size.
    static Command invert(const Slot& dst, const Slot& src);

    /// Convolves each colour component; outside of the image its nearest edge stands. Images of the
    /// same format and size.
    static Command convolve3x3(const Slot& dst, const Slot& src, const Kernel3x3& kernel);

    /// Any command, an engine's own ones above all. A null pointer stands for no operand. Nothing
    /// is checked before the device does.
    static Command raw(const RawCommand& raw, const Slot* dst = nullptr, const Slot* src = nullptr);

    /// The same command with a number that comes back in its Completion.
    Command with_user_data(std::uint64_t user_data) const noexcept {
        Command copy = *this;
        copy.words_[1] = user_data;
        return copy;
    }

    std::uint64_t user_data() const noexcept { return words_[1]; }

 private:
    static std::uint32_t operand(const Slot& slot, std::uint32_t& tag);
    static Command assemble(const void* kernel_command, const Slot* dst, const Slot* src);

    // The layout of the kernel's struct, checked in command.cpp.
    std::array<std::uint64_t, 8> words_{};
};

static_assert(sizeof(Command) == 64);

/// What became of a command. A plain value.
struct Completion {
    std::uint64_t user_data = 0;  ///< Command::with_user_data()
    std::uint64_t result = 0;     ///< The operation's own: a checksum, bytes done, or 0.

    /// Success, or why the command failed: invalid_argument, bad_slot, out_of_range, not_supported,
    /// canceled (never run: an earlier command of its batch failed, or the device went), timed_out,
    /// io_error, ...
    std::error_code status{};

    /// When its batch completed (CLOCK_MONOTONIC).
    std::chrono::steady_clock::time_point time{};

    bool ok() const noexcept { return !status; }
};

}  // namespace accel
