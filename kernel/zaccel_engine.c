// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: engines
 *
 * An engine has instances, each of which runs one batch at a time, and a queue of
 * batches that can run, in the order in which that became so, whoever sent them.
 * A ring has one batch in it at most: the next follows when that one is done.
 *
 * An instance is a thread. A doorbell can be one for a moment, if there is one to
 * spare and the queue is empty, so it overtakes nobody. Of three queues the
 * highest comes first: a thread turns to it between two slices of what it runs.
 */

#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>

#include "zaccel_compat.h"
#include "zaccel_config.h"
#include "zaccel_engine.h"
#include "zaccel_job.h"
#include "zaccel_late.h"
#include "zaccel_ring.h"
#include "zaccel_stats.h"

/* To wait for another doorbell is cheaper than the thread, for about that long. */
#define ZACCEL_TAKE_NS		(20u * (u32)NSEC_PER_USEC)

/*
 * A batch that has waited for so long goes before those of a higher rank, and one
 * that was preempted for so long is not any more: every fence signals some day.
 */
#define ZACCEL_PATIENCE_MS	500

/* The rank whose turn it is. Under the lock, with something queued. */
static u32 zaccel_engine_turn(struct zaccel_engine *engine)
{
	unsigned long patience = msecs_to_jiffies(ZACCEL_PATIENCE_MS);
	u32 rank, highest = engine->urgent - 1;

	for (rank = 0; rank < highest; rank++) {
		const struct zaccel_job *job =
			list_first_entry_or_null(&engine->queue[rank],
						 struct zaccel_job, node);

		if (job && time_after(jiffies, job->queued + patience))
			return rank;
	}
	return highest;
}

/* Takes the first of a rank that has one. Under the lock. */
static struct zaccel_job *zaccel_engine_pop(struct zaccel_engine *engine,
					    u32 rank)
{
	struct zaccel_job *job = list_first_entry(&engine->queue[rank],
						  struct zaccel_job, node);

	list_del_init(&job->node);
	while (engine->urgent && list_empty(&engine->queue[engine->urgent - 1]))
		WRITE_ONCE(engine->urgent, engine->urgent - 1);
	if (!engine->urgent)
		atomic_andnot(ZACCEL_ENGINE_QUEUED, &engine->state);
	return job;
}

/* Wake a thread that has nothing to do. Under the lock. */
static void zaccel_engine_kick(struct zaccel_engine *engine)
{
	u32 i;

	for (i = 0; i < engine->num_instances; i++) {
		struct zaccel_instance *instance = &engine->instances[i];

		/* False as well for one that is about to start: try another. */
		if (!instance->job &&
		    kthread_queue_work(instance->worker, &instance->work))
			break;
	}
}

/* With the lock: the instance has a job, or has none any more. */
static void zaccel_instance_set(struct zaccel_instance *instance,
				struct zaccel_job *job)
{
	instance->job = job;
	instance->watch.turn++;
	if (job) {
		job->instance = instance;
		zaccel_watchdog_start(instance->engine);
	}
}

/* What the instance does next; it has a place among those in use while it runs. */
static struct zaccel_job *zaccel_engine_next(struct zaccel_instance *instance)
{
	struct zaccel_engine *engine = instance->engine;
	struct zaccel_job *job = NULL;
	bool placed = instance->job;
	int state;

	spin_lock_irq(&engine->lock);
	/* While something is queued, no doorbell takes a place. */
	state = atomic_read(&engine->state);
	if (engine->urgent && !placed &&
	    zaccel_engine_in_use(state) < engine->num_instances) {
		atomic_inc(&engine->state);
		placed = true;
	}
	if (engine->urgent && placed) {
		job = zaccel_engine_pop(engine, zaccel_engine_turn(engine));
	} else if (placed) {
		/* What was run here comes before what a doorbell runs next. */
		smp_mb__before_atomic();
		atomic_dec(&engine->state);
	}
	zaccel_instance_set(instance, job);
	if (job && engine->urgent &&
	    zaccel_engine_in_use(atomic_read(&engine->state)) <
	    engine->num_instances)
		zaccel_engine_kick(engine);
	spin_unlock_irq(&engine->lock);
	return job;
}

static void zaccel_engine_work(struct kthread_work *work)
{
	struct zaccel_instance *instance =
		container_of(work, struct zaccel_instance, work);
	struct zaccel_job *job, *done = NULL;

	while ((job = zaccel_engine_next(instance))) {
		/* The watchdog looks at it no more. */
		if (done)
			zaccel_job_retire(done);
		zaccel_job_execute(job);
		done = job;
		cond_resched();
	}
	if (done)
		zaccel_job_retire(done);
}

/* What is to run in the midst of @job, if anything. Under the lock. */
static struct zaccel_job *zaccel_engine_above(struct zaccel_engine *engine,
					      struct zaccel_job *job)
{
	unsigned long patience = msecs_to_jiffies(ZACCEL_PATIENCE_MS);

	/* An instance that is free takes it; and there is an end to patience. */
	if (engine->urgent <= job->ring->rank + 1 || zaccel_job_error(job) ||
	    zaccel_engine_in_use(atomic_read(&engine->state)) <
	    engine->num_instances || job->preempted > patience)
		return NULL;
	return zaccel_engine_pop(engine, engine->urgent - 1);
}

/* With the lock: it turns to another job in the midst of this one, or back to it. */
static void zaccel_instance_turn(struct zaccel_instance *instance,
				 struct zaccel_job *job,
				 struct zaccel_job *other)
{
	if (other) {
		zaccel_stats_pause(job);
		other->below = job;
	}
	zaccel_instance_set(instance, other ? other : job);
}

void zaccel_engine_yield(struct zaccel_job *job)
{
	struct zaccel_instance *instance = job->instance;
	struct zaccel_engine *engine = instance->engine;
	struct zaccel_job *other, *done = NULL;
	unsigned long since, away;

	do {
		since = jiffies;
		spin_lock_irq(&engine->lock);
		other = zaccel_engine_above(engine, job);
		zaccel_instance_turn(instance, job, other);
		spin_unlock_irq(&engine->lock);
		if (done)
			zaccel_job_retire(done);
		if (!other)
			break;
		zaccel_job_execute(other);
		done = other;
		/* Before the watchdog looks at the job again. */
		away = jiffies - since;
		job->preempted += away;
		job->started += away;
	} while (true);
	/* What came in between has gone, and all of its time with it. */
	if (done)
		zaccel_stats_begin(job);
}

void zaccel_engine_queue(struct zaccel_engine *engine, struct zaccel_job *job)
{
	/* What only has to be completed is quick, and others may wait for it. */
	u32 rank = job->ring->error ? ZACCEL_RANK_HIGH : job->ring->rank;
	unsigned long flags;
	int state;

	spin_lock_irqsave(&engine->lock, flags);
	job->queued = jiffies;
	list_add_tail(&job->node, &engine->queue[rank]);
	if (engine->urgent <= rank)
		WRITE_ONCE(engine->urgent, rank + 1);
	state = atomic_fetch_or(ZACCEL_ENGINE_QUEUED, &engine->state);
	/* Else whoever is done looks at the queue. */
	if (zaccel_engine_in_use(state) < engine->num_instances)
		zaccel_engine_kick(engine);
	spin_unlock_irqrestore(&engine->lock, flags);
}

/* Is nothing queued, and an instance free or a doorbell's? A thread may take long. */
static bool zaccel_engine_is_brief(struct zaccel_engine *engine)
{
	int state = atomic_read(&engine->state);

	return state < ZACCEL_ENGINE_QUEUED &&
	       (state >= ZACCEL_ENGINE_INLINE ||
		zaccel_engine_in_use(state) < engine->num_instances);
}

static bool zaccel_engine_spin(struct zaccel_engine *engine)
{
	u64 end = local_clock() + ZACCEL_TAKE_NS;

	do {
		if (zaccel_engine_try_take(engine))
			return true;
		cpu_relax();
	} while (zaccel_engine_is_brief(engine) && !need_resched() &&
		 local_clock() < end);
	return false;
}

bool zaccel_engine_take_slow(struct zaccel_engine *engine)
{
	if (zaccel_engine_spin(engine))
		return true;
	preempt_enable();
	return false;
}

void zaccel_engine_released(struct zaccel_engine *engine)
{
	unsigned long flags;

	spin_lock_irqsave(&engine->lock, flags);
	zaccel_engine_kick(engine);
	spin_unlock_irqrestore(&engine->lock, flags);
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

static int zaccel_instance_init(struct zaccel_instance *instance,
				struct zaccel_engine *engine, bool realtime)
{
	struct kthread_worker *worker;

	worker = kthread_run_worker(0, "%s-%s/%u", dev_name(engine->dev),
				    engine->ops->name, engine->num_instances);
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	if (realtime)
		sched_set_fifo(worker->task);
	kthread_init_work(&instance->work, zaccel_engine_work);
	instance->engine = engine;
	instance->worker = worker;
	return 0;
}

int zaccel_engine_init(struct zaccel_engine *engine, struct device *dev,
		       const struct zaccel_engine_ops *ops,
		       const struct zaccel_config *config)
{
	u32 i;
	int ret;

	zaccel_late_init(engine, config);
	zaccel_watchdog_init(&engine->watchdog, config);
	spin_lock_init(&engine->lock);
	for (i = 0; i < ZACCEL_RANKS; i++)
		INIT_LIST_HEAD(&engine->queue[i]);
	atomic_set(&engine->state, 0);
	engine->inline_bytes = config->inline_bytes;
	engine->ops = ops;
	engine->dev = dev;
	for (i = 0; i < config->instances; i++) {
		ret = zaccel_instance_init(&engine->instances[i], engine,
					   config->realtime);
		if (ret) {
			zaccel_engine_fini(engine);
			return ret;
		}
		engine->num_instances++;
	}
	return 0;
}

void zaccel_engine_fini(struct zaccel_engine *engine)
{
	u32 i;

	/* What one leaves, another may take up. */
	do {
		for (i = 0; i < engine->num_instances; i++)
			kthread_flush_worker(engine->instances[i].worker);
	} while (atomic_read(&engine->state));
	for (i = 0; i < engine->num_instances; i++)
		kthread_destroy_worker(engine->instances[i].worker);
	zaccel_watchdog_fini(&engine->watchdog);
}
