/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_FENCE_H
#define ZACCEL_FENCE_H

#include <linux/dma-fence.h>

/* Allocate; not yet a fence that anyone may see. */
struct dma_fence *zaccel_fence_alloc(void);

/* Undo zaccel_fence_alloc() before zaccel_fence_init(). NULL is fine. */
void zaccel_fence_discard(struct dma_fence *fence);

/* Make it a fence. Must be signalled from here on. */
void zaccel_fence_init(struct dma_fence *fence, u64 context, u64 seqno);

#endif
