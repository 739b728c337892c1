// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "row.hpp"

namespace bench {

/// What the kernel keeps of an idle ring besides the memory that the program maps, for rings of
/// several sizes.
std::vector<Row> measure_ring_memory();

}  // namespace bench
