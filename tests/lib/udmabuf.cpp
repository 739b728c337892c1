// SPDX-License-Identifier: MIT
#include "udmabuf.hpp"

#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace lib_tests {

namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Udmabuf::Udmabuf(std::size_t size)
    : memfd_(::memfd_create("accel-test", MFD_ALLOW_SEALING | MFD_CLOEXEC)) {
    const accel::UniqueFd driver(::open("/dev/udmabuf", O_RDWR | O_CLOEXEC));
    if (!memfd_ || !driver) fail("/dev/udmabuf");
    if (::ftruncate(memfd_.get(), static_cast<off_t>(size)) != 0) fail("ftruncate");
    if (::fcntl(memfd_.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0) fail("F_ADD_SEALS");

    udmabuf_create create{};
    create.memfd = static_cast<__u32>(memfd_.get());
    create.flags = UDMABUF_FLAGS_CLOEXEC;
    create.size = size;
    dmabuf_.reset(::ioctl(driver.get(), UDMABUF_CREATE, &create));
    if (!dmabuf_) fail("UDMABUF_CREATE");

    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd_.get(), 0);
    if (memory == MAP_FAILED) fail("mmap");
    bytes_ = {static_cast<std::uint8_t*>(memory), size};
}

Udmabuf::~Udmabuf() { ::munmap(bytes_.data(), bytes_.size()); }

}  // namespace lib_tests
