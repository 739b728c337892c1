/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_GEM_H
#define ZACCEL_GEM_H

#include <linux/iosys-map.h>
#include <drm/drm_gem_shmem_helper.h>

struct dma_buf;
struct drm_device;
struct drm_file;

/**
 * struct zaccel_bo - a buffer, ours or imported
 *
 * An imported one uses only the GEM object inside @shmem: its pages belong to
 * the exporter and are reached through the dma-buf.
 */
struct zaccel_bo {
	/** @shmem: base */
	struct drm_gem_shmem_object shmem;
	/** @shared: was exported or imported; set once, never cleared */
	bool shared;
};

static inline struct zaccel_bo *to_zaccel_bo(struct drm_gem_object *obj)
{
	return container_of(to_drm_gem_shmem_obj(obj), struct zaccel_bo, shmem);
}

struct drm_gem_object *zaccel_gem_create_object(struct drm_device *drm,
						size_t size);
struct drm_gem_object *zaccel_gem_prime_import(struct drm_device *drm,
					       struct dma_buf *dma_buf);

/*
 * Map a buffer for the CPU and tell its exporter that the CPU will access it.
 * May wait for the buffer's fences: never called where a fence of ours is
 * published or a reservation lock is held. -EOPNOTSUPP for memory that is not
 * plain memory.
 */
int zaccel_gem_map(struct drm_gem_object *obj, struct iosys_map *map);
void zaccel_gem_unmap(struct drm_gem_object *obj, struct iosys_map *map);

int zaccel_buffer_create_ioctl(struct drm_device *drm, void *data,
			       struct drm_file *file);
int zaccel_buffer_info_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file);

#endif
