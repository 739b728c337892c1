// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "late.hpp"

namespace uapi_tests {

/// Where the indices of rings begin that are created in its scope.
class FirstIndex {
 public:
    explicit FirstIndex(std::uint32_t first) { set(first); }
    FirstIndex(const FirstIndex&) = delete;
    FirstIndex& operator=(const FirstIndex&) = delete;
    ~FirstIndex() { LateMode::write("first_index", "0"); }

    static void set(std::uint32_t first) {
        check(LateMode::write("first_index", std::to_string(first)), "first_index");
    }
};

}  // namespace uapi_tests
