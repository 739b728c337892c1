// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: fences
 *
 * A fence outlives everything: the batch, the ring, the file, the device. It
 * carries its own lock and constant names and points to none of them. What it
 * needs is this module's code, so each holds a module reference, given back
 * from the RCU callback that frees it. Module exit waits for such callbacks
 * with rcu_barrier(): the reference may go while code of ours still runs.
 */

#include <linux/module.h>
#include <linux/slab.h>

#include "zaccel_drv.h"
#include "zaccel_fence.h"

struct zaccel_fence {
	struct dma_fence base;
	/* The lock of @base. */
	spinlock_t lock;
};

static const char *zaccel_fence_driver_name(struct dma_fence *fence)
{
	return "zaccel";
}

static const char *zaccel_fence_timeline_name(struct dma_fence *fence)
{
	return "ring";
}

static void zaccel_fence_free_rcu(struct rcu_head *rcu)
{
	struct dma_fence *base = container_of(rcu, struct dma_fence, rcu);

	kfree(container_of(base, struct zaccel_fence, base));
	module_put(THIS_MODULE);
}

static void zaccel_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, zaccel_fence_free_rcu);
}

static const struct dma_fence_ops zaccel_fence_ops = {
	.get_driver_name = zaccel_fence_driver_name,
	.get_timeline_name = zaccel_fence_timeline_name,
	.release = zaccel_fence_release,
};

struct dma_fence *zaccel_fence_alloc(void)
{
	struct zaccel_fence *fence = kzalloc(sizeof(*fence), zaccel_batch_gfp());

	if (!fence)
		return NULL;
	spin_lock_init(&fence->lock);
	return &fence->base;
}

void zaccel_fence_discard(struct dma_fence *fence)
{
	if (fence)
		kfree(container_of(fence, struct zaccel_fence, base));
}

void zaccel_fence_init(struct dma_fence *base, u64 context, u64 seqno)
{
	struct zaccel_fence *fence =
		container_of(base, struct zaccel_fence, base);

	__module_get(THIS_MODULE);
	dma_fence_init(base, &zaccel_fence_ops, &fence->lock, context, seqno);
}
