// SPDX-License-Identifier: MIT
// The hot path allocates nothing. This file replaces operator new for the whole program, the
// library included, and counts.
#include <array>
#include <cstdlib>
#include <new>

#include "fixture.hpp"

namespace {

thread_local std::size_t allocations = 0;

void* counted(std::size_t size) {
    allocations++;
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept try {
    return counted(size);
} catch (const std::bad_alloc&) {
    return nullptr;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using accel::Command;
using lib_tests::long_enough;

class HotPath : public lib_tests::DeviceTest {};

TEST_F(HotPath, AllocatesNothing) {
    const accel::Buffer buffer = accel::Buffer::allocate(device_, 4096);
    accel::Ring ring(device_, {.entries = 8, .completion_entries = 8});
    const accel::Slot slot = ring.bind(buffer);
    const std::size_t before = allocations;

    for (int i = 0; i < 20; i++) {
        const std::array batch{Command::fill(slot, 1), Command::crc32c(slot)};
        const auto index = ring.try_submit(batch);
        ASSERT_TRUE(index && ring.wait_for(*index, long_enough));
        ASSERT_TRUE(ring.try_reap() && ring.try_reap());
        ASSERT_FALSE(ring.try_reap());
    }
    EXPECT_EQ(allocations, before);
}

TEST_F(HotPath, FailsWithoutAllocating) {
    accel::Ring ring(device_, {.entries = 8, .completion_entries = 8});
    const std::array<Command, 8> batch{};
    const std::size_t before = allocations;

    ASSERT_TRUE(ring.try_submit(batch));
    ASSERT_FALSE(ring.try_submit(batch));
    ASSERT_FALSE(ring.wait_for(9, lib_tests::a_moment));
    EXPECT_EQ(allocations, before);
}

TEST_F(HotPath, MapsASecondTimeWithoutAllocating) {
    const accel::Buffer buffer = accel::Buffer::allocate(device_, 4096);
    (void)buffer.map(accel::Access::write);
    const std::size_t before = allocations;
    (void)buffer.map(accel::Access::read);
    EXPECT_EQ(allocations, before);
}

}  // namespace
