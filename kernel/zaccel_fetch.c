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

#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>
#include <drm/drm_syncobj.h>

#include "zaccel_binding.h"
#include "zaccel_drv.h"
#include "zaccel_job.h"
#include "zaccel_ring.h"

/* Both ends of a doorbell: what the first batch waits for, who is told. */
struct zaccel_syncs {
	u32 num_in;
	u32 num_out;
	struct dma_fence *in[ZACCEL_MAX_SYNCOBJS];
	struct drm_syncobj *out[ZACCEL_MAX_SYNCOBJS];
};

static void zaccel_syncs_put(struct zaccel_syncs *syncs)
{
	while (syncs->num_in)
		dma_fence_put(syncs->in[--syncs->num_in]);
	while (syncs->num_out)
		drm_syncobj_put(syncs->out[--syncs->num_out]);
}

static int zaccel_syncs_copy(u32 *handles, u64 user, u32 count)
{
	if (count > ZACCEL_MAX_SYNCOBJS)
		return -EINVAL;
	if (copy_from_user(handles, u64_to_user_ptr(user),
			   count * sizeof(*handles)))
		return -EFAULT;
	return 0;
}

static int zaccel_syncs_get_in(struct zaccel_syncs *syncs,
			       struct drm_file *file, u32 handle)
{
	struct drm_syncobj *syncobj = drm_syncobj_find(file, handle);
	struct dma_fence *fence;

	if (!syncobj)
		return -ENOENT;
	fence = drm_syncobj_fence_get(syncobj);
	drm_syncobj_put(syncobj);
	/* No waiting for a fence that someone may or may not supply. */
	if (!fence)
		return -EINVAL;
	syncs->in[syncs->num_in++] = fence;
	return 0;
}

static int zaccel_syncs_get(struct zaccel_syncs *syncs, struct drm_file *file,
			    const struct drm_zaccel_ring_submit *args)
{
	u32 handles[ZACCEL_MAX_SYNCOBJS];
	int ret;
	u32 i;

	ret = zaccel_syncs_copy(handles, args->in_syncobjs, args->in_count);
	for (i = 0; i < args->in_count && !ret; i++)
		ret = zaccel_syncs_get_in(syncs, file, handles[i]);
	if (ret)
		return ret;

	ret = zaccel_syncs_copy(handles, args->out_syncobjs, args->out_count);
	for (i = 0; i < args->out_count && !ret; i++) {
		syncs->out[i] = drm_syncobj_find(file, handles[i]);
		if (!syncs->out[i])
			return -ENOENT;
		syncs->num_out++;
	}
	return ret;
}

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
		const struct drm_zaccel_command *entry =
			&ring->sq[zaccel_ring_slot(ring->sq_head + i,
						   ring->sq_entries)];
		struct zaccel_cmd *cmd;

		if (i >= space) {
			if (READ_ONCE(entry->flags) & ZACCEL_CMD_END)
				return -EAGAIN;
			continue;
		}
		cmd = zaccel_ring_cmd(ring, ring->cq_reserved + i);
		cmd->entry = *entry;
		barrier(); /* From here on only the copy is looked at. */
		if (cmd->entry.flags & ZACCEL_CMD_END)
			return i + 1;
	}
	/* A full ring that holds no end of batch can never go on. */
	return available == ring->sq_entries ? -EINVAL : 0;
}

static struct zaccel_binding *zaccel_ring_operand(struct zaccel_ring *ring,
						  u32 kind, u32 slot)
{
	if (kind == ZACCEL_SLOT_EMPTY || slot >= ring->num_slots)
		return NULL;
	return ring->slots[array_index_nospec(slot, ring->num_slots)];
}

static void zaccel_batch_use(struct list_head *batch, u32 *count,
			     struct zaccel_binding *binding, bool write)
{
	if (!binding)
		return;
	if (list_empty(&binding->batch_node)) {
		list_add_tail(&binding->batch_node, batch);
		binding->batch_write = false;
		(*count)++;
	}
	binding->batch_write |= write;
}

/* Check one copy; note what it uses. */
static int zaccel_cmd_check(struct zaccel_ring *ring, struct zaccel_cmd *cmd,
			    struct list_head *batch, u32 *num_uses)
{
	const struct drm_zaccel_command *entry = &cmd->entry;
	struct zaccel_binding *dst, *src;
	int ret;

	cmd->op = zaccel_op_find(entry->opcode);
	if (!cmd->op)
		return -EOPNOTSUPP;

	dst = zaccel_ring_operand(ring, cmd->op->dst_kind, entry->dst);
	src = zaccel_ring_operand(ring, cmd->op->src_kind, entry->src);
	cmd->dst = dst ? &dst->operand : NULL;
	cmd->src = src ? &src->operand : NULL;
	ret = zaccel_op_check(entry, cmd->dst, cmd->src);
	if (ret)
		return ret;

	zaccel_batch_use(batch, num_uses, dst, true);
	zaccel_batch_use(batch, num_uses, src, false);
	return 0;
}

/* Check the copies up to the first bad one; those behind it never run. */
static u32 zaccel_batch_check(struct zaccel_ring *ring, u32 count,
			      struct list_head *batch)
{
	u32 i, num_uses = 0;
	int status = 0;

	for (i = 0; i < count; i++) {
		struct zaccel_cmd *cmd =
			zaccel_ring_cmd(ring, ring->cq_reserved + i);

		cmd->result = 0;
		cmd->status = status ? -ECANCELED :
			      zaccel_cmd_check(ring, cmd, batch, &num_uses);
		if (cmd->status && !status) {
			status = cmd->status;
			drm_dbg(&ring->zdev->drm,
				"command %u of batch: opcode %u flags %#x dst %u src %u: %d\n",
				i, cmd->entry.opcode, cmd->entry.flags,
				cmd->entry.dst, cmd->entry.src, status);
		}
	}
	return num_uses;
}

/* Empties @batch; with a @job, into its table of uses. */
static void zaccel_batch_collect(struct list_head *batch,
				 struct zaccel_job *job)
{
	struct zaccel_binding *binding, *next;
	u32 i = 0;

	list_for_each_entry_safe(binding, next, batch, batch_node) {
		list_del_init(&binding->batch_node);
		if (!job)
			continue;
		job->uses[i].binding = zaccel_binding_get(binding);
		job->uses[i].write = binding->batch_write;
		i++;
	}
}

static struct zaccel_job *zaccel_batch_prepare(struct zaccel_ring *ring,
					       u32 count,
					       const struct zaccel_syncs *syncs)
{
	struct zaccel_job *job;
	LIST_HEAD(batch);
	u32 i, num_uses;
	int ret = 0;

	num_uses = zaccel_batch_check(ring, count, &batch);
	job = zaccel_job_alloc(ring, num_uses);
	zaccel_batch_collect(&batch, job);
	if (!job)
		return ERR_PTR(-ENOMEM);

	job->first = ring->cq_reserved;
	job->count = count;
	for (i = 0; i < syncs->num_in && !ret; i++)
		ret = zaccel_job_add_dep(job, syncs->in[i]);
	if (!ret)
		ret = zaccel_job_publish(job);
	if (ret) {
		zaccel_job_free(job);
		return ERR_PTR(ret);
	}
	return job;
}

/* Fetch one batch. Returns its length, 0 when there is none, or -errno. */
static int zaccel_ring_fetch(struct zaccel_ring *ring, u32 tail,
			     const struct zaccel_syncs *syncs,
			     struct dma_fence **fence)
{
	struct zaccel_job *job;
	int count;

	count = zaccel_ring_copy_batch(ring, tail);
	if (count <= 0)
		return count;
	job = zaccel_batch_prepare(ring, count, syncs);
	if (IS_ERR(job))
		return PTR_ERR(job);

	dma_fence_put(*fence);
	*fence = dma_fence_get(job->fence);
	ring->cq_reserved += count;
	ring->sq_head += count;
	/* Pairs with the submitter's load of sq_head: the copies are made. */
	smp_store_release(&ring->header->sq_head, ring->sq_head);
	zaccel_job_queue(job);
	return count;
}

static int zaccel_ring_fetch_all(struct zaccel_ring *ring,
				 struct zaccel_syncs *syncs, u32 *fetched,
				 struct dma_fence **fence)
{
	static const struct zaccel_syncs no_syncs;
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
		ret = zaccel_ring_fetch(ring, tail,
					*fetched ? &no_syncs : syncs, fence);
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

static int zaccel_ring_submit(struct zaccel_ring *ring,
			      struct zaccel_syncs *syncs, u32 *fetched)
{
	struct dma_fence *fence = NULL;
	u32 i;
	int ret, idx;

	if (!drm_dev_enter(&ring->zdev->drm, &idx))
		return -ENODEV;

	ret = mutex_lock_interruptible(&ring->lock);
	if (!ret) {
		ret = zaccel_ring_fetch_all(ring, syncs, fetched, &fence);
		mutex_unlock(&ring->lock);
	}
	drm_dev_exit(idx);

	for (i = 0; i < syncs->num_out && fence; i++)
		drm_syncobj_replace_fence(syncs->out[i], fence);
	dma_fence_put(fence);
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
