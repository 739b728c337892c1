// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: bindings
 *
 * Everything about a buffer that costs time to find out (handle, extent,
 * mapping, what its exporter wants to be told) is found out once, when it is
 * bound to a slot, as a KMS framebuffer is checked once. A fetch only takes a
 * reference.
 */

#include <linux/slab.h>
#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>
#include <drm/drm_syncobj.h>

#include "zaccel_binding.h"
#include "zaccel_drv.h"
#include "zaccel_gem.h"

static void zaccel_binding_free(struct zaccel_binding *binding)
{
	u32 i;

	for (i = 0; i < binding->num_planes; i++) {
		zaccel_gem_unmap(binding->obj[i], &binding->map[i]);
		drm_gem_object_put(binding->obj[i]);
	}
	if (binding->syncobj)
		drm_syncobj_put(binding->syncobj);
	kfree(binding);
}

/* NULL for one that holds no buffer. */
static struct drm_device *zaccel_binding_dev(struct zaccel_binding *binding)
{
	return binding->num_planes ? binding->obj[0]->dev : NULL;
}

static void zaccel_binding_free_work(struct work_struct *work)
{
	struct zaccel_binding *binding =
		container_of(work, struct zaccel_binding, free_work);
	struct drm_device *drm = zaccel_binding_dev(binding);

	zaccel_binding_free(binding);
	drm_dev_put(drm);
}

static void zaccel_binding_release(struct kref *ref)
{
	zaccel_binding_free(container_of(ref, struct zaccel_binding, ref));
}

static void zaccel_binding_release_later(struct kref *ref)
{
	struct zaccel_binding *binding =
		container_of(ref, struct zaccel_binding, ref);
	struct drm_device *drm = zaccel_binding_dev(binding);

	/* Buffers do not hold their device, and the ring may go before them. */
	if (drm)
		drm_dev_get(drm);
	queue_work(zaccel_wq, &binding->free_work);
}

struct zaccel_binding *zaccel_binding_get(struct zaccel_binding *binding)
{
	kref_get(&binding->ref);
	return binding;
}

void zaccel_binding_put(struct zaccel_binding *binding)
{
	if (binding)
		kref_put(&binding->ref, zaccel_binding_release);
}

void zaccel_binding_put_later(struct zaccel_binding *binding)
{
	kref_put(&binding->ref, zaccel_binding_release_later);
}

/* Map @bytes at @offset of a handle as the next plane; *data is its first. */
static int zaccel_binding_add_plane(struct zaccel_binding *binding,
				    struct drm_file *file,
				    const struct drm_zaccel_plane *plane,
				    u64 bytes, u8 **data)
{
	u32 i = binding->num_planes;
	struct drm_gem_object *obj;
	int ret;

	obj = drm_gem_object_lookup(file, plane->handle);
	if (!obj) {
		drm_dbg(file->minor->dev, "bind: no handle %u\n",
			plane->handle);
		return -ENOENT;
	}
	if (plane->offset > obj->size || bytes > obj->size - plane->offset) {
		drm_dbg(file->minor->dev,
			"bind: %llu bytes at %llu exceed buffer of %zu\n",
			bytes, plane->offset, obj->size);
		ret = -ERANGE;
		goto err_put;
	}
	ret = zaccel_gem_map(obj, &binding->map[i]);
	if (ret)
		goto err_put;

	binding->obj[i] = obj;
	binding->readonly |= to_zaccel_bo(obj)->readonly;
	binding->num_planes = i + 1;
	*data = (u8 *)binding->map[i].vaddr + plane->offset;
	return 0;

err_put:
	drm_gem_object_put(obj);
	return ret;
}

static bool zaccel_plane_unused(const struct drm_zaccel_plane *plane)
{
	return !plane->handle && !plane->pitch && !plane->offset && !plane->size;
}

/* Are all planes behind the first @used ones zero? */
static bool zaccel_planes_unused(const struct drm_zaccel_ring_bind *args,
				 u32 used)
{
	u32 i;

	for (i = used; i < ZACCEL_MAX_PLANES; i++)
		if (!zaccel_plane_unused(&args->planes[i]))
			return false;
	return true;
}

static bool zaccel_image_unused(const struct drm_zaccel_ring_bind *args)
{
	return !args->fourcc && !args->width && !args->height &&
	       !args->modifier && zaccel_planes_unused(args, 1);
}

static int zaccel_binding_init_syncobj(struct zaccel_binding *binding,
				       struct drm_file *file,
				       const struct drm_zaccel_ring_bind *args)
{
	const struct drm_zaccel_plane *plane = &args->planes[0];

	if (!zaccel_image_unused(args) || plane->pitch || plane->offset ||
	    plane->size)
		return -EINVAL;
	binding->syncobj = drm_syncobj_find(file, plane->handle);
	return binding->syncobj ? 0 : -ENOENT;
}

static int zaccel_binding_init_range(struct zaccel_binding *binding,
				     struct drm_file *file,
				     const struct drm_zaccel_ring_bind *args)
{
	const struct drm_zaccel_plane *plane = &args->planes[0];

	if (!zaccel_image_unused(args) || plane->pitch || !plane->size)
		return -EINVAL;

	binding->operand.range.size = plane->size;
	return zaccel_binding_add_plane(binding, file, plane, plane->size,
					&binding->operand.range.data);
}

static int zaccel_binding_init_image(struct zaccel_binding *binding,
				     struct drm_file *file,
				     const struct drm_zaccel_ring_bind *args)
{
	struct zaccel_image *image = &binding->operand.image;
	u64 bytes;
	u32 i;
	int ret;

	image->format = zaccel_format_find(args->fourcc);
	if (!image->format || args->modifier != DRM_FORMAT_MOD_LINEAR)
		return -EOPNOTSUPP;
	if (!zaccel_planes_unused(args, image->format->planes))
		return -EINVAL;
	ret = zaccel_image_size_check(image->format, args->width, args->height);
	if (ret)
		return ret;

	image->width = args->width;
	image->height = args->height;
	for (i = 0; i < image->format->planes; i++) {
		if (args->planes[i].size)
			return -EINVAL;
		ret = zaccel_plane_bytes(image->format, i, args->width,
					 args->height, args->planes[i].pitch,
					 &bytes);
		if (ret)
			return ret;
		image->planes[i].pitch = args->planes[i].pitch;
		ret = zaccel_binding_add_plane(binding, file, &args->planes[i],
					       bytes, &image->planes[i].data);
		if (ret)
			return ret;
	}
	return 0;
}

static int zaccel_binding_init(struct zaccel_binding *binding,
			       struct drm_file *file,
			       const struct drm_zaccel_ring_bind *args)
{
	binding->operand.kind = args->kind;
	switch (args->kind) {
	case ZACCEL_SLOT_RANGE:
		return zaccel_binding_init_range(binding, file, args);
	case ZACCEL_SLOT_IMAGE:
		return zaccel_binding_init_image(binding, file, args);
	case ZACCEL_SLOT_SYNCOBJ:
		return zaccel_binding_init_syncobj(binding, file, args);
	default:
		return -EINVAL;
	}
}

struct zaccel_binding *
zaccel_binding_create(struct drm_file *file,
		      const struct drm_zaccel_ring_bind *args)
{
	struct zaccel_binding *binding;
	int ret;

	binding = kzalloc(sizeof(*binding), GFP_KERNEL_ACCOUNT);
	if (!binding)
		return ERR_PTR(-ENOMEM);

	kref_init(&binding->ref);
	INIT_LIST_HEAD(&binding->batch_node);
	INIT_WORK(&binding->free_work, zaccel_binding_free_work);
	ret = zaccel_binding_init(binding, file, args);
	if (ret) {
		drm_dbg(file->minor->dev,
			"bind: kind %u fourcc %p4cc modifier %#llx size %ux%u: %d\n",
			args->kind, &args->fourcc, args->modifier, args->width,
			args->height, ret);
		zaccel_binding_put(binding);
		return ERR_PTR(ret);
	}
	return binding;
}
