/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which whole disks a block device lies on: what loads one of them is in the way of everything else there.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/**
 * device_find_disks() - the whole disks below a block device
 * @sysfs:     "/sys"
 * @ret_disks: place for @max of them, each once
 *
 * Partitions count as their disk, and what is stacked (LVM, RAID, encryption) as what it is stacked on.
 *
 * Returns: how many; those beyond @max are left out. 0 for what is no block device, or of which nothing can be read.
 */
size_t device_find_disks(const char *sysfs, dev_t device_number, dev_t *ret_disks, size_t max);
