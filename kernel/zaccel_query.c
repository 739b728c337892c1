// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: queries
 *
 * Every table is given out by one function that fills element i or says that
 * there is none, so that the rules of struct drm_zaccel_query stand in one
 * place.
 */

#include <linux/nospec.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_print.h>
#include <drm/zaccel_accel.h>

#include "common/ops.h"
#include "common/ring.h"
#include "zaccel_drv.h"
#include "zaccel_poll.h"
#include "zaccel_query.h"

union zaccel_query_element {
	struct drm_zaccel_device_info device;
	struct drm_zaccel_engine_info engine;
	struct drm_zaccel_operation_info operation;
	struct drm_zaccel_format_info format;
	struct drm_zaccel_region_info region;
};

static bool zaccel_query_device(struct zaccel_device *zdev, u32 i,
				union zaccel_query_element *element)
{
	const struct zaccel_watchdog *watchdog = &zdev->engine.watchdog;

	element->device = (struct drm_zaccel_device_info){
		.min_ring_entries = ZACCEL_RING_MIN_ENTRIES,
		.max_ring_entries = ZACCEL_RING_MAX_ENTRIES,
		.max_slots = ZACCEL_MAX_SLOTS,
		.max_rings = ZACCEL_MAX_RINGS,
		.max_buffer_size = ZACCEL_MAX_BUFFER_SIZE,
		.max_image_size = ZACCEL_MAX_IMAGE_SIZE,
		.pitch_align = 1,
		.max_syncobjs = ZACCEL_MAX_SYNCOBJS,
		.max_exec = ZACCEL_MAX_EXEC,
		.max_sqe_size = ZACCEL_MAX_SQE_SIZE,
		.max_cqe_size = ZACCEL_MAX_CQE_SIZE,
		.max_batch_ms = watchdog->max_batch_ms,
		.default_timeout_ms = watchdog->default_timeout_ms,
		.default_idle_us = ZACCEL_DEFAULT_IDLE_US,
		.max_idle_us = ZACCEL_MAX_IDLE_US,
	};
	return i == 0;
}

static bool zaccel_query_engine(struct zaccel_device *zdev, u32 i,
				union zaccel_query_element *element)
{
	strscpy(element->engine.name, zdev->engine.ops->name);
	element->engine.id = 0;
	element->engine.instances = zdev->engine.num_instances;
	element->engine.address_bits = 64;
	element->engine.align = 1;
	return i == 0;
}

static bool zaccel_query_operation(struct zaccel_device *zdev, u32 i,
				   union zaccel_query_element *element)
{
	const struct zaccel_op *op = zaccel_op_at(i);

	if (!op)
		return false;
	element->operation.opcode = op->opcode;
	element->operation.dst_kind = op->dst_kind;
	element->operation.src_kind = op->src_kind;
	element->operation.args_size = op->args_size;
	return true;
}

static u32 zaccel_format_sides(const struct zaccel_op *op,
			       const struct zaccel_format *format)
{
	u32 sides = 0;

	if (op->src_kind == ZACCEL_SLOT_IMAGE &&
	    (!op->format_ok || op->format_ok(format, false)))
		sides |= ZACCEL_FORMAT_SOURCE;
	if (op->dst_kind == ZACCEL_SLOT_IMAGE &&
	    (!op->format_ok || op->format_ok(format, true)))
		sides |= ZACCEL_FORMAT_DESTINATION;
	return sides;
}

/* The pairs of operation and format, in the order of the two tables. */
static bool zaccel_query_format(struct zaccel_device *zdev, u32 i,
				union zaccel_query_element *element)
{
	struct drm_zaccel_format_info *info = &element->format;
	const struct zaccel_format *format;
	const struct zaccel_op *op;
	u32 o, f;

	for (o = 0; (op = zaccel_op_at(o)); o++) {
		for (f = 0; (format = zaccel_format_at(f)); f++) {
			info->flags = zaccel_format_sides(op, format);
			if (!info->flags || i--)
				continue;
			info->fourcc = format->fourcc;
			info->opcode = op->opcode;
			info->modifier = DRM_FORMAT_MOD_LINEAR;
			return true;
		}
	}
	return false;
}

static bool zaccel_query_region(struct zaccel_device *zdev, u32 i,
				union zaccel_query_element *element)
{
	return zaccel_region_info(zdev, i, &element->region);
}

static const struct zaccel_query_table {
	u32 size;
	bool (*fill)(struct zaccel_device *zdev, u32 i,
		     union zaccel_query_element *element);
} zaccel_query_tables[] = {
	[ZACCEL_QUERY_DEVICE] = {
		sizeof(struct drm_zaccel_device_info), zaccel_query_device
	},
	[ZACCEL_QUERY_ENGINES] = {
		sizeof(struct drm_zaccel_engine_info), zaccel_query_engine
	},
	[ZACCEL_QUERY_OPERATIONS] = {
		sizeof(struct drm_zaccel_operation_info), zaccel_query_operation
	},
	[ZACCEL_QUERY_FORMATS] = {
		sizeof(struct drm_zaccel_format_info), zaccel_query_format
	},
	[ZACCEL_QUERY_REGIONS] = {
		sizeof(struct drm_zaccel_region_info), zaccel_query_region
	},
};

static int zaccel_query_copy(u64 data, u32 stride, u32 i,
			     const union zaccel_query_element *element,
			     u32 size)
{
	void __user *to = u64_to_user_ptr(data + (u64)i * stride);
	u32 known = min(stride, size);

	if (copy_to_user(to, element, known) ||
	    clear_user(to + known, stride - known))
		return -EFAULT;
	return 0;
}

int zaccel_query_ioctl(struct drm_device *drm, void *data,
		       struct drm_file *file)
{
	struct drm_zaccel_query *args = data;
	const struct zaccel_query_table *table;
	union zaccel_query_element element;
	u32 i;

	if (args->flags || args->type >= ARRAY_SIZE(zaccel_query_tables) ||
	    (args->count && !args->stride) || args->stride > PAGE_SIZE) {
		drm_dbg(drm, "query: flags %#x type %u count %u stride %u\n",
			args->flags, args->type, args->count, args->stride);
		return -EINVAL;
	}

	table = &zaccel_query_tables[array_index_nospec(args->type,
						       ARRAY_SIZE(zaccel_query_tables))];
	for (i = 0;; i++) {
		memset(&element, 0, sizeof(element));
		if (!table->fill(to_zaccel_device(drm), i, &element))
			break;
		if (i < args->count &&
		    zaccel_query_copy(args->data, args->stride, i, &element,
				      table->size))
			return -EFAULT;
	}
	args->count = i;
	args->stride = table->size;
	return 0;
}
