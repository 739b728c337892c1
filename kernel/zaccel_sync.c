// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: explicit fences
 *
 * Fences come in and go out through syncobjs, by the arrays of a submit or by
 * WAIT and SIGNAL commands. What comes in is a fence that exists. What goes out
 * needs memory for a timeline's point, which is allocated before the fence is.
 */

#include <linux/dma-fence-chain.h>
#include <linux/uaccess.h>
#include <drm/drm_syncobj.h>

#include "zaccel_sync.h"

int zaccel_signal_init(struct zaccel_signal *signal,
		       struct drm_syncobj *syncobj, u64 point)
{
	signal->chain = NULL;
	if (point) {
		signal->chain = dma_fence_chain_alloc();
		if (!signal->chain)
			return -ENOMEM;
	}
	INIT_LIST_HEAD(&signal->node);
	signal->point = point;
	signal->syncobj = syncobj;
	drm_syncobj_get(syncobj);
	return 0;
}

void zaccel_signal_install(struct zaccel_signal *signal,
			   struct dma_fence *fence)
{
	if (!signal->point) {
		drm_syncobj_replace_fence(signal->syncobj, fence);
		return;
	}
	drm_syncobj_add_point(signal->syncobj, signal->chain, fence,
			      signal->point);
	signal->chain = NULL;
}

void zaccel_signal_fini(struct zaccel_signal *signal)
{
	dma_fence_chain_free(signal->chain);
	drm_syncobj_put(signal->syncobj);
}

int zaccel_sync_fence(struct drm_syncobj *syncobj, u64 point,
		      struct dma_fence **fence)
{
	int ret;

	*fence = drm_syncobj_fence_get(syncobj);
	if (!*fence)
		return -EINVAL;
	ret = dma_fence_chain_find_seqno(fence, point);
	if (ret) {
		dma_fence_put(*fence);
		return ret;
	}
	/* NULL for a point that has been passed and forgotten. */
	if (!*fence)
		*fence = dma_fence_get_stub();
	return 0;
}

static struct drm_syncobj *zaccel_sync_find(struct drm_file *file,
					    const struct drm_zaccel_sync *sync)
{
	struct drm_syncobj *syncobj;

	if (sync->flags)
		return ERR_PTR(-EINVAL);
	syncobj = drm_syncobj_find(file, sync->handle);
	return syncobj ? syncobj : ERR_PTR(-ENOENT);
}

static int zaccel_syncs_add_in(struct zaccel_syncs *syncs,
			       struct drm_file *file,
			       const struct drm_zaccel_sync *sync)
{
	struct drm_syncobj *syncobj = zaccel_sync_find(file, sync);
	int ret;

	if (IS_ERR(syncobj))
		return PTR_ERR(syncobj);
	ret = zaccel_sync_fence(syncobj, sync->point,
				&syncs->in[syncs->num_in]);
	if (!ret)
		syncs->num_in++;
	drm_syncobj_put(syncobj);
	return ret;
}

static int zaccel_syncs_add_out(struct zaccel_syncs *syncs,
				struct drm_file *file,
				const struct drm_zaccel_sync *sync)
{
	struct drm_syncobj *syncobj = zaccel_sync_find(file, sync);
	int ret;

	if (IS_ERR(syncobj))
		return PTR_ERR(syncobj);
	ret = zaccel_signal_init(&syncs->out[syncs->num_out], syncobj,
				 sync->point);
	if (!ret)
		syncs->num_out++;
	drm_syncobj_put(syncobj);
	return ret;
}

/* One at a time: of a size that is known there is less to be checked. */
static int zaccel_syncs_add(struct zaccel_syncs *syncs, struct drm_file *file,
			    u64 user, u32 count,
			    int (*add)(struct zaccel_syncs *syncs,
				       struct drm_file *file,
				       const struct drm_zaccel_sync *sync))
{
	const struct drm_zaccel_sync __user *array = u64_to_user_ptr(user);
	struct drm_zaccel_sync sync;
	int ret = 0;
	u32 i;

	if (count > ZACCEL_MAX_SYNCOBJS)
		return -EINVAL;
	for (i = 0; i < count && !ret; i++)
		ret = copy_from_user(&sync, &array[i], sizeof(sync)) ?
		      -EFAULT : add(syncs, file, &sync);
	return ret;
}

int zaccel_syncs_get(struct zaccel_syncs *syncs, struct drm_file *file,
		     const struct drm_zaccel_ring_submit *args)
{
	int ret = zaccel_syncs_add(syncs, file, args->in_syncobjs,
				   args->in_count, zaccel_syncs_add_in);

	return ret ? ret : zaccel_syncs_add(syncs, file, args->out_syncobjs,
					    args->out_count,
					    zaccel_syncs_add_out);
}

void zaccel_syncs_note(struct zaccel_syncs *syncs, struct dma_fence *fence)
{
	dma_fence_put(syncs->fence);
	syncs->fence = dma_fence_get(fence);
}

void zaccel_syncs_signal(struct zaccel_syncs *syncs)
{
	u32 i;

	for (i = 0; syncs->fence && i < syncs->num_out; i++)
		zaccel_signal_install(&syncs->out[i], syncs->fence);
}

void zaccel_syncs_put(struct zaccel_syncs *syncs)
{
	dma_fence_put(syncs->fence);
	while (syncs->num_in)
		dma_fence_put(syncs->in[--syncs->num_in]);
	while (syncs->num_out)
		zaccel_signal_fini(&syncs->out[--syncs->num_out]);
}
