/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A turn of a patrol: the kernel is asked to check one structure after the other, and to repair none. What it finds it
 * tells the monitor, as any damage. For a child: a check blocks for as long as the structure is large.
 */
#pragma once

#include "src/worker/survey.h"

/* Then it ends and says how far it is; whoever asked may ask again. */
#define PATROL_TURN_USEC (30 * USEC_PER_SEC)
/* So often it says so before that: what is not told when it dies is checked again. */
#define PATROL_REPORT_USEC USEC_PER_SEC
/* A patrol with a smaller share of the time than this also waits while others wait for their disks (pressure.h). */
#define PATROL_POLITE_PERCENT 50

/**
 * patrol_walk_in_child() - a turn, from task->request.position on
 *
 * Between two slices (SURVEY_SLICE_USEC) nothing of the file system is open. Ends at the end of a stage as well,
 * because inodes are not loaded soon after a mount; those of a group whose b-tree of inodes is damaged are left out,
 * because walking it can shut the file system down. The last record has error EMEDIUMTYPE on a rotating disk that is
 * not asked for, else as of a survey. For ChildTask.run.
 */
int patrol_walk_in_child(int report_fd, const SurveyTask *task);
