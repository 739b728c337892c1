// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "row.hpp"

namespace bench {

/// How long a small batch waits for the engine beside a client that keeps its ring full of slow
/// ones, and how long it is to wait at most: for one of these, or for one slice. Wall time.
std::vector<Row> measure_waits();

}  // namespace bench
