// SPDX-License-Identifier: MIT

// Doorbells ring while their buffers are exported: no batch slips through without a fence.

#include <atomic>
#include <barrier>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "syncobj.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t size = 64 << 10;

/// Rings batches of one buffer or two, each in a thread of its own.
class Submitter {
 public:
    Submitter(const Fd& device, const Buffer& a, const Buffer& b) : ring_(device, {64, 64, 2}) {
        EXPECT_EQ(ring_.bind_range(0, a, 0, size), 0);
        EXPECT_EQ(ring_.bind_range(1, b, 0, size), 0);
    }

    /// As many batches as one lap holds, each doorbell on its own.
    void run(bool both) {
        for (int i = 0; i < 32; i++) {
            if (both)
                ring_.put_batch({copy(0, 1, 0, 0, size)});
            else
                ring_.put_batch({fill(0, 0, size, 1)});
            check(ring_.submit(), "ring submit");
            submitted_ = ring_.sq_tail();
        }
    }

    /// Batches whose doorbell has returned.
    std::uint32_t submitted() const { return submitted_; }
    Ring& ring() { return ring_; }

 private:
    Ring ring_;
    std::atomic<std::uint32_t> submitted_ = 0;
};

/// From a fence's signal to the completions of its batch.
constexpr std::chrono::milliseconds moment{20};

class ShareRace : public DeviceTest {
 protected:
    static constexpr int rounds = 60;
    static constexpr int rings = 3;

    /// What was submitted before the export has run when the fences say so.
    static void expect_covered(std::vector<std::unique_ptr<Submitter>>& submitters,
                               const std::vector<std::uint32_t>& before, const Fd& dmabuf) {
        const Fd fence = export_fences(dmabuf, Fences::all);
        ASSERT_EQ(final_status(fence), 1);
        for (std::size_t i = 0; i < submitters.size(); i++)
            EXPECT_EQ(submitters[i]->ring().wait(before[i], deadline_in(moment)), 0) << i;
    }

    void round(bool readonly) {
        const Buffer a(device_, size), b(device_, size);
        std::vector<std::unique_ptr<Submitter>> submitters;
        for (int i = 0; i < rings; i++)
            submitters.push_back(std::make_unique<Submitter>(device_, a, b));
        std::barrier start(rings + 2);
        std::vector<std::thread> threads;
        for (int i = 0; i < rings; i++)
            threads.emplace_back([&, i] {
                start.arrive_and_wait();
                submitters[static_cast<std::size_t>(i)]->run(i % 2 == 0);
            });
        // The other buffer, at the same time: batches find one of the two shared, or both.
        threads.emplace_back([&] {
            start.arrive_and_wait();
            const Fd dmabuf = b.export_dmabuf();
            EXPECT_EQ(final_status(export_fences(dmabuf, Fences::all)), 1);
        });
        start.arrive_and_wait();
        eventually([&] { return submitters[0]->submitted() > 2; });
        std::vector<std::uint32_t> before;
        for (const auto& submitter : submitters) before.push_back(submitter->submitted());
        const Fd dmabuf = readonly ? a.export_readonly() : a.export_dmabuf();
        expect_covered(submitters, before, dmabuf);
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(final_status(export_fences(dmabuf, Fences::all)), 1);
        for (const auto& submitter : submitters) submitter->ring().wait_for(32);
    }
};

TEST_F(ShareRace, NoBatchGoesWithoutAFence) {
    for (int i = 0; i < rounds && !HasFailure(); i++) round(i % 2 == 1);
}

TEST_F(ShareRace, SeveralExportAtOnce) {
    for (int i = 0; i < rounds && !HasFailure(); i++) {
        const Buffer a(device_, size), b(device_, size);
        Submitter submitter(device_, a, b);
        std::barrier start(4);
        std::vector<std::thread> threads;
        for (int t = 0; t < 3; t++)
            threads.emplace_back([&, t] {
                start.arrive_and_wait();
                const std::uint32_t before = submitter.submitted();
                const Fd dmabuf = t == 0 ? a.export_readonly() : a.export_dmabuf();
                EXPECT_EQ(final_status(export_fences(dmabuf, Fences::all)), 1);
                EXPECT_EQ(submitter.ring().wait(before, deadline_in(moment)), 0);
            });
        start.arrive_and_wait();
        submitter.run(i % 2 == 0);
        for (std::thread& thread : threads) thread.join();
        submitter.ring().wait_for(32);
    }
}

// A batch that finds its buffers private may find them shared a moment later. The engine holds it,
// so whichever came first, each dma-buf must show it.
TEST_F(ShareRace, DoorbellAmongExports) {
    constexpr std::uint32_t count = 48;
    const LateMode late;
    late.hold();
    for (int i = 0; i < rounds && !HasFailure(); i++) {
        Ring ring(device_, {64, 64, count});
        std::vector<Buffer> buffers;
        std::vector<drm_zaccel_command> batch;
        for (std::uint32_t slot = 0; slot < count; slot++) {
            buffers.emplace_back(device_, 4096);
            ASSERT_EQ(ring.bind_range(slot, buffers.back(), 0, 8), 0);
            batch.push_back(fill(slot, 0, 8, 1));
        }
        ring.put_batch(batch);
        std::barrier start(2);
        std::thread doorbell([&] {
            start.arrive_and_wait();
            EXPECT_EQ(ring.submit(), 0);
        });
        std::vector<Fd> dmabufs;
        start.arrive_and_wait();
        for (const Buffer& buffer : buffers) dmabufs.push_back(buffer.export_dmabuf());
        doorbell.join();
        for (std::uint32_t slot = 0; slot < count; slot++)
            EXPECT_FALSE(readable(dmabufs[slot])) << "buffer " << slot << " of round " << i;
        late.advance(1);
        ring.wait_for(count);
        for (const Fd& dmabuf : dmabufs) EXPECT_TRUE(eventually([&] { return writable(dmabuf); }));
    }
}

// The ring goes while its batches get their fences.
TEST_F(ShareRace, RingIsDestroyedMeanwhile) {
    for (int i = 0; i < rounds && !HasFailure(); i++) {
        const Buffer a(device_, size), b(device_, size);
        Submitter submitter(device_, a, b);
        submitter.run(false);
        std::barrier start(2);
        std::thread destroyer([&] {
            start.arrive_and_wait();
            submitter.ring().destroy();
        });
        start.arrive_and_wait();
        const Fd dmabuf = a.export_dmabuf();
        EXPECT_TRUE(final_status(export_fences(dmabuf, Fences::all)));
        destroyer.join();
        EXPECT_TRUE(writable(dmabuf) || eventually([&] { return writable(dmabuf); }));
    }
}

}  // namespace
}  // namespace uapi_tests
