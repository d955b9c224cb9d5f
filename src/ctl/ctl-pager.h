/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Long outputs on a terminal go through a pager, as systemctl's do.
 */
#pragma once

#include "src/ctl/ctl-options.h"

/* Called when all is asked and printing begins, so that nobody types a password into the pager. Nothing happens where
 * standard output is no terminal, for --json, with --no-pager, and where there is no pager. */
void ctl_pager_open(const CtlRequest *request);
/* Waits until whoever reads has left. Standard output is gone then. */
void ctl_pager_close(void);
