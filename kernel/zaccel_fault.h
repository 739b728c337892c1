/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_FAULT_H
#define ZACCEL_FAULT_H

#include <linux/types.h>

struct dentry;
struct zaccel_cmd;
struct zaccel_engine;
struct zaccel_job;

enum zaccel_fault_kind {
	ZACCEL_FAULT_NONE = 0,
	ZACCEL_FAULT_SLOW,
	ZACCEL_FAULT_HANG,
	ZACCEL_FAULT_FAIL,
	ZACCEL_FAULT_LOSE,
	ZACCEL_FAULT_ASYNC,
};

/**
 * struct zaccel_fault - what is to go wrong, under the engine's lock
 */
struct zaccel_fault {
	/** @kind: read without the lock where it only has to be none */
	enum zaccel_fault_kind kind;
	/** @first: slow: least microseconds; fail: every how many commands */
	u32 first;
	/** @second: slow: most microseconds; fail: errno */
	u32 second;
	/** @ring: device-wide number of the ring concerned; 0 for all */
	u64 ring;
	/** @seen: commands concerned since it was set */
	u32 seen;
};

/* How an engine runs a command where nothing goes wrong. */
typedef int (*zaccel_run_fn)(struct zaccel_job *job, struct zaccel_cmd *cmd,
			     u64 *result);

/* Run a command as the engine's fault will have it. Threads only. */
int zaccel_fault_run(struct zaccel_engine *engine, struct zaccel_job *job,
		     struct zaccel_cmd *cmd, u64 *result, zaccel_run_fn run);

/* A file in the device's debugfs directory. */
void zaccel_fault_debugfs(struct zaccel_engine *engine, struct dentry *root);

#endif
