// SPDX-License-Identifier: MIT
#include "fault.hpp"

#include <exception>

namespace uapi_tests {

// Without a device there is nothing to put back.
Fault::~Fault() {
    try {
        write("none");
    } catch (const std::exception&) {
    }
}

}  // namespace uapi_tests
