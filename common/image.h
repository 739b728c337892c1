/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef ZACCEL_COMMON_IMAGE_H
#define ZACCEL_COMMON_IMAGE_H

#include "deps.h"

#define ZACCEL_MAX_IMAGE_SIZE		16384u

/* Where the samples of one component lie. */
struct zaccel_component {
	u8 plane;
	u8 offset;	/* bytes from the start of the line to the first */
	u8 step;	/* bytes from one sample to the next */
	u8 hsub;	/* log2 of pixels per sample, across: 0 or 1 */
	u8 vsub;	/* log2 of pixels per sample, down: 0 or 1 */
};

/*
 * A pixel format with 8-bit components: R, G, B where @rgb is set, else Y, U,
 * V (only Y where @components is 1). Component 0 has a sample for each pixel;
 * components 1 and 2 have the same step and the same subsampling, and where
 * that is not none it is 2 across.
 */
struct zaccel_format {
	u32 fourcc;
	bool rgb;
	u8 components;
	u8 planes;
	u8 padding_byte;	/* offset of the unused byte of a pixel */
	bool has_padding;
	struct zaccel_component component[3];
};

struct zaccel_image {
	const struct zaccel_format *format;
	u32 width;
	u32 height;
	struct {
		u8 *data;
		u32 pitch;
	} planes[ZACCEL_MAX_PLANES];
};

/* NULL for a format that is not known. */
const struct zaccel_format *zaccel_format_find(u32 fourcc);

/* The table by position, for queries; NULL behind its end. */
const struct zaccel_format *zaccel_format_at(unsigned int i);

/*
 * Is an image of this format and size possible at all? 0, or -EINVAL when a
 * side is 0, over ZACCEL_MAX_IMAGE_SIZE, or odd where the chroma is subsampled.
 */
int zaccel_image_size_check(const struct zaccel_format *format, u32 width,
			    u32 height);

/* Bytes of a line, and lines, of plane @plane; 0 of both when there is none. */
void zaccel_plane_size(const struct zaccel_format *format, unsigned int plane,
		       u32 width, u32 height, u32 *line, u32 *lines);

/*
 * Bytes that plane @plane takes from its first to its last sample, into *bytes.
 * -EINVAL when @pitch is shorter than a line.
 */
int zaccel_plane_bytes(const struct zaccel_format *format, unsigned int plane,
		       u32 width, u32 height, u32 pitch, u64 *bytes);

/* Do two stretches of memory have a byte in common? */
bool zaccel_memory_overlaps(const u8 *a, u64 a_size, const u8 *b, u64 b_size);

/*
 * Do two images, each plane taken from its first to its last sample, have a
 * byte in common?
 */
bool zaccel_images_overlap(const struct zaccel_image *a,
			   const struct zaccel_image *b);

/* The first sample of component @c in line @y of the component's own grid. */
static inline u8 *zaccel_image_line(const struct zaccel_image *image,
				    const struct zaccel_component *c, u32 y)
{
	return image->planes[c->plane].data +
	       (size_t)y * image->planes[c->plane].pitch + c->offset;
}

#endif
