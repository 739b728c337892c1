// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: imports
 *
 * A foreign dma-buf becomes a GEM object with a static attachment, which shows in
 * bufinfo but is not DMA-mapped: the soft engine reaches it through
 * dma_buf_vmap(), and that mapping keeps it in its place.
 *
 * A device has one such object of a dma-buf, whichever of its files import it, so
 * that whoever looks at the buffer finds all who use it. PRIME finds the handles
 * of one file, and forgets a dma-buf with the last of them, while slots may still
 * have the object. So the device has a table: an object is in it from its making
 * to its end, and is taken from it only while somebody else still holds it. What
 * is about to be freed is left alone, and the dma-buf gets another object.
 *
 * Imports of a device run one after the other, under PRIME's object_name_lock, so
 * nobody adds what somebody else has just looked for. Objects leave the table
 * without that lock, as they may be given back while it is held.
 */

#include <linux/dma-buf.h>
#include <linux/hashtable.h>
#include <linux/kref.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <drm/drm_device.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>

#include "zaccel_compat.h"
#include "zaccel_drv.h"
#include "zaccel_gem.h"

void zaccel_imports_init(struct zaccel_device *zdev)
{
	spin_lock_init(&zdev->imports_lock);
	hash_init(zdev->imports);
}

static struct drm_gem_object *zaccel_import_find(struct zaccel_device *zdev,
						 struct dma_buf *dma_buf)
{
	struct drm_gem_object *found = NULL;
	struct zaccel_bo *bo;

	spin_lock(&zdev->imports_lock);
	/* Whatever is in the table holds its dma-buf, so a pointer is a name. */
	hash_for_each_possible(zdev->imports, bo, import_node,
			       (unsigned long)dma_buf) {
		struct drm_gem_object *obj = &bo->shmem.base;

		if (obj->import_attach->dmabuf == dma_buf &&
		    kref_get_unless_zero(&obj->refcount)) {
			found = obj;
			break;
		}
	}
	spin_unlock(&zdev->imports_lock);
	return found;
}

static void zaccel_import_add(struct zaccel_bo *bo)
{
	struct zaccel_device *zdev = to_zaccel_device(bo->shmem.base.dev);

	spin_lock(&zdev->imports_lock);
	hash_add(zdev->imports, &bo->import_node,
		 (unsigned long)bo->shmem.base.import_attach->dmabuf);
	spin_unlock(&zdev->imports_lock);
}

static void zaccel_import_remove(struct zaccel_bo *bo)
{
	struct zaccel_device *zdev = to_zaccel_device(bo->shmem.base.dev);

	spin_lock(&zdev->imports_lock);
	hash_del(&bo->import_node);
	spin_unlock(&zdev->imports_lock);
}

static void zaccel_import_free(struct drm_gem_object *obj)
{
	/* First, while it still holds the dma-buf. */
	zaccel_import_remove(to_zaccel_bo(obj));
	drm_prime_gem_destroy(obj, NULL);
	drm_gem_object_release(obj);
	kfree(to_zaccel_bo(obj));
}

static int zaccel_import_vmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	return dma_buf_vmap(obj->import_attach->dmabuf, map);
}

static void zaccel_import_vunmap(struct drm_gem_object *obj,
				 struct iosys_map *map)
{
	dma_buf_vunmap(obj->import_attach->dmabuf, map);
}

static const struct drm_gem_object_funcs zaccel_import_funcs = {
	.free = zaccel_import_free,
	.vmap = zaccel_import_vmap,
	.vunmap = zaccel_import_vunmap,
};

static struct drm_gem_object *zaccel_import_new(struct drm_device *drm,
						struct dma_buf *dma_buf)
{
	struct dma_buf_attachment *attach;
	struct zaccel_bo *bo;

	/* GEM insists on whole pages. */
	if (!PAGE_ALIGNED(dma_buf->size)) {
		drm_dbg(drm, "dma-buf of %s: %zu bytes are not whole pages\n",
			dma_buf->exp_name, dma_buf->size);
		return ERR_PTR(-EINVAL);
	}

	bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);
	if (!bo)
		return ERR_PTR(-ENOMEM);

	attach = dma_buf_attach(dma_buf, drm->dev);
	if (IS_ERR(attach)) {
		drm_dbg(drm, "dma-buf of %s: attach failed: %ld\n",
			dma_buf->exp_name, PTR_ERR(attach));
		kfree(bo);
		return ERR_CAST(attach);
	}

	get_dma_buf(dma_buf);
	bo->shared = true;
	bo->readonly = zaccel_dma_buf_readonly(dma_buf);
	INIT_LIST_HEAD(&bo->uses[false]);
	INIT_LIST_HEAD(&bo->uses[true]);
	bo->shmem.base.funcs = &zaccel_import_funcs;
	bo->shmem.base.import_attach = attach;
	bo->shmem.base.resv = dma_buf->resv;
	drm_gem_private_object_init(drm, &bo->shmem.base, dma_buf->size);
	zaccel_import_add(bo);
	return &bo->shmem.base;
}

struct drm_gem_object *zaccel_gem_prime_import(struct drm_device *drm,
					       struct dma_buf *dma_buf)
{
	struct drm_gem_object *obj = zaccel_gem_exported(dma_buf);

	if (obj && obj->dev == drm) {
		drm_gem_object_get(obj);
		return obj;
	}
	lockdep_assert_held(&drm->object_name_lock);
	obj = zaccel_import_find(to_zaccel_device(drm), dma_buf);
	return obj ? obj : zaccel_import_new(drm, dma_buf);
}
