// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: engines
 *
 * An engine is a thread with a queue of batches whose dependencies have
 * signalled, in the order in which they became ready, whoever sent them.
 */

#include <linux/err.h>
#include <linux/sched.h>

#include "zaccel_compat.h"
#include "zaccel_engine.h"
#include "zaccel_job.h"
#include "zaccel_late.h"

static struct zaccel_job *zaccel_engine_next(struct zaccel_engine *engine)
{
	struct zaccel_job *job;

	spin_lock_irq(&engine->lock);
	job = list_first_entry_or_null(&engine->queue, struct zaccel_job, node);
	if (job)
		list_del_init(&job->node);
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

	spin_lock_irqsave(&engine->lock, flags);
	list_splice_tail_init(jobs, &engine->queue);
	spin_unlock_irqrestore(&engine->lock, flags);
	kthread_queue_work(engine->worker, &engine->work);
}

void zaccel_engine_wake(struct zaccel_engine *engine)
{
	wake_up_all(&engine->wait);
}

int zaccel_engine_init(struct zaccel_engine *engine,
		       const struct zaccel_engine_ops *ops)
{
	struct kthread_worker *worker;

	zaccel_late_init(engine);
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
