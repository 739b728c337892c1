// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: buffers
 *
 * Our own buffers are GEM shmem objects in cached system memory, or lie in one
 * of the other regions, see zaccel_region.c. The CPU is the device, so on a
 * coherent machine there is nothing to flush per batch; exporters of imported
 * ones that want to know of CPU accesses are told when the buffer is bound to a
 * slot and when the binding goes.
 */

#include <linux/dma-buf.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>
#include <drm/zaccel_accel.h>

#include "zaccel_compat.h"
#include "zaccel_drv.h"
#include "zaccel_gem.h"
#include "zaccel_query.h"
#include "zaccel_region.h"

/*
 * Pages are written through mappings that mark none of them dirty, and a clean
 * page of shmem may be dropped as soon as nothing pins it. Newer kernels clear
 * the mark whenever the pages are let go.
 */
static void zaccel_gem_expect_writes(struct drm_gem_object *obj)
{
	to_zaccel_bo(obj)->shmem.pages_mark_dirty_on_put = true;
}

static int zaccel_gem_pin(struct drm_gem_object *obj)
{
	zaccel_gem_expect_writes(obj);
	return drm_gem_shmem_object_pin(obj);
}

static void zaccel_gem_free(struct drm_gem_object *obj)
{
	zaccel_bo_unaccount(to_zaccel_bo(obj));
	drm_gem_shmem_object_free(obj);
}

static const struct drm_gem_object_funcs zaccel_gem_funcs = {
	.free = zaccel_gem_free,
	.print_info = drm_gem_shmem_object_print_info,
	.export = zaccel_gem_export,
	.pin = zaccel_gem_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = drm_gem_shmem_object_mmap,
	.vm_ops = &drm_gem_shmem_vm_ops,
};

struct zaccel_bo *zaccel_bo_alloc(u32 region)
{
	struct zaccel_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);

	if (!bo)
		return NULL;
	bo->region = region;
	INIT_LIST_HEAD(&bo->uses[false]);
	INIT_LIST_HEAD(&bo->uses[true]);
	return bo;
}

struct drm_gem_object *zaccel_gem_create_object(struct drm_device *drm,
						size_t size)
{
	struct zaccel_bo *bo = zaccel_bo_alloc(ZACCEL_REGION_SYSTEM);

	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->shmem.base.funcs = &zaccel_gem_funcs;
	zaccel_gem_expect_writes(&bo->shmem.base);
	return &bo->shmem.base;
}

static struct drm_gem_object *zaccel_gem_create_system(struct drm_device *drm,
						       size_t size)
{
	struct drm_gem_shmem_object *shmem = drm_gem_shmem_create(drm, size);

	/* What shmem says where memory must not be overcommitted. */
	if (shmem == ERR_PTR(-ENOSPC))
		return ERR_PTR(-ENOMEM);
	return IS_ERR(shmem) ? ERR_CAST(shmem) : &shmem->base;
}

static void zaccel_bo_account(struct zaccel_bo *bo)
{
	struct zaccel_device *zdev = to_zaccel_device(bo->shmem.base.dev);

	bo->accounted = true;
	atomic64_add(bo->shmem.base.size, &zdev->used[bo->region]);
}

void zaccel_bo_unaccount(struct zaccel_bo *bo)
{
	struct zaccel_device *zdev = to_zaccel_device(bo->shmem.base.dev);

	if (bo->accounted)
		atomic64_sub(bo->shmem.base.size, &zdev->used[bo->region]);
}

struct drm_gem_object *zaccel_gem_create(struct zaccel_device *zdev, u32 region,
					 size_t size)
{
	struct drm_gem_object *obj;

	size = PAGE_ALIGN(size);
	if (region == ZACCEL_REGION_SYSTEM)
		obj = zaccel_gem_create_system(&zdev->drm, size);
	else
		obj = zaccel_region_create(zdev, region, size);
	if (!IS_ERR(obj))
		zaccel_bo_account(to_zaccel_bo(obj));
	return obj;
}

/* What DRM_IOCTL_ZACCEL_RING_BIND says of a buffer that cannot be mapped. */
static int zaccel_gem_map_error(struct drm_gem_object *obj, int error)
{
	if (drm_gem_is_imported(obj) && !obj->import_attach->dmabuf->ops->vmap)
		return -EOPNOTSUPP;
	/* Exporters say it this way too; shmem, when overcommitted, the other. */
	return error == -EINVAL || error == -ENOSPC ? -ENOMEM : error;
}

int zaccel_gem_map(struct drm_gem_object *obj, struct iosys_map *map)
{
	int ret;

	ret = drm_gem_vmap(obj, map);
	if (ret) {
		drm_dbg(obj->dev, "buffer cannot be mapped: %d\n", ret);
		return zaccel_gem_map_error(obj, ret);
	}
	if (map->is_iomem) {
		drm_dbg(obj->dev, "buffer is I/O memory\n");
		ret = -EOPNOTSUPP;
		goto err_unmap;
	}
	if (drm_gem_is_imported(obj)) {
		ret = dma_buf_begin_cpu_access(obj->import_attach->dmabuf,
					       DMA_BIDIRECTIONAL);
		if (ret)
			goto err_unmap;
	}
	return 0;

err_unmap:
	drm_gem_vunmap(obj, map);
	return ret;
}

void zaccel_gem_unmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	if (drm_gem_is_imported(obj))
		dma_buf_end_cpu_access(obj->import_attach->dmabuf,
				       DMA_BIDIRECTIONAL);
	drm_gem_vunmap(obj, map);
}

int zaccel_buffer_create_ioctl(struct drm_device *drm, void *data,
			       struct drm_file *file)
{
	struct zaccel_device *zdev = to_zaccel_device(drm);
	struct drm_zaccel_buffer_create *args = data;
	u64 max_size = zaccel_region_max_size(zdev, args->region);
	struct drm_gem_object *obj;
	int ret;

	if (!args->size || args->flags || args->pad || !max_size) {
		drm_dbg(drm, "buffer: size %llu flags %#x pad %u region %u\n",
			args->size, args->flags, args->pad, args->region);
		return -EINVAL;
	}
	if (args->size > max_size)
		return -E2BIG;

	obj = zaccel_gem_create(zdev, args->region, args->size);
	if (IS_ERR(obj))
		return PTR_ERR(obj);

	args->size = obj->size;
	ret = drm_gem_handle_create(file, obj, &args->handle);
	drm_gem_object_put(obj);
	return ret;
}

int zaccel_buffer_info_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file)
{
	struct drm_zaccel_buffer_info *args = data;
	struct drm_gem_object *obj;

	if (args->pad) {
		drm_dbg(drm, "buffer info: pad %u\n", args->pad);
		return -EINVAL;
	}
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;

	args->flags = 0;
	args->mmap_offset = 0;
	if (READ_ONCE(to_zaccel_bo(obj)->shared))
		args->flags |= ZACCEL_BUFFER_SHARED;
	if (drm_gem_is_imported(obj))
		args->flags |= ZACCEL_BUFFER_IMPORTED;
	else
		args->mmap_offset = drm_vma_node_offset_addr(&obj->vma_node);
	args->size = obj->size;
	args->region = to_zaccel_bo(obj)->region;
	drm_gem_object_put(obj);
	return 0;
}

int zaccel_buffer_wait_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file)
{
	struct drm_zaccel_buffer_wait *args = data;
	struct drm_gem_object *obj;
	int ret;

	if (args->flags & ~ZACCEL_BUFFER_WAIT_READ) {
		drm_dbg(drm, "buffer wait: flags %#x\n", args->flags);
		return -EINVAL;
	}
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	ret = zaccel_bo_wait(to_zaccel_bo(obj),
			     args->flags & ZACCEL_BUFFER_WAIT_READ,
			     args->deadline_ns);
	drm_gem_object_put(obj);
	return ret;
}
