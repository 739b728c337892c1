// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: jobs
 *
 * A job is a batch that was fetched. It goes through three hands, unless it is
 * small enough to end in the first:
 *
 * 1. The doorbell prepares it. Everything it needs is allocated and reserved,
 *    then it is run at once, or its fence becomes visible (zaccel_job_publish)
 *    and it is queued. Nothing can fail between the last two.
 * 2. It stands in its ring's pending list while its dependencies have not
 *    signalled, or a job before it is not done. Then it goes to the engine's
 *    queue, one of each ring at a time: so the batches of a ring keep their
 *    order, and a ring full of them holds up others by one. Fence callbacks do
 *    this too: they take run_lock inside the lock of a foreign fence, so no fence
 *    is touched under run_lock.
 * 3. The engine's thread runs it, signals and posts its completions, and gives
 *    it back to its ring. What needs a mutex to be given back is left to
 *    zaccel_wq.
 */

#include <linux/dma-fence.h>
#include <linux/slab.h>

#include "zaccel_binding.h"
#include "zaccel_drv.h"
#include "zaccel_job.h"
#include "zaccel_ring.h"
#include "zaccel_sync.h"
#include "zaccel_trace.h"

/* Memory of a job; its contents follow. */
struct zaccel_job_block {
	struct list_head node;
	u64 data[];
};

static void zaccel_job_free_work(struct work_struct *work);

static struct zaccel_job *zaccel_job_new(void)
{
	struct zaccel_job *job = kzalloc(sizeof(*job), zaccel_batch_gfp());

	if (job)
		INIT_WORK(&job->free_work, zaccel_job_free_work);
	return job;
}

static void zaccel_job_spare(struct zaccel_ring *ring, struct zaccel_job *job)
{
	if (atomic_inc_return(&ring->num_spare) > ZACCEL_SPARE_JOBS) {
		atomic_dec(&ring->num_spare);
		kfree(job);
		return;
	}
	llist_add(&job->spare_node, &ring->spare);
}

int zaccel_jobs_init(struct zaccel_ring *ring)
{
	u32 i;

	for (i = 0; i < ZACCEL_SPARE_JOBS; i++) {
		struct zaccel_job *job = zaccel_job_new();

		if (!job)
			return -ENOMEM;
		zaccel_job_spare(ring, job);
	}
	return 0;
}

void zaccel_jobs_fini(struct zaccel_ring *ring)
{
	struct zaccel_job *job, *next;

	kfree(ring->next_job);
	llist_for_each_entry_safe(job, next, llist_del_all(&ring->spare),
				  spare_node)
		kfree(job);
}

/* What the batch before has left behind. */
static void zaccel_job_clean(struct zaccel_job *job)
{
	INIT_LIST_HEAD(&job->node);
	INIT_LIST_HEAD(&job->signals);
	INIT_LIST_HEAD(&job->memory);
	job->fence = NULL;
	job->next_fence = NULL;
	job->late = NULL;
	job->instance = NULL;
	job->error = 0;
	job->cut_off = false;
	job->ready = false;
	job->running = false;
	job->preempted = 0;
	job->below = NULL;
	job->busy_ns = 0;
	job->since_ns = 0;
	job->num_deps = 0;
	job->max_deps = 0;
	job->num_bindings = 0;
	job->num_uses = 0;
	job->num_exec = 0;
	job->arena_used = 0;
}

struct zaccel_job *zaccel_job_next(struct zaccel_ring *ring)
{
	/* Taken out under the ring's lock only, as llist_del_first() demands. */
	struct llist_node *node = llist_del_first(&ring->spare);
	struct zaccel_job *job;

	if (node) {
		atomic_dec(&ring->num_spare);
		job = llist_entry(node, struct zaccel_job, spare_node);
	} else {
		job = zaccel_job_new();
		if (!job)
			return NULL;
	}
	zaccel_job_clean(job);
	job->ring = ring;
	ring->next_job = job;
	return job;
}

void *zaccel_job_memory(struct zaccel_job *job, size_t size)
{
	struct zaccel_job_block *block;
	void *memory = (u8 *)job->arena + job->arena_used;

	if (size <= sizeof(job->arena) - job->arena_used) {
		job->arena_used += ALIGN(size, sizeof(job->arena[0]));
		return memset(memory, 0, size);
	}
	/* More is a bug to the allocator. */
	if (size > INT_MAX - sizeof(*block))
		return NULL;
	block = kvzalloc(sizeof(*block) + size, zaccel_batch_gfp());
	if (!block)
		return NULL;
	list_add(&block->node, &job->memory);
	return block->data;
}

/* What can be given back anywhere. */
static void zaccel_job_put_fences(struct zaccel_job *job)
{
	struct zaccel_signal *signal, *next;
	u32 i;

	for (i = 0; i < job->num_deps; i++)
		dma_fence_put(job->deps[i].fence);
	list_for_each_entry_safe(signal, next, &job->signals, node)
		zaccel_signal_fini(signal);
	dma_fence_put(job->fence);
}

static void zaccel_job_free_memory(struct zaccel_job *job)
{
	struct zaccel_job_block *block, *next;

	list_for_each_entry_safe(block, next, &job->memory, node)
		kvfree(block);
}

void zaccel_job_reuse(struct zaccel_job *job)
{
	zaccel_job_put_fences(job);
	atomic_add(job->num_exec, &job->ring->exec_left);
	zaccel_job_free_memory(job);
	zaccel_job_clean(job);
}

/* The job leaves the doorbell. */
static void zaccel_job_hold(struct zaccel_job *job)
{
	u32 i;

	job->ring->next_job = NULL;
	zaccel_ring_get(job->ring);
	for (i = 0; i < job->num_bindings; i++)
		zaccel_binding_get(job->bindings[i]);
}

static void zaccel_job_unhold(struct zaccel_job *job)
{
	struct zaccel_ring *ring = job->ring;
	u32 i;

	for (i = 0; i < job->num_bindings; i++)
		zaccel_binding_put_later(job->bindings[i]);
	zaccel_job_free_memory(job);
	zaccel_job_spare(ring, job);
	zaccel_ring_put_later(ring);
}

static void zaccel_job_free_work(struct work_struct *work)
{
	zaccel_job_unhold(container_of(work, struct zaccel_job, free_work));
}

void zaccel_job_retire(struct zaccel_job *job)
{
	zaccel_job_put_fences(job);
	/* Large blocks may be mapped memory, which takes mutexes to free. */
	if (list_empty(&job->memory))
		zaccel_job_unhold(job);
	else
		queue_work(zaccel_wq, &job->free_work);
}

bool zaccel_job_charge_exec(struct zaccel_job *job, u32 count)
{
	if (atomic_sub_return(count, &job->ring->exec_left) < 0) {
		atomic_add(count, &job->ring->exec_left);
		return false;
	}
	job->num_exec += count;
	return true;
}

int zaccel_job_add_signal(struct zaccel_job *job, struct drm_syncobj *syncobj,
			  u64 point)
{
	struct zaccel_signal *signal = zaccel_job_memory(job, sizeof(*signal));
	int ret;

	if (!signal)
		return -ENOMEM;
	ret = zaccel_signal_init(signal, syncobj, point);
	if (!ret)
		list_add_tail(&signal->node, &job->signals);
	return ret;
}

static struct zaccel_dep *zaccel_job_grow_deps(struct zaccel_job *job)
{
	struct zaccel_dep *deps;
	u32 max = max(job->max_deps * 2, 2u);

	if (job->num_deps < job->max_deps)
		return &job->deps[job->num_deps];

	/* What was there before stays, unused, until the job is given back. */
	deps = zaccel_job_memory(job, array_size(max, sizeof(*deps)));
	if (!deps)
		return NULL;
	if (job->num_deps)
		memcpy(deps, job->deps, job->num_deps * sizeof(*deps));
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

	/*
	 * Of one timeline the last fence is enough. Not so of containers: chains
	 * that branched have one context and nothing to say of each other.
	 */
	for (i = 0; i < job->num_deps; i++) {
		dep = &job->deps[i];
		if (dep->fence == fence)
			return 0;
		if (dep->fence->context != fence->context ||
		    dma_fence_is_container(fence))
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

/* With run_lock held: the oldest job goes to the engine, if it can. */
static void zaccel_ring_advance(struct zaccel_ring *ring)
{
	struct zaccel_job *job =
		list_first_entry_or_null(&ring->pending, struct zaccel_job,
					 node);

	if (!job || !job->ready || ring->active)
		return;
	list_del_init(&job->node);
	ring->active = true;
	trace_zaccel_ready(job);
	zaccel_engine_queue(ring->engine, job);
}

/* A job's dependencies have signalled. Called from fence callbacks. */
static void zaccel_job_ready(struct zaccel_job *job)
{
	struct zaccel_ring *ring = job->ring;
	unsigned long flags;

	spin_lock_irqsave(&ring->run_lock, flags);
	WRITE_ONCE(job->ready, true);
	zaccel_ring_advance(ring);
	spin_unlock_irqrestore(&ring->run_lock, flags);
}

/*
 * In one go: whoever sees the completions and rings the doorbell finds that it is
 * the next batch's turn, and is not overtaken by one who rings later.
 */
void zaccel_job_leave(struct zaccel_job *job)
{
	struct zaccel_ring *ring = job->ring;

	spin_lock_irq(&ring->run_lock);
	zaccel_ring_post(job);
	ring->active = false;
	zaccel_ring_advance(ring);
	spin_unlock_irq(&ring->run_lock);
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

	zaccel_job_hold(job);
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

static void zaccel_job_abandon(struct zaccel_job *job)
{
	u32 i;

	/* Once removed, or found gone, no callback of it runs any more. */
	for (i = 0; i < job->num_deps; i++)
		dma_fence_remove_callback(job->deps[i].fence,
					  &job->deps[i].cb);
}

void zaccel_jobs_abandon(struct zaccel_ring *ring)
{
	bool cookie = dma_fence_begin_signalling();
	struct zaccel_job *job;
	LIST_HEAD(pending);

	/* Nothing goes to the engine meanwhile; callbacks find their job. */
	spin_lock_irq(&ring->run_lock);
	list_splice_init(&ring->pending, &pending);
	spin_unlock_irq(&ring->run_lock);

	list_for_each_entry(job, &pending, node) {
		zaccel_job_abandon(job);
		/* Not in the ring's list, so nobody acts on it yet. */
		WRITE_ONCE(job->ready, true);
		cond_resched();
	}

	spin_lock_irq(&ring->run_lock);
	list_splice(&pending, &ring->pending);
	zaccel_ring_advance(ring);
	spin_unlock_irq(&ring->run_lock);
	dma_fence_end_signalling(cookie);
}
