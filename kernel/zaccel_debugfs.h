/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_DEBUGFS_H
#define ZACCEL_DEBUGFS_H

struct drm_device;

/* The lists in the device's debugfs directory. They go with the device. */
void zaccel_debugfs_init(struct drm_device *drm);

#endif
