// SPDX-License-Identifier: MIT
#include <accel/command.hpp>

#include <bit>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include <accel/ring.hpp>

#include "common.hpp"
#include "failure.hpp"
#include "ring_impl.hpp"

namespace accel {

static_assert(sizeof(Command) == sizeof(drm_zaccel_command));
static_assert(alignof(Command) == alignof(drm_zaccel_command));
static_assert(std::is_trivially_copyable_v<Command>);
static_assert(offsetof(drm_zaccel_command, user_data) == sizeof(std::uint64_t));

namespace {

template <class Args>
drm_zaccel_command make(drm_zaccel_opcode opcode, const Args& args) {
    static_assert(sizeof(Args) <= sizeof(drm_zaccel_command::args));
    drm_zaccel_command command{};
    command.opcode = static_cast<__u16>(opcode);
    std::memcpy(command.args, &args, sizeof(args));
    return command;
}

std::uint64_t resolved(std::uint64_t size, std::uint64_t offset, std::uint64_t slot_size) {
    // An offset behind the end leaves a size that the device refuses.
    return size == to_end && offset <= slot_size ? slot_size - offset : size;
}

drm_zaccel_convert convert_args(const ConvertOptions& options) {
    drm_zaccel_convert args{};
    args.src_matrix = static_cast<__u8>(options.source.matrix);
    args.src_range = static_cast<__u8>(options.source.range);
    args.dst_matrix = static_cast<__u8>(options.destination.matrix);
    args.dst_range = static_cast<__u8>(options.destination.range);
    args.filter = static_cast<__u8>(options.filter);
    return args;
}

static_assert(static_cast<int>(Matrix::bt709) == ZACCEL_MATRIX_BT709);
static_assert(static_cast<int>(Range::full) == ZACCEL_RANGE_FULL);
static_assert(static_cast<int>(Filter::bilinear) == ZACCEL_FILTER_BILINEAR);
static_assert(static_cast<int>(Operation::convolve3x3) == ZACCEL_OP_CONVOLVE3X3);
static_assert(engine_operations == ZACCEL_OPCODE_ENGINE_BASE);

}  // namespace

// Puts one operand in. While a command is in user space its pad carries the tag of the ring whose
// slots it names; the Ring checks that and clears it.
std::uint32_t Command::operand(const Slot& slot, std::uint32_t& tag) {
    if (!slot) detail::fail(Errc::invalid_argument, "command with a moved-from Slot");
    if (tag != 0 && tag != slot.ring_->tag)
        detail::fail(Errc::invalid_argument, "command with Slots of two rings");
    tag = slot.ring_->tag;
    return slot.index_;
}

Command Command::assemble(const void* kernel_command, const Slot* dst, const Slot* src) {
    drm_zaccel_command command;
    std::memcpy(&command, kernel_command, sizeof(command));

    std::uint32_t tag = 0;
    if (dst) command.dst = operand(*dst, tag);
    if (src) command.src = operand(*src, tag);
    command.pad = tag;
    return std::bit_cast<Command>(command);
}

Command Command::fill(const Slot& dst, std::uint64_t pattern, ByteRange range) {
    drm_zaccel_fill args{};
    args.offset = range.offset;
    args.size = resolved(range.size, range.offset, dst.size());
    args.pattern = pattern;
    const drm_zaccel_command command = make(ZACCEL_OP_FILL, args);
    return assemble(&command, &dst, nullptr);
}

Command Command::copy(const Slot& dst, const Slot& src, CopyRegion region) {
    drm_zaccel_copy args{};
    args.dst_offset = region.dst_offset;
    args.src_offset = region.src_offset;
    args.size = resolved(region.size, region.src_offset, src.size());
    const drm_zaccel_command command = make(ZACCEL_OP_COPY, args);
    return assemble(&command, &dst, &src);
}

Command Command::crc32c(const Slot& src, ByteRange range, std::uint32_t seed) {
    drm_zaccel_crc32c args{};
    args.offset = range.offset;
    args.size = resolved(range.size, range.offset, src.size());
    args.seed = seed;
    const drm_zaccel_command command = make(ZACCEL_OP_CRC32C, args);
    return assemble(&command, nullptr, &src);
}

Command Command::convert(const Slot& dst, const Slot& src, const ConvertOptions& options) {
    const drm_zaccel_command command = make(ZACCEL_OP_CONVERT, convert_args(options));
    return assemble(&command, &dst, &src);
}

Command Command::invert(const Slot& dst, const Slot& src) {
    drm_zaccel_command command{};
    command.opcode = ZACCEL_OP_INVERT;
    return assemble(&command, &dst, &src);
}

Command Command::convolve3x3(const Slot& dst, const Slot& src, const Kernel3x3& kernel) {
    drm_zaccel_convolve3x3 args{};
    std::memcpy(args.coefficients, kernel.coefficients.data(), sizeof(args.coefficients));
    args.bias = kernel.bias;
    args.shift = kernel.shift;
    const drm_zaccel_command command = make(ZACCEL_OP_CONVOLVE3X3, args);
    return assemble(&command, &dst, &src);
}

Command Command::raw(const RawCommand& raw, const Slot* dst, const Slot* src) {
    drm_zaccel_command command{};
    command.opcode = raw.opcode;
    command.flags = raw.flags;
    std::memcpy(command.args, raw.args.data(), sizeof(command.args));
    return assemble(&command, dst, src);
}

}  // namespace accel
