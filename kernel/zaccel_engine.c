// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: engines
 *
 * An engine runs one batch at a time, on its thread or inside a doorbell. The
 * thread has a queue of batches whose dependencies have signalled, in the order
 * in which they became ready, whoever sent them. A doorbell gets the engine only
 * when that queue is empty, so it overtakes nobody.
 */

#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>

#include "zaccel_compat.h"
#include "zaccel_engine.h"
#include "zaccel_job.h"
#include "zaccel_late.h"

/*
 * 32 KiB of FILL are some 20 us of one CPU at most, and more than a batch of 256
 * small commands costs.
 */
#define ZACCEL_INLINE_BYTES	(32u << 10)
/* To wait for another doorbell is cheaper than the thread, for about that long. */
#define ZACCEL_TAKE_NS		(20u * (u32)NSEC_PER_USEC)

static uint inline_bytes = ZACCEL_INLINE_BYTES;
module_param(inline_bytes, uint, 0444);
MODULE_PARM_DESC(inline_bytes, "cost of the largest batch that is run inside the doorbell, in bytes of FILL; 0 for none");

static struct zaccel_job *zaccel_engine_next(struct zaccel_engine *engine)
{
	struct zaccel_job *job = NULL;

	spin_lock_irq(&engine->lock);
	/* A doorbell that has the engine calls when it is done. */
	if (!(atomic_read(&engine->state) & ZACCEL_ENGINE_INLINE)) {
		job = list_first_entry_or_null(&engine->queue,
					       struct zaccel_job, node);
		if (job)
			list_del_init(&job->node);
		/* A doorbell takes it from 0 only, so nothing is lost here. */
		atomic_set(&engine->state, !job ? 0 :
			   list_empty(&engine->queue) ? ZACCEL_ENGINE_THREAD :
			   ZACCEL_ENGINE_THREAD | ZACCEL_ENGINE_QUEUED);
	}
	spin_unlock_irq(&engine->lock);
	return job;
}

static void zaccel_engine_work(struct kthread_work *work)
{
	struct zaccel_engine *engine =
		container_of(work, struct zaccel_engine, work);
	struct zaccel_job *job;

	while ((job = zaccel_engine_next(engine))) {
		zaccel_job_execute(job);
		cond_resched();
	}
}

void zaccel_engine_queue(struct zaccel_engine *engine, struct list_head *jobs)
{
	unsigned long flags;
	int state;

	spin_lock_irqsave(&engine->lock, flags);
	list_splice_tail_init(jobs, &engine->queue);
	state = atomic_fetch_or(ZACCEL_ENGINE_QUEUED, &engine->state);
	spin_unlock_irqrestore(&engine->lock, flags);
	/* Whoever has the engine looks again before it lets go of it. */
	if (!state)
		kthread_queue_work(engine->worker, &engine->work);
}

static bool zaccel_engine_spin(struct zaccel_engine *engine)
{
	u64 end = local_clock() + ZACCEL_TAKE_NS;

	while (atomic_read(&engine->state) == ZACCEL_ENGINE_INLINE &&
	       !need_resched() && local_clock() < end)
		cpu_relax();
	return !atomic_cmpxchg(&engine->state, 0, ZACCEL_ENGINE_INLINE);
}

bool zaccel_engine_take(struct zaccel_engine *engine)
{
	preempt_disable();
	if (likely(!atomic_cmpxchg(&engine->state, 0, ZACCEL_ENGINE_INLINE)))
		return true;
	if (zaccel_engine_spin(engine))
		return true;
	preempt_enable();
	return false;
}

void zaccel_engine_release(struct zaccel_engine *engine)
{
	int state = atomic_fetch_andnot(ZACCEL_ENGINE_INLINE, &engine->state);

	if (unlikely(state & ZACCEL_ENGINE_QUEUED))
		kthread_queue_work(engine->worker, &engine->work);
	preempt_enable();
}

void zaccel_engine_wake(struct zaccel_engine *engine)
{
	wake_up_all(&engine->wait);
}

static int zaccel_inline_bytes_get(void *data, u64 *value)
{
	*value = READ_ONCE(((struct zaccel_engine *)data)->inline_bytes);
	return 0;
}

static int zaccel_inline_bytes_set(void *data, u64 value)
{
	if (value > ZACCEL_INLINE_BYTES)
		return -EINVAL;
	WRITE_ONCE(((struct zaccel_engine *)data)->inline_bytes, value);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(zaccel_inline_bytes_fops, zaccel_inline_bytes_get,
			 zaccel_inline_bytes_set, "%llu\n");

void zaccel_engine_debugfs(struct zaccel_engine *engine, struct dentry *root)
{
	debugfs_create_file_unsafe("inline_bytes", 0600, root, engine,
				   &zaccel_inline_bytes_fops);
}

int zaccel_engine_init(struct zaccel_engine *engine,
		       const struct zaccel_engine_ops *ops)
{
	struct kthread_worker *worker;

	zaccel_late_init(engine);
	engine->inline_bytes = min(inline_bytes, ZACCEL_INLINE_BYTES);
	worker = kthread_run_worker(0, "zaccel-%s", ops->name);
	if (IS_ERR(worker))
		return PTR_ERR(worker);

	spin_lock_init(&engine->lock);
	INIT_LIST_HEAD(&engine->queue);
	kthread_init_work(&engine->work, zaccel_engine_work);
	engine->ops = ops;
	engine->worker = worker;
	return 0;
}

void zaccel_engine_fini(struct zaccel_engine *engine)
{
	kthread_destroy_worker(engine->worker);
}
