// SPDX-License-Identifier: MIT
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <new>

#include "device.hpp"

namespace uapi_tests {

/// Memory that child processes share with the test, all zero at first.
template <typename T>
class SharedArray {
 public:
    explicit SharedArray(std::size_t size) : bytes_(size * sizeof(T)) {
        void* memory =
            ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        check(memory == MAP_FAILED ? errno : 0, "mmap");
        elements_ = new (memory) T[size]();
    }
    SharedArray(const SharedArray&) = delete;
    SharedArray& operator=(const SharedArray&) = delete;
    ~SharedArray() { ::munmap(elements_, bytes_); }

    T& operator[](std::size_t i) const { return elements_[i]; }

 private:
    std::size_t bytes_;
    T* elements_;
};

}  // namespace uapi_tests
