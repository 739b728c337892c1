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
#include <drm/drm_file.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>

#include "zaccel_binding.h"
#include "zaccel_gem.h"

static void zaccel_binding_release(struct kref *ref)
{
	struct zaccel_binding *binding =
		container_of(ref, struct zaccel_binding, ref);
	u32 i;

	for (i = 0; i < binding->num_planes; i++) {
		zaccel_gem_unmap(binding->obj[i], &binding->map[i]);
		drm_gem_object_put(binding->obj[i]);
	}
	kfree(binding);
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

static int zaccel_binding_check_unused(const struct drm_zaccel_ring_bind *args,
				       u32 used)
{
	u32 i;

	for (i = used; i < ZACCEL_MAX_PLANES; i++)
		if (!zaccel_plane_unused(&args->planes[i]))
			return -EINVAL;
	return 0;
}

static int zaccel_binding_init_range(struct zaccel_binding *binding,
				     struct drm_file *file,
				     const struct drm_zaccel_ring_bind *args)
{
	const struct drm_zaccel_plane *plane = &args->planes[0];

	if (args->fourcc || args->width || args->height || args->modifier ||
	    plane->pitch || !plane->size)
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
	u32 planes = 1;
	int ret;

	if (args->kind == ZACCEL_SLOT_IMAGE) {
		binding->operand.image.format = zaccel_format_find(args->fourcc);
		if (!binding->operand.image.format ||
		    args->modifier != DRM_FORMAT_MOD_LINEAR)
			return -EOPNOTSUPP;
		planes = binding->operand.image.format->planes;
	} else if (args->kind != ZACCEL_SLOT_RANGE) {
		return -EINVAL;
	}

	ret = zaccel_binding_check_unused(args, planes);
	if (ret)
		return ret;

	binding->operand.kind = args->kind;
	if (args->kind == ZACCEL_SLOT_IMAGE)
		return zaccel_binding_init_image(binding, file, args);
	return zaccel_binding_init_range(binding, file, args);
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
