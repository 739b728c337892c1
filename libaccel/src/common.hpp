// SPDX-License-Identifier: MIT
#pragma once

// The C headers that library and kernel share, as C++ sees them.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/deps.h"

extern "C" {
#include "common/image.h"
#include "common/ring.h"
}
