// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: faults
 *
 * What hardware does on a bad day, on demand, so that what has to deal with it can
 * be tried: the file "fault" of the device in debugfs takes one of
 *
 *	none
 *	slow MIN [MAX]	each command takes so many us longer, evenly spread
 *	hang		a command never ends
 *	fail N ERRNO	every Nth command fails with that errno, undone
 *	lose		a command is done, but nobody is told
 *	async		a command is done, and ends, on another thread
 *	vanish		the device goes, as if it had been pulled out
 *
 * each but the last with " ring SERIAL" behind it for the batches of one ring.
 * While one is set nothing is run inside a doorbell.
 */

#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/random.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "zaccel_drv.h"
#include "zaccel_engine.h"
#include "zaccel_fault.h"
#include "zaccel_job.h"
#include "zaccel_ring.h"

#define ZACCEL_FAULT_TEXT	80
#define ZACCEL_SLOW_MAX_US	(60u * (u32)USEC_PER_SEC)

static const char * const zaccel_fault_names[] = {
	[ZACCEL_FAULT_NONE] = "none",
	[ZACCEL_FAULT_SLOW] = "slow",
	[ZACCEL_FAULT_HANG] = "hang",
	[ZACCEL_FAULT_FAIL] = "fail",
	[ZACCEL_FAULT_LOSE] = "lose",
	[ZACCEL_FAULT_ASYNC] = "async",
};

/* A copy, with its turn among the commands concerned; none if not this ring's. */
static struct zaccel_fault zaccel_fault_of(struct zaccel_engine *engine,
					   struct zaccel_job *job)
{
	struct zaccel_fault fault = {};

	spin_lock_irq(&engine->lock);
	if (!engine->fault.ring || engine->fault.ring == job->ring->serial) {
		engine->fault.seen++;
		fault = engine->fault;
	}
	spin_unlock_irq(&engine->lock);
	return fault;
}

/* Until the job is to end, which may be long: it is not the kernel that hangs. */
static int zaccel_fault_hang(struct zaccel_engine *engine,
			     struct zaccel_job *job)
{
	wait_event_idle(engine->wait, zaccel_job_error(job));
	return zaccel_job_error(job);
}

/* For that long, or until the job is to end. */
static int zaccel_fault_wait(struct zaccel_engine *engine,
			     struct zaccel_job *job, ktime_t time)
{
	wait_event_hrtimeout(engine->wait, zaccel_job_error(job), time);
	return zaccel_job_error(job);
}

struct zaccel_async {
	struct work_struct work;
	struct completion done;
	zaccel_run_fn run;
	struct zaccel_job *job;
	struct zaccel_cmd *cmd;
	u64 *result;
	int status;
};

static void zaccel_async_work(struct work_struct *work)
{
	struct zaccel_async *async =
		container_of(work, struct zaccel_async, work);

	async->status = async->run(async->job, async->cmd, async->result);
	complete(&async->done);
}

static int zaccel_fault_async(struct zaccel_job *job, struct zaccel_cmd *cmd,
			      u64 *result, zaccel_run_fn run)
{
	struct zaccel_async async = {
		.run = run, .job = job, .cmd = cmd, .result = result,
	};

	init_completion(&async.done);
	INIT_WORK_ONSTACK(&async.work, zaccel_async_work);
	queue_work(zaccel_wq, &async.work);
	wait_for_completion(&async.done);
	destroy_work_on_stack(&async.work);
	return async.status;
}

int zaccel_fault_run(struct zaccel_engine *engine, struct zaccel_job *job,
		     struct zaccel_cmd *cmd, u64 *result, zaccel_run_fn run)
{
	const struct zaccel_fault fault = zaccel_fault_of(engine, job);
	u64 us;
	int ret;

	switch (fault.kind) {
	case ZACCEL_FAULT_SLOW:
		us = get_random_u32_inclusive(fault.first, fault.second);
		ret = zaccel_fault_wait(engine, job,
					ns_to_ktime(us * NSEC_PER_USEC));
		return ret ? ret : run(job, cmd, result);
	case ZACCEL_FAULT_HANG:
		return zaccel_fault_hang(engine, job);
	case ZACCEL_FAULT_FAIL:
		return fault.seen % fault.first ? run(job, cmd, result) :
						  -(int)fault.second;
	case ZACCEL_FAULT_LOSE:
		ret = run(job, cmd, result);
		return ret ? ret : zaccel_fault_hang(engine, job);
	case ZACCEL_FAULT_ASYNC:
		return zaccel_fault_async(job, cmd, result, run);
	default:
		return run(job, cmd, result);
	}
}

struct zaccel_vanish {
	struct work_struct work;
	struct device *dev;
};

static void zaccel_vanish_work(struct work_struct *work)
{
	struct zaccel_vanish *vanish =
		container_of(work, struct zaccel_vanish, work);

	device_release_driver(vanish->dev);
	put_device(vanish->dev);
	kfree(vanish);
}

static int zaccel_fault_vanish(struct zaccel_engine *engine)
{
	struct zaccel_vanish *vanish = kzalloc(sizeof(*vanish), GFP_KERNEL);

	bool already;

	if (!vanish)
		return -ENOMEM;
	spin_lock_irq(&engine->lock);
	already = engine->vanishing;
	engine->vanishing = true;
	spin_unlock_irq(&engine->lock);
	if (already) {
		kfree(vanish);
		return 0;
	}
	INIT_WORK(&vanish->work, zaccel_vanish_work);
	vanish->dev = get_device(engine->dev);
	/* Not from here: the removal waits for whoever is in this file. */
	queue_work(zaccel_wq, &vanish->work);
	return 0;
}

static bool zaccel_fault_valid(const struct zaccel_fault *fault, int numbers)
{
	switch (fault->kind) {
	case ZACCEL_FAULT_SLOW:
		return numbers && fault->first <= fault->second &&
		       fault->second <= ZACCEL_SLOW_MAX_US;
	case ZACCEL_FAULT_FAIL:
		return numbers == 2 && fault->first && fault->second &&
		       fault->second <= MAX_ERRNO;
	default:
		return !numbers;
	}
}

/* Numbers behind a name, two at most; -EINVAL for whatever else stands there. */
static int zaccel_fault_numbers(char *text, u32 *numbers)
{
	int count = 0;
	char *word;

	while ((word = strsep(&text, " "))) {
		if (!*word)
			continue;
		if (count == 2 || kstrtou32(word, 10, &numbers[count]))
			return -EINVAL;
		count++;
	}
	return count;
}

/* Returns -EINVAL for what is not as described above. */
static int zaccel_fault_parse(char *text, struct zaccel_fault *fault)
{
	char *name, *ring = strstr(text, " ring ");
	u32 numbers[2] = {};
	int kind, count;

	*fault = (struct zaccel_fault){};
	if (ring) {
		*ring = '\0';
		if (kstrtou64(strim(ring + strlen(" ring ")), 10, &fault->ring) ||
		    !fault->ring)
			return -EINVAL;
	}
	text = strim(text);
	name = strsep(&text, " ");
	kind = match_string(zaccel_fault_names, ARRAY_SIZE(zaccel_fault_names),
			    name);
	count = zaccel_fault_numbers(text, numbers);
	if (kind < 0 || count < 0)
		return -EINVAL;
	fault->kind = kind;
	fault->first = numbers[0];
	fault->second = numbers[count > 1];
	return zaccel_fault_valid(fault, count) ? 0 : -EINVAL;
}

static void zaccel_fault_set(struct zaccel_engine *engine,
			     const struct zaccel_fault *fault)
{
	spin_lock_irq(&engine->lock);
	engine->fault = *fault;
	spin_unlock_irq(&engine->lock);
}

static ssize_t zaccel_fault_write(struct file *file, const char __user *user,
				  size_t size, loff_t *offset)
{
	struct zaccel_engine *engine =
		((struct seq_file *)file->private_data)->private;
	struct zaccel_fault fault;
	char text[ZACCEL_FAULT_TEXT];
	int ret;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, user, size))
		return -EFAULT;
	text[size] = '\0';
	if (sysfs_streq(text, "vanish")) {
		ret = zaccel_fault_vanish(engine);
	} else {
		ret = zaccel_fault_parse(text, &fault);
		if (!ret)
			zaccel_fault_set(engine, &fault);
	}
	return ret ? ret : size;
}

static int zaccel_fault_show(struct seq_file *m, void *unused)
{
	struct zaccel_engine *engine = m->private;
	struct zaccel_fault fault;

	spin_lock_irq(&engine->lock);
	fault = engine->fault;
	spin_unlock_irq(&engine->lock);

	seq_puts(m, zaccel_fault_names[fault.kind]);
	if (fault.kind == ZACCEL_FAULT_SLOW || fault.kind == ZACCEL_FAULT_FAIL)
		seq_printf(m, " %u %u", fault.first, fault.second);
	if (fault.ring)
		seq_printf(m, " ring %llu", fault.ring);
	seq_putc(m, '\n');
	return 0;
}

DEFINE_SHOW_STORE_ATTRIBUTE(zaccel_fault);

void zaccel_fault_debugfs(struct zaccel_engine *engine, struct dentry *root)
{
	debugfs_create_file("fault", 0600, root, engine, &zaccel_fault_fops);
}
