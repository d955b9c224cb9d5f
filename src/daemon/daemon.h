/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds healerd out of its parts and runs it.
 */
#pragma once

#include "src/daemon/daemon-options.h"

/* @worker_fd: taken; negative: connect to options->worker_socket. Returns the process's exit status. */
int daemon_run(const DaemonOptions *options, int worker_fd);
