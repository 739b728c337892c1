// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: rings
 *
 * A ring ends in two steps. zaccel_ring_kill() stops it: nothing more is
 * fetched, what waits is sent through the engine to be completed with an error.
 * The memory goes with the last reference, which the last job may hold, so
 * closing a file never waits for the engine.
 */

#include <linux/capability.h>
#include <linux/eventfd.h>
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>

#include "zaccel_binding.h"
#include "zaccel_compat.h"
#include "zaccel_drv.h"
#include "zaccel_gem.h"
#include "zaccel_poll.h"
#include "zaccel_query.h"
#include "zaccel_ring.h"
#include "zaccel_stats.h"

/*
 * Let go of what is bound, once nobody can look there any more. This may wait
 * for fences in foreign buffers: no lock is held, and the file's rings are dead.
 */
static void zaccel_ring_clear_slots(struct zaccel_ring *ring)
{
	struct zaccel_binding **slots;
	u32 i;

	mutex_lock(&ring->lock);
	slots = ring->slots;
	ring->slots = NULL;
	mutex_unlock(&ring->lock);

	for (i = 0; slots && i < ring->num_slots; i++)
		zaccel_binding_put(slots[i]);
	kvfree(slots);
}

static void zaccel_ring_destroy(struct zaccel_ring *ring)
{
	struct eventfd_ctx *eventfd;

	zaccel_ring_clear_slots(ring);
	if (ring->header)
		drm_gem_vunmap(ring->obj, &ring->map);
	if (ring->obj)
		drm_gem_object_put(ring->obj);
	kvfree(ring->cmds);
	zaccel_jobs_fini(ring);
	eventfd = rcu_dereference_protected(ring->eventfd, true);
	if (eventfd)
		eventfd_ctx_put(eventfd);
	zaccel_stats_put(ring->stats);
	mutex_destroy(&ring->lock);
	drm_dev_put(&ring->zdev->drm);
	kfree(ring);
}

static void zaccel_ring_free_work(struct work_struct *work)
{
	zaccel_ring_destroy(container_of(work, struct zaccel_ring, free_work));
}

static void zaccel_ring_release(struct kref *ref)
{
	zaccel_ring_destroy(container_of(ref, struct zaccel_ring, ref));
}

static void zaccel_ring_release_later(struct kref *ref)
{
	queue_work(zaccel_wq, &container_of(ref, struct zaccel_ring, ref)->free_work);
}

struct zaccel_ring *zaccel_ring_get(struct zaccel_ring *ring)
{
	kref_get(&ring->ref);
	return ring;
}

void zaccel_ring_put(struct zaccel_ring *ring)
{
	kref_put(&ring->ref, zaccel_ring_release);
}

void zaccel_ring_put_later(struct zaccel_ring *ring)
{
	kref_put(&ring->ref, zaccel_ring_release_later);
}

struct zaccel_ring *zaccel_ring_find(struct drm_file *file, u32 id)
{
	struct zaccel_file *zfile = file->driver_priv;
	struct zaccel_ring *ring;

	xa_lock(&zfile->rings);
	ring = xa_load(&zfile->rings, id);
	if (ring)
		zaccel_ring_get(ring);
	xa_unlock(&zfile->rings);
	return ring;
}

static int zaccel_ring_alloc_memory(struct zaccel_ring *ring,
				    struct drm_zaccel_ring_create *args)
{
	struct drm_gem_object *obj;
	int ret;

	args->sq_offset = ZACCEL_RING_HEADER_SIZE;
	args->cq_offset = args->sq_offset + args->sq_entries * args->sqe_size;
	args->size = args->cq_offset + args->cq_entries * args->cqe_size;

	obj = zaccel_gem_create(ring->zdev, ZACCEL_REGION_SYSTEM, args->size);
	if (IS_ERR(obj))
		return PTR_ERR(obj);

	args->size = obj->size;
	ring->obj = obj;
	ret = drm_gem_vmap(ring->obj, &ring->map);
	if (ret)
		return ret;

	ring->header = ring->map.vaddr;
	ring->sq = ring->map.vaddr + args->sq_offset;
	ring->cq = ring->map.vaddr + args->cq_offset;
	return 0;
}

/* All indices begin at 0, but for a test that wants to see them wrap. */
static void zaccel_ring_init_indices(struct zaccel_ring *ring)
{
	u32 first = READ_ONCE(ring->zdev->first_index);

	ring->sq_head = first;
	ring->cq_reserved = first;
	ring->cq_posted = first;
	ring->cq_shown = first;
	ring->cq_late = first;
	ring->header->sq_tail = first;
	ring->header->sq_head = first;
	ring->header->cq_tail = first;
	ring->header->cq_head = first;
}

/* On failure whatever was made stays in *ring, for zaccel_ring_put(). */
static int zaccel_ring_init(struct zaccel_ring *ring,
			    struct drm_zaccel_ring_create *args)
{
	int ret;

	ring->sq_entries = args->sq_entries;
	ring->cq_entries = args->cq_entries;
	ring->sq_mask = args->sq_entries - 1;
	ring->cq_mask = args->cq_entries - 1;
	atomic_set(&ring->exec_left, max(args->cq_entries, ZACCEL_MAX_EXEC));
	ring->sqe_size = args->sqe_size;
	ring->cqe_size = args->cqe_size;
	ring->num_slots = args->slots;
	ring->cmds = kvcalloc(ring->cq_entries, sizeof(*ring->cmds),
			      GFP_KERNEL_ACCOUNT);
	ring->slots = kvcalloc(max(ring->num_slots, 1u), sizeof(*ring->slots),
			       GFP_KERNEL_ACCOUNT);
	if (!ring->cmds || !ring->slots)
		return -ENOMEM;
	ret = zaccel_jobs_init(ring);
	return ret ? ret : zaccel_ring_alloc_memory(ring, args);
}

static const u8 zaccel_ring_ranks[] = {
	[ZACCEL_PRIORITY_NORMAL] = ZACCEL_RANK_NORMAL,
	[ZACCEL_PRIORITY_LOW] = ZACCEL_RANK_LOW,
	[ZACCEL_PRIORITY_HIGH] = ZACCEL_RANK_HIGH,
};

static struct zaccel_ring *
zaccel_ring_create(struct zaccel_device *zdev, struct zaccel_file *zfile,
		   struct drm_zaccel_ring_create *args)
{
	struct zaccel_ring *ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!ring)
		return ERR_PTR(-ENOMEM);

	kref_init(&ring->ref);
	mutex_init(&ring->lock);
	spin_lock_init(&ring->run_lock);
	init_waitqueue_head(&ring->wait);
	INIT_LIST_HEAD(&ring->device_node);
	INIT_LIST_HEAD(&ring->stats_node);
	INIT_LIST_HEAD(&ring->pending);
	INIT_WORK(&ring->free_work, zaccel_ring_free_work);
	init_llist_head(&ring->spare);
	ring->fence_context = dma_fence_context_alloc(1);
	ring->engine = &zdev->engine;
	ring->rank = zaccel_ring_ranks[args->priority];
	ring->timeout_ms = args->timeout_ms ?
			   max(args->timeout_ms, ZACCEL_MIN_TIMEOUT_MS) :
			   zdev->engine.watchdog.default_timeout_ms;
	ring->serial = atomic64_inc_return(&zdev->ring_serial);
	ring->pid = task_tgid_nr(current);
	get_task_comm(ring->comm, current);
	ring->stats = zaccel_stats_get(zfile->stats);
	ring->zdev = zdev;
	drm_dev_get(&zdev->drm);

	ret = zaccel_ring_init(ring, args);
	if (ret) {
		zaccel_ring_put(ring);
		return ERR_PTR(ret);
	}
	zaccel_ring_init_indices(ring);
	return ring;
}

/* Stop a ring: called once it is out of its file's table, or at unplug. */
static void zaccel_ring_kill(struct zaccel_ring *ring, int error)
{
	bool first;

	/* A doorbell that is under way finishes queueing first. */
	WRITE_ONCE(ring->ending, true);
	mutex_lock(&ring->lock);
	spin_lock_irq(&ring->run_lock);
	first = !ring->error;
	if (first)
		WRITE_ONCE(ring->error, error);
	spin_unlock_irq(&ring->run_lock);
	zaccel_jobs_abandon(ring);
	mutex_unlock(&ring->lock);
	if (first)
		zaccel_ring_wake(ring);
	zaccel_engine_wake(ring->engine);
	zaccel_stats_leave(ring);

	/* Last: the engine stays until every ring of the device is off it. */
	mutex_lock(&ring->zdev->rings_lock);
	list_del_init(&ring->device_node);
	mutex_unlock(&ring->zdev->rings_lock);
}

void zaccel_rings_release(struct zaccel_file *zfile)
{
	struct zaccel_ring *ring;
	unsigned long id;

	xa_for_each(&zfile->rings, id, ring)
		zaccel_ring_kill(ring, -ECANCELED);
	xa_for_each(&zfile->rings, id, ring)
		zaccel_poller_remove(zfile, ring);
	xa_for_each(&zfile->rings, id, ring) {
		zaccel_ring_clear_slots(ring);
		zaccel_ring_put(ring);
	}
}

void zaccel_rings_kill(struct zaccel_device *zdev, int error)
{
	struct zaccel_ring *ring;

	for (;;) {
		mutex_lock(&zdev->rings_lock);
		ring = list_first_entry_or_null(&zdev->rings,
						struct zaccel_ring, device_node);
		if (ring)
			zaccel_ring_get(ring);
		mutex_unlock(&zdev->rings_lock);
		if (!ring)
			break;
		zaccel_ring_kill(ring, error);
		zaccel_ring_put(ring);
	}
}

/* Of either kind of entry; 0 becomes the smallest. */
static bool zaccel_ring_entry_size(u32 *size, u32 smallest, u32 largest)
{
	if (!*size)
		*size = smallest;
	return is_power_of_2(*size) && *size >= smallest && *size <= largest;
}

static int zaccel_ring_create_check(struct drm_device *drm,
				    struct drm_zaccel_ring_create *args)
{
	if (!zaccel_poll_args_valid(args) || args->pad ||
	    !zaccel_ring_entries_valid(args->sq_entries) ||
	    !zaccel_ring_entries_valid(args->cq_entries) ||
	    args->cq_entries < args->sq_entries ||
	    !zaccel_ring_entry_size(&args->sqe_size,
				    sizeof(struct drm_zaccel_command),
				    ZACCEL_MAX_SQE_SIZE) ||
	    !zaccel_ring_entry_size(&args->cqe_size,
				    sizeof(struct drm_zaccel_completion),
				    ZACCEL_MAX_CQE_SIZE) ||
	    args->slots > ZACCEL_MAX_SLOTS ||
	    args->priority >= ARRAY_SIZE(zaccel_ring_ranks) ||
	    args->timeout_ms > to_zaccel_device(drm)->engine.watchdog.max_batch_ms) {
		drm_dbg(drm,
			"ring: flags %#x pad %u entries %u/%u sizes %u/%u slots %u priority %u timeout %u idle %u cpu %u\n",
			args->flags, args->pad, args->sq_entries,
			args->cq_entries, args->sqe_size, args->cqe_size,
			args->slots, args->priority, args->timeout_ms,
			args->idle_us, args->poll_cpu);
		return -EINVAL;
	}
	args->priority = array_index_nospec(args->priority,
					    ARRAY_SIZE(zaccel_ring_ranks));
	if (args->priority == ZACCEL_PRIORITY_HIGH && !capable(CAP_SYS_NICE)) {
		drm_dbg(drm, "ring: high priority needs CAP_SYS_NICE\n");
		return -EPERM;
	}
	if (args->engine != 0) {
		drm_dbg(drm, "ring: no engine %u\n", args->engine);
		return -ENOENT;
	}
	return 0;
}

int zaccel_ring_create_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file)
{
	struct zaccel_device *zdev = to_zaccel_device(drm);
	struct zaccel_file *zfile = file->driver_priv;
	struct drm_zaccel_ring_create *args = data;
	struct zaccel_ring *ring;
	int ret, idx;

	ret = zaccel_ring_create_check(drm, args);
	if (ret)
		return ret;
	ring = zaccel_ring_create(zdev, zfile, args);
	if (IS_ERR(ring))
		return PTR_ERR(ring);

	ret = xa_alloc(&zfile->rings, &args->id, NULL,
		       XA_LIMIT(1, ZACCEL_MAX_RINGS), GFP_KERNEL_ACCOUNT);
	if (ret) {
		ret = ret == -EBUSY ? -ENOSPC : ret;
		goto err_ring;
	}
	ret = drm_gem_handle_create(file, ring->obj, &args->handle);
	if (ret)
		goto err_id;
	ring->id = args->id;

	/* A ring is in the device's list, for unplug, or does not come to be. */
	if (!drm_dev_enter(drm, &idx)) {
		ret = -ENODEV;
		goto err_handle;
	}
	zaccel_stats_join(ring);
	mutex_lock(&zdev->rings_lock);
	list_add_tail(&ring->device_node, &zdev->rings);
	mutex_unlock(&zdev->rings_lock);
	drm_dev_exit(idx);

	if (args->flags & ZACCEL_RING_POLL) {
		ret = zaccel_poller_add(zfile, ring, args);
		if (ret) {
			zaccel_ring_kill(ring, -ECANCELED);
			goto err_handle;
		}
	}

	/* Only now can other threads find it; the place is reserved. */
	xa_store(&zfile->rings, args->id, ring, 0);
	return 0;

err_handle:
	drm_gem_handle_delete(file, args->handle);
err_id:
	xa_erase(&zfile->rings, args->id);
err_ring:
	zaccel_ring_put(ring);
	return ret;
}

int zaccel_ring_destroy_ioctl(struct drm_device *drm, void *data,
			      struct drm_file *file)
{
	struct zaccel_file *zfile = file->driver_priv;
	struct drm_zaccel_ring_destroy *args = data;
	struct zaccel_ring *ring;

	if (args->pad) {
		drm_dbg(drm, "ring destroy: pad %u\n", args->pad);
		return -EINVAL;
	}
	/* Erasing a reserved place would hand its id out twice. */
	xa_lock(&zfile->rings);
	ring = xa_load(&zfile->rings, args->id);
	if (ring)
		__xa_erase(&zfile->rings, args->id);
	xa_unlock(&zfile->rings);
	if (!ring)
		return -ENOENT;

	zaccel_ring_kill(ring, -ECANCELED);
	zaccel_poller_remove(zfile, ring);
	zaccel_ring_clear_slots(ring);
	zaccel_ring_put(ring);
	return 0;
}

static int zaccel_ring_set_slot(struct zaccel_ring *ring, u32 slot,
				struct zaccel_binding *binding)
{
	int error;

	slot = array_index_nospec(slot, ring->num_slots);
	mutex_lock(&ring->lock);
	error = ring->error;
	if (!error)
		swap(ring->slots[slot], binding);
	mutex_unlock(&ring->lock);
	zaccel_binding_put(binding);
	return error;
}

static bool zaccel_bind_args_empty(const struct drm_zaccel_ring_bind *args)
{
	const struct drm_zaccel_ring_bind empty = {
		.id = args->id,
		.slot = args->slot,
	};

	return !memcmp(args, &empty, sizeof(empty));
}

static int zaccel_ring_bind(struct zaccel_ring *ring, struct drm_file *file,
			    const struct drm_zaccel_ring_bind *args)
{
	struct zaccel_binding *binding = NULL;

	if (args->flags || args->pad || args->slot >= ring->num_slots) {
		drm_dbg(&ring->zdev->drm, "bind: flags %#x pad %u slot %u of %u\n",
			args->flags, args->pad, args->slot, ring->num_slots);
		return -EINVAL;
	}
	if (args->kind != ZACCEL_SLOT_EMPTY)
		binding = zaccel_binding_create(file, args);
	else if (!zaccel_bind_args_empty(args))
		return -EINVAL;
	if (IS_ERR(binding))
		return PTR_ERR(binding);

	return zaccel_ring_set_slot(ring, args->slot, binding);
}

int zaccel_ring_bind_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file)
{
	struct drm_zaccel_ring_bind *args = data;
	struct zaccel_ring *ring;
	int ret;

	ring = zaccel_ring_find(file, args->id);
	if (!ring)
		return -ENOENT;
	ret = zaccel_ring_bind(ring, file, args);
	zaccel_ring_put(ring);
	return ret;
}
