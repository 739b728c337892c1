/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_ENGINE_H
#define ZACCEL_ENGINE_H

#include <linux/atomic.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "zaccel_config.h"
#include "zaccel_fault.h"
#include "zaccel_watchdog.h"

struct dentry;
struct device;
struct zaccel_cmd;
struct zaccel_engine;
struct zaccel_job;

/* Higher runs first. */
enum zaccel_rank {
	ZACCEL_RANK_LOW = 0,
	ZACCEL_RANK_NORMAL,
	ZACCEL_RANK_HIGH,
	ZACCEL_RANKS,
};

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
	 * any that is run inside a doorbell. Calls zaccel_job_pause() between
	 * slices, and gives up with what that returns.
	 */
	int (*run)(struct zaccel_engine *engine, struct zaccel_job *job,
		   struct zaccel_cmd *cmd, u64 *result);
};

/**
 * struct zaccel_instance - a thread of an engine, that runs one batch at a time
 */
struct zaccel_instance {
	/** @engine: whose it is */
	struct zaccel_engine *engine;
	/** @worker: its thread */
	struct kthread_worker *worker;
	/** @work: runs what is queued */
	struct kthread_work work;
	/** @job: what it runs, under the engine's lock */
	struct zaccel_job *job;
	/** @watch: what the watchdog saw of it, under that lock too */
	struct zaccel_watch watch;
};

/**
 * struct zaccel_engine - runs batches, first ready first run
 */
struct zaccel_engine {
	/** @ops: what it is */
	const struct zaccel_engine_ops *ops;
	/** @dev: for messages and dumps */
	struct device *dev;
	/** @num_instances: batches that it runs at once */
	u32 num_instances;
	/** @instances: its threads */
	struct zaccel_instance instances[ZACCEL_MAX_INSTANCES];
	/** @lock: guards @queue, @urgent, the instances' jobs and their times */
	spinlock_t lock;
	/** @queue: jobs that can run, by rank; of each ring one at most */
	struct list_head queue[ZACCEL_RANKS];
	/** @urgent: above the highest rank that is queued; 0 for none */
	u32 urgent;
	/** @state: instances in use, and ZACCEL_ENGINE_QUEUED */
	atomic_t state;
	/** @inline_bytes: the most that a job run inside a doorbell may cost */
	u32 inline_bytes;
	/** @fault: what is to go wrong */
	struct zaccel_fault fault;
	/** @vanishing: the device is to go, under @lock */
	bool vanishing;
	/** @watchdog: ends what hangs */
	struct zaccel_watchdog watchdog;

	/** @late_us: late mode: how long each job is held back */
	u32 late_us;
	/** @hold: late mode: until @advance is more than 0, too */
	bool hold;
	/** @advance: jobs that may go on */
	atomic_t advance;
	/** @wait: woken when the above change, or a ring or a job ends */
	wait_queue_head_t wait;
};

extern const struct zaccel_engine_ops zaccel_engine_soft;

int zaccel_engine_init(struct zaccel_engine *engine, struct device *dev,
		       const struct zaccel_engine_ops *ops,
		       const struct zaccel_config *config);

/* Append a job to the queue of its rank. Any context. */
void zaccel_engine_queue(struct zaccel_engine *engine, struct zaccel_job *job);

/*
 * Of zaccel_engine.state: something is queued; below that, how many doorbells have
 * an instance; below that, how many instances are in use.
 */
#define ZACCEL_ENGINE_QUEUED	0x10000
#define ZACCEL_ENGINE_INLINE	0x100

static inline u32 zaccel_engine_in_use(int state)
{
	return state & (ZACCEL_ENGINE_INLINE - 1);
}

static inline bool zaccel_engine_try_take(struct zaccel_engine *engine)
{
	int state = atomic_read(&engine->state);

	while (state < ZACCEL_ENGINE_QUEUED &&
	       zaccel_engine_in_use(state) < engine->num_instances)
		if (likely(atomic_try_cmpxchg(&engine->state, &state,
					      state + ZACCEL_ENGINE_INLINE + 1)))
			return true;
	return false;
}

/* The rest of what follows here, where that is not done at once. */
bool zaccel_engine_take_slow(struct zaccel_engine *engine);
void zaccel_engine_released(struct zaccel_engine *engine);

/*
 * For a doorbell: have an instance for itself, if one is free and nothing is
 * queued, with preemption off. Waits a moment for other doorbells to be done.
 */
static inline bool zaccel_engine_take(struct zaccel_engine *engine)
{
	preempt_disable();
	return likely(zaccel_engine_try_take(engine)) ||
	       zaccel_engine_take_slow(engine);
}

static inline void zaccel_engine_release(struct zaccel_engine *engine)
{
	int state = atomic_fetch_sub(ZACCEL_ENGINE_INLINE + 1, &engine->state);

	if (unlikely(state & ZACCEL_ENGINE_QUEUED))
		zaccel_engine_released(engine);
	preempt_enable();
}

/* Run what is queued at a higher rank than @job's, in the midst of it. */
void zaccel_engine_yield(struct zaccel_job *job);

/* Files in the device's debugfs directory. */
void zaccel_engine_debugfs(struct zaccel_engine *engine, struct dentry *root);

/* A job that is held back may have nothing to wait for any more. */
void zaccel_engine_wake(struct zaccel_engine *engine);

/* Runs what is queued, then ends the threads. */
void zaccel_engine_fini(struct zaccel_engine *engine);

#endif
