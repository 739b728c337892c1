// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: check
 *
 * The copies of a batch's entries become commands that can be run: slots are
 * resolved, arguments checked, what lies elsewhere (parameter blocks, commands
 * of an EXEC) copied and treated alike, fences to wait for collected. What is
 * wrong with a command is its status. Only lack of room fails the doorbell.
 */

#include <linux/nospec.h>
#include <linux/slab.h>
#include <drm/drm_print.h>
#include <drm/drm_syncobj.h>

#include "zaccel_binding.h"
#include "zaccel_check.h"
#include "zaccel_drv.h"
#include "zaccel_gem.h"
#include "zaccel_job.h"
#include "zaccel_ring.h"
#include "zaccel_sync.h"

#define ZACCEL_EXEC_FLAGS	(ZACCEL_CMD_CONTINUE | ZACCEL_CMD_PARAMS)

/* Commands that mean something at fetch and nothing when they run. */
static bool zaccel_is_control(u16 opcode)
{
	return opcode == ZACCEL_OP_WAIT || opcode == ZACCEL_OP_SIGNAL ||
	       opcode == ZACCEL_OP_EXEC;
}

/* A batch while it is checked. */
struct zaccel_check {
	struct zaccel_job *job;
	/* Bindings that its commands use, by batch_node. */
	struct list_head bindings;
	/* A command other than WAIT was seen; a SIGNAL was. */
	bool started;
	bool signaled;
	/* Commands of all its EXECs; its WAITs, its SIGNALs. */
	u32 num_exec;
	u32 num_waits;
	u32 num_signals;
};

static struct zaccel_binding *zaccel_ring_slot_at(struct zaccel_ring *ring,
						  u32 slot)
{
	if (slot >= ring->num_slots)
		return NULL;
	return ring->slots[array_index_nospec(slot, ring->num_slots)];
}

/* Not looked up where the operation has no such operand. */
static const struct zaccel_operand *
zaccel_ring_operand(struct zaccel_ring *ring, u32 kind, u32 slot)
{
	struct zaccel_binding *binding = kind == ZACCEL_SLOT_EMPTY ? NULL :
					 zaccel_ring_slot_at(ring, slot);

	return binding ? &binding->operand : NULL;
}

/* The binding that an operand of a checked command is part of. */
static struct zaccel_binding *
zaccel_operand_binding(const struct zaccel_operand *operand)
{
	return container_of((struct zaccel_operand *)operand,
			    struct zaccel_binding, operand);
}

static void zaccel_check_use(struct zaccel_check *check,
			     const struct zaccel_operand *operand, bool write)
{
	struct zaccel_binding *binding;

	if (!operand)
		return;
	binding = zaccel_operand_binding(operand);
	if (list_empty(&binding->batch_node)) {
		list_add_tail(&binding->batch_node, &check->bindings);
		binding->batch_write = false;
		check->job->num_bindings++;
	}
	binding->batch_write |= write;
}

/* The operation's structure takes the place of the reference to it. */
static int zaccel_params_fetch(struct zaccel_ring *ring,
			       struct drm_zaccel_command *entry, u32 args_size)
{
	const struct zaccel_binding *binding;
	struct drm_zaccel_params params;
	int ret;

	memcpy(&params, entry->args, sizeof(params));
	if (params.size != args_size ||
	    memchr_inv((u8 *)entry->args + sizeof(params), 0,
		       sizeof(entry->args) - sizeof(params)))
		return -EINVAL;
	binding = zaccel_ring_slot_at(ring, params.slot);
	if (!binding || binding->operand.kind != ZACCEL_SLOT_RANGE)
		return -EBADSLT;
	ret = zaccel_range_check(&binding->operand, params.offset, params.size);
	if (ret)
		return ret;

	memset(entry->args, 0, sizeof(entry->args));
	memcpy(entry->args, binding->operand.range.data + params.offset,
	       min(params.size, sizeof(entry->args)));
	barrier(); /* From here on only the copy is looked at. */
	entry->flags &= ~ZACCEL_CMD_PARAMS;
	return 0;
}

/* What every command has: operation, operands, arguments. */
static int zaccel_check_operands(struct zaccel_ring *ring,
				 struct zaccel_cmd *cmd)
{
	struct drm_zaccel_command *entry = &cmd->entry;
	int ret;

	cmd->op = zaccel_op_find(entry->opcode);
	if (!cmd->op)
		return -EOPNOTSUPP;
	if (entry->flags & ZACCEL_CMD_PARAMS) {
		ret = zaccel_params_fetch(ring, entry, cmd->op->args_size);
		if (ret)
			return ret;
	}

	cmd->dst = zaccel_ring_operand(ring, cmd->op->dst_kind, entry->dst);
	cmd->src = zaccel_ring_operand(ring, cmd->op->src_kind, entry->src);
	ret = zaccel_op_check(entry, cmd->dst, cmd->src);
	if (ret)
		return ret;
	return cmd->dst && zaccel_operand_binding(cmd->dst)->readonly ?
	       -EACCES : 0;
}

static void zaccel_check_use_operands(struct zaccel_check *check,
				      const struct zaccel_cmd *cmd)
{
	zaccel_check_use(check, cmd->dst, true);
	zaccel_check_use(check, cmd->src, false);
}

static int zaccel_check_wait(struct zaccel_check *check, struct zaccel_cmd *cmd,
			     struct zaccel_binding *src)
{
	struct dma_fence *fence;
	int ret;

	if (check->started)
		return -EINVAL;
	if (check->num_waits++ == ZACCEL_MAX_SYNCOBJS)
		return -E2BIG;
	ret = zaccel_sync_fence(src->syncobj, zaccel_point_args(&cmd->entry),
				&fence);
	if (ret)
		return ret;
	ret = zaccel_job_add_dep(check->job, fence);
	dma_fence_put(fence);
	return ret;
}

static int zaccel_check_signal(struct zaccel_check *check,
			       struct zaccel_cmd *cmd,
			       struct zaccel_binding *dst)
{
	if (check->num_signals++ == ZACCEL_MAX_SYNCOBJS)
		return -E2BIG;
	return zaccel_job_add_signal(check->job, dst->syncobj,
				     zaccel_point_args(&cmd->entry));
}

/* May a batch before this one, or this one, still write what is executed? */
static bool zaccel_exec_busy(struct zaccel_check *check,
			     const struct zaccel_binding *src)
{
	struct zaccel_binding *used;
	u32 i;

	list_for_each_entry(used, &check->bindings, batch_node)
		for (i = 0; used->batch_write && i < used->num_planes; i++)
			if (used->obj[i]->resv == src->obj[0]->resv)
				return true;
	return zaccel_bo_written(to_zaccel_bo(src->obj[0]));
}

static int zaccel_check_nested(struct zaccel_check *check,
			       struct zaccel_cmd *cmd)
{
	if (cmd->entry.flags & ~ZACCEL_EXEC_FLAGS ||
	    zaccel_is_control(cmd->entry.opcode))
		return -EINVAL;
	return zaccel_check_operands(check->job->ring, cmd);
}

static int zaccel_check_exec(struct zaccel_check *check, struct zaccel_cmd *cmd,
			     struct zaccel_binding *src)
{
	const struct drm_zaccel_exec args = zaccel_exec_args(&cmd->entry);
	const u8 *from = src->operand.range.data + args.offset;
	u32 i;
	int ret;

	if (args.count > ZACCEL_MAX_EXEC - check->num_exec)
		return -E2BIG;
	if (zaccel_exec_busy(check, src))
		return -EBUSY;
	check->num_exec += args.count;
	if (!zaccel_job_charge_exec(check->job, args.count))
		return -EAGAIN;
	cmd->exec = zaccel_job_memory(check->job, array_size(args.count,
							     sizeof(*cmd)));
	if (!cmd->exec)
		return -ENOMEM;
	cmd->num_exec = args.count;

	for (i = 0; i < args.count; i++) {
		memcpy(&cmd->exec[i].entry, from + i * sizeof(cmd->entry),
		       sizeof(cmd->entry));
		barrier(); /* From here on only the copy is looked at. */
		ret = zaccel_check_nested(check, &cmd->exec[i]);
		if (ret) {
			cmd->result = i;
			return ret;
		}
	}
	/* Only now: a refused command uses no buffer. */
	for (i = 0; i < args.count; i++)
		zaccel_check_use_operands(check, &cmd->exec[i]);
	return 0;
}

static int zaccel_check_control(struct zaccel_check *check,
				struct zaccel_cmd *cmd)
{
	const struct zaccel_operand *dst = cmd->dst, *src = cmd->src;

	/* The job does not hold what these name: all is done with it here. */
	cmd->dst = NULL;
	cmd->src = NULL;
	switch (cmd->entry.opcode) {
	case ZACCEL_OP_WAIT:
		return zaccel_check_wait(check, cmd,
					 zaccel_operand_binding(src));
	case ZACCEL_OP_SIGNAL:
		return zaccel_check_signal(check, cmd,
					   zaccel_operand_binding(dst));
	default:
		return zaccel_check_exec(check, cmd,
					 zaccel_operand_binding(src));
	}
}

static int zaccel_check_cmd(struct zaccel_check *check, struct zaccel_cmd *cmd)
{
	int ret;

	if (check->signaled && cmd->entry.opcode != ZACCEL_OP_SIGNAL)
		return -EINVAL;
	ret = zaccel_check_operands(check->job->ring, cmd);
	if (ret)
		return ret;
	if (zaccel_is_control(cmd->entry.opcode))
		return zaccel_check_control(check, cmd);
	zaccel_check_use_operands(check, cmd);
	return 0;
}

/*
 * One command, with what came before it in mind. Nothing runs behind a failure,
 * but whoever waits for the batch is told of it: signals are kept.
 */
static int zaccel_check_next(struct zaccel_check *check, struct zaccel_cmd *cmd,
			     bool canceled)
{
	bool signal = cmd->entry.opcode == ZACCEL_OP_SIGNAL;
	int ret = cmd->status;

	cmd->exec = NULL;
	cmd->result = 0;
	cmd->time_ns = 0;
	if (!ret && (!canceled || signal))
		ret = zaccel_check_cmd(check, cmd);
	check->started |= cmd->entry.opcode != ZACCEL_OP_WAIT;
	check->signaled |= signal;
	return ret ? ret : canceled ? -ECANCELED : 0;
}

static int zaccel_check_cmds(struct zaccel_check *check)
{
	struct zaccel_job *job = check->job;
	bool canceled = false;
	u32 i;

	for (i = 0; i < job->count; i++) {
		struct zaccel_cmd *cmd = zaccel_ring_cmd(job->ring,
							 job->first + i);

		cmd->status = zaccel_check_next(check, cmd, canceled);
		/* No fault of the command's: the batch stays where it is. */
		if (cmd->status == -ENOMEM || cmd->status == -EAGAIN)
			return cmd->status;
		cond_resched();
		if (!cmd->status || canceled)
			continue;
		drm_dbg(&job->ring->zdev->drm,
			"command %u of batch: opcode %u flags %#x dst %u src %u: %d\n",
			i, cmd->entry.opcode, cmd->entry.flags, cmd->entry.dst,
			cmd->entry.src, cmd->status);
		canceled = !(cmd->entry.flags & ZACCEL_CMD_CONTINUE);
	}
	return 0;
}

/* Empties the list; the job gets references if @ret is 0 so far. */
static int zaccel_check_collect(struct zaccel_check *check, int ret)
{
	struct zaccel_job *job = check->job;
	struct zaccel_binding *binding, *next;
	u32 num = job->num_bindings;

	job->num_bindings = 0;
	if (!ret && num) {
		job->bindings = zaccel_job_memory(job, array_size(num,
								  sizeof(binding)));
		if (!job->bindings)
			ret = -ENOMEM;
	}
	list_for_each_entry_safe(binding, next, &check->bindings, batch_node) {
		list_del_init(&binding->batch_node);
		if (!ret)
			job->bindings[job->num_bindings++] =
				zaccel_binding_get(binding);
	}
	return ret;
}

int zaccel_job_check(struct zaccel_job *job)
{
	struct zaccel_check check = { .job = job };
	struct zaccel_cmd *last = zaccel_ring_cmd(job->ring,
						  job->first + job->count - 1);

	INIT_LIST_HEAD(&check.bindings);
	job->explicit_sync = last->entry.flags & ZACCEL_CMD_EXPLICIT_SYNC;
	return zaccel_check_collect(&check, zaccel_check_cmds(&check));
}
