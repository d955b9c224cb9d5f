/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ends units and containers, all at once, and waits until they have ended. For child processes.
 */
#pragma once

#include "src/worker/workload-target.h"

/* From SIGKILL until it is said to be left; in the middle it is killed once more. */
#define KILL_PATIENCE_USEC (10 * USEC_PER_SEC)
/* How long a unit that systemd starts again by itself is waited for: whether it uses the file system shows after its
 * start. */
#define RESTART_PATIENCE_USEC (3 * USEC_PER_SEC)
/* One that comes back is ended as often once more, by then so that nothing starts it again. */
#define RETURNS_MAX 2
/* It has that long to end by itself, whatever the rule gives. */
#define RETURN_TERM_USEC (5 * USEC_PER_SEC)

/* Begins to end every one that is TARGET_CHOSEN and waits until all are TARGET_OVER, by their deadlines. */
void workloads_end(TargetList *list, sd_bus *bus, const WorkloadScope *scope);

/* Those that came back, out of @users, who were looked up anew: chosen again, so that workloads_end() ends them; or
 * FATE_BACK if that has been tried often enough. Returns how many are to be ended. */
size_t workloads_choose_returned(TargetList *list, sd_bus *bus, const WorkloadUsers *users);
