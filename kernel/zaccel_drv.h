/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_DRV_H
#define ZACCEL_DRV_H

#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <drm/drm_device.h>
#include <drm/drm_file.h>

#include "zaccel_engine.h"

#define ZACCEL_MAX_RINGS	64u

/**
 * struct zaccel_device - one accelerator
 */
struct zaccel_device {
	/** @drm: base; its references keep the whole */
	struct drm_device drm;
	/** @engine: what runs the batches */
	struct zaccel_engine engine;
	/** @ring_serial: of the last ring that was made */
	atomic64_t ring_serial;
	/** @first_index: where the indices of a new ring begin; for tests */
	u32 first_index;
	/** @rings_lock: guards @rings; never held together with a ring's lock */
	struct mutex rings_lock;
	/** @rings: every ring that may still put batches on the engine's queue */
	struct list_head rings;
	/**
	 * @uses_lock: guards what jobs use: the lists of private buffers, the
	 * day they become shared, and the fence that a job gets on that day;
	 * reservation locks are outside it
	 */
	spinlock_t uses_lock;
	/** @uses_seqno: of the last job that entered a private buffer */
	u64 uses_seqno;
	/** @share_mark: counts walks through the lists, under @uses_lock */
	u64 share_mark;
	/** @uses_wait: woken when jobs have left the lists */
	wait_queue_head_t uses_wait;
};

/**
 * struct zaccel_file - one open file, owner of all that was made through it
 */
struct zaccel_file {
	/** @rings: by id, under the xarray's own lock */
	struct xarray rings;
};

static inline struct zaccel_device *to_zaccel_device(struct drm_device *drm)
{
	return container_of(drm, struct zaccel_device, drm);
}

/* Until a CLOCK_MONOTONIC deadline: 0 once it has passed, KTIME_MAX for none. */
static inline ktime_t zaccel_time_left(s64 deadline)
{
	ktime_t now = ktime_get();

	if (deadline == KTIME_MAX)
		return KTIME_MAX;
	return deadline > now ? ktime_sub(deadline, now) : 0;
}

/* Runs what must not be done where a fence is about to signal. */
extern struct workqueue_struct *zaccel_wq;

int zaccel_query_ioctl(struct drm_device *drm, void *data,
		       struct drm_file *file);

#endif
