// SPDX-License-Identifier: MIT
#pragma once

// Entries of a submission queue, and arguments of the calls that fill slots.

#include <drm/zaccel_accel.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "support/op_vectors.hpp"

namespace uapi_tests {

inline drm_zaccel_command with(drm_zaccel_command command, unsigned flags) {
    command.flags = static_cast<__u16>(command.flags | flags);
    return command;
}

inline drm_zaccel_command with_end(drm_zaccel_command command) {
    return with(command, ZACCEL_CMD_END);
}

inline drm_zaccel_command nop(std::uint64_t user_data = 0) {
    drm_zaccel_command command = test_support::make_command(ZACCEL_OP_NOP);
    command.user_data = user_data;
    return command;
}

inline drm_zaccel_command fill(std::uint32_t dst, std::uint64_t offset, std::uint64_t size,
                               std::uint64_t pattern) {
    drm_zaccel_fill args{};
    args.offset = offset;
    args.size = size;
    args.pattern = pattern;
    drm_zaccel_command command = test_support::make_command(ZACCEL_OP_FILL, args);
    command.dst = dst;
    return command;
}

inline drm_zaccel_command copy(std::uint32_t dst, std::uint32_t src, std::uint64_t dst_offset,
                               std::uint64_t src_offset, std::uint64_t size) {
    drm_zaccel_copy args{};
    args.dst_offset = dst_offset;
    args.src_offset = src_offset;
    args.size = size;
    drm_zaccel_command command = test_support::make_command(ZACCEL_OP_COPY, args);
    command.dst = dst;
    command.src = src;
    return command;
}

inline drm_zaccel_command crc32c(std::uint32_t src, std::uint64_t offset, std::uint64_t size,
                                 std::uint32_t seed = 0) {
    drm_zaccel_crc32c args{};
    args.offset = offset;
    args.size = size;
    args.seed = seed;
    drm_zaccel_command command = test_support::make_command(ZACCEL_OP_CRC32C, args);
    command.src = src;
    return command;
}

inline drm_zaccel_command wait_point(std::uint32_t src, std::uint64_t point = 0) {
    drm_zaccel_point args{};
    args.point = point;
    drm_zaccel_command command = test_support::make_command(ZACCEL_OP_WAIT, args);
    command.src = src;
    return command;
}

inline drm_zaccel_command signal_point(std::uint32_t dst, std::uint64_t point = 0) {
    drm_zaccel_point args{};
    args.point = point;
    drm_zaccel_command command = test_support::make_command(ZACCEL_OP_SIGNAL, args);
    command.dst = dst;
    return command;
}

inline drm_zaccel_command exec(std::uint32_t src, std::uint64_t offset, std::uint32_t count) {
    drm_zaccel_exec args{};
    args.offset = offset;
    args.count = count;
    drm_zaccel_command command = test_support::make_command(ZACCEL_OP_EXEC, args);
    command.src = src;
    return command;
}

/// The same command with its arguments elsewhere; the caller puts them there.
inline drm_zaccel_command with_params(drm_zaccel_command command, std::uint32_t slot,
                                      std::uint32_t size, std::uint64_t offset = 0) {
    drm_zaccel_params params{};
    params.slot = slot;
    params.size = size;
    params.offset = offset;
    std::memset(command.args, 0, sizeof(command.args));
    std::memcpy(command.args, &params, sizeof(params));
    return with(command, ZACCEL_CMD_PARAMS);
}

inline drm_zaccel_command image_command(drm_zaccel_opcode opcode, std::uint32_t dst,
                                        std::uint32_t src) {
    drm_zaccel_command command = test_support::make_command(opcode);
    command.dst = dst;
    command.src = src;
    return command;
}

/// As the last of its batch: the batch neither heeds nor leaves implicit fences.
inline drm_zaccel_command with_explicit_sync(drm_zaccel_command command) {
    command.flags = static_cast<__u16>(command.flags | ZACCEL_CMD_EXPLICIT_SYNC);
    return command;
}

inline drm_zaccel_plane plane(std::uint32_t handle, std::uint32_t pitch, std::uint64_t offset = 0) {
    drm_zaccel_plane p{};
    p.handle = handle;
    p.pitch = pitch;
    p.offset = offset;
    return p;
}

/// Good arguments for a range; the ring is the caller's to fill in.
inline drm_zaccel_ring_bind range_args(std::uint32_t slot, std::uint32_t handle,
                                       std::uint64_t offset, std::uint64_t size) {
    drm_zaccel_ring_bind args{};
    args.slot = slot;
    args.kind = ZACCEL_SLOT_RANGE;
    args.planes[0].handle = handle;
    args.planes[0].offset = offset;
    args.planes[0].size = size;
    return args;
}

/// The same for a syncobj.
inline drm_zaccel_ring_bind syncobj_args(std::uint32_t slot, std::uint32_t handle) {
    drm_zaccel_ring_bind args{};
    args.slot = slot;
    args.kind = ZACCEL_SLOT_SYNCOBJ;
    args.planes[0].handle = handle;
    return args;
}

/// The same for an image.
inline drm_zaccel_ring_bind image_args(std::uint32_t slot, std::uint32_t fourcc,
                                       std::uint32_t width, std::uint32_t height,
                                       std::initializer_list<drm_zaccel_plane> planes) {
    drm_zaccel_ring_bind args{};
    args.slot = slot;
    args.kind = ZACCEL_SLOT_IMAGE;
    args.fourcc = fourcc;
    args.width = width;
    args.height = height;
    std::size_t i = 0;
    for (const drm_zaccel_plane& p : planes) args.planes[i++] = p;
    return args;
}

}  // namespace uapi_tests
