/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_SYNC_H
#define ZACCEL_SYNC_H

#include <linux/list.h>
#include <linux/types.h>
#include <drm/zaccel_accel.h>

struct dma_fence;
struct dma_fence_chain;
struct drm_file;
struct drm_syncobj;

/**
 * struct zaccel_signal - a place that a batch's fence goes to
 */
struct zaccel_signal {
	/** @node: among the signals of a job */
	struct list_head node;
	/** @syncobj: reference held */
	struct drm_syncobj *syncobj;
	/** @chain: what a timeline's point takes; NULL for a binary one */
	struct dma_fence_chain *chain;
	/** @point: of the timeline */
	u64 point;
};

/* Takes its own reference. 0 or -ENOMEM. */
int zaccel_signal_init(struct zaccel_signal *signal,
		       struct drm_syncobj *syncobj, u64 point);

/* Hand out the fence. Allocates nothing. */
void zaccel_signal_install(struct zaccel_signal *signal,
			   struct dma_fence *fence);

void zaccel_signal_fini(struct zaccel_signal *signal);

/*
 * The fence at a point now, signalled or not; the caller puts it. -EINVAL when
 * there is none: nobody waits for a fence that may or may not be supplied.
 */
int zaccel_sync_fence(struct drm_syncobj *syncobj, u64 point,
		      struct dma_fence **fence);

/**
 * struct zaccel_syncs - both ends of a doorbell: what the first batch waits for,
 * who is told of the last one
 */
struct zaccel_syncs {
	/** @num_in: of @in */
	u32 num_in;
	/** @num_out: of @out */
	u32 num_out;
	/** @fence: of the last batch, where it is to go to @out; reference held */
	struct dma_fence *fence;
	/** @in: references held */
	struct dma_fence *in[ZACCEL_MAX_SYNCOBJS];
	/** @out: where the fence goes */
	struct zaccel_signal out[ZACCEL_MAX_SYNCOBJS];
};

/* Reads user memory. What was got before an error is there to be put. */
int zaccel_syncs_get(struct zaccel_syncs *syncs, struct drm_file *file,
		     const struct drm_zaccel_ring_submit *args);
/* @fence is that of another batch: the last so far. */
void zaccel_syncs_note(struct zaccel_syncs *syncs, struct dma_fence *fence);
/* Hand out the fence of the last batch, if there was one. Allocates nothing. */
void zaccel_syncs_signal(struct zaccel_syncs *syncs);
void zaccel_syncs_put(struct zaccel_syncs *syncs);

#endif
