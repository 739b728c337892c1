/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_LATE_H
#define ZACCEL_LATE_H

#include <linux/types.h>

#include "zaccel_engine.h"

struct dentry;
struct zaccel_config;
struct zaccel_job;
struct zaccel_ring;

/* What a destination holds while its batch is held back. */
#define ZACCEL_LATE_POISON	0xdb

/* Is either lateness or hold switched on? */
static inline bool zaccel_late_is_on(const struct zaccel_engine *engine)
{
	return READ_ONCE(engine->late_us) || READ_ONCE(engine->hold);
}

/*
 * At fetch: memory to remember what the destinations hold. A batch that writes
 * more than there is memory for runs as if late mode were off.
 */
void zaccel_late_prepare(struct zaccel_job *job);

/* Before a job runs: poison its destinations and wait until it may go on. */
void zaccel_late_hold(struct zaccel_job *job);

/*
 * Behind a doorbell: give the engine a moment to take up what was fetched up to
 * completion @end, so that the destinations are poisoned when the call returns.
 */
void zaccel_late_wait(struct zaccel_ring *ring, u32 end);

void zaccel_late_init(struct zaccel_engine *engine,
		      const struct zaccel_config *config);

/* Files in the device's debugfs directory. */
void zaccel_late_debugfs(struct zaccel_engine *engine, struct dentry *root);

#endif
