// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: statistics
 *
 * Each open file says in its fdinfo what it costs others, with the keys that
 * Documentation/gpu/drm-usage-stats.rst gives them: the time for which the engine
 * has run its batches, and the memory behind its handles.
 *
 * A batch counts from the moment when its first command starts to the end of its
 * last, less the time for which it was preempted; what it waits before, or is held
 * back by late mode, is not the engine's work. An instance runs one batch at a
 * time, so all clients together are never busy for longer than time passes, times
 * the instances.
 *
 * On a thread, stretches are added up under the engine's lock, where the one that
 * is under way can be seen too: who reads there sees each once. Inside a doorbell
 * every instruction counts, and a batch is over in microseconds. So its time is
 * added when it is done, to counters of its ring, which only doorbells write.
 */

#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>

#include "zaccel_compat.h"
#include "zaccel_drv.h"
#include "zaccel_gem.h"
#include "zaccel_job.h"
#include "zaccel_region.h"
#include "zaccel_stats.h"

struct zaccel_stats *zaccel_stats_create(u64 client_id)
{
	struct zaccel_stats *stats = kzalloc(sizeof(*stats), GFP_KERNEL_ACCOUNT);

	if (!stats)
		return NULL;
	kref_init(&stats->ref);
	spin_lock_init(&stats->lock);
	INIT_LIST_HEAD(&stats->rings);
	stats->client_id = client_id;
	return stats;
}

struct zaccel_stats *zaccel_stats_get(struct zaccel_stats *stats)
{
	kref_get(&stats->ref);
	return stats;
}

static void zaccel_stats_release(struct kref *ref)
{
	kfree(container_of(ref, struct zaccel_stats, ref));
}

void zaccel_stats_put(struct zaccel_stats *stats)
{
	if (stats)
		kref_put(&stats->ref, zaccel_stats_release);
}

static void zaccel_usage_add_ring(struct zaccel_usage *usage,
				  const struct zaccel_ring *ring)
{
	usage->busy_ns += atomic64_read(&ring->inline_ns);
	usage->batches += atomic64_read(&ring->inline_batches);
}

void zaccel_stats_join(struct zaccel_ring *ring)
{
	struct zaccel_stats *stats = ring->stats;

	spin_lock(&stats->lock);
	list_add_tail(&ring->stats_node, &stats->rings);
	spin_unlock(&stats->lock);
}

void zaccel_stats_leave(struct zaccel_ring *ring)
{
	struct zaccel_stats *stats = ring->stats;

	spin_lock(&stats->lock);
	if (!list_empty(&ring->stats_node)) {
		list_del_init(&ring->stats_node);
		zaccel_usage_add_ring(&stats->ended, ring);
	}
	spin_unlock(&stats->lock);
}

void zaccel_stats_pause(struct zaccel_job *job)
{
	lockdep_assert_held(&job->ring->engine->lock);
	if (job->since_ns) {
		/* Not before the lock: somebody may have seen more since. */
		job->end_ns = ktime_get_ns();
		job->busy_ns += job->end_ns - job->since_ns;
		job->ring->stats->threads.busy_ns += job->end_ns - job->since_ns;
		job->since_ns = 0;
	}
}

void zaccel_stats_begin(struct zaccel_job *job)
{
	struct zaccel_engine *engine = job->ring->engine;

	spin_lock_irq(&engine->lock);
	if (!job->since_ns)
		job->since_ns = ktime_get_ns();
	spin_unlock_irq(&engine->lock);
}

void zaccel_stats_end(struct zaccel_job *job)
{
	struct zaccel_engine *engine = job->ring->engine;

	spin_lock_irq(&engine->lock);
	zaccel_stats_pause(job);
	job->ring->stats->threads.batches++;
	spin_unlock_irq(&engine->lock);
}

u64 zaccel_job_busy_ns(const struct zaccel_job *job, u64 now)
{
	return job->busy_ns + (job->since_ns ? now - job->since_ns : 0);
}

/* Inside doorbells. */
static struct zaccel_usage zaccel_stats_read_inline(struct zaccel_stats *stats)
{
	const struct zaccel_ring *ring;
	struct zaccel_usage usage;

	spin_lock(&stats->lock);
	usage = stats->ended;
	list_for_each_entry(ring, &stats->rings, stats_node)
		zaccel_usage_add_ring(&usage, ring);
	spin_unlock(&stats->lock);
	return usage;
}

struct zaccel_usage zaccel_stats_read(struct zaccel_stats *stats,
				      struct zaccel_engine *engine)
{
	struct zaccel_usage usage = zaccel_stats_read_inline(stats);
	u64 now;
	u32 i;

	spin_lock_irq(&engine->lock);
	now = ktime_get_ns();
	usage.busy_ns += stats->threads.busy_ns;
	usage.batches += stats->threads.batches;
	for (i = 0; i < engine->num_instances; i++) {
		const struct zaccel_job *job = engine->instances[i].job;

		if (job && job->ring->stats == stats && job->since_ns)
			usage.busy_ns += now - job->since_ns;
	}
	spin_unlock_irq(&engine->lock);
	return usage;
}

static bool zaccel_bo_resident(struct zaccel_bo *bo)
{
	return drm_gem_is_imported(&bo->shmem.base) || bo->vaddr ||
	       READ_ONCE(bo->shmem.pages);
}

static void zaccel_stats_add_buffer(struct drm_gem_object *obj,
				    struct drm_memory_stats *memory)
{
	/* DRM does not know of read-only exports. */
	if (READ_ONCE(to_zaccel_bo(obj)->shared) ||
	    drm_gem_object_is_shared_for_memory_stats(obj))
		memory->shared += obj->size;
	else
		memory->private += obj->size;
	if (zaccel_bo_resident(to_zaccel_bo(obj)))
		memory->resident += obj->size;
	if (zaccel_bo_active(to_zaccel_bo(obj)))
		memory->active += obj->size;
}

void zaccel_stats_memory(struct drm_file *file, struct drm_memory_stats *memory)
{
	struct drm_gem_object *obj;
	int id;

	spin_lock(&file->table_lock);
	idr_for_each_entry(&file->object_idr, obj, id)
		zaccel_stats_add_buffer(obj, &memory[to_zaccel_bo(obj)->region]);
	spin_unlock(&file->table_lock);
}

static void zaccel_show_memory(struct drm_printer *p, struct drm_file *file)
{
	struct zaccel_device *zdev = to_zaccel_device(file->minor->dev);
	struct drm_memory_stats memory[ZACCEL_NUM_REGIONS] = {};
	u32 i;

	zaccel_stats_memory(file, memory);
	for (i = 0; zaccel_region_max_size(zdev, i); i++)
		/* There is a name that is kept for the system's memory. */
		drm_print_memory_stats(p, &memory[i],
				       DRM_GEM_OBJECT_RESIDENT |
				       DRM_GEM_OBJECT_ACTIVE,
				       i == ZACCEL_REGION_SYSTEM ? "memory" :
				       zaccel_region_name(i));
}

void zaccel_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct zaccel_engine *engine = &to_zaccel_device(file->minor->dev)->engine;
	struct zaccel_file *zfile = file->driver_priv;
	const char *name = engine->ops->name;
	struct zaccel_usage usage;

	usage = zaccel_stats_read(zfile->stats, engine);
	drm_printf(p, "drm-engine-%s:\t%llu ns\n", name, usage.busy_ns);
	drm_printf(p, "drm-engine-capacity-%s:\t%u\n", name,
		   engine->num_instances);
	drm_printf(p, "zaccel-batches-%s:\t%llu\n", name, usage.batches);
	zaccel_show_memory(p, file);
}
