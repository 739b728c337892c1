// SPDX-License-Identifier: MIT
#include "memory.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <fstream>
#include <string>

namespace uapi_tests {

namespace {

constexpr std::size_t page = 4096;

}  // namespace

// In this order: read-only, writable, and a hole that stays reserved so that nothing else is put
// there.
BadMemory::BadMemory() {
    void* memory =
        ::mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory == MAP_FAILED ? errno : 0, "mmap");
    read_only_ = static_cast<std::uint8_t*>(memory);
    unmapped_ = read_only_ + 2 * page;
    check(::mprotect(read_only_, page, PROT_READ) == 0 ? 0 : errno, "mprotect");
    check(::mprotect(unmapped_, page, PROT_NONE) == 0 ? 0 : errno, "mprotect");
}

BadMemory::~BadMemory() { ::munmap(read_only_, 3 * page); }

std::int64_t shared_memory() {
    std::ifstream meminfo("/proc/meminfo");
    std::string word;
    std::int64_t kib = 0;
    while (meminfo >> word)
        if (word == "Shmem:" && meminfo >> kib) break;
    return kib * 1024;
}

}  // namespace uapi_tests
