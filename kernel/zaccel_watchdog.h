/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_WATCHDOG_H
#define ZACCEL_WATCHDOG_H

#include <linux/sched.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct zaccel_config;
struct zaccel_engine;
struct zaccel_job;

/**
 * struct zaccel_watch - what the watchdog saw of an instance when it last looked
 */
struct zaccel_watch {
	/** @turn: counts the jobs that the instance took up, or came back to */
	u32 turn;
	/** @seen_turn: of the last look */
	u32 seen_turn;
	/** @seen_beat: of the last look */
	u32 seen_beat;
	/** @last: when that was, in jiffies */
	unsigned long last;
	/** @idle: for how long both have been seen as they are, in jiffies */
	unsigned long idle;
};

/**
 * struct zaccel_hang - what is reported of a job that was ended
 */
struct zaccel_hang {
	/** @reason: why */
	const char *reason;
	/** @comm: of whoever made the ring */
	char comm[TASK_COMM_LEN];
	/** @pid: likewise */
	pid_t pid;
	/** @ring: device-wide number */
	u64 ring;
	/** @first: completion index of the batch's first command */
	u32 first;
	/** @count: of its commands */
	u32 count;
	/** @at: completion index of the command that ran */
	u32 at;
	/** @opcode: of that command */
	u16 opcode;
	/** @flags: likewise */
	u16 flags;
	/** @args: likewise */
	u64 args[5];
	/** @ran_ms: for how long the batch had run */
	u32 ran_ms;
};

/**
 * struct zaccel_watchdog - looks at an engine's instances while they are busy
 */
struct zaccel_watchdog {
	/** @max_batch_ms: no batch may run for longer */
	u32 max_batch_ms;
	/** @default_timeout_ms: of a ring that names none */
	u32 default_timeout_ms;
	/** @timer: pending while an instance may be busy */
	struct timer_list timer;
	/** @report: writes down what @hang holds */
	struct work_struct report;
	/** @reporting: @hang is in use, under the engine's lock */
	bool reporting;
	/** @hang: the last job that was ended */
	struct zaccel_hang hang;
};

void zaccel_watchdog_init(struct zaccel_watchdog *watchdog,
			  const struct zaccel_config *config);

/* An instance takes up a job. Under the engine's lock. */
void zaccel_watchdog_start(struct zaccel_engine *engine);

/* Write down a job that was ended, for log and dump. Its thread only. */
void zaccel_watchdog_report(struct zaccel_job *job);

/* No instance is busy any more. */
void zaccel_watchdog_fini(struct zaccel_watchdog *watchdog);

#endif
