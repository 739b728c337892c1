// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: settings
 *
 * The module's parameters that concern a device. They are those of the device
 * that the module makes, and what every other one begins with.
 */

#include <linux/compiler.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>

#include "zaccel_config.h"

static uint inline_bytes = ZACCEL_INLINE_BYTES;
module_param(inline_bytes, uint, 0444);
MODULE_PARM_DESC(inline_bytes, "cost of the largest batch that is run inside the doorbell, in bytes of FILL; 0 for none");

static uint instances = 1;
module_param(instances, uint, 0444);
MODULE_PARM_DESC(instances, "batches that run at once, each on a thread of its own (default 1, at most 16)");

static bool realtime;
module_param(realtime, bool, 0444);
MODULE_PARM_DESC(realtime, "the engine's threads run at SCHED_FIFO (default no)");

static uint max_batch_ms = 10000;
module_param(max_batch_ms, uint, 0444);
MODULE_PARM_DESC(max_batch_ms, "a batch that runs for longer is ended (default 10000)");

static uint timeout_ms = 2000;
module_param(timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "a batch without progress for so long is ended, unless its ring says otherwise (default 2000)");

static uint late_us;
module_param(late_us, uint, 0644);
MODULE_PARM_DESC(late_us, "hold each batch back for so many us, with poison in its destinations");

static bool hold;
module_param(hold, bool, 0644);
MODULE_PARM_DESC(hold, "hold each batch back until \"advance\" in debugfs is written");

void zaccel_config_default(struct zaccel_config *config)
{
	*config = (struct zaccel_config){
		.instances = clamp(instances, 1u, ZACCEL_MAX_INSTANCES),
		.inline_bytes = min(inline_bytes, ZACCEL_INLINE_BYTES),
		.realtime = realtime,
		.timeout_ms = clamp(timeout_ms, ZACCEL_MIN_TIMEOUT_MS,
				    ZACCEL_MAX_TIMEOUT_MS),
		.max_batch_ms = clamp(max_batch_ms, ZACCEL_MIN_TIMEOUT_MS,
				      ZACCEL_MAX_TIMEOUT_MS),
		.late_us = min(READ_ONCE(late_us), ZACCEL_LATE_MAX_US),
		.hold = READ_ONCE(hold),
	};
}
