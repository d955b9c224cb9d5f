/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who asks for the password on a terminal without a desktop: polkit's own agent for terminals, started for the time
 * of one call.
 */
#pragma once

#include <sys/types.h>

/* Starts as `CtlAgent agent = {};` */
typedef struct CtlAgent {
        pid_t pid;                      /* 0: none runs */
} CtlAgent;

/* Starts it if there is a terminal to ask on and we are not root. Without it polkit says no in its own words. */
void ctl_agent_open(CtlAgent *agent);
void ctl_agent_close(CtlAgent *agent);
