/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_RING_H
#define ZACCEL_RING_H

#include <linux/atomic.h>
#include <linux/iosys-map.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <drm/zaccel_accel.h>

#include "common/ring.h"
#include "zaccel_job.h"

struct drm_device;
struct drm_file;
struct drm_gem_object;
struct zaccel_binding;
struct zaccel_device;
struct zaccel_engine;
struct zaccel_file;
struct zaccel_poller;
struct zaccel_stats;
struct zaccel_syncs;
struct eventfd_ctx;

/**
 * struct zaccel_ring_poll - what the poller has to remember of a ring
 */
struct zaccel_ring_poll {
	/** @poller: NULL for a ring without; written under the ring's lock */
	struct zaccel_poller *poller;
	/** @node: in the poller's list, under its lock, as is what follows */
	struct list_head node;
	/** @idle_us: see drm_zaccel_ring_create.idle_us */
	u32 idle_us;
	/** @sq_tail: at the last try */
	u32 sq_tail;
	/** @cq_head: at the last try */
	u32 cq_head;
	/** @status: of the last try, as the header shows it */
	int status;
	/** @again: something was taken, and something may be left */
	bool again;
	/** @pause: in jiffies, between tries that fail through no fault of its */
	u32 pause;
	/** @retry: when the next of them is due, if @pause is not 0 */
	unsigned long retry;
};

/**
 * struct zaccel_ring - a submission and a completion queue
 *
 * The memory behind @header, @sq and @cq is shared with user space: what is
 * read from there is copied or range-checked first, and what is written there
 * is never read back.
 */
struct zaccel_ring {
	/** @ref: held by the file's table, queued jobs, and calls under way */
	struct kref ref;
	/** @free_work: for the last reference where nothing may sleep */
	struct work_struct free_work;
	/** @zdev: reference held */
	struct zaccel_device *zdev;
	/** @engine: runs its batches */
	struct zaccel_engine *engine;
	/** @rank: of its batches there, enum zaccel_rank */
	u32 rank;
	/** @timeout_ms: without progress for so long, a batch is ended */
	u32 timeout_ms;
	/** @id: in its file's table */
	u32 id;
	/** @serial: device-wide number, for messages */
	u64 serial;
	/** @pid: of whoever made it, for messages */
	pid_t pid;
	/** @comm: likewise */
	char comm[TASK_COMM_LEN];
	/** @stats: of its file; reference held */
	struct zaccel_stats *stats;
	/** @stats_node: in the list there, under its lock */
	struct list_head stats_node;
	/** @device_node: in the device's list, under its rings_lock */
	struct list_head device_node;

	/** @obj: the ring's memory */
	struct drm_gem_object *obj;
	/** @map: where that memory is mapped */
	struct iosys_map map;
	/** @header: start of the memory */
	struct drm_zaccel_ring_header *header;
	/** @sq: submission entries, of @sqe_size bytes each */
	u8 *sq;
	/** @cq: completion entries, of @cqe_size bytes each */
	u8 *cq;
	/** @sqe_size: a power of two, at least that of the structure */
	u32 sqe_size;
	/** @cqe_size: a power of two, at least that of the structure */
	u32 cqe_size;
	/** @sq_entries: a power of two */
	u32 sq_entries;
	/** @cq_entries: a power of two, at least @sq_entries */
	u32 cq_entries;
	/** @sq_mask: of an index, its place: @sq_entries less one */
	u32 sq_mask;
	/** @cq_mask: likewise */
	u32 cq_mask;
	/** @num_slots: entries of @slots */
	u32 num_slots;

	/**
	 * @lock: serialises doorbells, and guards @slots, @sq_head, @cq_reserved,
	 * @next_job and @fence_seqno; reservation locks are taken inside it.
	 * Only the poller, where there is one, writes @sq_head
	 */
	struct mutex lock;
	/** @slots: the table */
	struct zaccel_binding **slots;
	/** @sq_head: entries fetched */
	u32 sq_head;
	/** @cq_reserved: completions promised by fetching */
	u32 cq_reserved;
	/** @fence_context: of the fences of its batches */
	u64 fence_context;
	/** @fence_seqno: of the last one */
	u64 fence_seqno;

	/**
	 * @cmds: private copies, by completion index; an entry belongs to the
	 * doorbell until its job is queued or done, then to the engine's thread
	 * until it is posted
	 */
	struct zaccel_cmd *cmds;
	/**
	 * @cq_posted: completions that may be seen, so how far cq_head may be;
	 * stored before the header's cq_tail by whoever ran them
	 */
	u32 cq_posted;
	/**
	 * @cq_shown: completions that can be seen, so what waits are for; stored
	 * after the header's cq_tail
	 */
	u32 cq_shown;
	/** @inline_ns: what batches inside doorbells took, written under @lock */
	atomic64_t inline_ns;
	/** @inline_batches: how many there were, likewise */
	atomic64_t inline_batches;
	/** @exec_left: commands that further EXECs may hold */
	atomic_t exec_left;
	/** @next_job: for the next batch, clean; NULL when it was queued */
	struct zaccel_job *next_job;
	/** @spare: more jobs; taken out under @lock, put in by anybody */
	struct llist_head spare;
	/** @num_spare: about how many of them there are */
	atomic_t num_spare;
	/**
	 * @share_mark: for explicit or not, writing or not: the last walk that
	 * met such a job of this ring, under the device's uses_lock
	 */
	u64 share_mark[2][2];
	/** @cq_late: completions whose batches late mode has taken up */
	u32 cq_late;
	/** @wait: woken when @cq_shown, @cq_late or @error changes */
	wait_queue_head_t wait;
	/** @eventfd: told when @cq_shown or @error changes; set under @lock */
	struct eventfd_ctx __rcu *eventfd;

	/**
	 * @run_lock: guards @pending, @active, writes of @error; taken in the lock
	 * of foreign fences, and only locks of the engine are taken inside it
	 */
	spinlock_t run_lock;
	/** @poll: for its poller */
	struct zaccel_ring_poll poll;
	/** @pending: jobs that wait for fences or their turn, oldest first */
	struct list_head pending;
	/** @active: the job before them is at the engine */
	bool active;
	/** @error: 0, or why the ring takes no more and runs no more */
	int error;
	/** @ending: whoever has @lock is to let go of it soon */
	bool ending;
};

struct zaccel_ring *zaccel_ring_get(struct zaccel_ring *ring);

/* The second is for where nothing may sleep. */
void zaccel_ring_put(struct zaccel_ring *ring);
void zaccel_ring_put_later(struct zaccel_ring *ring);

/* Look up a ring by its id; the caller puts it. NULL when there is none. */
struct zaccel_ring *zaccel_ring_find(struct drm_file *file, u32 id);

/*
 * What a batch is called in lists and traces: its ring, and the completion index
 * of its first command. No two of a device are the same before that wraps.
 */
static inline u64 zaccel_ring_cookie(const struct zaccel_ring *ring, u32 first)
{
	return ring->serial << 32 | first;
}

static inline u64 zaccel_job_cookie(const struct zaccel_job *job)
{
	return zaccel_ring_cookie(job->ring, job->first);
}

/* 0, or the errno with which the job should end at once. */
static inline int zaccel_job_error(const struct zaccel_job *job)
{
	int error = READ_ONCE(job->ring->error);

	return error ? error : READ_ONCE(job->error);
}

/* Completions that can be seen in the mapped queue. */
static inline u32 zaccel_ring_shown(struct zaccel_ring *ring)
{
	/* Pairs with the release in zaccel_ring_post(): cq_tail before this. */
	return smp_load_acquire(&ring->cq_shown);
}

/* The submission entry with index @index, as user space has it. */
static inline const void *zaccel_ring_sqe(struct zaccel_ring *ring, u32 index)
{
	return ring->sq + (index & ring->sq_mask) * ring->sqe_size;
}

/* The completion with index @index, to be written only. */
static inline struct drm_zaccel_completion *
zaccel_ring_cqe(struct zaccel_ring *ring, u32 index)
{
	return (void *)(ring->cq + (index & ring->cq_mask) * ring->cqe_size);
}

/* The private copy with completion index @index. */
static inline struct zaccel_cmd *zaccel_ring_cmd(struct zaccel_ring *ring,
						 u32 index)
{
	return &ring->cmds[index & ring->cq_mask];
}

/* zaccel_wait.c */

/* Finish the completions of a batch that has run: their time is that of its end. */
void zaccel_job_stamp(struct zaccel_job *job);

/* Publish them: by whoever ran it, in the ring's order. Any context. */
void zaccel_ring_post(struct zaccel_job *job);

/* Wake everybody who waits for completions. */
void zaccel_ring_wake(struct zaccel_ring *ring);

/* DRM_IOCTL_ZACCEL_RING_WAIT; sets the tail, whatever it returns. */
int zaccel_ring_wait(struct zaccel_ring *ring,
		     struct drm_zaccel_ring_wait *args);

int zaccel_ring_wait_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file);
int zaccel_ring_eventfd_ioctl(struct drm_device *drm, void *data,
			      struct drm_file *file);

/* zaccel_ringfd.c */
int zaccel_ring_fd_ioctl(struct drm_device *drm, void *data,
			 struct drm_file *file);

/* zaccel_ring.c */

/* All rings of a file, when it closes; all of a device, when it goes. */
void zaccel_rings_release(struct zaccel_file *zfile);
void zaccel_rings_kill(struct zaccel_device *zdev, int error);

int zaccel_ring_create_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file);
int zaccel_ring_destroy_ioctl(struct drm_device *drm, void *data,
			      struct drm_file *file);
int zaccel_ring_bind_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file);

/* zaccel_fetch.c */

/*
 * The doorbell: take all whole batches there are. @syncs may be NULL. How many
 * entries that were, even where it had to stop early, or -errno if none.
 */
int zaccel_ring_submit(struct zaccel_ring *ring, struct zaccel_syncs *syncs);

/*
 * What a doorbell would do, if there is anything new. For the poller. How many
 * entries were taken, or -EAGAIN when it tried, and none could be.
 */
int zaccel_ring_poll(struct zaccel_ring *ring);

/* In jiffies, how long it may sleep for this ring's sake. */
long zaccel_ring_poll_patience(struct zaccel_ring *ring);

int zaccel_ring_submit_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file);

#endif
