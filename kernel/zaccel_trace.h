/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM zaccel

#if !defined(ZACCEL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ZACCEL_TRACE_H

#include <linux/tracepoint.h>

#include "zaccel_drv.h"
#include "zaccel_engine.h"
#include "zaccel_job.h"
#include "zaccel_ring.h"
#include "zaccel_stats.h"

/*
 * A batch's way, step by step, in the order of the events here. The fields that
 * the gpu_scheduler events have as well are called the same. What belongs to one
 * batch has one cookie; that of a submit is its first batch's, and those of its
 * other entries follow it.
 */

TRACE_EVENT_CONDITION(zaccel_submit,
	TP_PROTO(struct zaccel_ring *ring, u32 tail),
	TP_ARGS(ring, tail),
	TP_CONDITION(ring->sq_head != tail),
	TP_STRUCT__entry(
		__string(dev, dev_name(ring->zdev->drm.dev))
		__field(u64, client_id)
		__field(u64, ring)
		__field(u64, cookie)
		__field(u32, entries)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->client_id = ring->stats->client_id;
		__entry->ring = ring->serial;
		__entry->cookie = zaccel_ring_cookie(ring, ring->cq_reserved);
		__entry->entries = tail - ring->sq_head;
	),
	TP_printk("dev=%s, ring=%llu, cookie=%#llx, entries=%u, client_id:%llu",
		  __get_str(dev), __entry->ring, __entry->cookie,
		  __entry->entries, __entry->client_id)
);

TRACE_EVENT(zaccel_fetch,
	TP_PROTO(struct zaccel_job *job),
	TP_ARGS(job),
	TP_STRUCT__entry(
		__string(dev, dev_name(job->ring->zdev->drm.dev))
		__field(u64, client_id)
		__field(u64, ring)
		__field(u64, cookie)
		__field(u64, cost)
		__field(u32, count)
		__field(u32, bindings)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->client_id = job->ring->stats->client_id;
		__entry->ring = job->ring->serial;
		__entry->cookie = zaccel_job_cookie(job);
		__entry->cost = job->cost;
		__entry->count = job->count;
		__entry->bindings = job->num_bindings;
	),
	TP_printk("dev=%s, ring=%llu, cookie=%#llx, count=%u, cost=%llu, bindings=%u, client_id:%llu",
		  __get_str(dev), __entry->ring, __entry->cookie,
		  __entry->count, __entry->cost, __entry->bindings,
		  __entry->client_id)
);

DECLARE_EVENT_CLASS(zaccel_job,
	TP_PROTO(struct zaccel_job *job),
	TP_ARGS(job),
	TP_STRUCT__entry(
		__string(name, job->ring->engine->ops->name)
		__string(dev, dev_name(job->ring->zdev->drm.dev))
		__field(u64, fence_context)
		__field(u64, fence_seqno)
		__field(u64, client_id)
		__field(u64, ring)
		__field(u64, cookie)
		__field(u32, deps)
	),
	TP_fast_assign(
		__assign_str(name);
		__assign_str(dev);
		__entry->fence_context = job->ring->fence_context;
		__entry->fence_seqno = zaccel_job_fence_seqno(job);
		__entry->client_id = job->ring->stats->client_id;
		__entry->ring = job->ring->serial;
		__entry->cookie = zaccel_job_cookie(job);
		__entry->deps = job->num_deps;
	),
	TP_printk("dev=%s, fence=%llu:%llu, engine=%s, ring=%llu, cookie=%#llx, deps=%u, client_id:%llu",
		  __get_str(dev), __entry->fence_context, __entry->fence_seqno,
		  __get_str(name), __entry->ring, __entry->cookie,
		  __entry->deps, __entry->client_id)
);

/*
 * All that it waited for has signalled, and the batch before it is done: to the
 * engine's queue, or run at once.
 */
DEFINE_EVENT(zaccel_job, zaccel_ready,
	TP_PROTO(struct zaccel_job *job),
	TP_ARGS(job)
);

DEFINE_EVENT(zaccel_job, zaccel_run,
	TP_PROTO(struct zaccel_job *job),
	TP_ARGS(job)
);

/* It has run; its fence, if there is one, signals behind this. */
TRACE_EVENT(zaccel_complete,
	TP_PROTO(struct zaccel_job *job, int error, u64 busy_ns),
	TP_ARGS(job, error, busy_ns),
	TP_STRUCT__entry(
		__string(dev, dev_name(job->ring->zdev->drm.dev))
		__field(u64, fence_context)
		__field(u64, fence_seqno)
		__field(u64, ring)
		__field(u64, cookie)
		__field(u64, busy_ns)
		__field(int, error)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->fence_context = job->ring->fence_context;
		__entry->fence_seqno = zaccel_job_fence_seqno(job);
		__entry->ring = job->ring->serial;
		__entry->cookie = zaccel_job_cookie(job);
		__entry->busy_ns = busy_ns;
		__entry->error = error;
	),
	TP_printk("dev=%s, fence=%llu:%llu, ring=%llu, cookie=%#llx, error=%d, busy_ns=%llu",
		  __get_str(dev), __entry->fence_context, __entry->fence_seqno,
		  __entry->ring, __entry->cookie, __entry->error,
		  __entry->busy_ns)
);

/* Who sees its completions finds this in the trace. */
TRACE_EVENT(zaccel_post,
	TP_PROTO(struct zaccel_job *job),
	TP_ARGS(job),
	TP_STRUCT__entry(
		__string(dev, dev_name(job->ring->zdev->drm.dev))
		__field(u64, ring)
		__field(u64, cookie)
		__field(u32, cq_tail)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->ring = job->ring->serial;
		__entry->cookie = zaccel_job_cookie(job);
		__entry->cq_tail = job->first + job->count;
	),
	TP_printk("dev=%s, ring=%llu, cookie=%#llx, cq_tail=%u",
		  __get_str(dev), __entry->ring, __entry->cookie,
		  __entry->cq_tail)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH kernel
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE zaccel_trace
#include <trace/define_trace.h>
