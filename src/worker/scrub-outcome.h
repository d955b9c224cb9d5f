/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the end of a unit that ran xfs_scrub says, ours or xfsprogs' own.
 */
#pragma once

#include "src/model/job-report.h"

/**
 * scrub_outcome() - pure
 * @unit_result: systemd's word, "success", "exit-code", "signal", …
 * @exit_status: of the program
 * @detail:      a sentence is added to it, if there is more to say
 */
Outcome scrub_outcome(const char *unit_result, int exit_status, char detail[static JOB_DETAIL_SIZE]);
