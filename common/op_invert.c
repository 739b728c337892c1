// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include "ops_priv.h"

static bool in_place(const struct zaccel_image *dst,
		     const struct zaccel_image *src)
{
	return dst->planes[0].data == src->planes[0].data &&
	       dst->planes[0].pitch == src->planes[0].pitch;
}

static int invert_check(const __u64 *raw,
			const struct zaccel_operand *dst,
			const struct zaccel_operand *src)
{
	int ret = zaccel_same_shape_check(&dst->image, &src->image);

	if (ret)
		return ret;
	if (!in_place(&dst->image, &src->image) &&
	    zaccel_images_overlap(&dst->image, &src->image))
		return -EINVAL;
	return 0;
}

/* Bytes of 255 where the unused ones of whole pixels are, in memory order. */
static u64 padding_mask(const struct zaccel_format *format)
{
	u8 bytes[sizeof(u64)] = { 0 };
	u64 mask;
	u32 i;

	if (format->has_padding)
		for (i = format->padding_byte; i < sizeof(bytes);
		     i += format->component[0].step)
			bytes[i] = ZACCEL_PADDING_VALUE;

	memcpy(&mask, bytes, sizeof(mask));
	return mask;
}

static void invert_line(u8 *out, const u8 *in, u32 bytes, u64 mask)
{
	u64 word = 0;
	u32 i;

	for (i = 0; i + sizeof(word) <= bytes; i += sizeof(word)) {
		memcpy(&word, in + i, sizeof(word));
		word = ~word | mask;
		memcpy(out + i, &word, sizeof(word));
	}
	memcpy(&word, in + i, bytes - i);
	word = ~word | mask;
	memcpy(out + i, &word, bytes - i);
}

static void invert_run(const __u64 *raw,
		       const struct zaccel_operand *dst,
		       const struct zaccel_operand *src,
		       u64 start, u64 end, u64 *result)
{
	const struct zaccel_format *format = dst->image.format;
	const u32 bytes = dst->image.width * format->component[0].step;
	const u64 mask = padding_mask(format);
	u32 y;

	for (y = (u32)start; y < end; y++) {
		size_t out = (size_t)y * dst->image.planes[0].pitch;
		size_t in = (size_t)y * src->image.planes[0].pitch;

		invert_line(dst->image.planes[0].data + out,
			    src->image.planes[0].data + in, bytes, mask);
	}
}

const struct zaccel_op zaccel_op_invert = {
	.opcode = ZACCEL_OP_INVERT,
	.name = "invert",
	.dst_kind = ZACCEL_SLOT_IMAGE,
	.src_kind = ZACCEL_SLOT_IMAGE,
	.cost = 8,
	.check = invert_check,
	.units = zaccel_units_lines,
	.run = invert_run,
	.format_ok = zaccel_format_is_packed,
};
