/* SPDX-License-Identifier: MIT */

/*
 * A 32-bit program on the 64-bit kernel: every call once, with every pointer that a structure holds.
 * There is no 32-bit C library in the tree, so this one has its own system calls. The exit status is
 * 0 or the number of the step that failed, whose name is printed.
 */

#include <asm/unistd_32.h>
#include <drm/zaccel_accel.h>
#include <linux/dma-buf.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/poll.h>
#include <linux/time_types.h>

#include "layout.h"

static_assert(sizeof(void*) == 4, "this is to be a 32-bit program");

#define PAGE 4096u
#define ENTRIES 8u
#define PATTERN 0x0807060504030201ull
/* Of 4096 bytes of that pattern. */
#define CHECKSUM crc32c_of_pattern()

static long syscall6(long number, long a, long b, long c, long d, long e, long f) {
    long ret;
    const long args[2] = {number, f};

    /* The sixth argument goes where the frame pointer may be. */
    __asm__ volatile(
        "push %%ebp\n\t"
        "mov 4(%%eax), %%ebp\n\t"
        "mov (%%eax), %%eax\n\t"
        "int $0x80\n\t"
        "pop %%ebp"
        : "=a"(ret)
        : "a"(args), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
        : "memory", "cc");
    return ret;
}

static long syscall3(long number, long a, long b, long c) {
    return syscall6(number, a, b, c, 0, 0, 0);
}

static long ioctl(int fd, unsigned long request, void* argument) {
    return syscall3(__NR_ioctl, fd, (long)request, (long)argument);
}

static __u64 pointer(const void* p) { return (__u64)(unsigned long)p; }

/* NULL where it cannot be mapped. */
static void* map(int fd, __u64 offset, __u32 size, int protection) {
    const long memory = syscall6(__NR_mmap2, 0, (long)size, protection, MAP_SHARED, fd,
                                 (long)(__u32)(offset / PAGE));

    return memory < 0 && memory > -4096 ? 0 : (void*)memory;
}

static __s64 in_seconds(int seconds) {
    struct __kernel_timespec now;

    if (syscall3(__NR_clock_gettime64, 1 /* CLOCK_MONOTONIC */, (long)&now, 0)) return 0;
    return (now.tv_sec + seconds) * 1000000000 + now.tv_nsec;
}

static short poll_one(int fd, short events, int timeout_ms) {
    struct pollfd entry = {fd, events, 0};

    return syscall3(__NR_poll, (long)&entry, 1, timeout_ms) == 1 ? entry.revents : 0;
}

/* GCC makes calls of these. */
void* memset(void* to, int value, __SIZE_TYPE__ size) {
    volatile unsigned char* bytes = to;

    while (size--) *bytes++ = (unsigned char)value;
    return to;
}

void* memcpy(void* to, const void* from, __SIZE_TYPE__ size) {
    volatile unsigned char* bytes = to;
    const unsigned char* source = from;

    while (size--) *bytes++ = *source++;
    return to;
}

static __u32 crc32c_of_pattern(void) {
    __u32 crc = ~0u, i, bit;

    for (i = 0; i < PAGE; i++) {
        crc ^= 1 + i % 8;
        for (bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static struct {
    int node, fd, eventfd;
    __u32 buffer, syncobj[2];
    unsigned char* memory;
    struct drm_zaccel_ring_create ring;
    struct drm_zaccel_ring_header* header;
    struct drm_zaccel_command* sq;
    struct drm_zaccel_completion* cq;
    __u32 tail;
} s;

static int open_node(void) {
    static char path[] = "/dev/accel/accel0";
    struct drm_zaccel_engine_info engine;
    struct drm_zaccel_query query = {.type = ZACCEL_QUERY_ENGINES};
    char* number = path + sizeof(path) - 2;

    for (; *number <= '9'; ++*number) {
        query.stride = sizeof(engine);
        query.count = 1;
        query.data = pointer(&engine);
        s.node = (int)syscall3(__NR_open, (long)path, O_RDWR | O_CLOEXEC, 0);
        if (s.node >= 0 && !ioctl(s.node, DRM_IOCTL_ZACCEL_QUERY, &query)) return 1;
    }
    return 0;
}

static int query_device(void) {
    struct {
        struct drm_zaccel_device_info info;
        __u64 behind;
    } room = {.behind = ~0ull};
    struct drm_zaccel_query query = {
        .type = ZACCEL_QUERY_DEVICE, .stride = sizeof(room), .count = 1, .data = pointer(&room)};

    return !ioctl(s.node, DRM_IOCTL_ZACCEL_QUERY, &query) && query.count == 1 &&
           query.stride == sizeof(room.info) && room.info.max_ring_entries >= ENTRIES &&
           room.info.max_buffer_size >= PAGE && !room.behind;
}

/* The upper half of a pointer counts: it is a place that a 32-bit program does not have. */
static int query_beyond_4_gib(void) {
    struct drm_zaccel_device_info info = {.max_rings = 99};
    struct drm_zaccel_query query = {.type = ZACCEL_QUERY_DEVICE,
                                     .stride = sizeof(info),
                                     .count = 1,
                                     .data = pointer(&info) | 1ull << 32};

    return ioctl(s.node, DRM_IOCTL_ZACCEL_QUERY, &query) == -EFAULT && info.max_rings == 99;
}

static int create_buffer(void) {
    struct drm_zaccel_buffer_create create = {.size = PAGE};

    if (ioctl(s.node, DRM_IOCTL_ZACCEL_BUFFER_CREATE, &create)) return 0;
    s.buffer = create.handle;
    return create.size == PAGE && s.buffer;
}

static int map_buffer(void) {
    struct drm_zaccel_buffer_info info = {.handle = s.buffer};

    if (ioctl(s.node, DRM_IOCTL_ZACCEL_BUFFER_INFO, &info) || info.size != PAGE) return 0;
    s.memory = map(s.node, info.mmap_offset, PAGE, PROT_READ | PROT_WRITE);
    return s.memory && s.memory[0] == 0;
}

static int create_ring(void) {
    s.ring = (struct drm_zaccel_ring_create){
        .sq_entries = ENTRIES, .cq_entries = ENTRIES, .slots = 2};
    return !ioctl(s.node, DRM_IOCTL_ZACCEL_RING_CREATE, &s.ring) && s.ring.id &&
           s.ring.sqe_size == sizeof(*s.sq) && s.ring.cqe_size == sizeof(*s.cq);
}

static int open_ring(void) {
    struct drm_zaccel_ring_fd args = {.id = s.ring.id};

    if (ioctl(s.node, DRM_IOCTL_ZACCEL_RING_FD, &args)) return 0;
    s.fd = args.fd;
    return 1;
}

static int map_ring(void) {
    char* memory = map(s.fd, 0, (__u32)s.ring.size, PROT_READ | PROT_WRITE);

    if (!memory) return 0;
    s.header = (void*)memory;
    s.sq = (void*)(memory + s.ring.sq_offset);
    s.cq = (void*)(memory + s.ring.cq_offset);
    return s.header->sq_head == 0 && s.header->cq_tail == 0;
}

static int bind_buffer(void) {
    struct drm_zaccel_ring_bind bind = {
        .id = s.ring.id,
        .slot = 1,
        .kind = ZACCEL_SLOT_RANGE,
        .planes = {{.handle = s.buffer, .size = PAGE}},
    };

    return !ioctl(s.node, DRM_IOCTL_ZACCEL_RING_BIND, &bind);
}

static int set_eventfd(void) {
    struct drm_zaccel_ring_eventfd args = {.id = s.ring.id};

    s.eventfd = args.fd = (int)syscall3(__NR_eventfd2, 0, O_NONBLOCK | O_CLOEXEC, 0);
    return s.eventfd >= 0 && !ioctl(s.node, DRM_IOCTL_ZACCEL_RING_EVENTFD, &args);
}

static int create_syncobjs(void) {
    struct drm_syncobj_create signaled = {.flags = DRM_SYNCOBJ_CREATE_SIGNALED}, empty = {0};

    if (ioctl(s.node, DRM_IOCTL_SYNCOBJ_CREATE, &signaled) ||
        ioctl(s.node, DRM_IOCTL_SYNCOBJ_CREATE, &empty))
        return 0;
    s.syncobj[0] = signaled.handle;
    s.syncobj[1] = empty.handle;
    return 1;
}

static struct drm_zaccel_command* next_entry(__u16 opcode, __u16 flags, __u64 user_data) {
    struct drm_zaccel_command* entry = &s.sq[s.tail++ % ENTRIES];

    *entry = (struct drm_zaccel_command){.opcode = opcode, .flags = flags, .user_data = user_data};
    return entry;
}

/* One batch: fill the page, then its checksum. */
static void put_batch(__u64 user_data) {
    const struct drm_zaccel_fill fill = {.size = PAGE, .pattern = PATTERN};
    const struct drm_zaccel_crc32c crc32c = {.size = PAGE};
    struct drm_zaccel_command* entry = next_entry(ZACCEL_OP_FILL, 0, user_data);

    entry->dst = 1;
    memcpy(entry->args, &fill, sizeof(fill));
    entry = next_entry(ZACCEL_OP_CRC32C, ZACCEL_CMD_END, user_data + 1);
    entry->src = 1;
    memcpy(entry->args, &crc32c, sizeof(crc32c));
    __atomic_store_n(&s.header->sq_tail, s.tail, __ATOMIC_RELEASE);
}

static int submit(void) {
    const struct drm_zaccel_sync in = {.handle = s.syncobj[0]}, out = {.handle = s.syncobj[1]};
    struct drm_zaccel_ring_submit args = {.id = s.ring.id,
                                          .in_syncobjs = pointer(&in),
                                          .in_count = 1,
                                          .out_syncobjs = pointer(&out),
                                          .out_count = 1};

    put_batch(~0ull - 100);
    return !ioctl(s.node, DRM_IOCTL_ZACCEL_RING_SUBMIT, &args) && args.fetched == 2;
}

static int wait_for_ring(void) {
    struct drm_zaccel_ring_wait args = {
        .id = s.ring.id, .index = s.tail, .deadline_ns = in_seconds(20)};

    return !ioctl(s.node, DRM_IOCTL_ZACCEL_RING_WAIT, &args) && args.tail == s.tail;
}

static int wait_for_syncobj(void) {
    struct drm_syncobj_wait args = {.handles = pointer(&s.syncobj[1]),
                                    .timeout_nsec = in_seconds(20),
                                    .count_handles = 1};

    return !ioctl(s.node, DRM_IOCTL_SYNCOBJ_WAIT, &args);
}

/* Those of the last batch; reaped. */
static int completions_of(__u64 user_data) {
    const struct drm_zaccel_completion* fill = &s.cq[(s.tail - 2) % ENTRIES];
    const struct drm_zaccel_completion* crc32c = &s.cq[(s.tail - 1) % ENTRIES];

    if (__atomic_load_n(&s.header->cq_tail, __ATOMIC_ACQUIRE) != s.tail) return 0;
    __atomic_store_n(&s.header->cq_head, s.tail, __ATOMIC_RELEASE);
    return fill->user_data == user_data && crc32c->user_data == user_data + 1 && !fill->status &&
           !crc32c->status && fill->result == PAGE && crc32c->result == CHECKSUM &&
           crc32c->time_ns && s.memory[PAGE - 1] == 8;
}

static int completions_of_submit(void) { return completions_of(~0ull - 100); }

static int kick(void) {
    put_batch(7ull << 32);
    return syscall3(__NR_ioctl, s.fd, DRM_IOCTL_ZACCEL_FD_KICK, 0) == 2 &&
           syscall3(__NR_ioctl, s.fd, DRM_IOCTL_ZACCEL_FD_KICK, 0) == 0;
}

static int kick_flags(void) {
    return syscall3(__NR_ioctl, s.fd, DRM_IOCTL_ZACCEL_FD_KICK, 1) == -EINVAL &&
           syscall3(__NR_ioctl, s.fd, DRM_IOCTL_ZACCEL_FD_KICK, (long)0x80000000) == -EINVAL;
}

static int wait_on_fd(void) {
    struct drm_zaccel_ring_wait args = {.index = s.tail, .deadline_ns = in_seconds(20)};

    return !ioctl(s.fd, DRM_IOCTL_ZACCEL_FD_WAIT, &args) && args.tail == s.tail;
}

static int wait_on_fd_times_out(void) {
    struct drm_zaccel_ring_wait args = {.index = s.tail + 1};

    return ioctl(s.fd, DRM_IOCTL_ZACCEL_FD_WAIT, &args) == -ETIME && args.tail == s.tail &&
           ioctl(s.fd, DRM_IOCTL_ZACCEL_FD_WAIT, 0) == -EFAULT;
}

static int poll_fd(void) { return poll_one(s.fd, POLLIN, 0) == POLLIN; }

static int completions_of_kick(void) {
    return completions_of(7ull << 32) && poll_one(s.fd, POLLIN, 0) == 0;
}

static int count_of_eventfd(void) {
    __u64 total = 0, count;

    while (total < 2 && poll_one(s.eventfd, POLLIN, 20000) &&
           syscall3(__NR_read, s.eventfd, (long)&count, sizeof(count)) == sizeof(count))
        total += count;
    return total == 2;
}

static int wait_for_buffer(void) {
    struct drm_zaccel_buffer_wait args = {.handle = s.buffer, .deadline_ns = in_seconds(20)};

    if (ioctl(s.node, DRM_IOCTL_ZACCEL_BUFFER_WAIT, &args)) return 0;
    args.deadline_ns = (__s64)(~0ull >> 1);
    args.flags = ZACCEL_BUFFER_WAIT_READ;
    return !ioctl(s.node, DRM_IOCTL_ZACCEL_BUFFER_WAIT, &args);
}

static int export_buffer(void) {
    struct drm_zaccel_buffer_export args = {.handle = s.buffer, .flags = ZACCEL_EXPORT_READONLY};
    const unsigned char* memory;

    if (ioctl(s.node, DRM_IOCTL_ZACCEL_BUFFER_EXPORT, &args)) return 0;
    memory = map(args.fd, 0, PAGE, PROT_READ);
    return memory && memory[0] == 1 && !map(args.fd, 0, PAGE, PROT_READ | PROT_WRITE) &&
           !syscall3(__NR_close, args.fd, 0, 0);
}

static int destroy_ring(void) {
    struct drm_zaccel_ring_destroy args = {.id = s.ring.id};

    return !ioctl(s.node, DRM_IOCTL_ZACCEL_RING_DESTROY, &args) &&
           ioctl(s.node, DRM_IOCTL_ZACCEL_RING_DESTROY, &args) == -ENOENT;
}

static int fd_after_destroy(void) {
    struct drm_zaccel_ring_wait args = {.index = s.tail + 1, .deadline_ns = in_seconds(20)};

    return poll_one(s.fd, POLLIN, 0) == POLLHUP &&
           ioctl(s.fd, DRM_IOCTL_ZACCEL_FD_WAIT, &args) == -ENODEV &&
           !map(s.fd, 0, PAGE, PROT_READ) && s.header->cq_tail == s.tail;
}

static int kick_after_destroy(void) {
    return syscall3(__NR_ioctl, s.fd, DRM_IOCTL_ZACCEL_FD_KICK, 0) == -ENODEV;
}

static int close_all(void) {
    return !syscall3(__NR_close, s.fd, 0, 0) && !syscall3(__NR_close, s.eventfd, 0, 0) &&
           !syscall3(__NR_close, s.node, 0, 0) && s.memory[0] == 1;
}

static const struct step {
    const char* name;
    int (*run)(void);
} steps[] = {
#define STEP(name) {#name, name}
    STEP(open_node),
    STEP(query_device),
    STEP(query_beyond_4_gib),
    STEP(create_buffer),
    STEP(map_buffer),
    STEP(create_ring),
    STEP(open_ring),
    STEP(map_ring),
    STEP(bind_buffer),
    STEP(set_eventfd),
    STEP(create_syncobjs),
    STEP(submit),
    STEP(wait_for_ring),
    STEP(wait_for_syncobj),
    STEP(completions_of_submit),
    STEP(kick_flags),
    STEP(kick),
    STEP(wait_on_fd),
    STEP(wait_on_fd_times_out),
    STEP(poll_fd),
    STEP(completions_of_kick),
    STEP(count_of_eventfd),
    STEP(wait_for_buffer),
    STEP(export_buffer),
    STEP(destroy_ring),
    STEP(fd_after_destroy),
    STEP(kick_after_destroy),
    STEP(close_all),
};

static void print(const char* text) {
    long length = 0;

    while (text[length]) length++;
    syscall3(__NR_write, 2, (long)text, length);
}

static int run(void) {
    unsigned i;

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i].run()) continue;
        print("failed: ");
        print(steps[i].name);
        print("\n");
        return (int)i + 1;
    }
    return 0;
}

__attribute__((force_align_arg_pointer, noreturn)) void _start(void);
void _start(void) {
    const int status = run();

    for (;;) syscall3(__NR_exit_group, status, 0, 0);
}
