// SPDX-License-Identifier: MIT
#include "neighbour.hpp"

#include <drm/drm_fourcc.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include "foreign.hpp"
#include "hostile.hpp"
#include "ring.hpp"
#include "ringfd.hpp"
#include "syncobj.hpp"

namespace uapi_tests {

namespace {

constexpr std::uint64_t page = 4096;

/// Slots.
enum : std::uint32_t { in, out, list, range, source, target, itself };

/// One open file and its ring, from its making to its end.
class Vandal {
 public:
    Vandal(Neighbour::Batches batches, Random& random) : random_(random) {
        if (batches == Neighbour::Batches::wait) {
            gate_.emplace();
            in_.import_sync_file(gate_->sync_file());
        }
        bind();
    }

    /// Until the device goes, or has been rung for often enough. Batches that wait soon leave no
    /// room for more.
    void work(Neighbour::Progress& progress) {
        const Loop loop([this, scribbler = Random(random_.word())]() mutable {
            const std::span<std::uint8_t> ring = ring_.memory().bytes();
            scribble(ring.first(sizeof(drm_zaccel_ring_header)), scribbler);
            scribble(ring.subspan(ring_.args().sq_offset), scribbler);
            scribble(memory_.bytes(), scribbler);
        });
        for (int i = 0; i < (gate_ ? 40 : 200); i++) {
            ring_doorbell(progress);
            progress.doorbells++;
        }
    }

 private:
    void bind() {
        check(ring_.bind_syncobj(in, in_.handle()), "bind");
        check(ring_.bind_syncobj(out, out_.handle()), "bind");
        check(ring_.bind_range(list, buffer_, 0, page), "bind");
        check(ring_.bind_range(range, buffer_, page, page), "bind");
        for (std::uint32_t slot : {source, target})
            check(ring_.bind(image_args(slot, DRM_FORMAT_XRGB8888, 16, 16,
                                        {plane(buffer_.handle(), 64, slot * 1024)})),
                  "bind");
        check(ring_.bind(range_args(itself, ring_.handle(), 0, ring_.args().size)), "bind");
    }

    /// From where the kernel really is, not from where the header says.
    void ring_doorbell(Neighbour::Progress& progress) {
        ring_.set_cq_head(ring_.kernel_cq_tail());
        ring_.set_sq_tail(fetched_);
        put_batch();
        const long taken = fetched_ == 0 || random_.chance(2) ? submit() : kick(ring_fd_);
        if (taken == -ENODEV) throw std::system_error(ENODEV, std::generic_category(), "doorbell");
        if (taken < 0 && taken != -EINVAL && taken != -EAGAIN)
            progress.surprise = static_cast<int>(-taken);
        if (taken <= 0) return;
        fetched_ += static_cast<std::uint32_t>(taken);
        progress.fetched += static_cast<std::uint32_t>(taken);
    }

    /// Sound, but for what is written over it at the same time.
    void put_batch() {
        const drm_zaccel_fill args{0, 64, random_.word()};
        const drm_zaccel_command nested = fill(range, 64, 64, random_.word());
        std::memcpy(memory_.data(), &nested, sizeof(nested));
        std::memcpy(memory_.data() + page / 2, &args, sizeof(args));
        for (const drm_zaccel_command& command :
             {wait_point(in), with_params(fill(range, 0, 0, 0), list, sizeof(args), page / 2),
              exec(list, 0, 1), image_command(ZACCEL_OP_INVERT, target, source),
              copy(itself, range, ring_.args().sq_offset, 0, 64)})
            ring_.put(with(command, ZACCEL_CMD_CONTINUE));
        ring_.put(with_end(signal_point(out)));
        ring_.publish();
    }

    /// Where batches are to wait the first does, whatever becomes of its entries.
    long submit() {
        const std::vector<std::uint32_t> in_fences(gate_ ? 1 : 0, in_.handle());
        const int error = ring_.submit(in_fences, {});
        return error ? -error : ring_.fetched();
    }

    Random& random_;
    Fd file_ = open_device();
    std::optional<ManualFence> gate_;
    Syncobj in_{file_, Syncobj::State::signaled}, out_{file_};
    Buffer buffer_{file_, 2 * page};
    Mapping memory_ = buffer_.map();
    Ring ring_{file_, {16, 16, 8}};
    Fd ring_fd_ = open_ring(file_, ring_.id());
    std::uint32_t fetched_ = 0;
};

/// Whenever there is a device.
[[noreturn]] void live(Neighbour::Batches batches, Neighbour::Progress& progress) {
    ::close_range(3, ~0U, 0);
    for (Random random(12);;) {
        try {
            Vandal(batches, random).work(progress);
        } catch (const std::exception&) {
            yield();
        }
    }
}

Neighbour::Progress* shared_progress() {
    void* memory = ::mmap(nullptr, sizeof(Neighbour::Progress), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(memory == MAP_FAILED ? errno : 0, "mmap");
    return new (memory) Neighbour::Progress{};
}

}  // namespace

Neighbour::Neighbour(Batches batches) : progress_(shared_progress()) {
    child_.emplace([this, batches]() -> int { live(batches, *progress_); });
    EXPECT_TRUE(goes_on()) << "the neighbour does not come to work";
}

Neighbour::~Neighbour() {
    EXPECT_TRUE(goes_on()) << "the neighbour was stopped";
    EXPECT_EQ(progress_->surprise, 0);
    child_.reset();
    ::munmap(progress_, sizeof(*progress_));
}

bool Neighbour::goes_on() const {
    const std::uint32_t doorbells = progress_->doorbells, fetched = progress_->fetched;
    return eventually(
        [&] { return progress_->doorbells - doorbells >= 10 && progress_->fetched != fetched; });
}

}  // namespace uapi_tests
