// SPDX-License-Identifier: MIT

// The machine has no more to give: files, memory that it would have to promise.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <string>

#include "fixture.hpp"
#include "process.hpp"
#include "ring.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr uid_t nobody = 65534;

/// A setting of the machine, until the scope ends.
class Sysctl {
 public:
    Sysctl(const std::string& name, const std::string& value) : path_("/proc/sys/" + name) {
        std::ifstream(path_) >> before_;
        write(value);
    }
    Sysctl(const Sysctl&) = delete;
    Sysctl& operator=(const Sysctl&) = delete;
    ~Sysctl() { std::ofstream(path_) << before_; }

    void write(const std::string& value) {
        std::ofstream file(path_);
        file << value << std::flush;
        check(file ? 0 : EIO, path_.c_str());
    }

 private:
    std::string path_;
    std::string before_;
};

/// One call each of all that make something.
class Limits : public DeviceTest {
 protected:
    int create_buffer() {
        drm_zaccel_buffer_create args{};
        args.size = page;
        return call(device_, DRM_IOCTL_ZACCEL_BUFFER_CREATE, args);
    }

    int create_ring() {
        drm_zaccel_ring_create args = ring_create_args();
        return call(device_, DRM_IOCTL_ZACCEL_RING_CREATE, args);
    }

    int open_ring() {
        drm_zaccel_ring_fd args{};
        args.id = ring_.id();
        const int error = call(device_, DRM_IOCTL_ZACCEL_RING_FD, args);
        const Fd fd(error == 0 ? args.fd : -1);
        return error;
    }

    int export_readonly() {
        drm_zaccel_buffer_export args{};
        args.handle = buffer_.handle();
        args.flags = ZACCEL_EXPORT_READONLY;
        const int error = call(device_, DRM_IOCTL_ZACCEL_BUFFER_EXPORT, args);
        const Fd fd(error == 0 ? args.fd : -1);
        return error;
    }

    int export_by_prime() {
        int number = -1;
        if (drmPrimeHandleToFD(device_.get(), buffer_.handle(), DRM_CLOEXEC, &number)) return errno;
        const Fd fd(number);
        return 0;
    }

    Buffer buffer_{device_, page};
    Ring ring_{device_};
};

// Root may open files beyond the limit, so this is somebody else.
TEST_F(Limits, NoFileLeftIsEnfile) {
    const Signal ready, go;
    Child child([&] {
        check(::setresuid(nobody, nobody, nobody) == 0 ? 0 : errno, "setresuid");
        ready.send();
        if (!go.wait()) return 1;
        if (create_buffer() != ENFILE) return 2;
        if (create_ring() != ENFILE) return 3;
        if (open_ring() != ENFILE) return 4;
        if (export_readonly() != ENFILE) return 5;
        if (export_by_prime() != ENFILE) return 6;
        return 0;
    });
    ASSERT_TRUE(ready.wait());
    {
        const Sysctl none("fs/file-max", "0");
        go.send();
        EXPECT_EQ(child.join(), 0) << "the number of the call";
    }
    EXPECT_EQ(open_ring(), 0);
    EXPECT_EQ(export_readonly(), 0);
    EXPECT_EQ(export_by_prime(), 0);
}

/// 0 or the errno of the first mapping, for which the pages are made.
int map(const Fd& device, std::uint64_t offset) {
    void* memory = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, device.get(),
                          static_cast<off_t>(offset));
    if (memory == MAP_FAILED) return errno;
    ::munmap(memory, page);
    return 0;
}

// Nobody else gets memory meanwhile, so it is a few calls and no more.
TEST_F(Limits, NoMemoryToPromise) {
    drm_zaccel_buffer_info info{};
    info.handle = buffer_.handle();
    ASSERT_EQ(call(device_, DRM_IOCTL_ZACCEL_BUFFER_INFO, info), 0);
    const Buffer other(device_, page);
    const Sysctl ratio("vm/overcommit_ratio", "0");
    int created, mapped, bound;
    {
        const Sysctl never("vm/overcommit_memory", "2");
        created = create_ring();
        mapped = map(device_, info.mmap_offset);
        bound = ring_.bind_range(0, other, 0, page);
    }
    EXPECT_EQ(created, ENOSPC);
    EXPECT_EQ(mapped, ENOSPC);
    EXPECT_EQ(bound, ENOMEM);
    EXPECT_EQ(create_ring(), 0);
    EXPECT_EQ(map(device_, info.mmap_offset), 0);
    EXPECT_EQ(ring_.bind_range(0, other, 0, page), 0);
}

}  // namespace
}  // namespace uapi_tests
