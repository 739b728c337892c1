// SPDX-License-Identifier: MIT
#include "ring_memory.hpp"

#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench.hpp"
#include "uapi/device.hpp"
#include "uapi/ring.hpp"

namespace bench {

namespace {

// What has no page of its own shares pages with others: enough rings for the rest of a page, and
// what else the kernel does meanwhile, to be little to each.
constexpr std::uint32_t files = 16, rings_of_file = 64;

// Besides the size of its mapping.
constexpr double goal = 8192;

// Bytes that the kernel has for itself. A ring's mapping is not among them: it is Shmem.
double kernel_memory() {
    std::ifstream file("/proc/meminfo");
    double kib = 0;
    std::string name;
    for (double value = 0; file >> name >> value;) {
        if (name == "Slab:" || name == "VmallocUsed:" || name == "Percpu:" ||
            name == "KernelStack:")
            kib += value;
        file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    if (kib == 0) throw std::runtime_error("nothing about memory in /proc/meminfo");
    return kib * 1024;
}

drm_zaccel_ring_create make_ring(const uapi_tests::Fd& device, std::uint32_t entries) {
    drm_zaccel_ring_create args = uapi_tests::ring_create_args(
        {.sq_entries = entries, .cq_entries = 2 * entries, .slots = 64});
    uapi_tests::check(uapi_tests::call(device, DRM_IOCTL_ZACCEL_RING_CREATE, args), "RING_CREATE");
    return args;
}

using Files = std::vector<uapi_tests::Fd>;

Files open_files() {
    Files all;
    for (std::uint32_t i = 0; i < files; i++) all.push_back(uapi_tests::open_device());
    return all;
}

Row measure_rings(const Files& devices, std::uint32_t entries) {
    const double before = kernel_memory();
    drm_zaccel_ring_create ring{};
    for (const uapi_tests::Fd& device : devices)
        for (std::uint32_t i = 0; i < rings_of_file; i++) ring = make_ring(device, entries);

    return {.name = "memory of a ring of " + std::to_string(entries),
            .mode = Mode::path,
            .unit = "bytes",
            .value = (kernel_memory() - before) / (files * rings_of_file),
            .comparisons = {value_goal(static_cast<double>(ring.size) + goal)}};
}

}  // namespace

std::vector<Row> measure_ring_memory() {
    std::vector<Row> rows;
    // They all stay until the end: what is being freed would be missing from the next figure.
    std::vector<Files> all;
    for (const std::uint32_t entries : {8, 64, 256})
        rows.push_back(measure_rings(all.emplace_back(open_files()), entries));
    return rows;
}

}  // namespace bench
