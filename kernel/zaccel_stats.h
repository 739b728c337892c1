/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_STATS_H
#define ZACCEL_STATS_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include "zaccel_ring.h"

struct drm_file;
struct drm_memory_stats;
struct drm_printer;
struct zaccel_engine;
struct zaccel_job;

/**
 * struct zaccel_usage - what an engine has done
 */
struct zaccel_usage {
	/** @busy_ns: time for which it has run batches */
	u64 busy_ns;
	/** @batches: that have run */
	u64 batches;
};

/**
 * struct zaccel_stats - what the engine has done for one open file
 *
 * The rings of the file hold it, and with them its jobs, so it may outlive the
 * file. What runs inside a doorbell is counted in the ring, see
 * zaccel_stats_inline().
 */
struct zaccel_stats {
	/** @ref: held by the open file and by each of its rings */
	struct kref ref;
	/** @client_id: of the open file, as its fdinfo shows it */
	u64 client_id;
	/** @threads: on the engine's threads, under the engine's lock */
	struct zaccel_usage threads;
	/** @lock: guards @rings and @ended; nothing is taken inside it */
	spinlock_t lock;
	/** @rings: those that have not ended */
	struct list_head rings;
	/** @ended: inside doorbells of those that have */
	struct zaccel_usage ended;
};

struct zaccel_stats *zaccel_stats_create(u64 client_id);
struct zaccel_stats *zaccel_stats_get(struct zaccel_stats *stats);
/* NULL is fine. Any context. */
void zaccel_stats_put(struct zaccel_stats *stats);

/* A ring counts from here, before its first doorbell, until it has ended. */
void zaccel_stats_join(struct zaccel_ring *ring);
void zaccel_stats_leave(struct zaccel_ring *ring);

/*
 * A batch has run inside a doorbell, under the ring's lock: there is one writer,
 * and adding takes no locked instruction.
 */
static inline void zaccel_stats_inline(struct zaccel_ring *ring, u64 ns)
{
	atomic64_set(&ring->inline_ns, atomic64_read(&ring->inline_ns) + ns);
	atomic64_set(&ring->inline_batches,
		     atomic64_read(&ring->inline_batches) + 1);
}

/* A batch runs on a thread, from here, or here once more, to there. */
void zaccel_stats_begin(struct zaccel_job *job);
void zaccel_stats_end(struct zaccel_job *job);

/* Others run in the midst of it. Under the engine's lock. */
void zaccel_stats_pause(struct zaccel_job *job);

/* For how long a thread has run it. Under the engine's lock. */
u64 zaccel_job_busy_ns(const struct zaccel_job *job, u64 now);

/* With what threads run now. Never less than before. */
struct zaccel_usage zaccel_stats_read(struct zaccel_stats *stats,
				      struct zaccel_engine *engine);

/* The buffers that a file has handles of: ZACCEL_NUM_REGIONS elements. */
void zaccel_stats_memory(struct drm_file *file, struct drm_memory_stats *memory);

/* The driver's part of an open file's fdinfo. */
void zaccel_show_fdinfo(struct drm_printer *p, struct drm_file *file);

#endif
