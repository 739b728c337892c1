/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_ENGINE_H
#define ZACCEL_ENGINE_H

#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

struct dentry;
struct zaccel_cmd;
struct zaccel_engine;
struct zaccel_job;

/**
 * struct zaccel_engine_ops - what an engine is; it knows no file and no handle
 */
struct zaccel_engine_ops {
	/** @name: as queries show it */
	const char *name;
	/**
	 * @run: run one command to its end and return its status, 0 or -errno;
	 * *result is 0 before and the operation's result after.
	 *
	 * Called where fences are about to signal: no memory is allocated, no
	 * reservation lock taken. May sleep only in a job that costs more than
	 * any that is run inside a doorbell. Gives up with the job's error soon
	 * after zaccel_job_error() has become non-zero.
	 */
	int (*run)(struct zaccel_engine *engine, struct zaccel_job *job,
		   struct zaccel_cmd *cmd, u64 *result);
};

/* Bits of zaccel_engine.state: a doorbell has it; its thread has; jobs queue. */
#define ZACCEL_ENGINE_INLINE	0x1
#define ZACCEL_ENGINE_THREAD	0x2
#define ZACCEL_ENGINE_QUEUED	0x4

/**
 * struct zaccel_engine - runs batches one after the other, first ready first run
 */
struct zaccel_engine {
	/** @ops: what it is */
	const struct zaccel_engine_ops *ops;
	/** @worker: its thread */
	struct kthread_worker *worker;
	/** @work: runs what is in @queue */
	struct kthread_work work;
	/** @lock: guards @queue; taken from fence callbacks */
	spinlock_t lock;
	/** @queue: jobs whose dependencies have signalled */
	struct list_head queue;
	/** @state: who has it, and whether somebody waits; 0 when idle */
	atomic_t state;
	/** @inline_bytes: the most that a job run inside a doorbell may cost */
	u32 inline_bytes;

	/** @late_us: late mode: how long each job is held back */
	u32 late_us;
	/** @hold: late mode: until @advance is more than 0, too */
	bool hold;
	/** @advance: jobs that may go on */
	atomic_t advance;
	/** @wait: woken when the above change, or a ring ends */
	wait_queue_head_t wait;
};

extern const struct zaccel_engine_ops zaccel_engine_soft;

int zaccel_engine_init(struct zaccel_engine *engine,
		       const struct zaccel_engine_ops *ops);

/* Append jobs to the queue, in their order. Any context. */
void zaccel_engine_queue(struct zaccel_engine *engine, struct list_head *jobs);

/*
 * For a doorbell: have the engine for itself, if nothing is queued or run there,
 * with preemption off. Waits a moment for another doorbell to be done.
 */
bool zaccel_engine_take(struct zaccel_engine *engine);
void zaccel_engine_release(struct zaccel_engine *engine);

/* Files in the device's debugfs directory. */
void zaccel_engine_debugfs(struct zaccel_engine *engine, struct dentry *root);

/* A job that is held back may have nothing to wait for any more. */
void zaccel_engine_wake(struct zaccel_engine *engine);

/* Runs what is queued, then ends the thread. */
void zaccel_engine_fini(struct zaccel_engine *engine);

#endif
