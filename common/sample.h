/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef ZACCEL_COMMON_SAMPLE_H
#define ZACCEL_COMMON_SAMPLE_H

#include "color.h"

/*
 * Reading an image at another size. A conversion goes through its destination
 * in blocks of two lines of a chunk's width, down before across, so that where
 * the columns of a chunk lie in the source is worked out once for all its
 * lines.
 */

/* The samples that a chunk needs side by side; see zaccel_chunk_width(). */
#define ZACCEL_CHUNK_TAPS	(ZACCEL_CHUNK + 2)

/* Between sample @index and the one behind it; @weight is the latter's. */
struct zaccel_position {
	u32 index;
	u32 weight;
};

enum zaccel_sampling {
	ZACCEL_SAMPLING_DIRECT,		/* one to one */
	ZACCEL_SAMPLING_NEAREST,
	ZACCEL_SAMPLING_BILINEAR,
};

/*
 * The samples of one or more components that lie on one grid of @width x
 * @height, as a destination of @dst_width x @dst_height pixels sees them.
 */
struct zaccel_grid {
	enum zaccel_sampling sampling;
	u32 dst_width;
	u32 dst_height;
	u32 width;
	u32 height;
	u32 step;

	/* The lines of the block. */
	struct zaccel_position line[2];

	/* The chunk: its pixels, and the bytes of a line that they need. */
	u32 n;
	u32 taps;
	u16 tap[ZACCEL_CHUNK_TAPS];
	/* Bilinear: pixel i lies between taps index[i] and index[i] + 1. */
	u8 index[ZACCEL_CHUNK];
	u16 weight[ZACCEL_CHUNK];
};

/* How many pixels can be done at once, when that many are left. */
u32 zaccel_chunk_width(u32 dst_width, u32 src_width, u32 left);

/* @c is one of the source's components. */
void zaccel_grid_init(struct zaccel_grid *grid,
		      const struct zaccel_image *dst,
		      const struct zaccel_image *src,
		      const struct zaccel_component *c, u8 filter);

/* Move to the chunk of @n pixels from @x. */
void zaccel_grid_move_across(struct zaccel_grid *grid, u32 x, u32 n);

/* Move to lines @y0 and @y1, which may be the same. */
void zaccel_grid_move_down(struct zaccel_grid *grid, u32 y0, u32 y1);

/* Component @c of the block's pixels, line by line. */
void zaccel_grid_sample(const struct zaccel_grid *grid,
			const struct zaccel_image *src,
			const struct zaccel_component *c, u16 *out0, u16 *out1);

#endif
