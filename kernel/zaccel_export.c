// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: sharing
 *
 * A buffer is exported by PRIME, which keeps one dma-buf for it, or as a dma-buf
 * of its own that nobody writes through. A foreign dma-buf becomes a GEM object
 * with a static attachment, which shows in bufinfo but is not DMA-mapped: the
 * soft engine reaches it through dma_buf_vmap(), and that mapping keeps it in its
 * place. Our own read-only dma-buf is foreign in this sense: what is imported is
 * not the buffer but the right to read it.
 */

#include <linux/dma-buf.h>
#include <linux/fcntl.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>
#include <drm/zaccel_accel.h>

#include "zaccel_compat.h"
#include "zaccel_gem.h"
#include "zaccel_region.h"

static int zaccel_dmabuf_attach(struct dma_buf *dma_buf,
				struct dma_buf_attachment *attach)
{
	if (zaccel_region_revoked(dma_buf->priv))
		return -ENODEV;
	return drm_gem_map_attach(dma_buf, attach);
}

/* PRIME's own, under a name that tells ours from those of other drivers. */
static const struct dma_buf_ops zaccel_dmabuf_ops = {
	.attach = zaccel_dmabuf_attach,
	.detach = drm_gem_map_detach,
	.map_dma_buf = drm_gem_map_dma_buf,
	.unmap_dma_buf = drm_gem_unmap_dma_buf,
	.release = drm_gem_dmabuf_release,
	.mmap = drm_gem_dmabuf_mmap,
	.vmap = drm_gem_dmabuf_vmap,
	.vunmap = drm_gem_dmabuf_vunmap,
};

static struct sg_table *
zaccel_readonly_map_dma_buf(struct dma_buf_attachment *attach,
			    enum dma_data_direction dir)
{
	/*
	 * Most importers ask for both directions whatever they do. One that
	 * asks for this can do nothing but write.
	 */
	if (dir == DMA_FROM_DEVICE)
		return ERR_PTR(-EACCES);
	return drm_gem_map_dma_buf(attach, dir);
}

static int zaccel_readonly_mmap(struct dma_buf *dma_buf,
				struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_WRITE)
		return -EACCES;
	vm_flags_clear(vma, VM_MAYWRITE);
	return drm_gem_dmabuf_mmap(dma_buf, vma);
}

static const struct dma_buf_ops zaccel_readonly_ops = {
	.attach = zaccel_dmabuf_attach,
	.detach = drm_gem_map_detach,
	.map_dma_buf = zaccel_readonly_map_dma_buf,
	.unmap_dma_buf = drm_gem_unmap_dma_buf,
	.release = drm_gem_dmabuf_release,
	.mmap = zaccel_readonly_mmap,
	.vmap = drm_gem_dmabuf_vmap,
	.vunmap = drm_gem_dmabuf_vunmap,
};

static struct dma_buf *zaccel_export_with(struct drm_gem_object *obj, int flags,
					  const struct dma_buf_ops *ops)
{
	struct dma_buf_export_info info = {
		.exp_name = "zaccel",
		.owner = THIS_MODULE,
		.ops = ops,
		.size = obj->size,
		.flags = flags,
		.priv = obj,
		.resv = obj->resv,
	};
	int ret = zaccel_bo_share(to_zaccel_bo(obj));

	if (ret)
		return ERR_PTR(ret);
	return drm_gem_dmabuf_export(obj->dev, &info);
}

struct dma_buf *zaccel_gem_export(struct drm_gem_object *obj, int flags)
{
	return zaccel_export_with(obj, flags, &zaccel_dmabuf_ops);
}

static int zaccel_buffer_export(struct drm_gem_object *obj, s32 *fd)
{
	struct dma_buf *dma_buf;

	if (drm_gem_is_imported(obj)) {
		drm_dbg(obj->dev, "export: the buffer is an import\n");
		return -EINVAL;
	}
	dma_buf = zaccel_export_with(obj, O_RDONLY | O_CLOEXEC,
				     &zaccel_readonly_ops);
	if (IS_ERR(dma_buf))
		return PTR_ERR(dma_buf);
	*fd = dma_buf_fd(dma_buf, O_CLOEXEC);
	if (*fd < 0) {
		dma_buf_put(dma_buf);
		return *fd;
	}
	return 0;
}

int zaccel_buffer_export_ioctl(struct drm_device *drm, void *data,
			       struct drm_file *file)
{
	struct drm_zaccel_buffer_export *args = data;
	struct drm_gem_object *obj;
	int ret;

	if (args->flags != ZACCEL_EXPORT_READONLY || args->pad) {
		drm_dbg(drm, "export: flags %#x pad %u\n", args->flags,
			args->pad);
		return -EINVAL;
	}
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	ret = zaccel_buffer_export(obj, &args->fd);
	drm_gem_object_put(obj);
	return ret;
}

static void zaccel_import_free(struct drm_gem_object *obj)
{
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

static struct drm_gem_object *
zaccel_gem_import_foreign(struct drm_device *drm, struct dma_buf *dma_buf)
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
	bo->readonly = dma_buf->ops == &zaccel_readonly_ops;
	INIT_LIST_HEAD(&bo->uses[false]);
	INIT_LIST_HEAD(&bo->uses[true]);
	bo->shmem.base.funcs = &zaccel_import_funcs;
	bo->shmem.base.import_attach = attach;
	bo->shmem.base.resv = dma_buf->resv;
	drm_gem_private_object_init(drm, &bo->shmem.base, dma_buf->size);
	return &bo->shmem.base;
}

struct drm_gem_object *zaccel_gem_prime_import(struct drm_device *drm,
					       struct dma_buf *dma_buf)
{
	if (dma_buf->ops == &zaccel_dmabuf_ops) {
		struct drm_gem_object *obj = dma_buf->priv;

		if (obj->dev == drm) {
			drm_gem_object_get(obj);
			return obj;
		}
	}
	return zaccel_gem_import_foreign(drm, dma_buf);
}
