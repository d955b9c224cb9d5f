/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which units a policy may have started: the administrator's own templates, never what the system itself stands on. The
 * loader of policies says it early, the worker enforces it, for every name that systemd knows the unit by.
 */
#pragma once

/* Why a unit of this name is never started for a policy, in words ("belongs to systemd"); NULL: it may be. @name: of a
 * template or of an instance. */
const char *startable_unit_fault(const char *name);
