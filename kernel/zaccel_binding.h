/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_BINDING_H
#define ZACCEL_BINDING_H

#include <linux/iosys-map.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/workqueue.h>
#include <drm/zaccel_accel.h>

#include "common/ops.h"

struct drm_file;
struct drm_gem_object;
struct drm_syncobj;

/**
 * struct zaccel_binding - what a slot holds: checked, mapped memory
 */
struct zaccel_binding {
	/** @ref: held by the slot and by every queued job that uses it */
	struct kref ref;
	/** @free_work: for the last reference where nothing may sleep */
	struct work_struct free_work;
	/** @operand: the memory as operations see it */
	struct zaccel_operand operand;
	/** @syncobj: of a slot that holds one; reference held */
	struct drm_syncobj *syncobj;
	/** @readonly: some of its memory must not be written */
	bool readonly;
	/** @num_planes: entries of @obj and @map in use */
	u32 num_planes;
	/** @obj: one buffer for each plane, perhaps the same */
	struct drm_gem_object *obj[ZACCEL_MAX_PLANES];
	/** @map: where that buffer is mapped */
	struct iosys_map map[ZACCEL_MAX_PLANES];
	/** @batch_node: in the batch being fetched, under the ring's lock */
	struct list_head batch_node;
	/** @batch_write: that batch writes it, under the ring's lock */
	bool batch_write;
};

/*
 * Check the arguments, look up and map the buffers. May sleep, may wait for
 * fences. ERR_PTR with the errno of DRM_IOCTL_ZACCEL_RING_BIND.
 */
struct zaccel_binding *
zaccel_binding_create(struct drm_file *file,
		      const struct drm_zaccel_ring_bind *args);

struct zaccel_binding *zaccel_binding_get(struct zaccel_binding *binding);

/* NULL is fine. May sleep. */
void zaccel_binding_put(struct zaccel_binding *binding);

/* For where nothing may sleep. */
void zaccel_binding_put_later(struct zaccel_binding *binding);

#endif
