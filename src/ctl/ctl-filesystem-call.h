/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One call to Filesystem1 of the file system that the first argument names, for all verbs that make one.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "src/ctl/ctl-exit.h"
#include "src/ctl/ctl-options.h"

typedef int (*CtlAppendRequest)(sd_bus_message *call, const CtlRequest *request);

/**
 * ctl_filesystem_call() - finds the file system, asks for a password where one is needed, waits for the answer
 * @append:         puts the arguments in; 0 or more, or a negative errno
 * @timeout_usec:   of an answer that no password is asked for
 * @ret_filesystem: new, its properties; NULL: not wanted
 * @ret_reply:      NULL: not wanted
 *
 * Says what is wrong on standard error.
 */
CtlExit ctl_filesystem_call(const CtlRequest *request, const char *member, CtlAppendRequest append,
                            uint64_t timeout_usec, json_t **ret_filesystem, sd_bus_message **ret_reply);
