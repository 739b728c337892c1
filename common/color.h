/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef ZACCEL_COMMON_COLOR_H
#define ZACCEL_COMMON_COLOR_H

#include "image.h"

/*
 * Samples on their way through a conversion are fixed-point numbers with this
 * many fractional bits, so that they are rounded once, when they are stored.
 */
#define ZACCEL_SAMPLE_BITS	6

/* Chroma of no colour. */
#define ZACCEL_SAMPLE_GREY	(128 << ZACCEL_SAMPLE_BITS)

/* Pixels that are done at once; half of it must be even, too. */
#define ZACCEL_CHUNK		64u

/*
 * What turns the colours of one image into those of another: out = m * in +
 * offset, with offset including the half that rounds. YUV to other YUV is one
 * such step too; nothing is clamped in between.
 */
struct zaccel_color {
	s32 m[3][3];
	s32 offset[3];
	bool identity;
};

/* @matrix and @range are of drm_zaccel_convert; not looked at for RGB. */
void zaccel_color_init(struct zaccel_color *color,
		       const struct zaccel_format *dst, u8 dst_matrix,
		       u8 dst_range, const struct zaccel_format *src,
		       u8 src_matrix, u8 src_range);

/*
 * Component @c of @n pixels whose three components are @in, to bytes @step
 * apart.
 */
void zaccel_color_component(const struct zaccel_color *color, unsigned int c,
			    const u16 in[3][ZACCEL_CHUNK], u32 n, u8 *out,
			    u32 step);

/* All of @n pixels, YUV to XRGB8888. */
void zaccel_color_to_xrgb8888(const struct zaccel_color *color,
			      const u16 in[3][ZACCEL_CHUNK], u32 n, u8 *out);

#endif
