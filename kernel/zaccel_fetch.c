// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: fetch
 *
 * The doorbell's work: batches are taken, each whole or not at all, and run here
 * or sent on their way.
 *
 * Of the indices in the header only two are read, sq_tail and cq_head, both
 * checked against the kernel's own: cq_head may not pass what was posted, so
 * that no private copy of an unfinished batch is ever overwritten.
 */

#include <linux/dma-fence.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <drm/drm_print.h>

#include "zaccel_check.h"
#include "zaccel_drv.h"
#include "zaccel_job.h"
#include "zaccel_late.h"
#include "zaccel_poll.h"
#include "zaccel_ring.h"
#include "zaccel_sync.h"
#include "zaccel_trace.h"

/* The longest pause between two tries of it, when room or memory is missing. */
#define ZACCEL_POLL_RETRY_MS	64u

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

static int zaccel_batch_add_in(struct zaccel_job *job,
			       const struct zaccel_syncs *syncs)
{
	u32 i;
	int ret;

	for (i = 0; i < syncs->num_in; i++) {
		ret = zaccel_job_add_dep(job, syncs->in[i]);
		if (ret)
			return ret;
	}
	return 0;
}

/* Returns 1, 0 when there is no whole batch, or -errno. */
static int zaccel_batch_prepare(struct zaccel_ring *ring,
				struct zaccel_job *job, u32 tail,
				struct zaccel_syncs *syncs, bool first)
{
	bool want_fence;
	u32 space;
	int ret;

	ret = zaccel_ring_cq_space(ring, &space);
	if (ret)
		return ret;
	ret = zaccel_job_fetch(job, tail, space);
	if (ret != 1)
		return ret;

	if (first && syncs) {
		ret = zaccel_batch_add_in(job, syncs);
		if (ret)
			return ret;
	}
	if (unlikely(zaccel_late_is_on(ring->engine)))
		zaccel_late_prepare(job);
	trace_zaccel_fetch(job);
	want_fence = (syncs && syncs->num_out) || !list_empty(&job->signals);
	ret = zaccel_job_publish(job, want_fence);
	if (ret)
		return ret;
	if (syncs && syncs->num_out)
		zaccel_syncs_note(syncs, job->fence);
	return 1;
}

static void zaccel_batch_signal(struct zaccel_job *job)
{
	struct zaccel_signal *signal;

	list_for_each_entry(signal, &job->signals, node)
		zaccel_signal_install(signal, job->fence);
}

/* It is on its way, or done: nothing fails any more. Returns its length. */
static u32 zaccel_batch_commit(struct zaccel_ring *ring, struct zaccel_job *job)
{
	u32 count = job->count;
	bool cookie;

	zaccel_batch_signal(job);
	ring->cq_reserved += count;
	ring->sq_head += count;
	/*
	 * Pairs with the submitter's load of sq_head: the copies are made, the
	 * fences are where they were to go.
	 */
	smp_store_release(&ring->header->sq_head, ring->sq_head);
	if (job->done) {
		zaccel_job_stamp(job);
		zaccel_ring_post(job);
		zaccel_ring_wake(ring);
		if (!zaccel_job_is_clean(job))
			zaccel_job_reuse(job);
		return count;
	}
	cookie = job->cookie;
	zaccel_job_queue(job);
	dma_fence_end_signalling(cookie);
	return count;
}

/* Fetch one batch. Returns its length, 0 when there is none, or -errno. */
static int zaccel_ring_fetch(struct zaccel_ring *ring, u32 tail,
			     struct zaccel_syncs *syncs, bool first)
{
	struct zaccel_job *job = ring->next_job;
	int ret;

	if (unlikely(!job))
		job = zaccel_job_next(ring);
	if (!job)
		return -ENOMEM;
	ret = zaccel_batch_prepare(ring, job, tail, syncs, first);
	if (ret <= 0) {
		zaccel_job_reuse(job);
		return ret;
	}
	return zaccel_batch_commit(ring, job);
}

/* Returns as zaccel_ring_submit() does; at @most or a little more it stops. */
static int zaccel_ring_fetch_all(struct zaccel_ring *ring,
				 struct zaccel_syncs *syncs, u32 most)
{
	u32 tail, fetched = 0;
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
	trace_zaccel_submit(ring, tail);
	for (ret = 0; ring->sq_head != tail; cond_resched()) {
		ret = zaccel_ring_fetch(ring, tail, syncs, !fetched);
		if (ret <= 0)
			break;
		fetched += ret;
		if (likely(ring->sq_head == tail))
			break;
		/* The next doorbell goes on; nobody waits for the whole ring. */
		if (fetched >= most || signal_pending(current) ||
		    READ_ONCE(ring->ending))
			break;
	}
	return fetched ? fetched : ret;
}

/* With the ring's lock. What it is woken for, the poller finds by itself. */
static int zaccel_ring_wake_poller(struct zaccel_ring *ring,
				   const struct zaccel_syncs *syncs)
{
	if (ring->error)
		return ring->error;
	if (syncs && (syncs->num_in || syncs->num_out)) {
		drm_dbg(&ring->zdev->drm, "submit: syncobjs to a polled ring\n");
		return -EINVAL;
	}
	zaccel_poller_wake(ring->poll.poller);
	return 0;
}

/* In one piece: of a small batch, calls would be a good part of the cost. */
__flatten int zaccel_ring_submit(struct zaccel_ring *ring,
				 struct zaccel_syncs *syncs)
{
	u32 end;
	int ret;

	/*
	 * No drm_dev_enter(): the removal of the device ends each ring under this
	 * lock, and its engine after that.
	 */
	ret = mutex_lock_interruptible(&ring->lock);
	if (ret)
		return ret;
	ret = unlikely(ring->poll.poller) ?
	      zaccel_ring_wake_poller(ring, syncs) :
	      zaccel_ring_fetch_all(ring, syncs, U32_MAX);
	end = ring->cq_reserved;
	mutex_unlock(&ring->lock);

	if (syncs)
		zaccel_syncs_signal(syncs);
	if (unlikely(zaccel_late_is_on(ring->engine)) && ret > 0)
		zaccel_late_wait(ring, end);
	return ret;
}

/* Entries are there that were left for want of room or memory. */
static bool zaccel_ring_poll_waits(struct zaccel_ring *ring)
{
	return ring->poll.pause && !READ_ONCE(ring->error) &&
	       READ_ONCE(ring->header->sq_tail) != ring->sq_head;
}

long zaccel_ring_poll_patience(struct zaccel_ring *ring)
{
	long left = ring->poll.retry - jiffies;

	return zaccel_ring_poll_waits(ring) ? max(left, 1L) :
					      MAX_SCHEDULE_TIMEOUT;
}

static bool zaccel_ring_poll_due(struct zaccel_ring *ring)
{
	return zaccel_ring_poll_waits(ring) &&
	       time_after_eq(jiffies, ring->poll.retry);
}

static void zaccel_ring_poll_note(struct zaccel_ring *ring, int status)
{
	struct zaccel_ring_poll *poll = &ring->poll;
	u32 longest = msecs_to_jiffies(ZACCEL_POLL_RETRY_MS);

	if (status != -EAGAIN && status != -ENOMEM)
		poll->pause = 0;
	else
		poll->pause = clamp(2 * poll->pause, 1u, longest);
	poll->retry = jiffies + poll->pause;
	if (status == poll->status)
		return;
	poll->status = status;
	WRITE_ONCE(ring->header->poll_status, status);
}

int zaccel_ring_poll(struct zaccel_ring *ring)
{
	struct zaccel_ring_poll *poll = &ring->poll;
	u32 tail = READ_ONCE(ring->header->sq_tail);
	u32 head = READ_ONCE(ring->header->cq_head);
	int fetched;

	if (likely(tail == ring->sq_head) || READ_ONCE(ring->error))
		return 0;
	if (tail == poll->sq_tail && head == poll->cq_head && !poll->again &&
	    !zaccel_ring_poll_due(ring))
		return 0;

	mutex_lock(&ring->lock);
	fetched = zaccel_ring_fetch_all(ring, NULL, ZACCEL_POLL_MOST);
	mutex_unlock(&ring->lock);
	poll->sq_tail = tail;
	poll->cq_head = head;
	poll->again = fetched > 0;
	zaccel_ring_poll_note(ring, min(fetched, 0));
	return fetched > 0 ? fetched : -EAGAIN;
}

/* Apart from those who have no syncobjs, and do not pay for the arrays. */
static noinline int
zaccel_ring_submit_syncs(struct zaccel_ring *ring, struct drm_file *file,
			 const struct drm_zaccel_ring_submit *args)
{
	struct zaccel_syncs syncs = {};
	int ret;

	/* User memory is read before the section that unplugging waits for. */
	ret = zaccel_syncs_get(&syncs, file, args);
	if (!ret)
		ret = zaccel_ring_submit(ring, &syncs);
	zaccel_syncs_put(&syncs);
	return ret;
}

int zaccel_ring_submit_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file)
{
	struct drm_zaccel_ring_submit *args = data;
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

	ret = args->in_count || args->out_count ?
	      zaccel_ring_submit_syncs(ring, file, args) :
	      zaccel_ring_submit(ring, NULL);
	zaccel_ring_put(ring);
	if (ret < 0)
		return ret;
	args->fetched = ret;
	return 0;
}
