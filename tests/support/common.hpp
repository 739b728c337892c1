// SPDX-License-Identifier: MIT
#pragma once

// The C headers of common/, as C++ sees them.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <drm/drm_fourcc.h>

#include "common/deps.h"

extern "C" {
#include "common/image.h"
#include "common/ops.h"
#include "common/ring.h"
}
