/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_REGION_H
#define ZACCEL_REGION_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <drm/drm_mm.h>
#include <drm/zaccel_accel.h>

struct drm_gem_object;
struct zaccel_device;

#define ZACCEL_NUM_REGIONS	(ZACCEL_REGION_LOCAL + 1)

/**
 * struct zaccel_heap - the device's own memory
 */
struct zaccel_heap {
	/** @size: in bytes; 0 for a device that has none */
	u64 size;
	/** @lock: guards @ranges; nothing is taken inside it */
	struct mutex lock;
	/** @ranges: those that are free, and those that buffers have */
	struct drm_mm ranges;
};

/* Before the device is registered. */
int zaccel_regions_init(struct zaccel_device *zdev);

/* Of the largest buffer; 0 where there is no such region. */
u64 zaccel_region_max_size(const struct zaccel_device *zdev, u32 region);

/* As queries have it: region i, or false behind the last. */
bool zaccel_region_info(struct zaccel_device *zdev, u32 i,
			struct drm_zaccel_region_info *info);

/* Its name in fdinfo. */
const char *zaccel_region_name(u32 region);

/* A buffer in a region that is no shmem, without a handle yet; whole pages. */
struct drm_gem_object *zaccel_region_create(struct zaccel_device *zdev,
					    u32 region, size_t size);

/*
 * Has its memory gone with the device? Whoever is told so may not begin to use
 * it; who does already keeps it.
 */
bool zaccel_region_revoked(struct drm_gem_object *obj);

#endif
