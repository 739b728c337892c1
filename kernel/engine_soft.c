// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: soft engine
 *
 * The CPU is the accelerator: the operations of common/ run in slices between
 * which a batch can be cancelled and others get the CPU.
 */

#include <linux/minmax.h>
#include <linux/sched.h>

#include "zaccel_engine.h"
#include "zaccel_job.h"

/* Apart, so that a command that is nothing to run gets by quickly. */
static noinline int zaccel_soft_slices(struct zaccel_job *job,
				       struct zaccel_cmd *cmd,
				       const struct zaccel_op *op, u64 *result)
{
	u64 units, slice, start, end = 0;
	int error;

	units = op->units(cmd->args, cmd->dst, cmd->src);
	slice = zaccel_op_slice(op, cmd->dst);
	/* A command of no units is run as well: it may have a result. */
	for (;;) {
		error = zaccel_job_error(job);
		if (error)
			return error;
		start = end;
		end = start + min(slice, units - start);
		op->run(cmd->args, cmd->dst, cmd->src, start, end, result);
		if (end == units)
			return 0;
		/* Never inside a doorbell, whose jobs are of one slice. */
		cond_resched();
	}
}

static int zaccel_soft_run(struct zaccel_engine *engine, struct zaccel_job *job,
			   struct zaccel_cmd *cmd, u64 *result)
{
	const struct zaccel_op *op = zaccel_op_find(cmd->opcode);

	return op->run ? zaccel_soft_slices(job, cmd, op, result) : 0;
}

const struct zaccel_engine_ops zaccel_engine_soft = {
	.name = "soft",
	.run = zaccel_soft_run,
};
