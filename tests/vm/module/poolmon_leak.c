// SPDX-License-Identifier: GPL-2.0
// A kernel module that leaks on purpose, for `cargo xtask vm`.
//
// From a kernel thread it takes objects of a cache of its own, from a timer (so in softirq context) it takes blocks
// of 200 bytes from kmalloc-256. It never frees them before it is unloaded. What it has taken so far can be read in
// /sys/module/poolmon_leak/parameters/, so that a test compares poolmon's figures with the truth.
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/version.h>

static unsigned int objects_per_tick = 10;
module_param(objects_per_tick, uint, 0644);
MODULE_PARM_DESC(objects_per_tick, "objects of leaky_item taken every 100 ms");

static unsigned int blocks_per_tick;
module_param(blocks_per_tick, uint, 0644);
MODULE_PARM_DESC(blocks_per_tick, "blocks of 200 bytes taken every 100 ms");

static unsigned int merged_size;
module_param(merged_size, uint, 0444);
MODULE_PARM_DESC(merged_size, "bytes of an object of leaky_item, which may then share a cache; 0: it has its own");

static ulong objects;
module_param(objects, ulong, 0444);
MODULE_PARM_DESC(objects, "objects of leaky_item held now");

static ulong blocks;
module_param(blocks, ulong, 0444);
MODULE_PARM_DESC(blocks, "blocks of 200 bytes held now");

struct leaky_item {
	struct list_head list;
	char payload[168];
};

struct leaky_block {
	struct list_head list;
	char payload[184];
};

static LIST_HEAD(held_items);
static LIST_HEAD(held_blocks);
static struct kmem_cache *cache;
static struct task_struct *thread;
static struct timer_list timer;

/* A cache with a constructor is never merged with others of its size, so its name stays its own. */
static void construct(void *item)
{
	INIT_LIST_HEAD(&((struct leaky_item *)item)->list);
}

static int take_items(void *unused)
{
	while (!kthread_should_stop()) {
		unsigned int taken;

		for (taken = 0; taken < objects_per_tick; taken++) {
			struct leaky_item *item = kmem_cache_alloc(cache, GFP_KERNEL);

			if (!item)
				break;
			list_add(&item->list, &held_items);
			objects++;
		}
		msleep_interruptible(100);
	}
	return 0;
}

static void take_blocks(struct timer_list *unused)
{
	unsigned int taken;

	for (taken = 0; taken < blocks_per_tick; taken++) {
		struct leaky_block *block = kmalloc(sizeof(*block), GFP_ATOMIC);

		if (!block)
			break;
		list_add(&block->list, &held_blocks);
		blocks++;
	}
	mod_timer(&timer, jiffies + HZ / 10);
}

static int __init leak_init(void)
{
	if (merged_size && merged_size < sizeof(struct leaky_item))
		return -EINVAL;
	cache = kmem_cache_create("leaky_item", merged_size ? merged_size : sizeof(struct leaky_item), 0, 0,
				  merged_size ? NULL : construct);
	if (!cache)
		return -ENOMEM;
	thread = kthread_run(take_items, NULL, "poolmon_leak");
	if (IS_ERR(thread)) {
		kmem_cache_destroy(cache);
		return PTR_ERR(thread);
	}
	timer_setup(&timer, take_blocks, 0);
	mod_timer(&timer, jiffies + HZ / 10);
	return 0;
}

static void __exit leak_exit(void)
{
	struct leaky_item *item, *next_item;
	struct leaky_block *block, *next_block;

	kthread_stop(thread);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	timer_delete_sync(&timer);
#else
	del_timer_sync(&timer);
#endif
	list_for_each_entry_safe(item, next_item, &held_items, list)
		kmem_cache_free(cache, item);
	list_for_each_entry_safe(block, next_block, &held_blocks, list)
		kfree(block);
	kmem_cache_destroy(cache);
}

module_init(leak_init);
module_exit(leak_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Leaks slab objects on purpose, to test poolmon");
