// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: running
 *
 * A job runs in one of two places.
 *
 * Inside the doorbell, on the caller's CPU, if it is small (see inline_bytes),
 * all that it waits for has signalled, nothing of its ring is unfinished and the
 * engine has nothing to do. Preemption is off from the moment the engine is taken
 * until it is let go of, so that a caller who is not given the CPU holds up
 * nobody, and no fence that has not signalled can be seen: the reservation locks
 * of shared buffers are held instead.
 *
 * Else on the engine's thread. There, from publication on, everything is on the
 * way to a fence: no mutex, no reservation lock and no allocation.
 */

#include <linux/dma-fence.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "zaccel_engine.h"
#include "zaccel_job.h"
#include "zaccel_late.h"
#include "zaccel_ring.h"
#include "zaccel_stats.h"
#include "zaccel_trace.h"

int zaccel_job_pause(struct zaccel_job *job)
{
	/* Inside a doorbell there is one slice, and nobody else's turn. */
	if (job->instance) {
		WRITE_ONCE(job->beat, job->beat + 1);
		if (READ_ONCE(job->ring->engine->urgent) > job->ring->rank + 1)
			zaccel_engine_yield(job);
		cond_resched();
	}
	return zaccel_job_error(job);
}

static int zaccel_cmd_run(struct zaccel_job *job, struct zaccel_cmd *cmd,
			  u64 *result)
{
	struct zaccel_engine *engine = job->ring->engine;

	return engine->ops->run(engine, job, cmd, result);
}

/* The commands of an EXEC are one command: what counts is the first failure. */
static int zaccel_exec_run(struct zaccel_job *job, struct zaccel_cmd *exec,
			   u64 *result)
{
	int ret, error = 0;
	u32 i;

	for (i = 0; i < exec->exec.count; i++) {
		struct zaccel_cmd *cmd = &exec->exec.cmds[i];
		u64 ignored = 0;
		int ended;

		ret = zaccel_cmd_run(job, cmd, &ignored);
		if (!ret) {
			(*result)++;
			continue;
		}
		if (!error)
			error = ret;
		/* It was told to end, and that is what became of it. */
		ended = zaccel_job_error(job);
		if (ended)
			return ended;
		if (!(cmd->flags & ZACCEL_CMD_CONTINUE))
			break;
	}
	return error;
}

static __always_inline int zaccel_cmd_execute(struct zaccel_job *job,
					      struct zaccel_cmd *cmd,
					      u64 *result)
{
	int status;

	/* What failed at fetch does not run. */
	if (unlikely(cmd->status)) {
		*result = cmd->result;
		return cmd->status;
	}
	if (unlikely(cmd->opcode == ZACCEL_OP_EXEC))
		return zaccel_exec_run(job, cmd, result);
	status = zaccel_cmd_run(job, cmd, result);
	if (unlikely(status))
		*result = 0;
	return status;
}

static void zaccel_cqe_write(struct drm_zaccel_completion *cqe, int status,
			     u64 result)
{
	cqe->status = status;
	cqe->flags = 0;
	cqe->result = result;
}

/* Commands of the job, from @i on, do not run. */
static void zaccel_job_cancel(struct zaccel_job *job, u32 i)
{
	for (; i != job->first + job->count; i++) {
		zaccel_ring_cmd(job->ring, i)->flags &= ~ZACCEL_CMD_TIMESTAMP;
		zaccel_cqe_write(zaccel_ring_cqe(job->ring, i), -ECANCELED, 0);
	}
}

static int zaccel_cmd_execute_on_thread(struct zaccel_job *job, u32 i,
					struct zaccel_cmd *cmd, u64 *result)
{
	int status;

	WRITE_ONCE(job->at, i);
	status = zaccel_job_pause(job);
	return status ? status : zaccel_cmd_execute(job, cmd, result);
}

/*
 * Writes the completions too, but for the time of those who do not have their
 * own. Returns the first error. There is one of it for each place, as a call for
 * each batch and a test for each command count inside a doorbell.
 */
static __always_inline int zaccel_job_run(struct zaccel_job *job,
					  const bool on_thread)
{
	const u32 end = job->first + job->count;
	struct zaccel_ring *ring = job->ring;
	int status, error = zaccel_job_error(job);
	u32 i;

	if (unlikely(error)) {
		zaccel_job_cancel(job, job->first);
		return error;
	}
	for (i = job->first; i != end; i++) {
		struct zaccel_cmd *cmd = zaccel_ring_cmd(ring, i);
		struct drm_zaccel_completion *cqe = zaccel_ring_cqe(ring, i);
		u64 result = 0;

		status = on_thread ?
			 zaccel_cmd_execute_on_thread(job, i, cmd, &result) :
			 zaccel_cmd_execute(job, cmd, &result);
		zaccel_cqe_write(cqe, status, result);
		if (unlikely(cmd->flags & ZACCEL_CMD_TIMESTAMP)) {
			cqe->time_ns = ktime_get_ns();
			job->timed = true;
		}
		if (likely(!status))
			continue;
		if (!error)
			error = status;
		if (on_thread && status == READ_ONCE(job->error))
			job->cut_off = true;
		if (!(cmd->flags & ZACCEL_CMD_CONTINUE) || zaccel_job_error(job)) {
			zaccel_job_cancel(job, i + 1);
			break;
		}
	}
	return error;
}

/* Inside the doorbell: the end is the completions' time too. */
static int zaccel_job_run_timed(struct zaccel_job *job)
{
	u64 start;
	int error;

	trace_zaccel_run(job);
	start = ktime_get_ns();
	error = zaccel_job_run(job, false);
	job->end_ns = ktime_get_ns();
	zaccel_stats_inline(job->ring, job->end_ns - start);
	trace_zaccel_complete(job, error, job->end_ns - start);
	return error;
}

static noinline void zaccel_job_signal(struct zaccel_job *job, int error)
{
	if (error)
		dma_fence_set_error(job->fence, error);
	/* A clock was looked at already, and this is the time of the completions. */
	dma_fence_signal_timestamp(job->fence, ns_to_ktime(job->end_ns));
}

/* All that others can see of the job, but for its completions. */
static __always_inline void zaccel_job_finish(struct zaccel_job *job, int error)
{
	if (job->num_uses)
		zaccel_job_unuse(job);
	if (unlikely(job->num_exec)) {
		atomic_add(job->num_exec, &job->ring->exec_left);
		job->num_exec = 0;
	}
	/* Nobody gives it a fence any more. */
	if (unlikely(job->fence))
		zaccel_job_signal(job, error);
}

static void zaccel_job_run_inline(struct zaccel_job *job)
{
	bool cookie = dma_fence_begin_signalling();

	/* It can fail, and then does so again on the way to the thread. */
	if (!zaccel_job_must_enter(job) || !zaccel_job_enter(job)) {
		trace_zaccel_ready(job);
		zaccel_job_finish(job, zaccel_job_run_timed(job));
		job->done = true;
	}
	dma_fence_end_signalling(cookie);
}

bool zaccel_job_try_inline(struct zaccel_job *job)
{
	struct zaccel_ring *ring = job->ring;
	struct zaccel_engine *engine = ring->engine;

	/* There, spinlocks sleep. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return false;
	if (job->num_deps || job->late || READ_ONCE(engine->fault.kind) ||
	    job->cost > READ_ONCE(engine->inline_bytes) ||
	    zaccel_ring_shown(ring) != ring->cq_reserved ||
	    !zaccel_engine_take(engine))
		return false;
	zaccel_job_run_inline(job);
	zaccel_engine_release(engine);
	return job->done;
}

void zaccel_job_execute(struct zaccel_job *job)
{
	bool cookie = dma_fence_begin_signalling();
	int error;

	zaccel_late_hold(job);
	job->at = job->first;
	job->started = jiffies;
	/* Pairs with the watchdog's look: when it started before that it did. */
	smp_store_release(&job->running, true);
	trace_zaccel_run(job);
	zaccel_stats_begin(job);
	error = zaccel_job_run(job, true);
	zaccel_stats_end(job);
	WRITE_ONCE(job->running, false);
	if (unlikely(job->cut_off))
		zaccel_watchdog_report(job);
	trace_zaccel_complete(job, error, job->busy_ns);
	zaccel_job_finish(job, error);
	/* Last: to its owner, a batch that is complete is so in every respect. */
	zaccel_job_stamp(job);
	zaccel_job_leave(job);
	zaccel_ring_wake(job->ring);
	dma_fence_end_signalling(cookie);
}
