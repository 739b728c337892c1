// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "row.hpp"

namespace bench {

/// Many processes at once beside a single one: what they get done together, how evenly, how long
/// each batch takes, and whether anything came out of its order. Wall time.
std::vector<Row> measure_clients();

}  // namespace bench
