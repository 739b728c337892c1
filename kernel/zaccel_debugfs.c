// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: lists
 *
 * Who is there, what they have and what the engine does and is to do next, for who
 * look for the batch that is stuck. So nothing here waits for a lock that may be
 * held for long: what cannot be had at once is shown as "?". The columns of a
 * line may be a moment apart.
 *
 * debugfs keeps the device while a file is read, and refuses to read it once the
 * device has gone.
 */

#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <drm/drm_debugfs.h>
#include <drm/drm_device.h>
#include <drm/drm_file.h>

#include "zaccel_debugfs.h"
#include "zaccel_drv.h"
#include "zaccel_job.h"
#include "zaccel_ring.h"
#include "zaccel_stats.h"

/* Jobs that are listed: the engine's lock is not held for longer than that. */
#define ZACCEL_JOBS_LISTED	256u

static const char * const zaccel_rank_names[] = {
	[ZACCEL_RANK_LOW] = "low",
	[ZACCEL_RANK_NORMAL] = "normal",
	[ZACCEL_RANK_HIGH] = "high",
};

static struct drm_device *zaccel_seq_device(struct seq_file *m)
{
	const struct drm_debugfs_entry *entry = m->private;

	return entry->dev;
}

/* Programs choose their names, so what cannot be printed is not. */
static void zaccel_show_comm(struct seq_file *m, const char *comm)
{
	seq_printf(m, "  %*pE\n", (int)strlen(comm), comm);
}

static void zaccel_show_process(struct seq_file *m, struct drm_file *file)
{
	char comm[TASK_COMM_LEN] = "?";
	struct task_struct *task;
	struct pid *pid;

	rcu_read_lock();
	pid = rcu_dereference(file->pid);
	task = pid_task(pid, PIDTYPE_TGID);
	if (task)
		get_task_comm(comm, task);
	seq_printf(m, " %7d", pid_nr(pid));
	rcu_read_unlock();
	zaccel_show_comm(m, comm);
}

static u32 zaccel_file_num_rings(struct zaccel_file *zfile)
{
	struct zaccel_ring *ring;
	unsigned long id;
	u32 n = 0;

	xa_for_each(&zfile->rings, id, ring)
		n++;
	return n;
}

static void zaccel_show_client(struct seq_file *m, struct drm_file *file)
{
	struct zaccel_device *zdev = to_zaccel_device(file->minor->dev);
	struct zaccel_file *zfile = file->driver_priv;
	struct drm_memory_stats memory[ZACCEL_NUM_REGIONS] = {};
	struct zaccel_usage usage;
	u64 total = 0, shared = 0;
	u32 i;

	usage = zaccel_stats_read(zfile->stats, &zdev->engine);
	zaccel_stats_memory(file, memory);
	for (i = 0; i < ZACCEL_NUM_REGIONS; i++) {
		total += memory[i].private + memory[i].shared;
		shared += memory[i].shared;
	}
	seq_printf(m, "%6llu %5u %12llu %16llu %12llu %12llu", file->client_id,
		   zaccel_file_num_rings(zfile),
		   usage.batches, usage.busy_ns,
		   total, shared);
	zaccel_show_process(m, file);
}

static int zaccel_clients_show(struct seq_file *m, void *unused)
{
	struct drm_device *drm = zaccel_seq_device(m);
	struct drm_file *file;

	seq_printf(m, "%6s %5s %12s %16s %12s %12s %7s  %s\n", "client", "rings",
		   "batches", "busy_ns", "memory", "shared", "pid", "comm");
	mutex_lock(&drm->filelist_mutex);
	list_for_each_entry(file, &drm->filelist, lhead) {
		zaccel_show_client(m, file);
		if (seq_has_overflowed(m))
			break;
		cond_resched();
	}
	mutex_unlock(&drm->filelist_mutex);
	return 0;
}

/* A doorbell may have the lock, and wait for who knows what. */
static void zaccel_show_slots(struct seq_file *m, struct zaccel_ring *ring)
{
	u32 i, bound = 0;

	if (!mutex_trylock(&ring->lock)) {
		seq_printf(m, " %5s/%-5u", "?", ring->num_slots);
		return;
	}
	for (i = 0; ring->slots && i < ring->num_slots; i++)
		bound += !!ring->slots[i];
	mutex_unlock(&ring->lock);
	seq_printf(m, " %5u/%-5u", bound, ring->num_slots);
}

/*
 * In commands. Jobs leave the pending list in their order, one at a time, so what
 * is before its first is at the engine.
 */
static void zaccel_show_in_flight(struct seq_file *m, struct zaccel_ring *ring)
{
	u32 posted = READ_ONCE(ring->cq_posted), reserved, waiting = 0;
	struct zaccel_job *job;

	spin_lock_irq(&ring->run_lock);
	reserved = READ_ONCE(ring->cq_reserved);
	job = list_first_entry_or_null(&ring->pending, struct zaccel_job, node);
	if (job)
		waiting = reserved - job->first;
	spin_unlock_irq(&ring->run_lock);
	seq_printf(m, " %9u %7u", reserved - posted, waiting);
}

static void zaccel_show_ring(struct seq_file *m, struct zaccel_ring *ring)
{
	seq_printf(m, "%6llu %6llu %3u %8s", ring->serial,
		   ring->stats->client_id, ring->id,
		   zaccel_rank_names[ring->rank]);
	seq_printf(m, " %5u %10u %10u %5u %10u %10u", ring->sq_entries,
		   READ_ONCE(ring->header->sq_tail), READ_ONCE(ring->sq_head),
		   ring->cq_entries, READ_ONCE(ring->cq_posted),
		   READ_ONCE(ring->header->cq_head));
	zaccel_show_in_flight(m, ring);
	zaccel_show_slots(m, ring);
	seq_printf(m, " %5d %7d", READ_ONCE(ring->error), ring->pid);
	zaccel_show_comm(m, ring->comm);
}

static int zaccel_rings_show(struct seq_file *m, void *unused)
{
	struct zaccel_device *zdev = to_zaccel_device(zaccel_seq_device(m));
	struct zaccel_ring *ring;

	seq_printf(m, "%6s %6s %3s %8s", "ring", "client", "id", "priority");
	seq_printf(m, " %5s %10s %10s %5s %10s %10s", "sq", "sq_tail",
		   "sq_head", "cq", "cq_tail", "cq_head");
	seq_printf(m, " %9s %7s %11s %5s %7s  %s\n", "in_flight", "waiting",
		   "slots", "error", "pid", "comm");
	mutex_lock(&zdev->rings_lock);
	list_for_each_entry(ring, &zdev->rings, device_node) {
		zaccel_show_ring(m, ring);
		/* It comes again, with a larger buffer. */
		if (seq_has_overflowed(m))
			break;
		cond_resched();
	}
	mutex_unlock(&zdev->rings_lock);
	return 0;
}

/* What is shown of a job, which may be gone once the lock is let go of. */
struct zaccel_listed {
	const char *state;
	int instance;
	u32 rank;
	u64 cookie;
	u64 client_id;
	u64 cost;
	u64 busy_ns;
	u32 count;
	u32 deps;
};

/**
 * struct zaccel_listing - jobs, the next that runs first
 */
struct zaccel_listing {
	/** @jobs: copies */
	struct zaccel_listed *jobs;
	/** @num: how many */
	u32 num;
	/** @more: there are others behind */
	bool more;
	/** @now: when they were listed */
	u64 now;
};

/* Under the engine's lock. False when there is no room. */
static bool zaccel_list_job(struct zaccel_listing *listing,
			    const struct zaccel_job *job, const char *state,
			    int instance, u32 rank)
{
	if (listing->num == ZACCEL_JOBS_LISTED) {
		listing->more = true;
		return false;
	}
	listing->jobs[listing->num++] = (struct zaccel_listed){
		.state = state,
		.instance = instance,
		.rank = rank,
		.cookie = zaccel_job_cookie(job),
		.client_id = job->ring->stats->client_id,
		.cost = job->cost,
		.busy_ns = zaccel_job_busy_ns(job, listing->now),
		.count = job->count,
		.deps = job->num_deps,
	};
	return true;
}

/* What each instance has, then what that came in the midst of. */
static void zaccel_list_running(struct zaccel_listing *listing,
				struct zaccel_engine *engine)
{
	const struct zaccel_job *job;
	u32 i;

	for (i = 0; i < engine->num_instances; i++) {
		const char *state = "running";

		for (job = engine->instances[i].job; job; job = job->below) {
			zaccel_list_job(listing, job, state, i, job->ring->rank);
			state = "preempted";
		}
	}
}

static void zaccel_list_queued(struct zaccel_listing *listing,
			       struct zaccel_engine *engine)
{
	const struct zaccel_job *job;
	u32 rank;

	for (rank = ZACCEL_RANKS; rank--;)
		list_for_each_entry(job, &engine->queue[rank], node)
			if (!zaccel_list_job(listing, job, "queued", -1, rank))
				return;
}

static void zaccel_list_engine(struct zaccel_listing *listing,
			       struct zaccel_engine *engine)
{
	spin_lock_irq(&engine->lock);
	listing->now = ktime_get_ns();
	zaccel_list_running(listing, engine);
	zaccel_list_queued(listing, engine);
	spin_unlock_irq(&engine->lock);
}

static void zaccel_show_listed(struct seq_file *m, const struct zaccel_listed *job)
{
	char instance[12] = "-";

	if (job->instance >= 0)
		snprintf(instance, sizeof(instance), "%d", job->instance);
	seq_printf(m, "%9s %8s %8s %#18llx %6llu %6llu %6u %12llu %5u %12llu\n",
		   job->state, instance, zaccel_rank_names[job->rank],
		   job->cookie, job->cookie >> 32, job->client_id, job->count,
		   job->cost, job->deps, job->busy_ns);
}

static int zaccel_queue_show(struct seq_file *m, void *unused)
{
	struct zaccel_device *zdev = to_zaccel_device(zaccel_seq_device(m));
	struct zaccel_listing listing = {};
	u32 i;

	listing.jobs = kcalloc(ZACCEL_JOBS_LISTED, sizeof(*listing.jobs),
			       GFP_KERNEL);
	if (!listing.jobs)
		return -ENOMEM;
	zaccel_list_engine(&listing, &zdev->engine);

	seq_printf(m, "%9s %8s %8s %18s %6s %6s %6s %12s %5s %12s\n", "state",
		   "instance", "priority", "cookie", "ring", "client", "count",
		   "cost", "deps", "busy_ns");
	for (i = 0; i < listing.num; i++)
		zaccel_show_listed(m, &listing.jobs[i]);
	if (listing.more)
		seq_puts(m, "     more\n");
	kfree(listing.jobs);
	return 0;
}

static const struct drm_debugfs_info zaccel_lists[] = {
	{ "clients", zaccel_clients_show },
	{ "rings", zaccel_rings_show },
	{ "queue", zaccel_queue_show },
};

void zaccel_debugfs_init(struct drm_device *drm)
{
	drm_debugfs_add_files(drm, zaccel_lists, ARRAY_SIZE(zaccel_lists));
}
