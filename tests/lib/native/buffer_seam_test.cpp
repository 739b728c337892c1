// SPDX-License-Identifier: MIT
#include <accel/buffer.hpp>

#include <cerrno>

#include <accel/error.hpp>

#include "fake_kernel.hpp"

namespace {

using accel::Buffer;
using accel::Errc;

class BufferImportError : public lib_tests::FakeKernelTest {
 protected:
    std::error_code import_error() {
        try {
            Buffer::import(device_, device_.fd());
        } catch (const accel::Error& error) {
            EXPECT_EQ(error.os_error(), EINVAL);
            return error.code();
        }
        return {};
    }
};

TEST_F(BufferImportError, TellsUnusableMemoryFromAnotherKindOfDescriptor) {
    kernel_.prime_import = [](int) { return EINVAL; };
    EXPECT_EQ(import_error(), Errc::not_a_dmabuf);
    kernel_.is_dmabuf = [](int) { return true; };
    EXPECT_EQ(import_error(), Errc::constraint_unmet);
}

}  // namespace
