/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef ZACCEL_COMMON_DEPS_H
#define ZACCEL_COMMON_DEPS_H

/*
 * What common/ needs of its surroundings, and the one place that knows whether
 * it is compiled for the kernel. Everything else here is plain C without
 * allocation, locks or I/O.
 */

#ifdef __KERNEL__

#include <linux/array_size.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/barrier.h>

#define zaccel_noinline			noinline
#define zaccel_index_nospec(i, n)	array_index_nospec(i, n)
#define zaccel_fallthrough		fallthrough
#define zaccel_load_acquire(p)		smp_load_acquire(p)
#define zaccel_store_release(p, v)	smp_store_release(p, v)

#else

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

static inline u32 zaccel_index_nospec(u32 i, u32 n)
{
	return i < n ? i : 0;
}

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)			(sizeof(a) / sizeof((a)[0]))
#endif

#define zaccel_noinline			__attribute__((noinline))
#define zaccel_fallthrough		__attribute__((fallthrough))
#define zaccel_load_acquire(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define zaccel_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)

#endif

#include <drm/zaccel_accel.h>

#endif
