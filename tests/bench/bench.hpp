// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "row.hpp"

namespace bench {

/// What everything is measured in: so many, interleaved, so that whatever disturbs the machine
/// disturbs all of it.
inline constexpr unsigned rounds = 9;

/// What one item of a case is.
enum class Item { call, pixel, byte };

/// One figure to be: a piece of work and what it is compared with.
struct Case {
    std::string name;
    std::function<void()> body;
    double items = 1;  ///< What one call does: commands of a batch, pixels, bytes.
    Item item = Item::call;
    std::vector<Comparison> comparisons{};
    std::function<void()> before = [] {};  ///< Before each round, not counted.
    std::function<void()> after = [] {};   ///< After each round, not counted.
};

/// Runs the cases in interleaved rounds. A round of a case is as many calls as fill the mode's time
/// for it; its value is the median over the rounds of a round's mean, its percentiles are those of
/// single calls. Its CPU time is that of this process and of the driver's kernel threads.
/// @throws std::runtime_error for Mode::path outside of the machine that counts instructions
std::vector<Row> measure(Mode mode, const std::vector<Case>& cases);

/// Leaves the comparisons, but nothing to reach: for goals of another mode.
void drop_goals(std::vector<Case>& cases);

/// The body of a main() with the arguments --mode MODE: prints what @p rows returns, or what it
/// throws.
int run(int argc, char** argv, const std::function<std::vector<Row>(Mode)>& rows);

/// @throws std::system_error with errno when @p result is negative
int check(int result, const char* what);

}  // namespace bench
