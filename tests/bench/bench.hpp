// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// What a figure is made of.
enum class Mode {
    path,    ///< Instructions, in the machine that counts them.
    wall,    ///< Time in the virtual machine.
    native,  ///< Time on this CPU.
};

/// What one item of a case is.
enum class Item { call, pixel, byte };

/// One row to be: a piece of work and what its figure is compared with.
struct Case {
    std::string name;
    std::function<void()> body;
    double items = 1;  ///< What one call does: commands of a batch, pixels, bytes.
    Item item = Item::call;
    std::string against{};         ///< Name of the peer's row, or empty.
    std::optional<double> goal{};  ///< Of the ratio to the peer; of the value where there is none.
    std::function<void()> before = [] {};  ///< Before each round, not counted.
};

/// A row as it is printed. The percentiles are those of single calls, per item; absent where there
/// are too few calls to speak of them.
struct Row {
    std::string name{};
    Mode mode = Mode::native;
    std::string unit{};
    double value = 0;  ///< Median over the rounds of a round's mean.
    std::optional<double> p50{}, p99{}, p999{}, max{};
    std::string against{};
    std::optional<double> goal{};
    bool higher_is_better = false;
};

/// What the program was asked for: --mode MODE. Ends the program when that is not understood.
Mode parse_mode(int argc, char** argv);

/// Runs the cases in nine interleaved rounds, so that whatever disturbs the machine disturbs all of
/// them. A round of a case is as many calls as fill the mode's time for it.
/// @throws std::runtime_error for Mode::path outside of the machine that counts instructions
std::vector<Row> measure(Mode mode, const std::vector<Case>& cases);

/// One JSON object a line on standard output.
void print(const std::vector<Row>& rows);

/// The body of a main(): prints what @p rows returns, or what it throws.
int run(int argc, char** argv, const std::function<std::vector<Row>(Mode)>& rows);

/// @throws std::system_error with errno when @p result is negative
int check(int result, const char* what);

}  // namespace bench
