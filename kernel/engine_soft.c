// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: soft engine
 *
 * The CPU is the accelerator: the operations of common/ run in slices between
 * which a batch can be cancelled and others get the CPU.
 */

#include <linux/minmax.h>

#include "zaccel_engine.h"
#include "zaccel_job.h"

static int zaccel_soft_slices(struct zaccel_job *job, struct zaccel_cmd *cmd,
			      u64 *result)
{
	const struct zaccel_op *op = zaccel_op_of(cmd->opcode);
	u64 units, slice, start, end = 0;
	int error;

	if (!op->run)
		return 0;
	units = op->units(cmd->args, cmd->dst, cmd->src);
	slice = zaccel_op_slice(op, cmd->dst);
	/* A command of no units is run as well: it may have a result. */
	do {
		error = zaccel_job_pause(job);
		if (error)
			return error;
		start = end;
		end = start + min(slice, units - start);
		op->run(cmd->args, cmd->dst, cmd->src, start, end, result);
	} while (end < units);
	return 0;
}

static int zaccel_soft_run(struct zaccel_engine *engine, struct zaccel_job *job,
			   struct zaccel_cmd *cmd, u64 *result)
{
	if (unlikely(job->instance) && READ_ONCE(engine->fault.kind))
		return zaccel_fault_run(engine, job, cmd, result,
					zaccel_soft_slices);
	/* One that is nothing to run gets by quickly. */
	return zaccel_op_of(cmd->opcode)->run ?
	       zaccel_soft_slices(job, cmd, result) : 0;
}

const struct zaccel_engine_ops zaccel_engine_soft = {
	.name = "soft",
	.run = zaccel_soft_run,
};
