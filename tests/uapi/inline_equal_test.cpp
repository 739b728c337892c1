// SPDX-License-Identifier: MIT

// Where a batch runs makes no difference to anybody: the same batches leave the same bytes,
// statuses, results and fences inside the doorbell, on the engine's thread and on a poller's CPU,
// whoever else sees the buffers.

#include <drm/drm_fourcc.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "hostile.hpp"
#include "inline.hpp"
#include "poll.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// Slots; some behind them are empty, or do not exist. Nothing writes to the script.
enum : std::uint32_t {
    bytes,
    more_bytes,
    whole,
    params,
    list,
    given,
    timeline,
    xrgb,
    xrgb_too,
    grey,
    grey_too,
    nv12,
    yuyv,
    slots
};

/// What is left of a course of batches.
struct Outcome {
    std::vector<std::uint8_t> bytes;
    std::vector<std::vector<std::uint64_t>> completions;  ///< user_data, status, result, flags
    std::vector<int> fences;                              ///< of the out-syncobjs
    std::uint64_t point = 0;

    friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Whose a buffer is: fences in one that others see are theirs to wait for, too.
enum class Whose { its_own, exported, imported };

class Bytes {
 public:
    Bytes(const Fd& device, std::size_t size, Whose whose)
        : foreign_(whose == Whose::imported ? std::optional<Udmabuf>(size) : std::nullopt),
          buffer_(foreign_ ? Buffer::import(device, foreign_->dmabuf().get())
                           : Buffer(device, size)) {
        if (whose == Whose::exported) dmabuf_ = buffer_.export_dmabuf();
        if (!foreign_) mapping_ = buffer_.map();
    }

    std::uint32_t handle() const { return buffer_.handle(); }
    const Buffer& buffer() const { return buffer_; }
    std::uint8_t* data() const { return foreign_ ? foreign_->memory().data() : mapping_.data(); }

 private:
    std::optional<Udmabuf> foreign_;
    Buffer buffer_;
    Fd dmabuf_;
    Mapping mapping_;
};

RingOptions course_options(bool by_poller) {
    RingOptions options = by_poller ? polled() : RingOptions();
    options.slots = slots + 2;
    return options;
}

class Course {
 public:
    Course(const Fd& device, std::uint64_t seed, Whose whose, bool by_poller)
        : random_(seed),
          device_(device),
          by_poller_(by_poller),
          buffer_(device, 2 * page, whose),
          script_(device, 8 * page, whose),
          ring_(device, course_options(by_poller)) {
        given_.signal_point(5);
        bind_bytes();
        bind_image(xrgb, DRM_FORMAT_XRGB8888, 8, {plane(buffer_.handle(), 32, 0)});
        bind_image(xrgb_too, DRM_FORMAT_XRGB8888, 8, {plane(buffer_.handle(), 40, 1024)});
        bind_image(grey, DRM_FORMAT_R8, 8, {plane(buffer_.handle(), 8, 2048)});
        bind_image(grey_too, DRM_FORMAT_R8, 8, {plane(buffer_.handle(), 9, 2000)});
        bind_image(nv12, DRM_FORMAT_NV12, 10,
                   {plane(buffer_.handle(), 16, 2560), plane(buffer_.handle(), 16, 3072)});
        bind_image(yuyv, DRM_FORMAT_YUYV, 6, {plane(buffer_.handle(), 12, 3584)});
        for (std::size_t i = 0; i < 2 * page; i++)
            buffer_.data()[i] = static_cast<std::uint8_t>(random_.word());
    }

    Outcome run(unsigned doorbells) {
        for (unsigned i = 0; i < doorbells; i++) {
            put_batches();
            const bool kicks = random_.chance(4);
            if (by_poller_)
                check(send(ring_), "doorbell");
            else
                kicks ? kick_doorbell() : submit_with_syncobjs();
            ring_.wait_for(ring_.sq_tail());
            for (const drm_zaccel_completion& done : ring_.reap())
                outcome_.completions.push_back({done.user_data,
                                                static_cast<std::uint64_t>(done.status),
                                                done.result, done.flags});
        }
        outcome_.bytes.assign(buffer_.data(), buffer_.data() + 2 * page);
        outcome_.point = timeline_.value();
        return outcome_;
    }

 private:
    void bind_bytes() {
        check(ring_.bind_range(bytes, buffer_.buffer(), 0, page), "bind");
        check(ring_.bind_range(more_bytes, buffer_.buffer(), page, page / 2), "bind");
        check(ring_.bind_range(whole, buffer_.buffer(), 0, 2 * page), "bind");
        check(ring_.bind_range(params, script_.buffer(), 0, page), "bind");
        check(ring_.bind_range(list, script_.buffer(), page, 7 * page), "bind");
        check(ring_.bind_syncobj(given, given_.handle()), "bind");
        check(ring_.bind_syncobj(timeline, timeline_.handle()), "bind");
    }

    void bind_image(std::uint32_t slot, std::uint32_t fourcc, std::uint32_t size,
                    std::initializer_list<drm_zaccel_plane> planes) {
        check(ring_.bind(image_args(slot, fourcc, size, size, planes)), "bind");
    }

    /// The script is written once for each doorbell: nothing of it is used twice.
    void put_batches() {
        params_used_ = list_used_ = 0;
        for (std::uint32_t i = random_.below(4) + 1; i > 0; i--) put_batch();
    }

    void put_batch() {
        std::vector<drm_zaccel_command> batch;
        if (random_.chance(3)) batch.push_back(wait_point(given, random_.below(8)));
        for (std::uint32_t i = random_.below(8) + 1; i > 0; i--)
            batch.push_back(flagged(any_command()));
        if (random_.chance(3)) batch.push_back(signal_point(timeline, ++point_));
        if (random_.chance(4)) batch.back() = with_explicit_sync(batch.back());
        for (drm_zaccel_command& command : batch) command.user_data = random_.word();
        ring_.put_batch(batch);
    }

    drm_zaccel_command flagged(drm_zaccel_command command) {
        if (random_.chance(2)) command = with(command, ZACCEL_CMD_CONTINUE);
        if (random_.chance(4)) command = with(command, ZACCEL_CMD_TIMESTAMP);
        if (random_.chance(60))
            command = with(command, 1U << random_.below(16) & ~unsigned{ZACCEL_CMD_END});
        return command;
    }

    drm_zaccel_command any_command() {
        if (random_.chance(10)) return exec_of_some();
        if (random_.chance(40)) return wait_point(given, 1);
        const drm_zaccel_command command = plain_command();
        return random_.chance(5) ? moved(command) : command;
    }

    /// One in many has a slot or place that is no good.
    drm_zaccel_command plain_command() {
        switch (random_.below(8)) {
            case 0:
                return fill(range_slot(), place(), length(), random_.word());
            case 1:
                return copy(range_slot(), range_slot(), place(), place(), length());
            case 2:
                return crc32c(range_slot(), place(), length(), random_.half());
            case 3:
                return image_command(ZACCEL_OP_INVERT, image_slot(), image_slot());
            case 4:
                return convert();
            case 5:
                return convolve();
            case 6:
                return random_.chance(4)
                           ? image_command(static_cast<drm_zaccel_opcode>(random_.below(70)),
                                           slot(), slot())
                           : inverted();
            default:
                return nop();
        }
    }

    drm_zaccel_command inverted() {
        const std::uint32_t image = image_slot();
        return image_command(ZACCEL_OP_INVERT, image, image);
    }

    drm_zaccel_command convert() {
        drm_zaccel_convert args{};
        for (__u8* field :
             {&args.src_matrix, &args.src_range, &args.dst_matrix, &args.dst_range, &args.filter})
            *field = random_.chance(50) ? 2 : random_.chance(2);
        return between_images(test_support::make_command(ZACCEL_OP_CONVERT, args));
    }

    drm_zaccel_command convolve() {
        drm_zaccel_convolve3x3 args{};
        for (__s16& coefficient : args.coefficients)
            coefficient = static_cast<__s16>(random_.below(64));
        args.shift = static_cast<__u8>(random_.below(17));
        return between_images(test_support::make_command(ZACCEL_OP_CONVOLVE3X3, args));
    }

    drm_zaccel_command between_images(drm_zaccel_command command) {
        command.dst = image_slot();
        command.src = image_slot();
        return command;
    }

    /// The same with its arguments in a block.
    drm_zaccel_command moved(const drm_zaccel_command& command) {
        const std::uint64_t offset = params_used_;
        params_used_ += sizeof(command.args);
        if (params_used_ > page) return command;
        std::memcpy(script_.data() + offset, command.args, sizeof(command.args));
        return with_params(command, params, sizeof(command.args), offset);
    }

    drm_zaccel_command exec_of_some() {
        const std::uint32_t count = random_.below(6) + 1;
        const std::uint64_t offset = list_used_;
        list_used_ += count * sizeof(drm_zaccel_command);
        if (list_used_ > 7 * page) return nop();
        for (std::uint32_t i = 0; i < count; i++) {
            drm_zaccel_command command = plain_command();
            if (random_.chance(2)) command = with(command, ZACCEL_CMD_CONTINUE);
            std::memcpy(script_.data() + page + offset + i * sizeof(command), &command,
                        sizeof(command));
        }
        return exec(list, offset, count);
    }

    /// Any at all but for the script's.
    std::uint32_t slot() { return given + random_.below(slots + 4 - given); }
    std::uint32_t range_slot() { return random_.chance(30) ? slot() : random_.below(whole + 1); }
    std::uint32_t image_slot() {
        return random_.chance(30) ? slot() : xrgb + random_.below(slots - xrgb);
    }
    std::uint64_t place() {
        return random_.chance(30) ? random_.number() : random_.below(page / 2);
    }
    std::uint64_t length() {
        return random_.chance(30) ? random_.number() : random_.below(page / 4);
    }

    void kick_doorbell() {
        ring_.publish();
        check(kick(fd_) > 0 ? 0 : EIO, "kick");
    }

    void submit_with_syncobjs() {
        const Syncobj in(device_, Syncobj::State::signaled), out(device_);
        check(ring_.submit(std::vector{in.handle()}, std::vector{out.handle()}), "submit");
        outcome_.fences.push_back(final_status(out.export_sync_file()).value_or(0));
    }

    Random random_;
    const Fd& device_;
    bool by_poller_;
    Bytes buffer_, script_;
    Syncobj given_{device_}, timeline_{device_};
    Ring ring_;
    Fd fd_ = open_ring(device_, ring_.id());
    std::uint64_t params_used_ = 0, list_used_ = 0, point_ = 0;
    Outcome outcome_;
};

using Seed = std::tuple<Whose, std::uint64_t>;

class InlineEqual : public DeviceTest, public testing::WithParamInterface<Seed> {
 protected:
    Outcome run_with(std::uint32_t budget, bool by_poller = false) {
        const auto [whose, seed] = GetParam();
        InlineBytes::set(budget);
        const std::uint64_t before = threads_.settled();
        Outcome outcome = Course(device_, seed, whose, by_poller).run(doorbells);
        const std::uint64_t turns = threads_.settled() - before;
        // Between the two, now here and now there. Where it shares a CPU with a poller, one turn is
        // counted as several.
        const std::uint64_t few = by_poller ? doorbells / 2 : doorbells / 10;
        EXPECT_GE(turns, budget == 0 ? doorbells / 2 : 0U) << "of the thread";
        EXPECT_LE(turns, budget == InlineBytes::standard ? few : UINT64_MAX) << "of the thread";
        return outcome;
    }

    static constexpr unsigned doorbells = 300;

    InlineBytes budget_;
    EngineThreads threads_;
};

TEST_P(InlineEqual, ToWhatTheThreadDoes) {
    const Outcome here = run_with(InlineBytes::standard), there = run_with(0);
    EXPECT_EQ(here.completions, there.completions);
    EXPECT_TRUE(here.bytes == there.bytes);
    EXPECT_EQ(here.fences, there.fences);
    EXPECT_EQ(here.point, there.point);
    EXPECT_TRUE(here == run_with(4096)) << "now here, now there";
    // The course is one that shows something.
    const auto succeeded = std::count_if(here.completions.begin(), here.completions.end(),
                                         [](const auto& done) { return done[1] == 0; });
    EXPECT_GT(succeeded, static_cast<long>(here.completions.size() / 4));
    EXPECT_LT(succeeded, static_cast<long>(here.completions.size() * 9 / 10));
}

// A poller takes no syncobjs beside the ring.
TEST_P(InlineEqual, ToWhatAPollerDoes) {
    Outcome here = run_with(InlineBytes::standard);
    here.fences.clear();
    for (const std::uint32_t budget : {InlineBytes::standard, 0U}) {
        const Outcome there = run_with(budget, true);
        EXPECT_EQ(here.completions, there.completions) << budget;
        EXPECT_TRUE(here.bytes == there.bytes) << budget;
        EXPECT_EQ(here.point, there.point) << budget;
    }
}

std::string name_of_seed(const testing::TestParamInfo<Seed>& test) {
    constexpr const char* names[] = {"Own", "Exported", "Imported"};
    const auto [whose, seed] = test.param;
    return names[static_cast<std::size_t>(whose)] + std::to_string(seed);
}

INSTANTIATE_TEST_SUITE_P(Seeds, InlineEqual,
                         testing::Combine(testing::Values(Whose::its_own),
                                          testing::Range<std::uint64_t>(1, 9)),
                         name_of_seed);
INSTANTIATE_TEST_SUITE_P(MoreSeeds, InlineEqual,
                         testing::Combine(testing::Values(Whose::exported, Whose::imported),
                                          testing::Range<std::uint64_t>(9, 13)),
                         name_of_seed);

}  // namespace
}  // namespace uapi_tests
