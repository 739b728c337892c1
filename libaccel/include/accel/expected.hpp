// SPDX-License-Identifier: MIT
#pragma once

#include <accel/error.hpp>
#include <accel/export.hpp>
#include <functional>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

namespace accel {

/// An error on its way into an Expected, as std::unexpected is.
class Unexpected {
 public:
    explicit Unexpected(std::error_code error) noexcept : error_(error) {}
    explicit Unexpected(Errc error) noexcept : error_(make_error_code(error)) {}

    const std::error_code& error() const noexcept { return error_; }

    friend bool operator==(const Unexpected& a, const Unexpected& b) noexcept {
        return a.error_ == b.error_;
    }

 private:
    std::error_code error_;
};

/// Tag for making an Expected that holds an error in place, as std::unexpect is.
struct unexpect_t {
    explicit unexpect_t() = default;
};
inline constexpr unexpect_t unexpect{};

template <class T>
class Expected;

namespace detail {
template <class T>
inline constexpr bool is_expected = false;
template <class T>
inline constexpr bool is_expected<Expected<T>> = true;

// T(f(args...)), where T may be void.
template <class F, class... Args>
auto transformed(F&& f, Args&&... args) {
    using U = std::remove_cv_t<std::invoke_result_t<F, Args...>>;
    if constexpr (std::is_void_v<U>) {
        std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
        return Expected<U>();
    } else {
        return Expected<U>(std::in_place,
                           std::invoke(std::forward<F>(f), std::forward<Args>(args)...));
    }
}

template <class F, class... Args>
auto chained(F&& f, Args&&... args) {
    using U = std::remove_cvref_t<std::invoke_result_t<F, Args...>>;
    static_assert(is_expected<U>, "and_then and or_else take a function that returns an Expected");
    return std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
}
}  // namespace detail

/// A T, or the std::error_code that says why there is none. Has the interface of
/// std::expected<T, std::error_code> (a type of its own, so that the library's ABI does not depend
/// on the language version of its user). value() throws accel::Error where there is no value.
/// Reentrant.
template <class T>
class [[nodiscard]] Expected {
 public:
    using value_type = T;
    using error_type = std::error_code;
    using unexpected_type = Unexpected;

    Expected() noexcept(std::is_nothrow_default_constructible_v<T>)
        requires std::is_default_constructible_v<T>
        : state_(std::in_place_index<0>) {}

    template <class U = T>
        requires(!std::is_same_v<std::remove_cvref_t<U>, Expected> &&
                 !std::is_same_v<std::remove_cvref_t<U>, Unexpected> &&
                 !std::is_same_v<std::remove_cvref_t<U>, std::in_place_t> &&
                 std::is_constructible_v<T, U>)
    explicit(!std::is_convertible_v<U, T>)
        Expected(U&& value) noexcept(std::is_nothrow_constructible_v<T, U>)
        : state_(std::in_place_index<0>, std::forward<U>(value)) {}

    Expected(Unexpected error) noexcept : state_(std::in_place_index<1>, error.error()) {}

    template <class... Args>
        requires std::is_constructible_v<T, Args...>
    explicit Expected(std::in_place_t, Args&&... args)
        : state_(std::in_place_index<0>, std::forward<Args>(args)...) {}

    template <class... Args>
        requires std::is_constructible_v<std::error_code, Args...>
    explicit Expected(unexpect_t, Args&&... args) noexcept
        : state_(std::in_place_index<1>, std::forward<Args>(args)...) {}

    bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /// @throws Error where there is no value
    T& value() & { return checked(), **this; }
    const T& value() const& { return checked(), **this; }
    T&& value() && { return checked(), *std::move(*this); }
    const T&& value() const&& { return checked(), *std::move(*this); }

    // Undefined where has_value() is false, as in std::expected.
    T& operator*() & noexcept { return *std::get_if<0>(&state_); }
    const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
    T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
    const T&& operator*() const&& noexcept { return std::move(*std::get_if<0>(&state_)); }
    T* operator->() noexcept { return std::get_if<0>(&state_); }
    const T* operator->() const noexcept { return std::get_if<0>(&state_); }

    // Undefined where has_value() is true, as in std::expected.
    std::error_code& error() noexcept { return *std::get_if<1>(&state_); }
    const std::error_code& error() const noexcept { return *std::get_if<1>(&state_); }

    template <class U>
    T value_or(U&& other) const& {
        return has_value() ? **this : static_cast<T>(std::forward<U>(other));
    }
    template <class U>
    T value_or(U&& other) && {
        return has_value() ? *std::move(*this) : static_cast<T>(std::forward<U>(other));
    }
    std::error_code error_or(std::error_code other) const noexcept {
        return has_value() ? other : error();
    }

    template <class... Args>
        requires std::is_nothrow_constructible_v<T, Args...>
    T& emplace(Args&&... args) noexcept {
        return state_.template emplace<0>(std::forward<Args>(args)...);
    }

    template <class F>
    auto and_then(F&& f) & {
        using R = decltype(detail::chained(std::forward<F>(f), **this));
        return has_value() ? detail::chained(std::forward<F>(f), **this) : R(Unexpected(error()));
    }
    template <class F>
    auto and_then(F&& f) const& {
        using R = decltype(detail::chained(std::forward<F>(f), **this));
        return has_value() ? detail::chained(std::forward<F>(f), **this) : R(Unexpected(error()));
    }
    template <class F>
    auto and_then(F&& f) && {
        using R = decltype(detail::chained(std::forward<F>(f), *std::move(*this)));
        return has_value() ? detail::chained(std::forward<F>(f), *std::move(*this))
                           : R(Unexpected(error()));
    }

    template <class F>
    auto transform(F&& f) & {
        using R = decltype(detail::transformed(std::forward<F>(f), **this));
        return has_value() ? detail::transformed(std::forward<F>(f), **this)
                           : R(Unexpected(error()));
    }
    template <class F>
    auto transform(F&& f) const& {
        using R = decltype(detail::transformed(std::forward<F>(f), **this));
        return has_value() ? detail::transformed(std::forward<F>(f), **this)
                           : R(Unexpected(error()));
    }
    template <class F>
    auto transform(F&& f) && {
        using R = decltype(detail::transformed(std::forward<F>(f), *std::move(*this)));
        return has_value() ? detail::transformed(std::forward<F>(f), *std::move(*this))
                           : R(Unexpected(error()));
    }

    template <class F>
    Expected or_else(F&& f) const& {
        return has_value() ? *this : Expected(detail::chained(std::forward<F>(f), error()));
    }
    template <class F>
    Expected or_else(F&& f) && {
        return has_value() ? std::move(*this)
                           : Expected(detail::chained(std::forward<F>(f), error()));
    }

    template <class F>
    Expected transform_error(F&& f) const& {
        return has_value() ? *this : Expected(Unexpected(std::invoke(std::forward<F>(f), error())));
    }
    template <class F>
    Expected transform_error(F&& f) && {
        return has_value() ? std::move(*this)
                           : Expected(Unexpected(std::invoke(std::forward<F>(f), error())));
    }

    void swap(Expected& other) noexcept(noexcept(state_.swap(other.state_))) {
        state_.swap(other.state_);
    }
    friend void swap(Expected& a, Expected& b) noexcept(noexcept(a.swap(b))) { a.swap(b); }

    template <class U>
        requires(!std::is_void_v<U>)
    friend bool operator==(const Expected& a, const Expected<U>& b) {
        if (a.has_value() != b.has_value()) return false;
        return a.has_value() ? *a == *b : a.error() == b.error();
    }
    template <class U>
        requires(!detail::is_expected<U> && !std::is_same_v<U, Unexpected>)
    friend bool operator==(const Expected& a, const U& b) {
        return a.has_value() && *a == b;
    }
    friend bool operator==(const Expected& a, const Unexpected& b) noexcept {
        return !a.has_value() && a.error() == b.error();
    }

 private:
    void checked() const {
        if (!has_value()) throw Error(error());
    }

    std::variant<T, std::error_code> state_;
};

/// Success, or the std::error_code that says why not.
template <>
class [[nodiscard]] Expected<void> {
 public:
    using value_type = void;
    using error_type = std::error_code;
    using unexpected_type = Unexpected;

    Expected() noexcept = default;
    explicit Expected(std::in_place_t) noexcept {}
    Expected(Unexpected error) noexcept : error_(error.error()), failed_(true) {}
    template <class... Args>
        requires std::is_constructible_v<std::error_code, Args...>
    explicit Expected(unexpect_t, Args&&... args) noexcept
        : error_(std::forward<Args>(args)...), failed_(true) {}

    bool has_value() const noexcept { return !failed_; }
    explicit operator bool() const noexcept { return has_value(); }

    /// @throws Error where there is no success
    void value() const {
        if (failed_) throw Error(error_);
    }
    void operator*() const noexcept {}

    std::error_code& error() noexcept { return error_; }
    const std::error_code& error() const noexcept { return error_; }
    std::error_code error_or(std::error_code other) const noexcept {
        return failed_ ? error_ : other;
    }
    void emplace() noexcept { *this = Expected(); }

    template <class F>
    auto and_then(F&& f) const {
        using R = decltype(detail::chained(std::forward<F>(f)));
        return failed_ ? R(Unexpected(error_)) : detail::chained(std::forward<F>(f));
    }
    template <class F>
    auto transform(F&& f) const {
        using R = decltype(detail::transformed(std::forward<F>(f)));
        return failed_ ? R(Unexpected(error_)) : detail::transformed(std::forward<F>(f));
    }
    template <class F>
    Expected or_else(F&& f) const {
        return failed_ ? Expected(detail::chained(std::forward<F>(f), error_)) : *this;
    }
    template <class F>
    Expected transform_error(F&& f) const {
        return failed_ ? Expected(Unexpected(std::invoke(std::forward<F>(f), error_))) : *this;
    }

    void swap(Expected& other) noexcept {
        std::swap(error_, other.error_);
        std::swap(failed_, other.failed_);
    }
    friend void swap(Expected& a, Expected& b) noexcept { a.swap(b); }

    friend bool operator==(const Expected& a, const Expected& b) noexcept {
        return a.failed_ == b.failed_ && (!a.failed_ || a.error_ == b.error_);
    }
    friend bool operator==(const Expected& a, const Unexpected& b) noexcept {
        return a.failed_ && a.error_ == b.error();
    }

 private:
    std::error_code error_;
    bool failed_ = false;
};

}  // namespace accel
