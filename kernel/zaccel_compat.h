/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ZACCEL_COMPAT_H
#define ZACCEL_COMPAT_H

/*
 * The differences between the kernels this driver builds for. The code is
 * written for the newest; each ZACCEL_HAVE_* comes from a probe in Kbuild.
 */

#include <linux/kthread.h>
#include <linux/module.h>
#include <drm/drm_gem.h>

/* drm_gem_vmap() used to expect the reservation lock to be held. */
#ifdef ZACCEL_HAVE_GEM_VMAP_UNLOCKED
#define drm_gem_vmap	drm_gem_vmap_unlocked
#define drm_gem_vunmap	drm_gem_vunmap_unlocked
#endif

/* MODULE_IMPORT_NS() used to take a bare word. */
#ifdef ZACCEL_HAVE_IMPORT_NS_TOKEN
#define ZACCEL_IMPORT_DMA_BUF	MODULE_IMPORT_NS(DMA_BUF)
#else
#define ZACCEL_IMPORT_DMA_BUF	MODULE_IMPORT_NS("DMA_BUF")
#endif

/* What is in use used to be shown always, without being asked for. */
#ifndef ZACCEL_HAVE_GEM_OBJECT_ACTIVE
#define DRM_GEM_OBJECT_ACTIVE	0
#endif

/* kthread_create_worker() used to start the thread as well. */
#ifndef ZACCEL_HAVE_KTHREAD_RUN_WORKER
#define kthread_run_worker	kthread_create_worker
#endif

#endif
