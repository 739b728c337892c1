// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: polling
 *
 * A poller is a thread that rings the doorbells of one open file, so that its
 * owner need not. It goes round the rings that were made for it; what it finds
 * there goes the way of every batch, so it overtakes nobody.
 *
 * Asleep, it is to be woken by a doorbell. The protocol with the submitter has
 * four steps: one stores the tail and then looks for the flag, the other stores
 * the flag and then looks for the tail, each with a full barrier in between; so
 * one of them sees the other.
 *
 * What it could not take for want of room or memory, it tries again every now and
 * then, awake or asleep: who waits for that has nothing to ring a doorbell for.
 */

#include <linux/capability.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/memcontrol.h>
#include <linux/moduleparam.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <drm/drm_print.h>

#include "zaccel_drv.h"
#include "zaccel_poll.h"
#include "zaccel_ring.h"

/*
 * How often a poller goes round before it looks at anything but rings: the clock, who
 * wants its lock, whether it is to end. Each time, that would be most of what it does.
 * It looks at these earlier once it has taken ZACCEL_POLL_MOST entries, or found some
 * that it could not take, which costs as much.
 */
#define ZACCEL_POLL_ROUNDS	16u

static uint poll_grants;
module_param(poll_grants, uint, 0644);
MODULE_PARM_DESC(poll_grants, "pollers that those without CAP_SYS_NICE may have at a time (default 0)");

/**
 * struct zaccel_poller - a thread that looks for entries
 */
struct zaccel_poller {
	/** @task: the thread; reference held */
	struct task_struct *task;
	/** @memcg: pays for what is allocated for the file's batches */
	struct mem_cgroup *memcg;
	/** @cpu: where it was asked to run, or -1 */
	int cpu;
	/** @cpus: where its owner could run */
	struct cpumask cpus;
	/** @granted: its owner had no CAP_SYS_NICE */
	bool granted;
	/** @woken: a doorbell was rung, or a ring was added */
	bool woken;
	/** @idle_us: the longest of its rings' */
	u32 idle_us;
	/** @wait: where it sleeps */
	wait_queue_head_t wait;
	/** @lock: guards @rings; the rings' locks are taken inside it */
	struct mutex lock;
	/** @rings: that it looks after */
	struct list_head rings;
};

/* All pollers of all devices. */
static DEFINE_MUTEX(zaccel_pollers_lock);
static u32 zaccel_num_pollers;
static u32 zaccel_num_granted;

bool zaccel_poll_args_valid(const struct drm_zaccel_ring_create *args)
{
	u32 cpu;

	if (args->flags & ~(ZACCEL_RING_POLL | ZACCEL_RING_POLL_CPU))
		return false;
	if (!(args->flags & ZACCEL_RING_POLL))
		return !args->flags && !args->idle_us && !args->poll_cpu;
	if (args->idle_us > ZACCEL_MAX_IDLE_US)
		return false;
	if (!(args->flags & ZACCEL_RING_POLL_CPU))
		return !args->poll_cpu;
	if (args->poll_cpu >= nr_cpu_ids)
		return false;
	cpu = array_index_nospec(args->poll_cpu, nr_cpu_ids);
	return cpu_online(cpu) && cpumask_test_cpu(cpu, current->cpus_ptr);
}

/* Goes round some times. True when something was taken. */
static bool zaccel_poller_look(struct zaccel_poller *poller)
{
	struct zaccel_ring *ring;
	int n, taken = 0;
	bool more = true;
	u32 i;

	mutex_lock(&poller->lock);
	for (i = 0; i < ZACCEL_POLL_ROUNDS && more; i++) {
		list_for_each_entry(ring, &poller->rings, poll.node) {
			n = zaccel_ring_poll(ring);
			more &= n >= 0;
			taken += max(n, 0);
		}
		more &= taken < ZACCEL_POLL_MOST;
	}
	mutex_unlock(&poller->lock);
	return taken;
}

/* Of a ring that has ended, a doorbell is the way to learn that. */
static void zaccel_poller_set_flags(struct zaccel_poller *poller, u32 flags)
{
	struct zaccel_ring *ring;

	mutex_lock(&poller->lock);
	list_for_each_entry(ring, &poller->rings, poll.node)
		WRITE_ONCE(ring->header->flags,
			   READ_ONCE(ring->error) ? ZACCEL_RING_NEED_WAKEUP :
						    flags);
	mutex_unlock(&poller->lock);
}

/* In jiffies, until something is to be tried again. */
static long zaccel_poller_patience(struct zaccel_poller *poller)
{
	long patience = MAX_SCHEDULE_TIMEOUT;
	struct zaccel_ring *ring;

	mutex_lock(&poller->lock);
	list_for_each_entry(ring, &poller->rings, poll.node)
		patience = min(patience, zaccel_ring_poll_patience(ring));
	mutex_unlock(&poller->lock);
	return patience;
}

static bool zaccel_poller_wanted(struct zaccel_poller *poller)
{
	return READ_ONCE(poller->woken) || kthread_should_stop();
}

/* False when there is something to be tried again, and no more. */
static bool zaccel_poller_sleep(struct zaccel_poller *poller)
{
	bool awake;

	zaccel_poller_set_flags(poller, ZACCEL_RING_NEED_WAKEUP);
	/* Pairs with the submitter's: the tail is seen here, or the flag there. */
	smp_mb();
	awake = zaccel_poller_look(poller) ||
		wait_event_idle_timeout(poller->wait,
					zaccel_poller_wanted(poller),
					zaccel_poller_patience(poller));
	/* A doorbell from here on finds the poller awake, or wakes it again. */
	smp_store_mb(poller->woken, false);
	zaccel_poller_set_flags(poller, 0);
	return awake;
}

static int zaccel_poller_thread(void *data)
{
	struct zaccel_poller *poller = data;
	struct mem_cgroup *old = set_active_memcg(poller->memcg);
	u64 since = ktime_get_ns();

	/* Here: what was set before may not outlast the thread's start. */
	if (poller->cpu < 0)
		set_cpus_allowed_ptr(current, &poller->cpus);
	while (!kthread_should_stop()) {
		if (zaccel_poller_look(poller)) {
			since = ktime_get_ns();
		} else if (ktime_get_ns() - since >=
			   (u64)READ_ONCE(poller->idle_us) * NSEC_PER_USEC) {
			if (zaccel_poller_sleep(poller))
				since = ktime_get_ns();
		} else {
			cpu_relax();
		}
		/* It may not sleep for days, which others wait for too. */
		cond_resched_tasks_rcu_qs();
	}
	set_active_memcg(old);
	return 0;
}

void zaccel_poller_wake(struct zaccel_poller *poller)
{
	/* After the tail that the doorbell was rung for, to whoever clears this. */
	smp_mb();
	WRITE_ONCE(poller->woken, true);
	wake_up(&poller->wait);
}

/* One more, if there may be. */
static int zaccel_poller_admit(struct zaccel_poller *poller)
{
	int ret = 0;

	poller->granted = !capable(CAP_SYS_NICE);
	mutex_lock(&zaccel_pollers_lock);
	if (poller->granted && zaccel_num_granted >= READ_ONCE(poll_grants)) {
		ret = -EPERM;
	} else if (zaccel_num_pollers >= num_online_cpus()) {
		ret = -ENOSPC;
	} else {
		zaccel_num_pollers++;
		zaccel_num_granted += poller->granted;
	}
	mutex_unlock(&zaccel_pollers_lock);
	return ret;
}

static void zaccel_poller_dismiss(struct zaccel_poller *poller)
{
	mutex_lock(&zaccel_pollers_lock);
	zaccel_num_pollers--;
	zaccel_num_granted -= poller->granted;
	mutex_unlock(&zaccel_pollers_lock);
}

/* It runs where its owner could, and gives way to others as its owner does. */
static int zaccel_poller_start(struct zaccel_poller *poller)
{
	struct task_struct *task;

	cpumask_copy(&poller->cpus, current->cpus_ptr);
	task = kthread_create(zaccel_poller_thread, poller, "zaccel-poll/%d",
			      task_tgid_nr(current));
	/* No room for a thread; -EAGAIN would mean something else to a caller. */
	if (IS_ERR(task))
		return -ENOMEM;
	if (poller->cpu >= 0)
		kthread_bind(task, poller->cpu);
	set_user_nice(task, task_nice(current));
	poller->task = get_task_struct(task);
	wake_up_process(task);
	return 0;
}

static void zaccel_poller_free(struct zaccel_poller *poller)
{
	mem_cgroup_put(poller->memcg);
	mutex_destroy(&poller->lock);
	kfree(poller);
}

static struct zaccel_poller *zaccel_poller_create(int cpu)
{
	struct zaccel_poller *poller = kzalloc(sizeof(*poller),
					       GFP_KERNEL_ACCOUNT);
	int ret;

	if (!poller)
		return ERR_PTR(-ENOMEM);
	mutex_init(&poller->lock);
	INIT_LIST_HEAD(&poller->rings);
	init_waitqueue_head(&poller->wait);
	poller->cpu = cpu;
	poller->memcg = get_mem_cgroup_from_mm(current->mm);
	ret = zaccel_poller_admit(poller);
	if (ret)
		goto err_free;
	ret = zaccel_poller_start(poller);
	if (ret)
		goto err_dismiss;
	return poller;

err_dismiss:
	zaccel_poller_dismiss(poller);
err_free:
	zaccel_poller_free(poller);
	return ERR_PTR(ret);
}

/* With the lock. */
static void zaccel_poller_set_idle(struct zaccel_poller *poller)
{
	struct zaccel_ring *ring;
	u32 idle_us = 0;

	list_for_each_entry(ring, &poller->rings, poll.node)
		idle_us = max(idle_us, ring->poll.idle_us);
	WRITE_ONCE(poller->idle_us, idle_us);
}

/* With the file's poll_lock. */
static struct zaccel_poller *zaccel_poller_of(struct zaccel_file *zfile, int cpu)
{
	struct zaccel_poller *poller = zfile->poller;

	if (!poller) {
		poller = zaccel_poller_create(cpu);
		if (!IS_ERR(poller))
			zfile->poller = poller;
		return poller;
	}
	return cpu < 0 || cpu == poller->cpu ? poller : ERR_PTR(-EBUSY);
}

static int zaccel_poller_join(struct zaccel_poller *poller,
			      struct zaccel_ring *ring, u32 idle_us)
{
	int ret = mutex_lock_killable(&poller->lock);

	if (ret)
		return ret;
	ring->poll.idle_us = idle_us ? idle_us : ZACCEL_DEFAULT_IDLE_US;
	list_add_tail(&ring->poll.node, &poller->rings);
	zaccel_poller_set_idle(poller);
	mutex_unlock(&poller->lock);

	mutex_lock(&ring->lock);
	ring->poll.poller = poller;
	mutex_unlock(&ring->lock);
	zaccel_poller_wake(poller);
	return 0;
}

/* With the file's poll_lock: the last ring has gone, or none has come. */
static void zaccel_poller_end(struct zaccel_file *zfile)
{
	struct zaccel_poller *poller = zfile->poller;

	zfile->poller = NULL;
	kthread_stop_put(poller->task);
	zaccel_poller_dismiss(poller);
	zaccel_poller_free(poller);
}

int zaccel_poller_add(struct zaccel_file *zfile, struct zaccel_ring *ring,
		      const struct drm_zaccel_ring_create *args)
{
	int cpu = args->flags & ZACCEL_RING_POLL_CPU ? (int)args->poll_cpu : -1;
	struct zaccel_poller *poller;
	int ret;

	ret = mutex_lock_killable(&zfile->poll_lock);
	if (ret)
		return ret;
	poller = zaccel_poller_of(zfile, cpu);
	ret = PTR_ERR_OR_ZERO(poller);
	if (!ret) {
		ret = zaccel_poller_join(poller, ring, args->idle_us);
		if (ret && list_empty(&poller->rings))
			zaccel_poller_end(zfile);
	}
	mutex_unlock(&zfile->poll_lock);
	if (ret)
		drm_dbg(&ring->zdev->drm, "ring: no poller, cpu %d: %d\n", cpu,
			ret);
	return ret;
}

void zaccel_poller_remove(struct zaccel_file *zfile, struct zaccel_ring *ring)
{
	struct zaccel_poller *poller = ring->poll.poller;
	bool last;

	/* Set before anybody found the ring, and cleared here only. */
	if (!poller)
		return;
	mutex_lock(&zfile->poll_lock);
	mutex_lock(&poller->lock);
	list_del(&ring->poll.node);
	zaccel_poller_set_idle(poller);
	last = list_empty(&poller->rings);
	mutex_unlock(&poller->lock);
	WRITE_ONCE(ring->header->flags, ZACCEL_RING_NEED_WAKEUP);
	/* Doorbells wake it under this lock. */
	mutex_lock(&ring->lock);
	ring->poll.poller = NULL;
	mutex_unlock(&ring->lock);
	if (last)
		zaccel_poller_end(zfile);
	mutex_unlock(&zfile->poll_lock);
}
