// SPDX-License-Identifier: MIT
#include "ring.hpp"

#include <atomic>
#include <cerrno>

namespace uapi_tests {

namespace {

std::uint32_t load(const __u32& index) {
    return std::atomic_ref(const_cast<__u32&>(index)).load(std::memory_order_acquire);
}

void store(__u32& index, std::uint32_t value) {
    std::atomic_ref(index).store(value, std::memory_order_release);
}

drm_zaccel_ring_create create(const Fd& device, const RingOptions& options) {
    drm_zaccel_ring_create args = ring_create_args(options);
    check(call(device, DRM_IOCTL_ZACCEL_RING_CREATE, args), "ring create");
    return args;
}

}  // namespace

drm_zaccel_ring_create ring_create_args(const RingOptions& options) {
    drm_zaccel_ring_create args{};
    args.sq_entries = options.sq_entries;
    args.cq_entries = options.cq_entries;
    args.sqe_size = options.sqe_size;
    args.cqe_size = options.cqe_size;
    args.slots = options.slots;
    args.priority = options.priority;
    args.timeout_ms = options.timeout_ms;
    args.flags = options.flags;
    args.idle_us = options.idle_us;
    args.poll_cpu = options.poll_cpu;
    return args;
}

Ring::Ring(const Fd& device, const RingOptions& options)
    : device_(device.get()),
      args_(create(device, options)),
      buffer_(Buffer::adopt(device, args_.handle)),
      memory_(buffer_.map()),
      sq_tail_(load(header().sq_tail)),
      cq_head_(load(header().cq_head)) {}

Ring::~Ring() {
    if (memory_.data()) destroy();
}

drm_zaccel_ring_header& Ring::header() const {
    return *reinterpret_cast<drm_zaccel_ring_header*>(memory_.data());
}

std::span<std::uint8_t> Ring::entry_bytes(std::uint32_t index) const {
    const std::size_t place = index % args_.sq_entries;
    return memory_.bytes().subspan(args_.sq_offset + place * args_.sqe_size, args_.sqe_size);
}

std::span<std::uint8_t> Ring::completion_bytes(std::uint32_t index) const {
    const std::size_t place = index % args_.cq_entries;
    return memory_.bytes().subspan(args_.cq_offset + place * args_.cqe_size, args_.cqe_size);
}

drm_zaccel_command& Ring::entry(std::uint32_t index) const {
    return *reinterpret_cast<drm_zaccel_command*>(entry_bytes(index).data());
}

drm_zaccel_completion& Ring::completion(std::uint32_t index) const {
    return *reinterpret_cast<drm_zaccel_completion*>(completion_bytes(index).data());
}

int Ring::bind(drm_zaccel_ring_bind args) const {
    args.id = args_.id;
    return call(device_, DRM_IOCTL_ZACCEL_RING_BIND, &args);
}

int Ring::bind_range(std::uint32_t slot, const Buffer& buffer, std::uint64_t offset,
                     std::uint64_t size) const {
    return bind(range_args(slot, buffer.handle(), offset, size));
}

int Ring::bind_syncobj(std::uint32_t slot, std::uint32_t handle) const {
    return bind(syncobj_args(slot, handle));
}

int Ring::clear(std::uint32_t slot) const {
    drm_zaccel_ring_bind args{};
    args.slot = slot;
    return bind(args);
}

void Ring::put(const drm_zaccel_command& command) { entry(sq_tail_++) = command; }

void Ring::put_batch(std::span<const drm_zaccel_command> commands) {
    for (const drm_zaccel_command& command : commands.first(commands.size() - 1)) put(command);
    put(with_end(commands.back()));
}

void Ring::put_batch(std::initializer_list<drm_zaccel_command> commands) {
    put_batch(std::span(commands.begin(), commands.size()));
}

void Ring::publish() const { store(header().sq_tail, sq_tail_); }

std::vector<drm_zaccel_sync> binary(std::span<const std::uint32_t> handles) {
    std::vector<drm_zaccel_sync> syncs;
    for (const std::uint32_t handle : handles) syncs.push_back({handle, 0, 0});
    return syncs;
}

int Ring::submit() { return submit({}, {}); }

int Ring::submit(std::span<const std::uint32_t> in, std::span<const std::uint32_t> out) {
    return submit_syncs(binary(in), binary(out));
}

int Ring::submit_syncs(std::span<const drm_zaccel_sync> in, std::span<const drm_zaccel_sync> out) {
    publish();
    drm_zaccel_ring_submit args{};
    args.id = args_.id;
    args.in_syncobjs = reinterpret_cast<std::uintptr_t>(in.data());
    args.in_count = static_cast<__u32>(in.size());
    args.out_syncobjs = reinterpret_cast<std::uintptr_t>(out.data());
    args.out_count = static_cast<__u32>(out.size());
    const int error = call(device_, DRM_IOCTL_ZACCEL_RING_SUBMIT, &args);
    fetched_ = args.fetched;
    return error;
}

std::uint32_t Ring::sq_head() const { return load(header().sq_head); }

std::uint32_t Ring::cq_tail() const { return load(header().cq_tail); }

void Ring::set_cq_head(std::uint32_t head) {
    cq_head_ = head;
    store(header().cq_head, head);
}

std::uint32_t Ring::kernel_cq_tail() const {
    drm_zaccel_ring_wait args{};
    args.id = args_.id;
    call(device_, DRM_IOCTL_ZACCEL_RING_WAIT, &args);
    return args.tail;
}

int Ring::wait(std::uint32_t index, std::int64_t deadline_ns) const {
    drm_zaccel_ring_wait args{};
    args.id = args_.id;
    args.index = index;
    args.deadline_ns = deadline_ns;
    return call(device_, DRM_IOCTL_ZACCEL_RING_WAIT, &args);
}

void Ring::wait_for(std::uint32_t index) const {
    check(wait(index, deadline_in(long_enough)), "ring wait");
}

std::vector<drm_zaccel_completion> Ring::reap() {
    std::vector<drm_zaccel_completion> completions;
    const std::uint32_t tail = cq_tail();
    std::uint32_t head = cq_head_;
    while (head != tail) completions.push_back(completion(head++));
    set_cq_head(head);
    return completions;
}

std::vector<drm_zaccel_completion> Ring::run(std::span<const drm_zaccel_command> commands) {
    put_batch(commands);
    check(submit(), "ring submit");
    wait_for(sq_tail_);
    return reap();
}

std::vector<drm_zaccel_completion> Ring::run(std::initializer_list<drm_zaccel_command> commands) {
    return run(std::span(commands.begin(), commands.size()));
}

drm_zaccel_completion Ring::run_one(const drm_zaccel_command& command) {
    return run({command}).at(0);
}

int Ring::destroy() const {
    drm_zaccel_ring_destroy args{};
    args.id = args_.id;
    return call(device_, DRM_IOCTL_ZACCEL_RING_DESTROY, &args);
}

std::vector<int> statuses(std::span<const drm_zaccel_completion> completions) {
    std::vector<int> all;
    for (const drm_zaccel_completion& completion : completions) all.push_back(completion.status);
    return all;
}

// Checksums of 8 GiB.
BusyEngine::BusyEngine(const Fd& device) : buffer_(device, size), ring_(device, {8192, 8192, 1}) {
    check(ring_.bind_range(0, buffer_, 0, size), "bind");
    for (int i = 1; i < 8192; i++) ring_.put(crc32c(0, 0, size));
    ring_.put(with_end(crc32c(0, 0, size)));
    check(ring_.submit(), "ring submit");
}

}  // namespace uapi_tests
