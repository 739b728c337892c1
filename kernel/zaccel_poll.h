/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_POLL_H
#define ZACCEL_POLL_H

#include <linux/types.h>

struct drm_zaccel_ring_create;
struct zaccel_file;
struct zaccel_poller;
struct zaccel_ring;

/* Of drm_zaccel_ring_create.idle_us. */
#define ZACCEL_DEFAULT_IDLE_US	1000u
#define ZACCEL_MAX_IDLE_US	1000000u
/* Entries that a poller takes from a ring before it looks at the next. */
#define ZACCEL_POLL_MOST	256

/* What concerns polling in the arguments of a ring to be. */
bool zaccel_poll_args_valid(const struct drm_zaccel_ring_create *args);

/*
 * Have the file's poller look after a ring, which can be stopped by then. Makes
 * the poller if there is none. -EPERM, -EBUSY, -ENOSPC, -ENOMEM; -EINTR for a
 * caller that is being killed.
 */
int zaccel_poller_add(struct zaccel_file *zfile, struct zaccel_ring *ring,
		      const struct drm_zaccel_ring_create *args);

/* No more. The ring was killed; the poller goes with its last ring. */
void zaccel_poller_remove(struct zaccel_file *zfile, struct zaccel_ring *ring);

/* A doorbell was rung. Does not sleep. */
void zaccel_poller_wake(struct zaccel_poller *poller);

#endif
