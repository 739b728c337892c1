// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include "ops_priv.h"

/* Work of one slice: long enough to hide its cost, short enough to cancel. */
#define SLICE_BYTES	(256u << 10)
#define SLICE_PIXELS	(64u << 10)

const struct zaccel_op *const zaccel_ops[ZACCEL_NUM_OPS] = {
	[ZACCEL_OP_NOP] = &zaccel_op_nop,
	[ZACCEL_OP_FILL] = &zaccel_op_fill,
	[ZACCEL_OP_COPY] = &zaccel_op_copy,
	[ZACCEL_OP_CRC32C] = &zaccel_op_crc32c,
	[ZACCEL_OP_CONVERT] = &zaccel_op_convert,
	[ZACCEL_OP_INVERT] = &zaccel_op_invert,
	[ZACCEL_OP_CONVOLVE3X3] = &zaccel_op_convolve3x3,
	[ZACCEL_OP_WAIT] = &zaccel_op_wait,
	[ZACCEL_OP_SIGNAL] = &zaccel_op_signal,
	[ZACCEL_OP_EXEC] = &zaccel_op_exec,
};

const struct zaccel_op *zaccel_op_at(unsigned int i)
{
	return i < ZACCEL_NUM_OPS ? zaccel_ops[i] : NULL;
}

static int operand_check(const struct zaccel_op *op, u32 kind,
			 const struct zaccel_operand *operand, bool dst)
{
	if (kind == ZACCEL_SLOT_EMPTY)
		return 0;
	if (!operand || operand->kind != kind)
		return -EBADSLT;
	if (kind == ZACCEL_SLOT_IMAGE && op->format_ok &&
	    !op->format_ok(operand->image.format, dst))
		return -EOPNOTSUPP;
	return 0;
}

int zaccel_op_check_operands(const struct zaccel_op *op,
			     const struct drm_zaccel_command *cmd,
			     const struct zaccel_operand *dst,
			     const struct zaccel_operand *src)
{
	int ret = operand_check(op, op->dst_kind, dst, true);

	if (!ret)
		ret = operand_check(op, op->src_kind, src, false);
	if (!ret && op->check)
		ret = op->check(cmd->args, dst, src);
	return ret;
}

int zaccel_op_check(const struct drm_zaccel_command *cmd,
		    const struct zaccel_operand *dst,
		    const struct zaccel_operand *src)
{
	const struct zaccel_op *op = zaccel_op_find(cmd->opcode);

	if (!op)
		return -EOPNOTSUPP;
	if (!zaccel_op_fields_valid(op, cmd))
		return -EINVAL;
	return zaccel_op_check_operands(op, cmd, dst, src);
}

/* To touch memory somewhere else: a line of an image, a range. */
#define COST_OF_PLACE	256u

u64 zaccel_op_cost(const struct zaccel_op *op, const __u64 *raw,
		   const struct zaccel_operand *dst,
		   const struct zaccel_operand *src)
{
	u64 units;

	if (!op->run)
		return 0;
	units = op->units(raw, dst, src);
	/* Sizes of buffers and images: no product of these overflows. */
	if (op->dst_kind == ZACCEL_SLOT_IMAGE)
		return units * (COST_OF_PLACE + (u64)dst->image.width * op->cost);
	return COST_OF_PLACE + units * op->cost;
}

u64 zaccel_op_slice(const struct zaccel_op *op,
		    const struct zaccel_operand *dst)
{
	if (op->dst_kind != ZACCEL_SLOT_IMAGE)
		return SLICE_BYTES;

	/*
	 * Even, so that no slice ends between the lines of a chroma sample; and
	 * four lines at least, as ZACCEL_MAX_IMAGE_SIZE is.
	 */
	return (SLICE_PIXELS / dst->image.width) & ~1u;
}

int zaccel_range_check(const struct zaccel_operand *operand, u64 offset,
		       u64 size)
{
	u64 room = operand->range.size;

	/* No sum of the two is formed: it could wrap. */
	return offset > room || size > room - offset ? -ERANGE : 0;
}

u64 zaccel_units_lines(const __u64 *raw,
		       const struct zaccel_operand *dst,
		       const struct zaccel_operand *src)
{
	return dst->image.height;
}

bool zaccel_format_is_packed(const struct zaccel_format *format, bool dst)
{
	unsigned int i;

	for (i = 0; i < format->components; i++)
		if (format->component[i].hsub || format->component[i].vsub)
			return false;
	return format->planes == 1;
}

int zaccel_same_shape_check(const struct zaccel_image *a,
			    const struct zaccel_image *b)
{
	return a->format == b->format && a->width == b->width &&
	       a->height == b->height ? 0 : -EINVAL;
}

void zaccel_padding_set(const struct zaccel_image *image, u32 x, u32 y, u32 n)
{
	const struct zaccel_format *format = image->format;
	u32 step = format->component[0].step;
	u8 *line;
	u32 i;

	if (!format->has_padding)
		return;

	line = image->planes[0].data + (size_t)y * image->planes[0].pitch +
	       (size_t)x * step + format->padding_byte;
	for (i = 0; i < n; i++)
		line[(size_t)i * step] = ZACCEL_PADDING_VALUE;
}
