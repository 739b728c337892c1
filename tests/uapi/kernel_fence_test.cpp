// SPDX-License-Identifier: MIT

// Which fences of a buffer a batch waits for: every kind that another driver can leave there, met
// by batches that read and that write, with implicit and with explicit synchronisation. The other
// driver is the tests' own, since none of the kernel's virtual ones leaves fences of all kinds.

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ostream>
#include <string>
#include <tuple>

#include "exporter/zaccel_exporter.h"
#include "fixture.hpp"
#include "ring.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;

/// enum dma_resv_usage, in the kernel's order.
enum class Usage { kernel, write, read, bookkeep };
enum class Access { read, write };
enum class Sync { implicit_sync, explicit_sync };

void PrintTo(Usage usage, std::ostream* out) {
    *out << std::array{"Kernel", "Write", "Read", "Bookkeep"}.at(static_cast<std::size_t>(usage));
}
void PrintTo(Access access, std::ostream* out) {
    *out << (access == Access::read ? "Reader" : "Writer");
}
void PrintTo(Sync sync, std::ostream* out) {
    *out << (sync == Sync::implicit_sync ? "Implicit" : "Explicit");
}

/// The tests' own exporter, there for as long as this.
class ExporterModule {
 public:
    ExporterModule() {
        utsname kernel;
        check(::uname(&kernel) == 0 ? 0 : errno, "uname");
        const std::string file =
            std::string(EXPORTER_DIR) + "-" + kernel.release + "/zaccel_exporter.ko";
        const Fd module(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
        check(module ? 0 : errno, file.c_str());
        check(::syscall(SYS_finit_module, module.get(), "", 0) == 0 ? 0 : errno, "finit_module");
    }
    ExporterModule(const ExporterModule&) = delete;
    ExporterModule& operator=(const ExporterModule&) = delete;
    /// Its dma-buf may be given back a moment after the last descriptor of it.
    ~ExporterModule() {
        EXPECT_TRUE(eventually([] {
            return ::syscall(SYS_delete_module, "zaccel_exporter", O_NONBLOCK) == 0;
        })) << "errno "
            << errno;
    }
};

int open_exporter() {
    int fd = -1;
    eventually([&] { return (fd = ::open("/dev/zaccel_exporter", O_RDWR | O_CLOEXEC)) >= 0; });
    check(fd >= 0 ? 0 : errno, "/dev/zaccel_exporter");
    return fd;
}

class ForeignFence : public DeviceTest,
                     public testing::WithParamInterface<std::tuple<Usage, Access, Sync>> {
 protected:
    /// As the kernel's documentation of enum dma_resv_usage has it.
    static bool waits() {
        const auto [usage, access, sync] = GetParam();
        if (sync == Sync::explicit_sync) return usage == Usage::kernel;
        return usage <= (access == Access::write ? Usage::read : Usage::write);
    }

    static drm_zaccel_command command() {
        const auto [usage, access, sync] = GetParam();
        const drm_zaccel_command use =
            access == Access::write ? fill(0, 0, page, 0x51) : crc32c(0, 0, page);
        return sync == Sync::explicit_sync ? with(use, ZACCEL_CMD_EXPLICIT_SYNC) : use;
    }

    ExporterModule module_;
    Fd exporter_{open_exporter()};
    Fd dmabuf_{::ioctl(exporter_.get(), EXPORTER_EXPORT)};
    Buffer buffer_ = Buffer::import(device_, dmabuf_.get());
    Ring ring_{device_};
};

TEST_P(ForeignFence, IsWaitedForWhereItHasToBe) {
    // Before the fence is there, which binding would wait for.
    ASSERT_EQ(ring_.bind_range(0, buffer_, 0, page), 0);
    const int usage = static_cast<int>(std::get<Usage>(GetParam()));
    ASSERT_EQ(::ioctl(exporter_.get(), EXPORTER_ATTACH, usage), 0);
    ring_.put_batch({command()});
    ASSERT_EQ(ring_.submit(), 0);
    if (waits()) {
        Ring bystander(device_);
        EXPECT_EQ(bystander.run_one(nop()).status, 0);
        EXPECT_FALSE(ring_.posted(1));
    } else {
        ring_.wait_for(1);
    }
    EXPECT_EQ(::ioctl(exporter_.get(), EXPORTER_SIGNAL), 0);
    ring_.wait_for(1);
    EXPECT_EQ(ring_.reap().at(0).status, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Of, ForeignFence,
    testing::Combine(testing::Values(Usage::kernel, Usage::write, Usage::read, Usage::bookkeep),
                     testing::Values(Access::read, Access::write),
                     testing::Values(Sync::implicit_sync, Sync::explicit_sync)));

}  // namespace
}  // namespace uapi_tests
