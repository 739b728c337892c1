// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: fetch
 *
 * The doorbell's work: entries are copied out of the shared memory once, the
 * copies are checked and are what is run. A batch is taken whole or not at all.
 *
 * Of the indices in the header only two are read, sq_tail and cq_head, both
 * checked against the kernel's own: cq_head may not pass what was posted, so
 * that no private copy of an unfinished batch is ever overwritten.
 */

#include <linux/dma-fence.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "zaccel_check.h"
#include "zaccel_drv.h"
#include "zaccel_job.h"
#include "zaccel_late.h"
#include "zaccel_ring.h"
#include "zaccel_sync.h"

/*
 * Completions that can still be promised. -EINVAL when the index that user
 * space stored cannot be.
 */
static int zaccel_ring_cq_space(struct zaccel_ring *ring, u32 *space)
{
	/*
	 * Pairs with the reaper's release: its reads of the entries are done.
	 * The order of the two loads matters: cq_head never passes a cq_posted
	 * that is read after it.
	 */
	u32 head = smp_load_acquire(&ring->header->cq_head);
	u32 posted = READ_ONCE(ring->cq_posted);

	if (!zaccel_ring_tail_valid(head, posted, ring->cq_entries) ||
	    !zaccel_ring_tail_valid(head, ring->cq_reserved, ring->cq_entries)) {
		drm_dbg(&ring->zdev->drm, "submit: cq_head %u, posted %u\n",
			head, posted);
		return -EINVAL;
	}
	*space = zaccel_ring_free(head, ring->cq_reserved, ring->cq_entries);
	return 0;
}

static const u8 *zaccel_ring_sqe(struct zaccel_ring *ring, u32 index)
{
	return ring->sq + zaccel_ring_slot(index, ring->sq_entries) *
			  ring->sqe_size;
}

/* The flags of an entry that is not copied, for a look ahead. */
static u16 zaccel_ring_peek_flags(struct zaccel_ring *ring, u32 index)
{
	const struct drm_zaccel_command *entry =
		(const void *)zaccel_ring_sqe(ring, index);

	return READ_ONCE(entry->flags);
}

static void zaccel_ring_copy_entry(struct zaccel_ring *ring, u32 index,
				   struct zaccel_cmd *cmd)
{
	const u8 *from = zaccel_ring_sqe(ring, index);
	u32 rest = ring->sqe_size - sizeof(cmd->entry);

	cmd->entry = *(const struct drm_zaccel_command *)from;
	barrier(); /* From here on only the copy is looked at. */
	/* Fields of a later header mean nothing here, so they must be zero. */
	cmd->status = rest && memchr_inv(from + sizeof(cmd->entry), 0, rest) ?
		      -EINVAL : 0;
}

/*
 * Copy the next batch. Returns its length, 0 when there is no whole one, or
 * -EAGAIN when the completion queue has no room for it.
 */
static int zaccel_ring_copy_batch(struct zaccel_ring *ring, u32 tail)
{
	u32 available = zaccel_ring_count(ring->sq_head, tail);
	u32 space, i;
	int ret;

	ret = zaccel_ring_cq_space(ring, &space);
	if (ret)
		return ret;

	for (i = 0; i < available; i++) {
		u32 index = ring->sq_head + i;
		struct zaccel_cmd *cmd;

		if (i >= space) {
			if (zaccel_ring_peek_flags(ring, index) &
			    ZACCEL_CMD_END)
				return -EAGAIN;
			continue;
		}
		cmd = zaccel_ring_cmd(ring, ring->cq_reserved + i);
		zaccel_ring_copy_entry(ring, index, cmd);
		if (cmd->entry.flags & ZACCEL_CMD_END)
			return i + 1;
	}
	/* A full ring that holds no end of batch can never go on. */
	return available == ring->sq_entries ? -EINVAL : 0;
}

static int zaccel_batch_init(struct zaccel_job *job,
			     const struct zaccel_syncs *syncs, bool first)
{
	u32 i;
	int ret;

	for (i = 0; first && syncs && i < syncs->num_in; i++) {
		ret = zaccel_job_add_dep(job, syncs->in[i]);
		if (ret)
			return ret;
	}
	ret = zaccel_job_check(job);
	if (ret)
		return ret;
	zaccel_late_prepare(job);
	return zaccel_job_publish(job, (syncs && syncs->num_out) ||
				       !list_empty(&job->signals));
}

static struct zaccel_job *zaccel_batch_prepare(struct zaccel_ring *ring,
					       u32 count,
					       const struct zaccel_syncs *syncs,
					       bool first)
{
	struct zaccel_job *job = zaccel_job_alloc(ring);
	int ret;

	if (!job)
		return ERR_PTR(-ENOMEM);
	job->first = ring->cq_reserved;
	job->count = count;
	ret = zaccel_batch_init(job, syncs, first);
	if (ret) {
		zaccel_job_free(job);
		return ERR_PTR(ret);
	}
	return job;
}

static void zaccel_batch_signal(struct zaccel_job *job)
{
	struct zaccel_signal *signal;

	list_for_each_entry(signal, &job->signals, node)
		zaccel_signal_install(signal, job->fence);
}

/* Fetch one batch. Returns its length, 0 when there is none, or -errno. */
static int zaccel_ring_fetch(struct zaccel_ring *ring, u32 tail,
			     const struct zaccel_syncs *syncs, bool first,
			     struct dma_fence **fence)
{
	struct zaccel_job *job;
	bool cookie;
	int count;

	count = zaccel_ring_copy_batch(ring, tail);
	if (count <= 0)
		return count;
	job = zaccel_batch_prepare(ring, count, syncs, first);
	if (IS_ERR(job))
		return PTR_ERR(job);

	zaccel_batch_signal(job);
	if (syncs && syncs->num_out) {
		dma_fence_put(*fence);
		*fence = dma_fence_get(job->fence);
	}
	ring->cq_reserved += count;
	ring->sq_head += count;
	/* Pairs with the submitter's load of sq_head: the copies are made. */
	smp_store_release(&ring->header->sq_head, ring->sq_head);
	cookie = job->cookie;
	zaccel_job_queue(job);
	dma_fence_end_signalling(cookie);
	return count;
}

static int zaccel_ring_fetch_all(struct zaccel_ring *ring,
				 const struct zaccel_syncs *syncs, u32 *fetched,
				 struct dma_fence **fence)
{
	u32 tail;
	int ret;

	if (ring->error)
		return ring->error;

	/* Pairs with the submitter's release: entries before index. */
	tail = smp_load_acquire(&ring->header->sq_tail);
	if (!zaccel_ring_tail_valid(ring->sq_head, tail, ring->sq_entries)) {
		drm_dbg(&ring->zdev->drm, "submit: sq_tail %u, head %u of %u\n",
			tail, ring->sq_head, ring->sq_entries);
		return -EINVAL;
	}
	for (;;) {
		ret = zaccel_ring_fetch(ring, tail, syncs, !*fetched, fence);
		if (ret <= 0)
			break;
		*fetched += ret;
		/* The next doorbell goes on; nobody waits for the whole ring. */
		if (signal_pending(current) ||
		    drm_dev_is_unplugged(&ring->zdev->drm))
			break;
		cond_resched();
	}
	return *fetched ? 0 : ret;
}

int zaccel_ring_submit(struct zaccel_ring *ring, struct zaccel_syncs *syncs,
		       u32 *fetched)
{
	struct dma_fence *fence = NULL;
	u32 i, end = 0;
	int ret, idx;

	if (!drm_dev_enter(&ring->zdev->drm, &idx))
		return -ENODEV;

	ret = mutex_lock_interruptible(&ring->lock);
	if (!ret) {
		ret = zaccel_ring_fetch_all(ring, syncs, fetched, &fence);
		end = ring->cq_reserved;
		mutex_unlock(&ring->lock);
	}
	drm_dev_exit(idx);

	for (i = 0; fence && i < syncs->num_out; i++)
		zaccel_signal_install(&syncs->out[i], fence);
	dma_fence_put(fence);
	if (*fetched)
		zaccel_late_wait(ring, end);
	return ret;
}

int zaccel_ring_submit_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file)
{
	struct drm_zaccel_ring_submit *args = data;
	struct zaccel_syncs syncs = {};
	struct zaccel_ring *ring;
	int ret;

	args->fetched = 0;
	if (args->flags || args->pad) {
		drm_dbg(drm, "submit: flags %#x pad %u\n", args->flags,
			args->pad);
		return -EINVAL;
	}
	ring = zaccel_ring_find(file, args->id);
	if (!ring)
		return -ENOENT;

	/* User memory is read before the section that unplugging waits for. */
	ret = zaccel_syncs_get(&syncs, file, args);
	if (!ret)
		ret = zaccel_ring_submit(ring, &syncs, &args->fetched);
	zaccel_syncs_put(&syncs);
	zaccel_ring_put(ring);
	return ret;
}
