// SPDX-License-Identifier: GPL-2.0-only OR MIT

/*
 * Operations that touch no memory of their own. NOP does nothing; WAIT, SIGNAL
 * and EXEC mean something to whoever fetches the batch, and nothing more when it
 * runs: here is only what a well-formed one looks like.
 */

#include "ops_priv.h"

static int exec_check(const __u64 *raw, const struct zaccel_operand *dst,
		      const struct zaccel_operand *src)
{
	struct drm_zaccel_exec args = zaccel_exec_args(raw);

	if (!args.count || args.count > ZACCEL_MAX_EXEC || args.pad ||
	    args.offset & 7)
		return -EINVAL;
	return zaccel_range_check(src, args.offset,
				  args.count * sizeof(struct drm_zaccel_command));
}

const struct zaccel_op zaccel_op_nop = {
	.opcode = ZACCEL_OP_NOP,
	.name = "nop",
	.dst_kind = ZACCEL_SLOT_EMPTY,
	.src_kind = ZACCEL_SLOT_EMPTY,
};

const struct zaccel_op zaccel_op_wait = {
	.opcode = ZACCEL_OP_WAIT,
	.name = "wait",
	.dst_kind = ZACCEL_SLOT_EMPTY,
	.src_kind = ZACCEL_SLOT_SYNCOBJ,
	.args_size = sizeof(struct drm_zaccel_point),
};

const struct zaccel_op zaccel_op_signal = {
	.opcode = ZACCEL_OP_SIGNAL,
	.name = "signal",
	.dst_kind = ZACCEL_SLOT_SYNCOBJ,
	.src_kind = ZACCEL_SLOT_EMPTY,
	.args_size = sizeof(struct drm_zaccel_point),
};

const struct zaccel_op zaccel_op_exec = {
	.opcode = ZACCEL_OP_EXEC,
	.name = "exec",
	.dst_kind = ZACCEL_SLOT_EMPTY,
	.src_kind = ZACCEL_SLOT_RANGE,
	.args_size = sizeof(struct drm_zaccel_exec),
	.check = exec_check,
};
