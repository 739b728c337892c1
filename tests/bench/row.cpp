// SPDX-License-Identifier: MIT
#include "row.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace bench {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::pair<std::string_view, Mode>, 3> modes{
    {{"path", Mode::path}, {"wall", Mode::wall}, {"native", Mode::native}}};

std::string_view name_of(Mode mode) {
    return std::ranges::find(modes, mode, &decltype(modes)::value_type::second)->first;
}

std::string_view name_of(Measure measure) {
    switch (measure) {
        case Measure::value:
            return "value";
        case Measure::ratio:
            return "ratio";
        case Measure::difference:
            break;
    }
    return "difference";
}

Json number(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json to_json(const Row& row, const Comparison& comparison) {
    Json json;
    json["name"] = row.name;
    json["mode"] = name_of(row.mode);
    json["value"] = row.value;
    json["unit"] = row.unit;
    json["p50"] = number(row.p50);
    json["p99"] = number(row.p99);
    json["p999"] = number(row.p999);
    json["max"] = number(row.max);
    json["cpu_ns"] = number(row.cpu_ns);
    json["against"] = comparison.against.empty() ? Json() : Json(comparison.against);
    json["goal"] = number(comparison.goal);
    json["goal_of"] = comparison.goal ? Json(name_of(comparison.measure)) : Json();
    json["better"] = row.higher_is_better ? "higher" : "lower";
    return json;
}

std::optional<double> percentile(const std::vector<double>& sorted, double share) {
    const auto n = static_cast<double>(sorted.size());
    const double place = std::ceil(n * share);
    // At least one lies beyond it.
    if (place >= n) return std::nullopt;
    return sorted[static_cast<std::size_t>(place)];
}

}  // namespace

double median(std::vector<double> values) {
    std::ranges::sort(values);
    const std::size_t n = values.size();
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

void set_percentiles(Row& row, std::vector<double> samples) {
    if (samples.empty()) return;
    if (row.higher_is_better)
        std::ranges::sort(samples, std::greater());
    else
        std::ranges::sort(samples);
    row.p50 = percentile(samples, 0.5);
    row.p99 = percentile(samples, 0.99);
    row.p999 = percentile(samples, 0.999);
    row.max = samples.back();
}

std::optional<Mode> find_mode(const std::string& name) {
    for (const auto& [known, mode] : modes)
        if (known == name) return mode;
    return std::nullopt;
}

void print(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        if (row.comparisons.empty()) std::puts(to_json(row, {}).dump().c_str());
        for (const Comparison& comparison : row.comparisons)
            std::puts(to_json(row, comparison).dump().c_str());
    }
}

}  // namespace bench
