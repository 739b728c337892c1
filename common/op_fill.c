// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include "ops_priv.h"

static inline struct drm_zaccel_fill fill_args(const __u64 *raw)
{
	struct drm_zaccel_fill args;

	memcpy(&args, raw, sizeof(args));
	return args;
}

static int fill_check(const __u64 *raw,
		      const struct zaccel_operand *dst,
		      const struct zaccel_operand *src)
{
	struct drm_zaccel_fill args = fill_args(raw);

	return zaccel_range_check(dst, args.offset, args.size);
}

static u64 fill_units(const __u64 *raw,
		      const struct zaccel_operand *dst,
		      const struct zaccel_operand *src)
{
	return fill_args(raw).size;
}

static void fill_run(const __u64 *raw,
		     const struct zaccel_operand *dst,
		     const struct zaccel_operand *src,
		     u64 start, u64 end, u64 *result)
{
	struct drm_zaccel_fill args = fill_args(raw);
	u8 *out = dst->range.data + args.offset + start;
	size_t size = (size_t)(end - start);
	u8 bytes[8];
	size_t i;

	/* The slice may start in the middle of a pattern. */
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (u8)(args.pattern >> (8 * ((start + i) & 7)));

	for (i = 0; i + sizeof(bytes) <= size; i += sizeof(bytes))
		memcpy(out + i, bytes, sizeof(bytes));
	memcpy(out + i, bytes, size - i);

	*result += end - start;
}

const struct zaccel_op zaccel_op_fill = {
	.opcode = ZACCEL_OP_FILL,
	.name = "fill",
	.dst_kind = ZACCEL_SLOT_RANGE,
	.src_kind = ZACCEL_SLOT_EMPTY,
	.args_size = sizeof(struct drm_zaccel_fill),
	.cost = 1,
	.check = fill_check,
	.units = fill_units,
	.run = fill_run,
};
