/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef ZACCEL_EXPORTER_H
#define ZACCEL_EXPORTER_H

#include <linux/ioctl.h>

/*
 * Of /dev/zaccel_exporter. Each open file has one buffer of a page, and one fence
 * at a time. The first call returns a descriptor of the buffer.
 */
#define EXPORTER_EXPORT	_IO('z', 0)
/* Put a fence into the buffer; the argument is its enum dma_resv_usage. */
#define EXPORTER_ATTACH	_IO('z', 1)
/* It signals. So does what is left when the file is closed. */
#define EXPORTER_SIGNAL	_IO('z', 2)

#endif
