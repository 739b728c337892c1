/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_QUERY_H
#define ZACCEL_QUERY_H

#include <linux/sizes.h>

/* Limits that queries report and the calls enforce. */
#define ZACCEL_MAX_SLOTS	4096u
#define ZACCEL_MAX_BUFFER_SIZE	((u64)SZ_1G)

#endif
