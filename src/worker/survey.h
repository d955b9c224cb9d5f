/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Surveys: what the kernel remembers to be sick in one file system, looked up in a child, a few milliseconds at a time
 * so that nobody who unmounts has to wait for it. One for each file system.
 */
#pragma once

#include "src/worker/worker.h"

/* Nothing of a survey happens in the first second of a mount: somebody may be about to unmount again. */
#define SURVEY_GROUPS_AFTER_USEC USEC_PER_SEC
/* Inodes are loaded one by one; what is mounted has to be settled by then. */
#define SURVEY_INODES_AFTER_USEC USEC_PER_MINUTE
/* No longer than this is the mount kept open at a time, unless a single question takes longer. */
#define SURVEY_SLICE_USEC (3 * USEC_PER_MSEC)
/* And between two slices somebody else has his turn. */
#define SURVEY_PAUSE_USEC (10 * USEC_PER_MSEC)
/* More than these findings are counted, not told: then a full check is what is needed. */
#define SURVEY_TOLD_MAX 4096

/* @taken_fd is taken, also on failure; may be negative. Says what comes of it itself, sooner or later. */
void survey_request(Worker *worker, const WorkerSurveyRequest *request, int taken_fd);
void survey_cancel(Worker *worker, uint64_t request_id);

/* The last mount is gone, or nobody listens any more (@only NULL: everywhere): what runs ends without a word to
 * wait for. */
void survey_stop(Worker *worker, const Superblock *only);

/* In a child. */
typedef struct SurveyTask {
        const Superblock *superblock;
        int monitor_fd;                 /* negative: there is none */
        WorkerSurveyRequest request;
} SurveyTask;

/* Walks all of it and reports on @report_fd. For ChildTask.run. */
int survey_walk_in_child(int report_fd, const SurveyTask *task);

/**
 * survey_attached() - what the open root can say at once of the file system as a whole
 *
 * Returns true if @ret_message is worth saying.
 */
bool survey_attached(const Superblock *superblock, int root_fd, WorkerMessage *ret_message);
