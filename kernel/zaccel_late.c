// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: late mode
 *
 * On a CPU that plays the accelerator, results are there long before anybody
 * looks, and a program that forgets to wait works all the same. Two settings of
 * an engine change that:
 *
 * - late_us: each batch is held back for so long;
 * - hold: each batch is held back until one is written to "advance".
 *
 * While a batch is held back its destinations hold poison. What they held before
 * is put back for the batch to run on, since it may read what it writes, so the
 * results come just before the fence signals. Poison comes as soon as the engine
 * takes the batch up, which the doorbell waits for unless others are before it.
 *
 * Both are for tests: root can make every fence wait for ever with them.
 */

#include <linux/debugfs.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "zaccel_config.h"
#include "zaccel_engine.h"
#include "zaccel_job.h"
#include "zaccel_late.h"
#include "zaccel_ring.h"

/* For the engine to take up a batch that it has nothing to do before. */
#define ZACCEL_LATE_GRACE_MS	10

/* Lines of memory that a command writes. */
struct zaccel_area {
	u8 *data;
	u64 bytes;
	u32 lines;
	u32 pitch;
};

struct zaccel_late {
	u32 num_areas;
	u8 *saved;
	struct zaccel_area areas[];
};

static u32 zaccel_cmd_num_areas(const struct zaccel_cmd *cmd)
{
	u32 i, n = 0;

	if (cmd->status)
		return 0;
	if (cmd->opcode == ZACCEL_OP_EXEC)
		for (i = 0; i < cmd->exec.count; i++)
			n += zaccel_cmd_num_areas(&cmd->exec.cmds[i]);
	else if (cmd->dst && cmd->dst->kind == ZACCEL_SLOT_RANGE)
		n = 1;
	else if (cmd->dst)
		n = cmd->dst->image.format->planes;
	return n;
}

static void zaccel_image_area(const struct zaccel_image *image, u32 plane,
			      struct zaccel_area *area)
{
	u32 line;

	zaccel_plane_size(image->format, plane, image->width, image->height,
			  &line, &area->lines);
	area->bytes = line;
	area->pitch = image->planes[plane].pitch;
	area->data = image->planes[plane].data;
}

static void zaccel_cmd_add_areas(const struct zaccel_cmd *cmd,
				 struct zaccel_late *late)
{
	struct zaccel_area *area = &late->areas[late->num_areas];
	u32 i, n = zaccel_cmd_num_areas(cmd);

	if (!n)
		return;
	if (cmd->opcode == ZACCEL_OP_EXEC) {
		for (i = 0; i < cmd->exec.count; i++)
			zaccel_cmd_add_areas(&cmd->exec.cmds[i], late);
	} else if (cmd->dst->kind == ZACCEL_SLOT_RANGE) {
		/* Such operations have the place in args[0], units of bytes. */
		area->data = cmd->dst->range.data + cmd->args[0];
		area->bytes = zaccel_op_find(cmd->opcode)->units(cmd->args,
								 cmd->dst,
								 cmd->src);
		area->lines = 1;
		late->num_areas++;
	} else {
		for (i = 0; i < n; i++)
			zaccel_image_area(&cmd->dst->image, i, area + i);
		late->num_areas += n;
	}
}

void zaccel_late_prepare(struct zaccel_job *job)
{
	struct zaccel_late *late;
	size_t size = 0;
	u32 i, n = 0;

	for (i = 0; i < job->count; i++)
		n += zaccel_cmd_num_areas(zaccel_ring_cmd(job->ring,
							  job->first + i));
	late = zaccel_job_memory(job, struct_size(late, areas, n));
	if (!late)
		return;
	for (i = 0; i < job->count; i++)
		zaccel_cmd_add_areas(zaccel_ring_cmd(job->ring, job->first + i),
				     late);
	for (i = 0; i < late->num_areas; i++)
		size = size_add(size, size_mul(late->areas[i].bytes,
					       late->areas[i].lines));
	late->saved = zaccel_job_memory(job, size);
	if (late->saved)
		job->late = late;
}

static void zaccel_line_save(u8 *line, u8 *saved, size_t bytes)
{
	memcpy(saved, line, bytes);
}

static void zaccel_line_poison(u8 *line, u8 *saved, size_t bytes)
{
	memset(line, ZACCEL_LATE_POISON, bytes);
}

static void zaccel_line_restore(u8 *line, u8 *saved, size_t bytes)
{
	memcpy(line, saved, bytes);
}

/* Each line that the job writes, with its place in what is saved. */
static void zaccel_late_lines(struct zaccel_late *late,
			      void (*visit)(u8 *line, u8 *saved, size_t bytes))
{
	u8 *saved = late->saved;
	u32 i, line;

	for (i = 0; i < late->num_areas; i++) {
		const struct zaccel_area *area = &late->areas[i];

		for (line = 0; line < area->lines; line++, saved += area->bytes)
			visit(area->data + (size_t)line * area->pitch, saved,
			      area->bytes);
		cond_resched();
	}
}

static bool zaccel_late_may_go(struct zaccel_job *job)
{
	struct zaccel_engine *engine = job->ring->engine;

	return zaccel_job_error(job) || !READ_ONCE(engine->hold) ||
	       atomic_dec_if_positive(&engine->advance) >= 0;
}

void zaccel_late_hold(struct zaccel_job *job)
{
	struct zaccel_engine *engine = job->ring->engine;
	u64 us = READ_ONCE(engine->late_us);

	if (!job->late)
		return;
	/* All are saved before any is poisoned: they may overlap. */
	zaccel_late_lines(job->late, zaccel_line_save);
	zaccel_late_lines(job->late, zaccel_line_poison);
	WRITE_ONCE(job->ring->cq_late, job->first + job->count);
	wake_up_all(&job->ring->wait);

	if (us)
		wait_event_hrtimeout(engine->wait, zaccel_job_error(job),
				     ns_to_ktime(us * NSEC_PER_USEC));
	wait_event_idle(engine->wait, zaccel_late_may_go(job));
	zaccel_late_lines(job->late, zaccel_line_restore);
}

void zaccel_late_wait(struct zaccel_ring *ring, u32 end)
{
	wait_event_timeout(ring->wait,
			   zaccel_ring_reached(READ_ONCE(ring->cq_late), end) ||
			   zaccel_ring_reached(READ_ONCE(ring->cq_posted), end) ||
			   READ_ONCE(ring->error),
			   msecs_to_jiffies(ZACCEL_LATE_GRACE_MS));
}

void zaccel_late_init(struct zaccel_engine *engine,
		      const struct zaccel_config *config)
{
	engine->late_us = config->late_us;
	engine->hold = config->hold;
	atomic_set(&engine->advance, 0);
	init_waitqueue_head(&engine->wait);
}

static int zaccel_late_us_get(void *data, u64 *value)
{
	*value = READ_ONCE(((struct zaccel_engine *)data)->late_us);
	return 0;
}

static int zaccel_late_us_set(void *data, u64 value)
{
	if (value > ZACCEL_LATE_MAX_US)
		return -EINVAL;
	WRITE_ONCE(((struct zaccel_engine *)data)->late_us, value);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(zaccel_late_us_fops, zaccel_late_us_get,
			 zaccel_late_us_set, "%llu\n");

static int zaccel_hold_get(void *data, u64 *value)
{
	*value = READ_ONCE(((struct zaccel_engine *)data)->hold);
	return 0;
}

static int zaccel_hold_set(void *data, u64 value)
{
	struct zaccel_engine *engine = data;

	if (value > 1)
		return -EINVAL;
	/* What was granted was for those who were held. */
	atomic_set(&engine->advance, 0);
	WRITE_ONCE(engine->hold, value);
	zaccel_engine_wake(engine);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(zaccel_hold_fops, zaccel_hold_get, zaccel_hold_set,
			 "%llu\n");

static int zaccel_advance_set(void *data, u64 value)
{
	struct zaccel_engine *engine = data;

	if (value > ZACCEL_RING_MAX_ENTRIES)
		return -EINVAL;
	atomic_add(value, &engine->advance);
	zaccel_engine_wake(engine);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(zaccel_advance_fops, NULL, zaccel_advance_set,
			 "%llu\n");

void zaccel_late_debugfs(struct zaccel_engine *engine, struct dentry *root)
{
	debugfs_create_file_unsafe("late_us", 0600, root, engine,
				   &zaccel_late_us_fops);
	debugfs_create_file_unsafe("hold", 0600, root, engine,
				   &zaccel_hold_fops);
	debugfs_create_file_unsafe("advance", 0200, root, engine,
				   &zaccel_advance_fops);
}
