/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ordering a job of Filesystem1 and waiting for its end, for all verbs that do.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "src/ctl/ctl-exit.h"
#include "src/ctl/ctl-options.h"
#include "src/model/vocabulary.h"

/* The a{sv} of the order. Returns 0 or more, or a negative errno. */
typedef int (*CtlAppendOptions)(sd_bus_message *call, const CtlRequest *request);
/* It has ended, its result was printed, and the connection went with the loop. @job: its object. */
typedef void (*CtlJobEnded)(const CtlRequest *request, const char *job);

/* @ended: NULL: there is nothing more to show */
CtlExit ctl_job_run(const CtlRequest *request, ActionKind action, const char *member, CtlAppendOptions append,
                    CtlJobEnded ended);
