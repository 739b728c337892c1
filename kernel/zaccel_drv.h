/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_DRV_H
#define ZACCEL_DRV_H

#include <linux/gfp.h>
#include <linux/hashtable.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <drm/drm_device.h>
#include <drm/drm_file.h>

#include "zaccel_engine.h"
#include "zaccel_region.h"

struct zaccel_poller;
struct zaccel_stats;

#define ZACCEL_MAX_RINGS	64u

/**
 * struct zaccel_device - one accelerator
 */
struct zaccel_device {
	/** @drm: base; its references keep the whole */
	struct drm_device drm;
	/** @engine: what runs the batches */
	struct zaccel_engine engine;
	/** @local: what the local region is made of */
	struct zaccel_heap local;
	/** @used: bytes of each region that buffers have, until their last user goes */
	atomic64_t used[ZACCEL_NUM_REGIONS];
	/** @ring_serial: of the last ring that was made */
	atomic64_t ring_serial;
	/** @first_index: where the indices of a new ring begin; for tests */
	u32 first_index;
	/** @rings_lock: guards @rings; nobody waits for a ring's lock inside it */
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
	/** @imports_lock: guards @imports; nothing else is taken inside it */
	spinlock_t imports_lock;
	/** @imports: objects of foreign dma-bufs, by the dma-buf's address */
	DECLARE_HASHTABLE(imports, 6);
};

/**
 * struct zaccel_file - one open file, owner of all that was made through it
 */
struct zaccel_file {
	/** @rings: by id, under the xarray's own lock */
	struct xarray rings;
	/** @poll_lock: guards @poller; rings' and pollers' locks are inside it */
	struct mutex poll_lock;
	/** @poller: of the rings that want one; NULL while there are none */
	struct zaccel_poller *poller;
	/** @stats: what the engine has done for it; reference held */
	struct zaccel_stats *stats;
};

static inline struct zaccel_device *to_zaccel_device(struct drm_device *drm)
{
	return container_of(drm, struct zaccel_device, drm);
}

/*
 * For what a batch needs. A poller allocates at the expense of its owner, and
 * would have others killed to get the memory; but it can wait.
 */
static inline gfp_t zaccel_batch_gfp(void)
{
	return current->flags & PF_KTHREAD ?
	       GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN :
	       GFP_KERNEL_ACCOUNT;
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
