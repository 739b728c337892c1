/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_CONFIG_H
#define ZACCEL_CONFIG_H

#include <linux/sizes.h>
#include <linux/time64.h>
#include <linux/types.h>

#define ZACCEL_MAX_INSTANCES	16u
/*
 * 32 KiB of FILL are some 20 us of one CPU at most, and more than a batch of 256
 * small commands costs.
 */
#define ZACCEL_INLINE_BYTES	((u32)SZ_32K)
/* Less says more of the scheduler than of the batch. */
#define ZACCEL_MIN_TIMEOUT_MS	100u
#define ZACCEL_MAX_TIMEOUT_MS	(3600u * (u32)MSEC_PER_SEC)
#define ZACCEL_LATE_MAX_US	(10u * (u32)USEC_PER_SEC)

/**
 * struct zaccel_config - what a device begins with
 *
 * As platform data of a device. One without takes the module's parameters, as
 * they are when it is probed.
 */
struct zaccel_config {
	/** @instances: batches that run at once, each on a thread of its own */
	u32 instances;
	/** @inline_bytes: the most that a job run inside a doorbell may cost */
	u32 inline_bytes;
	/** @realtime: the engine's threads run at SCHED_FIFO */
	bool realtime;
	/** @timeout_ms: a ring's that names none */
	u32 timeout_ms;
	/** @max_batch_ms: the most that a batch may run */
	u32 max_batch_ms;
	/** @late_us: late mode: how long each job is held back */
	u32 late_us;
	/** @hold: late mode: hold each job back until it is let go */
	bool hold;
};

/* The module's parameters, within their limits. */
void zaccel_config_default(struct zaccel_config *config);

#endif
