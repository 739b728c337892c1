// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include "ops_priv.h"

static struct drm_zaccel_copy copy_args(const __u64 *raw)
{
	struct drm_zaccel_copy args;

	memcpy(&args, raw, sizeof(args));
	return args;
}

static int copy_check(const __u64 *raw,
		      const struct zaccel_operand *dst,
		      const struct zaccel_operand *src)
{
	struct drm_zaccel_copy args = copy_args(raw);
	int ret;

	ret = zaccel_range_check(dst, args.dst_offset, args.size);
	if (ret)
		return ret;
	ret = zaccel_range_check(src, args.src_offset, args.size);
	if (ret)
		return ret;

	if (zaccel_memory_overlaps(dst->range.data + args.dst_offset, args.size,
				   src->range.data + args.src_offset,
				   args.size))
		return -EINVAL;
	return 0;
}

static u64 copy_units(const __u64 *raw,
		      const struct zaccel_operand *dst,
		      const struct zaccel_operand *src)
{
	return copy_args(raw).size;
}

static void copy_run(const __u64 *raw,
		     const struct zaccel_operand *dst,
		     const struct zaccel_operand *src,
		     u64 start, u64 end, u64 *result)
{
	struct drm_zaccel_copy args = copy_args(raw);

	memcpy(dst->range.data + args.dst_offset + start,
	       src->range.data + args.src_offset + start,
	       (size_t)(end - start));
	*result += end - start;
}

const struct zaccel_op zaccel_op_copy = {
	.opcode = ZACCEL_OP_COPY,
	.name = "copy",
	.dst_kind = ZACCEL_SLOT_RANGE,
	.src_kind = ZACCEL_SLOT_RANGE,
	.args_size = sizeof(struct drm_zaccel_copy),
	.cost = 1,
	.check = copy_check,
	.units = copy_units,
	.run = copy_run,
};
