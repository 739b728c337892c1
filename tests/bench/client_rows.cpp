// SPDX-License-Identifier: MIT
#include "client_rows.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <functional>
#include <iterator>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench.hpp"
#include "clients.hpp"
#include "cpu.hpp"
#include "uapi/crowd.hpp"

namespace bench {

namespace {

constexpr std::size_t many = 64;
constexpr timespec window{.tv_sec = 1, .tv_nsec = 0};

// Of the throughput of one client; Jain's index; batches out of order.
constexpr double throughput_goal = 0.8, fairness_goal = 0.99, order_goal = 0;

// Inside the doorbell, and on the engine's thread.
constexpr std::array works{Work{"nop", 1, 0}, Work{"nop x64", 64, 0},
                           Work{"fill 64 KiB", 1, 64 << 10}};

// What one round showed.
struct Round {
    double throughput = 0;  // commands of all, a second
    double fairness = 0;
    double cpu_ns = 0;  // of all clients and the driver's threads, for a command
    std::uint32_t out_of_order = 0;
    std::uint32_t overtaken = 0;
    std::vector<double> turnarounds;  // ns, of batches
};

std::vector<double> batches_of(const Clients& clients) {
    std::vector<double> all;
    for (std::size_t i = 0; i < clients.size(); i++) all.push_back(clients.log(i).batches);
    return all;
}

// Batches that ended before another had whose doorbell had returned before theirs was rung.
std::uint32_t count_overtaken(std::vector<Batch> batches) {
    std::vector<Batch> by_rung = batches;
    std::ranges::sort(by_rung, {}, &Batch::rung);
    std::ranges::sort(batches, {}, &Batch::begin);
    std::uint32_t count = 0;
    std::int64_t last_done = 0;
    auto earlier = by_rung.cbegin();
    for (const Batch& batch : batches) {
        for (; earlier != by_rung.cend() && earlier->rung < batch.begin; ++earlier)
            last_done = std::max(last_done, earlier->done);
        count += batch.done < last_done;
    }
    return count;
}

void look_into_logs(const Clients& clients, std::size_t count, Round& round) {
    std::vector<Batch> all;
    for (std::size_t i = 0; i < count; i++) {
        const ClientLog& log = clients.log(i);
        round.out_of_order += log.out_of_order;
        all.insert(all.end(), log.record.begin(), log.record.begin() + log.recorded);
    }
    for (const Batch& batch : all)
        round.turnarounds.push_back(static_cast<double>(batch.end - batch.begin));
    if (all.empty()) throw std::runtime_error("the clients do not work");
    round.overtaken = count_overtaken(std::move(all));
}

Round run_round(const Work& work, std::size_t count) {
    Clients clients(work, count);
    std::vector<pid_t> processes = clients.pids();
    std::ranges::copy(driver_threads(), std::back_inserter(processes));
    const CpuTime cpu(processes);

    clients.record(true);
    const double cpu_before = cpu.now();
    const std::vector<double> before = batches_of(clients);
    const std::int64_t begin = monotonic_ns();
    ::nanosleep(&window, nullptr);
    std::vector<double> done = batches_of(clients);
    const auto time = static_cast<double>(monotonic_ns() - begin);
    const double cpu_after = cpu.now();
    clients.record(false);
    clients.stop();

    std::ranges::transform(done, before, done.begin(), std::minus());
    const double commands = work.batch * std::accumulate(done.begin(), done.end(), 0.0);
    Round round{.throughput = commands * 1e9 / time,
                .fairness = uapi_tests::fairness(done),
                .cpu_ns = (cpu_after - cpu_before) / commands};
    look_into_logs(clients, count, round);
    return round;
}

template <typename T>
double median_of(const std::vector<Round>& all, T Round::* field) {
    std::vector<double> values;
    for (const Round& round : all) values.push_back(round.*field);
    return median(std::move(values));
}

double sum_of(const std::vector<Round>& all, std::uint32_t Round::* field) {
    double sum = 0;
    for (const Round& round : all) sum += round.*field;
    return sum;
}

Row throughput_row(const std::string& name, const std::vector<Round>& all) {
    return {.name = name,
            .mode = Mode::wall,
            .unit = "commands/s",
            .value = median_of(all, &Round::throughput),
            .cpu_ns = median_of(all, &Round::cpu_ns),
            .higher_is_better = true};
}

Row turnaround_row(const std::string& name, const std::vector<Round>& all) {
    std::vector<double> medians, samples;
    for (const Round& round : all) {
        medians.push_back(median(round.turnarounds));
        samples.insert(samples.end(), round.turnarounds.begin(), round.turnarounds.end());
    }
    Row row{.name = name, .mode = Mode::wall, .unit = "ns", .value = median(std::move(medians))};
    set_percentiles(row, std::move(samples));
    return row;
}

Row order_row(const std::string& name, const std::vector<Round>& all,
              std::uint32_t Round::* field) {
    return {.name = name,
            .mode = Mode::wall,
            .unit = "violations",
            .value = sum_of(all, field),
            .comparisons = {value_goal(order_goal)}};
}

std::vector<Row> rows_of(const Work& work, const std::vector<Round>& one,
                         const std::vector<Round>& all) {
    const std::string name = work.name, alone = name + ", 1 client",
                      together = name + ", " + std::to_string(many) + " clients";
    Row throughput = throughput_row(together, all);
    throughput.comparisons = {{.against = alone, .goal = throughput_goal}};
    const Row fairness{.name = together + ": fairness",
                       .mode = Mode::wall,
                       .unit = "index",
                       .value = median_of(all, &Round::fairness),
                       .comparisons = {value_goal(fairness_goal)},
                       .higher_is_better = true};
    return {throughput_row(alone, one),
            throughput,
            fairness,
            turnaround_row(together + ": turnaround", all),
            order_row(together + ": out of order", all, &Round::out_of_order),
            order_row(together + ": overtaken", all, &Round::overtaken)};
}

}  // namespace

std::vector<Row> measure_clients() {
    std::array<std::vector<Round>, works.size()> one, all;
    for (unsigned round = 0; round < rounds; round++)
        for (std::size_t i = 0; i < works.size(); i++) {
            one[i].push_back(run_round(works[i], 1));
            all[i].push_back(run_round(works[i], many));
        }
    std::vector<Row> rows;
    for (std::size_t i = 0; i < works.size(); i++)
        std::ranges::move(rows_of(works[i], one[i], all[i]), std::back_inserter(rows));
    return rows;
}

}  // namespace bench
