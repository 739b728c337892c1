/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef ZACCEL_COMMON_OPS_PRIV_H
#define ZACCEL_COMMON_OPS_PRIV_H

/* What several operations share; not for those who only run them. */

#include "ops.h"

/* The unused byte of a pixel reads as opaque to those who take it for alpha. */
#define ZACCEL_PADDING_VALUE	255

/* zaccel_op.units of an operation that is done in lines of its destination. */
u64 zaccel_units_lines(const __u64 *raw,
		       const struct zaccel_operand *dst,
		       const struct zaccel_operand *src);

/* zaccel_op.format_ok of an operation that takes whole pixels in one plane. */
bool zaccel_format_is_packed(const struct zaccel_format *format, bool dst);

/* -EINVAL unless the images have one format and one size. */
int zaccel_same_shape_check(const struct zaccel_image *a,
			    const struct zaccel_image *b);

/* Set the unused byte of @n pixels from @x in line @y, if there is one. */
void zaccel_padding_set(const struct zaccel_image *image, u32 x, u32 y, u32 n);

/* To 0..255. */
static inline s32 zaccel_clamp_u8(s32 v)
{
	/* One test tells the usual case. */
	if (v & ~255)
		return v < 0 ? 0 : 255;
	return v;
}

#endif
