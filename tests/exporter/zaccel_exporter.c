// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exporter for tests. Its buffers carry fences of each kind that a dma_resv
 * knows, as drivers of real devices leave them and none of the kernel's virtual
 * ones does: DMA_RESV_USAGE_KERNEL above all.
 */

#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "zaccel_exporter.h"

struct exporter_fence {
	struct dma_fence base;
	spinlock_t lock; /* of @base */
};

struct exporter {
	struct mutex lock; /* guards what follows */
	struct dma_buf *dmabuf;
	struct dma_fence *fence;
};

static const char *exporter_name(struct dma_fence *fence)
{
	return "zaccel_exporter";
}

static const struct dma_fence_ops exporter_fence_ops = {
	.get_driver_name = exporter_name,
	.get_timeline_name = exporter_name,
};

static struct sg_table *exporter_map(struct dma_buf_attachment *attach,
				     enum dma_data_direction direction)
{
	struct sg_table *table = kzalloc(sizeof(*table), GFP_KERNEL);
	struct page *page = attach->dmabuf->priv;
	int ret;

	if (!table)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table_from_pages(table, &page, 1, 0, PAGE_SIZE,
					GFP_KERNEL);
	if (ret)
		goto err_free;
	ret = dma_map_sgtable(attach->dev, table, direction, 0);
	if (ret)
		goto err_table;
	return table;

err_table:
	sg_free_table(table);
err_free:
	kfree(table);
	return ERR_PTR(ret);
}

static void exporter_unmap(struct dma_buf_attachment *attach,
			   struct sg_table *table,
			   enum dma_data_direction direction)
{
	dma_unmap_sgtable(attach->dev, table, direction, 0);
	sg_free_table(table);
	kfree(table);
}

static int exporter_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	iosys_map_set_vaddr(map, page_address(dmabuf->priv));
	return 0;
}

static void exporter_dmabuf_release(struct dma_buf *dmabuf)
{
	__free_page(dmabuf->priv);
}

static const struct dma_buf_ops exporter_dmabuf_ops = {
	.map_dma_buf = exporter_map,
	.unmap_dma_buf = exporter_unmap,
	.vmap = exporter_vmap,
	.release = exporter_dmabuf_release,
};

static struct dma_buf *exporter_make(void)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct dma_buf *dmabuf;

	if (!page)
		return ERR_PTR(-ENOMEM);
	info.ops = &exporter_dmabuf_ops;
	info.size = PAGE_SIZE;
	info.flags = O_RDWR;
	info.priv = page;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		__free_page(page);
	return dmabuf;
}

static int exporter_export(struct exporter *exporter)
{
	int fd;

	if (!exporter->dmabuf) {
		struct dma_buf *dmabuf = exporter_make();

		if (IS_ERR(dmabuf))
			return PTR_ERR(dmabuf);
		exporter->dmabuf = dmabuf;
	}
	get_dma_buf(exporter->dmabuf);
	fd = dma_buf_fd(exporter->dmabuf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(exporter->dmabuf);
	return fd;
}

static int exporter_attach(struct exporter *exporter, unsigned long usage)
{
	struct exporter_fence *fence;
	struct dma_resv *resv;
	int ret;

	if (!exporter->dmabuf || exporter->fence ||
	    usage > DMA_RESV_USAGE_BOOKKEEP)
		return -EINVAL;
	fence = kzalloc(sizeof(*fence), GFP_KERNEL);
	if (!fence)
		return -ENOMEM;
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, &exporter_fence_ops, &fence->lock,
		       dma_fence_context_alloc(1), 1);

	resv = exporter->dmabuf->resv;
	dma_resv_lock(resv, NULL);
	ret = dma_resv_reserve_fences(resv, 1);
	if (!ret)
		dma_resv_add_fence(resv, &fence->base, usage);
	dma_resv_unlock(resv);
	if (ret)
		dma_fence_put(&fence->base);
	else
		exporter->fence = &fence->base;
	return ret;
}

static int exporter_signal(struct exporter *exporter)
{
	if (!exporter->fence)
		return -EINVAL;
	dma_fence_signal(exporter->fence);
	dma_fence_put(exporter->fence);
	exporter->fence = NULL;
	return 0;
}

static long exporter_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct exporter *exporter = file->private_data;
	long ret = -ENOTTY;

	mutex_lock(&exporter->lock);
	if (cmd == EXPORTER_EXPORT)
		ret = exporter_export(exporter);
	else if (cmd == EXPORTER_ATTACH)
		ret = exporter_attach(exporter, arg);
	else if (cmd == EXPORTER_SIGNAL)
		ret = exporter_signal(exporter);
	mutex_unlock(&exporter->lock);
	return ret;
}

static int exporter_open(struct inode *inode, struct file *file)
{
	struct exporter *exporter = kzalloc(sizeof(*exporter), GFP_KERNEL);

	if (!exporter)
		return -ENOMEM;
	mutex_init(&exporter->lock);
	file->private_data = exporter;
	return 0;
}

static int exporter_release(struct inode *inode, struct file *file)
{
	struct exporter *exporter = file->private_data;

	exporter_signal(exporter);
	if (exporter->dmabuf)
		dma_buf_put(exporter->dmabuf);
	mutex_destroy(&exporter->lock);
	kfree(exporter);
	return 0;
}

static const struct file_operations exporter_fops = {
	.owner = THIS_MODULE,
	.open = exporter_open,
	.release = exporter_release,
	.unlocked_ioctl = exporter_ioctl,
};

static struct miscdevice exporter_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "zaccel_exporter",
	.fops = &exporter_fops,
};

module_misc_device(exporter_device);

MODULE_DESCRIPTION("Exporter of dma-bufs for tests");
MODULE_AUTHOR("zaccel developers");
MODULE_LICENSE("GPL");
MODULE_INFO(import_ns, "DMA_BUF");
