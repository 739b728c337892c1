// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: soft engine
 *
 * The CPU is the accelerator: the operations of common/ run in the engine's
 * thread, in slices between which a batch can be cancelled and others get the
 * CPU.
 */

#include <linux/minmax.h>
#include <linux/sched.h>

#include "zaccel_engine.h"
#include "zaccel_job.h"

static int zaccel_soft_run(struct zaccel_engine *engine, struct zaccel_job *job,
			   struct zaccel_cmd *cmd)
{
	const struct zaccel_op *op = cmd->op;
	u64 units = op->units(&cmd->entry, cmd->dst, cmd->src);
	u64 slice = zaccel_op_slice(op, cmd->dst);
	u64 start, end = 0;
	int error;

	/* A command of no units is run as well: it may have a result. */
	do {
		error = zaccel_job_error(job);
		if (error)
			return error;
		start = end;
		end = start + min(slice, units - start);
		op->run(&cmd->entry, cmd->dst, cmd->src, start, end,
			&cmd->result);
		cond_resched();
	} while (end < units);
	return 0;
}

const struct zaccel_engine_ops zaccel_engine_soft = {
	.name = "soft",
	.run = zaccel_soft_run,
};
