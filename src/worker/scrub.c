/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child makes sure that the mount is the right one and that a repairing scan cannot crash this
 * kernel, drops every capability, and then only talks to systemd, which believes uid 0. Where systemd is not PID 1 it
 * runs the program itself.
 */

#include "src/worker/scrub.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/filesystem-probe.h"
#include "kernel/harmful-repairs.h"
#include "kernel/health-monitor.h"
#include "kernel/metadata-repair.h"
#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/basic/unit-name.h"
#include "src/model/scan-progress.h"
#include "src/worker/job.h"
#include "src/worker/lost-found.h"
#include "src/worker/pressure.h"
#include "src/worker/process.h"
#include "src/worker/reopen.h"
#include "src/worker/scrub-outcome.h"
#include "src/worker/scrub-program.h"
#include "src/worker/unit-run.h"

#define CHECK_TEMPLATE "healer-scrub@.service"
#define REPAIR_TEMPLATE "healer-scrub-repair@.service"
/* Where there is no systemd to run it. */
#define PROGRAM "/usr/sbin/xfs_scrub"
/* systemd is asked to stop the unit before the child ends. */
#define STOP_GRACE_USEC (10 * USEC_PER_SEC)
/* While others wait for their disks one that is polite is not begun. */
#define QUIET_MAX_USEC USEC_PER_HOUR

/* In the child */

typedef struct Scrub {
        Job *job;
        int report_fd;
        bool may_repair;
        bool is_without_systemd;
        char *unit_name;
        char note[JOB_DETAIL_SIZE];     /* why it only checks, though it was asked to repair */
} Scrub;

static void choose_kind(Scrub *scrub, const Reopened *place) {
        FilesystemFacts facts = {
                .type = scrub->job->superblock->facts.type,
                .device_number = scrub->job->superblock->device_number,
        };
        const HarmfulRepair *harmful;

        scrub->may_repair = scrub->job->scrub.may_repair;
        if (!scrub->may_repair)
                return;

        (void) filesystem_probe(place->fd, &facts);
        harmful = harmful_repair_find_for_scan(scrub->job->worker->kernel, &facts);
        if (!harmful && !place->is_read_only)
                return;

        scrub->may_repair = false;
        (void) text_append_format(scrub->note, sizeof(scrub->note), "only checks: %s",
                                  harmful ? harmful->why : "it is mounted read-only");
}

/* Nobody waits for it: others come first, but not for ever. */
static void wait_for_quiet(const Scrub *scrub) {
        uint64_t end_usec = clock_monotonic_usec() + QUIET_MAX_USEC;
        const struct timespec pause = { .tv_sec = 5 };

        while (scrub->job->scrub.is_polite && pressure_is_high() && clock_monotonic_usec() < end_usec)
                (void) clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

static void on_started(const char *unit_name, void *userdata) {
        const Scrub *scrub = userdata;
        char detail[JOB_DETAIL_SIZE] = "";

        (void) text_append_format(detail, sizeof(detail), "%s%s%s", unit_name, scrub->note[0] ? ", " : "",
                                  scrub->note);
        (void) job_report_started(scrub->report_fd, detail);
}

static void on_progress(const ScanProgress *progress, void *userdata) {
        const Scrub *scrub = userdata;
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_JOB_PROGRESS);
        message.progress.phase = progress->phase;
        message.progress.percent = progress->percent;
        (void) child_report(scrub->report_fd, &message, message.header.size_bytes, -EBADF);
}

static void on_status(const char *text, void *userdata) {
        ScanProgress progress;

        if (scan_progress_read_status(text, &progress))
                on_progress(&progress, userdata);
}

static Outcome judge(const UnitRun *run, WorkerJobResult *result) {
        if (text_equal(run->job_result, "canceled"))
                return OUTCOME_CANCELLED;

        return scrub_outcome(run->unit_result[0] ? run->unit_result : run->job_result, run->exit_status,
                             result->detail);
}

static void add_note(const Scrub *scrub, WorkerJobResult *result) {
        (void) text_append_format(result->detail, sizeof(result->detail), "%s%s",
                                  result->detail[0] && scrub->note[0] ? "; " : "", scrub->note);
}

/* @r: of the run; negative: there was none. */
static Outcome take_end(int r, const UnitRun *run, const char *name, WorkerJobResult *result) {
        Outcome outcome;

        if (run->was_stopped) {
                /* The loop knows why: it counts a death of this signal as what it asked for. */
                sigset_t none;

                sigemptyset(&none);
                (void) signal(SIGTERM, SIG_DFL);
                (void) raise(SIGTERM);
                (void) sigprocmask(SIG_SETMASK, &none, NULL);
        }
        if (r < 0) {
                result->error = -r;
                (void) text_append_format(result->detail, sizeof(result->detail), "%s: %s", name,
                                          run->problem[0] ? run->problem : strerror(-r));
                return OUTCOME_FAILED;
        }

        outcome = judge(run, result);
        result->was_verified = outcome == OUTCOME_DONE;
        return outcome;
}

static Outcome run_unit(Scrub *scrub, WorkerJobResult *result) {
        const UnitWanted wanted = { .name = scrub->unit_name, .started = on_started, .status = on_status,
                                    .userdata = scrub };
        UnitRun run;
        int r;

        r = unit_run(&wanted, &run);
        return take_end(r, &run, scrub->unit_name, result);
}

static void on_program_started(void *userdata) {
        on_started(PROGRAM, userdata);
}

static Outcome run_program(Scrub *scrub, const char *mount_point, WorkerJobResult *result) {
        const ScrubProgram program = {
                .path = PROGRAM,
                .mount_point = mount_point,
                .may_repair = scrub->may_repair,
                .is_confined = true,
                .started = on_program_started,
                .progress = on_progress,
                .userdata = scrub,
        };
        UnitRun run;
        int r;

        r = scrub_program_run(&program, &run);
        return take_end(r, &run, PROGRAM, result);
}

static Outcome run_it(Scrub *scrub, const char *mount_point, WorkerJobResult *result) {
        return scrub->is_without_systemd ? run_program(scrub, mount_point, result) : run_unit(scrub, result);
}

/* What a repair could not put back to its place is named: nobody would look for it. */
static Outcome run_and_look(Scrub *scrub, const char *mount_point, WorkerJobResult *result) {
        _cleanup_(lost_found_free_at) LostFound *before = NULL, *after = NULL;
        dev_t device_number = scrub->job->superblock->device_number;
        Outcome outcome;

        if (!scrub->may_repair)
                return run_it(scrub, mount_point, result);
        before = lost_found_read(mount_point, device_number);
        outcome = run_it(scrub, mount_point, result);
        after = before ? lost_found_read(mount_point, device_number) : NULL;
        if (after)
                (void) lost_found_describe(before, after, result->detail);
        return outcome;
}

static Outcome scrub_steps(Scrub *scrub, WorkerJobResult *result) {
        Job *job = scrub->job;
        Reopened place;
        Outcome outcome;
        int error, r;

        wait_for_quiet(scrub);
        outcome = reopen_superblock(job->superblock, job->monitor_fd, REOPEN_TO_SCAN, &place, &error);
        if (outcome != OUTCOME_DONE) {
                result->error = error;
                (void) text_copy(result->detail, sizeof(result->detail), place.problem ?: "");
                return outcome;
        }
        /* xfs_scrub would only tell its exit status. */
        r = metadata_check_probe(place.fd);
        if (r == -ENOTTY || r == -EOPNOTSUPP) {
                place.fd = close_fd(place.fd);
                result->error = -r;
                (void) text_copy(result->detail, sizeof(result->detail), "this kernel has no online check for it");
                return OUTCOME_NOT_SUPPORTED;
        }
        choose_kind(scrub, &place);
        place.fd = close_fd(place.fd);
        job->monitor_fd = close_fd(job->monitor_fd);

        r = unit_name_from_path(scrub->may_repair ? REPAIR_TEMPLATE : CHECK_TEMPLATE, place.mount_point,
                                &scrub->unit_name);
        /* The program gives up itself what it does not need. */
        scrub->is_without_systemd = scrub_program_is_wanted();
        if (r >= 0 && !scrub->is_without_systemd)
                r = process_drop_capabilities();
        if (r < 0) {
                result->error = -r;
                (void) text_copy(result->detail, sizeof(result->detail),
                                 r == -ENAMETOOLONG ? "the path of the mount is too long for the name of a unit"
                                                   : "cannot prepare the unit");
                return OUTCOME_FAILED;
        }

        return run_and_look(scrub, place.mount_point, result);
}

static int scrub_in_child(int report_fd, void *userdata) {
        Scrub scrub = { .job = userdata, .report_fd = report_fd };
        WorkerJobResult result = {};

        result.outcome = scrub_steps(&scrub, &result);
        add_note(&scrub, &result);
        free(scrub.unit_name);
        return job_report_result(report_fd, &result) < 0;
}

/* In the loop */

static const JobKind scrub_kind = {
        .name = "scrub",
        .run = scrub_in_child,
        .grace_usec = STOP_GRACE_USEC,
        .dies_with_us = true,
};

void scrub_request(Worker *worker, const WorkerScrubRequest *request, int taken_fd) {
        _cleanup_(close_fd_at) int monitor_fd = taken_fd;
        _cleanup_(job_free_at) Job *job = NULL;
        Superblock *superblock = superblock_find(&worker->superblocks, request->device_number);
        int r;

        if (!superblock) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_UNMOUNTED, 0, NULL);
                return;
        }
        if (monitor_fd >= 0 && !health_monitor_fd_is_monitor(monitor_fd)) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_FAILED, EBADF,
                           "what came with the request is no health monitor");
                return;
        }
        if (!superblock->has_monitor_type) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_NOT_SUPPORTED, EOPNOTSUPP,
                           "there is no online scan for this type of file system");
                return;
        }
        if (superblock->is_crashed || superblock->n_stuck > 0) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_BUSY, EBUSY,
                           "an earlier request hangs in the kernel here");
                return;
        }

        job = job_new(worker, &scrub_kind, superblock, request->job_id, request->event_id);
        if (!job) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_NO_MEMORY, ENOMEM, NULL);
                return;
        }
        job->scrub = *request;
        job->monitor_fd = steal_fd(&monitor_fd);

        r = job_start(job, request->timeout_usec);
        if (r < 0) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_BUSY, -r,
                           "no process for it at this time");
                return;
        }

        (void) steal_ptr(job);
}
