// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: buffers in use
 *
 * What others may wait for depends on whether they can see the buffer. A shared
 * one, exported or imported, has a dma_resv that others look into: a job waits
 * for the fences there and leaves its own. A private one can be seen by its own
 * file only, and jobs just stand in a list of it while they are unfinished, for
 * DRM_IOCTL_ZACCEL_BUFFER_WAIT and for the day it is exported.
 *
 * That day each unfinished job of the list gets a fence, if it has none, and
 * leaves it in the dma_resv before anybody gets hold of the dma-buf. Sharing is
 * for good, and it is decided under the device's uses_lock: a job enters all its
 * private buffers in one go, or finds one of them shared and starts anew.
 */

#include <linux/dma-resv.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <drm/drm_exec.h>
#include <drm/drm_gem.h>
#include <drm/drm_utils.h>

#include "zaccel_binding.h"
#include "zaccel_drv.h"
#include "zaccel_fence.h"
#include "zaccel_gem.h"
#include "zaccel_job.h"
#include "zaccel_ring.h"

static int zaccel_use_cmp(const void *a, const void *b)
{
	const struct dma_resv *ra = ((const struct zaccel_use *)a)->obj->resv;
	const struct dma_resv *rb = ((const struct zaccel_use *)b)->obj->resv;

	return ra < rb ? -1 : ra > rb;
}

/* Each reservation object once, however many slots and planes lie in it. */
static u32 zaccel_uses_merge(struct zaccel_use *uses, u32 n)
{
	u32 i, merged = 0;

	if (n > 1)
		sort(uses, n, sizeof(*uses), zaccel_use_cmp, NULL);
	for (i = 0; i < n; i++) {
		if (merged && !zaccel_use_cmp(&uses[merged - 1], &uses[i]))
			uses[merged - 1].write |= uses[i].write;
		else
			uses[merged++] = uses[i];
	}
	return merged;
}

static int zaccel_job_find_uses(struct zaccel_job *job)
{
	u32 i, plane, n = 0;

	for (i = 0; i < job->num_bindings; i++)
		n += job->bindings[i]->num_planes;
	if (!n)
		return 0;
	job->uses = zaccel_job_memory(job, array_size(n, sizeof(*job->uses)));
	if (!job->uses)
		return -ENOMEM;

	n = 0;
	for (i = 0; i < job->num_bindings; i++) {
		const struct zaccel_binding *binding = job->bindings[i];

		for (plane = 0; plane < binding->num_planes; plane++)
			job->uses[n++] = (struct zaccel_use){
				.obj = binding->obj[plane],
				.write = binding->batch_write,
			};
	}
	job->num_uses = zaccel_uses_merge(job->uses, n);
	for (i = 0; i < job->num_uses; i++) {
		job->uses[i].job = job;
		INIT_LIST_HEAD(&job->uses[i].node);
	}
	return 0;
}

static int zaccel_job_lock_shared(struct zaccel_job *job, struct drm_exec *exec)
{
	u32 i;
	int ret;

	drm_exec_until_all_locked(exec) {
		ret = 0;
		for (i = 0; i < job->num_uses && !ret; i++)
			if (job->uses[i].shared)
				ret = drm_exec_lock_obj(exec, job->uses[i].obj);
		drm_exec_retry_on_contention(exec);
		if (ret)
			return ret;
	}
	return 0;
}

static int zaccel_use_add_deps(struct zaccel_use *use)
{
	struct zaccel_job *job = use->job;
	enum dma_resv_usage usage = job->explicit_sync ? DMA_RESV_USAGE_KERNEL :
				    dma_resv_usage_rw(use->write);
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	int ret;

	dma_resv_for_each_fence(&cursor, use->obj->resv, usage, fence) {
		ret = zaccel_job_add_dep(job, fence);
		if (ret)
			return ret;
	}
	cond_resched();
	return READ_ONCE(job->ring->ending) || fatal_signal_pending(current) ?
	       -EINTR : 0;
}

static void zaccel_use_leave_fence(struct zaccel_use *use)
{
	struct zaccel_job *job = use->job;

	dma_resv_add_fence(use->obj->resv, job->fence,
			   job->explicit_sync ? DMA_RESV_USAGE_BOOKKEEP :
			   use->write ? DMA_RESV_USAGE_WRITE :
					DMA_RESV_USAGE_READ);
}

static bool zaccel_uses_still_private(struct zaccel_job *job)
{
	u32 i;

	for (i = 0; i < job->num_uses; i++)
		if (!job->uses[i].shared &&
		    to_zaccel_bo(job->uses[i].obj)->shared)
			return false;
	return true;
}

/*
 * Enter the buffers whose fences do not tell who writes: private ones, and all of
 * an explicitly synchronised batch.
 */
int zaccel_job_enter(struct zaccel_job *job)
{
	struct zaccel_ring *ring = job->ring;
	struct zaccel_device *zdev = ring->zdev;
	int ret = 0;
	u32 i;

	spin_lock(&zdev->uses_lock);
	if (!zaccel_uses_still_private(job)) {
		ret = -EAGAIN;
		goto out;
	}
	job->seqno = ++ring->fence_seqno;
	if (job->next_fence) {
		zaccel_fence_init(job->next_fence, ring->fence_context,
				  job->seqno);
		job->fence = job->next_fence;
		job->next_fence = NULL;
	}
	for (i = 0; i < job->num_uses; i++) {
		struct zaccel_use *use = &job->uses[i];

		if (use->shared && !job->explicit_sync)
			continue;
		use->seqno = ++zdev->uses_seqno;
		list_add_tail(&use->node,
			      &to_zaccel_bo(use->obj)->uses[use->write]);
	}
out:
	spin_unlock(&zdev->uses_lock);
	return ret;
}

static int zaccel_job_alloc_fence(struct zaccel_job *job)
{
	if (!job->next_fence)
		job->next_fence = zaccel_fence_alloc();
	return job->next_fence ? 0 : -ENOMEM;
}

/* For the engine's thread: nothing fails once the job has entered. */
static int zaccel_job_publish_fence(struct zaccel_job *job)
{
	bool shared = false;
	u32 i;
	int ret;

	for (i = 0; i < job->num_uses; i++) {
		if (!job->uses[i].shared)
			continue;
		shared = true;
		ret = dma_resv_reserve_fences(job->uses[i].obj->resv, 1);
		if (ret)
			return ret;
	}
	if (shared) {
		ret = zaccel_job_alloc_fence(job);
		if (ret)
			return ret;
	}

	job->cookie = dma_fence_begin_signalling();
	ret = zaccel_job_must_enter(job) ? zaccel_job_enter(job) : 0;
	if (ret) {
		dma_fence_end_signalling(job->cookie);
		return ret;
	}
	for (i = 0; i < job->num_uses; i++)
		if (job->uses[i].shared)
			zaccel_use_leave_fence(&job->uses[i]);
	return 0;
}

/* With everything shared locked. */
static int zaccel_job_publish_locked(struct zaccel_job *job)
{
	u32 i;
	int ret;

	for (i = 0; i < job->num_uses; i++) {
		if (!job->uses[i].shared)
			continue;
		ret = zaccel_use_add_deps(&job->uses[i]);
		if (ret)
			return ret;
	}
	return zaccel_job_try_inline(job) ? 0 : zaccel_job_publish_fence(job);
}

static int zaccel_job_publish_shared(struct zaccel_job *job, u32 num_shared)
{
	struct drm_exec exec;
	int ret;

	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT, num_shared);
	ret = zaccel_job_lock_shared(job, &exec);
	if (!ret)
		ret = zaccel_job_publish_locked(job);
	drm_exec_fini(&exec);
	return ret;
}

/* One lock needs no order among locks, and no memory to remember them. */
static int zaccel_job_publish_one(struct zaccel_job *job,
				  struct dma_resv *resv)
{
	int ret = dma_resv_lock_interruptible(resv, NULL);

	if (ret)
		return ret;
	ret = zaccel_job_publish_locked(job);
	dma_resv_unlock(resv);
	return ret;
}

static int zaccel_job_try_publish(struct zaccel_job *job)
{
	struct dma_resv *resv = NULL;
	u32 i, num_shared = 0;

	for (i = 0; i < job->num_uses; i++) {
		struct zaccel_use *use = &job->uses[i];

		use->shared = READ_ONCE(to_zaccel_bo(use->obj)->shared);
		if (use->shared) {
			resv = use->obj->resv;
			num_shared++;
		}
	}
	switch (num_shared) {
	case 0:
		return zaccel_job_publish_locked(job);
	case 1:
		return zaccel_job_publish_one(job, resv);
	default:
		return zaccel_job_publish_shared(job, num_shared);
	}
}

static noinline int zaccel_job_publish_uses(struct zaccel_job *job,
					    bool want_fence)
{
	int ret = zaccel_job_find_uses(job);

	if (!ret && want_fence)
		ret = zaccel_job_alloc_fence(job);
	if (ret)
		return ret;
	/* Once for each buffer that is exported just now, at most. */
	do {
		ret = zaccel_job_try_publish(job);
	} while (ret == -EAGAIN);
	zaccel_fence_discard(job->next_fence);
	job->next_fence = NULL;
	return ret;
}

int zaccel_job_publish(struct zaccel_job *job, bool want_fence)
{
	/* Else nobody looks: nothing is locked, noted or made. */
	if (job->num_bindings || want_fence)
		return zaccel_job_publish_uses(job, want_fence);
	return zaccel_job_try_inline(job) ? 0 : zaccel_job_publish_fence(job);
}

void zaccel_job_unuse(struct zaccel_job *job)
{
	struct zaccel_device *zdev = job->ring->zdev;
	bool entered = false;
	u32 i;

	if (!job->num_uses)
		return;
	spin_lock(&zdev->uses_lock);
	for (i = 0; i < job->num_uses; i++) {
		entered |= !list_empty(&job->uses[i].node);
		list_del_init(&job->uses[i].node);
	}
	if (entered)
		wake_up_all(&zdev->uses_wait);
	spin_unlock(&zdev->uses_lock);
}

/*
 * Batches of a ring signal in order, so the last of them in a list speaks for all
 * of its kind. Walking from the end: is this one the first met?
 */
static bool zaccel_use_speaks(struct zaccel_device *zdev,
			      struct zaccel_use *use)
{
	u64 *mark = &use->job->ring->share_mark[use->job->explicit_sync]
					       [use->write];

	if (*mark == zdev->share_mark)
		return false;
	*mark = zdev->share_mark;
	return true;
}

/* Mark a buffer as shared; returns how many fences its jobs are to leave. */
static u32 zaccel_bo_mark_shared(struct zaccel_device *zdev,
				 struct zaccel_bo *bo)
{
	struct zaccel_use *use;
	u32 write, n = 0;

	spin_lock(&zdev->uses_lock);
	WRITE_ONCE(bo->shared, true);
	zdev->share_mark++;
	for (write = 0; write < 2; write++)
		list_for_each_entry_reverse(use, &bo->uses[write], node)
			n += zaccel_use_speaks(zdev, use);
	spin_unlock(&zdev->uses_lock);
	return n;
}

/*
 * No job enters any more; some may have left, and with one that spoke for its
 * ring all before it. Uses up what it takes.
 */
static void zaccel_bo_leave_fences(struct zaccel_device *zdev,
				   struct zaccel_bo *bo,
				   struct dma_fence **fences)
{
	struct zaccel_use *use;
	u32 write;

	spin_lock(&zdev->uses_lock);
	zdev->share_mark++;
	for (write = 0; write < 2; write++) {
		list_for_each_entry_reverse(use, &bo->uses[write], node) {
			struct zaccel_job *job = use->job;

			if (!zaccel_use_speaks(zdev, use))
				continue;
			if (!job->fence) {
				zaccel_fence_init(*fences,
						  job->ring->fence_context,
						  job->seqno);
				job->fence = *fences;
				*fences++ = NULL;
			}
			zaccel_use_leave_fence(use);
		}
	}
	spin_unlock(&zdev->uses_lock);
}

static int zaccel_bo_share_locked(struct zaccel_device *zdev,
				  struct zaccel_bo *bo)
{
	u32 i, n = zaccel_bo_mark_shared(zdev, bo);
	struct dma_fence **fences;
	int ret;

	if (!n)
		return 0;
	fences = kvcalloc(n, sizeof(*fences), GFP_KERNEL_ACCOUNT);
	if (!fences)
		return -ENOMEM;

	ret = dma_resv_reserve_fences(bo->shmem.base.resv, n);
	for (i = 0; i < n && !ret; i++) {
		fences[i] = zaccel_fence_alloc();
		if (!fences[i])
			ret = -ENOMEM;
	}
	if (!ret)
		zaccel_bo_leave_fences(zdev, bo, fences);
	for (i = 0; i < n; i++)
		zaccel_fence_discard(fences[i]);
	kvfree(fences);
	return ret;
}

int zaccel_bo_share(struct zaccel_bo *bo)
{
	struct drm_gem_object *obj = &bo->shmem.base;
	int ret;

	dma_resv_lock(obj->resv, NULL);
	ret = zaccel_bo_share_locked(to_zaccel_device(obj->dev), bo);
	dma_resv_unlock(obj->resv);
	return ret;
}

static bool zaccel_uses_free_of(struct list_head *uses, u64 seqno)
{
	const struct zaccel_use *oldest =
		list_first_entry_or_null(uses, struct zaccel_use, node);

	return !oldest || oldest->seqno > seqno;
}

/* Are jobs that entered up to @seqno done with a buffer? */
static bool zaccel_bo_free_of(struct zaccel_device *zdev, struct zaccel_bo *bo,
			      u64 seqno, bool writers_only)
{
	bool free;

	spin_lock(&zdev->uses_lock);
	free = zaccel_uses_free_of(&bo->uses[true], seqno) &&
	       (writers_only || zaccel_uses_free_of(&bo->uses[false], seqno));
	spin_unlock(&zdev->uses_lock);
	return free;
}

bool zaccel_bo_written(struct zaccel_bo *bo)
{
	struct drm_gem_object *obj = &bo->shmem.base;

	return !zaccel_bo_free_of(to_zaccel_device(obj->dev), bo, U64_MAX, true) ||
	       !dma_resv_test_signaled(obj->resv, DMA_RESV_USAGE_WRITE);
}

bool zaccel_bo_active(struct zaccel_bo *bo)
{
	/* Without the lock: it is for figures, of many buffers at a time. */
	return !list_empty(&bo->uses[false]) || !list_empty(&bo->uses[true]) ||
	       !dma_resv_test_signaled(bo->shmem.base.resv,
				       DMA_RESV_USAGE_READ);
}

static int zaccel_bo_wait_entered(struct zaccel_bo *bo, bool writers_only,
				  s64 deadline)
{
	struct zaccel_device *zdev = to_zaccel_device(bo->shmem.base.dev);
	ktime_t left = zaccel_time_left(deadline);
	u64 seqno;

	spin_lock(&zdev->uses_lock);
	seqno = zdev->uses_seqno;
	spin_unlock(&zdev->uses_lock);

	if (zaccel_bo_free_of(zdev, bo, seqno, writers_only))
		return 0;
	if (!left)
		return -ETIME;
	return wait_event_interruptible_hrtimeout(zdev->uses_wait,
						  zaccel_bo_free_of(zdev, bo, seqno,
								    writers_only),
						  left);
}

static int zaccel_fence_wait_until(struct dma_fence *fence, s64 deadline)
{
	long left, ret;

	/* Jiffies may run out a moment before the deadline does. */
	do {
		left = drm_timeout_abs_to_jiffies(deadline);
		ret = dma_fence_wait_timeout(fence, true, max(left, 1L));
	} while (!ret && zaccel_time_left(deadline));
	return ret > 0 ? 0 : ret ? ret : -ETIME;
}

/* For the fences that are there now, whatever comes after them. */
static int zaccel_bo_wait_shared(struct zaccel_bo *bo, bool writers_only,
				 s64 deadline)
{
	enum dma_resv_usage usage = writers_only ? DMA_RESV_USAGE_WRITE :
						   DMA_RESV_USAGE_BOOKKEEP;
	struct dma_fence *fence;
	int ret;

	ret = dma_resv_get_singleton(bo->shmem.base.resv, usage, &fence);
	if (ret || !fence)
		return ret;
	if (!dma_fence_is_signaled(fence))
		ret = zaccel_time_left(deadline) ?
		      zaccel_fence_wait_until(fence, deadline) : -ETIME;
	dma_fence_put(fence);
	return ret;
}

int zaccel_bo_wait(struct zaccel_bo *bo, bool writers_only, s64 deadline)
{
	int ret = zaccel_bo_wait_entered(bo, writers_only, deadline);

	if (!ret && READ_ONCE(bo->shared))
		ret = zaccel_bo_wait_shared(bo, writers_only, deadline);
	return ret;
}
