// SPDX-License-Identifier: MIT

// A program that was built with the header of another version, as other_header.py makes it: on
// today's kernel it works all the same. Built once with a header of the past, where last fields are
// missing, and once with one of the future, where there are more, with rubbish in them.

#include <drm/zaccel_accel.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "fixture.hpp"

namespace uapi_tests {
namespace {

static_assert(sizeof(drm_zaccel_ring_destroy) != 8, "this is the header of today");

constexpr std::uint64_t page = 4096;
constexpr std::uint32_t entries = 8;

/// Slots.
enum : std::uint32_t { data, block };

template <typename T>
constexpr bool of_the_future = requires(T t) { t.future; };

/// A structure of a call. What today's kernel does not know of it says nothing without its flag.
template <typename T>
T blank() {
    T args{};
    if constexpr (of_the_future<T>) args.future = ~0ULL;
    return args;
}

/// Fields that the past does not have.
template <typename T>
void set_deadline(T& args) {
    if constexpr (requires { args.deadline_ns; }) args.deadline_ns = deadline_in(long_enough);
}

template <typename T>
void expect_tail(const T& args, std::uint32_t tail) {
    if constexpr (requires { args.tail; }) {
        EXPECT_EQ(args.tail, tail);
    }
}

template <typename T>
void set_pattern(T& args, std::uint64_t pattern) {
    if constexpr (requires { args.pattern; }) args.pattern = pattern;
}

/// What stands there where the pattern was asked for.
template <typename T>
std::uint8_t written(std::uint8_t byte) {
    return requires(T args) { args.pattern; } ? byte : 0;
}

/// Filling with 0x41.
drm_zaccel_fill filling() {
    drm_zaccel_fill args{};
    args.size = 64;
    set_pattern(args, 0x4141414141414141);
    return args;
}

template <typename T>
drm_zaccel_command command(std::uint16_t opcode, const T& args) {
    static_assert(sizeof(T) <= sizeof(drm_zaccel_command::args));
    drm_zaccel_command entry{};
    entry.opcode = opcode;
    entry.flags = ZACCEL_CMD_END;
    std::memcpy(entry.args, &args, sizeof(args));
    return entry;
}

class OtherHeader : public DeviceTest {
 protected:
    OtherHeader() {
        bind(data, buffer_);
        bind(block, block_);
        std::memset(memory_.data(), 0x77, page);
    }

    ~OtherHeader() override {
        auto args = blank<drm_zaccel_ring_destroy>();
        args.id = ring_.id;
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_DESTROY, args), 0);
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_DESTROY, args), ENOENT);
    }

    std::uint32_t create_buffer() {
        auto args = blank<drm_zaccel_buffer_create>();
        args.size = page;
        check(call(device_, DRM_IOCTL_ZACCEL_BUFFER_CREATE, args), "buffer create");
        return args.handle;
    }

    Mapping map(std::uint32_t handle) {
        auto args = blank<drm_zaccel_buffer_info>();
        args.handle = handle;
        check(call(device_, DRM_IOCTL_ZACCEL_BUFFER_INFO, args), "buffer info");
        return Mapping(device_.get(), args.mmap_offset, args.size);
    }

    drm_zaccel_ring_create create_ring() {
        auto args = blank<drm_zaccel_ring_create>();
        args.sq_entries = args.cq_entries = entries;
        args.slots = 4;
        check(call(device_, DRM_IOCTL_ZACCEL_RING_CREATE, args), "ring create");
        return args;
    }

    void bind(std::uint32_t slot, std::uint32_t handle) {
        auto args = blank<drm_zaccel_ring_bind>();
        args.id = ring_.id;
        args.slot = slot;
        args.kind = ZACCEL_SLOT_RANGE;
        args.planes[0].handle = handle;
        args.planes[0].size = page;
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_BIND, args), 0);
    }

    void put(const drm_zaccel_command& entry) {
        auto* header = reinterpret_cast<drm_zaccel_ring_header*>(ring_memory_.data());
        const std::size_t place = tail_++ % entries;
        std::memcpy(ring_memory_.data() + ring_.sq_offset + place * ring_.sqe_size, &entry,
                    sizeof(entry));
        std::atomic_ref(header->cq_head).store(tail_ - 1);
        std::atomic_ref(header->sq_tail).store(tail_);
    }

    drm_zaccel_completion last_completion() const {
        drm_zaccel_completion completion;
        const std::size_t place = (tail_ - 1) % entries;
        std::memcpy(&completion, ring_memory_.data() + ring_.cq_offset + place * ring_.cqe_size,
                    sizeof(completion));
        return completion;
    }

    drm_zaccel_completion run(const drm_zaccel_command& entry) {
        put(entry);
        auto submit = blank<drm_zaccel_ring_submit>();
        submit.id = ring_.id;
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_SUBMIT, submit), 0);
        EXPECT_EQ(submit.fetched, 1U);
        auto wait = blank<drm_zaccel_ring_wait>();
        wait.id = ring_.id;
        wait.index = tail_;
        set_deadline(wait);
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_WAIT, wait), 0);
        expect_tail(wait, tail_);
        return last_completion();
    }

    void expect_filled(const drm_zaccel_completion& completion) {
        EXPECT_EQ(completion.status, 0);
        EXPECT_EQ(completion.result, 64U);
        EXPECT_EQ(memory_[63], written<drm_zaccel_fill>(0x41));
        EXPECT_EQ(memory_[64], 0x77);
    }

    template <typename T>
    std::vector<T> table(std::uint32_t type) {
        auto args = blank<drm_zaccel_query>();
        args.type = type;
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_QUERY, args), 0);
        std::vector<T> elements(args.count, blank<T>());
        args.stride = sizeof(T);
        args.data = reinterpret_cast<std::uintptr_t>(elements.data());
        EXPECT_EQ(call(device_, DRM_IOCTL_ZACCEL_QUERY, args), 0);
        if constexpr (of_the_future<T>) {
            for (const T& element : elements) EXPECT_EQ(element.future, 0U);
        }
        return elements;
    }

    drm_zaccel_command with_params(const drm_zaccel_fill& args) {
        std::memcpy(block_memory_.data(), &args, sizeof(args));
        drm_zaccel_params params{};
        params.slot = block;
        params.size = sizeof(args);
        drm_zaccel_command entry = command(ZACCEL_OP_FILL, params);
        entry.flags |= ZACCEL_CMD_PARAMS;
        return entry;
    }

    const std::uint32_t buffer_ = create_buffer(), block_ = create_buffer();
    const Mapping memory_ = map(buffer_), block_memory_ = map(block_);
    const drm_zaccel_ring_create ring_ = create_ring();
    const Mapping ring_memory_ = map(ring_.handle);
    std::uint32_t tail_ = 0;
};

TEST_F(OtherHeader, ReadsEveryTable) {
    EXPECT_EQ(table<drm_zaccel_device_info>(ZACCEL_QUERY_DEVICE).at(0).max_rings, 64U);
    EXPECT_STREQ(table<drm_zaccel_engine_info>(ZACCEL_QUERY_ENGINES).at(0).name, "soft");
    std::uint32_t opcode = 0;
    for (const auto& op : table<drm_zaccel_operation_info>(ZACCEL_QUERY_OPERATIONS))
        EXPECT_EQ(op.opcode, opcode++);
    EXPECT_EQ(opcode, ZACCEL_OP_EXEC + 1U);
    for (const auto& format : table<drm_zaccel_format_info>(ZACCEL_QUERY_FORMATS))
        EXPECT_NE(format.flags, 0U);
    EXPECT_STREQ(table<drm_zaccel_region_info>(ZACCEL_QUERY_REGIONS).at(0).name, "system");
}

TEST_F(OtherHeader, RunsCommands) {
    drm_zaccel_command fill = command(ZACCEL_OP_FILL, filling());
    fill.dst = data;
    for (std::uint32_t i = 0; i < 3 * entries; i++) {
        memory_[63] = 0x77;
        expect_filled(run(fill));
    }
}

TEST_F(OtherHeader, HasParameterBlocks) { expect_filled(run(with_params(filling()))); }

TEST_F(OtherHeader, WaitsForBuffers) {
    run(command(ZACCEL_OP_FILL, filling()));
    EXPECT_TRUE(eventually([&] {
        auto args = blank<drm_zaccel_buffer_wait>();
        args.handle = buffer_;
        set_deadline(args);
        return call(device_, DRM_IOCTL_ZACCEL_BUFFER_WAIT, args) == 0;
    }));
}

TEST_F(OtherHeader, GivesBuffersAway) {
    auto args = blank<drm_zaccel_buffer_export>();
    args.handle = buffer_;
    args.flags = ZACCEL_EXPORT_READONLY;
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_EXPORT, args), 0);
    EXPECT_GE(Fd(args.fd).get(), 0);
}

TEST_F(OtherHeader, IsToldByAnEventfd) {
    const Fd eventfd(::eventfd(0, EFD_CLOEXEC));
    auto args = blank<drm_zaccel_ring_eventfd>();
    args.id = ring_.id;
    args.fd = eventfd.get();
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_EVENTFD, args), 0);
    run(command(ZACCEL_OP_FILL, filling()));
    eventfd_t count = 0;
    EXPECT_EQ(::eventfd_read(eventfd.get(), &count), 0);
    EXPECT_EQ(count, 1U);
}

TEST_F(OtherHeader, DrivesARingByItsDescriptor) {
    auto args = blank<drm_zaccel_ring_fd>();
    args.id = ring_.id;
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_RING_FD, args), 0);
    const Fd fd(args.fd);
    put(command(ZACCEL_OP_FILL, filling()));
    EXPECT_EQ(::ioctl(fd.get(), DRM_IOCTL_ZACCEL_FD_KICK, 0), 1);
    auto wait = blank<drm_zaccel_ring_wait>();
    wait.index = tail_;
    set_deadline(wait);
    EXPECT_EQ(call(fd, DRM_IOCTL_ZACCEL_FD_WAIT, wait), 0);
    expect_tail(wait, tail_);
    expect_filled(last_completion());
}

#ifdef ZACCEL_FUTURE_FLAG

class FutureHeader : public OtherHeader {
 protected:
    template <typename T>
    void expect_refused(unsigned long request, T args) {
        args.flags |= ZACCEL_FUTURE_FLAG;
        EXPECT_EQ(call(device_, request, args), EINVAL) << std::hex << request;
    }

    template <typename T>
    void expect_refused(unsigned long request, std::uint32_t T::* subject, std::uint32_t name) {
        auto args = blank<T>();
        args.*subject = name;
        expect_refused(request, args);
    }
};

// What it asks for with its flag it is not given by an older kernel without a word.
TEST_F(FutureHeader, FlagIsInvalid) {
    expect_refused(DRM_IOCTL_ZACCEL_QUERY, blank<drm_zaccel_query>());
    auto create = blank<drm_zaccel_buffer_create>();
    create.size = page;
    expect_refused(DRM_IOCTL_ZACCEL_BUFFER_CREATE, create);
    auto ring = blank<drm_zaccel_ring_create>();
    ring.sq_entries = ring.cq_entries = entries;
    expect_refused(DRM_IOCTL_ZACCEL_RING_CREATE, ring);
    expect_refused(DRM_IOCTL_ZACCEL_RING_BIND, &drm_zaccel_ring_bind::id, ring_.id);
    expect_refused(DRM_IOCTL_ZACCEL_RING_SUBMIT, &drm_zaccel_ring_submit::id, ring_.id);
    expect_refused(DRM_IOCTL_ZACCEL_RING_WAIT, &drm_zaccel_ring_wait::id, ring_.id);
    expect_refused(DRM_IOCTL_ZACCEL_BUFFER_WAIT, &drm_zaccel_buffer_wait::handle, buffer_);
    auto exported = blank<drm_zaccel_buffer_export>();
    exported.handle = buffer_;
    exported.flags = ZACCEL_EXPORT_READONLY;
    expect_refused(DRM_IOCTL_ZACCEL_BUFFER_EXPORT, exported);
    auto eventfd = blank<drm_zaccel_ring_eventfd>();
    eventfd.id = ring_.id;
    eventfd.fd = -1;
    expect_refused(DRM_IOCTL_ZACCEL_RING_EVENTFD, eventfd);
    expect_refused(DRM_IOCTL_ZACCEL_RING_FD, &drm_zaccel_ring_fd::id, ring_.id);
}

TEST_F(FutureHeader, FieldOfAnOperationMustBeZero) {
    drm_zaccel_fill args = filling();
    args.future = 1;
    EXPECT_EQ(run(command(ZACCEL_OP_FILL, args)).status, -EINVAL);
    EXPECT_EQ(run(with_params(args)).status, -EINVAL);
    EXPECT_EQ(memory_[0], 0x77);
}

#endif

}  // namespace
}  // namespace uapi_tests
