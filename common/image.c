// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include <drm/drm_fourcc.h>

#include "image.h"

static const struct zaccel_format formats[] = {
	{
		.fourcc = DRM_FORMAT_XRGB8888,
		.rgb = true,
		.components = 3,
		.planes = 1,
		.padding_byte = 3,
		.has_padding = true,
		.component = {
			{ .plane = 0, .offset = 2, .step = 4 },
			{ .plane = 0, .offset = 1, .step = 4 },
			{ .plane = 0, .offset = 0, .step = 4 },
		},
	}, {
		.fourcc = DRM_FORMAT_R8,
		.components = 1,
		.planes = 1,
		.component = {
			{ .plane = 0, .offset = 0, .step = 1 },
		},
	}, {
		.fourcc = DRM_FORMAT_YUYV,
		.components = 3,
		.planes = 1,
		.component = {
			{ .plane = 0, .offset = 0, .step = 2 },
			{ .plane = 0, .offset = 1, .step = 4, .hsub = 1 },
			{ .plane = 0, .offset = 3, .step = 4, .hsub = 1 },
		},
	}, {
		.fourcc = DRM_FORMAT_NV12,
		.components = 3,
		.planes = 2,
		.component = {
			{ .plane = 0, .offset = 0, .step = 1 },
			{ .plane = 1, .offset = 0, .step = 2,
			  .hsub = 1, .vsub = 1 },
			{ .plane = 1, .offset = 1, .step = 2,
			  .hsub = 1, .vsub = 1 },
		},
	}, {
		.fourcc = DRM_FORMAT_YUV420,
		.components = 3,
		.planes = 3,
		.component = {
			{ .plane = 0, .offset = 0, .step = 1 },
			{ .plane = 1, .offset = 0, .step = 1,
			  .hsub = 1, .vsub = 1 },
			{ .plane = 2, .offset = 0, .step = 1,
			  .hsub = 1, .vsub = 1 },
		},
	},
};

const struct zaccel_format *zaccel_format_find(u32 fourcc)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i].fourcc == fourcc)
			return &formats[i];
	return NULL;
}

const struct zaccel_format *zaccel_format_at(unsigned int i)
{
	return i < ARRAY_SIZE(formats) ? &formats[i] : NULL;
}

int zaccel_image_size_check(const struct zaccel_format *format, u32 width,
			    u32 height)
{
	unsigned int i;

	if (width == 0 || width > ZACCEL_MAX_IMAGE_SIZE)
		return -EINVAL;
	if (height == 0 || height > ZACCEL_MAX_IMAGE_SIZE)
		return -EINVAL;

	for (i = 0; i < format->components; i++) {
		const struct zaccel_component *c = &format->component[i];

		if (width & ((1u << c->hsub) - 1))
			return -EINVAL;
		if (height & ((1u << c->vsub) - 1))
			return -EINVAL;
	}
	return 0;
}

void zaccel_plane_size(const struct zaccel_format *format, unsigned int plane,
		       u32 width, u32 height, u32 *line, u32 *lines)
{
	unsigned int i;

	*line = 0;
	*lines = 0;
	for (i = 0; i < format->components; i++) {
		const struct zaccel_component *c = &format->component[i];

		/* The components of one plane interleave: one gives its size. */
		if (c->plane == plane) {
			*line = (width >> c->hsub) * c->step;
			*lines = height >> c->vsub;
			return;
		}
	}
}

int zaccel_plane_bytes(const struct zaccel_format *format, unsigned int plane,
		       u32 width, u32 height, u32 pitch, u64 *bytes)
{
	u32 line, lines;

	zaccel_plane_size(format, plane, width, height, &line, &lines);
	if (lines == 0 || pitch < line)
		return -EINVAL;

	*bytes = (u64)(lines - 1) * pitch + line;
	return 0;
}

static u64 plane_span(const struct zaccel_image *image, unsigned int plane)
{
	u64 bytes = 0;

	zaccel_plane_bytes(image->format, plane, image->width, image->height,
			   image->planes[plane].pitch, &bytes);
	return bytes;
}

bool zaccel_memory_overlaps(const u8 *a, u64 a_size, const u8 *b, u64 b_size)
{
	uintptr_t ab = (uintptr_t)a - (uintptr_t)b;
	uintptr_t ba = (uintptr_t)b - (uintptr_t)a;

	/* One of the two differences is the distance, the other has wrapped. */
	return a_size != 0 && b_size != 0 && (ab < b_size || ba < a_size);
}

bool zaccel_images_overlap(const struct zaccel_image *a,
			   const struct zaccel_image *b)
{
	unsigned int i, j;

	for (i = 0; i < a->format->planes; i++)
		for (j = 0; j < b->format->planes; j++)
			if (zaccel_memory_overlaps(a->planes[i].data,
						   plane_span(a, i),
						   b->planes[j].data,
						   plane_span(b, j)))
				return true;
	return false;
}
