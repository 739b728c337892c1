// SPDX-License-Identifier: MIT

// The kernel's log is not for programs to write, right or wrong.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "ring.hpp"

namespace uapi_tests {
namespace {

/// What was logged since its making, at any level.
class NewRecords {
 public:
    NewRecords() {
        check(fd_ ? 0 : errno, "/dev/kmsg");
        check(::lseek(fd_.get(), 0, SEEK_END) < 0 ? errno : 0, "end of /dev/kmsg");
    }

    std::vector<std::string> take() const {
        std::vector<std::string> records;
        char record[8192];
        for (;;) {
            const ssize_t size = ::read(fd_.get(), record, sizeof(record));
            if (size > 0)
                records.emplace_back(record, static_cast<std::size_t>(size));
            else if (errno != EPIPE)  // some were overwritten
                return records;
        }
    }

 private:
    Fd fd_{::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
};

bool names_the_device(const std::string& record) {
    return record.find("accel") != std::string::npos || record.find("[drm") != std::string::npos;
}

class Log : public DeviceTest {
 protected:
    static constexpr int times = 1000;

    Ring ring_{device_};
};

TEST_F(Log, IsNotWrittenByCommandsOrDoorbells) {
    const NewRecords log;
    for (int i = 0; i < times; i++) {
        EXPECT_EQ(ring_.run_one(nop()).status, 0);
        EXPECT_EQ(ring_.run_one(fill(99, 0, 1, 1)).status, -EBADSLT);
    }
    const std::uint32_t tail = ring_.sq_tail();
    ring_.set_sq_tail(tail - 1);
    for (int i = 0; i < times; i++) EXPECT_EQ(ring_.submit(), EINVAL);
    ring_.set_sq_tail(tail);
    // The rest of the kernel may have something to say.
    const std::vector<std::string> records = log.take();
    EXPECT_LT(records.size(), 10U);
    const auto ours = std::find_if(records.begin(), records.end(), names_the_device);
    EXPECT_EQ(ours, records.end()) << *ours;
}

}  // namespace
}  // namespace uapi_tests
