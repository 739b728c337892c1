// SPDX-License-Identifier: MIT

// A client ends with batches on their way: all that others wait for ends in bounded time and says
// so, nothing stays, and the others go on.

#include <poll.h>
#include <sys/eventfd.h>
#include <xf86drm.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "neighbour.hpp"
#include "process.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint8_t before = 0x3c;

/// Slots.
enum : std::uint32_t { shared = 0, list = 1, in = 2, out = 3, own = 4 };

/// What the one who dies shares with the one who looks on, as descriptors of both.
struct Common {
    int dmabuf;
    int in;   ///< syncobj
    int out;  ///< syncobj
    int eventfd;
};

enum class Stage { running, queued, foreign };
enum class End { ring_destroyed, file_closed, killed };

std::uint32_t import_syncobj(const Fd& file, int fd) {
    std::uint32_t handle = 0;
    check(drmSyncobjFDToHandle(file.get(), fd, &handle) == 0 ? 0 : errno, "syncobj import");
    return handle;
}

/// A client with a batch of everything on its way, and more behind it.
class Victim {
 public:
    Victim(const Common& common, Stage stage) {
        ahead_.emplace(file_);
        ring_.emplace(file_);
        bind(common);
        if (stage == Stage::queued) {
            ahead_->put_batch({nop()});
            check(ahead_->submit(), "submit");
        }
        if (stage == Stage::foreign) ring_->put(wait_point(in));
        ring_->put(fill(shared, 0, page, 0xadadadadadadadad));
        ring_->put(exec(list, 0, 2));
        ring_->put(with_end(signal_point(out)));
        for (int i = 0; i < 10; i++) ring_->put_batch({fill(own, 0, page, 1)});
        check(ring_->submit(), "submit");
    }

    Ring& ring() { return *ring_; }

    void close() {
        ahead_->leave_to_file();
        ring_->leave_to_file();
        ahead_.reset();
        ring_.reset();
        file_.reset();
    }

 private:
    void bind(const Common& common) {
        const Buffer imported = Buffer::import(file_, common.dmabuf);
        const Buffer commands(file_, page), buffer(file_, page);
        const drm_zaccel_command nested[] = {fill(own, 0, 8, 1), copy(shared, own, 8, 0, 8)};
        std::memcpy(commands.map().data(), nested, sizeof(nested));
        check(ring_->bind_range(shared, imported, 0, page), "bind");
        check(ring_->bind_range(list, commands, 0, page), "bind");
        check(ring_->bind_range(own, buffer, 0, page), "bind");
        check(ring_->bind(syncobj_args(in, import_syncobj(file_, common.in))), "bind");
        check(ring_->bind(syncobj_args(out, import_syncobj(file_, common.out))), "bind");
        drm_zaccel_ring_eventfd args{};
        args.id = ring_->id();
        args.fd = common.eventfd;
        check(call(file_, DRM_IOCTL_ZACCEL_RING_EVENTFD, args), "eventfd");
    }

    Fd file_ = open_device();
    std::optional<Ring> ahead_;
    std::optional<Ring> ring_;
};

class Death : public CountedTest {
 protected:
    Death() {
        std::memset(buffer_.map().data(), before, page);
        gate_.attach_fence(VgemBuffer::Use::write);
        in_.import_sync_file(export_fences(gate_.dmabuf(), Fences::all));
        EXPECT_EQ(ring_.bind_range(shared, buffer_, 0, page), 0);
    }

    static Fd fd_of(const Fd& device, const Syncobj& syncobj) {
        int fd = -1;
        check(drmSyncobjHandleToFD(device.get(), syncobj.handle(), &fd) == 0 ? 0 : errno,
              "syncobj export");
        return Fd(fd);
    }

    Neighbour neighbour_{Neighbour::Batches::wait};
    LateMode late_;
    Fd device_ = open_device();
    VgemBuffer gate_;
    Syncobj in_{device_};
    Syncobj out_{device_};
    Fd in_fd_ = fd_of(device_, in_);
    Fd out_fd_ = fd_of(device_, out_);
    Fd eventfd_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    Buffer buffer_{device_, page};
    Fd dmabuf_ = buffer_.export_dmabuf();
    Common common_{dmabuf_.get(), in_fd_.get(), out_fd_.get(), eventfd_.get()};
    Ring ring_{device_};
};

struct Case {
    Stage stage;
    End end;

    friend void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name(); }
    std::string name() const {
        static const char* const stages[] = {"Running", "Queued", "BehindAForeignFence"};
        static const char* const ends[] = {"RingDestroyed", "FileClosed", "Killed"};
        return std::string(ends[static_cast<int>(end)]) + stages[static_cast<int>(stage)];
    }
};

class DeathOf : public Death, public testing::WithParamInterface<Case> {
 protected:
    DeathOf() {
        if (GetParam().stage != Stage::foreign) late_.hold();
        if (GetParam().end == End::killed)
            start_child();
        else
            victim_ = std::make_unique<Victim>(common_, GetParam().stage);
    }

    void start_child() {
        const Signal ready;
        child_ = std::make_unique<Child>([&] {
            Victim victim(common_, GetParam().stage);
            ready.send();
            return victim.ring().wait(~0U >> 1, deadline_in(3 * long_enough));
        });
        EXPECT_TRUE(ready.wait());
    }

    void die() {
        switch (GetParam().end) {
            case End::ring_destroyed:
                ASSERT_EQ(victim_->ring().destroy(), 0);
                break;
            case End::file_closed:
                victim_->close();
                break;
            case End::killed:
                child_->kill();
                ASSERT_EQ(child_->join(), -1);
        }
    }

    std::unique_ptr<Victim> victim_;
    std::unique_ptr<Child> child_;
};

TEST_P(DeathOf, AllFencesEndWithItsError) {
    const Fd implicit = export_fences(dmabuf_, Fences::writers);
    const Fd named = out_.export_sync_file();
    EXPECT_EQ(sync_file_status(implicit), 0);
    EXPECT_EQ(sync_file_status(named), 0);
    die();
    late_.release();
    ASSERT_EQ(final_status(implicit), -ECANCELED);
    ASSERT_EQ(final_status(named), -ECANCELED);
    EXPECT_EQ(poll_events(eventfd_.get(), POLLIN, 20000), POLLIN);
    EXPECT_EQ(buffer_.wait(deadline_in(long_enough)), 0);
    const Mapping memory = buffer_.map();
    EXPECT_EQ(memory[0], before);
    EXPECT_EQ(memory[page - 1], before);
}

TEST_P(DeathOf, OthersGoOn) {
    ring_.put_batch({nop(1)});
    ring_.put_batch({fill(shared, 1, 1, 0x77), crc32c(shared, 0, page)});
    ASSERT_EQ(ring_.submit(), 0);
    EXPECT_FALSE(ring_.posted(2));
    die();
    late_.release();
    ring_.wait_for(3);
    EXPECT_EQ(statuses(ring_.reap()), std::vector<int>(3, 0)) << "whatever it waited for";
    EXPECT_EQ(buffer_.map()[1], 0x77);
    EXPECT_EQ(buffer_.map()[0], before);
}

// What a batch that is held back has taken up is given back at once: no advance comes.
TEST_P(DeathOf, NeedsNoHelp) {
    if (GetParam().stage == Stage::queued) late_.advance(1);
    const Fd named = out_.export_sync_file();
    die();
    EXPECT_EQ(final_status(named), -ECANCELED);
}

std::vector<Case> all_cases() {
    std::vector<Case> cases;
    for (const Stage stage : {Stage::running, Stage::queued, Stage::foreign})
        for (const End end : {End::ring_destroyed, End::file_closed, End::killed})
            cases.push_back({stage, end});
    return cases;
}

INSTANTIATE_TEST_SUITE_P(AClient, DeathOf, testing::ValuesIn(all_cases()),
                         [](const auto& test) { return test.param.name(); });

TEST_F(Death, EveryPointOfATimelineEnds) {
    constexpr std::uint64_t points = 50;
    const Syncobj timeline(device_);
    late_.hold();
    {
        Ring ring(device_);
        ASSERT_EQ(ring.bind(syncobj_args(out, timeline.handle())), 0);
        for (std::uint64_t i = 1; i <= points; i++) ring.put_batch({signal_point(out, i)});
        ASSERT_EQ(ring.submit(), 0);
        std::uint64_t reached = 99;
        std::uint32_t handle = timeline.handle();
        ASSERT_EQ(drmSyncobjQuery(device_.get(), &handle, &reached, 1), 0);
        EXPECT_EQ(reached, 0U);
    }
    std::uint32_t handle = timeline.handle();
    std::uint64_t last = points;
    EXPECT_EQ(drmSyncobjTimelineWait(device_.get(), &handle, &last, 1, deadline_in(long_enough), 0,
                                     nullptr),
              0);
}

TEST_F(Death, EventfdOutlivesItsOwner) {
    late_.hold();
    {
        Victim victim(common_, Stage::running);
        eventfd_t count = 0;
        EXPECT_EQ(::eventfd_read(eventfd_.get(), &count), -1) << "nothing posted yet";
        victim.close();
    }
    EXPECT_EQ(poll_events(eventfd_.get(), POLLIN, 20000), POLLIN);
}

TEST_F(Death, BuffersExportedInFlightAreDone) {
    late_.hold();
    Fd dmabuf, fence;
    {
        const Fd file = open_device();
        const Buffer buffer(file, page);
        Ring ring(file);
        ASSERT_EQ(ring.bind_range(shared, buffer, 0, page), 0);
        ring.put_batch({fill(shared, 0, page, 1)});
        ASSERT_EQ(ring.submit(), 0);
        dmabuf = buffer.export_readonly();
        fence = export_fences(dmabuf, Fences::all);
        ring.leave_to_file();
    }
    EXPECT_EQ(final_status(fence), -ECANCELED);
    EXPECT_TRUE(writable(dmabuf));
}

// One at a time, in turns with a client that lives.
TEST_F(Death, ManyInARow) {
    late_.hold();
    for (std::uint32_t i = 1; i <= 10; i++) {
        auto victim = std::make_unique<Victim>(common_, i % 2 ? Stage::running : Stage::queued);
        ring_.put_batch({fill(shared, 0, 1, i)});
        ASSERT_EQ(ring_.submit(), 0);
        victim->close();
        late_.advance(1);
        ring_.wait_for(i);
        EXPECT_EQ(ring_.completion(i - 1).status, 0);
        EXPECT_EQ(buffer_.map()[0], i);
    }
}

}  // namespace
}  // namespace uapi_tests
