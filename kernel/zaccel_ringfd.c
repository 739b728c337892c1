// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: descriptors of rings
 *
 * A ring can have descriptors of its own, for those who are to drive it and
 * nothing else: another thread, another process. They hold the ring but not the
 * file it belongs to: when that closes the ring ends, and they say -ENODEV.
 */

#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/uaccess.h>
#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>
#include <drm/drm_vma_manager.h>

#include "zaccel_drv.h"
#include "zaccel_ring.h"

static int zaccel_ringfd_release(struct inode *inode, struct file *file)
{
	zaccel_ring_put(file->private_data);
	return 0;
}

static __poll_t zaccel_ringfd_poll(struct file *file, poll_table *table)
{
	struct zaccel_ring *ring = file->private_data;
	__poll_t events = 0;

	poll_wait(file, &ring->wait, table);
	/* Pairs with zaccel_ring_wake(): woken, or the completion is seen. */
	smp_mb();
	/* A reaper may be ahead: it looks at cq_tail, which comes first. */
	if ((s32)(zaccel_ring_shown(ring) -
		  READ_ONCE(ring->header->cq_head)) > 0)
		events |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(ring->error))
		events |= EPOLLHUP;
	return events;
}

static int zaccel_ringfd_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct zaccel_ring *ring = file->private_data;
	struct drm_gem_object *obj = ring->obj;

	if (READ_ONCE(ring->error))
		return -ENODEV;
	if (vma->vm_pgoff || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;

	/* As if through the device's node, whose address space this file has. */
	vma->vm_pgoff = drm_vma_node_start(&obj->vma_node);
	return drm_gem_mmap_obj(obj, obj->size, vma);
}

static long zaccel_ringfd_kick(struct zaccel_ring *ring, unsigned long flags)
{
	if (flags) {
		drm_dbg(&ring->zdev->drm, "kick: flags %#lx\n", flags);
		return -EINVAL;
	}
	return zaccel_ring_submit(ring, NULL);
}

/* The caller's structure may be of another version, as in every DRM call. */
static noinline long zaccel_ringfd_wait(struct zaccel_ring *ring,
					void __user *user, size_t size)
{
	struct drm_zaccel_ring_wait args = {};
	int ret;

	size = min(size, sizeof(args));
	if (copy_from_user(&args, user, size))
		return -EFAULT;
	if (args.id || args.flags) {
		drm_dbg(&ring->zdev->drm, "wait: id %u flags %#x\n", args.id,
			args.flags);
		return -EINVAL;
	}
	ret = zaccel_ring_wait(ring, &args);
	if (copy_to_user(user, &args, size))
		return -EFAULT;
	return ret;
}

static __always_inline long zaccel_ringfd_call(struct zaccel_ring *ring,
					       unsigned int cmd,
					       unsigned long value,
					       void __user *pointer)
{
	long ret;

	if (likely(cmd == DRM_IOCTL_ZACCEL_FD_KICK))
		ret = zaccel_ringfd_kick(ring, value);
	else if (_IOC_TYPE(cmd) == DRM_IOCTL_BASE &&
		 _IOC_NR(cmd) == DRM_COMMAND_BASE + DRM_ZACCEL_FD_WAIT)
		ret = zaccel_ringfd_wait(ring, pointer, _IOC_SIZE(cmd));
	else
		return -ENOTTY;
	/* However the ring ended, to this side it is gone. */
	return ret == -ECANCELED ? -ENODEV : ret;
}

static long zaccel_ringfd_ioctl(struct file *file, unsigned int cmd,
				unsigned long arg)
{
	return zaccel_ringfd_call(file->private_data, cmd, arg,
				  (void __user *)arg);
}

#ifdef CONFIG_COMPAT
/* The layout is the same; an argument is a value or a short pointer. */
static long zaccel_ringfd_compat_ioctl(struct file *file, unsigned int cmd,
				       unsigned long arg)
{
	return zaccel_ringfd_call(file->private_data, cmd, (u32)arg,
				  compat_ptr(arg));
}
#endif

static const struct file_operations zaccel_ringfd_fops = {
	.owner = THIS_MODULE,
	.release = zaccel_ringfd_release,
	.poll = zaccel_ringfd_poll,
	.mmap = zaccel_ringfd_mmap,
	.unlocked_ioctl = zaccel_ringfd_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = zaccel_ringfd_compat_ioctl,
#endif
	.llseek = noop_llseek,
};

static struct file *zaccel_ringfd_open(struct zaccel_ring *ring)
{
	struct file *file = anon_inode_getfile("[zaccel-ring]",
					       &zaccel_ringfd_fops, ring,
					       O_RDWR);

	if (IS_ERR(file))
		return file;
	zaccel_ring_get(ring);
	/* Its mappings are among the device's, as those of the node. */
	file->f_mapping = ring->zdev->drm.anon_inode->i_mapping;
	return file;
}

static int zaccel_ringfd_install(struct zaccel_ring *ring, s32 *fd)
{
	struct file *file;

	*fd = get_unused_fd_flags(O_CLOEXEC);
	if (*fd < 0)
		return *fd;
	file = zaccel_ringfd_open(ring);
	if (IS_ERR(file)) {
		put_unused_fd(*fd);
		return PTR_ERR(file);
	}
	fd_install(*fd, file);
	return 0;
}

int zaccel_ring_fd_ioctl(struct drm_device *drm, void *data,
			 struct drm_file *file)
{
	struct drm_zaccel_ring_fd *args = data;
	struct zaccel_ring *ring;
	int ret;

	if (args->flags || args->pad) {
		drm_dbg(drm, "ring fd: flags %#x pad %u\n", args->flags,
			args->pad);
		return -EINVAL;
	}
	ring = zaccel_ring_find(file, args->id);
	if (!ring)
		return -ENOENT;
	ret = zaccel_ringfd_install(ring, &args->fd);
	zaccel_ring_put(ring);
	return ret;
}
