// SPDX-License-Identifier: MIT
#pragma once

// Commands whose results were worked out by hand. The same table is for everything that runs
// operations: the functions of common/, and any device. It depends on nothing but the UAPI header.

#include <drm/drm_fourcc.h>
#include <drm/zaccel_accel.h>

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace test_support {

using Bytes = std::vector<std::uint8_t>;

/// What a command's slot holds: a range, or an image whose planes lie within the bytes.
struct VectorOperand {
    struct Plane {
        std::uint32_t offset;
        std::uint32_t pitch;
    };

    drm_zaccel_slot_kind kind = ZACCEL_SLOT_EMPTY;
    Bytes bytes{};
    std::uint32_t fourcc = 0;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::vector<Plane> planes{};
};

struct OpVector {
    std::string_view name;
    drm_zaccel_command command;  ///< slots and user data are for the runner to fill in
    VectorOperand dst;
    VectorOperand src;
    int status;            ///< 0, or a negative errno: then nothing is written
    std::uint64_t result;  ///< of the completion
    Bytes expected;        ///< what the destination's bytes are afterwards
};

/// A command without slots, with the operation's own structure in its arguments.
inline drm_zaccel_command make_command(drm_zaccel_opcode opcode) {
    drm_zaccel_command command{};
    command.opcode = static_cast<__u16>(opcode);
    return command;
}

template <typename Args>
drm_zaccel_command make_command(drm_zaccel_opcode opcode, const Args& args) {
    static_assert(sizeof(args) <= sizeof(drm_zaccel_command::args));
    drm_zaccel_command command = make_command(opcode);
    std::memcpy(command.args, &args, sizeof(args));
    return command;
}

/// All vectors. Bytes that no operation may touch are 0xee before and after.
const std::vector<OpVector>& op_vectors();

}  // namespace test_support
