/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is a file system's device something a person can pull out? Asks sysfs; may take a while on large
 * stacks of devices: for child processes.
 */
#pragma once

#include <sys/types.h>

#include "src/model/filesystem-facts.h"

/**
 * device_is_removable() - by what the kernel knows of the device and of what it is made of
 * @sysfs: "/sys"; another folder in tests
 *
 * Yes if the device, or any part of it, says "removable", or hangs on USB, FireWire or a memory card slot.
 * A loop device's own file is not looked at: that file may be on a file system that hangs.
 */
Tristate device_is_removable(const char *sysfs, dev_t device_number);

/**
 * device_is_rotating() - does the kernel take it for a disk with heads?
 *
 * Of a partition its disk is asked; what is stacked has the answer of its parts. Virtual disks are often told to
 * rotate. Returns false if that cannot be found out.
 */
bool device_is_rotating(const char *sysfs, dev_t device_number);

/* True for mount points that udisks makes for people's media. */
bool mount_point_is_for_media(const char *mount_point);
