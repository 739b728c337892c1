// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: watchdog
 *
 * While an engine's threads are busy, a timer looks at them. A job that has made
 * no progress for as long as its ring allows, or has run for longer than the
 * device allows any batch to, is told to end: its error becomes -ETIMEDOUT, which
 * the engine sees between slices. Nothing else happens here. The job ends on its
 * thread like every other, so its fence signals and its buffers are given back
 * when the engine is done with them, not before.
 *
 * What a job is held back by late mode does not count.
 */

#include <linux/devcoredump.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "zaccel_config.h"
#include "zaccel_engine.h"
#include "zaccel_job.h"
#include "zaccel_ring.h"
#include "zaccel_watchdog.h"

#define ZACCEL_WATCHDOG_PERIOD_MS	20
#define ZACCEL_DUMP_SIZE		1024

/* With the engine's lock, which keeps the job from being given back. */
static void zaccel_watchdog_end(struct zaccel_engine *engine,
				struct zaccel_job *job, const char *reason)
{
	job->reason = reason;
	WRITE_ONCE(job->error, -ETIMEDOUT);
	wake_up_all(&engine->wait);
}

static void zaccel_watchdog_look(struct zaccel_engine *engine,
				 struct zaccel_instance *instance)
{
	u32 max_batch_ms = engine->watchdog.max_batch_ms;
	struct zaccel_watch *watch = &instance->watch;
	struct zaccel_job *job = instance->job;
	u32 beat = READ_ONCE(job->beat);
	unsigned long period = msecs_to_jiffies(ZACCEL_WATCHDOG_PERIOD_MS);

	/* Pairs with zaccel_job_execute(). */
	if (!smp_load_acquire(&job->running) || READ_ONCE(job->error))
		return;
	if (watch->seen_turn != watch->turn || watch->seen_beat != beat) {
		watch->seen_turn = watch->turn;
		watch->seen_beat = beat;
		watch->idle = 0;
	} else {
		/* No more than this look is worth, wherever the clock went. */
		watch->idle += min(jiffies - watch->last, 2 * period);
	}
	watch->last = jiffies;
	if (watch->idle > msecs_to_jiffies(job->ring->timeout_ms))
		zaccel_watchdog_end(engine, job, "no progress");
	else if (time_after(jiffies, job->started +
				     msecs_to_jiffies(max_batch_ms)))
		zaccel_watchdog_end(engine, job, "too long");
}

static void zaccel_watchdog_rearm(struct zaccel_watchdog *watchdog)
{
	mod_timer(&watchdog->timer,
		  jiffies + msecs_to_jiffies(ZACCEL_WATCHDOG_PERIOD_MS));
}

static void zaccel_watchdog_timer(struct timer_list *timer)
{
	struct zaccel_engine *engine =
		container_of(timer, struct zaccel_engine, watchdog.timer);
	unsigned long flags;
	bool busy = false;
	u32 i;

	spin_lock_irqsave(&engine->lock, flags);
	for (i = 0; i < engine->num_instances; i++) {
		if (!engine->instances[i].job)
			continue;
		zaccel_watchdog_look(engine, &engine->instances[i]);
		busy = true;
	}
	if (busy)
		zaccel_watchdog_rearm(&engine->watchdog);
	spin_unlock_irqrestore(&engine->lock, flags);
}

/* Programs choose their names, so what cannot be printed is not. */
static int zaccel_hang_print(const struct zaccel_hang *hang, char *text,
			     size_t size)
{
	return scnprintf(text, size,
			 "driver: zaccel\nreason: %s\nclient: %*pE\npid: %d\n"
			 "ring: %llu\nbatch: completions %u to %u\n"
			 "command: %u, opcode %u, flags %#x\n"
			 "args: %#llx %#llx %#llx %#llx %#llx\nran: %u ms\n",
			 hang->reason, (int)strlen(hang->comm), hang->comm,
			 hang->pid, hang->ring, hang->first,
			 hang->first + hang->count - 1, hang->at - hang->first,
			 hang->opcode, hang->flags,
			 hang->args[0], hang->args[1], hang->args[2],
			 hang->args[3], hang->args[4], hang->ran_ms);
}

static void zaccel_watchdog_work(struct work_struct *work)
{
	struct zaccel_engine *engine =
		container_of(work, struct zaccel_engine, watchdog.report);
	const struct zaccel_hang *hang = &engine->watchdog.hang;
	char *text = vzalloc(ZACCEL_DUMP_SIZE);

	dev_warn_ratelimited(engine->dev,
			     "%s: batch of %*pE[%d], ring %llu, command %u of %u (opcode %u) ended after %u ms\n",
			     hang->reason, (int)strlen(hang->comm), hang->comm,
			     hang->pid, hang->ring, hang->at - hang->first,
			     hang->count, hang->opcode, hang->ran_ms);
	/* Frees the text, now or when it has been read. */
	if (text)
		dev_coredumpv(engine->dev, text,
			      zaccel_hang_print(hang, text, ZACCEL_DUMP_SIZE),
			      GFP_KERNEL);

	spin_lock_irq(&engine->lock);
	engine->watchdog.reporting = false;
	spin_unlock_irq(&engine->lock);
}

void zaccel_watchdog_report(struct zaccel_job *job)
{
	struct zaccel_ring *ring = job->ring;
	struct zaccel_watchdog *watchdog = &ring->engine->watchdog;
	const struct zaccel_cmd *cmd = zaccel_ring_cmd(ring, job->at);
	bool busy;

	/* One that comes while another is written down is not. */
	spin_lock_irq(&ring->engine->lock);
	busy = watchdog->reporting;
	watchdog->reporting = true;
	spin_unlock_irq(&ring->engine->lock);
	if (busy)
		return;

	watchdog->hang = (struct zaccel_hang){
		.reason = job->reason,
		.pid = ring->pid,
		.ring = ring->serial,
		.first = job->first,
		.count = job->count,
		.at = job->at,
		.opcode = cmd->opcode,
		.flags = cmd->flags,
		.ran_ms = jiffies_to_msecs(jiffies - job->started),
	};
	/* An EXEC has a pointer there. */
	if (cmd->opcode != ZACCEL_OP_EXEC)
		memcpy(watchdog->hang.args, cmd->args, sizeof(cmd->args));
	memcpy(watchdog->hang.comm, ring->comm, sizeof(ring->comm));
	schedule_work(&watchdog->report);
}

void zaccel_watchdog_start(struct zaccel_engine *engine)
{
	if (!timer_pending(&engine->watchdog.timer))
		zaccel_watchdog_rearm(&engine->watchdog);
}

void zaccel_watchdog_init(struct zaccel_watchdog *watchdog,
			  const struct zaccel_config *config)
{
	watchdog->max_batch_ms = config->max_batch_ms;
	watchdog->default_timeout_ms = min(config->timeout_ms,
					   config->max_batch_ms);
	timer_setup(&watchdog->timer, zaccel_watchdog_timer, 0);
	INIT_WORK(&watchdog->report, zaccel_watchdog_work);
}

void zaccel_watchdog_fini(struct zaccel_watchdog *watchdog)
{
	timer_shutdown_sync(&watchdog->timer);
	flush_work(&watchdog->report);
}
