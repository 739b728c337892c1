// SPDX-License-Identifier: MIT
#pragma once

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

/// What a goal is a limit of.
enum class Measure {
    value,       ///< The figure itself.
    ratio,       ///< The figure, divided by the peer's.
    difference,  ///< The figure, less the peer's.
};

/// What a figure is compared with, and how that is to come out.
struct Comparison {
    std::string against{};  ///< Name of the peer's row, or empty.
    Measure measure = Measure::ratio;
    std::optional<double> goal{};  ///< At most that; at least, where higher is better.
};

/// The figure itself, whatever others are.
inline Comparison value_goal(double goal) { return {.measure = Measure::value, .goal = goal}; }

/// One figure, and what it is compared with: as many rows when it is printed.
struct Row {
    std::string name{};
    Mode mode = Mode::native;
    std::string unit{};
    double value = 0;
    std::optional<double> p50{}, p99{}, p999{}, max{};
    std::optional<double> cpu_ns{};  ///< CPU time, where it was looked at.
    std::vector<Comparison> comparisons{};
    bool higher_is_better = false;
};

double median(std::vector<double> values);

/// Sets the percentiles, counted towards the worse side; one that no sample lies beyond stays
/// absent.
void set_percentiles(Row& row, std::vector<double> samples);

/// What its name says, or nothing.
std::optional<Mode> find_mode(const std::string& name);

/// One JSON object a line on standard output.
void print(const std::vector<Row>& rows);

}  // namespace bench
