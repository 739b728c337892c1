// SPDX-License-Identifier: MIT

// Syncobjs in the slots of a ring.

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "late.hpp"
#include "syncobj_fixture.hpp"

namespace uapi_tests {
namespace {

class SyncobjSlot : public SyncobjTest {
 protected:
    /// Is what the slot holds still @c in_?
    void expect_unchanged() {
        in_.signal_point(1);
        EXPECT_EQ(run({wait_point(in, 1)}), std::vector<int>{0});
        in_.reset();
        EXPECT_EQ(run({wait_point(in, 1)}), std::vector<int>{-EINVAL});
    }
};

TEST_F(SyncobjSlot, EveryOtherFieldMustBeZero) {
    using Change = std::function<void(drm_zaccel_ring_bind&)>;
    std::vector<Change> changes{
        [](auto& args) { args.fourcc = DRM_FORMAT_R8; },
        [](auto& args) { args.width = 1; },
        [](auto& args) { args.height = 1; },
        [](auto& args) { args.modifier = 1; },
        [](auto& args) { args.flags = 1; },
        [](auto& args) { args.pad = 1; },
        [](auto& args) { args.planes[0].pitch = 1; },
        [](auto& args) { args.planes[0].offset = 1; },
        [](auto& args) { args.planes[0].size = 1; },
    };
    for (int i = 1; i < ZACCEL_MAX_PLANES; i++) {
        changes.push_back([i](auto& args) { args.planes[i].handle = 1; });
        changes.push_back([i](auto& args) { args.planes[i].pitch = 1; });
        changes.push_back([i](auto& args) { args.planes[i].offset = 1; });
        changes.push_back([i](auto& args) { args.planes[i].size = 1; });
    }
    for (std::size_t i = 0; i < changes.size(); i++) {
        drm_zaccel_ring_bind args = syncobj_args(in, out_.handle());
        changes[i](args);
        EXPECT_EQ(ring_.bind(args), EINVAL) << i;
    }
    expect_unchanged();
}

TEST_F(SyncobjSlot, UnknownHandleIsNotFound) {
    for (std::uint32_t handle : {0U, 9999U, ~0U})
        EXPECT_EQ(ring_.bind_syncobj(in, handle), ENOENT) << handle;
    const Fd other = open_device();
    std::vector<std::unique_ptr<Syncobj>> syncobjs;
    for (int i = 0; i < 8; i++) syncobjs.push_back(std::make_unique<Syncobj>(other));
    EXPECT_EQ(ring_.bind_syncobj(in, syncobjs.back()->handle()), ENOENT) << "of another file";
    expect_unchanged();
}

TEST_F(SyncobjSlot, SlotOutOfRangeIsInvalid) {
    for (std::uint32_t slot : {80U, 1U << 31, ~0U})
        EXPECT_EQ(ring_.bind_syncobj(slot, in_.handle()), EINVAL) << slot;
}

TEST_F(SyncobjSlot, TensorIsInvalid) {
    drm_zaccel_ring_bind none{};
    for (drm_zaccel_ring_bind args :
         {syncobj_args(in, in_.handle()), range_args(in, buffer_.handle(), 0, buffer_size), none}) {
        args.kind = ZACCEL_SLOT_TENSOR;
        EXPECT_EQ(ring_.bind(args), EINVAL);
    }
    expect_unchanged();
}

TEST_F(SyncobjSlot, OutlivesItsHandle) {
    std::optional<Syncobj> named(std::in_place, device_);
    ASSERT_EQ(ring_.bind_syncobj(out, named->handle()), 0);
    const Fd fd = named->export_fd();
    named.reset();
    EXPECT_EQ(run({signal_point(out, 3)}), std::vector<int>{0});
    EXPECT_EQ(Syncobj(device_, fd).value(), 3U);
    EXPECT_EQ(run({wait_point(out, 3)}), std::vector<int>{0});
}

TEST_F(SyncobjSlot, ReplacingItAffectsLaterBatches) {
    const HeldEngine engine;
    submit({signal_point(out)});
    ASSERT_EQ(ring_.bind_syncobj(out, in_.handle()), 0);
    submit({signal_point(out)});
    engine.advance();
    EXPECT_EQ(out_.wait(deadline_in(long_enough)), 0);
    EXPECT_EQ(in_.wait(0), ETIME) << "it has the fence of the second";
    engine.advance();
    EXPECT_EQ(in_.wait(deadline_in(long_enough)), 0);
}

TEST_F(SyncobjSlot, ClearedOneIsEmpty) {
    ASSERT_EQ(ring_.clear(out), 0);
    EXPECT_EQ(run({signal_point(out)}), std::vector<int>{-EBADSLT});
    ASSERT_EQ(ring_.bind_range(out, buffer_, 0, buffer_size), 0);
    EXPECT_EQ(run({fill(out, 0, 1, 1)}), std::vector<int>{0}) << "and can hold something else";
}

TEST_F(SyncobjSlot, IsNoOperandOfOthers) {
    for (const drm_zaccel_command& command :
         {fill(in, 0, 1, 1), copy(in, data, 0, 0, 1), copy(data, in, 0, 0, 1), crc32c(in, 0, 1),
          image_command(ZACCEL_OP_INVERT, picture, in), exec(in, 0, 1), with_params(nop(), in, 0)})
        EXPECT_EQ(run({command}), std::vector<int>{-EBADSLT}) << command.opcode;
}

}  // namespace
}  // namespace uapi_tests
