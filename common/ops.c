// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include "ops_priv.h"

/* Work of one slice: long enough to hide its cost, short enough to cancel. */
#define SLICE_BYTES	(256u << 10)
#define SLICE_PIXELS	(64u << 10)

static const struct zaccel_op *const ops[] = {
	&zaccel_op_nop,
	&zaccel_op_fill,
	&zaccel_op_copy,
	&zaccel_op_crc32c,
	&zaccel_op_convert,
	&zaccel_op_invert,
	&zaccel_op_convolve3x3,
	&zaccel_op_wait,
	&zaccel_op_signal,
	&zaccel_op_exec,
};

/*
 * Searched, not indexed: the opcode comes from an untrusted place, and a
 * mispredicted bounds check must not make a pointer of what lies behind.
 */
const struct zaccel_op *zaccel_op_find(u16 opcode)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (ops[i]->opcode == opcode)
			return ops[i];
	return NULL;
}

const struct zaccel_op *zaccel_op_at(unsigned int i)
{
	return i < ARRAY_SIZE(ops) ? ops[i] : NULL;
}

#define KNOWN_FLAGS	(ZACCEL_CMD_END | ZACCEL_CMD_CONTINUE | \
			 ZACCEL_CMD_TIMESTAMP | ZACCEL_CMD_EXPLICIT_SYNC)

static bool flags_valid(u16 flags)
{
	if (flags & ZACCEL_CMD_EXPLICIT_SYNC && !(flags & ZACCEL_CMD_END))
		return false;
	return !(flags & ~KNOWN_FLAGS);
}

static int fields_check(const struct zaccel_op *op,
			const struct drm_zaccel_command *cmd)
{
	unsigned int i;

	if (!flags_valid(cmd->flags) || cmd->pad)
		return -EINVAL;
	if (op->dst_kind == ZACCEL_SLOT_EMPTY && cmd->dst)
		return -EINVAL;
	if (op->src_kind == ZACCEL_SLOT_EMPTY && cmd->src)
		return -EINVAL;

	for (i = op->args_size / sizeof(cmd->args[0]);
	     i < ARRAY_SIZE(cmd->args); i++)
		if (cmd->args[i])
			return -EINVAL;
	return 0;
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

int zaccel_op_check(const struct drm_zaccel_command *cmd,
		    const struct zaccel_operand *dst,
		    const struct zaccel_operand *src)
{
	const struct zaccel_op *op = zaccel_op_find(cmd->opcode);
	int ret;

	if (!op)
		return -EOPNOTSUPP;

	ret = fields_check(op, cmd);
	if (ret)
		return ret;
	ret = operand_check(op, op->dst_kind, dst, true);
	if (ret)
		return ret;
	ret = operand_check(op, op->src_kind, src, false);
	if (ret)
		return ret;
	return op->check ? op->check(cmd, dst, src) : 0;
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

u64 zaccel_units_lines(const struct drm_zaccel_command *cmd,
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
