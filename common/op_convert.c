// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include <drm/drm_fourcc.h>

#include "color.h"
#include "ops_priv.h"
#include "sample.h"

/*
 * Every pair of formats goes the same way, in blocks two lines high and a chunk
 * wide: the components of each pixel are sampled, each from its own grid;
 * colours are converted; what the destination has for every pixel is stored,
 * and what it has not is first averaged over the pixels that share a sample.
 *
 * Components that keep both their grid and their colour are copied instead.
 */

/* Luma, or red; and the two others, which share a grid. */
enum { FIRST, OTHERS, GROUPS };

/* One line of a block, component by component. */
struct pixels {
	u16 c[3][ZACCEL_CHUNK];
};

struct convert {
	const struct zaccel_image *dst;
	const struct zaccel_image *src;
	struct zaccel_color color;
	bool yuv_to_xrgb8888;
	bool copied[GROUPS];
	bool sampled[GROUPS];
	struct zaccel_grid grid[GROUPS];

	/* The chunk. */
	u32 x;
	u32 n;
};

static struct drm_zaccel_convert
convert_args(const __u64 *raw)
{
	struct drm_zaccel_convert args;

	memcpy(&args, raw, sizeof(args));
	return args;
}

static int convert_check(const __u64 *raw,
			 const struct zaccel_operand *dst,
			 const struct zaccel_operand *src)
{
	struct drm_zaccel_convert args = convert_args(raw);

	if (args.src_matrix > ZACCEL_MATRIX_BT709 ||
	    args.dst_matrix > ZACCEL_MATRIX_BT709)
		return -EINVAL;
	if (args.src_range > ZACCEL_RANGE_FULL ||
	    args.dst_range > ZACCEL_RANGE_FULL)
		return -EINVAL;
	if (args.filter > ZACCEL_FILTER_BILINEAR)
		return -EINVAL;
	if (args.pad[0] || args.pad[1] || args.pad[2])
		return -EINVAL;
	return zaccel_images_overlap(&dst->image, &src->image) ? -EINVAL : 0;
}

/* Does component @c have as many samples on both sides? */
static bool same_grid(const struct zaccel_image *a,
		      const struct zaccel_image *b, unsigned int c)
{
	const struct zaccel_component *ac = &a->format->component[c];
	const struct zaccel_component *bc = &b->format->component[c];

	return c < a->format->components && c < b->format->components &&
	       a->width >> ac->hsub == b->width >> bc->hsub &&
	       a->height >> ac->vsub == b->height >> bc->vsub;
}

static bool is_subsampled(const struct zaccel_component *c)
{
	return c->hsub != 0;
}

static void convert_init(struct convert *cv,
			 const __u64 *raw,
			 const struct zaccel_image *dst,
			 const struct zaccel_image *src)
{
	struct drm_zaccel_convert args = convert_args(raw);
	const struct zaccel_component *c = src->format->component;

	cv->dst = dst;
	cv->src = src;
	zaccel_color_init(&cv->color,
			  dst->format, args.dst_matrix, args.dst_range,
			  src->format, args.src_matrix, args.src_range);
	cv->yuv_to_xrgb8888 = !src->format->rgb &&
			      dst->format->fourcc == DRM_FORMAT_XRGB8888;

	cv->copied[FIRST] = cv->color.identity && same_grid(dst, src, 0);
	cv->copied[OTHERS] = cv->color.identity && same_grid(dst, src, 1);
	cv->sampled[FIRST] = !cv->copied[FIRST];
	cv->sampled[OTHERS] = !cv->copied[OTHERS] &&
			      src->format->components > 1;
	zaccel_grid_init(&cv->grid[FIRST], dst, src, &c[0], args.filter);
	zaccel_grid_init(&cv->grid[OTHERS], dst, src, &c[1], args.filter);
}

static void chunk_move(struct convert *cv, u32 x)
{
	unsigned int i;

	cv->x = x;
	cv->n = zaccel_chunk_width(cv->dst->width, cv->src->width,
				   cv->dst->width - x);
	for (i = 0; i < GROUPS; i++)
		if (cv->sampled[i])
			zaccel_grid_move_across(&cv->grid[i], x, cv->n);
}

/* What has no chroma is grey. */
static void grey_fill(struct pixels *line, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		line->c[1][i] = ZACCEL_SAMPLE_GREY;
		line->c[2][i] = ZACCEL_SAMPLE_GREY;
	}
}

static void sample_block(struct convert *cv, u32 y0, u32 y1,
			 struct pixels lines[2])
{
	const struct zaccel_format *format = cv->src->format;
	unsigned int i, c;

	for (i = 0; i < GROUPS; i++)
		if (cv->sampled[i])
			zaccel_grid_move_down(&cv->grid[i], y0, y1);

	for (c = 0; c < format->components; c++) {
		unsigned int group = c ? OTHERS : FIRST;

		if (cv->sampled[group])
			zaccel_grid_sample(&cv->grid[group], cv->src,
					   &format->component[c],
					   lines[0].c[c], lines[1].c[c]);
	}
	if (format->components == 1) {
		grey_fill(&lines[0], cv->n);
		grey_fill(&lines[1], cv->n);
	}
}

/* The chunk's first sample of component @c in line @y, both of the image. */
static u8 *chunk_at(const struct convert *cv, const struct zaccel_image *image,
		    unsigned int c, u32 y)
{
	const struct zaccel_component *at = &image->format->component[c];

	return zaccel_image_line(image, at, y >> at->vsub) +
	       (size_t)(cv->x >> at->hsub) * at->step;
}

static void copy_component(const struct convert *cv, unsigned int c, u32 y)
{
	const struct zaccel_component *to = &cv->dst->format->component[c];
	const struct zaccel_component *from = &cv->src->format->component[c];
	const u32 x = cv->x >> to->hsub;
	const u32 n = cv->n >> to->hsub;
	u8 *out = zaccel_image_line(cv->dst, to, y >> to->vsub);
	const u8 *in = zaccel_image_line(cv->src, from, y >> to->vsub);
	u32 i;

	out += (size_t)x * to->step;
	in += (size_t)x * from->step;
	for (i = 0; i < n; i++, out += to->step, in += from->step)
		*out = *in;
}

static void store_samples(const u16 *in, u32 n, u8 *out, u32 step)
{
	const u32 half = 1u << (ZACCEL_SAMPLE_BITS - 1);
	u32 i;

	for (i = 0; i < n; i++, out += step)
		*out = (u8)((in[i] + half) >> ZACCEL_SAMPLE_BITS);
}

/* Component @c of line @y from what stands in @in, one way or another. */
static void store_component(const struct convert *cv, unsigned int c, u32 y,
			    const struct pixels *in)
{
	const struct zaccel_component *to = &cv->dst->format->component[c];
	const u32 n = cv->n >> to->hsub;
	u8 *out = chunk_at(cv, cv->dst, c, y);

	if (cv->copied[c ? OTHERS : FIRST])
		copy_component(cv, c, y);
	else if (cv->color.identity)
		store_samples(in->c[c], n, out, to->step);
	else
		zaccel_color_component(&cv->color, c, in->c, n, out, to->step);
}

static void store_line(const struct convert *cv, u32 y,
		       const struct pixels *in)
{
	const struct zaccel_format *format = cv->dst->format;
	unsigned int c;

	if (cv->yuv_to_xrgb8888) {
		/* Blue is the first byte of a pixel. */
		zaccel_color_to_xrgb8888(&cv->color, in->c, cv->n,
					 chunk_at(cv, cv->dst, 2, y));
		return;
	}
	for (c = 0; c < format->components; c++)
		if (!is_subsampled(&format->component[c]))
			store_component(cv, c, y, in);
	zaccel_padding_set(cv->dst, cv->x, y, cv->n);
}

/*
 * Two pixels of each line become one of the first, in components from @c; the
 * lines may be one.
 */
static void average(struct pixels *line, const struct pixels *other,
		    unsigned int c, u32 n)
{
	u32 i;

	for (; c < 3; c++) {
		const u16 *in = other->c[c];
		u16 *out = line->c[c];

		for (i = 0; i < n; i++)
			out[i] = (u16)((out[2 * i] + out[2 * i + 1] +
					in[2 * i] + in[2 * i + 1] + 2) >> 2);
	}
}

/*
 * The mean of the colours that a chroma sample covers is the colour of their
 * mean, so that only one in two or four has to be converted. All lines must
 * have been stored by now: their pixels are replaced.
 */
static void store_chroma(const struct convert *cv, u32 y, u32 count,
			 struct pixels lines[2])
{
	const u32 vsub = cv->dst->format->component[1].vsub;
	/* Without a change of colour no luma comes into it. */
	const unsigned int first = cv->color.identity ? 1 : 0;
	u32 i;

	for (i = 0; i < count; i += 1u << vsub) {
		if (!cv->copied[OTHERS])
			average(&lines[i], &lines[i + vsub], first, cv->n / 2);
		store_component(cv, 1, y + i, &lines[i]);
		store_component(cv, 2, y + i, &lines[i]);
	}
}

/* Not inlined, so that its pixels and the caller's grids are in two frames. */
static zaccel_noinline void convert_block(struct convert *cv, u32 y, u32 count)
{
	struct pixels lines[2];
	u32 i;

	sample_block(cv, y, y + count - 1, lines);
	for (i = 0; i < count; i++)
		store_line(cv, y + i, &lines[i]);
	if (is_subsampled(&cv->dst->format->component[1]))
		store_chroma(cv, y, count, lines);
}

static void convert_run(const __u64 *raw,
			const struct zaccel_operand *dst,
			const struct zaccel_operand *src,
			u64 start, u64 end, u64 *result)
{
	struct convert cv;
	u32 x, y;

	convert_init(&cv, raw, &dst->image, &src->image);
	for (x = 0; x < dst->image.width; x += cv.n) {
		chunk_move(&cv, x);
		for (y = (u32)start; y < end; y += 2)
			convert_block(&cv, y, end - y > 1 ? 2 : 1);
	}
}

const struct zaccel_op zaccel_op_convert = {
	.opcode = ZACCEL_OP_CONVERT,
	.name = "convert",
	.dst_kind = ZACCEL_SLOT_IMAGE,
	.src_kind = ZACCEL_SLOT_IMAGE,
	.args_size = sizeof(struct drm_zaccel_convert),
	.cost = 128,
	.check = convert_check,
	.units = zaccel_units_lines,
	.run = convert_run,
};
