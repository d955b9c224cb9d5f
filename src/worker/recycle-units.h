/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which units stand still while a file system is unmounted and mounted again, and whether all of them could be started
 * again. For child processes.
 */
#pragma once

#include "src/worker/recycle-places.h"
#include "src/worker/unit-orders.h"

/* Why a unit is not to be stopped or started by us, by its name alone: half a sentence. NULL: it may. */
const char *recycle_unit_fault(const char *name);

/**
 * recycle_units_close() - the units that are stopped with those that are given, whoever does it
 * @units:  those given; what would be stopped with them, or would start them again meanwhile, is added
 * @mounts: what is bound to them is added to @units as well
 *
 * Returns: 0; -EPERM if one of them must not be stopped, or could not be started again, with the reason in
 * @orders->problem; or another negative errno.
 */
int recycle_units_close(UnitOrders *orders, UnitNames *units, const UnitNames *mounts);

/**
 * recycle_mount_units() - the units that mount a file system on these places, as they are now
 *
 * Returns: 0; -EPERM if there is one that no unit could mount again, or that would be unmounted by force, with the
 * reason in @orders->problem; or another negative errno.
 */
int recycle_mount_units(UnitOrders *orders, const RecyclePlaces *places, UnitNames *ret_mounts);
