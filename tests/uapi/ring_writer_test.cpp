// SPDX-License-Identifier: MIT

// Another process that has a ring's memory and nothing else: neither the device nor a descriptor of
// the ring. It fills entries and reaps, its partner rings.

#include <atomic>
#include <cstring>

#include "fixture.hpp"
#include "hostile.hpp"
#include "process.hpp"
#include "ring.hpp"
#include "ringfd.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// Made before the device is opened, so that it does not have the file by inheritance.
class Writer {
 public:
    template <typename F>
    explicit Writer(F body)
        : child_([this, body] {
              drm_zaccel_ring_create geometry;
              Fd dmabuf = pipe_.receive(geometry);
              if (!dmabuf) return 98;
              FdRing ring(std::move(dmabuf), geometry);
              return body(ring);
          }) {}

    void give(const Ring& ring) const { pipe_.send(ring.export_dmabuf(), ring.args()); }
    int join() { return child_.join(); }
    void kill() { child_.kill(); }

 private:
    FdPipe pipe_;
    Child child_;
};

class RingWriter : public CountedTest {};

TEST_F(RingWriter, FillsWhatItsPartnerRingsFor) {
    const Signal filled, posted;
    Writer writer([&](FdRing& ring) {
        ring.put_batch({fill(0, 0, 64, 0x3131313131313131), fill(0, 64, 8, 0x32), nop(33)});
        ring.publish();
        filled.send();
        if (!posted.wait()) return 98;
        const std::vector<drm_zaccel_completion> done = ring.reap();
        if (done.size() != 3 || done[0].result != 64 || done[1].result != 8) return 1;
        if (done[2].user_data != 33) return 2;
        // It has no way to ring.
        return ring.kick() == -ENOTTY && ring.wait(0, 0) == ENOTTY ? 0 : 3;
    });
    const Fd device = open_device();
    const Buffer buffer(device, page);
    Ring ring(device);
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    writer.give(ring);
    ASSERT_TRUE(filled.wait());
    EXPECT_EQ(kick(open_ring(device, ring.id())), 3);
    ring.wait_for(3);
    EXPECT_EQ(ring.sq_head(), 3U);
    posted.send();
    EXPECT_EQ(writer.join(), 0);
    EXPECT_EQ(ring.header().cq_head, 3U) << "what the other has reaped";
    EXPECT_EQ(buffer.map()[63], 0x31);
    EXPECT_EQ(buffer.map()[64], 0x32);
}

// Its partner rings for whatever stands there; a third party goes on.
TEST_F(RingWriter, ScribblesUntilItIsKilled) {
    const Signal started;
    Writer writer([&](FdRing& ring) -> int {
        started.send();
        for (Random random(31);;) scribble(ring.memory().bytes(), random);
    });
    const Fd device = open_device(), third = open_device();
    const Buffer buffer(device, page), own(third, page);
    Ring ring(device, {16, 16, 1}), other(third);
    ASSERT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    ASSERT_EQ(other.bind_range(0, own, 0, page), 0);
    writer.give(ring);
    const Fd dmabuf = ring.export_dmabuf();
    ASSERT_TRUE(started.wait());
    const std::uint64_t sum = other.run_one(crc32c(0, 0, page)).result;
    for (int i = 0; i < 2000; i++) {
        ring.submit();
        ring.set_cq_head(ring.kernel_cq_tail());
        if (i % 10 != 0) continue;
        EXPECT_EQ(other.run_one(crc32c(0, 0, page)).result, sum);
    }
    EXPECT_EQ(ring.destroy(), 0);
    const Mapping memory(dmabuf.get(), 0, ring.args().size);
    std::atomic_ref word(*reinterpret_cast<std::uint32_t*>(memory.data() + 2 * page - 4));
    word = 0;
    EXPECT_TRUE(eventually([&] { return word != 0; })) << "the memory stays";
    writer.kill();
    EXPECT_EQ(writer.join(), -1);
    EXPECT_EQ(other.run_one(crc32c(0, 0, page)).result, sum);
}

}  // namespace
}  // namespace uapi_tests
