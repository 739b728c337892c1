// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include "ops_priv.h"

struct kernel {
	s32 coefficients[9];
	s32 offset;		/* bias, and the half that rounds */
	u32 shift;
};

static struct drm_zaccel_convolve3x3
convolve_args(const __u64 *raw)
{
	struct drm_zaccel_convolve3x3 args;

	memcpy(&args, raw, sizeof(args));
	return args;
}

static int convolve_check(const __u64 *raw,
			  const struct zaccel_operand *dst,
			  const struct zaccel_operand *src)
{
	struct drm_zaccel_convolve3x3 args = convolve_args(raw);
	int ret;

	if (args.shift > 15 || args.pad[0] || args.pad[1] || args.pad[2])
		return -EINVAL;

	ret = zaccel_same_shape_check(&dst->image, &src->image);
	if (ret)
		return ret;
	return zaccel_images_overlap(&dst->image, &src->image) ? -EINVAL : 0;
}

/*
 * No sum exceeds 9 * 2^15 * 255 in magnitude, and no offset 2^30 + 2^14: 32
 * bits hold both together.
 */
static void kernel_init(struct kernel *kernel,
			const __u64 *raw)
{
	struct drm_zaccel_convolve3x3 args = convolve_args(raw);
	const s32 one = 1 << args.shift;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(args.coefficients); i++)
		kernel->coefficients[i] = args.coefficients[i];
	kernel->offset = args.bias * one + (one >> 1);
	kernel->shift = args.shift;
}

static inline s32 weigh(const s32 *k, const u8 *line, size_t left, size_t at,
			size_t right)
{
	return k[0] * line[left] + k[1] * line[at] + k[2] * line[right];
}

static inline u8 convolve(const struct kernel *kernel, const u8 *above,
			  const u8 *line, const u8 *below, size_t left,
			  size_t at, size_t right)
{
	const s32 *k = kernel->coefficients;
	s32 sum = kernel->offset;

	sum += weigh(&k[0], above, left, at, right);
	sum += weigh(&k[3], line, left, at, right);
	sum += weigh(&k[6], below, left, at, right);
	return (u8)zaccel_clamp_u8(sum >> kernel->shift);
}

static void convolve_line(const struct kernel *kernel, const u8 *above,
			  const u8 *line, const u8 *below, size_t step,
			  u32 width, u8 *out)
{
	const size_t last = (width - 1) * step;
	size_t at;

	out[0] = convolve(kernel, above, line, below, 0, 0, last ? step : 0);
	for (at = step; at < last; at += step)
		out[at] = convolve(kernel, above, line, below, at - step, at,
				   at + step);
	if (last)
		out[last] = convolve(kernel, above, line, below, last - step,
				     last, last);
}

static void convolve_run(const __u64 *raw,
			 const struct zaccel_operand *dst,
			 const struct zaccel_operand *src,
			 u64 start, u64 end, u64 *result)
{
	const struct zaccel_image *in = &src->image;
	const u32 last = in->height - 1;
	struct kernel kernel;
	unsigned int i;
	u32 y;

	kernel_init(&kernel, raw);
	for (y = (u32)start; y < end; y++) {
		u32 above = y ? y - 1 : 0;
		u32 below = y < last ? y + 1 : last;

		for (i = 0; i < in->format->components; i++) {
			const struct zaccel_component *c;

			c = &in->format->component[i];
			convolve_line(&kernel, zaccel_image_line(in, c, above),
				      zaccel_image_line(in, c, y),
				      zaccel_image_line(in, c, below),
				      c->step, in->width,
				      zaccel_image_line(&dst->image, c, y));
		}
		zaccel_padding_set(&dst->image, 0, y, in->width);
	}
}

const struct zaccel_op zaccel_op_convolve3x3 = {
	.opcode = ZACCEL_OP_CONVOLVE3X3,
	.name = "convolve3x3",
	.dst_kind = ZACCEL_SLOT_IMAGE,
	.src_kind = ZACCEL_SLOT_IMAGE,
	.args_size = sizeof(struct drm_zaccel_convolve3x3),
	.cost = 256,
	.check = convolve_check,
	.units = zaccel_units_lines,
	.run = convolve_run,
	.format_ok = zaccel_format_is_packed,
};
