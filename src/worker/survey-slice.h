/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the children of surveys share: the file system is open for moments only, and each time it has to be the very
 * same superblock. For child processes.
 */
#pragma once

#include "src/worker/survey.h"

/* Returns a descriptor of its root to be closed at the end of the slice; -ESTALE if it is not mounted any more; or
 * another negative errno. */
int survey_slice_open(const SurveyTask *task);

void survey_sleep(uint64_t usec);
