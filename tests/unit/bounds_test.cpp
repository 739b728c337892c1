// SPDX-License-Identifier: MIT
// Whatever a command says, nothing outside its operands is touched: operands stand against pages
// that cannot be accessed, sources cannot be written, and what room is left on the other side must
// stay as it is. Commands and operands are random, most of them right or nearly so.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <random>
#include <system_error>
#include <utility>

#include "picture.hpp"
#include "support/op_vectors.hpp"

namespace {

/// Pages between two that cannot be accessed, with the bytes at one end of them.
class GuardedMemory {
 public:
    enum class Against { kFront, kBack };

    GuardedMemory(std::size_t size, Against against) : size_(size) {
        page_ = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        room_ = std::max<std::size_t>(1, (size + page_ - 1) / page_) * page_;
        void* mapping = ::mmap(nullptr, room_ + 2 * page_, PROT_NONE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapping == MAP_FAILED) throw std::system_error(errno, std::generic_category());
        pages_ = static_cast<std::uint8_t*>(mapping) + page_;
        protect(PROT_READ | PROT_WRITE);
        data_ = against == Against::kFront ? pages_ : pages_ + room_ - size;
    }
    ~GuardedMemory() { ::munmap(pages_ - page_, room_ + 2 * page_); }
    GuardedMemory(const GuardedMemory&) = delete;
    GuardedMemory& operator=(const GuardedMemory&) = delete;

    std::uint8_t* data() { return data_; }

    void fill(std::uint8_t outside, std::mt19937& random) {
        std::fill(pages_, pages_ + room_, outside);
        std::generate(data_, data_ + size_, [&] { return static_cast<std::uint8_t>(random()); });
    }

    bool outside_is(std::uint8_t value) const {
        const auto same = [value](std::uint8_t byte) { return byte == value; };
        return std::all_of(pages_, data_, same) && std::all_of(data_ + size_, pages_ + room_, same);
    }

    void protect(int protection) {
        if (::mprotect(pages_, room_, protection) != 0)
            throw std::system_error(errno, std::generic_category());
    }

 private:
    std::size_t size_;
    std::size_t page_;
    std::size_t room_;
    std::uint8_t* pages_;
    std::uint8_t* data_;
};

constexpr std::uint8_t kOutside = 0xee;

class Bounds : public testing::TestWithParam<unsigned> {
 protected:
    using Memories = std::vector<std::unique_ptr<GuardedMemory>>;

    struct Slot {
        zaccel_operand operand{};
        Memories memories;

        void protect(int protection) {
            for (auto& memory : memories) memory->protect(protection);
        }
        bool outside_is_intact() const {
            return std::all_of(memories.begin(), memories.end(),
                               [](const auto& memory) { return memory->outside_is(kOutside); });
        }
    };

    std::uint64_t below(std::uint64_t end) { return random_() % end; }
    bool one_in(unsigned n) { return below(n) == 0; }

    std::uint64_t any_number() {
        const std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();
        switch (below(6)) {
            case 0:
                return below(400);
            case 1:
                return huge - below(400);
            case 2:
                return std::uint64_t{1} << below(64);
            case 3:
                return (std::uint64_t{1} << below(64)) - 1;
            case 4:
                return (std::uint64_t{1} << 32) + below(400);
            default:
                return (std::uint64_t{random_()} << 32) | random_();
        }
    }

    std::uint8_t* allocate(Slot& slot, std::size_t size) {
        slot.memories.push_back(std::make_unique<GuardedMemory>(
            size, one_in(2) ? GuardedMemory::Against::kFront : GuardedMemory::Against::kBack));
        slot.memories.back()->fill(kOutside, random_);
        return slot.memories.back()->data();
    }

    Slot make_range() {
        Slot slot;
        const std::uint64_t size = below(400);
        slot.operand.kind = ZACCEL_SLOT_RANGE;
        slot.operand.range = {allocate(slot, size), size};
        return slot;
    }

    Slot make_image(const zaccel_format* format, std::uint32_t width, std::uint32_t height) {
        Slot slot;
        zaccel_image& image = slot.operand.image;
        slot.operand.kind = ZACCEL_SLOT_IMAGE;
        image = {.format = format, .width = width, .height = height, .planes = {}};
        for (unsigned plane = 0; plane < format->planes; plane++) {
            std::uint64_t bytes = 0;
            auto pitch = static_cast<std::uint32_t>(one_in(2) ? 0 : width * 4 + below(40));
            while (zaccel_plane_bytes(format, plane, width, height, pitch, &bytes) != 0) pitch++;
            image.planes[plane] = {allocate(slot, bytes), pitch};
        }
        return slot;
    }

    Slot make_image() {
        for (;;) {
            const zaccel_format* format = zaccel_format_at(static_cast<unsigned>(below(5)));
            const auto width = static_cast<std::uint32_t>(1 + below(one_in(8) ? 700 : 70));
            const auto height = static_cast<std::uint32_t>(1 + below(one_in(8) ? 100 : 12));
            if (zaccel_image_size_check(format, width, height) == 0)
                return make_image(format, width, height);
        }
    }

    Slot make_slot(std::uint32_t kind) {
        if (one_in(30)) kind = static_cast<std::uint32_t>(below(3));
        if (kind == ZACCEL_SLOT_RANGE) return make_range();
        return kind == ZACCEL_SLOT_IMAGE ? make_image() : Slot{};
    }

    std::pair<std::uint64_t, std::uint64_t> make_bytes(const Slot& slot) {
        const std::uint64_t room = slot.operand.range.size;
        if (one_in(8)) return {any_number(), any_number()};
        const std::uint64_t offset = below(room + 1);
        return {offset, one_in(4) ? room - offset : below(room - offset + 1)};
    }

    drm_zaccel_command make_args(const zaccel_op& op, const Slot& dst, const Slot& src) {
        using test_support::make_command;
        switch (op.opcode) {
            case ZACCEL_OP_FILL: {
                const auto [offset, size] = make_bytes(dst);
                return make_command(ZACCEL_OP_FILL, drm_zaccel_fill{offset, size, any_number()});
            }
            case ZACCEL_OP_COPY: {
                const auto [dst_offset, dst_size] = make_bytes(dst);
                const auto [src_offset, src_size] = make_bytes(src);
                return make_command(ZACCEL_OP_COPY, drm_zaccel_copy{dst_offset, src_offset,
                                                                    std::min(dst_size, src_size)});
            }
            case ZACCEL_OP_CRC32C: {
                const auto [offset, size] = make_bytes(src);
                return make_command(ZACCEL_OP_CRC32C, drm_zaccel_crc32c{offset, size, 1, 0});
            }
            case ZACCEL_OP_CONVERT:
                return make_command(ZACCEL_OP_CONVERT,
                                    drm_zaccel_convert{.src_matrix = static_cast<__u8>(below(2)),
                                                       .src_range = static_cast<__u8>(below(2)),
                                                       .dst_matrix = static_cast<__u8>(below(2)),
                                                       .dst_range = static_cast<__u8>(below(2)),
                                                       .filter = static_cast<__u8>(below(2)),
                                                       .pad = {}});
            case ZACCEL_OP_CONVOLVE3X3: {
                drm_zaccel_convolve3x3 args{};
                for (auto& coefficient : args.coefficients)
                    coefficient = static_cast<__s16>(any_number());
                args.bias = static_cast<__s16>(any_number());
                args.shift = static_cast<__u8>(below(17));
                return make_command(ZACCEL_OP_CONVOLVE3X3, args);
            }
            default:
                return make_command(static_cast<drm_zaccel_opcode>(op.opcode));
        }
    }

    void spoil(drm_zaccel_command& command) {
        auto* bytes = reinterpret_cast<std::uint8_t*>(&command);
        if (one_in(2))
            command.args[below(5)] = any_number();
        else
            bytes[below(sizeof(command))] = static_cast<std::uint8_t>(random_());
    }

    /// Runs it, in slices of any size that is allowed.
    static void run(const drm_zaccel_command& command, Slot& dst, Slot& src, std::uint64_t slice) {
        const zaccel_op* op = zaccel_op_find(command.opcode);
        const bool lines = op->dst_kind == ZACCEL_SLOT_IMAGE;
        EXPECT_EQ(
            unit::execute(command, &dst.operand, &src.operand, lines ? slice * 2 : slice).status,
            0);
    }

    std::mt19937 random_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Seeds, Bounds, testing::Range(1u, 9u));

TEST_P(Bounds, AreKeptByRandomCommands) {
    unsigned accepted = 0;
    for (int i = 0; i < 4000; i++) {
        const zaccel_op& op = *zaccel_op_at(static_cast<unsigned>(below(7)));
        Slot dst = make_slot(op.dst_kind);
        Slot src = make_slot(op.src_kind);
        // INVERT and CONVOLVE3X3 have use for nothing else.
        if (op.opcode > ZACCEL_OP_CONVERT && dst.operand.kind == ZACCEL_SLOT_IMAGE && !one_in(8)) {
            const zaccel_format* format = zaccel_format_at(static_cast<unsigned>(below(2)));
            dst = make_image(format, dst.operand.image.width, dst.operand.image.height);
            src = make_image(format, dst.operand.image.width, dst.operand.image.height);
        }

        drm_zaccel_command command = make_args(op, dst, src);
        if (one_in(4)) spoil(command);
        if (zaccel_op_check(&command, &dst.operand, &src.operand) != 0) continue;

        accepted++;
        src.protect(PROT_READ);
        run(command, dst, src, 1 + below(300));
        ASSERT_TRUE(dst.outside_is_intact()) << "opcode " << command.opcode << ", round " << i;
    }
    // Else the generator is of no use.
    EXPECT_GT(accepted, 2000u);
}

// Both operands in one piece of memory, so that they are often on top of each other.
TEST_P(Bounds, AreKeptByOperandsThatShareMemory) {
    unsigned accepted = 0, refused = 0;
    for (int i = 0; i < 4000; i++) {
        Slot dst = make_image(zaccel_format_find(DRM_FORMAT_R8), 8, 8);
        Slot src;
        src.operand = dst.operand;
        const std::uint32_t pitch = dst.operand.image.planes[0].pitch;
        const auto height = static_cast<std::uint32_t>(1 + below(8));
        const auto first = static_cast<std::uint32_t>(below(9 - height));
        const auto other = static_cast<std::uint32_t>(below(9 - height));
        dst.operand.image.height = src.operand.image.height = height;
        dst.operand.image.planes[0].data += first * pitch;
        src.operand.image.planes[0].data += other * pitch;

        const auto opcode = one_in(2) ? ZACCEL_OP_CONVERT : ZACCEL_OP_CONVOLVE3X3;
        const auto command = test_support::make_command(opcode);
        const bool apart = first + height <= other || other + height <= first;
        ASSERT_EQ(zaccel_op_check(&command, &dst.operand, &src.operand), apart ? 0 : -EINVAL);
        (apart ? accepted : refused)++;
        if (!apart) continue;
        run(command, dst, src, 1);
        ASSERT_TRUE(dst.outside_is_intact());
    }
    EXPECT_GT(accepted, 100u);
    EXPECT_GT(refused, 100u);
}

// Address space only: a page is there once it is touched.
class VastMemory : public testing::Test {
 protected:
    static constexpr std::uint64_t kSize = (std::uint64_t{6} << 30);

    VastMemory() {
        memory_ = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    ~VastMemory() override {
        if (memory_ != MAP_FAILED) ::munmap(memory_, kSize);
    }
    void SetUp() override { ASSERT_NE(memory_, MAP_FAILED); }

    std::uint8_t* data() { return static_cast<std::uint8_t*>(memory_); }

 private:
    void* memory_;
};

TEST_F(VastMemory, OffsetsAreNotCutTo32Bits) {
    const std::uint64_t offset = (std::uint64_t{4} << 30) + 100;
    const zaccel_operand range{.kind = ZACCEL_SLOT_RANGE, .range = {data(), kSize}, .image = {}};
    const auto command =
        test_support::make_command(ZACCEL_OP_FILL, drm_zaccel_fill{offset, 8, ~std::uint64_t{0}});

    EXPECT_EQ(unit::execute(command, &range, nullptr).status, 0);
    EXPECT_EQ(data()[offset], 0xff);
    EXPECT_EQ(data()[100], 0);
}

TEST_F(VastMemory, LinesAreNotCutTo32Bits) {
    zaccel_operand dst{};
    dst.kind = ZACCEL_SLOT_IMAGE;
    dst.image = {
        .format = zaccel_format_find(DRM_FORMAT_R8), .width = 1, .height = 6, .planes = {}};
    dst.image.planes[0] = {data(), 1u << 30};
    std::uint8_t source[6] = {1, 2, 3, 4, 5, 6};
    zaccel_operand src = dst;
    src.image.planes[0] = {source, 1};

    for (const auto opcode : {ZACCEL_OP_CONVERT, ZACCEL_OP_INVERT, ZACCEL_OP_CONVOLVE3X3}) {
        drm_zaccel_convolve3x3 identity{.coefficients = {0, 0, 0, 0, 1, 0, 0, 0, 0}};
        const auto command = opcode == ZACCEL_OP_CONVOLVE3X3
                                 ? test_support::make_command(opcode, identity)
                                 : test_support::make_command(opcode);
        EXPECT_EQ(unit::execute(command, &dst, &src).status, 0);
        for (std::uint64_t y = 0; y < 6; y++)
            EXPECT_EQ(data()[y << 30], opcode == ZACCEL_OP_INVERT ? 254 - y : y + 1) << opcode;
    }
}

}  // namespace
