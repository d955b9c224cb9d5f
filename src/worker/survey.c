/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop's side of a survey: who may begin, what is handed on, how it ends.
 */

#include "src/worker/survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/health-monitor.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/attach.h"
#include "src/worker/media-walk.h"
#include "src/worker/patrol-walk.h"

struct Survey {
        Worker *worker;
        Superblock *superblock;         /* stays: counts its children */
        SurveyTask task;
        Child *child;
        WorkerSurveyResult counts;      /* of the last record */
        bool is_ended;                  /* the last record was said, or nobody waits for it */
};

static int run_in_child(int report_fd, void *userdata) {
        const Survey *survey = userdata;

        switch ((SurveyDepth) survey->task.request.depth) {
        case SURVEY_PATROL:
                return patrol_walk_in_child(report_fd, &survey->task);
        case SURVEY_MEDIA:
                return media_walk_in_child(report_fd, &survey->task);
        case SURVEY_NONE:
        case SURVEY_GROUPS:
        case SURVEY_INODES:
                break;
        }
        return survey_walk_in_child(report_fd, &survey->task);
}

static void say_end(Worker *worker, const WorkerSurveyRequest *request, const WorkerSurveyResult *counts, int error) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_SURVEY_RESULT);
        message.survey_result.request_id = request->request_id;
        message.survey_result.device_number = request->device_number;
        message.survey_result.is_last = true;
        message.survey_result.error = error;
        if (counts) {
                message.survey_result.n_groups = counts->n_groups;
                message.survey_result.n_inodes = counts->n_inodes;
                message.survey_result.n_unreadable = counts->n_unreadable;
                message.survey_result.n_untold = counts->n_untold;
                message.survey_result.position = counts->position;
                message.survey_result.n_checked = counts->n_checked;
                message.survey_result.n_damaged = counts->n_damaged;
                message.survey_result.busy_usec = counts->busy_usec;
                message.survey_result.read_bytes = counts->read_bytes;
                message.survey_result.media = counts->media;
        }
        worker_say(worker, &message, -EBADF);
}

static void end(Survey *survey, int error) {
        if (survey->is_ended)
                return;

        survey->is_ended = true;
        say_end(survey->worker, &survey->task.request, &survey->counts, error);
}

static void on_survey_report(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        const WorkerMessage *message = bytes;
        Survey *survey = userdata;

        (void) child;
        close_fd(fd);

        if (survey->is_ended || worker_message_check(message, size_bytes) < 0 ||
            message->header.type != WORKER_SURVEY_RESULT)
                return;

        survey->counts = message->survey_result;
        survey->is_ended = message->survey_result.is_last;
        /* Its process is about to end: whoever asks again on this answer need not wait for that. */
        if (survey->is_ended)
                survey->superblock->survey = NULL;
        worker_say(survey->worker, message, -EBADF);
}

static void on_survey_stuck(Child *child, void *userdata) {
        Survey *survey = userdata;
        char buffer[32];

        log_warning("%s: a survey hangs in the kernel (pid %d), leaving this file system alone until it ends",
                    superblock_subject(survey->superblock, buffer), (int) child_pid(child));
        survey->superblock->n_stuck++;
        end(survey, ETIMEDOUT);
}

static void on_survey_end(Child *child, const ChildEnd *ending, void *userdata) {
        _cleanup_(free_at) Survey *survey = userdata;
        Superblock *superblock = survey->superblock;
        Worker *worker = survey->worker;

        (void) child;

        switch (ending->ending) {
        case CHILD_TIMED_OUT:
                end(survey, ETIMEDOUT);
                break;
        case CHILD_CANCELLED:
                end(survey, ECANCELED);
                break;
        case CHILD_EXITED:
        case CHILD_DIED:
        case CHILD_CRASHED:
                end(survey, EIO);
                break;
        }

        if (superblock->survey == survey)
                superblock->survey = NULL;
        superblock->n_children--;
        if (ending->was_stuck)
                superblock->n_stuck--;
        if (ending->ending == CHILD_CRASHED)
                superblock->is_crashed = true;
        worker_forget_unused(worker, superblock);
        attach_continue(worker);
}

/* Too early is no refusal: whoever asks is told to ask later. */
static int check(const Superblock *superblock, const WorkerSurveyRequest *request) {
        bool loads_inodes = request->depth == SURVEY_INODES ||
                            (request->depth == SURVEY_PATROL && request->position.stage >= PATROL_INODES);
        uint64_t after_usec = loads_inodes ? SURVEY_INODES_AFTER_USEC : SURVEY_GROUPS_AFTER_USEC;

        if (!text_equal(superblock->facts.type, "xfs"))
                return -EOPNOTSUPP;
        if (superblock->is_crashed || superblock->n_stuck > 0)
                return -EBUSY;
        if (superblock->n_mounts == 0)
                return -ESTALE;
        if (superblock->survey ||
            (superblock->mounted_usec != 0 && clock_monotonic_usec() < superblock->mounted_usec + after_usec))
                return -EAGAIN;

        return 0;
}

static int start(Worker *worker, Superblock *superblock, const WorkerSurveyRequest *request, int monitor_fd) {
        _cleanup_(free_at) Survey *survey = NULL;
        ChildTask task = {
                .name = "survey",
                .run = run_in_child,
                .on_report = on_survey_report,
                .on_stuck = on_survey_stuck,
                .on_end = on_survey_end,
                .timeout_usec = request->timeout_usec,
                .dies_with_us = true,
                .keep_fds = { monitor_fd },
        };
        int r;

        r = check(superblock, request);
        if (r < 0)
                return r;

        survey = malloc(sizeof(*survey));
        if (!survey)
                return -ENOMEM;
        *survey = (Survey) {
                .worker = worker,
                .superblock = superblock,
                .task = { .superblock = superblock, .monitor_fd = monitor_fd, .request = *request },
        };
        task.userdata = survey;

        r = child_spawn(worker->children, &task, &survey->child);
        /* All places are taken, or there is no process to be had just now. */
        if (r == -EBUSY)
                return -EAGAIN;
        if (r < 0)
                return r;

        superblock->n_children++;
        superblock->survey = steal_ptr(survey);
        return 0;
}

void survey_request(Worker *worker, const WorkerSurveyRequest *request, int taken_fd) {
        _cleanup_(close_fd_at) int monitor_fd = taken_fd;
        Superblock *superblock = superblock_find(&worker->superblocks, request->device_number);
        int r;

        if (!superblock)
                r = -ESTALE;
        else if (monitor_fd >= 0 && !health_monitor_fd_is_monitor(monitor_fd))
                r = -EBADF;
        else
                r = start(worker, superblock, request, monitor_fd);
        if (r < 0)
                say_end(worker, request, NULL, -r);
}

void survey_cancel(Worker *worker, uint64_t request_id) {
        const Superblock *superblock;

        TAILQ_FOREACH(superblock, &worker->superblocks, entry)
                if (superblock->survey && superblock->survey->task.request.request_id == request_id)
                        child_stop(superblock->survey->child);
}

void survey_stop(Worker *worker, const Superblock *only) {
        const Superblock *superblock;

        TAILQ_FOREACH(superblock, &worker->superblocks, entry)
                if (superblock->survey && (!only || superblock == only)) {
                        /* Whoever asks next must not hear of a request that he never made. */
                        if (!only)
                                superblock->survey->is_ended = true;
                        child_stop(superblock->survey->child);
                }
}
