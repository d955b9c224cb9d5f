/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One call of Manager1, with everything that belongs to it: the connection, the password, what went wrong.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "src/ctl/ctl-exit.h"
#include "src/ctl/ctl-options.h"

/* Appends the arguments. Returns 0 or more, or a negative errno. */
typedef int (*CtlAppend)(sd_bus_message *call, const void *arguments);

/**
 * ctl_manager_call() - calls @member and waits for the answer
 * @append: NULL: it takes no arguments
 * @ret_reply: NULL: nothing of interest is in it
 *
 * Says what is wrong on standard error.
 */
CtlExit ctl_manager_call(const CtlRequest *request, const char *member, CtlAppend append, const void *arguments,
                         sd_bus_message **ret_reply);
