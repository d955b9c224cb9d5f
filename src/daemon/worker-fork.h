/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where no systemd starts the worker: it becomes a child, and what is left drops its privileges.
 */
#pragma once

#include <sys/types.h>

/**
 * worker_fork() - run the worker as a child on a new line
 * @state_directory: NULL: the worker's own default
 *
 * Returns: our end of the line (non-blocking, close-on-exec); or a negative errno. The child ends when the line does.
 */
int worker_fork(const char *program, const char *state_directory, pid_t *ret_pid);

/**
 * privileges_drop() - go on as an ordinary user, for good
 *
 * Looks the name up once (a name service may be asked: only at the start). Returns: 0; -ESRCH if there is no such user;
 * or another negative errno, after which the process must not go on.
 */
int privileges_drop(const char *user);
