// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: completions
 *
 * The engine's thread posts; whoever waits looks at the queue it has mapped, or
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

static void zaccel_ring_tell_eventfd(struct zaccel_ring *ring)
{
	struct eventfd_ctx *eventfd;

	rcu_read_lock();
	eventfd = rcu_dereference(ring->eventfd);
	if (eventfd)
		eventfd_signal(eventfd);
	rcu_read_unlock();
}

void zaccel_ring_wake(struct zaccel_ring *ring)
{
	wake_up_all(&ring->wait);
	zaccel_ring_tell_eventfd(ring);
}

static void zaccel_ring_put_completion(struct zaccel_ring *ring, u32 index,
				       u64 now)
{
	const struct zaccel_cmd *cmd = zaccel_ring_cmd(ring, index);
	u8 *to = ring->cq + zaccel_ring_slot(index, ring->cq_entries) *
			    ring->cqe_size;
	u32 rest = ring->cqe_size - sizeof(struct drm_zaccel_completion);

	*(struct drm_zaccel_completion *)to = (struct drm_zaccel_completion){
		.user_data = cmd->entry.user_data,
		.result = cmd->result,
		.time_ns = cmd->time_ns ? cmd->time_ns : now,
		.status = cmd->status,
	};
	if (rest)
		memset(to + sizeof(struct drm_zaccel_completion), 0, rest);
}

void zaccel_ring_post(struct zaccel_ring *ring, u32 first, u32 count)
{
	u64 now = ktime_get_ns();
	u32 i;

	for (i = first; i != first + count; i++)
		zaccel_ring_put_completion(ring, i, now);

	WRITE_ONCE(ring->cq_posted, first + count);
	/* Pairs with the reaper's load of cq_tail: entries before index. */
	smp_store_release(&ring->header->cq_tail, first + count);
	/* Who saw this may look for the tail. */
	smp_store_release(&ring->cq_shown, first + count);
	zaccel_ring_wake(ring);
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
