// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: completions
 *
 * Whoever ran a batch posts its completions; whoever waits looks at the queue it has mapped, or
 * sleeps on the ring's wait queue: in a wait call, in poll() on the ring's
 * descriptor, or elsewhere with an eventfd.
 */

#include <linux/eventfd.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "zaccel_drv.h"
#include "zaccel_ring.h"
#include "zaccel_trace.h"

static void zaccel_ring_tell_eventfd(struct zaccel_ring *ring)
{
	struct eventfd_ctx *eventfd;

	if (!rcu_access_pointer(ring->eventfd))
		return;
	rcu_read_lock();
	eventfd = rcu_dereference(ring->eventfd);
	if (eventfd)
		eventfd_signal(eventfd);
	rcu_read_unlock();
}

void zaccel_ring_wake(struct zaccel_ring *ring)
{
	/* Orders what was stored before against a look at who sleeps. */
	if (wq_has_sleeper(&ring->wait))
		wake_up_all(&ring->wait);
	zaccel_ring_tell_eventfd(ring);
}

/* What a completion lacks: the time, unless it has its own, and what is behind. */
static void zaccel_ring_complete(struct zaccel_ring *ring, u32 index, u64 now)
{
	struct drm_zaccel_completion *cqe = zaccel_ring_cqe(ring, index);

	if (!(zaccel_ring_cmd(ring, index)->flags & ZACCEL_CMD_TIMESTAMP))
		cqe->time_ns = now;
	memset(cqe + 1, 0, ring->cqe_size - sizeof(*cqe));
}

static noinline void zaccel_job_complete(struct zaccel_job *job)
{
	u32 i;

	for (i = job->first; i != job->first + job->count; i++)
		zaccel_ring_complete(job->ring, i, job->end_ns);
}

void zaccel_job_stamp(struct zaccel_job *job)
{
	struct zaccel_ring *ring = job->ring;
	const u32 end = job->first + job->count;
	const u64 now = job->end_ns;
	u32 i;

	if (likely(!job->timed &&
		   ring->cqe_size == sizeof(struct drm_zaccel_completion)))
		for (i = job->first; i != end; i++)
			zaccel_ring_cqe(ring, i)->time_ns = now;
	else
		zaccel_job_complete(job);
}

void zaccel_ring_post(struct zaccel_job *job)
{
	struct zaccel_ring *ring = job->ring;
	u32 end = job->first + job->count;

	trace_zaccel_post(job);
	WRITE_ONCE(ring->cq_posted, end);
	/* Pairs with the reaper's load of cq_tail: entries before index. */
	smp_store_release(&ring->header->cq_tail, end);
	/* Who saw this may look for the tail. */
	smp_store_release(&ring->cq_shown, end);
}

static bool zaccel_ring_wait_done(struct zaccel_ring *ring, u32 index)
{
	return zaccel_ring_reached(zaccel_ring_shown(ring), index) ||
	       READ_ONCE(ring->error);
}

static int zaccel_ring_sleep(struct zaccel_ring *ring, u32 index, s64 deadline)
{
	ktime_t left = zaccel_time_left(deadline);

	if (zaccel_ring_wait_done(ring, index))
		return 0;
	if (!left)
		return -ETIME;
	return wait_event_interruptible_hrtimeout(ring->wait,
						  zaccel_ring_wait_done(ring, index),
						  left);
}

int zaccel_ring_wait(struct zaccel_ring *ring, struct drm_zaccel_ring_wait *args)
{
	int ret = zaccel_ring_sleep(ring, args->index, args->deadline_ns);

	args->tail = zaccel_ring_shown(ring);
	if (ret)
		return ret;
	/* What was posted before the ring ended counts. */
	if (zaccel_ring_reached(args->tail, args->index))
		return 0;
	return READ_ONCE(ring->error);
}

int zaccel_ring_wait_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file)
{
	struct drm_zaccel_ring_wait *args = data;
	struct zaccel_ring *ring;
	int ret;

	if (args->flags) {
		drm_dbg(drm, "wait: flags %#x\n", args->flags);
		return -EINVAL;
	}
	ring = zaccel_ring_find(file, args->id);
	if (!ring)
		return -ENOENT;
	ret = zaccel_ring_wait(ring, args);
	zaccel_ring_put(ring);
	return ret;
}

/* Takes over the reference; NULL for none. A ring that has ended tells nobody. */
static int zaccel_ring_set_eventfd(struct zaccel_ring *ring,
				   struct eventfd_ctx *eventfd)
{
	int error;

	mutex_lock(&ring->lock);
	error = ring->error;
	if (!error)
		eventfd = rcu_replace_pointer(ring->eventfd, eventfd,
					      lockdep_is_held(&ring->lock));
	mutex_unlock(&ring->lock);
	/* Pairs with zaccel_ring_wake(): told, or the completion can be seen. */
	smp_mb();
	if (!eventfd)
		return error;
	if (!error)
		synchronize_rcu();
	eventfd_ctx_put(eventfd);
	return error;
}

int zaccel_ring_eventfd_ioctl(struct drm_device *drm, void *data,
			      struct drm_file *file)
{
	struct drm_zaccel_ring_eventfd *args = data;
	struct eventfd_ctx *eventfd = NULL;
	struct zaccel_ring *ring;
	int ret;

	if (args->flags || args->pad || args->fd < -1) {
		drm_dbg(drm, "eventfd: flags %#x pad %u fd %d\n", args->flags,
			args->pad, args->fd);
		return args->fd < -1 ? -EBADF : -EINVAL;
	}
	ring = zaccel_ring_find(file, args->id);
	if (!ring)
		return -ENOENT;
	if (args->fd != -1)
		eventfd = eventfd_ctx_fdget(args->fd);
	ret = IS_ERR(eventfd) ? PTR_ERR(eventfd) :
				zaccel_ring_set_eventfd(ring, eventfd);
	zaccel_ring_put(ring);
	return ret;
}
