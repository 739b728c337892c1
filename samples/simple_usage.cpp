// SPDX-License-Identifier: MIT
// Submits a pack of commands and a vector of commands, and waits for them both ways.

#include <cstdint>
#include <iostream>
#include <vector>

#include <accel/accel.hpp>

namespace {

using accel::Command;
using accel::Completion;

constexpr std::uint64_t buffer_size = std::uint64_t{64} * 1024;

bool expect(bool good, const char* what) {
    std::cout << (good ? "ok    " : "WRONG ") << what << '\n';
    return good;
}

bool all_filled_with(const accel::Buffer& buffer, std::uint8_t value) {
    const accel::Mapping mapping = buffer.map(accel::Access::read);
    for (const std::byte byte : mapping.bytes())
        if (byte != std::byte{value}) return false;
    return true;
}

// One batch from a pack: fill one buffer, copy it to the other, take both checksums.
bool submit_a_pack(accel::Accelerator& accelerator, const accel::Buffer& to,
                   const accel::Slot& from_slot, const accel::Slot& to_slot) {
    accelerator.submit(Command::fill(from_slot, 0x5a5a5a5a5a5a5a5a),
                       Command::copy(to_slot, from_slot), Command::crc32c(from_slot),
                       Command::crc32c(to_slot));

    Completion filled, copied, from_sum, to_sum;
    accelerator.wait(filled, copied, from_sum, to_sum);

    return expect(filled.ok() && filled.result == buffer_size, "the fill did every byte") &&
           expect(copied.ok() && copied.result == buffer_size, "the copy did every byte") &&
           expect(from_sum.ok() && from_sum.result == to_sum.result, "the checksums agree") &&
           expect(all_filled_with(to, 0x5a), "the CPU reads what the accelerator copied");
}

// One batch from a vector: as many pieces as it takes, each told from the others by its number.
bool submit_a_vector(accel::Accelerator& accelerator, const accel::Slot& slot) {
    constexpr std::uint64_t pieces = 16;
    constexpr std::uint64_t piece_size = buffer_size / pieces;

    std::vector<Command> commands;
    commands.reserve(pieces);
    for (std::uint64_t i = 0; i < pieces; i++)
        commands.push_back(Command::fill(slot, i, {i * piece_size, piece_size}).with_user_data(i));
    accelerator.submit(commands);

    bool in_order = true;
    std::uint64_t next = 0;
    for (const Completion& completion : accelerator.wait())
        in_order &= completion.ok() && completion.user_data == next++;
    return expect(in_order && next == pieces, "every piece completed, in order");
}

}  // namespace

int main() try {
    accel::Accelerator accelerator;
    std::cout << "device " << accelerator.device().info().path << ", engine "
              << accelerator.device().info().engines.front().name << '\n';

    const auto from = accel::Buffer::allocate(accelerator.device(), buffer_size);
    const auto to = accel::Buffer::allocate(accelerator.device(), buffer_size);
    const accel::Slot from_slot = accelerator.bind(from);
    const accel::Slot to_slot = accelerator.bind(to);

    const bool pack = submit_a_pack(accelerator, to, from_slot, to_slot);
    const bool vector = submit_a_vector(accelerator, from_slot);
    return pack && vector ? 0 : 1;
} catch (const accel::Error& error) {
    std::cerr << "simple_usage: " << error.what() << '\n';
    return 1;
}
