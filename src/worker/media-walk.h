/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A turn of a verification of the media: the kernel reads the devices of a file system, whole or where they are used,
 * in large pieces. Where one cannot be read it is read again in small ones, so that what is reported is exactly what is
 * lost: files by the kernel, through the monitor; metadata that can be rebuilt elsewhere by findings. For a child: a
 * disk that cannot read something may try for many seconds.
 */
#pragma once

#include "src/worker/survey.h"

/* Then it ends and says how far it is; whoever asked may ask again. */
#define MEDIA_TURN_USEC (30 * USEC_PER_SEC)
/* So often it says so before that: what is not told when it dies is read again. */
#define MEDIA_REPORT_USEC USEC_PER_SEC
/* A bad part is named by a multiple of this, or of a sector if those are larger: nothing is owned that is smaller than
 * a block. */
#define MEDIA_GRAIN_BYTES 4096

/**
 * media_walk_in_child() - a turn, from task->request.media on
 *
 * Between two slices (SURVEY_SLICE_USEC, but for a read that takes longer) nothing of the file system is open. It reads
 * behind everybody else where the disk's scheduler knows that. The last record has error ENOTTY if the kernel cannot
 * verify media; else as of a survey. For ChildTask.run.
 */
int media_walk_in_child(int report_fd, const SurveyTask *task);
