// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: sharing
 *
 * A buffer is exported by PRIME, which keeps one dma-buf for it, or as a dma-buf
 * of its own that nobody writes through. Our own read-only dma-buf is foreign to
 * zaccel_import.c: what is imported is not the buffer but the right to read it.
 */

#include <linux/dma-buf.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
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

struct drm_gem_object *zaccel_gem_exported(struct dma_buf *dma_buf)
{
	return dma_buf->ops == &zaccel_dmabuf_ops ? dma_buf->priv : NULL;
}

bool zaccel_dma_buf_readonly(struct dma_buf *dma_buf)
{
	return dma_buf->ops == &zaccel_readonly_ops ||
	       !(dma_buf->file->f_mode & FMODE_WRITE);
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
