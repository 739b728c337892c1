// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <accel/error.hpp>

namespace accel::detail {

/// Throws what @p number (an errno) means for @p thing.
[[noreturn]] inline void fail(int number, const std::string& thing) {
    throw Error(error_from_errno(number), thing, number);
}

/// The same where the errno means something special here.
[[noreturn]] inline void fail(Errc errc, const std::string& thing, int number = 0) {
    throw Error(make_error_code(errc), thing, number);
}

/// @p thing is only made where it is needed, so that the way without errors costs no string.
template <class Thing>
void check(int number, Thing&& thing) {
    if (number != 0) fail(number, thing());
}

}  // namespace accel::detail
