// SPDX-License-Identifier: MIT
#include <accel/expected.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace {

using accel::Errc;
using accel::Expected;
using accel::Unexpected;

Expected<int> good() { return 7; }
Expected<int> bad() { return Unexpected(Errc::ring_full); }

TEST(Expected, HoldsAValue) {
    const Expected<int> e = good();
    ASSERT_TRUE(e);
    EXPECT_TRUE(e.has_value());
    EXPECT_EQ(*e, 7);
    EXPECT_EQ(e.value(), 7);
    EXPECT_EQ(e, 7);
}

TEST(Expected, HoldsAnError) {
    const Expected<int> e = bad();
    ASSERT_FALSE(e);
    EXPECT_EQ(e.error(), Errc::ring_full);
    EXPECT_EQ(e, Unexpected(Errc::ring_full));
    EXPECT_NE(e, good());
}

TEST(Expected, ValueThrowsTheError) {
    try {
        (void)bad().value();
        FAIL() << "no exception";
    } catch (const accel::Error& error) {
        EXPECT_EQ(error.code(), Errc::ring_full);
    }
}

TEST(Expected, ValueOrAndErrorOrFillIn) {
    EXPECT_EQ(good().value_or(1), 7);
    EXPECT_EQ(bad().value_or(1), 1);
    EXPECT_EQ(bad().error_or({}), Errc::ring_full);
    EXPECT_EQ(good().error_or(Errc::busy), Errc::busy);
}

TEST(Expected, CarriesMoveOnlyValues) {
    Expected<std::unique_ptr<int>> e = std::make_unique<int>(3);
    const std::unique_ptr<int> taken = *std::move(e);
    EXPECT_EQ(*taken, 3);

    Expected<std::unique_ptr<int>> in_place(std::in_place, new int(4));
    EXPECT_EQ(**in_place, 4);
    EXPECT_EQ(*in_place->get(), 4);
    Expected<std::unique_ptr<int>> moved = std::move(in_place);
    EXPECT_EQ(*std::move(moved).value(), 4);
}

TEST(Expected, ChainsWithAndThen) {
    const auto half = [](int n) -> Expected<int> {
        if (n % 2 != 0) return Unexpected(Errc::invalid_argument);
        return n / 2;
    };
    EXPECT_EQ(Expected<int>(8).and_then(half).and_then(half), 2);
    EXPECT_EQ(Expected<int>(6).and_then(half).and_then(half), Unexpected(Errc::invalid_argument));
    EXPECT_EQ(bad().and_then(half), Unexpected(Errc::ring_full));
}

TEST(Expected, TransformsValueAndError) {
    const auto text = [](int n) { return std::to_string(n); };
    EXPECT_EQ(good().transform(text), std::string("7"));
    EXPECT_EQ(bad().transform(text).error(), Errc::ring_full);

    int seen = 0;
    const Expected<void> nothing = good().transform([&](int n) { seen = n; });
    EXPECT_TRUE(nothing);
    EXPECT_EQ(seen, 7);

    const auto other = [](std::error_code) { return make_error_code(Errc::busy); };
    EXPECT_EQ(bad().transform_error(other), Unexpected(Errc::busy));
    EXPECT_EQ(good().transform_error(other), 7);
}

TEST(Expected, RecoversWithOrElse) {
    const auto zero = [](std::error_code) { return Expected<int>(0); };
    EXPECT_EQ(bad().or_else(zero), 0);
    EXPECT_EQ(good().or_else(zero), 7);
}

TEST(Expected, SwapsAndAssigns) {
    Expected<int> a = good();
    Expected<int> b = bad();
    swap(a, b);
    EXPECT_FALSE(a);
    EXPECT_EQ(b, 7);
    a = 9;
    EXPECT_EQ(a, 9);
    a = Unexpected(Errc::busy);
    EXPECT_EQ(a.error(), Errc::busy);
    a.emplace(5);
    EXPECT_EQ(a, 5);
}

TEST(ExpectedVoid, IsSuccessOrAnError) {
    const Expected<void> ok;
    const Expected<void> failed = Unexpected(Errc::timed_out);
    EXPECT_TRUE(ok);
    EXPECT_FALSE(failed);
    EXPECT_NO_THROW(ok.value());
    EXPECT_THROW(failed.value(), accel::Error);
    EXPECT_EQ(failed.error(), Errc::timed_out);
    EXPECT_EQ(failed, Unexpected(Errc::timed_out));
    EXPECT_NE(ok, failed);
}

TEST(ExpectedVoid, Chains) {
    const Expected<void> ok;
    const Expected<void> failed = Unexpected(Errc::timed_out);
    EXPECT_EQ(ok.transform([] { return 1; }), 1);
    EXPECT_EQ(failed.transform([] { return 1; }).error(), Errc::timed_out);
    EXPECT_EQ(ok.and_then([] { return Expected<int>(2); }), 2);
    EXPECT_TRUE(failed.or_else([](std::error_code) { return Expected<void>(); }));
}

static_assert(!std::is_convertible_v<std::error_code, Expected<int>>);
static_assert(std::is_nothrow_move_constructible_v<Expected<int>>);
static_assert(std::is_trivially_copyable_v<accel::Unexpected>);

}  // namespace
