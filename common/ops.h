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
 * the sake of its result. @raw is args[] of a command that was checked.
 */
struct zaccel_op {
	u16 opcode;
	const char *name;
	u32 dst_kind;	/* ZACCEL_SLOT_EMPTY where the operation has none */
	u32 src_kind;
	u32 args_size;	/* bytes of args[] in use, a multiple of 8; the rest is zero */
	u32 cost;	/* of a byte or pixel, see zaccel_op_cost() */

	/* Arguments against operands: 0 or -errno. */
	int (*check)(const __u64 *raw,
		     const struct zaccel_operand *dst,
		     const struct zaccel_operand *src);

	/* How many units there are. NULL, as @run, where nothing is done. */
	u64 (*units)(const __u64 *raw,
		     const struct zaccel_operand *dst,
		     const struct zaccel_operand *src);

	/* Do units [start, end); *result starts as 0 and ends as the result. */
	void (*run)(const __u64 *raw,
		    const struct zaccel_operand *dst,
		    const struct zaccel_operand *src,
		    u64 start, u64 end, u64 *result);

	/* Formats that an image operand may have; NULL where any will do. */
	bool (*format_ok)(const struct zaccel_format *format, bool dst);
};

/* The table by position, for queries; NULL behind its end. */
const struct zaccel_op *zaccel_op_at(unsigned int i);

/* The table by opcode; each has its place there. */
extern const struct zaccel_op *const zaccel_ops[];
#define ZACCEL_NUM_OPS	((u32)ZACCEL_OP_EXEC + 1)

static inline bool zaccel_op_known(u32 opcode)
{
	return opcode < ZACCEL_NUM_OPS;
}

/* Of an opcode that is known. */
static inline const struct zaccel_op *zaccel_op_of(u32 opcode)
{
	return zaccel_ops[zaccel_index_nospec(opcode, ZACCEL_NUM_OPS)];
}

/* NULL for an opcode that is not known. */
static inline const struct zaccel_op *zaccel_op_find(u32 opcode)
{
	return zaccel_op_known(opcode) ? zaccel_op_of(opcode) : NULL;
}

static inline bool zaccel_op_has_operands(const struct zaccel_op *op)
{
	return op->dst_kind | op->src_kind;
}

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

#define ZACCEL_KNOWN_FLAGS	(ZACCEL_CMD_END | ZACCEL_CMD_CONTINUE | \
				 ZACCEL_CMD_TIMESTAMP | \
				 ZACCEL_CMD_EXPLICIT_SYNC)

/* Its two halves; these are quick, and all there is of an operation like NOP. */
static inline bool zaccel_op_fields_valid(const struct zaccel_op *op,
					  const struct drm_zaccel_command *cmd)
{
	const u16 batch = ZACCEL_CMD_END | ZACCEL_CMD_EXPLICIT_SYNC;
	/* What the operation has no use for, in one number. */
	u64 unused = cmd->pad | (cmd->flags & ~ZACCEL_KNOWN_FLAGS);

	if (!zaccel_op_has_operands(op))
		unused |= cmd->dst | cmd->src;
	else if (op->dst_kind == ZACCEL_SLOT_EMPTY)
		unused |= cmd->dst;
	else if (op->src_kind == ZACCEL_SLOT_EMPTY)
		unused |= cmd->src;
	switch (op->args_size) {
	case 0 * sizeof(cmd->args[0]):
		unused |= cmd->args[0];
		zaccel_fallthrough;
	case 1 * sizeof(cmd->args[0]):
		unused |= cmd->args[1];
		zaccel_fallthrough;
	case 2 * sizeof(cmd->args[0]):
		unused |= cmd->args[2];
		zaccel_fallthrough;
	case 3 * sizeof(cmd->args[0]):
		unused |= cmd->args[3];
		zaccel_fallthrough;
	case 4 * sizeof(cmd->args[0]):
		unused |= cmd->args[4];
	}
	return !unused && (cmd->flags & batch) != ZACCEL_CMD_EXPLICIT_SYNC;
}

int zaccel_op_check_operands(const struct zaccel_op *op,
			     const struct drm_zaccel_command *cmd,
			     const struct zaccel_operand *dst,
			     const struct zaccel_operand *src);

/* -ERANGE unless [offset, offset + size) lies within the range of @operand. */
int zaccel_range_check(const struct zaccel_operand *operand, u64 offset,
		       u64 size);

/*
 * About how long the work of a checked command takes, as the number of bytes that
 * FILL writes meanwhile.
 */
u64 zaccel_op_cost(const struct zaccel_op *op, const __u64 *raw,
		   const struct zaccel_operand *dst,
		   const struct zaccel_operand *src);

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
zaccel_exec_args(const __u64 *raw)
{
	struct drm_zaccel_exec args;

	memcpy(&args, raw, sizeof(args));
	return args;
}

/* The point of a WAIT or SIGNAL. */
static inline u64 zaccel_point_args(const __u64 *raw)
{
	return raw[0];
}

#endif
