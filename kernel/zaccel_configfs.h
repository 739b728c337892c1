/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_CONFIGFS_H
#define ZACCEL_CONFIGFS_H

#if IS_ENABLED(CONFIG_CONFIGFS_FS)
/* Directories below /sys/kernel/config/zaccel; the driver is there already. */
int zaccel_configfs_init(void);

/* There is no directory any more: each holds the module. */
void zaccel_configfs_exit(void);
#else
static inline int zaccel_configfs_init(void)
{
	return 0;
}

static inline void zaccel_configfs_exit(void)
{
}
#endif

#endif
