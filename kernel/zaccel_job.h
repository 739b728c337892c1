/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_JOB_H
#define ZACCEL_JOB_H

#include <linux/dma-fence.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/workqueue.h>
#include <drm/zaccel_accel.h>

#include "common/ops.h"

struct drm_gem_object;
struct drm_syncobj;
struct zaccel_binding;
struct zaccel_instance;
struct zaccel_late;
struct zaccel_ring;

/**
 * struct zaccel_cmd - a submission entry, copied, then made ready to be run
 *
 * A ring has one for each completion that it may promise. It is no larger than
 * the entry, whose slots and user_data make room for what they lead to.
 */
struct zaccel_cmd {
	/** @opcode: known when @status is 0 */
	u16 opcode;
	/** @flags: of the entry */
	u16 flags;
	/** @status: 0 or -errno, of what was found out at fetch */
	s32 status;
	/** @dst: what its destination slot held */
	const struct zaccel_operand *dst;
	/** @src: what its source slot held */
	const struct zaccel_operand *src;
	union {
		/** @args: of the entry */
		u64 args[5];
		/** @exec: of an EXEC */
		struct {
			/** @exec.cmds: its commands, in memory of the job */
			struct zaccel_cmd *cmds;
			/** @exec.count: how many */
			u32 count;
		} exec;
		/** @result: where @status is not 0 */
		u64 result;
	};
};

static_assert(sizeof(struct zaccel_cmd) == sizeof(struct drm_zaccel_command));
static_assert(offsetof(struct zaccel_cmd, args) ==
	      offsetof(struct drm_zaccel_command, args));

/* The copy of the entry, until the command is made of it in its place. */
static inline struct drm_zaccel_command *
zaccel_cmd_entry(struct zaccel_cmd *cmd)
{
	return (struct drm_zaccel_command *)cmd;
}

/**
 * struct zaccel_dep - a fence that a job waits for
 */
struct zaccel_dep {
	/** @cb: on @fence while the job waits */
	struct dma_fence_cb cb;
	/** @fence: reference held until the job is freed */
	struct dma_fence *fence;
	/** @job: back pointer for @cb */
	struct zaccel_job *job;
	/** @redundant: the job before it in the ring waits for @fence too */
	bool redundant;
};

/**
 * struct zaccel_use - a reservation object that a job touches
 *
 * By one of the buffers in it: two imports of one dma-buf share theirs.
 */
struct zaccel_use {
	/** @obj: kept by a binding of the job */
	struct drm_gem_object *obj;
	/** @job: back pointer for @node */
	struct zaccel_job *job;
	/** @node: in the uses of the buffer, under the device's uses_lock */
	struct list_head node;
	/** @seqno: orders the uses of all buffers, under that lock too */
	u64 seqno;
	/** @write: some command of the batch writes it */
	bool write;
	/** @shared: the buffer is, so that fences speak for this use */
	bool shared;
};

/**
 * struct zaccel_job - a fetched batch on its way through the engine
 */
struct zaccel_job {
	/** @free_work: gives back what the engine's thread must not */
	struct work_struct free_work;
	/** @spare_node: in the ring's spare jobs */
	struct llist_node spare_node;
	/** @arena: enough for a batch that uses a few buffers */
	u64 arena[24];
	/** @ring: whose batch it is; held, as are @bindings, while queued */
	struct zaccel_ring *ring;
	/**
	 * @node: in the ring's pending list, under the ring's run_lock; then in
	 * the engine's queue, under its lock
	 */
	struct list_head node;
	/** @ready: its dependencies have signalled, under the ring's run_lock */
	bool ready;
	/** @running: its commands are run, by @instance */
	bool running;
	/** @instance: the thread that runs it; NULL inside a doorbell */
	struct zaccel_instance *instance;
	/** @error: 0, or why it should end at once */
	int error;
	/** @reason: in words; valid when @error is not 0 */
	const char *reason;
	/** @cut_off: a command ended with it; else it came when all was done */
	bool cut_off;
	/** @at: completion index of the command that runs */
	u32 at;
	/** @beat: counts what progress it makes */
	u32 beat;
	/** @queued: when it went to the engine's queue, in jiffies */
	unsigned long queued;
	/** @started: when it began to run, in jiffies; what preempted it left out */
	unsigned long started;
	/** @preempted: for how long it was, in jiffies */
	unsigned long preempted;
	/**
	 * @since_ns: when a thread began to run it, or came back to it; 0 while
	 * none does. Under the engine's lock
	 */
	u64 since_ns;
	/** @busy_ns: for how long it ran before that, under that lock too */
	u64 busy_ns;
	/** @below: the one it runs in the midst of, or NULL; under that lock too */
	struct zaccel_job *below;
	/** @first: completion index of the first command */
	u32 first;
	/** @count: commands in the batch */
	u32 count;
	/** @cost: of its commands, see zaccel_op_cost() */
	u64 cost;
	/** @end_ns: when it had run */
	u64 end_ns;
	/** @explicit_sync: it neither heeds nor leaves implicit fences */
	bool explicit_sync;
	/** @done: it has run, inside the doorbell */
	bool done;
	/** @timed: a command has noted its own time */
	bool timed;
	/** @seqno: its place among the batches of the ring, and its fence's */
	u64 seqno;
	/**
	 * @fence: signals when the batch has run. NULL while nobody wants one:
	 * given at publication, or later by the first export of a private buffer
	 * that it uses, then under the device's uses_lock.
	 */
	struct dma_fence *fence;
	/** @next_fence: what @fence is to be, while it is published; or NULL */
	struct dma_fence *next_fence;
	/** @signals: where @fence goes when the batch has been fetched */
	struct list_head signals;
	/** @deps_left: dependencies to come, plus one while they are counted */
	atomic_t deps_left;
	/** @num_deps: entries of @deps in use */
	u32 num_deps;
	/** @max_deps: entries of @deps allocated */
	u32 max_deps;
	/** @deps: what it waits for; in memory of the job */
	struct zaccel_dep *deps;
	/** @num_bindings: entries of @bindings */
	u32 num_bindings;
	/** @num_uses: entries of @uses */
	u32 num_uses;
	/** @bindings: what its commands use, each once */
	struct zaccel_binding **bindings;
	/** @uses: the buffers behind them */
	struct zaccel_use *uses;
	/** @memory: blocks from zaccel_job_memory(), of what @arena cannot hold */
	struct list_head memory;
	/** @arena_used: bytes of @arena given out */
	u32 arena_used;
	/** @num_exec: commands of EXECs, charged to the ring until it has run */
	u32 num_exec;
	/**
	 * @cookie: of dma_fence_begin_signalling(), from publication until it is
	 * queued
	 */
	bool cookie;
	/** @late: what late mode has to remember; NULL when it is off */
	struct zaccel_late *late;
};

/* Jobs that a ring keeps for batches to come; those it starts with, too. */
#define ZACCEL_SPARE_JOBS	8

/* Make the ring's spare jobs, and free them. 0 or -ENOMEM. */
int zaccel_jobs_init(struct zaccel_ring *ring);
void zaccel_jobs_fini(struct zaccel_ring *ring);

/*
 * For a ring that has no next job: a spare one becomes that, or a new one; NULL
 * when there is no memory. Under the ring's lock, which keeps the ring and what
 * its slots hold until the job is queued.
 */
struct zaccel_job *zaccel_job_next(struct zaccel_ring *ring);

/* It has used nothing that is to be given back: the next is as good with it. */
static inline bool zaccel_job_is_clean(const struct zaccel_job *job)
{
	/* What it waits for and what it signals is in memory. */
	return !job->arena_used && list_empty(&job->memory) && !job->fence &&
	       !job->num_exec;
}

/* It was not published, or was done in the doorbell: it is the next once more. */
void zaccel_job_reuse(struct zaccel_job *job);

/* Give back a job that was queued. Engine's thread only. */
void zaccel_job_retire(struct zaccel_job *job);

/* Zeroed memory that lives as long as the job. NULL when there is none. */
void *zaccel_job_memory(struct zaccel_job *job, size_t size);

/* Take room for commands of an EXEC. False when the ring has none left. */
bool zaccel_job_charge_exec(struct zaccel_job *job, u32 count);

/* Wait for @fence before the job runs. Takes its own reference. */
int zaccel_job_add_dep(struct zaccel_job *job, struct dma_fence *fence);

/* Give the batch's fence to a syncobj once it has one. */
int zaccel_job_add_signal(struct zaccel_job *job, struct drm_syncobj *syncobj,
			  u64 point);

/* From here on the job finds its own way, and may be gone any moment. */
void zaccel_job_queue(struct zaccel_job *job);

/* The pending jobs of a dead ring wait for nothing any more. */
void zaccel_jobs_abandon(struct zaccel_ring *ring);

/* A job is done: its completions are posted, the ring's next job may go. */
void zaccel_job_leave(struct zaccel_job *job);

/* Its fence's number, 0 as long as it can have none. */
static inline u64 zaccel_job_fence_seqno(const struct zaccel_job *job)
{
	return job->num_uses || READ_ONCE(job->fence) ? job->seqno : 0;
}

/* zaccel_run.c */

/*
 * Between two slices of a job: others get the CPU, those of a higher rank the
 * engine. 0, or the errno with which the job should end at once.
 */
int zaccel_job_pause(struct zaccel_job *job);

/*
 * Run a job here and now, if it is small and nothing is before it. Called with
 * everything shared that it uses locked, nothing of it published. True: it has
 * run and its fence, if it has one, has signalled; what is left is to post.
 */
bool zaccel_job_try_inline(struct zaccel_job *job);

/* Run a queued job, signal, post its completions. Engine's thread only. */
void zaccel_job_execute(struct zaccel_job *job);

/* zaccel_publish.c */

/*
 * Note which buffers the job uses, collect the fences in them that it must wait
 * for; then run it, if it can be run at once, or leave its fence where somebody
 * else can look. With @want_fence it has a fence in any case. After success
 * nothing may be allocated and no reservation lock taken until the job is queued,
 * which it must be unless it is done.
 */
int zaccel_job_publish(struct zaccel_job *job, bool want_fence);

/*
 * The job enters the private buffers that it uses, and gets its fence if it is to
 * have one. -EAGAIN: one of them is shared now; begin anew.
 */
int zaccel_job_enter(struct zaccel_job *job);

/* Else it may do without. */
static inline bool zaccel_job_must_enter(const struct zaccel_job *job)
{
	return job->num_uses || job->next_fence;
}

/* The job has run: its private buffers are free of it. */
void zaccel_job_unuse(struct zaccel_job *job);

#endif
