// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include "crc32c_table.h"
#include "ops_priv.h"

static u32 lookup(unsigned int k, u32 v)
{
	return crc32c_table[k][v & 0xff];
}

static u32 load_le32(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

/* Eight bytes in one step; what the first adds has seven more behind it. */
static u32 crc32c_block(u32 crc, const u8 *p)
{
	u32 lo = load_le32(p) ^ crc;
	u32 hi = load_le32(p + 4);

	return lookup(7, lo) ^ lookup(6, lo >> 8) ^
	       lookup(5, lo >> 16) ^ lookup(4, lo >> 24) ^
	       lookup(3, hi) ^ lookup(2, hi >> 8) ^
	       lookup(1, hi >> 16) ^ lookup(0, hi >> 24);
}

static u32 crc32c(u32 seed, const u8 *p, size_t size)
{
	u32 crc = ~seed;

	for (; size >= 8; size -= 8, p += 8)
		crc = crc32c_block(crc, p);
	for (; size; size--, p++)
		crc = lookup(0, crc ^ *p) ^ crc >> 8;
	return ~crc;
}

static struct drm_zaccel_crc32c
crc32c_args(const __u64 *raw)
{
	struct drm_zaccel_crc32c args;

	memcpy(&args, raw, sizeof(args));
	return args;
}

static int crc32c_check(const __u64 *raw,
			const struct zaccel_operand *dst,
			const struct zaccel_operand *src)
{
	struct drm_zaccel_crc32c args = crc32c_args(raw);

	if (args.pad)
		return -EINVAL;
	return zaccel_range_check(src, args.offset, args.size);
}

static u64 crc32c_units(const __u64 *raw,
			const struct zaccel_operand *dst,
			const struct zaccel_operand *src)
{
	return crc32c_args(raw).size;
}

static void crc32c_run(const __u64 *raw,
		       const struct zaccel_operand *dst,
		       const struct zaccel_operand *src,
		       u64 start, u64 end, u64 *result)
{
	struct drm_zaccel_crc32c args = crc32c_args(raw);
	u32 seed = start ? (u32)*result : args.seed;

	*result = crc32c(seed, src->range.data + args.offset + start,
			 (size_t)(end - start));
}

const struct zaccel_op zaccel_op_crc32c = {
	.opcode = ZACCEL_OP_CRC32C,
	.name = "crc32c",
	.dst_kind = ZACCEL_SLOT_EMPTY,
	.src_kind = ZACCEL_SLOT_RANGE,
	.args_size = sizeof(struct drm_zaccel_crc32c),
	.cost = 4,
	.check = crc32c_check,
	.units = crc32c_units,
	.run = crc32c_run,
};
