// SPDX-License-Identifier: MIT

// What the operations themselves cost: the functions of common/ on this CPU, and in the machine the
// same functions as the library's caller has them run by the device.

#include <accel/accel.hpp>
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench.hpp"
#include "support/common.hpp"

namespace {

using accel::ImageLayout;
using accel::Size;
using bench::Case;
using bench::Item;
using bench::Mode;
using bench::Row;

// Instructions per pixel hardly depend on the size, and counting them is slow.
constexpr Size counted{320, 180};
constexpr Size small{640, 360};
constexpr Size large{1920, 1080};

/// Work to measure, wherever it is run: a command and what its operands are.
struct Work {
    std::string name;
    drm_zaccel_command command{};
    ImageLayout dst;
    ImageLayout src;
    Item item = Item::pixel;  ///< Item::byte: a range as long as the image, not the image.
};

drm_zaccel_command command_of(drm_zaccel_opcode opcode) {
    drm_zaccel_command command{};
    command.opcode = static_cast<__u16>(opcode);
    return command;
}

template <typename Args>
drm_zaccel_command command_of(drm_zaccel_opcode opcode, const Args& args) {
    drm_zaccel_command command = command_of(opcode);
    std::memcpy(command.args, &args, sizeof(args));
    return command;
}

std::string text_of(Size size) {
    return std::to_string(size.width) + "x" + std::to_string(size.height);
}

std::string name_of(std::uint32_t format) {
    return format == accel::fourcc::R8 ? "R8" : accel::fourcc_name(format);
}

Work convert(std::uint32_t dst, Size dst_size, std::uint32_t src, Size src_size,
             drm_zaccel_filter filter) {
    drm_zaccel_convert args{};
    args.filter = static_cast<__u8>(filter);
    std::string name = name_of(src) + " to " + name_of(dst) + " " + text_of(dst_size);
    if (filter == ZACCEL_FILTER_BILINEAR) name += dst_size == src_size ? " bilinear" : " scaled";
    return {name, command_of(ZACCEL_OP_CONVERT, args), ImageLayout::natural(dst, dst_size),
            ImageLayout::natural(src, src_size)};
}

Work filter(const char* name, const drm_zaccel_command& command, Size size) {
    const ImageLayout layout = ImageLayout::natural(accel::fourcc::XRGB8888, size);
    return {name + (" " + text_of(size)), command, layout, layout};
}

Work range(const char* name, const drm_zaccel_command& command, Size size) {
    Work work = filter(name, command, size);
    work.item = Item::byte;
    return work;
}

void add_conversions(std::vector<Work>& all, Size size) {
    using namespace accel::fourcc;
    for (const std::uint32_t format : {YUYV, NV12, YUV420, R8})
        all.push_back(convert(XRGB8888, size, format, size, ZACCEL_FILTER_NEAREST));
    for (const std::uint32_t format : {YUYV, NV12, YUV420, R8})
        all.push_back(convert(format, size, XRGB8888, size, ZACCEL_FILTER_NEAREST));
    all.push_back(convert(XRGB8888, size, NV12, size, ZACCEL_FILTER_BILINEAR));
    const Size half{size.width / 2, size.height / 2};
    all.push_back(convert(XRGB8888, size, NV12, half, ZACCEL_FILTER_BILINEAR));
}

void add_filters(std::vector<Work>& all, Size size) {
    all.push_back(filter("invert XR24", command_of(ZACCEL_OP_INVERT), size));
    drm_zaccel_convolve3x3 blur{};
    const __s16 coefficients[9] = {1, 2, 1, 2, 4, 2, 1, 2, 1};
    std::memcpy(blur.coefficients, coefficients, sizeof(coefficients));
    blur.shift = 4;
    all.push_back(filter("convolve3x3 XR24", command_of(ZACCEL_OP_CONVOLVE3X3, blur), size));
}

void add_ranges(std::vector<Work>& all, Size size) {
    const std::uint64_t bytes = std::uint64_t{size.width} * size.height * 4;
    drm_zaccel_fill fill{};
    fill.size = bytes;
    fill.pattern = 0x0123456789abcdef;
    drm_zaccel_copy copy{};
    copy.size = bytes;
    drm_zaccel_crc32c crc{};
    crc.size = bytes;
    all.push_back(range("fill", command_of(ZACCEL_OP_FILL, fill), size));
    all.push_back(range("copy", command_of(ZACCEL_OP_COPY, copy), size));
    all.push_back(range("crc32c", command_of(ZACCEL_OP_CRC32C, crc), size));
}

std::vector<Work> all_work(Size size) {
    std::vector<Work> all;
    add_conversions(all, size);
    add_filters(all, size);
    add_ranges(all, size);
    return all;
}

double items_of(const Work& work) {
    const double pixels = static_cast<double>(work.dst.size.width) * work.dst.size.height;
    return work.item == Item::pixel ? pixels : 4 * pixels;
}

// Noise takes every branch; the seed makes it the same each time.
void make_noise(std::span<std::byte> bytes) {
    std::minstd_rand random(1);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() >> 8);
}

/// Memory and operand of one side, for the functions of common/.
class Operand {
 public:
    Operand(const ImageLayout& layout, std::uint32_t kind)
        : memory_(static_cast<std::byte*>(std::aligned_alloc(64, (layout.bytes + 63) & ~63ull))) {
        if (!memory_) throw std::bad_alloc();
        make_noise({memory_.get(), layout.bytes});
        auto* const data = reinterpret_cast<u8*>(memory_.get());
        operand.kind = kind;
        operand.range = {data, layout.bytes};
        operand.image.format = zaccel_format_find(layout.format);
        operand.image.width = layout.size.width;
        operand.image.height = layout.size.height;
        for (std::size_t i = 0; i < layout.plane_count; i++)
            operand.image.planes[i] = {data + layout.planes[i].offset, layout.planes[i].pitch};
    }

    zaccel_operand operand{};

 private:
    struct Free {
        void operator()(std::byte* memory) const { std::free(memory); }
    };
    std::unique_ptr<std::byte, Free> memory_;
};

Case case_of(const Work& work, const std::string& suffix, std::function<void()> body) {
    return {.name = work.name + suffix,
            .body = std::move(body),
            .items = items_of(work),
            .item = work.item};
}

Case in_common(const Work& work) {
    const zaccel_op* op = zaccel_op_find(work.command.opcode);
    auto dst = std::make_shared<Operand>(work.dst, op->dst_kind);
    auto src = std::make_shared<Operand>(work.src, op->src_kind);
    if (zaccel_op_check(&work.command, &dst->operand, &src->operand) != 0)
        throw std::runtime_error(work.name + ": the command is wrong");
    const u64 units = op->units(work.command.args, &dst->operand, &src->operand);
    return case_of(work, "", [=, command = work.command] {
        u64 result = 0;
        op->run(command.args, &dst->operand, &src->operand, 0, units, &result);
    });
}

/// A buffer and its slot, of the kind that the operation wants.
struct Bound {
    accel::Buffer buffer;
    accel::Slot slot;

    Bound(const accel::Device& device, accel::Ring& ring, const ImageLayout& layout, Item item)
        : buffer(accel::Buffer::allocate(device, layout.bytes)),
          slot(item == Item::byte ? ring.bind(buffer) : ring.bind(accel::Image(buffer, layout))) {
        make_noise(buffer.map(accel::Access::write).bytes());
    }
};

Case on_device(const Work& work, const accel::Device& device,
               const std::shared_ptr<accel::Ring>& ring) {
    const zaccel_op* op = zaccel_op_find(work.command.opcode);
    auto dst = std::make_shared<Bound>(device, *ring, work.dst, work.item);
    auto src = std::make_shared<Bound>(device, *ring, work.src, work.item);

    accel::RawCommand raw{.opcode = work.command.opcode};
    std::ranges::copy(work.command.args, raw.args.begin());
    const auto command =
        accel::Command::raw(raw, op->dst_kind == ZACCEL_SLOT_EMPTY ? nullptr : &dst->slot,
                            op->src_kind == ZACCEL_SLOT_EMPTY ? nullptr : &src->slot);
    return case_of(work, ", device", [=] {
        ring->submit(command);
        if (const auto status = ring->reap().status) throw accel::Error(status);
        static_cast<void>(dst), static_cast<void>(src);
    });
}

std::vector<Case> cases(Mode mode) {
    std::vector<Case> all;
    if (mode == Mode::native) {
        for (const Size size : {small, large})
            for (const Work& work : all_work(size)) all.push_back(in_common(work));
        return all;
    }
    for (const Work& work : all_work(counted)) all.push_back(in_common(work));
    const accel::Device device = accel::Device::open();
    const auto ring = std::make_shared<accel::Ring>(device);
    for (const Work& work : all_work(counted)) all.push_back(on_device(work, device, ring));
    return all;
}

std::vector<Row> rows(Mode mode) { return bench::measure(mode, cases(mode)); }

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, rows); }
