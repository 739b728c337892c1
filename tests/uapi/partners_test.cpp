// SPDX-License-Identifier: MIT

// Memory of each kind, written by one party and read by another: every pair of them.

#include <drm/drm_mode.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "foreign.hpp"
#include "hostile.hpp"
#include "ring.hpp"
#include "syncobj.hpp"
#include "v4l2.hpp"

namespace uapi_tests {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint32_t width = 320, height = 180;
constexpr std::size_t frame_size = width * height * 2;
constexpr std::size_t pages = (frame_size + page - 1) / page;
using Bytes = std::vector<std::uint8_t>;

/// Memory to share, with whoever made it as its owner, who knows no fences.
class Memory {
 public:
    virtual ~Memory() = default;
    virtual const Fd& dmabuf() const = 0;
    virtual void owner_writes(const Bytes& bytes) = 0;
    virtual Bytes owner_reads() const = 0;
};

/// The owner maps it in one piece.
class MappedMemory : public Memory {
 public:
    const Fd& dmabuf() const override { return dmabuf_; }
    void owner_writes(const Bytes& bytes) override {
        std::memcpy(map_.data(), bytes.data(), bytes.size());
    }
    Bytes owner_reads() const override { return {map_.data(), map_.data() + frame_size}; }

 protected:
    Fd dmabuf_;
    Mapping map_;
};

class OwnMemory : public MappedMemory {
 public:
    explicit OwnMemory(const Fd& device) : buffer_(device, frame_size) {
        dmabuf_ = buffer_.export_dmabuf();
        map_ = buffer_.map();
    }

 private:
    Buffer buffer_;
};

class HeapMemory : public MappedMemory {
 public:
    explicit HeapMemory(const Fd&) : heap_(pages * page) {
        dmabuf_ = Fd(::fcntl(heap_.dmabuf().get(), F_DUPFD_CLOEXEC, 0));
        map_ = Mapping(dmabuf_.get(), 0, pages * page);
    }

 private:
    HeapBuffer heap_;
};

class VgemMemory : public MappedMemory {
 public:
    explicit VgemMemory(const Fd&) {
        drm_mode_create_dumb dumb{};
        dumb.width = 32;
        dumb.height = pages * 32;
        dumb.bpp = 32;
        check(call(vgem_.card(), DRM_IOCTL_MODE_CREATE_DUMB, dumb), "vgem memory");
        int fd = -1;
        const int ret =
            drmPrimeHandleToFD(vgem_.card().get(), dumb.handle, DRM_CLOEXEC | DRM_RDWR, &fd);
        check(ret == 0 ? 0 : errno, "vgem export");
        dmabuf_ = Fd(fd);
        drm_mode_map_dumb place{};
        place.handle = dumb.handle;
        check(call(vgem_.card(), DRM_IOCTL_MODE_MAP_DUMB, place), "vgem map");
        map_ = Mapping(vgem_.card().get(), place.offset, pages * page);
    }

 private:
    VgemBuffer vgem_;
};

/// Every other page of a memfd, from its end to its beginning.
class ScatteredMemory : public Memory {
 public:
    explicit ScatteredMemory(const Fd&) : memfd_(::memfd_create("scattered", flags)) {
        check(::ftruncate(memfd_.get(), 2 * pages * page) == 0 ? 0 : errno, "ftruncate");
        check(::fcntl(memfd_.get(), F_ADD_SEALS, F_SEAL_SHRINK) == 0 ? 0 : errno, "seal");
        map_ = Mapping(memfd_.get(), 0, 2 * pages * page);

        constexpr std::size_t head = sizeof(udmabuf_create_list);
        std::vector<std::uint8_t> storage(head + pages * sizeof(udmabuf_create_item));
        const __u32 list[] = {UDMABUF_FLAGS_CLOEXEC, pages};
        static_assert(sizeof(list) == head);
        std::memcpy(storage.data(), list, head);
        for (std::size_t i = 0; i < pages; i++) {
            const udmabuf_create_item item{static_cast<__u32>(memfd_.get()), 0, place(i), page};
            std::memcpy(storage.data() + head + i * sizeof(item), &item, sizeof(item));
        }
        const Fd driver(::open("/dev/udmabuf", O_RDWR | O_CLOEXEC));
        dmabuf_ = Fd(::ioctl(driver.get(), UDMABUF_CREATE_LIST, storage.data()));
        check(dmabuf_ ? 0 : errno, "udmabuf");
    }

    const Fd& dmabuf() const override { return dmabuf_; }
    void owner_writes(const Bytes& bytes) override {
        for (std::size_t i = 0; i < pages; i++)
            std::memcpy(map_.data() + place(i), bytes.data() + i * page, part(i));
    }
    Bytes owner_reads() const override {
        Bytes bytes(frame_size);
        for (std::size_t i = 0; i < pages; i++)
            std::memcpy(bytes.data() + i * page, map_.data() + place(i), part(i));
        return bytes;
    }

 private:
    static constexpr unsigned flags = MFD_ALLOW_SEALING | MFD_CLOEXEC;
    static std::uint64_t place(std::size_t i) { return (2 * (pages - i) - 1) * page; }
    static std::size_t part(std::size_t i) {
        return std::min<std::size_t>(page, frame_size - i * page);
    }

    Fd memfd_;
    Fd dmabuf_;
    Mapping map_;
};

/// The CPU, through the dma-buf, as one has to: the kernel waits for the engine.
class Cpu {
 public:
    explicit Cpu(const Fd& dmabuf) : dmabuf_(dmabuf), map_(dmabuf.get(), 0, pages * page) {}

    void write(const Bytes& bytes) const {
        sync(DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
        std::memcpy(map_.data(), bytes.data(), bytes.size());
        sync(DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
    }
    Bytes read() const {
        sync(DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
        Bytes bytes(map_.data(), map_.data() + frame_size);
        sync(DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
        return bytes;
    }

 private:
    void sync(std::uint64_t flags) const {
        dma_buf_sync args{flags};
        check(call(dmabuf_, DMA_BUF_IOCTL_SYNC, args), "sync");
    }

    const Fd& dmabuf_;
    Mapping map_;
};

/// Copies from and to a buffer of its own, at odd places. A write is on its way when it returns.
class Engine {
 public:
    Engine(const Fd& device, const Fd& dmabuf)
        : imported_(Buffer::import(device, dmabuf.get())),
          own_(device, frame_size + 1),
          ring_(device) {
        check(ring_.bind_range(0, imported_, 0, frame_size), "bind");
        check(ring_.bind_range(1, own_, 1, frame_size), "bind");
    }

    void write(const Bytes& bytes) {
        std::memcpy(map_.data() + 1, bytes.data(), bytes.size());
        submit(0, 1);
    }
    Bytes read() {
        submit(1, 0);
        ring_.wait_for(ring_.sq_tail());
        return {map_.data() + 1, map_.data() + 1 + frame_size};
    }
    void finish() {
        ring_.wait_for(ring_.sq_tail());
        reap();
    }

 private:
    static constexpr std::uint64_t cut = 5 * page - 777;

    void submit(std::uint32_t to, std::uint32_t from) {
        reap();
        ring_.put_batch({copy(to, from, cut, cut, frame_size - cut), copy(to, from, 0, 0, cut)});
        check(ring_.submit(), "submit");
    }
    void reap() {
        for (const int status : statuses(ring_.reap())) EXPECT_EQ(status, 0);
    }

    Buffer imported_;
    Buffer own_;
    Mapping map_ = own_.map();
    Ring ring_;
};

/// vivid, which writes colour bars.
class Camera {
 public:
    explicit Camera(const Fd& device) : spare_(device, frame_size) {
        queue_.set_size(width, height);
        queue_.request(2, V4L2_MEMORY_DMABUF);
    }

    void write(const Fd& dmabuf) const {
        const Fd spare = spare_.export_dmabuf();
        check(queue_.queue(0, dmabuf), "QBUF");
        check(queue_.queue(1, spare), "QBUF");
        queue_.start();
        for (;;) {
            const auto frame = queue_.dequeue();
            check(frame ? 0 : ETIMEDOUT, "frame");
            if (frame->index == 0) break;
        }
        queue_.stop();
    }
    /// Its picture, in memory that is no party to the test.
    Bytes picture() const {
        write(spare_.export_dmabuf());
        const Mapping memory = spare_.map();
        return {memory.data(), memory.data() + frame_size};
    }

 private:
    Buffer spare_;
    VideoQueue queue_{VideoQueue::Direction::capture};
};

/// For who knows no fences: wait as poll() does.
void wait_to(short events, const Fd& dmabuf) {
    constexpr auto limit = std::chrono::milliseconds(long_enough).count();
    check(poll_events(dmabuf.get(), events, static_cast<int>(limit)) == events ? 0 : ETIMEDOUT,
          "poll");
}

using Make = std::unique_ptr<Memory> (*)(const Fd& device);
template <typename Kind>
std::unique_ptr<Memory> make(const Fd& device) {
    return std::make_unique<Kind>(device);
}

struct Kind {
    const char* name;
    Make make;
};

class Pairs : public DeviceTest, public testing::WithParamInterface<Kind> {};

TEST_P(Pairs, ReadWhatTheOtherWrote) {
    const auto memory = GetParam().make(device_);
    const Fd& dmabuf = memory->dmabuf();
    const Cpu cpu(dmabuf);
    Engine engine(device_, dmabuf);
    const Camera camera(device_);
    const Bytes picture = camera.picture();
    Random random(17);
    const auto noise = [&] {
        Bytes bytes(frame_size);
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.word());
        return bytes;
    };
    struct Writer {
        const char* name;
        std::function<Bytes()> write;
    };
    struct Reader {
        const char* name;
        std::function<Bytes()> read;
    };
    const Writer writers[] = {
        {"cpu", [&, bytes = noise()] { return cpu.write(bytes), bytes; }},
        {"owner",
         [&, bytes = noise()] {
             wait_to(POLLOUT, dmabuf);
             memory->owner_writes(bytes);
             return bytes;
         }},
        {"engine", [&, bytes = noise()] { return engine.write(bytes), bytes; }},
        {"camera",
         [&] {
             wait_to(POLLOUT, dmabuf);
             camera.write(dmabuf);
             return picture;
         }},
    };
    const Reader readers[] = {
        {"cpu", [&] { return cpu.read(); }},
        {"owner", [&] { return wait_to(POLLIN, dmabuf), memory->owner_reads(); }},
        {"engine", [&] { return engine.read(); }},
    };
    for (const Writer& writer : writers)
        for (const Reader& reader : readers) {
            cpu.write(Bytes(frame_size, 0));
            const Bytes written = writer.write();
            EXPECT_TRUE(written == reader.read()) << writer.name << " to " << reader.name;
        }
    engine.finish();
}

INSTANTIATE_TEST_SUITE_P(Memory, Pairs,
                         testing::Values(Kind{"Own", make<OwnMemory>},
                                         Kind{"Heap", make<HeapMemory>},
                                         Kind{"Vgem", make<VgemMemory>},
                                         Kind{"ScatteredUdmabuf", make<ScatteredMemory>}),
                         [](const auto& kind) { return std::string(kind.param.name); });

// What was exported to be read shows what others write, and takes nothing from anybody.
TEST_F(DeviceTest, ReadOnlyShareIsForReaders) {
    OwnMemory memory(device_);
    const Buffer buffer = Buffer::import(device_, memory.dmabuf().get());
    const Fd shared = buffer.export_readonly();
    const Fd other = open_device();
    const Buffer imported = Buffer::import(other, shared.get());
    Ring ring(other);
    ASSERT_EQ(ring.bind_range(0, imported, 0, frame_size), 0);
    memory.owner_writes(Bytes(frame_size, 0x31));
    void* view = ::mmap(nullptr, page, PROT_READ, MAP_SHARED, shared.get(), 0);
    ASSERT_NE(view, MAP_FAILED);
    EXPECT_EQ(*static_cast<const std::uint8_t*>(view), 0x31);
    ::munmap(view, page);
    const std::uint64_t before = ring.run_one(crc32c(0, 0, frame_size)).result;
    EXPECT_EQ(ring.run_one(fill(0, 0, 8, 0)).status, -EACCES);
    EXPECT_EQ(::mmap(nullptr, page, PROT_WRITE, MAP_SHARED, shared.get(), 0), MAP_FAILED);
    EXPECT_EQ(errno, EACCES);
    EXPECT_EQ(ring.run_one(crc32c(0, 0, frame_size)).result, before);
}

}  // namespace
}  // namespace uapi_tests
