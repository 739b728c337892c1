/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_CHECK_H
#define ZACCEL_CHECK_H

struct zaccel_job;

/*
 * Make commands of the copies that the job's part of the ring's pool holds, each
 * with a status: one that copying it set, or 0, stands there already. The job
 * gets what they need. 0, -ENOMEM, or -EAGAIN when the EXECs under way take all
 * the ring may have. Under the ring's lock.
 */
int zaccel_job_check(struct zaccel_job *job);

#endif
