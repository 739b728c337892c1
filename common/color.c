// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include "color.h"
#include "ops_priv.h"

/* Of the entries of the tables, and of their products. */
#define TABLE_BITS		20
#define COEFFICIENT_BITS	14
#define TOTAL_BITS		(COEFFICIENT_BITS + ZACCEL_SAMPLE_BITS)

/* How R, G, B or Y, U, V are made of R, G, B of 0..255, and back. */
struct encoding {
	s32 to_rgb[3][3];
	s32 from_rgb[3][3];
	s32 zero[3];		/* the values that stand for none */
};

/*
 * All follows from Kr, Kb, and Kg = 1 - Kr - Kb, with l = 255/219 and c =
 * 255/224 for the limited range, both 1 for the full one:
 *
 *	R = l Y + 2 (1 - Kr) c V
 *	G = l Y - 2 (1 - Kb) Kb / Kg c U - 2 (1 - Kr) Kr / Kg c V
 *	B = l Y + 2 (1 - Kb) c U
 *
 *	Y = (Kr R + Kg G + Kb B) / l
 *	U = (B - l Y) / (2 (1 - Kb) c)
 *	V = (R - l Y) / (2 (1 - Kr) c)
 */
static const struct encoding yuv[2][2] = {
	[ZACCEL_MATRIX_BT601] = {
		[ZACCEL_RANGE_LIMITED] = {
			.to_rgb = {
				{ 1220945, 0, 1673555 },
				{ 1220945, -410793, -852458 },
				{ 1220945, 2115221, 0 },
			},
			.from_rgb = {
				{ 269262, 528618, 102662 },
				{ -155423, -305128, 460551 },
				{ 460551, -385654, -74897 },
			},
			.zero = { 16, 128, 128 },
		},
		[ZACCEL_RANGE_FULL] = {
			.to_rgb = {
				{ 1048576, 0, 1470104 },
				{ 1048576, -360853, -748826 },
				{ 1048576, 1858077, 0 },
			},
			.from_rgb = {
				{ 313524, 615514, 119538 },
				{ -176932, -347356, 524288 },
				{ 524288, -439026, -85262 },
			},
			.zero = { 0, 128, 128 },
		},
	},
	[ZACCEL_MATRIX_BT709] = {
		[ZACCEL_RANGE_LIMITED] = {
			.to_rgb = {
				{ 1220945, 0, 1879825 },
				{ 1220945, -223607, -558796 },
				{ 1220945, 2215014, 0 },
			},
			.from_rgb = {
				{ 191455, 644067, 65019 },
				{ -105533, -355018, 460551 },
				{ 460551, -418321, -42230 },
			},
			.zero = { 16, 128, 128 },
		},
		[ZACCEL_RANGE_FULL] = {
			.to_rgb = {
				{ 1048576, 0, 1651297 },
				{ 1048576, -196424, -490864 },
				{ 1048576, 1945738, 0 },
			},
			.from_rgb = {
				{ 222927, 749942, 75707 },
				{ -120138, -404150, 524288 },
				{ 524288, -476214, -48074 },
			},
			.zero = { 0, 128, 128 },
		},
	},
};

#define ONE			1048576

static const struct encoding rgb = {
	.to_rgb = { { ONE, 0, 0 }, { 0, ONE, 0 }, { 0, 0, ONE } },
	.from_rgb = { { ONE, 0, 0 }, { 0, ONE, 0 }, { 0, 0, ONE } },
};

static const struct encoding *encoding_of(const struct zaccel_format *format,
					  u8 matrix, u8 range)
{
	return format->rgb ? &rgb : &yuv[matrix][range];
}

/* Row @from of one matrix times column @c of another, rounded. */
static s32 product(const s32 *from, const s32 to[3][3], unsigned int c)
{
	const unsigned int shift = 2 * TABLE_BITS - COEFFICIENT_BITS;
	s64 sum = 1LL << (shift - 1);
	unsigned int i;

	for (i = 0; i < 3; i++)
		sum += (s64)from[i] * to[i][c];
	return (s32)(sum >> shift);
}

void zaccel_color_init(struct zaccel_color *color,
		       const struct zaccel_format *dst, u8 dst_matrix,
		       u8 dst_range, const struct zaccel_format *src,
		       u8 src_matrix, u8 src_range)
{
	const struct encoding *to = encoding_of(dst, dst_matrix, dst_range);
	const struct encoding *from = encoding_of(src, src_matrix, src_range);
	unsigned int r, c;

	color->identity = from == to;

	for (r = 0; r < 3; r++) {
		s32 offset = to->zero[r] * (1 << TOTAL_BITS) +
			     (1 << (TOTAL_BITS - 1));

		for (c = 0; c < 3; c++) {
			s32 m = product(to->from_rgb[r], from->to_rgb, c);

			color->m[r][c] = m;
			offset -= m * from->zero[c] * (1 << ZACCEL_SAMPLE_BITS);
		}
		color->offset[r] = offset;
	}
}

void zaccel_color_component(const struct zaccel_color *color, unsigned int c,
			    const u16 in[3][ZACCEL_CHUNK], u32 n, u8 *out,
			    u32 step)
{
	const s32 m0 = color->m[c][0];
	const s32 m1 = color->m[c][1];
	const s32 m2 = color->m[c][2];
	const s32 offset = color->offset[c];
	const u16 *in0 = in[0];
	const u16 *in1 = in[1];
	const u16 *in2 = in[2];
	u32 i;

	for (i = 0; i < n; i++, out += step) {
		s32 v = offset + m0 * in0[i] + m1 * in1[i] + m2 * in2[i];

		*out = (u8)zaccel_clamp_u8(v >> TOTAL_BITS);
	}
}

/*
 * The most frequent conversion at a third of the cost: luma counts the same for
 * each component, two coefficients are zero, the places of the bytes are known,
 * and one test tells whether any has to be clamped.
 */
void zaccel_color_to_xrgb8888(const struct zaccel_color *color,
			      const u16 in[3][ZACCEL_CHUNK], u32 n, u8 *out)
{
	const s32 luma = color->m[0][0];
	const s32 v_red = color->m[0][2];
	const s32 u_green = color->m[1][1];
	const s32 v_green = color->m[1][2];
	const s32 u_blue = color->m[2][1];
	/* With chroma counted from grey it is the same for all three. */
	const s32 offset = color->offset[0] + v_red * ZACCEL_SAMPLE_GREY;
	const u16 *in0 = in[0];
	const u16 *in1 = in[1];
	const u16 *in2 = in[2];
	u32 i;

	for (i = 0; i < n; i++, out += 4) {
		s32 y = luma * in0[i] + offset;
		s32 u = in1[i] - ZACCEL_SAMPLE_GREY;
		s32 v = in2[i] - ZACCEL_SAMPLE_GREY;
		s32 red = (y + v_red * v) >> TOTAL_BITS;
		s32 green = (y + u_green * u + v_green * v) >> TOTAL_BITS;
		s32 blue = (y + u_blue * u) >> TOTAL_BITS;

		if ((red | green | blue) & ~255) {
			red = zaccel_clamp_u8(red);
			green = zaccel_clamp_u8(green);
			blue = zaccel_clamp_u8(blue);
		}
		out[0] = (u8)blue;
		out[1] = (u8)green;
		out[2] = (u8)red;
		out[3] = ZACCEL_PADDING_VALUE;
	}
}
