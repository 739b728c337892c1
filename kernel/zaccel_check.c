// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: check
 *
 * Entries are copied out of the shared memory once, the copies are checked and
 * become commands that can be run: slots are resolved, arguments checked, what
 * lies elsewhere (parameter blocks, commands of an EXEC) copied and treated alike,
 * fences to wait for collected. What is wrong with a command is its status. Only
 * lack of room keeps a whole batch from being taken.
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

/* What a command costs that does nothing, see zaccel_op_cost(). */
#define ZACCEL_CMD_COST		64u

#define ZACCEL_EXEC_FLAGS	(ZACCEL_CMD_CONTINUE | ZACCEL_CMD_PARAMS)

/* Entries that are fetched between two chances for others to run. */
#define ZACCEL_FETCH_BURST	64u

/* A batch while it is fetched. */
struct zaccel_check {
	struct zaccel_job *job;
	/* Bindings that its commands use, by batch_node. */
	struct list_head bindings;
	/* What the command that is about to fail has to say beside its status. */
	u64 result;
	/* A command other than WAIT was seen; a SIGNAL was. */
	bool started;
	bool signaled;
	/* A command failed, and what is behind it does not run. */
	bool canceled;
	/* One of these is so, or entries are larger than known. */
	bool special;
	/* Commands of all its EXECs; its WAITs, its SIGNALs. */
	u32 num_exec;
	u32 num_waits;
	u32 num_signals;
};

/* Commands that mean something at fetch and nothing when they run. */
static bool zaccel_is_control(u16 opcode)
{
	return opcode == ZACCEL_OP_WAIT || opcode == ZACCEL_OP_SIGNAL ||
	       opcode == ZACCEL_OP_EXEC;
}

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

/*
 * The operation's structure takes the place of the reference to it. It may be
 * that of another header: what is not given is zero, and what the operation does
 * not know must be, as in args[].
 */
static int zaccel_params_fetch(struct zaccel_ring *ring,
			       struct drm_zaccel_command *entry)
{
	const struct zaccel_binding *binding;
	struct drm_zaccel_params params;
	int ret;

	memcpy(&params, entry->args, sizeof(params));
	if (params.size > sizeof(entry->args) ||
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
	       params.size);
	barrier(); /* From here on only the copy is looked at. */
	entry->flags &= ~ZACCEL_CMD_PARAMS;
	return 0;
}

/* Not valid as it stands: that goes for all whose arguments are elsewhere. */
static noinline int zaccel_check_params(struct zaccel_check *check,
					const struct zaccel_op *op,
					struct drm_zaccel_command *entry)
{
	int ret;

	if (!(entry->flags & ZACCEL_CMD_PARAMS))
		return -EINVAL;
	ret = zaccel_params_fetch(check->job->ring, entry);
	if (ret)
		return ret;
	return zaccel_op_fields_valid(op, entry) ? 0 : -EINVAL;
}

/* What can be said without operands. Sets *op, where that is known. */
static __always_inline int zaccel_check_fields(struct zaccel_check *check,
					       struct zaccel_cmd *cmd,
					       const struct zaccel_op **op)
{
	struct drm_zaccel_command *entry = zaccel_cmd_entry(cmd);

	if (!zaccel_op_known(entry->opcode))
		return -EOPNOTSUPP;
	*op = zaccel_op_of(entry->opcode);
	return likely(zaccel_op_fields_valid(*op, entry)) ?
	       0 : zaccel_check_params(check, *op, entry);
}

/* From here on it is no entry any more: operands for user_data and slots. */
static __always_inline void
zaccel_cmd_make(struct zaccel_cmd *cmd, const struct zaccel_operand *dst,
		const struct zaccel_operand *src)
{
	cmd->status = 0;
	cmd->dst = dst;
	cmd->src = src;
}

static int zaccel_check_operands(struct zaccel_check *check,
				 const struct zaccel_op *op,
				 struct zaccel_cmd *cmd)
{
	const struct drm_zaccel_command *entry = zaccel_cmd_entry(cmd);
	struct zaccel_ring *ring = check->job->ring;
	const struct zaccel_operand *dst, *src;
	int ret;

	dst = zaccel_ring_operand(ring, op->dst_kind, entry->dst);
	src = zaccel_ring_operand(ring, op->src_kind, entry->src);
	/* First of all: no guess of the CPU's takes words of the user for these. */
	zaccel_cmd_make(cmd, dst, src);
	ret = zaccel_op_check_operands(op, entry, dst, src);
	if (ret)
		return ret;
	return dst && zaccel_operand_binding(dst)->readonly ? -EACCES : 0;
}

/* The command will run. */
static void zaccel_check_use_operands(struct zaccel_check *check,
				      const struct zaccel_op *op,
				      const struct zaccel_cmd *cmd)
{
	zaccel_check_use(check, cmd->dst, true);
	zaccel_check_use(check, cmd->src, false);
	check->job->cost += zaccel_op_cost(op, cmd->args, cmd->dst, cmd->src);
}

static int zaccel_check_wait(struct zaccel_check *check, struct zaccel_cmd *cmd,
			     struct zaccel_binding *src)
{
	struct dma_fence *fence;
	int ret;

	if (check->started)
		return -EINVAL;
	if (check->num_waits == ZACCEL_MAX_SYNCOBJS)
		return -E2BIG;
	check->num_waits++;
	ret = zaccel_sync_fence(src->syncobj, zaccel_point_args(cmd->args),
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
	check->signaled = true;
	check->special = true;
	if (check->num_signals == ZACCEL_MAX_SYNCOBJS)
		return -E2BIG;
	check->num_signals++;
	return zaccel_job_add_signal(check->job, dst->syncobj,
				     zaccel_point_args(cmd->args));
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

static int zaccel_check_nested(struct zaccel_check *check, const u8 *from,
			       struct zaccel_cmd *cmd)
{
	struct drm_zaccel_command *entry = zaccel_cmd_entry(cmd);
	const struct zaccel_op *op;
	int ret;

	memcpy(entry, from, sizeof(*entry));
	barrier(); /* From here on only the copy is looked at. */
	check->job->cost += ZACCEL_CMD_COST;
	if (entry->flags & ~ZACCEL_EXEC_FLAGS ||
	    zaccel_is_control(entry->opcode))
		return -EINVAL;
	ret = zaccel_check_fields(check, cmd, &op);
	return ret ? ret : zaccel_check_operands(check, op, cmd);
}

/* Copies the commands; where one is wrong, check->result is its index. */
static int zaccel_exec_fetch(struct zaccel_check *check, const u8 *from,
			     struct zaccel_cmd *cmds, u32 count)
{
	u32 i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = zaccel_check_nested(check,
					  from + i * sizeof(struct drm_zaccel_command),
					  &cmds[i]);
		if (ret) {
			check->result = i;
			return ret;
		}
	}
	/* Only now: a refused command uses no buffer. */
	for (i = 0; i < count; i++)
		zaccel_check_use_operands(check, zaccel_op_of(cmds[i].opcode),
					  &cmds[i]);
	return 0;
}

static int zaccel_check_exec(struct zaccel_check *check, struct zaccel_cmd *cmd,
			     struct zaccel_binding *src)
{
	const struct drm_zaccel_exec args = zaccel_exec_args(cmd->args);

	if (args.count > ZACCEL_MAX_EXEC - check->num_exec)
		return -E2BIG;
	if (zaccel_exec_busy(check, src))
		return -EBUSY;
	check->num_exec += args.count;
	if (!zaccel_job_charge_exec(check->job, args.count))
		return -EAGAIN;
	cmd->exec.count = args.count;
	cmd->exec.cmds = zaccel_job_memory(check->job,
					   array_size(args.count, sizeof(*cmd)));
	if (!cmd->exec.cmds)
		return -ENOMEM;
	return zaccel_exec_fetch(check, src->operand.range.data + args.offset,
				 cmd->exec.cmds, args.count);
}

static int zaccel_check_control(struct zaccel_check *check,
				struct zaccel_cmd *cmd)
{
	const struct zaccel_operand *dst = cmd->dst, *src = cmd->src;

	/* The job does not hold what these name: all is done with it here. */
	cmd->dst = NULL;
	cmd->src = NULL;
	switch (cmd->opcode) {
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

static noinline int zaccel_check_with_operands(struct zaccel_check *check,
					       const struct zaccel_op *op,
					       struct zaccel_cmd *cmd)
{
	int ret;

	ret = zaccel_check_operands(check, op, cmd);
	if (ret)
		return ret;
	check->started |= cmd->opcode != ZACCEL_OP_WAIT;
	if (zaccel_is_control(cmd->opcode))
		return zaccel_check_control(check, cmd);
	zaccel_check_use_operands(check, op, cmd);
	return 0;
}

static __always_inline int zaccel_check_cmd(struct zaccel_check *check,
					    struct zaccel_cmd *cmd)
{
	const struct zaccel_op *op;
	int ret;

	ret = zaccel_check_fields(check, cmd, &op);
	if (unlikely(ret))
		return ret;
	if (zaccel_op_has_operands(op))
		return zaccel_check_with_operands(check, op, cmd);
	zaccel_cmd_make(cmd, NULL, NULL);
	check->started = true;
	return 0;
}

/* Fields of a later header mean nothing here, so they must be zero. */
static bool zaccel_sqe_is_known(struct zaccel_ring *ring, const u8 *sqe)
{
	u32 size = sizeof(struct drm_zaccel_command);

	return ring->sqe_size == size ||
	       !memchr_inv(sqe + size, 0, ring->sqe_size - size);
}

/*
 * One command, where more counts than itself. Nothing runs behind a failure, but
 * whoever waits for the batch is told of it: signals are kept.
 */
static noinline int zaccel_check_special(struct zaccel_check *check,
					 struct zaccel_cmd *cmd, const u8 *sqe)
{
	bool signal = cmd->opcode == ZACCEL_OP_SIGNAL;
	int ret = 0;

	if (!zaccel_sqe_is_known(check->job->ring, sqe) ||
	    (check->signaled && !signal && !check->canceled))
		ret = -EINVAL;
	else if (!check->canceled || signal)
		ret = zaccel_check_cmd(check, cmd);
	return ret ? ret : check->canceled ? -ECANCELED : 0;
}

/* Its place in the batch. */
static u32 zaccel_check_place(const struct zaccel_check *check,
			      const struct zaccel_cmd *cmd)
{
	const struct zaccel_ring *ring = check->job->ring;

	return (u32)(cmd - ring->cmds - check->job->first) & ring->cq_mask;
}

/* The command does not run. */
static noinline int zaccel_check_failed(struct zaccel_check *check,
					struct zaccel_cmd *cmd, int status)
{
	/* No fault of the command's: the batch stays where it is. */
	if (status == -ENOMEM || status == -EAGAIN)
		return status;
	if (!check->canceled) {
		drm_dbg(&check->job->ring->zdev->drm,
			"command %u of batch: opcode %u flags %#x: %d\n",
			zaccel_check_place(check, cmd), cmd->opcode,
			cmd->flags, status);
		check->canceled = !(cmd->flags & ZACCEL_CMD_CONTINUE);
		check->special |= check->canceled;
	}
	check->started |= cmd->opcode != ZACCEL_OP_WAIT;
	check->signaled |= cmd->opcode == ZACCEL_OP_SIGNAL;
	check->special |= check->signaled;
	/* It may be an entry still: nothing of it is to be taken for an operand. */
	zaccel_cmd_make(cmd, NULL, NULL);
	cmd->status = status;
	cmd->result = check->result;
	check->result = 0;
	return 0;
}

/*
 * The next entry, which gets the completion behind those of its batch so far. 0,
 * or -errno where the batch has to stay.
 */
static __always_inline int zaccel_fetch_entry(struct zaccel_check *check,
					      const u8 *sqe,
					      struct zaccel_cmd *cmd,
					      struct drm_zaccel_completion *cqe)
{
	struct drm_zaccel_command *entry = zaccel_cmd_entry(cmd);
	int status;

	*entry = *(const struct drm_zaccel_command *)sqe;
	barrier(); /* From here on only the copy is looked at. */

	cqe->user_data = entry->user_data;
	status = unlikely(check->special) ?
		 zaccel_check_special(check, cmd, sqe) :
		 zaccel_check_cmd(check, cmd);
	if (unlikely(status))
		status = zaccel_check_failed(check, cmd, status);
	return status;
}

/* Of entries that are not copied, for a look ahead: is there an end of batch? */
static bool zaccel_ring_has_end(struct zaccel_ring *ring, u32 index, u32 tail)
{
	for (; index != tail; index++) {
		const struct drm_zaccel_command *entry =
			zaccel_ring_sqe(ring, index);

		if (READ_ONCE(entry->flags) & ZACCEL_CMD_END)
			return true;
	}
	return false;
}

static int zaccel_fetch_entries(struct zaccel_check *check, u32 tail, u32 space)
{
	struct zaccel_job *job = check->job;
	struct zaccel_ring *ring = job->ring;
	u32 available = zaccel_ring_count(ring->sq_head, tail);
	/* From an index of a completion to that of its submission. */
	const u32 back = ring->sq_head - job->first;
	const u32 stop = job->first + min(available, space);
	u32 index = job->first;
	bool end = false;
	int ret = 0;

	while (index != stop) {
		struct zaccel_cmd *cmd = zaccel_ring_cmd(ring, index);

		ret = zaccel_fetch_entry(check,
					 zaccel_ring_sqe(ring, index + back),
					 cmd, zaccel_ring_cqe(ring, index));
		index++;
		if (unlikely(ret)) {
			end = cmd->flags & ZACCEL_CMD_END;
			break;
		}
		if (cmd->flags & ZACCEL_CMD_END) {
			job->count = index - job->first;
			job->explicit_sync = cmd->flags & ZACCEL_CMD_EXPLICIT_SYNC;
			return 1;
		}
		if (!(index % ZACCEL_FETCH_BURST))
			cond_resched();
	}
	/* A full ring that holds no end of batch can never go on. */
	if (!end && !zaccel_ring_has_end(ring, index + back, tail))
		return available == ring->sq_entries ? -EINVAL : 0;
	return ret ? ret : -EAGAIN;
}

/* Empties the list; with @ret 1 the job notes what it uses. */
static int zaccel_check_end(struct zaccel_check *check, int ret)
{
	struct zaccel_job *job = check->job;
	struct zaccel_binding *binding, *next;
	u32 num = job->num_bindings;

	if (!num)
		return ret;
	job->num_bindings = 0;
	if (ret == 1) {
		job->bindings = zaccel_job_memory(job, array_size(num,
								  sizeof(binding)));
		if (!job->bindings)
			ret = -ENOMEM;
	}
	list_for_each_entry_safe(binding, next, &check->bindings, batch_node) {
		list_del_init(&binding->batch_node);
		if (ret == 1)
			job->bindings[job->num_bindings++] = binding;
	}
	return ret;
}

int zaccel_job_fetch(struct zaccel_job *job, u32 tail, u32 space)
{
	struct zaccel_check check = { .job = job };
	int ret;

	INIT_LIST_HEAD(&check.bindings);
	check.special = job->ring->sqe_size != sizeof(struct drm_zaccel_command);
	job->first = job->ring->cq_reserved;
	job->cost = 0;
	job->done = false;
	job->timed = false;
	ret = zaccel_check_end(&check, zaccel_fetch_entries(&check, tail, space));
	if (ret == 1)
		job->cost += job->count * ZACCEL_CMD_COST;
	return ret;
}
