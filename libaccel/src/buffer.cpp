// SPDX-License-Identifier: MIT
#include <accel/buffer.hpp>

#include <linux/dma-buf.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <cerrno>
#include <string>

#include "buffer_impl.hpp"
#include "deadline.hpp"
#include "failure.hpp"
#include "ioctl.hpp"

namespace accel {

namespace detail {

BufferImpl::BufferImpl(std::shared_ptr<DeviceImpl> owner, std::uint32_t gem_handle) noexcept
    : device(std::move(owner)), handle(gem_handle) {}

BufferImpl::~BufferImpl() {
    if (address) ::munmap(address, size);

    const std::scoped_lock lock(device->buffers_mutex);
    const auto entry = device->buffers.find(handle);
    // An import may have found the handle between our last reference's end and the lock: then the
    // handle is another's now.
    if (entry == device->buffers.end() || entry->second.owner != this) return;
    device->buffers.erase(entry);
    sys::gem_close(device->fd.get(), handle);
}

std::shared_ptr<BufferImpl> BufferImpl::adopt(const std::shared_ptr<DeviceImpl>& device,
                                              std::uint32_t handle) {
    try {
        DeviceImpl::KnownBuffer& known = device->buffers[handle];
        if (auto buffer = known.weak.lock()) return buffer;

        auto buffer = std::make_shared<BufferImpl>(device, handle);
        known = {buffer, buffer.get()};
        return buffer;
    } catch (...) {
        device->buffers.erase(handle);
        sys::gem_close(device->fd.get(), handle);
        throw;
    }
}

void BufferImpl::read_info() {
    drm_zaccel_buffer_info args{};
    args.handle = handle;
    check(sys::buffer_info(device->fd.get(), args),
          [&] { return "buffer " + std::to_string(handle) + " of " + device->info.path; });
    size = args.size;
    mmap_offset = args.mmap_offset;
    imported = (args.flags & ZACCEL_BUFFER_IMPORTED) != 0;
}

void BufferImpl::ensure_dmabuf() {
    const std::scoped_lock lock(mutex);
    if (dmabuf) return;

    int fd = -1;
    check(sys::prime_export(device->fd.get(), handle, fd),
          [&] { return "export of a buffer of " + std::to_string(size) + " bytes"; });
    dmabuf.reset(fd);
    // Release: who reads true with acquire order sees dmabuf.
    shared.store(true, std::memory_order_release);
}

void BufferImpl::ensure_mapped(Access access) {
    const std::scoped_lock lock(mutex);
    const auto thing = [&] { return "mapping of a buffer of " + std::to_string(size) + " bytes"; };

    if (!address) {
        const bool foreign = mmap_offset == 0;
        const int fd = foreign ? dmabuf.get() : device->fd.get();
        static_assert(sizeof(off_t) == sizeof(mmap_offset));
        const auto offset = static_cast<off_t>(mmap_offset);

        void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
        if (memory == MAP_FAILED && errno == EACCES) {
            memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, offset);
            read_only = true;
        }
        if (memory == MAP_FAILED) {
            const int number = errno;
            // An exporter without mmap.
            if (foreign && (number == EINVAL || number == ENODEV))
                fail(Errc::not_supported, thing(), number);
            fail(number, thing());
        }
        address = static_cast<std::byte*>(memory);
    }
    if (read_only && access != Access::read) fail(Errc::access_denied, thing(), EACCES);
}

}  // namespace detail

namespace {

using detail::BufferImpl;
using detail::DeviceImpl;

// Of DMA_BUF_IOCTL_SYNC and of the two about sync_files.
std::uint32_t sync_flags(Access access) noexcept {
    switch (access) {
        case Access::read:
            return DMA_BUF_SYNC_READ;
        case Access::write:
            return DMA_BUF_SYNC_WRITE;
        case Access::read_write:
            break;
    }
    return DMA_BUF_SYNC_RW;
}

[[noreturn]] void fail_import(int fd, int number) {
    const std::string thing = "import of fd " + std::to_string(fd);

    // DRM says EINVAL both for a descriptor of another kind and for memory it cannot use.
    if (number == EINVAL)
        detail::fail(sys::is_dmabuf(fd) ? Errc::constraint_unmet : Errc::not_a_dmabuf, thing,
                     number);
    detail::fail(number, thing);
}

std::shared_ptr<BufferImpl> import_handle(const std::shared_ptr<DeviceImpl>& device, int fd) {
    const std::scoped_lock lock(device->buffers_mutex);
    std::uint32_t handle = 0;
    const int number = sys::prime_import(device->fd.get(), fd, handle);
    if (number != 0) fail_import(fd, number);
    return BufferImpl::adopt(device, handle);
}

Expected<int> shared_dmabuf(const BufferImpl* impl) noexcept {
    if (!impl) return Unexpected(Errc::invalid_argument);
    // Acquire: pairs with the release store in ensure_dmabuf().
    if (!impl->shared.load(std::memory_order_acquire)) return Unexpected(Errc::not_supported);
    return impl->dmabuf.get();
}

// A dma-buf is readable once its writers are done, writable once everybody is.
int wait_shared(int dmabuf, Access access, detail::Deadline deadline) noexcept {
    return detail::poll_until(dmabuf, access == Access::read ? POLLIN : POLLOUT, deadline);
}

// No fences there: the kernel knows which batches use it. It looks for fences too, should another
// thread export the buffer meanwhile.
int wait_private(const BufferImpl& impl, Access access, detail::Deadline deadline) noexcept {
    drm_zaccel_buffer_wait args{};
    args.handle = impl.handle;
    args.flags = access == Access::read ? ZACCEL_BUFFER_WAIT_READ : 0;
    args.deadline_ns = deadline;
    return sys::buffer_wait(impl.device->fd.get(), args);
}

}  // namespace

Mapping::Mapping(std::shared_ptr<BufferImpl> buffer, std::span<std::byte> bytes,
                 std::uint64_t sync) noexcept
    : buffer_(std::move(buffer)), bytes_(bytes), sync_(sync) {}

Mapping::Mapping(Mapping&& other) noexcept
    : buffer_(std::move(other.buffer_)),
      bytes_(std::exchange(other.bytes_, {})),
      sync_(std::exchange(other.sync_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    if (this != &other) {
        (void)unmap();
        buffer_ = std::move(other.buffer_);
        bytes_ = std::exchange(other.bytes_, {});
        sync_ = std::exchange(other.sync_, 0);
    }
    return *this;
}

Mapping::~Mapping() { (void)unmap(); }

Expected<void> Mapping::unmap() noexcept {
    bytes_ = {};
    const std::shared_ptr<BufferImpl> buffer = std::move(buffer_);
    if (!buffer || sync_ == 0) return {};

    const std::uint64_t flags = std::exchange(sync_, 0) | DMA_BUF_SYNC_END;
    const int number = sys::dmabuf_sync(buffer->dmabuf.get(), flags);
    if (number != 0) return Unexpected(error_from_errno(number));
    return {};
}

Buffer::Buffer(std::shared_ptr<BufferImpl> impl) noexcept : impl_(std::move(impl)) {}
Buffer::Buffer(Buffer&&) noexcept = default;
Buffer& Buffer::operator=(Buffer&&) noexcept = default;
Buffer::~Buffer() = default;

const std::shared_ptr<BufferImpl>& Buffer::internal() const {
    if (!impl_) detail::fail(Errc::invalid_argument, "moved-from Buffer");
    return impl_;
}

Buffer Buffer::allocate(const Device& device, std::uint64_t size) {
    const std::shared_ptr<DeviceImpl>& owner = device.internal();
    drm_zaccel_buffer_create args{};
    args.size = size;
    args.region = ZACCEL_REGION_SYSTEM;
    detail::check(sys::buffer_create(owner->fd.get(), args),
                  [&] { return "buffer of " + std::to_string(size) + " bytes"; });

    std::shared_ptr<BufferImpl> impl;
    {
        const std::scoped_lock lock(owner->buffers_mutex);
        impl = BufferImpl::adopt(owner, args.handle);
    }
    impl->read_info();
    return Buffer(std::move(impl));
}

Buffer Buffer::import(const Device& device, int fd) {
    std::shared_ptr<BufferImpl> impl = import_handle(device.internal(), fd);

    // Another thread may be importing the same dma-buf, or we may have exported it ourselves.
    const std::scoped_lock lock(impl->mutex);
    if (impl->size == 0) impl->read_info();
    if (!impl->dmabuf) impl->dmabuf = UniqueFd::duplicate(fd);
    impl->shared.store(true, std::memory_order_release);
    return Buffer(impl);
}

UniqueFd Buffer::export_fd() const {
    BufferImpl& impl = *internal();
    impl.ensure_dmabuf();
    return impl.dmabuf.duplicate();
}

std::uint64_t Buffer::size() const { return internal()->size; }

bool Buffer::is_imported() const { return internal()->imported; }

bool Buffer::is_shared() const { return internal()->shared.load(std::memory_order_acquire); }

Mapping Buffer::map(Access access) const {
    const std::shared_ptr<BufferImpl>& impl = internal();
    impl->ensure_mapped(access);

    std::uint64_t flags = 0;
    if (is_shared()) {
        flags = sync_flags(access);
        detail::check(sys::dmabuf_sync(impl->dmabuf.get(), flags | DMA_BUF_SYNC_START), [&] {
            return "CPU access to a buffer of " + std::to_string(impl->size) + " bytes";
        });
    }
    return Mapping(impl, {impl->address, static_cast<std::size_t>(impl->size)}, flags);
}

Expected<void> Buffer::wait(Access access, std::chrono::nanoseconds timeout) const noexcept {
    if (!impl_) return Unexpected(Errc::invalid_argument);

    const detail::Deadline deadline = detail::deadline_after(timeout);
    const Expected<int> fd = shared_dmabuf(impl_.get());
    const int number =
        fd ? wait_shared(*fd, access, deadline) : wait_private(*impl_, access, deadline);
    if (number != 0) return Unexpected(error_from_errno(number));
    return {};
}

bool Buffer::is_idle(Access access) const noexcept { return wait(access, {}).has_value(); }

Fence Buffer::fence(Access access) const {
    const Expected<int> fd = shared_dmabuf(internal().get());
    if (!fd) throw Error(fd.error(), "fence of a private buffer");

    int sync_file = -1;
    detail::check(sys::dmabuf_export_sync_file(*fd, sync_flags(access), sync_file),
                  [&] { return "fence of dma-buf " + std::to_string(*fd); });
    return Fence::from_fd(UniqueFd(sync_file));
}

void Buffer::set_fence(const Fence& fence, Access access) const {
    const Expected<int> fd = shared_dmabuf(internal().get());
    if (!fd) throw Error(fd.error(), "fence for a private buffer");
    if (fence.fd() < 0) detail::fail(Errc::not_a_fence, "moved-from Fence");

    detail::check(sys::dmabuf_import_sync_file(*fd, sync_flags(access), fence.fd()),
                  [&] { return "fence for dma-buf " + std::to_string(*fd); });
}

}  // namespace accel
