// SPDX-License-Identifier: MIT
#include <accel/error.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>
#include <type_traits>

namespace {

using accel::Errc;
using accel::Error;
using accel::error_from_errno;

struct Mapping {
    int number;
    Errc errc;
};

constexpr Mapping mappings[] = {
    {ENODEV, Errc::device_lost},
    {ENXIO, Errc::device_lost},
    {ETIME, Errc::timed_out},
    {ETIMEDOUT, Errc::timed_out},
    {EBADF, Errc::bad_descriptor},
    {ENOENT, Errc::not_found},
    {EINVAL, Errc::invalid_argument},
    {ERANGE, Errc::out_of_range},
    {EBADSLT, Errc::bad_slot},
    {E2BIG, Errc::too_large},
    {EACCES, Errc::access_denied},
    {EPERM, Errc::access_denied},
    {ENOMEM, Errc::out_of_memory},
    {ENOSPC, Errc::quota_exceeded},
    {EMFILE, Errc::quota_exceeded},
    {ENFILE, Errc::quota_exceeded},
    {EDQUOT, Errc::quota_exceeded},
    {EOPNOTSUPP, Errc::not_supported},
    {ENOTTY, Errc::not_supported},
    {ECANCELED, Errc::canceled},
    {EINTR, Errc::interrupted},
    {EBUSY, Errc::busy},
    {EAGAIN, Errc::busy},
    {EIO, Errc::io_error},
};

TEST(ErrorFromErrno, MapsWhatItLists) {
    for (const auto& [number, errc] : mappings)
        EXPECT_EQ(error_from_errno(number), errc) << "errno " << number;
}

TEST(ErrorFromErrno, ZeroIsSuccess) { EXPECT_FALSE(error_from_errno(0)); }

TEST(ErrorFromErrno, KeepsOtherNumbersInTheSystemsCategory) {
    const std::error_code code = error_from_errno(EFAULT);
    EXPECT_EQ(code.category(), std::system_category());
    EXPECT_EQ(code.value(), EFAULT);
}

TEST(ErrorCategory, HasAMessageOfItsOwnForEachErrc) {
    std::set<std::string> messages;
    constexpr int last = static_cast<int>(Errc::io_error);

    for (int value = 1; value <= last; value++) messages.insert(accel::category().message(value));
    EXPECT_EQ(messages.size(), static_cast<std::size_t>(last));
    EXPECT_EQ(accel::category().message(9999), "unknown error 9999");
    EXPECT_STREQ(accel::category().name(), "accel");
}

TEST(ErrorCategory, ComparesEqualToTheStandardsConditions) {
    EXPECT_EQ(make_error_code(Errc::timed_out), std::errc::timed_out);
    EXPECT_EQ(make_error_code(Errc::device_lost), std::errc::no_such_device);
    EXPECT_EQ(make_error_code(Errc::canceled), std::errc::operation_canceled);
    EXPECT_NE(make_error_code(Errc::not_a_dmabuf), std::errc::invalid_argument);
}

TEST(Error, NamesTheThingTheMeaningAndTheNumber) {
    const Error error(Errc::not_a_dmabuf, "import of fd 7", EINVAL);
    EXPECT_STREQ(error.what(), "import of fd 7: not a dma-buf (EINVAL)");
    EXPECT_EQ(error.code(), Errc::not_a_dmabuf);
    EXPECT_EQ(error.os_error(), EINVAL);
}

TEST(Error, LeavesOutWhatThereIsNone) {
    EXPECT_STREQ(Error(Errc::ring_full).what(), "ring full");
    EXPECT_STREQ(Error(Errc::ring_full, "batch").what(), "batch: ring full");
}

TEST(Error, IsASystemErrorAndSurvivesCopying) {
    try {
        const Error original(Errc::busy, "thing", EBUSY);
        throw original;
    } catch (const std::system_error& error) {
        EXPECT_STREQ(error.what(), "thing: busy (EBUSY)");
    }
}

static_assert(std::is_nothrow_copy_constructible_v<Error>, "as an exception has to be");

}  // namespace
