// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include "sample.h"

/*
 * A weight down, one across and the sample itself fill 30 bits. With weights of
 * 8 bits a sample could come out wrong by one, and a colour by more.
 */
#define WEIGHT_BITS	11
#define WEIGHT_ONE	2048u
#define BLEND_SHIFT	(2 * WEIGHT_BITS - ZACCEL_SAMPLE_BITS)

/* The half that rounds, less the factor that it is still going to get. */
#define BLEND_HALF	(1u << (BLEND_SHIFT - 1 - WEIGHT_BITS))

/* Two numbers in one: sums and multiples of both, while neither carries. */
#define PAIR(low, high)	((u64)(high) << 32 | (low))

/* The limit on the size of images keeps all products below 2^31. */
static u32 position_nearest(u32 at, u32 dst_size, u32 src_size)
{
	return (2 * at + 1) * src_size / (2 * dst_size);
}

/*
 * (at + 1/2) * src_size / dst_size - 1/2. The far edge is the last pair of
 * samples with all weight on the second, so that there is always a pair; only a
 * size of 1 has none.
 */
static struct zaccel_position position_bilinear(u32 at, u32 dst_size,
						u32 src_size)
{
	const u32 unit = 2 * dst_size;
	struct zaccel_position p = { 0, 0 };
	u32 scaled = (2 * at + 1) * src_size;

	if (scaled <= dst_size || src_size == 1)
		return p;

	scaled -= dst_size;
	p.index = scaled / unit;
	if (p.index < src_size - 1) {
		scaled -= p.index * unit;
		p.weight = (scaled * WEIGHT_ONE + dst_size) / unit;
	} else {
		p.index = src_size - 2;
		p.weight = WEIGHT_ONE;
	}
	return p;
}

/*
 * Neighbours share taps when the image grows. When it shrinks each pixel may
 * need two of its own: then a chunk has half the pixels.
 */
u32 zaccel_chunk_width(u32 dst_width, u32 src_width, u32 left)
{
	u32 width = src_width > dst_width ? ZACCEL_CHUNK / 2 : ZACCEL_CHUNK;

	return left < width ? left : width;
}

void zaccel_grid_init(struct zaccel_grid *grid,
		      const struct zaccel_image *dst,
		      const struct zaccel_image *src,
		      const struct zaccel_component *c, u8 filter)
{
	grid->dst_width = dst->width;
	grid->dst_height = dst->height;
	grid->width = src->width >> c->hsub;
	grid->height = src->height >> c->vsub;
	grid->step = c->step;

	if (grid->width == dst->width && grid->height == dst->height)
		grid->sampling = ZACCEL_SAMPLING_DIRECT;
	else if (filter == ZACCEL_FILTER_NEAREST)
		grid->sampling = ZACCEL_SAMPLING_NEAREST;
	else
		grid->sampling = ZACCEL_SAMPLING_BILINEAR;
}

static void push_tap(struct zaccel_grid *grid, u32 index)
{
	grid->tap[grid->taps++] = (u16)(grid->step * index);
}

static void across_nearest(struct zaccel_grid *grid, u32 x)
{
	u32 i;

	for (i = 0; i < grid->n; i++)
		push_tap(grid, position_nearest(x + i, grid->dst_width,
						grid->width));
}

/* Taps come in ascending order, and each but once. */
static void across_bilinear(struct zaccel_grid *grid, u32 x)
{
	u32 end = 0;		/* behind the last tap */
	u32 i;

	for (i = 0; i < grid->n; i++) {
		struct zaccel_position p;

		p = position_bilinear(x + i, grid->dst_width, grid->width);
		if (p.index >= end)
			push_tap(grid, p.index);
		if (p.index + 2 > end)
			push_tap(grid, grid->width == 1 ? 0 : p.index + 1);
		end = p.index + 2;

		grid->index[i] = (u8)(grid->taps - 2);
		grid->weight[i] = (u16)p.weight;
	}
}

void zaccel_grid_move_across(struct zaccel_grid *grid, u32 x, u32 n)
{
	grid->n = n;
	grid->taps = 0;
	if (grid->sampling == ZACCEL_SAMPLING_DIRECT)
		push_tap(grid, x);
	else if (grid->sampling == ZACCEL_SAMPLING_NEAREST)
		across_nearest(grid, x);
	else
		across_bilinear(grid, x);
}

static struct zaccel_position line_position(const struct zaccel_grid *grid,
					    u32 y)
{
	struct zaccel_position p = { y, 0 };

	if (grid->sampling == ZACCEL_SAMPLING_NEAREST)
		p.index = position_nearest(y, grid->dst_height, grid->height);
	else if (grid->sampling == ZACCEL_SAMPLING_BILINEAR)
		p = position_bilinear(y, grid->dst_height, grid->height);
	return p;
}

void zaccel_grid_move_down(struct zaccel_grid *grid, u32 y0, u32 y1)
{
	grid->line[0] = line_position(grid, y0);
	grid->line[1] = line_position(grid, y1);
}

static void sample_direct(const struct zaccel_grid *grid, const u8 *in,
			  u16 *out)
{
	const u32 step = grid->step;
	u32 i;

	in += grid->tap[0];
	for (i = 0; i < grid->n; i++, in += step)
		out[i] = (u16)(*in << ZACCEL_SAMPLE_BITS);
}

static void sample_nearest(const struct zaccel_grid *grid, const u8 *in,
			   u16 *out)
{
	const u16 *tap = grid->tap;
	u32 i;

	for (i = 0; i < grid->n; i++)
		out[i] = (u16)(in[tap[i]] << ZACCEL_SAMPLE_BITS);
}

/* Blend the source's lines around both lines of the block, at each tap. */
static void blend_down(const struct zaccel_grid *grid,
		       const struct zaccel_image *src,
		       const struct zaccel_component *c, u64 *blend)
{
	const struct zaccel_position *p = grid->line;
	const u32 next = grid->height > 1;
	const u8 *above0 = zaccel_image_line(src, c, p[0].index);
	const u8 *below0 = zaccel_image_line(src, c, p[0].index + next);
	const u8 *above1 = zaccel_image_line(src, c, p[1].index);
	const u8 *below1 = zaccel_image_line(src, c, p[1].index + next);
	const u32 weight0 = p[0].weight;
	const u32 weight1 = p[1].weight;
	const u16 *tap = grid->tap;
	u32 i;

	for (i = 0; i < grid->taps; i++) {
		u32 at = tap[i];
		u32 sum0 = above0[at] * (WEIGHT_ONE - weight0) +
			   below0[at] * weight0 + BLEND_HALF;
		u32 sum1 = above1[at] * (WEIGHT_ONE - weight1) +
			   below1[at] * weight1 + BLEND_HALF;

		blend[i] = PAIR(sum0, sum1);
	}
}

/*
 * Down first, because there are fewer taps than pixels when the image grows.
 * Then across, both lines in one go: columns and weights are the same for both.
 * A difference may borrow from the upper half, but in the sum with what it was
 * taken from both halves are whole again, arithmetic being modulo 2^64.
 */
static void sample_bilinear(const struct zaccel_grid *grid,
			    const struct zaccel_image *src,
			    const struct zaccel_component *c,
			    u16 *out0, u16 *out1)
{
	u64 blends[ZACCEL_CHUNK_TAPS];
	const u64 *blend = blends;
	const u8 *index = grid->index;
	const u16 *weight = grid->weight;
	u32 i;

	blend_down(grid, src, c, blends);
	for (i = 0; i < grid->n; i++) {
		const u64 *b = blend + index[i];
		u64 sum = b[0] * WEIGHT_ONE + (b[1] - b[0]) * weight[i];

		out0[i] = (u16)((u32)sum >> BLEND_SHIFT);
		out1[i] = (u16)(sum >> (32 + BLEND_SHIFT));
	}
}

void zaccel_grid_sample(const struct zaccel_grid *grid,
			const struct zaccel_image *src,
			const struct zaccel_component *c, u16 *out0, u16 *out1)
{
	const u8 *in0 = zaccel_image_line(src, c, grid->line[0].index);
	const u8 *in1 = zaccel_image_line(src, c, grid->line[1].index);

	switch (grid->sampling) {
	case ZACCEL_SAMPLING_DIRECT:
		sample_direct(grid, in0, out0);
		sample_direct(grid, in1, out1);
		break;
	case ZACCEL_SAMPLING_NEAREST:
		sample_nearest(grid, in0, out0);
		sample_nearest(grid, in1, out1);
		break;
	case ZACCEL_SAMPLING_BILINEAR:
		sample_bilinear(grid, src, c, out0, out1);
		break;
	}
}
