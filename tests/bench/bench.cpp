// SPDX-License-Identifier: MIT
#include "bench.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "cpu.hpp"

namespace bench {

namespace {

// Raw: what adjusts the clock must not adjust a figure.
double now() noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// Two instructions a turn, whatever the compiler thinks.
void spin([[maybe_unused]] std::uint64_t turns) noexcept {
#if defined(__x86_64__)
    asm volatile("1: dec %0\n\tjnz 1b" : "+r"(turns) : : "cc");
#endif
}

// Where time is counted in instructions, this finds how many nanoseconds one is given.
double ns_per_instruction() {
    constexpr std::uint64_t turns = 1'000'000;
    double best = HUGE_VAL;
    for (int i = 0; i < 5; i++) {
        const double begin = now();
        spin(turns);
        best = std::min(best, (now() - begin) / (2.0 * turns));
    }
    // 2 ns is what the machine is told; hardly any machine that is not told so takes as long.
    if (best < 1.98 || best > 2.02)
        throw std::runtime_error(
            "an instruction takes " + std::to_string(best) +
            " ns, not 2: path lengths need a machine that counts instructions");
    return best;
}

double clock_cost() noexcept {
    std::vector<double> costs;
    double last = now();
    for (int i = 0; i < 1000; i++) {
        const double next = now();
        costs.push_back(next - last);
        last = next;
    }
    return median(std::move(costs));
}

// Nanoseconds of each call; of the call that stands for each round; of CPU time of the mean call.
struct Samples {
    std::vector<double> calls;
    std::vector<double> rounds;
    std::vector<double> cpu;
};

// Nanoseconds that a round of one case takes. By the machine that counts instructions four of the
// timer's ticks, each of which costs as much as twenty system calls: a round with one more or less
// must not look like another path. Elsewhere enough calls for percentiles.
double round_time(Mode mode) {
    return mode == Mode::path ? 16e6 : mode == Mode::wall ? 50e6 : 20e6;
}

std::size_t calls_of(const Case& what, double time) {
    constexpr double most = 4096;
    what.before();
    double best = HUGE_VAL;
    for (int i = 0; i < 3; i++) {
        const double begin = now();
        what.body();
        best = std::min(best, now() - begin);
    }
    what.after();
    return static_cast<std::size_t>(std::clamp(time / best, 1.0, most));
}

// What the case before left to be done later (memory to free, above all) is done now. Idle time is
// skipped by the machine that counts instructions.
void settle() {
    const timespec time{.tv_sec = 0, .tv_nsec = 30'000'000};
    ::nanosleep(&time, nullptr);
}

// Whose CPU time is looked at; found out anew for each round, as threads come and go.
CpuTime cpu_time(Mode mode) {
    if (mode != Mode::wall) return CpuTime({});
    std::vector<pid_t> processes = driver_threads();
    processes.push_back(::getpid());
    return CpuTime(processes);
}

void run_round(const Case& what, Mode mode, double cost, std::vector<double>& calls,
               Samples& samples) {
    const CpuTime cpu = cpu_time(mode);
    const double cpu_before = cpu.now(), first = now();
    double begin = first;
    for (double& call : calls) {
        what.body();
        const double end = now();
        call = std::max(end - begin - cost, 0.0);
        begin = end;
    }
    const auto count = static_cast<double>(calls.size());
    samples.cpu.push_back((cpu.now() - cpu_before) / count);
    // A machine that is emulated beside others stands still for milliseconds now and then, in every
    // round: there the median call stands for the others. Counted, the mean one does.
    samples.rounds.push_back(mode == Mode::wall ? median(calls) : (begin - first) / count - cost);
}

void prepare_and_run_round(const Case& what, Mode mode, std::size_t count, double cost,
                           Samples& samples) {
    if (mode != Mode::native) settle();
    // Memory that was written before: the faults of fresh pages would be counted too.
    std::vector<double> calls(count);
    what.before();
    run_round(what, mode, cost, calls, samples);
    what.after();
    samples.calls.insert(samples.calls.end(), calls.begin(), calls.end());
}

std::string unit_of(Mode mode, Item item) {
    const std::string base = mode == Mode::path ? "instructions" : "ns";
    switch (item) {
        case Item::pixel:
            return base + "/pixel";
        case Item::byte:
            return mode == Mode::path ? base + "/byte" : "MB/s";
        case Item::call:
            break;
    }
    return base;
}

Row to_row(const Case& what, Mode mode, double ns_per_unit, Samples samples) {
    const bool rate = mode != Mode::path && what.item == Item::byte;
    const auto convert = [&](double ns) {
        const double units = ns / ns_per_unit / what.items;
        return rate ? 1e3 / units : units;
    };

    Row row{.name = what.name,
            .mode = mode,
            .unit = unit_of(mode, what.item),
            .value = convert(median(samples.rounds)),
            .comparisons = what.comparisons,
            .higher_is_better = rate};
    if (mode == Mode::wall) row.cpu_ns = median(samples.cpu) / what.items;
    std::ranges::transform(samples.calls, samples.calls.begin(), convert);
    set_percentiles(row, std::move(samples.calls));
    return row;
}

Mode parse_mode(int argc, char** argv) {
    if (argc == 3 && std::string_view(argv[1]) == "--mode")
        if (const auto mode = find_mode(argv[2])) return *mode;
    std::fprintf(stderr, "usage: %s --mode path|wall|native\n", argv[0]);
    std::exit(2);
}

}  // namespace

std::vector<Row> measure(Mode mode, const std::vector<Case>& cases) {
    const double ns_per_unit = mode == Mode::path ? ns_per_instruction() : 1;
    const double cost = clock_cost();
    std::vector<Samples> samples(cases.size());
    std::vector<std::size_t> calls;

    for (const Case& one : cases) calls.push_back(calls_of(one, round_time(mode)));
    for (unsigned round = 0; round < rounds; round++)
        for (std::size_t i = 0; i < cases.size(); i++)
            prepare_and_run_round(cases[i], mode, calls[i], cost, samples[i]);

    std::vector<Row> rows;
    for (std::size_t i = 0; i < cases.size(); i++)
        rows.push_back(to_row(cases[i], mode, ns_per_unit, std::move(samples[i])));
    return rows;
}

void drop_goals(std::vector<Case>& cases) {
    for (Case& one : cases)
        for (Comparison& comparison : one.comparisons) comparison.goal.reset();
}

int run(int argc, char** argv, const std::function<std::vector<Row>(Mode)>& rows) {
    const Mode mode = parse_mode(argc, argv);
    try {
        print(rows(mode));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
        return 1;
    }
}

int check(int result, const char* what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
    return result;
}

}  // namespace bench
