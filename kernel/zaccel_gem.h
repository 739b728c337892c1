/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_GEM_H
#define ZACCEL_GEM_H

#include <linux/iosys-map.h>
#include <linux/types.h>
#include <drm/drm_gem_shmem_helper.h>

struct dma_buf;
struct drm_device;
struct drm_file;
struct zaccel_device;
struct zaccel_local;

/**
 * struct zaccel_bo - a buffer, ours or imported
 *
 * An imported one uses only the GEM object inside @shmem: its pages belong to
 * the exporter and are reached through the dma-buf. So does one of a region other
 * than the system's, see zaccel_region.c.
 */
struct zaccel_bo {
	/** @shmem: base */
	struct drm_gem_shmem_object shmem;
	/**
	 * @shared: was exported or imported; set once, under the device's
	 * uses_lock, and never cleared
	 */
	bool shared;
	/** @readonly: imported from a dma-buf that nobody writes through */
	bool readonly;
	/** @import_node: of an import, in the device's table of them */
	struct hlist_node import_node;
	/**
	 * @uses: jobs that entered while it was private, or that synchronise
	 * explicitly: those that read and those that write, in the order of
	 * entering, under uses_lock
	 */
	struct list_head uses[2];
	/** @region: enum drm_zaccel_region; the system's for an import */
	u32 region;
	/** @accounted: its size is in the device's @used; for good */
	bool accounted;
	/** @vaddr: memory that is no shmem, as the kernel sees it */
	void *vaddr;
	/** @local: of local memory only, as it is large and few buffers are */
	struct zaccel_local *local;
};

static inline struct zaccel_bo *to_zaccel_bo(struct drm_gem_object *obj)
{
	return container_of(to_drm_gem_shmem_obj(obj), struct zaccel_bo, shmem);
}

struct drm_gem_object *zaccel_gem_create_object(struct drm_device *drm,
						size_t size);

/* What is common to all. NULL without memory. */
struct zaccel_bo *zaccel_bo_alloc(u32 region);

/* A buffer of ours, zeroed, without a handle yet. */
struct drm_gem_object *zaccel_gem_create(struct zaccel_device *zdev, u32 region,
					 size_t size);

/* The last that is done with a buffer of ours; it may never have counted. */
void zaccel_bo_unaccount(struct zaccel_bo *bo);

/*
 * Map a buffer for the CPU and tell its exporter that the CPU will access it.
 * May wait for the buffer's fences: never called where a fence of ours is
 * published or a reservation lock is held. -EOPNOTSUPP for memory that is not
 * plain memory.
 */
int zaccel_gem_map(struct drm_gem_object *obj, struct iosys_map *map);
void zaccel_gem_unmap(struct drm_gem_object *obj, struct iosys_map *map);

/*
 * Before a buffer's first export: jobs under way leave their fences, later ones
 * will. Takes the reservation lock.
 */
int zaccel_bo_share(struct zaccel_bo *bo);

/* Is somebody to write it, a job of ours or the owner of a fence? */
bool zaccel_bo_written(struct zaccel_bo *bo);

/* Is a job of ours, or the owner of a fence, not done with it? */
bool zaccel_bo_active(struct zaccel_bo *bo);

/* DRM_IOCTL_ZACCEL_BUFFER_WAIT. */
int zaccel_bo_wait(struct zaccel_bo *bo, bool writers_only, s64 deadline);

/* zaccel_export.c */
struct dma_buf *zaccel_gem_export(struct drm_gem_object *obj, int flags);
int zaccel_buffer_export_ioctl(struct drm_device *drm, void *data,
			       struct drm_file *file);

/* The buffer behind PRIME's dma-buf of it, of whichever device of ours; or NULL. */
struct drm_gem_object *zaccel_gem_exported(struct dma_buf *dma_buf);

/* Has nobody the right to write through it, us included? */
bool zaccel_dma_buf_readonly(struct dma_buf *dma_buf);

/* zaccel_import.c */
void zaccel_imports_init(struct zaccel_device *zdev);
struct drm_gem_object *zaccel_gem_prime_import(struct drm_device *drm,
					       struct dma_buf *dma_buf);

int zaccel_buffer_wait_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file);
int zaccel_buffer_create_ioctl(struct drm_device *drm, void *data,
			       struct drm_file *file);
int zaccel_buffer_info_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file);

#endif
