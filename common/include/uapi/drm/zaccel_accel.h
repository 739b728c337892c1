/* SPDX-License-Identifier: MIT */
#ifndef _UAPI_ZACCEL_ACCEL_H_
#define _UAPI_ZACCEL_ACCEL_H_

/**
 * DOC: zaccel user-space interface
 *
 * One device node, /dev/accel/accelN. Everything a client makes (buffers,
 * rings, bindings) belongs to the open file it was made on and goes with it;
 * memory that was exported as a dma-buf lives on as long as that dma-buf does.
 *
 * Rules of this header:
 *
 * - Structures only grow, at the end, by multiples of 8 bytes, and every field
 *   stands at a multiple of its own size. 32-bit callers see the same layout.
 * - No unions, no implicit padding. Every pad, and every flag bit that is not
 *   defined here, must be zero: the kernel answers -EINVAL otherwise.
 * - Structures that stand in an array without a stride never change.
 * - A new field means nothing unless a new flag bit says that it is there,
 *   because the core copies a shorter structure and fills the rest with zero,
 *   and of a longer one ignores the rest.
 * - Pointers are __u64; sizes and offsets of memory are __u64, in bytes.
 */

#include <drm/drm.h>

#if defined(__cplusplus)
extern "C" {
#endif

/** enum drm_zaccel_ioctl_id - numbers relative to DRM_COMMAND_BASE */
enum drm_zaccel_ioctl_id {
	/** @DRM_ZACCEL_QUERY: ask what the device can do */
	DRM_ZACCEL_QUERY = 0,
	/** @DRM_ZACCEL_BUFFER_CREATE: allocate memory */
	DRM_ZACCEL_BUFFER_CREATE,
	/** @DRM_ZACCEL_BUFFER_INFO: describe a buffer, give its mmap offset */
	DRM_ZACCEL_BUFFER_INFO,
	/** @DRM_ZACCEL_RING_CREATE: make a submission and completion queue */
	DRM_ZACCEL_RING_CREATE,
	/** @DRM_ZACCEL_RING_DESTROY: stop and free a ring */
	DRM_ZACCEL_RING_DESTROY,
	/** @DRM_ZACCEL_RING_BIND: fill or clear one slot of a ring's table */
	DRM_ZACCEL_RING_BIND,
	/** @DRM_ZACCEL_RING_SUBMIT: the doorbell */
	DRM_ZACCEL_RING_SUBMIT,
	/** @DRM_ZACCEL_RING_WAIT: sleep until a ring has posted completions */
	DRM_ZACCEL_RING_WAIT,
	/** @DRM_ZACCEL_BUFFER_WAIT: sleep until nothing uses a buffer */
	DRM_ZACCEL_BUFFER_WAIT,
	/** @DRM_ZACCEL_BUFFER_EXPORT: a dma-buf that cannot be written */
	DRM_ZACCEL_BUFFER_EXPORT,
	/** @DRM_ZACCEL_RING_EVENTFD: an eventfd to be told of completions */
	DRM_ZACCEL_RING_EVENTFD,
	/** @DRM_ZACCEL_RING_FD: a descriptor that drives one ring */
	DRM_ZACCEL_RING_FD,

	/** @DRM_ZACCEL_FD_KICK: the doorbell of a ring's own descriptor */
	DRM_ZACCEL_FD_KICK = 0x40,
	/** @DRM_ZACCEL_FD_WAIT: the same as RING_WAIT, on such a descriptor */
	DRM_ZACCEL_FD_WAIT,
};

/**
 * enum drm_zaccel_query_type - what DRM_IOCTL_ZACCEL_QUERY returns
 */
enum drm_zaccel_query_type {
	/** @ZACCEL_QUERY_DEVICE: one struct drm_zaccel_device_info */
	ZACCEL_QUERY_DEVICE = 0,
	/** @ZACCEL_QUERY_ENGINES: struct drm_zaccel_engine_info each */
	ZACCEL_QUERY_ENGINES,
	/** @ZACCEL_QUERY_OPERATIONS: struct drm_zaccel_operation_info each */
	ZACCEL_QUERY_OPERATIONS,
	/** @ZACCEL_QUERY_FORMATS: struct drm_zaccel_format_info each */
	ZACCEL_QUERY_FORMATS,
	/** @ZACCEL_QUERY_REGIONS: struct drm_zaccel_region_info each */
	ZACCEL_QUERY_REGIONS,
};

/**
 * struct drm_zaccel_query - read a table of elements
 *
 * The kernel copies min(@count, available) elements of @stride bytes each: of
 * an element it knows more of, the first @stride bytes; of one it knows less
 * of, its own bytes and zeros behind them. On return @count is the number
 * available and @stride the kernel's own element size, so a first call with
 * @count = 0 sizes the second.
 *
 * -EINVAL: unknown @type, @flags not zero, @stride 0 with @count > 0, @stride
 * more than a page.
 * -EFAULT: @data cannot be written.
 */
struct drm_zaccel_query {
	/** @type: in, enum drm_zaccel_query_type */
	__u32 type;
	/** @flags: in, must be 0 */
	__u32 flags;
	/** @stride: in/out, size of one element in bytes */
	__u32 stride;
	/** @count: in, room at @data; out, elements available */
	__u32 count;
	/** @data: in, user pointer to @count elements of @stride bytes */
	__u64 data;
};

/** struct drm_zaccel_device_info - limits of the device */
struct drm_zaccel_device_info {
	/** @min_ring_entries: least entries of either queue */
	__u32 min_ring_entries;
	/** @max_ring_entries: most entries of either queue */
	__u32 max_ring_entries;
	/** @max_slots: most slots of a ring's table */
	__u32 max_slots;
	/** @max_rings: most rings of one open file */
	__u32 max_rings;
	/** @max_buffer_size: largest buffer, in bytes */
	__u64 max_buffer_size;
	/** @max_image_size: largest width and height of an image, in pixels */
	__u32 max_image_size;
	/** @pitch_align: alignment of image pitches and offsets, in bytes */
	__u32 pitch_align;
	/** @max_syncobjs: most of either array of a submit */
	__u32 max_syncobjs;
	/** @max_exec: most commands of the ZACCEL_OP_EXEC of one batch */
	__u32 max_exec;
	/** @max_sqe_size: largest drm_zaccel_ring_create.sqe_size, in bytes */
	__u32 max_sqe_size;
	/** @max_cqe_size: largest drm_zaccel_ring_create.cqe_size, in bytes */
	__u32 max_cqe_size;
	/** @max_batch_ms: a batch that runs for longer is ended */
	__u32 max_batch_ms;
	/** @default_timeout_ms: see drm_zaccel_ring_create.timeout_ms */
	__u32 default_timeout_ms;
	/** @default_idle_us: see drm_zaccel_ring_create.idle_us */
	__u32 default_idle_us;
	/** @max_idle_us: likewise */
	__u32 max_idle_us;
};

/** define ZACCEL_ENGINE_CONTIGUOUS - buffers must be one block of memory */
#define ZACCEL_ENGINE_CONTIGUOUS	0x1

/** struct drm_zaccel_engine_info - one engine of the device */
struct drm_zaccel_engine_info {
	/** @name: NUL-terminated, "soft" for the engine that is the CPU */
	char name[32];
	/** @id: value for drm_zaccel_ring_create.engine */
	__u32 id;
	/** @instances: how many batches it can run at once */
	__u32 instances;
	/** @flags: ZACCEL_ENGINE_* */
	__u32 flags;
	/** @address_bits: width of the addresses that it reaches */
	__u32 address_bits;
	/** @align: alignment of offsets into buffers, in bytes */
	__u32 align;
	/** @pad: 0 */
	__u32 pad;
};

/** struct drm_zaccel_operation_info - one operation that an engine has */
struct drm_zaccel_operation_info {
	/** @opcode: enum drm_zaccel_opcode, or one of the engine's own */
	__u32 opcode;
	/** @engine: the engine it belongs to */
	__u32 engine;
	/** @dst_kind: enum drm_zaccel_slot_kind of its destination */
	__u32 dst_kind;
	/** @src_kind: enum drm_zaccel_slot_kind of its source */
	__u32 src_kind;
	/** @args_size: bytes of its structure in args[] or a parameter block */
	__u32 args_size;
	/** @pad: 0 */
	__u32 pad;
};

/** define ZACCEL_FORMAT_SOURCE - the format can be read */
#define ZACCEL_FORMAT_SOURCE		0x1
/** define ZACCEL_FORMAT_DESTINATION - the format can be written */
#define ZACCEL_FORMAT_DESTINATION	0x2

/** struct drm_zaccel_format_info - a pixel format that an operation takes */
struct drm_zaccel_format_info {
	/** @fourcc: DRM_FORMAT_* */
	__u32 fourcc;
	/** @opcode: the operation */
	__u32 opcode;
	/** @modifier: DRM_FORMAT_MOD_* */
	__u64 modifier;
	/** @flags: ZACCEL_FORMAT_SOURCE and/or ZACCEL_FORMAT_DESTINATION */
	__u32 flags;
	/** @engine: the engine */
	__u32 engine;
};

/** enum drm_zaccel_region - where a buffer's memory comes from */
enum drm_zaccel_region {
	/** @ZACCEL_REGION_SYSTEM: pages of system memory, cached, swappable */
	ZACCEL_REGION_SYSTEM = 0,
	/**
	 * @ZACCEL_REGION_CONTIGUOUS: one block of system memory, of addresses
	 * below 4 GiB where the machine tells them apart
	 */
	ZACCEL_REGION_CONTIGUOUS,
	/**
	 * @ZACCEL_REGION_LOCAL: the device's own memory. When the device goes,
	 * its contents do: mappings turn to zeros, one page for all of a
	 * buffer's, and what is written there means nothing
	 */
	ZACCEL_REGION_LOCAL,
};

/** struct drm_zaccel_region_info - one kind of memory */
struct drm_zaccel_region_info {
	/** @name: NUL-terminated */
	char name[32];
	/** @id: value for drm_zaccel_buffer_create.region */
	__u32 id;
	/** @pad: 0 */
	__u32 pad;
	/** @size: bytes in the region; 0 for as much as the system gives */
	__u64 size;
	/** @max_buffer_size: largest buffer, in bytes */
	__u64 max_buffer_size;
	/** @used: bytes of all buffers in it; of the system's, of rings too */
	__u64 used;
};

/**
 * struct drm_zaccel_buffer_create - allocate zeroed memory
 *
 * -EINVAL: size 0, unknown region, @flags or @pad not zero. -E2BIG: larger
 * than the region's max_buffer_size. -ENFILE. -ENOMEM: there is no more memory,
 * or none that is free in one block or range.
 */
struct drm_zaccel_buffer_create {
	/** @size: in, bytes wanted; out, bytes given (whole pages) */
	__u64 size;
	/** @region: in, enum drm_zaccel_region */
	__u32 region;
	/** @flags: in, must be 0 */
	__u32 flags;
	/** @handle: out, GEM handle */
	__u32 handle;
	/** @pad: must be 0 */
	__u32 pad;
};

/** define ZACCEL_BUFFER_IMPORTED - memory made by another driver */
#define ZACCEL_BUFFER_IMPORTED	0x1
/** define ZACCEL_BUFFER_SHARED - was exported or imported at least once */
#define ZACCEL_BUFFER_SHARED	0x2

/**
 * struct drm_zaccel_buffer_info - describe a buffer
 *
 * -EINVAL: @pad not zero. -ENOENT: no such handle.
 */
struct drm_zaccel_buffer_info {
	/** @handle: in, GEM handle */
	__u32 handle;
	/** @flags: out, ZACCEL_BUFFER_* */
	__u32 flags;
	/** @size: out, bytes */
	__u64 size;
	/**
	 * @mmap_offset: out, offset for mmap() on the device node; 0 for an
	 * imported buffer, which is mapped through its dma-buf
	 */
	__u64 mmap_offset;
	/** @region: out, enum drm_zaccel_region */
	__u32 region;
	/** @pad: must be 0 */
	__u32 pad;
};

/** define ZACCEL_BUFFER_WAIT_READ - to read: wait for those who write only */
#define ZACCEL_BUFFER_WAIT_READ	0x1

/**
 * struct drm_zaccel_buffer_wait - sleep until nothing uses a buffer
 *
 * Returns once no batch of this device that was fetched before the call uses
 * the buffer, and, if it is shared, no fence of anybody else's stands in it.
 * The only wait there is for a buffer that was never shared. With
 * ZACCEL_BUFFER_WAIT_READ, explicitly synchronised batches that use it by another
 * import are not waited for.
 *
 * -EINVAL: unknown flags. -ENOENT: no such handle. -ENOMEM. -ETIME: the deadline
 * passed.
 * -EINTR/-ERESTARTSYS: call again with the same arguments.
 */
struct drm_zaccel_buffer_wait {
	/** @handle: in, GEM handle */
	__u32 handle;
	/** @flags: in, ZACCEL_BUFFER_WAIT_* */
	__u32 flags;
	/** @deadline_ns: in, CLOCK_MONOTONIC; a time that has passed polls */
	__s64 deadline_ns;
};

/** define ZACCEL_EXPORT_READONLY - nobody writes through this dma-buf */
#define ZACCEL_EXPORT_READONLY	0x1

/**
 * struct drm_zaccel_buffer_export - a dma-buf that cannot be written
 *
 * Each call makes a dma-buf of its own, beside the one that PRIME keeps for the
 * buffer. Programs map it for reading only (mmap() with PROT_WRITE is -EACCES),
 * and where it is imported here commands that write it fail with -EACCES. Other
 * drivers are trusted: one that asks for DMA towards memory only is refused, but
 * dma-buf cannot tell what the others do, and V4L2 capture into it, say, is not
 * prevented. Fences are those of the buffer. The descriptor is closed on exec.
 *
 * -EINVAL: flags other than ZACCEL_EXPORT_READONLY (without it, use PRIME),
 * @pad not zero, or the buffer is an import. -ENOENT: no such handle. -EMFILE.
 * -ENFILE. -ENOMEM.
 */
struct drm_zaccel_buffer_export {
	/** @handle: in, GEM handle */
	__u32 handle;
	/** @flags: in, ZACCEL_EXPORT_READONLY */
	__u32 flags;
	/** @fd: out, the dma-buf */
	__s32 fd;
	/** @pad: must be 0 */
	__u32 pad;
};

/**
 * enum drm_zaccel_priority - whose batches an engine runs first
 *
 * A batch of a higher priority also comes between two slices of one of a lower.
 */
enum drm_zaccel_priority {
	/** @ZACCEL_PRIORITY_NORMAL: what programs have that ask for nothing */
	ZACCEL_PRIORITY_NORMAL = 0,
	/** @ZACCEL_PRIORITY_LOW: after all others */
	ZACCEL_PRIORITY_LOW,
	/** @ZACCEL_PRIORITY_HIGH: before all others; needs CAP_SYS_NICE */
	ZACCEL_PRIORITY_HIGH,
};

/**
 * define ZACCEL_RING_POLL - the kernel looks for entries by itself
 *
 * A thread of the kernel, the poller, takes batches as soon as sq_tail says so:
 * as a doorbell would, with no call. All such rings of one open file share one.
 * When it has found nothing for a while it sleeps; that is to be seen in the
 * ring's header (ZACCEL_RING_NEED_WAKEUP), and then either doorbell wakes it.
 * They do nothing else for such a ring: they return 0 entries and take no
 * syncobjs, in whose place there are WAIT and SIGNAL commands.
 *
 * The poller keeps a CPU busy: it needs CAP_SYS_NICE, or one of as many as the
 * administrator has granted (module parameter poll_grants).
 */
#define ZACCEL_RING_POLL	0x1
/** define ZACCEL_RING_POLL_CPU - the poller runs on the CPU that is given */
#define ZACCEL_RING_POLL_CPU	0x2

/**
 * struct drm_zaccel_ring_create - make a ring
 *
 * The ring is one GEM buffer (@handle) that holds a header, the submission
 * queue and the completion queue at the offsets returned; see
 * struct drm_zaccel_ring_header. The caller maps that buffer. Every entry of
 * either queue can be used.
 *
 * Entries larger than this header's structures are for programs of a later one:
 * of a command, what lies behind must be zero; of a completion, it is.
 *
 * -EINVAL: entries no power of two or out of the limits of
 * drm_zaccel_device_info, @cq_entries smaller than @sq_entries, an entry's size
 * no power of two, smaller than this header's structure or above the device's
 * limit, too many slots, no such priority, @timeout_ms above the device's
 * max_batch_ms, @idle_us above its max_idle_us or without its flag, @poll_cpu
 * without its flag or no CPU that the caller may run on, an unknown flag, @pad
 * not zero. -EPERM: high priority without CAP_SYS_NICE, or a poller with neither
 * that nor a grant. -ENOENT: no such engine. -EBUSY: the file has a poller that
 * was not asked to run on @poll_cpu. -ENOSPC: max_rings reached, as many pollers as CPUs, or memory
 * must not be overcommitted. -ENFILE. -ENODEV. -ENOMEM.
 */
struct drm_zaccel_ring_create {
	/** @flags: in, ZACCEL_RING_POLL* */
	__u32 flags;
	/** @engine: in, drm_zaccel_engine_info.id */
	__u32 engine;
	/** @sq_entries: in, entries of the submission queue */
	__u32 sq_entries;
	/** @cq_entries: in, entries of the completion queue */
	__u32 cq_entries;
	/** @sqe_size: in/out, bytes of a command; 0 for the smallest */
	__u32 sqe_size;
	/** @cqe_size: in/out, bytes of a completion; 0 for the smallest */
	__u32 cqe_size;
	/** @slots: in, slots in the ring's table */
	__u32 slots;
	/** @id: out, names the ring in later calls on this file; never 0 */
	__u32 id;
	/** @handle: out, GEM handle of the ring's memory */
	__u32 handle;
	/** @sq_offset: out, byte offset of the submission queue */
	__u32 sq_offset;
	/** @cq_offset: out, byte offset of the completion queue */
	__u32 cq_offset;
	/** @priority: in, enum drm_zaccel_priority */
	__u32 priority;
	/** @size: out, bytes of the ring's memory */
	__u64 size;
	/**
	 * @timeout_ms: in, a batch that makes no progress for so long is ended;
	 * 0 for drm_zaccel_device_info.default_timeout_ms, 1 to 99 mean 100
	 */
	__u32 timeout_ms;
	/**
	 * @idle_us: in, with ZACCEL_RING_POLL: for how long the poller finds
	 * nothing before it sleeps; 0 for drm_zaccel_device_info.default_idle_us.
	 * The longest of the file's rings counts
	 */
	__u32 idle_us;
	/** @poll_cpu: in, with ZACCEL_RING_POLL_CPU: where the poller runs */
	__u32 poll_cpu;
	/** @pad: must be 0 */
	__u32 pad;
};

/**
 * struct drm_zaccel_ring_destroy - stop and free a ring
 *
 * Batches that have not run end with -ECANCELED, their fences too. The ring's
 * memory stays while its handle or a mapping does.
 *
 * -EINVAL: @pad not zero. -ENOENT: no such ring.
 */
struct drm_zaccel_ring_destroy {
	/** @id: in, the ring */
	__u32 id;
	/** @pad: must be 0 */
	__u32 pad;
};

/** enum drm_zaccel_slot_kind - what a slot holds */
enum drm_zaccel_slot_kind {
	/** @ZACCEL_SLOT_EMPTY: nothing; binding this clears the slot */
	ZACCEL_SLOT_EMPTY = 0,
	/** @ZACCEL_SLOT_RANGE: bytes of one buffer */
	ZACCEL_SLOT_RANGE,
	/** @ZACCEL_SLOT_IMAGE: a picture, up to four planes */
	ZACCEL_SLOT_IMAGE,
	/** @ZACCEL_SLOT_SYNCOBJ: a syncobj, binary or timeline */
	ZACCEL_SLOT_SYNCOBJ,
	/** @ZACCEL_SLOT_TENSOR: reserved; binding it is -EINVAL */
	ZACCEL_SLOT_TENSOR,
};

/** define ZACCEL_MAX_PLANES - planes of an image */
#define ZACCEL_MAX_PLANES 4

/**
 * struct drm_zaccel_plane - one plane of an image, or the range of a slot
 *
 * For ZACCEL_SLOT_RANGE only plane 0 is used: @offset and @size name the bytes,
 * @pitch must be 0. For ZACCEL_SLOT_IMAGE @size must be 0, and what the fourcc
 * and the image's size need behind @offset must lie within the buffer. For
 * ZACCEL_SLOT_SYNCOBJ only plane 0's @handle is used, a syncobj's.
 */
struct drm_zaccel_plane {
	/** @handle: GEM handle, or that of a syncobj */
	__u32 handle;
	/** @pitch: bytes from one line to the next */
	__u32 pitch;
	/** @offset: first byte, within the buffer */
	__u64 offset;
	/** @size: bytes of a range */
	__u64 size;
};

/**
 * struct drm_zaccel_ring_bind - fill one slot
 *
 * The binding holds its buffers until it is replaced, cleared, or the ring
 * goes, and until the commands fetched with it have completed. Replacing
 * it affects only batches submitted later.
 *
 * Binding an imported buffer waits for its fences (the exporter may have to be
 * told of the CPU's accesses): this call may sleep, interruptibly.
 *
 * -EINVAL: slot out of range, unknown kind, flags or pads not zero, a field
 * that the kind does not use is not zero, bad geometry. -ENOENT: no such ring
 * or handle. -EOPNOTSUPP: unknown fourcc or modifier, or memory that the CPU
 * cannot map. -ERANGE: the range or image does not fit into its buffer.
 * -ENOMEM. -EINTR/-ERESTARTSYS. -ECANCELED, -ENODEV: the ring ended meanwhile.
 */
struct drm_zaccel_ring_bind {
	/** @id: in, the ring */
	__u32 id;
	/** @slot: in, index into its table */
	__u32 slot;
	/** @kind: in, enum drm_zaccel_slot_kind */
	__u32 kind;
	/** @flags: in, must be 0 */
	__u32 flags;
	/** @fourcc: in, DRM_FORMAT_* of an image, else 0 */
	__u32 fourcc;
	/** @width: in, pixels, of an image, else 0 */
	__u32 width;
	/** @height: in, pixels, of an image, else 0 */
	__u32 height;
	/** @pad: must be 0 */
	__u32 pad;
	/** @modifier: in, DRM_FORMAT_MOD_LINEAR (0) */
	__u64 modifier;
	/** @planes: in, unused ones all zero */
	struct drm_zaccel_plane planes[ZACCEL_MAX_PLANES];
};

/**
 * struct drm_zaccel_sync - a fence's place in a submit's array
 */
struct drm_zaccel_sync {
	/** @handle: syncobj */
	__u32 handle;
	/** @flags: must be 0 */
	__u32 flags;
	/** @point: of a timeline; 0 for a binary syncobj */
	__u64 point;
};

/**
 * struct drm_zaccel_ring_submit - the doorbell
 *
 * Fetches every whole batch between the ring's head and the tail that the
 * caller stored in the header. A batch ends at an entry with ZACCEL_CMD_END;
 * an unfinished one stays where it is. Batches run in order. What is wrong with
 * an entry is told in its completion; the errno of this call is about the call.
 *
 * On return @fetched counts the entries taken. When that is not zero the call
 * succeeds even if it had to stop early; the next doorbell goes on there.
 *
 * A syncobj of @out_syncobjs gets the fence of the last batch fetched. Those of
 * @in_syncobjs must hold a fence: the first batch fetched waits for them. A point
 * that a timeline has not been given yet is no fence. When there is nothing to
 * fetch the call succeeds and no syncobj is touched.
 *
 * -EINVAL: flags or pads not zero, more than ZACCEL_MAX_SYNCOBJS, a syncobj that
 * holds no fence, a stored sq_tail more than sq_entries ahead of the head, a
 * stored cq_head ahead of what was posted or more than cq_entries behind what
 * was promised, or a full submission queue without any end of batch. -ENOENT:
 * no such ring or syncobj. -EAGAIN: nothing fetched because the completion queue
 * has no room for the next batch, or the EXECs under way hold as many commands
 * as the ring may have; as some ioctl wrappers repeat a call that ends with
 * EAGAIN, reap first or use ioctl() itself. -EFAULT. -ENOMEM. -ENODEV: the
 * device is gone. -ECANCELED: the ring is being destroyed. -EINTR/-ERESTARTSYS:
 * nothing was taken.
 */
struct drm_zaccel_ring_submit {
	/** @id: in, the ring */
	__u32 id;
	/** @flags: in, must be 0 */
	__u32 flags;
	/** @in_syncobjs: in, user pointer to @in_count struct drm_zaccel_sync */
	__u64 in_syncobjs;
	/** @out_syncobjs: in, user pointer to @out_count struct drm_zaccel_sync */
	__u64 out_syncobjs;
	/** @in_count: in, at most ZACCEL_MAX_SYNCOBJS */
	__u32 in_count;
	/** @out_count: in, at most ZACCEL_MAX_SYNCOBJS */
	__u32 out_count;
	/** @fetched: out, entries taken */
	__u32 fetched;
	/** @pad: must be 0 */
	__u32 pad;
};

/**
 * define ZACCEL_MAX_SYNCOBJS - per direction and submit; also the WAITs and the
 * SIGNALs of a batch, of which those beyond fail with -E2BIG
 */
#define ZACCEL_MAX_SYNCOBJS 16

/**
 * struct drm_zaccel_ring_wait - sleep until completions are posted
 *
 * Returns once the completion queue's tail has reached @index (compared modulo
 * 2^32 as a signed difference), which is absolute, as @deadline_ns is: the call
 * can be repeated after a signal with the same arguments.
 *
 * -EINVAL: flags not zero. -ENOENT: no such ring. -ETIME: the deadline passed.
 * -ENODEV: the device is gone. -ECANCELED: the ring was destroyed meanwhile.
 * -EINTR/-ERESTARTSYS.
 */
struct drm_zaccel_ring_wait {
	/** @id: in, the ring; must be 0 on a ring's own descriptor */
	__u32 id;
	/** @index: in, free-running index of the completion queue's tail */
	__u32 index;
	/** @deadline_ns: in, CLOCK_MONOTONIC; a time that has passed polls */
	__s64 deadline_ns;
	/** @flags: in, must be 0 */
	__u32 flags;
	/** @tail: out, the tail when the wait ended */
	__u32 tail;
};

/**
 * struct drm_zaccel_ring_eventfd - be told of completions by an eventfd
 *
 * 1 is added to the eventfd each time completions are posted, and once when the
 * ring ends. A ring has one eventfd at most; the call replaces it.
 *
 * -EINVAL: flags or pad not zero, or no eventfd. -EBADF: no such descriptor.
 * -ENOENT: no such ring. -ECANCELED, -ENODEV: the ring ended meanwhile.
 */
struct drm_zaccel_ring_eventfd {
	/** @id: in, the ring */
	__u32 id;
	/** @flags: in, must be 0 */
	__u32 flags;
	/** @fd: in, an eventfd, or -1 for none */
	__s32 fd;
	/** @pad: must be 0 */
	__u32 pad;
};

/**
 * struct drm_zaccel_ring_fd - a descriptor of a ring
 *
 * Whoever holds it can drive the ring with what is bound to it, and nothing
 * else: DRM_IOCTL_ZACCEL_FD_KICK, DRM_IOCTL_ZACCEL_FD_WAIT, mmap() of the ring's
 * memory at offset 0, poll(). It can be sent to another process. When the ring
 * is destroyed or the file that made it closes, all of these are -ENODEV (but a
 * wait for what was posted before), and poll() says POLLHUP; memory that is
 * mapped stays. The descriptor is closed on exec.
 *
 * poll() says POLLIN while cq_head in the header is behind the completions
 * posted.
 *
 * -EINVAL: flags or pad not zero. -ENOENT: no such ring. -EMFILE. -ENFILE.
 * -ENOMEM.
 */
struct drm_zaccel_ring_fd {
	/** @id: in, the ring */
	__u32 id;
	/** @flags: in, must be 0 */
	__u32 flags;
	/** @fd: out, the descriptor */
	__s32 fd;
	/** @pad: must be 0 */
	__u32 pad;
};

/** define ZACCEL_RING_NEED_WAKEUP - what is stored is seen when a doorbell is rung */
#define ZACCEL_RING_NEED_WAKEUP	0x1

/**
 * struct drm_zaccel_ring_header - the first 256 bytes of a ring's memory
 *
 * All indices run freely modulo 2^32; an entry's place is its index modulo the
 * number of entries. Each index has one writer and a cache line of its own. The
 * writer stores entries first and then the index with release order; the reader
 * loads the index with acquire order and then the entries. The kernel keeps
 * its own copies and never reads back what it wrote.
 */
struct drm_zaccel_ring_header {
	/** @sq_tail: written by user space: entries filled */
	__u32 sq_tail;
	/** @pad0: ignored */
	__u32 pad0[15];
	/** @sq_head: written by the kernel: entries fetched, may be reused */
	__u32 sq_head;
	/**
	 * @flags: written by the kernel: ZACCEL_RING_NEED_WAKEUP. To be read
	 * after sq_tail was stored, with a full barrier between the two
	 */
	__u32 flags;
	/**
	 * @poll_status: written by the kernel: 0, or the -errno of the poller's
	 * last try, as a doorbell would have returned it
	 */
	__s32 poll_status;
	/** @pad1: ignored */
	__u32 pad1[13];
	/** @cq_tail: written by the kernel: completions posted */
	__u32 cq_tail;
	/** @pad2: ignored */
	__u32 pad2[15];
	/** @cq_head: written by user space: completions reaped */
	__u32 cq_head;
	/** @pad3: ignored */
	__u32 pad3[15];
};

/** define ZACCEL_OPCODE_ENGINE_BASE - opcodes from here are the engine's own */
#define ZACCEL_OPCODE_ENGINE_BASE 0x8000

/** enum drm_zaccel_opcode - operations; args name the structure in args[] */
enum drm_zaccel_opcode {
	/** @ZACCEL_OP_NOP: completes; result 0 */
	ZACCEL_OP_NOP = 0,
	/** @ZACCEL_OP_FILL: struct drm_zaccel_fill; dst a range */
	ZACCEL_OP_FILL,
	/** @ZACCEL_OP_COPY: struct drm_zaccel_copy; dst and src ranges */
	ZACCEL_OP_COPY,
	/** @ZACCEL_OP_CRC32C: struct drm_zaccel_crc32c; src a range */
	ZACCEL_OP_CRC32C,
	/** @ZACCEL_OP_CONVERT: struct drm_zaccel_convert; dst, src images */
	ZACCEL_OP_CONVERT,
	/**
	 * @ZACCEL_OP_INVERT: no args; dst and src images of one format and size,
	 * which may be the same memory, or must not overlap
	 */
	ZACCEL_OP_INVERT,
	/** @ZACCEL_OP_CONVOLVE3X3: struct drm_zaccel_convolve3x3; as INVERT */
	ZACCEL_OP_CONVOLVE3X3,
	/**
	 * @ZACCEL_OP_WAIT: struct drm_zaccel_point; src a syncobj. The batch
	 * starts when the fence has signalled that is there when the batch is
	 * fetched; without one the command fails. Stands before all others of
	 * its batch.
	 */
	ZACCEL_OP_WAIT,
	/**
	 * @ZACCEL_OP_SIGNAL: struct drm_zaccel_point; dst a syncobj, which gets
	 * the batch's fence when the batch is fetched. Stands behind all others
	 * of its batch.
	 */
	ZACCEL_OP_SIGNAL,
	/**
	 * @ZACCEL_OP_EXEC: struct drm_zaccel_exec; src a range that holds
	 * commands, which are copied and checked when the batch is fetched. They
	 * run as one command: result counts those that succeeded, status is that
	 * of the first that failed. They cannot be WAIT, SIGNAL or EXEC.
	 */
	ZACCEL_OP_EXEC,
};

/** define ZACCEL_CMD_END - last command of its batch */
#define ZACCEL_CMD_END			0x1
/** define ZACCEL_CMD_CONTINUE - its failure does not cancel those behind it */
#define ZACCEL_CMD_CONTINUE		0x2
/** define ZACCEL_CMD_TIMESTAMP - time_ns is when it ended, not its batch */
#define ZACCEL_CMD_TIMESTAMP		0x4
/** define ZACCEL_CMD_PARAMS - args[] holds struct drm_zaccel_params */
#define ZACCEL_CMD_PARAMS		0x8
/**
 * define ZACCEL_CMD_EXPLICIT_SYNC - with ZACCEL_CMD_END: of the fences in shared
 * buffers the batch waits only for the kernel's own, and nobody waits for its
 */
#define ZACCEL_CMD_EXPLICIT_SYNC	0x10

/**
 * struct drm_zaccel_command - an entry of the submission queue
 *
 * A command with an unknown opcode or flag, an empty slot, a slot of the wrong
 * kind, an argument out of range, or an unused field that is not zero completes
 * with a negative status. Those behind it in its batch then complete with
 * -ECANCELED, without having run, unless it has ZACCEL_CMD_CONTINUE. The batch's
 * fence carries the status of the first command that failed.
 */
struct drm_zaccel_command {
	/** @opcode: enum drm_zaccel_opcode */
	__u16 opcode;
	/** @flags: ZACCEL_CMD_* */
	__u16 flags;
	/** @pad: must be 0 */
	__u32 pad;
	/** @user_data: copied to the completion */
	__u64 user_data;
	/** @dst: slot written, 0 where the operation writes none */
	__u32 dst;
	/** @src: slot read, 0 where the operation reads none */
	__u32 src;
	/** @args: the operation's own structure; the rest zero */
	__u64 args[5];
};

/** struct drm_zaccel_completion - an entry of the completion queue */
struct drm_zaccel_completion {
	/** @user_data: of the command */
	__u64 user_data;
	/** @result: of the operation: the checksum, the bytes done, or 0 */
	__u64 result;
	/** @time_ns: CLOCK_MONOTONIC when its batch, or it, completed */
	__u64 time_ns;
	/** @status: 0 or a negative errno */
	__s32 status;
	/** @flags: 0 */
	__u32 flags;
};

/**
 * struct drm_zaccel_params - where the operation's own structure is
 *
 * It is read once, when the batch is fetched, as if it stood in args[]: what is
 * not given is zero, and what lies behind drm_zaccel_operation_info.args_size
 * must be. So a program may give the structure as its own header has it.
 */
struct drm_zaccel_params {
	/** @slot: a range */
	__u32 slot;
	/** @size: bytes, as many as args[] has at most */
	__u32 size;
	/** @offset: bytes from the start of the range */
	__u64 offset;
};

/** struct drm_zaccel_point - what a WAIT waits for, and a SIGNAL gives */
struct drm_zaccel_point {
	/** @point: of a timeline; 0 for a binary syncobj */
	__u64 point;
};

/**
 * struct drm_zaccel_exec - commands held in a buffer
 *
 * Of their flags only ZACCEL_CMD_CONTINUE and ZACCEL_CMD_PARAMS may be set. One
 * that is malformed fails the whole, and none of them runs; result is then its
 * index. The command fails with -E2BIG when those of its batch hold more than
 * max_exec together, and with -EBUSY while a batch, or the owner of a fence in a
 * shared buffer, may still write the buffer. Explicitly synchronised batches
 * that use it by a read-only dma-buf, or in another device, are not noticed.
 */
struct drm_zaccel_exec {
	/** @offset: bytes from the start of src, a multiple of 8 */
	__u64 offset;
	/** @count: of struct drm_zaccel_command, from 1 to max_exec */
	__u32 count;
	/** @pad: must be 0 */
	__u32 pad;
};

/** struct drm_zaccel_fill - store a repeated 64-bit pattern, little endian */
struct drm_zaccel_fill {
	/** @offset: bytes from the start of dst */
	__u64 offset;
	/** @size: bytes, need not be a multiple of 8 */
	__u64 size;
	/** @pattern: its byte 0 lands at @offset */
	__u64 pattern;
};

/** struct drm_zaccel_copy - copy bytes; the two must not overlap */
struct drm_zaccel_copy {
	/** @dst_offset: bytes from the start of dst */
	__u64 dst_offset;
	/** @src_offset: bytes from the start of src */
	__u64 src_offset;
	/** @size: bytes */
	__u64 size;
};

/**
 * struct drm_zaccel_crc32c - Castagnoli checksum, reflected, as iSCSI has it
 *
 * The result of one call is the @seed of the next; 0 starts.
 */
struct drm_zaccel_crc32c {
	/** @offset: bytes from the start of src */
	__u64 offset;
	/** @size: bytes */
	__u64 size;
	/** @seed: checksum of what comes before */
	__u32 seed;
	/** @pad: must be 0 */
	__u32 pad;
};

/** enum drm_zaccel_matrix - YUV matrix coefficients */
enum drm_zaccel_matrix {
	/** @ZACCEL_MATRIX_BT601: Kr 0.299, Kb 0.114 */
	ZACCEL_MATRIX_BT601 = 0,
	/** @ZACCEL_MATRIX_BT709: Kr 0.2126, Kb 0.0722 */
	ZACCEL_MATRIX_BT709,
};

/** enum drm_zaccel_range - quantisation range of 8-bit YUV */
enum drm_zaccel_range {
	/** @ZACCEL_RANGE_LIMITED: luma 16..235, chroma 16..240 */
	ZACCEL_RANGE_LIMITED = 0,
	/** @ZACCEL_RANGE_FULL: 0..255 */
	ZACCEL_RANGE_FULL,
};

/** enum drm_zaccel_filter - how samples between the source's are made */
enum drm_zaccel_filter {
	/** @ZACCEL_FILTER_NEAREST: the sample whose area covers the centre */
	ZACCEL_FILTER_NEAREST = 0,
	/** @ZACCEL_FILTER_BILINEAR: weighted mean of the four around it */
	ZACCEL_FILTER_BILINEAR,
};

/**
 * struct drm_zaccel_convert - format, colour and size conversion
 *
 * The whole source image becomes the whole destination image; the two must not
 * overlap. The matrix and range of a side that is RGB are ignored but must be
 * valid; R8 is the luma of its side's matrix and range. The unused byte of
 * XRGB8888 becomes 255.
 */
struct drm_zaccel_convert {
	/** @src_matrix: enum drm_zaccel_matrix */
	__u8 src_matrix;
	/** @src_range: enum drm_zaccel_range */
	__u8 src_range;
	/** @dst_matrix: enum drm_zaccel_matrix */
	__u8 dst_matrix;
	/** @dst_range: enum drm_zaccel_range */
	__u8 dst_range;
	/** @filter: enum drm_zaccel_filter, for every plane */
	__u8 filter;
	/** @pad: must be 0 */
	__u8 pad[3];
};

/**
 * struct drm_zaccel_convolve3x3 - 3x3 convolution of each colour component
 *
 * out = clamp(((sum of coefficients * samples + 2^(shift-1)) >> shift) + bias);
 * with @shift 0 nothing is added before it. Outside the image the nearest edge
 * sample stands. The images must not overlap. The unused byte of XRGB8888
 * becomes 255.
 */
struct drm_zaccel_convolve3x3 {
	/** @coefficients: row by row, top left first */
	__s16 coefficients[9];
	/** @bias: added last */
	__s16 bias;
	/** @shift: 0..15 */
	__u8 shift;
	/** @pad: must be 0 */
	__u8 pad[3];
};

#define DRM_IOCTL_ZACCEL_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_ZACCEL_QUERY, struct drm_zaccel_query)
#define DRM_IOCTL_ZACCEL_BUFFER_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_ZACCEL_BUFFER_CREATE, \
		 struct drm_zaccel_buffer_create)
#define DRM_IOCTL_ZACCEL_BUFFER_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_ZACCEL_BUFFER_INFO, \
		 struct drm_zaccel_buffer_info)
#define DRM_IOCTL_ZACCEL_RING_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_ZACCEL_RING_CREATE, \
		 struct drm_zaccel_ring_create)
#define DRM_IOCTL_ZACCEL_RING_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_ZACCEL_RING_DESTROY, \
		struct drm_zaccel_ring_destroy)
#define DRM_IOCTL_ZACCEL_RING_BIND \
	DRM_IOW(DRM_COMMAND_BASE + DRM_ZACCEL_RING_BIND, \
		struct drm_zaccel_ring_bind)
#define DRM_IOCTL_ZACCEL_RING_SUBMIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_ZACCEL_RING_SUBMIT, \
		 struct drm_zaccel_ring_submit)
#define DRM_IOCTL_ZACCEL_RING_WAIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_ZACCEL_RING_WAIT, \
		 struct drm_zaccel_ring_wait)
#define DRM_IOCTL_ZACCEL_BUFFER_WAIT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_ZACCEL_BUFFER_WAIT, \
		struct drm_zaccel_buffer_wait)
#define DRM_IOCTL_ZACCEL_BUFFER_EXPORT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_ZACCEL_BUFFER_EXPORT, \
		 struct drm_zaccel_buffer_export)
#define DRM_IOCTL_ZACCEL_RING_EVENTFD \
	DRM_IOW(DRM_COMMAND_BASE + DRM_ZACCEL_RING_EVENTFD, \
		struct drm_zaccel_ring_eventfd)
#define DRM_IOCTL_ZACCEL_RING_FD \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_ZACCEL_RING_FD, \
		 struct drm_zaccel_ring_fd)

/*
 * On a ring's own descriptor. The doorbell's argument is its flags, by value,
 * and must be 0. It returns the number of entries taken, or fails as
 * DRM_IOCTL_ZACCEL_RING_SUBMIT does; -ENODEV when the ring is gone.
 */
#define DRM_IOCTL_ZACCEL_FD_KICK \
	DRM_IO(DRM_COMMAND_BASE + DRM_ZACCEL_FD_KICK)
#define DRM_IOCTL_ZACCEL_FD_WAIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_ZACCEL_FD_WAIT, \
		 struct drm_zaccel_ring_wait)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_ZACCEL_ACCEL_H_ */
