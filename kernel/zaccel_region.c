// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: regions
 *
 * A buffer of the system region is GEM shmem, see zaccel_gem.c. Those here have
 * all of their memory from the day they are made, mapped for the kernel:
 *
 * - contiguous: one block of the page allocator, for those that reach memory by
 *   one address only, of 32 bits at most;
 * - local: the memory of the device. As this one has none, the buffer gets a
 *   range of a heap that is only numbers, and pages to go with it.
 *
 * Local memory goes with its device. Programs have it mapped: they find a page of
 * zeros in its place, one for each buffer, as TTM does it. drm_dev_unplug() waits
 * for page faults that are under way, and then takes all mappings of the device
 * away, those made through dma-bufs as well. The kernel's own users (a binding of
 * ours, another driver's mapping) cannot be told, and keep the pages.
 */

#include <linux/dma-buf.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_managed.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>

#include "common/ring.h"
#include "zaccel_compat.h"
#include "zaccel_drv.h"
#include "zaccel_gem.h"
#include "zaccel_query.h"
#include "zaccel_region.h"

static unsigned int zaccel_local_mb = 16;
module_param_named(local_mb, zaccel_local_mb, uint, 0444);
MODULE_PARM_DESC(local_mb, "MiB of device-local memory; 0 for none");

/* For a client's account; it gets an error, never the OOM killer. */
#define ZACCEL_GFP_BUFFER (GFP_KERNEL_ACCOUNT | __GFP_ZERO | \
			   __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/**
 * struct zaccel_local - what a buffer in local memory has beside its pages
 */
struct zaccel_local {
	/** @node: its range of the heap */
	struct drm_mm_node node;
	/** @dummy: what takes the place of its pages when the device goes */
	struct page *dummy;
};

static void zaccel_heap_fini(struct drm_device *drm, void *data)
{
	struct zaccel_heap *heap = data;

	drm_mm_takedown(&heap->ranges);
}

int zaccel_regions_init(struct zaccel_device *zdev)
{
	struct zaccel_heap *heap = &zdev->local;
	int ret;

	heap->size = (u64)zaccel_local_mb << 20;
	if (!heap->size)
		return 0;
	ret = drmm_mutex_init(&zdev->drm, &heap->lock);
	if (ret)
		return ret;
	drm_mm_init(&heap->ranges, 0, heap->size);
	/* Buffers may go long after the device, but never after its structure. */
	return drmm_add_action_or_reset(&zdev->drm, zaccel_heap_fini, heap);
}

static int zaccel_heap_take(struct zaccel_heap *heap, struct drm_mm_node *node,
			    size_t size)
{
	int ret;

	mutex_lock(&heap->lock);
	ret = drm_mm_insert_node(&heap->ranges, node, size);
	mutex_unlock(&heap->lock);
	return ret == -ENOSPC ? -ENOMEM : ret;
}

static void zaccel_heap_give_back(struct zaccel_heap *heap,
				  struct drm_mm_node *node)
{
	if (!drm_mm_node_allocated(node))
		return;
	mutex_lock(&heap->lock);
	drm_mm_remove_node(node);
	mutex_unlock(&heap->lock);
}

const char *zaccel_region_name(u32 region)
{
	static const char * const names[ZACCEL_NUM_REGIONS] = {
		[ZACCEL_REGION_SYSTEM] = "system",
		[ZACCEL_REGION_CONTIGUOUS] = "contiguous",
		[ZACCEL_REGION_LOCAL] = "local",
	};

	return names[region];
}

u64 zaccel_region_max_size(const struct zaccel_device *zdev, u32 region)
{
	switch (region) {
	case ZACCEL_REGION_SYSTEM:
		return ZACCEL_MAX_BUFFER_SIZE;
	case ZACCEL_REGION_CONTIGUOUS:
		return PAGE_SIZE << MAX_PAGE_ORDER;
	case ZACCEL_REGION_LOCAL:
		return min_t(u64, zdev->local.size, ZACCEL_MAX_BUFFER_SIZE);
	default:
		return 0;
	}
}

bool zaccel_region_info(struct zaccel_device *zdev, u32 i,
			struct drm_zaccel_region_info *info)
{
	u64 max_size = zaccel_region_max_size(zdev, i);

	/* Only the last may be missing. */
	if (!max_size)
		return false;
	strscpy(info->name, zaccel_region_name(i));
	info->id = i;
	info->size = i == ZACCEL_REGION_LOCAL ? zdev->local.size : 0;
	info->max_buffer_size = max_size;
	info->used = atomic64_read(&zdev->used[i]);
	return true;
}

static void zaccel_region_release_memory(struct zaccel_bo *bo, size_t size)
{
	struct zaccel_device *zdev = to_zaccel_device(bo->shmem.base.dev);

	if (bo->region == ZACCEL_REGION_CONTIGUOUS) {
		if (bo->vaddr)
			free_pages_exact(bo->vaddr, size);
		return;
	}
	vfree(bo->vaddr);
	if (!bo->local)
		return;
	if (bo->local->dummy)
		__free_page(bo->local->dummy);
	zaccel_heap_give_back(&zdev->local, &bo->local->node);
	kfree(bo->local);
}

/* On failure, zaccel_region_release_memory() takes back what there is. */
static int zaccel_region_alloc_memory(struct zaccel_bo *bo, size_t size)
{
	struct zaccel_device *zdev = to_zaccel_device(bo->shmem.base.dev);
	int ret;

	if (bo->region == ZACCEL_REGION_CONTIGUOUS) {
		/* Others may bounce what they cannot reach, unseen by us. */
		bo->vaddr = alloc_pages_exact(size, ZACCEL_GFP_BUFFER |
						    __GFP_DMA32);
		return bo->vaddr ? 0 : -ENOMEM;
	}
	bo->local = kzalloc(sizeof(*bo->local), GFP_KERNEL_ACCOUNT);
	if (!bo->local)
		return -ENOMEM;
	ret = zaccel_heap_take(&zdev->local, &bo->local->node, size);
	if (ret)
		return ret;
	bo->vaddr = __vmalloc(size, ZACCEL_GFP_BUFFER);
	bo->local->dummy = alloc_page(ZACCEL_GFP_BUFFER);
	return bo->vaddr && bo->local->dummy ? 0 : -ENOMEM;
}

static void zaccel_region_free(struct drm_gem_object *obj)
{
	struct zaccel_bo *bo = to_zaccel_bo(obj);

	zaccel_bo_unaccount(bo);
	drm_gem_object_release(obj);
	zaccel_region_release_memory(bo, obj->size);
	kfree(bo);
}

static struct page *zaccel_region_page(struct zaccel_bo *bo, pgoff_t i)
{
	void *vaddr = bo->vaddr + (i << PAGE_SHIFT);

	return bo->region == ZACCEL_REGION_LOCAL ? vmalloc_to_page(vaddr) :
						   virt_to_page(vaddr);
}

bool zaccel_region_revoked(struct drm_gem_object *obj)
{
	return to_zaccel_bo(obj)->region == ZACCEL_REGION_LOCAL &&
	       drm_dev_is_unplugged(obj->dev);
}

static struct sg_table *zaccel_region_get_sg_table(struct drm_gem_object *obj)
{
	pgoff_t i, count = obj->size >> PAGE_SHIFT;
	struct sg_table *table;
	struct page **pages;

	if (zaccel_region_revoked(obj))
		return ERR_PTR(-ENODEV);
	pages = kvmalloc_array(count, sizeof(*pages), GFP_KERNEL |
			       __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < count; i++)
		pages[i] = zaccel_region_page(to_zaccel_bo(obj), i);
	/* Neighbours become one entry: of contiguous memory there is just one. */
	table = drm_prime_pages_to_sg(obj->dev, pages, count);
	kvfree(pages);
	return table;
}

static int zaccel_region_vmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	iosys_map_set_vaddr(map, to_zaccel_bo(obj)->vaddr);
	return 0;
}

static void zaccel_region_vunmap(struct drm_gem_object *obj,
				 struct iosys_map *map)
{
}

static int zaccel_region_mmap(struct drm_gem_object *obj,
			      struct vm_area_struct *vma)
{
	/* A copy of a page would be no part of the buffer. */
	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	return 0;
}

static vm_fault_t zaccel_region_insert(struct vm_fault *vmf, struct page *page)
{
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(page));
}

static vm_fault_t zaccel_region_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	struct zaccel_bo *bo = to_zaccel_bo(obj);
	pgoff_t i = vmf->pgoff - drm_vma_node_start(&obj->vma_node);
	vm_fault_t ret;
	int idx;

	if (i >= obj->size >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	if (bo->region != ZACCEL_REGION_LOCAL)
		return zaccel_region_insert(vmf, zaccel_region_page(bo, i));

	/* What is inserted in the section is there when unplug looks for it. */
	if (!drm_dev_enter(obj->dev, &idx))
		return zaccel_region_insert(vmf, bo->local->dummy);
	ret = zaccel_region_insert(vmf, zaccel_region_page(bo, i));
	drm_dev_exit(idx);
	return ret;
}

static const struct vm_operations_struct zaccel_region_vm_ops = {
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
	.fault = zaccel_region_fault,
};

static const struct drm_gem_object_funcs zaccel_region_funcs = {
	.free = zaccel_region_free,
	.export = zaccel_gem_export,
	.get_sg_table = zaccel_region_get_sg_table,
	.vmap = zaccel_region_vmap,
	.vunmap = zaccel_region_vunmap,
	.mmap = zaccel_region_mmap,
	.vm_ops = &zaccel_region_vm_ops,
};

struct drm_gem_object *zaccel_region_create(struct zaccel_device *zdev,
					    u32 region, size_t size)
{
	struct zaccel_bo *bo = zaccel_bo_alloc(region);
	int ret;

	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->shmem.base.funcs = &zaccel_region_funcs;
	drm_gem_private_object_init(&zdev->drm, &bo->shmem.base, size);
	ret = drm_gem_create_mmap_offset(&bo->shmem.base);
	if (!ret)
		ret = zaccel_region_alloc_memory(bo, size);
	if (ret) {
		drm_dbg(&zdev->drm, "buffer: no %zu bytes of %s memory: %d\n",
			size, zaccel_region_name(region), ret);
		drm_gem_object_put(&bo->shmem.base);
		return ERR_PTR(ret);
	}
	return &bo->shmem.base;
}
