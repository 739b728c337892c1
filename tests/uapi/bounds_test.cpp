// SPDX-License-Identifier: MIT

// Commands that reach out of what is bound, changed while they are fetched: what lies around it
// stays as it is, and so do the buffers of others.

#include <drm/drm_fourcc.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <vector>

#include "fixture.hpp"
#include "hostile.hpp"
#include "neighbour.hpp"
#include "ring.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint8_t canary = 0xc5;

/// A buffer of which only the page in the middle is bound, or none.
class Guarded {
 public:
    explicit Guarded(const Fd& device) : buffer_(device, 3 * page), memory_(buffer_.map()) {
        std::fill(memory_.bytes().begin(), memory_.bytes().end(), canary);
    }

    std::uint32_t handle() const { return buffer_.handle(); }
    bool intact() const {
        return untouched(memory_.bytes().first(page)) && untouched(memory_.bytes().last(page));
    }
    bool wholly_intact() const { return untouched(memory_.bytes()); }

 private:
    static bool untouched(std::span<const std::uint8_t> bytes) {
        return std::all_of(bytes.begin(), bytes.end(), [](auto byte) { return byte == canary; });
    }

    Buffer buffer_;
    Mapping memory_;
};

/// Another client, that counts how often its own bytes are not what it wrote.
class Bystander {
 public:
    Bystander() { check(ring_.bind_range(0, buffer_, 0, page), "bind"); }

    void write_and_look() {
        const std::vector<drm_zaccel_completion> done =
            ring_.run({fill(0, 0, page, 0x6161616161616161), crc32c(0, 0, page)});
        if (sum_ == 0) sum_ = done[1].result;
        rounds_++;
        wrong_ += done[0].status != 0 || done[1].status != 0 || done[1].result != sum_;
    }

    int rounds() const { return rounds_; }
    int wrong() const { return wrong_; }

 private:
    Fd file_ = open_device();
    Buffer buffer_{file_, page};
    Ring ring_{file_};
    std::uint64_t sum_ = 0;
    std::atomic<int> rounds_ = 0, wrong_ = 0;
};

class Bounds : public CountedTest {
 protected:
    /// Slots; there is none behind the images.
    enum : std::uint32_t { first, second, source, target, slots };

    Bounds() {
        const auto xrgb = [](std::uint32_t slot, const Guarded& in) {
            return image_args(slot, DRM_FORMAT_XRGB8888, 32, 32, {plane(in.handle(), 128, page)});
        };
        EXPECT_EQ(ring_.bind(range_args(first, ranges_[0].handle(), page, page)), 0);
        EXPECT_EQ(ring_.bind(range_args(second, ranges_[1].handle(), page, page)), 0);
        EXPECT_EQ(ring_.bind(xrgb(source, images_[0])), 0);
        EXPECT_EQ(ring_.bind(xrgb(target, images_[1])), 0);
    }

    /// A word of a command: good here, bad there.
    static std::uint64_t number(Random& random) {
        static constexpr std::uint64_t numbers[] = {
            0, 8, 64, page - 64, page - 8, page, page + 8, 1ULL << 32, 1ULL << 63, ~0ULL};
        return numbers[random.below(std::size(numbers))];
    }

    /// Changes where a command of the queue reads or writes, and how much.
    void change_a_command(Random& random) const {
        drm_zaccel_command& command = ring_.entry(random.below(ring_.args().sq_entries));
        const std::uint32_t word = random.below(8);
        if (word < 3)
            std::atomic_ref(command.args[word]).store(number(random));
        else if (word == 3)
            std::atomic_ref(command.dst).store(random.below(slots + 1));
        else if (word == 4)
            std::atomic_ref(command.src).store(random.below(slots + 1));
    }

    /// A batch of commands that are good as they are put there.
    void run_batch() {
        for (const drm_zaccel_command& command :
             {fill(first, 0, page, 0x1111111111111111), copy(second, first, 8, 0, page - 8),
              image_command(ZACCEL_OP_INVERT, target, source), fill(second, 64, 64, 2),
              image_command(ZACCEL_OP_CONVERT, target, source), copy(first, second, 0, 64, 64)})
            ring_.put(with(command, ZACCEL_CMD_CONTINUE));
        ring_.put(with_end(nop()));
        ASSERT_EQ(ring_.submit(), 0);
        ring_.wait_for(ring_.sq_tail());
        for (const drm_zaccel_completion& completion : ring_.reap())
            completion.status == 0 ? ran_++ : refused_++;
    }

    bool enough() const { return ran_ >= 300 && refused_ >= 300 && bystander_.rounds() >= 30; }

    Neighbour neighbour_;
    Fd device_ = open_device();
    std::array<Guarded, 2> ranges_{Guarded(device_), Guarded(device_)};
    std::array<Guarded, 2> images_{Guarded(device_), Guarded(device_)};
    Guarded unbound_{device_};
    Ring ring_{device_, {16, 16, slots}};
    Bystander bystander_;
    int ran_ = 0, refused_ = 0;
};

TEST_F(Bounds, HoldWhileCommandsChange) {
    {
        const Loop changes([this, random = Random(21)]() mutable { change_a_command(random); });
        const Loop goes_on([this] { bystander_.write_and_look(); });
        EXPECT_TRUE(eventually([this] {
            run_batch();
            return HasFatalFailure() || enough();
        })) << ran_
            << " ran, " << refused_ << " refused";
    }
    for (const Guarded* guarded : {&ranges_[0], &ranges_[1], &images_[0], &images_[1]})
        EXPECT_TRUE(guarded->intact());
    EXPECT_TRUE(unbound_.wholly_intact());
    EXPECT_EQ(bystander_.wrong(), 0);
}

}  // namespace
}  // namespace uapi_tests
