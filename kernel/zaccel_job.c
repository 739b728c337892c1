// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: jobs
 *
 * A job is a batch that was fetched. It goes through three hands:
 *
 * 1. The doorbell prepares it. Everything it needs is allocated and reserved,
 *    then its fence becomes visible (zaccel_job_publish), then it is queued.
 *    Nothing can fail between the last two.
 * 2. It stands in its ring's pending list while its dependencies have not
 *    signalled. Once they have, it goes to the engine's queue if it is the
 *    oldest there; else it follows the job before it, and goes with that one,
 *    so that the batches of a ring keep their order. Fence callbacks do this:
 *    they take run_lock inside the lock of a foreign fence, so no fence is
 *    touched under run_lock.
 * 3. The engine's thread runs it, posts its completions and signals. It takes
 *    no mutex and no reservation lock and allocates nothing; what needs such
 *    things to be given back is left to zaccel_wq.
 */

#include <linux/dma-resv.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <drm/drm_exec.h>
#include <drm/drm_gem.h>

#include "zaccel_binding.h"
#include "zaccel_drv.h"
#include "zaccel_fence.h"
#include "zaccel_job.h"
#include "zaccel_ring.h"

static void zaccel_job_free_work(struct work_struct *work);

struct zaccel_job *zaccel_job_alloc(struct zaccel_ring *ring, u32 num_uses)
{
	struct zaccel_job *job;

	job = kvzalloc(struct_size(job, uses, num_uses), GFP_KERNEL_ACCOUNT);
	if (!job)
		return NULL;

	job->num_uses = num_uses;
	job->fence = zaccel_fence_alloc();
	if (!job->fence) {
		kvfree(job);
		return NULL;
	}
	INIT_LIST_HEAD(&job->node);
	INIT_LIST_HEAD(&job->followers);
	INIT_WORK(&job->free_work, zaccel_job_free_work);
	job->ring = zaccel_ring_get(ring);
	return job;
}

void zaccel_job_free(struct zaccel_job *job)
{
	u32 i;

	for (i = 0; i < job->num_deps; i++)
		dma_fence_put(job->deps[i].fence);
	for (i = 0; i < job->num_uses; i++)
		zaccel_binding_put(job->uses[i].binding);
	if (job->published)
		dma_fence_put(job->fence);
	else
		zaccel_fence_discard(job->fence);
	zaccel_ring_put(job->ring);
	kvfree(job->deps);
	kvfree(job);
}

static void zaccel_job_free_work(struct work_struct *work)
{
	zaccel_job_free(container_of(work, struct zaccel_job, free_work));
}

static struct zaccel_dep *zaccel_job_grow_deps(struct zaccel_job *job)
{
	struct zaccel_dep *deps;
	u32 max = max(job->max_deps * 2, 8u);

	if (job->num_deps < job->max_deps)
		return &job->deps[job->num_deps];

	deps = kvmalloc_array(max, sizeof(*deps), GFP_KERNEL_ACCOUNT);
	if (!deps)
		return NULL;
	if (job->num_deps)
		memcpy(deps, job->deps, job->num_deps * sizeof(*deps));
	kvfree(job->deps);
	job->deps = deps;
	job->max_deps = max;
	return &job->deps[job->num_deps];
}

int zaccel_job_add_dep(struct zaccel_job *job, struct dma_fence *fence)
{
	struct zaccel_dep *dep;
	u32 i;

	/* The batches of a ring run in order anyway. */
	if (fence->context == job->ring->fence_context ||
	    dma_fence_is_signaled(fence))
		return 0;

	/* Of one timeline the last fence is enough. */
	for (i = 0; i < job->num_deps; i++) {
		dep = &job->deps[i];
		if (dep->fence->context != fence->context)
			continue;
		if (dma_fence_is_later(fence, dep->fence)) {
			dma_fence_put(dep->fence);
			dep->fence = dma_fence_get(fence);
		}
		return 0;
	}

	dep = zaccel_job_grow_deps(job);
	if (!dep)
		return -ENOMEM;
	dep->fence = dma_fence_get(fence);
	job->num_deps++;
	return 0;
}

/* A reservation object that a batch touches, by one of the buffers in it. */
struct zaccel_touched {
	struct drm_gem_object *obj;
	bool write;
};

static int zaccel_touched_cmp(const void *a, const void *b)
{
	const struct dma_resv *ra = ((const struct zaccel_touched *)a)->obj->resv;
	const struct dma_resv *rb = ((const struct zaccel_touched *)b)->obj->resv;

	return ra < rb ? -1 : ra > rb;
}

/*
 * Each reservation object once: slots may share a buffer, and two imports of
 * one dma-buf share its reservation object. Returns how many.
 */
static u32 zaccel_job_touched(struct zaccel_job *job,
			      struct zaccel_touched *touched)
{
	u32 i, plane, n = 0, merged = 0;

	for (i = 0; i < job->num_uses; i++) {
		const struct zaccel_use *use = &job->uses[i];

		for (plane = 0; plane < use->binding->num_planes; plane++)
			touched[n++] = (struct zaccel_touched){
				use->binding->obj[plane], use->write
			};
	}
	sort(touched, n, sizeof(*touched), zaccel_touched_cmp, NULL);
	for (i = 0; i < n; i++) {
		if (merged && !zaccel_touched_cmp(&touched[merged - 1],
						  &touched[i]))
			touched[merged - 1].write |= touched[i].write;
		else
			touched[merged++] = touched[i];
	}
	return merged;
}

static int zaccel_touched_lock(struct drm_exec *exec,
			       const struct zaccel_touched *touched, u32 n)
{
	u32 i;
	int ret;

	drm_exec_until_all_locked(exec) {
		ret = 0;
		for (i = 0; i < n && !ret; i++)
			ret = drm_exec_prepare_obj(exec, touched[i].obj, 1);
		drm_exec_retry_on_contention(exec);
		if (ret)
			return ret;
	}
	return 0;
}

static int zaccel_job_add_resv_deps(struct zaccel_job *job,
				    const struct zaccel_touched *touched)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	int ret;

	dma_resv_for_each_fence(&cursor, touched->obj->resv,
				dma_resv_usage_rw(touched->write), fence) {
		ret = zaccel_job_add_dep(job, fence);
		if (ret)
			return ret;
	}
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* With everything locked: what to wait for, then what others wait for. */
static int zaccel_job_publish_locked(struct zaccel_job *job,
				     const struct zaccel_touched *touched,
				     u32 n)
{
	struct zaccel_ring *ring = job->ring;
	u32 i;
	int ret;

	for (i = 0; i < n; i++) {
		ret = zaccel_job_add_resv_deps(job, &touched[i]);
		if (ret)
			return ret;
	}

	zaccel_fence_init(job->fence, ring->fence_context, ++ring->fence_seqno);
	job->published = true;
	for (i = 0; i < n; i++)
		dma_resv_add_fence(touched[i].obj->resv, job->fence,
				   touched[i].write ? DMA_RESV_USAGE_WRITE :
						      DMA_RESV_USAGE_READ);
	return 0;
}

int zaccel_job_publish(struct zaccel_job *job)
{
	struct zaccel_touched *touched;
	struct drm_exec exec;
	u32 n;
	int ret;

	touched = kvmalloc_array(max(job->num_uses, 1u) * ZACCEL_MAX_PLANES,
				 sizeof(*touched), GFP_KERNEL_ACCOUNT);
	if (!touched)
		return -ENOMEM;

	n = zaccel_job_touched(job, touched);
	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT, n);
	ret = zaccel_touched_lock(&exec, touched, n);
	if (!ret)
		ret = zaccel_job_publish_locked(job, touched, n);
	drm_exec_fini(&exec);
	kvfree(touched);
	return ret;
}

/* Hand a job and those that only waited for it to the engine. */
static void zaccel_job_release(struct zaccel_job *job)
{
	LIST_HEAD(jobs);

	list_add(&job->node, &jobs);
	list_splice_tail_init(&job->followers, &jobs);
	zaccel_engine_queue(job->ring->engine, &jobs);
}

/*
 * A job's dependencies have signalled. Called from fence callbacks: whatever
 * the number of jobs that can go on now, the work is the same.
 */
static void zaccel_job_ready(struct zaccel_job *job)
{
	struct zaccel_ring *ring = job->ring;
	unsigned long flags;

	spin_lock_irqsave(&ring->run_lock, flags);
	if (ring->error) {
		/* The jobs of a dead ring belong to zaccel_ring_kill(). */
	} else if (list_is_first(&job->node, &ring->pending)) {
		list_del(&job->node);
		zaccel_job_release(job);
	} else {
		struct zaccel_job *prev = list_prev_entry(job, node);

		list_move_tail(&job->node, &prev->followers);
		list_splice_tail_init(&job->followers, &prev->followers);
	}
	spin_unlock_irqrestore(&ring->run_lock, flags);
}

static void zaccel_dep_signaled(struct dma_fence *fence,
				struct dma_fence_cb *cb)
{
	struct zaccel_job *job = container_of(cb, struct zaccel_dep, cb)->job;

	if (atomic_dec_and_test(&job->deps_left))
		zaccel_job_ready(job);
}

/* Enough to look through under a spinlock. */
#define ZACCEL_DEPS_COMPARED	16u

static bool zaccel_job_waits_for(const struct zaccel_job *job,
				 const struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < min(job->num_deps, ZACCEL_DEPS_COMPARED); i++)
		if (job->deps[i].fence == fence)
			return true;
	return false;
}

/*
 * Append a job to those that wait. It runs after the one before it, so what that
 * one waits for it need not: however many batches stand behind a fence, the
 * fence has few callbacks of a ring to run.
 */
static void zaccel_job_append(struct zaccel_job *job)
{
	struct zaccel_ring *ring = job->ring;
	struct zaccel_job *prev;
	u32 i;

	spin_lock_irq(&ring->run_lock);
	prev = list_empty(&ring->pending) ? NULL :
	       list_last_entry(&ring->pending, struct zaccel_job, node);
	for (i = 0; i < job->num_deps; i++) {
		struct zaccel_dep *dep = &job->deps[i];

		dep->job = job;
		INIT_LIST_HEAD(&dep->cb.node);
		dep->redundant = prev && i < ZACCEL_DEPS_COMPARED &&
				 zaccel_job_waits_for(prev, dep->fence);
	}
	list_add_tail(&job->node, &ring->pending);
	spin_unlock_irq(&ring->run_lock);
}

void zaccel_job_queue(struct zaccel_job *job)
{
	u32 i;

	atomic_set(&job->deps_left, job->num_deps + 1);
	zaccel_job_append(job);

	for (i = 0; i < job->num_deps; i++) {
		struct zaccel_dep *dep = &job->deps[i];

		if (dep->redundant ||
		    dma_fence_add_callback(dep->fence, &dep->cb,
					   zaccel_dep_signaled))
			atomic_dec(&job->deps_left);
	}
	if (atomic_dec_and_test(&job->deps_left))
		zaccel_job_ready(job);
}

void zaccel_job_abandon(struct zaccel_job *job)
{
	u32 i;

	/* Once removed, or found gone, no callback of it runs any more. */
	for (i = 0; i < job->num_deps; i++)
		dma_fence_remove_callback(job->deps[i].fence,
					  &job->deps[i].cb);
	zaccel_job_release(job);
}

int zaccel_job_error(struct zaccel_job *job)
{
	return READ_ONCE(job->ring->error);
}

static int zaccel_job_run(struct zaccel_job *job)
{
	struct zaccel_ring *ring = job->ring;
	int error = zaccel_job_error(job);
	u32 i;

	for (i = 0; i < job->count; i++) {
		struct zaccel_cmd *cmd = zaccel_ring_cmd(ring, job->first + i);

		if (error)
			cmd->status = -ECANCELED;
		else if (!cmd->status)
			cmd->status = ring->engine->ops->run(ring->engine, job,
							     cmd);
		if (cmd->status)
			cmd->result = 0;
		if (!error)
			error = cmd->status;
	}
	return error;
}

void zaccel_job_execute(struct zaccel_job *job)
{
	bool cookie = dma_fence_begin_signalling();
	int error = zaccel_job_run(job);

	zaccel_ring_post(job->ring, job->first, job->count);
	if (error)
		dma_fence_set_error(job->fence, error);
	dma_fence_signal(job->fence);
	dma_fence_end_signalling(cookie);

	queue_work(zaccel_wq, &job->free_work);
}
