/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_JOB_H
#define ZACCEL_JOB_H

#include <linux/dma-fence.h>
#include <linux/list.h>
#include <linux/workqueue.h>
#include <drm/zaccel_accel.h>

#include "common/ops.h"

struct drm_exec;
struct zaccel_binding;
struct zaccel_ring;

/**
 * struct zaccel_cmd - the kernel's own copy of a submission entry
 */
struct zaccel_cmd {
	/** @entry: the copy that was checked and is run */
	struct drm_zaccel_command entry;
	/** @op: what it does; valid when @status is 0 */
	const struct zaccel_op *op;
	/** @dst: what its destination slot held when it was fetched */
	const struct zaccel_operand *dst;
	/** @src: what its source slot held when it was fetched */
	const struct zaccel_operand *src;
	/** @result: of the operation */
	u64 result;
	/** @status: 0 or -errno, set at fetch or when it has run */
	int status;
};

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
 * struct zaccel_use - a binding that a job uses, and how
 */
struct zaccel_use {
	/** @binding: reference held until the job is freed */
	struct zaccel_binding *binding;
	/** @write: some command of the batch writes it */
	bool write;
};

/**
 * struct zaccel_job - a fetched batch on its way through the engine
 */
struct zaccel_job {
	/** @free_work: gives everything back, away from the engine's thread */
	struct work_struct free_work;
	/** @ring: reference held until the job is freed */
	struct zaccel_ring *ring;
	/**
	 * @node: in the ring's pending list or among another job's followers,
	 * under the ring's run_lock; then in the engine's queue, under its lock
	 */
	struct list_head node;
	/**
	 * @followers: jobs of the ring that are ready but for this one, under
	 * the ring's run_lock
	 */
	struct list_head followers;
	/** @first: completion index of the first command */
	u32 first;
	/** @count: commands in the batch */
	u32 count;
	/** @published: @fence is a fence, and others may hold it */
	bool published;
	/** @fence: signals when the batch has run */
	struct dma_fence *fence;
	/** @deps_left: dependencies to come, plus one while they are counted */
	atomic_t deps_left;
	/** @num_deps: entries of @deps in use */
	u32 num_deps;
	/** @max_deps: entries of @deps allocated */
	u32 max_deps;
	/** @deps: what it waits for */
	struct zaccel_dep *deps;
	/** @num_uses: entries of @uses */
	u32 num_uses;
	/** @uses: the bindings, each once */
	struct zaccel_use uses[] __counted_by(num_uses);
};

/* Takes its own reference on @ring; the bindings are the caller's to fill in. */
struct zaccel_job *zaccel_job_alloc(struct zaccel_ring *ring, u32 num_uses);

/* Frees a job that was never queued, or one that has completed. */
void zaccel_job_free(struct zaccel_job *job);

/* Wait for @fence before the job runs. Takes its own reference. */
int zaccel_job_add_dep(struct zaccel_job *job, struct dma_fence *fence);

/*
 * Lock the job's buffers, collect the fences it must wait for, and put its own
 * fence into them. After success the job must be queued.
 */
int zaccel_job_publish(struct zaccel_job *job);

/* From here on the job finds its own way, and may be gone any moment. */
void zaccel_job_queue(struct zaccel_job *job);

/* Stop waiting: called on the pending jobs of a dead ring, oldest first. */
void zaccel_job_abandon(struct zaccel_job *job);

/* Run a job, post its completions, signal. Engine's thread only. */
void zaccel_job_execute(struct zaccel_job *job);

/* 0, or the errno with which the job should end at once. */
int zaccel_job_error(struct zaccel_job *job);

#endif
