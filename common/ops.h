/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef ZACCEL_COMMON_OPS_H
#define ZACCEL_COMMON_OPS_H

/*
 * What every operation means, as plain C: the soft engine and the tests run
 * these functions. A command's operands and arguments are checked once, by
 * zaccel_op_check(), against the copy that is then run. What may still change
 * underneath is the contents of the memory, never its extent.
 */

#include "image.h"

/* Most commands of one EXEC. */
#define ZACCEL_MAX_EXEC		1024u

/* What a slot holds, with its memory mapped. */
struct zaccel_operand {
	u32 kind;	/* enum drm_zaccel_slot_kind; a syncobj is nothing here */
	struct {
		u8 *data;
		u64 size;
	} range;
	struct zaccel_image image;
};

/*
 * An operation is done in units (bytes of a range, lines of an image), so that
 * a caller can run a slice at a time. The slices of a command are run in order,
 * each exactly once; a command of no units still has one, the empty one, for
 * the sake of its result.
 */
struct zaccel_op {
	u16 opcode;
	const char *name;
	u32 dst_kind;	/* ZACCEL_SLOT_EMPTY where the operation has none */
	u32 src_kind;
	u32 args_size;	/* bytes of args[] in use; the rest must be zero */

	/* Arguments against operands: 0 or -errno. */
	int (*check)(const struct drm_zaccel_command *cmd,
		     const struct zaccel_operand *dst,
		     const struct zaccel_operand *src);

	/* How many units there are. */
	u64 (*units)(const struct drm_zaccel_command *cmd,
		     const struct zaccel_operand *dst,
		     const struct zaccel_operand *src);

	/* Do units [start, end); *result starts as 0 and ends as the result. */
	void (*run)(const struct drm_zaccel_command *cmd,
		    const struct zaccel_operand *dst,
		    const struct zaccel_operand *src,
		    u64 start, u64 end, u64 *result);

	/* Formats that an image operand may have; NULL where any will do. */
	bool (*format_ok)(const struct zaccel_format *format, bool dst);
};

/* NULL for an opcode that is not known. */
const struct zaccel_op *zaccel_op_find(u16 opcode);

/* The table by position, for queries; NULL behind its end. */
const struct zaccel_op *zaccel_op_at(unsigned int i);

/*
 * The whole check of a command, operands included: @dst and @src are what its
 * slots hold (NULL for an empty one or one out of range). Its arguments stand in
 * args[]: with ZACCEL_CMD_PARAMS still set it is malformed.
 *
 * 0, or -EOPNOTSUPP (unknown opcode; a format the operation does not take),
 * -EINVAL (a flag, pad, unused field or argument), -EBADSLT (an empty slot or
 * one of the wrong kind), -ERANGE (bytes outside a range).
 */
int zaccel_op_check(const struct drm_zaccel_command *cmd,
		    const struct zaccel_operand *dst,
		    const struct zaccel_operand *src);

/* -ERANGE unless [offset, offset + size) lies within the range of @operand. */
int zaccel_range_check(const struct zaccel_operand *operand, u64 offset,
		       u64 size);

/* Units of a slice: about 64 Ki pixels or 256 KiB; a multiple of 2 lines. */
u64 zaccel_op_slice(const struct zaccel_op *op,
		    const struct zaccel_operand *dst);

extern const struct zaccel_op zaccel_op_nop;
extern const struct zaccel_op zaccel_op_fill;
extern const struct zaccel_op zaccel_op_copy;
extern const struct zaccel_op zaccel_op_crc32c;
extern const struct zaccel_op zaccel_op_convert;
extern const struct zaccel_op zaccel_op_invert;
extern const struct zaccel_op zaccel_op_convolve3x3;
extern const struct zaccel_op zaccel_op_wait;
extern const struct zaccel_op zaccel_op_signal;
extern const struct zaccel_op zaccel_op_exec;

static inline struct drm_zaccel_exec
zaccel_exec_args(const struct drm_zaccel_command *cmd)
{
	struct drm_zaccel_exec args;

	memcpy(&args, cmd->args, sizeof(args));
	return args;
}

/* The point of a WAIT or SIGNAL. */
static inline u64 zaccel_point_args(const struct drm_zaccel_command *cmd)
{
	return cmd->args[0];
}

#endif
