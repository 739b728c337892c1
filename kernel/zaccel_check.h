/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_CHECK_H
#define ZACCEL_CHECK_H

#include <linux/types.h>

struct zaccel_job;

/*
 * Copy and check the entries of the next batch of the job's ring, up to @tail and
 * for at most @space completions. The job gets the commands and what they use.
 *
 * Returns 1; 0 when there is no whole batch; -EINVAL when there never will be;
 * -EAGAIN when it needs more completions, or commands of EXECs, than are left; or
 * -ENOMEM. Under the ring's lock.
 */
int zaccel_job_fetch(struct zaccel_job *job, u32 tail, u32 space);

#endif
