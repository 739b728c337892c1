// SPDX-License-Identifier: MIT

// Two accelerators and a buffer between them: made by one, used in place by the other.

#include <drm/drm_fourcc.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "configfs.hpp"
#include "debugfs.hpp"
#include "fixture.hpp"
#include "foreign.hpp"
#include "late.hpp"
#include "ring.hpp"
#include "support/op_vectors.hpp"
#include "syncobj.hpp"
#include "trace.hpp"
#include "unplug.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// One of the two: its file, a ring, and the buffer that both have, in slot 0.
struct Side {
    Fd file;
    Buffer buffer;
    Ring ring;

    Side(Fd device, Buffer shared)
        : file(std::move(device)), buffer(std::move(shared)), ring(file) {
        EXPECT_EQ(ring.bind_range(0, buffer, 0, page), 0);
    }

    void submit(const drm_zaccel_command& command) {
        ring.put_batch({command});
        ASSERT_EQ(ring.submit(), 0);
    }
};

class TwoDevices : public CountedTest {
 protected:
    static Side made(const ConfiguredDevice& device) {
        Fd file = device.open();
        Buffer buffer(file, page);
        return Side(std::move(file), std::move(buffer));
    }

    static Side imported(const ConfiguredDevice& device, const Fd& dmabuf) {
        Fd file = device.open();
        Buffer buffer = Buffer::import(file, dmabuf.get());
        return Side(std::move(file), std::move(buffer));
    }

    /// While @p first is held, @p second waits for what it did to the buffer; @p first's device
    /// alone is held, and the engine of @p second has nothing else to do.
    static void expect_waits(const std::string& held, Side& first, Side& second) {
        const HeldEngine engine(held);
        first.submit(fill(0, 0, page, 0x4141414141414141));
        second.submit(crc32c(0, 0, page));
        Ring bystander(second.file);
        EXPECT_EQ(bystander.run_one(nop()).status, 0);
        EXPECT_FALSE(second.ring.posted(1));
        engine.advance();
        second.ring.wait_for(1);
        first.ring.wait_for(1);
        const std::uint64_t seen = second.ring.reap().at(0).result;
        EXPECT_EQ(seen, bystander_crc(second)) << "what is there when the first is done";
        engine.release();
    }

    static std::uint64_t bystander_crc(Side& side) {
        return side.ring.run_one(crc32c(0, 0, page)).result;
    }

    DeviceGuard guard_;
    ConfiguredDevice a_{"a"}, b_{"b"};
    Side maker_ = made(a_);
    Fd dmabuf_ = maker_.buffer.export_dmabuf();
    Side user_ = imported(b_, dmabuf_);
    Mapping memory_ = maker_.buffer.map();
};

TEST_F(TwoDevices, ContentsBothWays) {
    EXPECT_EQ(maker_.ring.run_one(fill(0, 0, page, 0x0807060504030201)).status, 0);
    const std::uint64_t crc = maker_.ring.run_one(crc32c(0, 0, page)).result;
    EXPECT_EQ(user_.ring.run_one(crc32c(0, 0, page)).result, crc);
    EXPECT_EQ(user_.ring.run_one(fill(0, 100, 8, 0x1122334455667788)).status, 0);
    EXPECT_EQ(memory_[100], 0x88);
    EXPECT_NE(maker_.ring.run_one(crc32c(0, 0, page)).result, crc);
}

TEST_F(TwoDevices, EveryOperationWorksInPlace) {
    using test_support::OpVector;
    using test_support::VectorOperand;
    for (const OpVector& vector : test_support::op_vectors()) {
        if (vector.expected.empty() || vector.status) continue;
        // Destination below, source above, in one buffer of A that B has imported.
        const std::uint64_t half = 1 << 20;
        const Buffer buffer(maker_.file, 2 * half);
        const Mapping memory = buffer.map();
        const Buffer theirs = Buffer::import(user_.file, buffer.export_dmabuf().get());
        Ring ring(user_.file);
        drm_zaccel_command command = vector.command;
        const auto place = [&](const VectorOperand& operand, std::uint32_t slot, std::uint64_t at) {
            if (operand.kind == ZACCEL_SLOT_EMPTY) return;
            ASSERT_LE(operand.bytes.size(), half);
            std::copy(operand.bytes.begin(), operand.bytes.end(), memory.data() + at);
            if (operand.kind == ZACCEL_SLOT_RANGE) {
                ASSERT_EQ(ring.bind_range(slot, theirs, at, operand.bytes.size()), 0);
                return;
            }
            drm_zaccel_ring_bind args =
                image_args(slot, operand.fourcc, operand.width, operand.height, {});
            for (std::size_t i = 0; i < operand.planes.size(); i++)
                args.planes[i] =
                    plane(theirs.handle(), operand.planes[i].pitch, at + operand.planes[i].offset);
            ASSERT_EQ(ring.bind(args), 0) << vector.name;
        };
        place(vector.dst, 0, 0);
        place(vector.src, 1, half);
        command.dst = 0;
        command.src = vector.src.kind == ZACCEL_SLOT_EMPTY ? 0 : 1;
        const drm_zaccel_completion completion = ring.run_one(command);
        EXPECT_EQ(completion.status, 0) << vector.name;
        EXPECT_EQ(completion.result, vector.result) << vector.name;
        EXPECT_TRUE(std::equal(vector.expected.begin(), vector.expected.end(), memory.data()))
            << vector.name;
    }
}

TEST_F(TwoDevices, ImporterWaitsForTheMaker) { expect_waits(a_.name(), maker_, user_); }

TEST_F(TwoDevices, MakerWaitsForTheImporter) { expect_waits(b_.name(), user_, maker_); }

TEST_F(TwoDevices, OneThatIsHeldDoesNotHoldTheOther) {
    const HeldEngine engine(a_.name());
    maker_.submit(nop());
    EXPECT_EQ(user_.ring.run_one(fill(0, 0, 8, 7)).status, 0);
    EXPECT_EQ(memory_[0], 7);
    EXPECT_FALSE(maker_.ring.posted(1));
}

TEST_F(TwoDevices, ExplicitSyncGoesPastTheOther) {
    const HeldEngine engine(a_.name());
    maker_.submit(fill(0, 0, page, 1));
    EXPECT_EQ(user_.ring.run_one(with_explicit_sync(crc32c(0, 0, page))).status, 0);
    EXPECT_FALSE(maker_.ring.posted(1));
}

TEST_F(TwoDevices, SyncobjOfOneHoldsTheOther) {
    const HeldEngine engine(a_.name());
    const Syncobj out(maker_.file);
    maker_.ring.put_batch({with_explicit_sync(nop())});
    ASSERT_EQ(maker_.ring.submit({}, std::vector{out.handle()}), 0);
    Syncobj in(user_.file);
    in.import_sync_file(out.export_sync_file());
    user_.ring.put_batch({with_explicit_sync(nop())});
    ASSERT_EQ(user_.ring.submit(std::vector{in.handle()}, {}), 0);
    Ring bystander(user_.file);
    EXPECT_EQ(bystander.run_one(nop()).status, 0);
    EXPECT_FALSE(user_.ring.posted(1));
    engine.advance();
    user_.ring.wait_for(1);
    EXPECT_EQ(user_.ring.reap().at(0).status, 0);
}

// What the maker did not do is undone; who waited for it goes on with what is there.
TEST_F(TwoDevices, ImporterGoesOnWhenTheMakerGoes) {
    memory_[0] = 0x66;
    const std::uint64_t before = bystander_crc(user_);
    const HeldEngine engine(a_.name());
    maker_.submit(fill(0, 0, page, 0x4141414141414141));
    user_.submit(crc32c(0, 0, page));
    EXPECT_FALSE(user_.ring.posted(2));
    unbind(a_.name());
    user_.ring.wait_for(2);
    const auto completion = user_.ring.reap().at(0);
    EXPECT_EQ(completion.status, 0);
    EXPECT_EQ(completion.result, before);
    EXPECT_EQ(user_.ring.run_one(fill(0, 0, page, 0x4242424242424242)).status, 0);
    EXPECT_EQ(memory_[page - 1], 0x42) << "the maker's mapping";
    EXPECT_EQ(Mapping(dmabuf_.get(), 0, page)[0], 0x42);
    maker_.ring.put_batch({nop()});
    EXPECT_EQ(maker_.ring.submit(), ENODEV);
}

TEST_F(TwoDevices, ImportKeepsTheMemoryOfADeviceThatIsGone) {
    memory_[7] = 0x77;
    maker_.ring.leave_to_file();
    memory_ = Mapping();
    maker_.buffer.close();
    maker_.file.reset();
    dmabuf_.reset();
    EXPECT_EQ(a_.directory().remove(), 0);
    const Buffer copied(user_.file, page);
    ASSERT_EQ(user_.ring.bind_range(1, copied, 0, page), 0);
    EXPECT_EQ(user_.ring.run_one(copy(1, 0, 0, 0, page)).status, 0);
    EXPECT_EQ(copied.map()[7], 0x77);
}

TEST_F(TwoDevices, ListsAndEventsTellThemApart) {
    EXPECT_NE(debugfs_file("rings", a_.name()), debugfs_file("rings", b_.name()));
    const Trace trace({"zaccel"});
    maker_.ring.run_one(nop());
    user_.ring.run_one(nop());
    int of_a = 0, of_b = 0;
    for (const TraceEvent& event : trace.events()) {
        of_a += event.fields.at("dev") == a_.name();
        of_b += event.fields.at("dev") == b_.name();
    }
    EXPECT_EQ(of_a, 6);
    EXPECT_EQ(of_b, 6);
}

}  // namespace
}  // namespace uapi_tests
