// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: zaccel driver
 *
 * A device is a platform device, so that it can be unbound and bound again
 * through sysfs like any other. The module makes one, and as many more as root
 * asks for (zaccel_configfs.c). Who owns what:
 *
 * - the open file (struct zaccel_file) owns rings and GEM handles;
 * - a ring owns its memory and the bindings in its table;
 * - a binding holds the GEM objects of its planes, mapped;
 * - a job (a fetched batch) holds its ring and the bindings it uses;
 * - a fence holds nothing but the module.
 *
 * So a buffer lives until its last handle, dma-buf, binding and job have gone,
 * in whatever order that happens.
 */

#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <drm/drm_accel.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <drm/zaccel_accel.h>

#include "zaccel_compat.h"
#include "zaccel_config.h"
#include "zaccel_configfs.h"
#include "zaccel_debugfs.h"
#include "zaccel_drv.h"
#include "zaccel_gem.h"
#include "zaccel_late.h"
#include "zaccel_ring.h"
#include "zaccel_stats.h"

struct workqueue_struct *zaccel_wq;

static struct platform_device *zaccel_pdev;

static int zaccel_open(struct drm_device *drm, struct drm_file *file)
{
	struct zaccel_file *zfile = kzalloc(sizeof(*zfile), GFP_KERNEL_ACCOUNT);

	if (!zfile)
		return -ENOMEM;
	zfile->stats = zaccel_stats_create(file->client_id);
	if (!zfile->stats) {
		kfree(zfile);
		return -ENOMEM;
	}
	xa_init_flags(&zfile->rings, XA_FLAGS_ALLOC1);
	mutex_init(&zfile->poll_lock);
	file->driver_priv = zfile;
	return 0;
}

static void zaccel_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct zaccel_file *zfile = file->driver_priv;

	zaccel_rings_release(zfile);
	xa_destroy(&zfile->rings);
	mutex_destroy(&zfile->poll_lock);
	zaccel_stats_put(zfile->stats);
	kfree(zfile);
}

static const struct drm_ioctl_desc zaccel_ioctls[] = {
	DRM_IOCTL_DEF_DRV(ZACCEL_QUERY, zaccel_query_ioctl, 0),
	DRM_IOCTL_DEF_DRV(ZACCEL_BUFFER_CREATE, zaccel_buffer_create_ioctl, 0),
	DRM_IOCTL_DEF_DRV(ZACCEL_BUFFER_INFO, zaccel_buffer_info_ioctl, 0),
	DRM_IOCTL_DEF_DRV(ZACCEL_RING_CREATE, zaccel_ring_create_ioctl, 0),
	DRM_IOCTL_DEF_DRV(ZACCEL_RING_DESTROY, zaccel_ring_destroy_ioctl, 0),
	DRM_IOCTL_DEF_DRV(ZACCEL_RING_BIND, zaccel_ring_bind_ioctl, 0),
	DRM_IOCTL_DEF_DRV(ZACCEL_RING_SUBMIT, zaccel_ring_submit_ioctl, 0),
	DRM_IOCTL_DEF_DRV(ZACCEL_RING_WAIT, zaccel_ring_wait_ioctl, 0),
	DRM_IOCTL_DEF_DRV(ZACCEL_BUFFER_WAIT, zaccel_buffer_wait_ioctl, 0),
	DRM_IOCTL_DEF_DRV(ZACCEL_BUFFER_EXPORT, zaccel_buffer_export_ioctl, 0),
	DRM_IOCTL_DEF_DRV(ZACCEL_RING_EVENTFD, zaccel_ring_eventfd_ioctl, 0),
	DRM_IOCTL_DEF_DRV(ZACCEL_RING_FD, zaccel_ring_fd_ioctl, 0),
};

static const struct file_operations zaccel_fops = {
	.owner = THIS_MODULE,
	DRM_ACCEL_FOPS,
	.show_fdinfo = drm_show_fdinfo,
};

static const struct drm_driver zaccel_driver = {
	.driver_features = DRIVER_COMPUTE_ACCEL | DRIVER_GEM | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE,
	.open = zaccel_open,
	.postclose = zaccel_postclose,
	.gem_create_object = zaccel_gem_create_object,
	.gem_prime_import = zaccel_gem_prime_import,
	.show_fdinfo = zaccel_show_fdinfo,
	.ioctls = zaccel_ioctls,
	.num_ioctls = ARRAY_SIZE(zaccel_ioctls),
	.fops = &zaccel_fops,
	.name = "zaccel",
	.desc = "zaccel accelerator",
#ifdef ZACCEL_HAVE_DRM_DRIVER_DATE
	.date = "20261123",
#endif
	.major = 0,
	.minor = 1,
};

/* The module's own device has none, so it follows the parameters at each probe. */
static struct zaccel_config zaccel_config_of(struct device *dev)
{
	const struct zaccel_config *data = dev_get_platdata(dev);
	struct zaccel_config config;

	if (data)
		return *data;
	zaccel_config_default(&config);
	return config;
}

static int zaccel_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	const struct zaccel_config config = zaccel_config_of(dev);
	struct zaccel_device *zdev;
	int ret;

	zdev = devm_drm_dev_alloc(dev, &zaccel_driver, struct zaccel_device,
				  drm);
	if (IS_ERR(zdev))
		return PTR_ERR(zdev);

	INIT_LIST_HEAD(&zdev->rings);
	spin_lock_init(&zdev->uses_lock);
	init_waitqueue_head(&zdev->uses_wait);
	zaccel_imports_init(zdev);
	ret = drmm_mutex_init(&zdev->drm, &zdev->rings_lock);
	if (ret)
		return ret;

	ret = zaccel_regions_init(zdev);
	if (ret)
		return ret;

	ret = dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (ret)
		return dev_err_probe(dev, ret, "no usable DMA mask\n");

	ret = zaccel_engine_init(&zdev->engine, dev, &zaccel_engine_soft,
				 &config);
	if (ret)
		return dev_err_probe(dev, ret, "cannot start the engine\n");

	platform_set_drvdata(pdev, zdev);
	ret = drm_dev_register(&zdev->drm, 0);
	if (ret) {
		zaccel_engine_fini(&zdev->engine);
		return ret;
	}
	zaccel_engine_debugfs(&zdev->engine, zdev->drm.debugfs_root);
	zaccel_late_debugfs(&zdev->engine, zdev->drm.debugfs_root);
	zaccel_fault_debugfs(&zdev->engine, zdev->drm.debugfs_root);
	zaccel_debugfs_init(&zdev->drm);
	debugfs_create_u32("first_index", 0600, zdev->drm.debugfs_root,
			   &zdev->first_index);
	return 0;
}

/*
 * Tell whoever manages devices, while the node is there to be told of. Not by
 * drm_dev_wedged_event(), which looks for the node of a graphics device and falls
 * over the one that an accelerator does not have.
 */
static void zaccel_announce_end(struct drm_device *drm)
{
	char *envp[2] = { "ZACCEL_EVENT=gone", NULL };

	kobject_uevent_env(&drm->accel->kdev->kobj, KOBJ_CHANGE, envp);
}

static void zaccel_remove(struct platform_device *pdev)
{
	struct zaccel_device *zdev = platform_get_drvdata(pdev);

	zaccel_announce_end(&zdev->drm);
	/* From here on no call gets in, and those that were in are out. */
	drm_dev_unplug(&zdev->drm);
	zaccel_rings_kill(zdev, -ENODEV);
	zaccel_engine_fini(&zdev->engine);
}

static struct platform_driver zaccel_platform_driver = {
	.probe = zaccel_probe,
	.remove = zaccel_remove,
	.driver = {
		.name = "zaccel",
		/* Whoever makes a device is told whether it works. */
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
	},
};

static int __init zaccel_init(void)
{
	int ret;

	zaccel_wq = alloc_workqueue("zaccel", WQ_UNBOUND, 0);
	if (!zaccel_wq)
		return -ENOMEM;

	ret = platform_driver_register(&zaccel_platform_driver);
	if (ret)
		goto err_wq;

	zaccel_pdev = platform_device_register_simple("zaccel",
						      PLATFORM_DEVID_NONE,
						      NULL, 0);
	if (IS_ERR(zaccel_pdev)) {
		ret = PTR_ERR(zaccel_pdev);
		goto err_driver;
	}

	ret = zaccel_configfs_init();
	if (ret)
		goto err_device;
	return 0;

err_device:
	platform_device_unregister(zaccel_pdev);
err_driver:
	platform_driver_unregister(&zaccel_platform_driver);
err_wq:
	destroy_workqueue(zaccel_wq);
	return ret;
}

static void __exit zaccel_exit(void)
{
	zaccel_configfs_exit();
	platform_device_unregister(zaccel_pdev);
	platform_driver_unregister(&zaccel_platform_driver);
	destroy_workqueue(zaccel_wq);
	/* Fences give their module reference back from an RCU callback. */
	rcu_barrier();
}

module_init(zaccel_init);
module_exit(zaccel_exit);

MODULE_DESCRIPTION("Accelerator with shareable buffers and rings");
MODULE_AUTHOR("zaccel developers");
MODULE_LICENSE("GPL");
ZACCEL_IMPORT_DMA_BUF;
