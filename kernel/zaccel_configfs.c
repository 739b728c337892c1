// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: devices on demand
 *
 * Each directory in /sys/kernel/config/zaccel is a device that root made, with
 * settings of its own:
 *
 *	mkdir a; echo 4 > a/instances; echo 1 > a/live; cat a/dev_name
 *
 * "live" is whether there is a platform device, and nothing else: one that was
 * unbound, or has vanished, is live until 0 is written, and can be bound again.
 * While it is live its settings stand.
 *
 * A directory holds the module, by configfs.
 */

#include <linux/cleanup.h>
#include <linux/configfs.h>
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "zaccel_config.h"
#include "zaccel_configfs.h"

/**
 * struct zaccel_directory - one directory and the device that it stands for
 */
struct zaccel_directory {
	/** @item: base; its references keep the whole */
	struct config_item item;
	/** @id: of the device, for as long as the directory is there */
	int id;
	/** @lock: guards what follows; outside all that a device's removal takes */
	struct mutex lock;
	/** @config: what the device begins with */
	struct zaccel_config config;
	/** @pdev: the device; NULL while it is not live */
	struct platform_device *pdev;
};

static DEFINE_IDA(zaccel_ids);

static struct zaccel_directory *to_zaccel_directory(struct config_item *item)
{
	return container_of(item, struct zaccel_directory, item);
}

static ssize_t zaccel_show_u32(struct zaccel_directory *dir, const u32 *value,
			       char *page)
{
	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%u\n", *value);
}

static ssize_t zaccel_store_u32(struct zaccel_directory *dir, u32 *value,
				u32 lowest, u32 highest, const char *page,
				size_t count)
{
	u32 number;
	int ret = kstrtou32(page, 0, &number);

	if (ret)
		return ret;
	if (number < lowest || number > highest)
		return -EINVAL;
	guard(mutex)(&dir->lock);
	if (dir->pdev)
		return -EBUSY;
	*value = number;
	return count;
}

static ssize_t zaccel_show_bool(struct zaccel_directory *dir, const bool *value,
				char *page)
{
	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%d\n", *value);
}

static ssize_t zaccel_store_bool(struct zaccel_directory *dir, bool *value,
				 const char *page, size_t count)
{
	bool truth;
	int ret = kstrtobool(page, &truth);

	if (ret)
		return ret;
	guard(mutex)(&dir->lock);
	if (dir->pdev)
		return -EBUSY;
	*value = truth;
	return count;
}

#define ZACCEL_CONFIG_U32(name, lowest, highest)			\
static u32 *zaccel_##name(struct zaccel_directory *dir)			\
{									\
	return &dir->config.name;					\
}									\
static ssize_t zaccel_##name##_show(struct config_item *item, char *page) \
{									\
	struct zaccel_directory *dir = to_zaccel_directory(item);	\
									\
	return zaccel_show_u32(dir, zaccel_##name(dir), page);		\
}									\
static ssize_t zaccel_##name##_store(struct config_item *item,		\
				     const char *page, size_t count)	\
{									\
	struct zaccel_directory *dir = to_zaccel_directory(item);	\
									\
	return zaccel_store_u32(dir, zaccel_##name(dir), lowest, highest, \
				page, count);				\
}

#define ZACCEL_CONFIG_BOOL(name)					\
static bool *zaccel_##name(struct zaccel_directory *dir)		\
{									\
	return &dir->config.name;					\
}									\
static ssize_t zaccel_##name##_show(struct config_item *item, char *page) \
{									\
	struct zaccel_directory *dir = to_zaccel_directory(item);	\
									\
	return zaccel_show_bool(dir, zaccel_##name(dir), page);		\
}									\
static ssize_t zaccel_##name##_store(struct config_item *item,		\
				     const char *page, size_t count)	\
{									\
	struct zaccel_directory *dir = to_zaccel_directory(item);	\
									\
	return zaccel_store_bool(dir, zaccel_##name(dir), page, count);	\
}

ZACCEL_CONFIG_U32(instances, 1, ZACCEL_MAX_INSTANCES)
CONFIGFS_ATTR(zaccel_, instances);
ZACCEL_CONFIG_U32(inline_bytes, 0, ZACCEL_INLINE_BYTES)
CONFIGFS_ATTR(zaccel_, inline_bytes);
ZACCEL_CONFIG_BOOL(realtime)
CONFIGFS_ATTR(zaccel_, realtime);
ZACCEL_CONFIG_U32(timeout_ms, ZACCEL_MIN_TIMEOUT_MS, ZACCEL_MAX_TIMEOUT_MS)
CONFIGFS_ATTR(zaccel_, timeout_ms);
ZACCEL_CONFIG_U32(max_batch_ms, ZACCEL_MIN_TIMEOUT_MS, ZACCEL_MAX_TIMEOUT_MS)
CONFIGFS_ATTR(zaccel_, max_batch_ms);
ZACCEL_CONFIG_U32(late_us, 0, ZACCEL_LATE_MAX_US)
CONFIGFS_ATTR(zaccel_, late_us);
ZACCEL_CONFIG_BOOL(hold)
CONFIGFS_ATTR(zaccel_, hold);

/* It is the same each time that the device comes, so it can be told beforehand. */
static ssize_t zaccel_dev_name_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "zaccel.%d\n", to_zaccel_directory(item)->id);
}

CONFIGFS_ATTR_RO(zaccel_, dev_name);

static int zaccel_directory_up(struct zaccel_directory *dir)
{
	const struct platform_device_info info = {
		.name = "zaccel",
		.id = dir->id,
		.data = &dir->config,
		.size_data = sizeof(dir->config),
	};
	struct platform_device *pdev;

	if (dir->pdev)
		return 0;
	pdev = platform_device_register_full(&info);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	/* A device that its driver does not take is none; why stands in the log. */
	if (!device_is_bound(&pdev->dev)) {
		platform_device_unregister(pdev);
		return -ENXIO;
	}
	dir->pdev = pdev;
	return 0;
}

static void zaccel_directory_down(struct zaccel_directory *dir)
{
	platform_device_unregister(dir->pdev);
	dir->pdev = NULL;
}

static ssize_t zaccel_live_show(struct config_item *item, char *page)
{
	struct zaccel_directory *dir = to_zaccel_directory(item);

	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%d\n", !!dir->pdev);
}

static ssize_t zaccel_live_store(struct config_item *item, const char *page,
				 size_t count)
{
	struct zaccel_directory *dir = to_zaccel_directory(item);
	bool live;
	int ret = kstrtobool(page, &live);

	if (ret)
		return ret;
	guard(mutex)(&dir->lock);
	if (live)
		ret = zaccel_directory_up(dir);
	else
		zaccel_directory_down(dir);
	return ret ? ret : count;
}

CONFIGFS_ATTR(zaccel_, live);

static struct configfs_attribute *zaccel_directory_attrs[] = {
	&zaccel_attr_instances,
	&zaccel_attr_inline_bytes,
	&zaccel_attr_realtime,
	&zaccel_attr_timeout_ms,
	&zaccel_attr_max_batch_ms,
	&zaccel_attr_late_us,
	&zaccel_attr_hold,
	&zaccel_attr_dev_name,
	&zaccel_attr_live,
	NULL,
};

static void zaccel_directory_release(struct config_item *item)
{
	struct zaccel_directory *dir = to_zaccel_directory(item);

	ida_free(&zaccel_ids, dir->id);
	mutex_destroy(&dir->lock);
	kfree(dir);
}

static struct configfs_item_operations zaccel_directory_ops = {
	.release = zaccel_directory_release,
};

static const struct config_item_type zaccel_directory_type = {
	.ct_item_ops = &zaccel_directory_ops,
	.ct_attrs = zaccel_directory_attrs,
	.ct_owner = THIS_MODULE,
};

static struct config_item *zaccel_directory_make(struct config_group *group,
						 const char *name)
{
	struct zaccel_directory *dir = kzalloc(sizeof(*dir), GFP_KERNEL);

	if (!dir)
		return ERR_PTR(-ENOMEM);
	dir->id = ida_alloc(&zaccel_ids, GFP_KERNEL);
	if (dir->id < 0) {
		int ret = dir->id;

		kfree(dir);
		return ERR_PTR(ret);
	}
	mutex_init(&dir->lock);
	zaccel_config_default(&dir->config);
	config_item_init_type_name(&dir->item, name, &zaccel_directory_type);
	return &dir->item;
}

/* Nobody writes to its files any more: configfs has waited for those who did. */
static void zaccel_directory_drop(struct config_group *group,
				  struct config_item *item)
{
	struct zaccel_directory *dir = to_zaccel_directory(item);

	scoped_guard(mutex, &dir->lock)
		zaccel_directory_down(dir);
	config_item_put(item);
}

static struct configfs_group_operations zaccel_group_ops = {
	.make_item = zaccel_directory_make,
	.drop_item = zaccel_directory_drop,
};

static const struct config_item_type zaccel_group_type = {
	.ct_group_ops = &zaccel_group_ops,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem zaccel_subsystem = {
	.su_group.cg_item = {
		.ci_namebuf = "zaccel",
		.ci_type = &zaccel_group_type,
	},
};

int zaccel_configfs_init(void)
{
	config_group_init(&zaccel_subsystem.su_group);
	mutex_init(&zaccel_subsystem.su_mutex);
	return configfs_register_subsystem(&zaccel_subsystem);
}

void zaccel_configfs_exit(void)
{
	configfs_unregister_subsystem(&zaccel_subsystem);
	mutex_destroy(&zaccel_subsystem.su_mutex);
}
