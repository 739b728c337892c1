// SPDX-License-Identifier: MIT

// What it costs to share memory with another client, to use what came from elsewhere, and to work
// on it with the CPU, beside the kernel's other makers of dma-bufs.

#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <accel/accel.hpp>
#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench.hpp"
#include "uapi/buffer.hpp"
#include "uapi/foreign.hpp"
#include "uapi/process.hpp"

namespace {

using bench::Case;
using bench::Comparison;
using bench::Item;
using bench::Measure;
using bench::Mode;
using bench::Row;
using uapi_tests::Fd;

constexpr std::size_t page = 4096, kib = 1024, mib = 1024 * kib;
constexpr std::array sizes{4 * kib, mib, 64 * mib};

// Of what udmabuf takes for the same; and of what a use of the smallest buffer takes.
constexpr double share_goal = 1.0, use_goal = 1.05;

std::string text_of(std::size_t size) {
    return size < mib ? std::to_string(size / kib) + " KiB" : std::to_string(size / mib) + " MiB";
}

Fd make_here(const Fd& device, std::size_t size) {
    return uapi_tests::Buffer(device, size).export_dmabuf();
}

Fd make_udmabuf(const Fd& udmabuf, std::size_t size) {
    const Fd memory(
        bench::check(::memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create"));
    bench::check(::ftruncate(memory.get(), static_cast<off_t>(size)), "ftruncate");
    bench::check(::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK), "F_ADD_SEALS");
    udmabuf_create create{};
    create.memfd = static_cast<__u32>(memory.get());
    create.flags = UDMABUF_FLAGS_CLOEXEC;
    create.size = size;
    return Fd(bench::check(::ioctl(udmabuf.get(), UDMABUF_CREATE, &create), "UDMABUF_CREATE"));
}

Fd make_on_heap(std::size_t size) {
    return Fd(bench::check(::dup(uapi_tests::HeapBuffer(size).dmabuf().get()), "dup"));
}

/// What one client makes, sends, and another imports, maps and gives back.
class Sharing {
 public:
    using Make = std::function<Fd(std::size_t)>;

    /// @param touch  write to each page: what is mapped when it is used counts, too
    void run(const Make& make, std::size_t size, bool touch) {
        Fd received;
        {
            const Fd made = make(size);
            pipe_.send(made);
            received = pipe_.receive();
        }
        const auto imported = uapi_tests::Buffer::import(receiver_, received.get());
        const uapi_tests::Mapping memory(received.get(), 0, size);
        if (touch)
            for (std::size_t i = 0; i < size; i += page) memory[i] = 1;
    }

    const Fd& maker() const { return maker_; }

 private:
    Fd maker_ = uapi_tests::open_device();
    Fd receiver_ = uapi_tests::open_device();
    uapi_tests::FdPipe pipe_;
};

/// A buffer of somebody else's that a ring uses again and again.
class Use {
 public:
    Use(const accel::Device& device, const Fd& udmabuf, std::size_t size)
        : dmabuf_(make_udmabuf(udmabuf, size)),
          buffer_(accel::Buffer::import(device, dmabuf_.get())),
          ring_(device, {.entries = 8, .slots = 1}),
          slot_(ring_.bind(buffer_)),
          command_(accel::Command::fill(slot_, 0x0123456789abcdef, {0, 64})) {}

    void run() {
        const std::uint32_t index = ring_.try_submit(command_).value();
        ring_.wait_for(index, accel::forever).value();
        if (!ring_.try_reap().value().ok()) throw std::runtime_error("a command failed");
    }

    const accel::Buffer& buffer() const { return buffer_; }

 private:
    Fd dmabuf_;
    accel::Buffer buffer_;
    accel::Ring ring_;
    accel::Slot slot_;
    accel::Command command_;
};

void write_all(std::byte* bytes, std::size_t size) {
    std::memset(bytes, 0x5a, size);
    asm volatile("" : : "r"(bytes) : "memory");
}

// Into memory that stays in the cache: what is read is what counts.
void read_all(const std::byte* bytes, std::size_t size) {
    static std::array<std::byte, 16 * kib> sink;
    for (std::size_t i = 0; i < size; i += sink.size()) {
        std::memcpy(sink.data(), bytes + i, sink.size());
        asm volatile("" : : "r"(sink.data()) : "memory");
    }
}

class Bench {
 public:
    std::vector<Case> cases(Mode mode);
    Row faults(Mode mode);

 private:
    void add_sharing(std::size_t size, bool touch);
    void add_uses();
    void add_cpu();
    void add_cpu_of(const std::string& what, std::byte* bytes, const std::string& against);

    static constexpr std::size_t cpu_size = 4 * mib;

    Fd udmabuf_{bench::check(::open("/dev/udmabuf", O_RDWR | O_CLOEXEC), "/dev/udmabuf")};
    accel::Device device_ = accel::Device::open();
    Sharing sharing_;
    std::vector<std::unique_ptr<Use>> uses_;
    std::vector<std::byte> plain_;
    std::vector<accel::Mapping> mappings_;
    std::vector<Case> cases_;
};

void Bench::add_sharing(std::size_t size, bool touch) {
    const std::string what = touch ? "share, touch " : "share ";
    const auto add = [&](const char* maker, Sharing::Make make, std::vector<Comparison> peers) {
        cases_.push_back({.name = what + text_of(size) + maker,
                          .body = [this, make = std::move(make), size,
                                   touch] { sharing_.run(make, size, touch); },
                          .comparisons = std::move(peers)});
    };
    const std::string udmabuf = what + text_of(size) + ", udmabuf";
    const std::string heap = what + text_of(size) + ", dma-heap";
    add(", udmabuf", [this](std::size_t n) { return make_udmabuf(udmabuf_, n); }, {});
    add(", dma-heap", make_on_heap, {{.against = udmabuf}});
    add("", [this](std::size_t n) { return make_here(sharing_.maker(), n); },
        {{.against = udmabuf, .goal = share_goal}, {.against = heap}});
}

void Bench::add_uses() {
    const std::string smallest = "use " + text_of(sizes[0]);
    for (const std::size_t size : sizes) {
        uses_.push_back(std::make_unique<Use>(device_, udmabuf_, size));
        std::vector<Comparison> peers;
        if (size != sizes[0]) peers.push_back({.against = smallest, .goal = use_goal});
        cases_.push_back({.name = "use " + text_of(size),
                          .body = [use = uses_.back().get()] { use->run(); },
                          .comparisons = std::move(peers)});
    }
}

void Bench::add_cpu_of(const std::string& what, std::byte* bytes, const std::string& against) {
    const auto add = [&](const std::string& verb, std::function<void()> body) {
        std::vector<Comparison> peers;
        if (!against.empty()) peers.push_back({.against = verb + ", " + against});
        cases_.push_back({.name = verb + ", " + what,
                          .body = std::move(body),
                          .items = static_cast<double>(cpu_size),
                          .item = Item::byte,
                          .comparisons = std::move(peers)});
    };
    add("CPU writes", [bytes] { write_all(bytes, cpu_size); });
    add("CPU reads", [bytes] { read_all(bytes, cpu_size); });
}

// A buffer is shared before it is mapped: that way it is mapped as its dma-buf.
void Bench::add_cpu() {
    plain_.resize(cpu_size);
    add_cpu_of("malloc", plain_.data(), "");
    const Fd theirs = make_udmabuf(udmabuf_, cpu_size);
    const auto map = [this](const accel::Buffer& buffer) {
        return mappings_.emplace_back(buffer.map(accel::Access::read_write)).bytes().data();
    };
    const auto own = accel::Buffer::allocate(device_, cpu_size);
    add_cpu_of("private", map(own), "malloc");
    const auto shared = accel::Buffer::allocate(device_, cpu_size);
    const accel::UniqueFd dmabuf = shared.export_fd();
    add_cpu_of("shared", map(shared), "malloc");
    add_cpu_of("udmabuf", map(accel::Buffer::import(device_, theirs.get())), "malloc");
}

long faults_so_far() {
    rusage usage{};
    bench::check(::getrusage(RUSAGE_SELF, &usage), "getrusage");
    return usage.ru_minflt + usage.ru_majflt;
}

// A frame: the CPU writes it, the device works on it, the CPU reads it.
Row Bench::faults(Mode mode) {
    constexpr int frames = 100;
    Use& use = *uses_.at(1);
    const auto frame = [&] {
        {
            const auto scope = use.buffer().map(accel::Access::write);
            write_all(scope.bytes().data(), scope.bytes().size());
        }
        use.run();
        const auto result = use.buffer().map(accel::Access::read);
        read_all(result.bytes().data(), result.bytes().size());
    };
    // The first ones may fault.
    for (int i = 0; i < 3; i++) frame();
    const long before = faults_so_far();
    for (int i = 0; i < frames; i++) frame();
    return {.name = "page faults of a frame",
            .mode = mode,
            .unit = "faults",
            .value = static_cast<double>(faults_so_far() - before) / frames,
            .comparisons = {bench::value_goal(0)}};
}

std::vector<Case> Bench::cases(Mode mode) {
    for (const std::size_t size : sizes) add_sharing(size, false);
    add_sharing(mib, true);
    add_uses();
    if (mode == Mode::path) return std::move(cases_);

    bench::drop_goals(cases_);  // They are path lengths.
    add_cpu();
    return std::move(cases_);
}

std::vector<Row> rows(Mode mode) {
    if (mode == Mode::native) throw std::runtime_error("there is no device outside of the machine");
    Bench all;
    std::vector<Row> figures = bench::measure(mode, all.cases(mode));
    figures.push_back(all.faults(mode));
    return figures;
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, rows); }
