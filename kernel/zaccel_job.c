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
 * 3. The engine's thread runs it, signals and posts its completions. It takes
 *    no mutex and no reservation lock and allocates nothing; what needs such
 *    things to be given back is left to zaccel_wq.
 */

#include <linux/dma-fence.h>
#include <linux/slab.h>

#include "zaccel_binding.h"
#include "zaccel_drv.h"
#include "zaccel_job.h"
#include "zaccel_late.h"
#include "zaccel_ring.h"
#include "zaccel_sync.h"

/* Memory of a job; its contents follow. */
struct zaccel_job_block {
	struct list_head node;
	u64 data[];
};

static void zaccel_job_free_work(struct work_struct *work);

struct zaccel_job *zaccel_job_alloc(struct zaccel_ring *ring)
{
	struct zaccel_job *job = kzalloc(sizeof(*job), GFP_KERNEL_ACCOUNT);

	if (!job)
		return NULL;
	INIT_LIST_HEAD(&job->node);
	INIT_LIST_HEAD(&job->followers);
	INIT_LIST_HEAD(&job->signals);
	INIT_LIST_HEAD(&job->memory);
	INIT_WORK(&job->free_work, zaccel_job_free_work);
	job->ring = zaccel_ring_get(ring);
	return job;
}

void *zaccel_job_memory(struct zaccel_job *job, size_t size)
{
	struct zaccel_job_block *block;
	void *memory = (u8 *)job->arena + job->arena_used;

	if (size <= sizeof(job->arena) - job->arena_used) {
		job->arena_used += ALIGN(size, sizeof(job->arena[0]));
		return memory;
	}
	/* More is a bug to the allocator. */
	if (size > INT_MAX - sizeof(*block))
		return NULL;
	block = kvzalloc(sizeof(*block) + size, GFP_KERNEL_ACCOUNT);
	if (!block)
		return NULL;
	list_add(&block->node, &job->memory);
	return block->data;
}

static void zaccel_job_free_lists(struct zaccel_job *job)
{
	struct zaccel_job_block *block, *next_block;
	struct zaccel_signal *signal, *next_signal;

	/* Signals are in memory of the job. */
	list_for_each_entry_safe(signal, next_signal, &job->signals, node)
		zaccel_signal_fini(signal);
	list_for_each_entry_safe(block, next_block, &job->memory, node)
		kvfree(block);
}

void zaccel_job_free(struct zaccel_job *job)
{
	u32 i;

	for (i = 0; i < job->num_deps; i++)
		dma_fence_put(job->deps[i].fence);
	for (i = 0; i < job->num_bindings; i++)
		zaccel_binding_put(job->bindings[i]);
	zaccel_job_free_lists(job);
	atomic_add(job->num_exec, &job->ring->exec_left);
	dma_fence_put(job->fence);
	zaccel_ring_put(job->ring);
	kvfree(job->deps);
	kfree(job);
}

static void zaccel_job_free_work(struct work_struct *work)
{
	zaccel_job_free(container_of(work, struct zaccel_job, free_work));
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

static int zaccel_cmd_run(struct zaccel_job *job, struct zaccel_cmd *cmd)
{
	struct zaccel_engine *engine = job->ring->engine;
	int ret = engine->ops->run(engine, job, cmd);

	if (ret)
		cmd->result = 0;
	return ret;
}

/* The commands of an EXEC are one command: what counts is the first failure. */
static int zaccel_exec_run(struct zaccel_job *job, struct zaccel_cmd *exec)
{
	int ret, error = 0;
	u32 i;

	for (i = 0; i < exec->num_exec; i++) {
		struct zaccel_cmd *cmd = &exec->exec[i];

		ret = zaccel_cmd_run(job, cmd);
		if (!ret) {
			exec->result++;
			continue;
		}
		if (!error)
			error = ret;
		if (!(cmd->entry.flags & ZACCEL_CMD_CONTINUE))
			break;
	}
	return error;
}

static void zaccel_job_run_cmd(struct zaccel_job *job, struct zaccel_cmd *cmd)
{
	/* What failed at fetch does not run. */
	if (!cmd->status)
		cmd->status = cmd->exec ? zaccel_exec_run(job, cmd) :
					  zaccel_cmd_run(job, cmd);
	if (cmd->entry.flags & ZACCEL_CMD_TIMESTAMP)
		cmd->time_ns = ktime_get_ns();
}

/* Returns the first error. */
static int zaccel_job_run(struct zaccel_job *job)
{
	int error = zaccel_job_error(job);
	bool canceled = error;
	u32 i;

	for (i = 0; i < job->count; i++) {
		struct zaccel_cmd *cmd = zaccel_ring_cmd(job->ring,
							 job->first + i);

		if (canceled) {
			cmd->status = -ECANCELED;
			cmd->result = 0;
			continue;
		}
		zaccel_job_run_cmd(job, cmd);
		if (!cmd->status)
			continue;
		if (!error)
			error = cmd->status;
		canceled = !(cmd->entry.flags & ZACCEL_CMD_CONTINUE) ||
			   zaccel_job_error(job);
	}
	return error;
}

void zaccel_job_execute(struct zaccel_job *job)
{
	bool cookie = dma_fence_begin_signalling();
	int error;

	zaccel_late_hold(job);
	error = zaccel_job_run(job);
	zaccel_job_unuse(job);
	/* Nobody gives it a fence any more. */
	if (job->fence) {
		if (error)
			dma_fence_set_error(job->fence, error);
		dma_fence_signal(job->fence);
	}
	/* Last: to its owner, a batch that is complete is so in every respect. */
	zaccel_ring_post(job->ring, job->first, job->count);
	dma_fence_end_signalling(cookie);

	queue_work(zaccel_wq, &job->free_work);
}
