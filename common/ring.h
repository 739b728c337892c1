/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef ZACCEL_COMMON_RING_H
#define ZACCEL_COMMON_RING_H

/*
 * Index rules of the rings, used by both sides. Indices run freely modulo 2^32
 * and their difference counts entries, so a ring of N entries holds N of them:
 * head == tail is empty, tail - head == N is full.
 */

#include "deps.h"

#define ZACCEL_RING_HEADER_SIZE		4096u
#define ZACCEL_RING_MIN_ENTRIES		8u
#define ZACCEL_RING_MAX_ENTRIES		32768u

/* Room for programs of a later header. */
#define ZACCEL_MAX_SQE_SIZE		256u
#define ZACCEL_MAX_CQE_SIZE		128u

static inline bool zaccel_ring_entries_valid(u32 entries)
{
	return entries >= ZACCEL_RING_MIN_ENTRIES &&
	       entries <= ZACCEL_RING_MAX_ENTRIES &&
	       (entries & (entries - 1)) == 0;
}

/* Entries between the reader's @head and the writer's @tail. */
static inline u32 zaccel_ring_count(u32 head, u32 tail)
{
	return tail - head;
}

static inline u32 zaccel_ring_free(u32 head, u32 tail, u32 entries)
{
	return entries - (tail - head);
}

/* A @tail that the other side may have stored; @head is the caller's own. */
static inline bool zaccel_ring_tail_valid(u32 head, u32 tail, u32 entries)
{
	return tail - head <= entries;
}

static inline u32 zaccel_ring_slot(u32 index, u32 entries)
{
	return index & (entries - 1);
}

/* Has a free-running @tail reached @index? True for up to 2^31 behind it. */
static inline bool zaccel_ring_reached(u32 tail, u32 index)
{
	return (s32)(tail - index) >= 0;
}

#endif
