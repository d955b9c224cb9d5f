/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of worker-client that fails workloads.
 */
#pragma once

#include "src/protocol/worker-protocol.h"

/* Words of "fail DEVICE JOB HOW [WORD]…" from HOW on, cut in place, into @request. Returns a new descriptor of who is
 * announced; -EBADF if nobody is; or -EINVAL for a word that is none. */
int client_read_fail(char *words, WorkerFailRequest *request);

void client_print_workload(const WorkerWorkload *workload);
void client_print_hold(const WorkerHold *hold);
