/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child writes the files that the unit is to read, makes sure that nobody but root could have written the unit, has
 * systemd start it and waits for its end. It needs no capability for that: systemd believes uid 0.
 */

#include "src/worker/start-unit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/model/startable-unit.h"
#include "src/worker/job.h"
#include "src/worker/process.h"
#include "src/worker/unit-run.h"
#include "src/worker/unit-trust.h"

/* systemd is told to stop the unit, and its end is waited for, before the child is ended. */
#define STOP_GRACE_USEC (20 * USEC_PER_SEC)
/* The bus may be started anew under a unit that runs on. */
#define AGAIN_USEC (2 * USEC_PER_SEC)

/* In the child */

typedef struct UnitStart {
        Job *job;
        int report_fd, root_fd;
        char unit_name[UNIT_NAME_SIZE];
} UnitStart;

/* Without it a worker that comes after us may start the unit a second time, or not learn of its end: no reason not to
 * start it. */
static void note_stage(UnitRecord *record, int place_fd, UnitStage stage) {
        int r;

        record->stage = stage;
        r = unit_record_write(place_fd, record);
        if (r < 0)
                log_warning_errno(r, "how far job %" PRIu64 " got cannot be noted: %m", record->request.job_id);
}

static const char *load_problem(const char *load_state) {
        static const struct {
                const char *state, *problem;
        } problems[] = {
                { "not-found", "there is no such unit" },
                { "masked", "the unit is masked" },
        };

        for (size_t i = 0; i < ELEMENTSOF(problems); i++)
                if (text_equal(problems[i].state, load_state))
                        return problems[i].problem;
        return text_equal(load_state, "loaded") ? NULL : "systemd cannot load the unit; see systemctl status";
}

/* systemd has read these files; who could have written them decides. */
static int check_unit(const UnitLoaded *loaded, char *problem, void *userdata) {
        const UnitStart *start = userdata;
        const char *fault = load_problem(loaded->load_state);
        int r;

        if (fault) {
                (void) text_copy(problem, JOB_DETAIL_SIZE, fault);
                return -ENOENT;
        }
        /* By whatever name: a link may lead to a unit of another one. */
        for (size_t i = 0; !fault && loaded->names && loaded->names[i]; i++)
                fault = startable_unit_fault(loaded->names[i]);
        if (!fault && !loaded->fragment_path[0])
                fault = "there is no file of the unit";
        if (fault) {
                (void) text_copy(problem, JOB_DETAIL_SIZE, fault);
                return -EPERM;
        }

        r = trusted_file_check(start->root_fd, 0, loaded->fragment_path, problem, JOB_DETAIL_SIZE);
        for (size_t i = 0; r >= 0 && loaded->drop_in_paths && loaded->drop_in_paths[i]; i++)
                r = trusted_file_check(start->root_fd, 0, loaded->drop_in_paths[i], problem, JOB_DETAIL_SIZE);
        return r < 0 ? -EPERM : 0;
}

static void on_starting(void *userdata) {
        const UnitStart *start = userdata;

        note_stage(start->job->unit, start->job->worker->place_fd, UNIT_STARTING);
}

static void on_started(const char *unit_name, void *userdata) {
        const UnitStart *start = userdata;

        note_stage(start->job->unit, start->job->worker->place_fd, UNIT_STARTED);
        (void) job_report_started(start->report_fd, unit_name);
}

static Outcome judge(const UnitStart *start, const UnitRun *run, WorkerJobResult *result) {
        if (text_equal(run->unit_result, "success") && !run->did_nothing &&
            (!run->job_result[0] || text_equal(run->job_result, "done"))) {
                if (run->is_forgotten)
                        (void) text_copy(result->detail, sizeof(result->detail),
                                         "it ended while nobody waited for it, and did not fail");
                return OUTCOME_DONE;
        }

        (void) text_append_format(result->detail, sizeof(result->detail), "%s", start->unit_name);
        if (run->did_nothing) {
                (void) text_append_format(result->detail, sizeof(result->detail),
                                          " did nothing: a condition of the unit is not met");
                return OUTCOME_FAILED;
        }
        if (text_equal(run->job_result, "canceled") && text_equal(run->unit_result, "success"))
                return OUTCOME_CANCELLED;
        if (text_equal(run->unit_result, "success")) {
                (void) text_append_format(result->detail, sizeof(result->detail), " was not started: %s",
                                          run->job_result);
                return OUTCOME_FAILED;
        }

        (void) text_append_format(result->detail, sizeof(result->detail), " ended with %s, status %d",
                                  run->unit_result, run->exit_status);
        return OUTCOME_FAILED;
}

/* The loop knows why: it counts a death of this signal as what it asked for. */
static void die_of_term(void) {
        sigset_t none;

        sigemptyset(&none);
        (void) signal(SIGTERM, SIG_DFL);
        (void) raise(SIGTERM);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

static Outcome run_unit(UnitStart *start, WorkerJobResult *result) {
        const UnitRecord *record = start->job->unit;
        UnitWanted wanted = {
                .name = start->unit_name,
                .may_run_already = record->stage >= UNIT_STARTING,
                .was_started = record->stage >= UNIT_STARTED,
                .waits_for_stop = true,
                .check = check_unit,
                .starting = on_starting,
                .started = on_started,
                .userdata = start,
        };
        UnitRun run;
        int r;

        for (;;) {
                r = unit_run(&wanted, &run);
                if (run.was_stopped)
                        die_of_term();
                if (r != -ECONNRESET)
                        break;
                /* Our deadline ends this, if nobody else does. */
                wanted.may_run_already = record->stage >= UNIT_STARTING;
                wanted.was_started = record->stage >= UNIT_STARTED;
                (void) usleep(AGAIN_USEC);
        }
        if (r < 0) {
                result->error = -r;
                (void) text_copy(result->detail, sizeof(result->detail), run.problem);
                return r == -EPERM ? OUTCOME_REFUSED : OUTCOME_FAILED;
        }
        return judge(start, &run, result);
}

static int write_files(const Job *job) {
        _cleanup_(free_at) char *buffer = NULL;
        UnitPayload payload;
        int r;

        r = unit_payload_read(job->payload_fd, &buffer, &payload);
        return r < 0 ? r : unit_place_write(job->worker->place_fd, job->job_id, &payload);
}

static Outcome start_steps(UnitStart *start, WorkerJobResult *result) {
        Job *job = start->job;
        int r;

        r = process_drop_capabilities();
        if (r >= 0 && job->unit->stage == UNIT_ORDERED)
                r = write_files(job);
        if (r >= 0) {
                start->root_fd = open("/", O_PATH|O_DIRECTORY|O_CLOEXEC);
                r = start->root_fd < 0 ? -errno : 0;
        }
        if (r < 0) {
                result->error = -r;
                (void) text_copy(result->detail, sizeof(result->detail), "what the unit is to read cannot be written");
                return OUTCOME_FAILED;
        }

        (void) unit_name_from_number(job->unit->request.template, job->job_id, start->unit_name);
        return run_unit(start, result);
}

static int start_in_child(int report_fd, void *userdata) {
        UnitStart start = { .job = userdata, .report_fd = report_fd, .root_fd = -EBADF };
        UnitRecord *record = start.job->unit;
        WorkerJobResult result = { .job_id = start.job->job_id };

        result.outcome = start_steps(&start, &result);
        result.duration_usec = clock_monotonic_usec() - start.job->started_usec;
        record->result = result;
        note_stage(record, start.job->worker->place_fd, UNIT_ENDED);
        return job_report_result(report_fd, &result) < 0;
}

/* In the loop */

/* Somebody may look at the console when nothing else tells anybody. */
static void say_last_words(const Worker *worker, const WorkerUnitRequest *request, const WorkerJobResult *result) {
        char line[WORKER_LAST_WORDS_SIZE + JOB_DETAIL_SIZE + 64] = "<3>healerd: ";

        if (!request->last_words[0] || outcome_is_success(result->outcome) || worker->kmsg_fd < 0)
                return;
        (void) text_append_escaped(line, sizeof(line), request->last_words, strlen(request->last_words));
        (void) text_append_format(line, sizeof(line), ": ");
        (void) text_append_escaped(line, sizeof(line) - 1, result->detail, strlen(result->detail));
        /* Without it nobody would be shown the line before the next one. */
        (void) text_append_format(line, sizeof(line), "\n");
        (void) !write(worker->kmsg_fd, line, strlen(line));
}

/* Also for a child that was ended, whose record says less than we know. */
static void on_finish(Job *job, const WorkerJobResult *result) {
        UnitRecord *record = job->unit;

        unit_place_remove(job->worker->place_fd, job->job_id);
        record->result = *result;
        note_stage(record, job->worker->place_fd, UNIT_ENDED);
        say_last_words(job->worker, &record->request, result);
}

static const JobKind unit_kind = {
        .name = "unit",
        .run = start_in_child,
        .finish = on_finish,
        .grace_usec = STOP_GRACE_USEC,
        .only_watches = true,
};

static void refuse(Worker *worker, const WorkerUnitRequest *request, Outcome outcome, int error, const char *detail) {
        const WorkerJobResult result = job_refuse(worker, request->job_id, 0, outcome, error, detail);

        say_last_words(worker, request, &result);
}

/* Healerd asks again for what it does not know to have ended. */
static bool is_known(Worker *worker, uint64_t job_id) {
        return job_is_running(worker, job_id) || job_say_result_again(worker, job_id);
}

static unsigned count_units(const Worker *worker) {
        const Job *job;
        unsigned n = 0;

        TAILQ_FOREACH(job, &worker->jobs.running, entry)
                n += job->kind == &unit_kind;
        return n;
}

/* Takes @taken_fd. Returns 0 or a negative errno, after which nothing of it is left. */
static int begin(Worker *worker, const UnitRecord *record, int taken_fd) {
        _cleanup_(close_fd_at) int payload_fd = taken_fd;
        _cleanup_(job_free_at) Job *job = NULL;
        uint64_t now_usec = clock_monotonic_usec(), left_usec = USEC_INFINITY;
        int r;

        job = job_new(worker, &unit_kind, NULL, record->request.job_id, record->request.event_id);
        if (!job)
                return -ENOMEM;
        job->unit = malloc(sizeof(*job->unit));
        if (!job->unit)
                return -ENOMEM;
        *job->unit = *record;
        job->payload_fd = steal_fd(&payload_fd);

        /* The deadline of what is adopted may be over: it is stopped at once. */
        if (record->deadline_usec != USEC_INFINITY)
                left_usec = record->deadline_usec > now_usec ? record->deadline_usec - now_usec : USEC_PER_SEC;
        r = job_start(job, left_usec);
        if (r < 0)
                return r;

        (void) steal_ptr(job);
        return 0;
}

static const char *name_fault(const char *template) {
        return unit_name_is_template(template) ? startable_unit_fault(template) : "is no name of a template";
}

void start_unit_request(Worker *worker, const WorkerUnitRequest *request, int taken_fd) {
        _cleanup_(close_fd_at) int payload_fd = taken_fd;
        UnitRecord record = { .request = *request, .deadline_usec = USEC_INFINITY, .stage = UNIT_ORDERED };
        const char *fault = name_fault(request->template);
        int r;

        if (is_known(worker, request->job_id))
                return;
        if (fault) {
                char detail[JOB_DETAIL_SIZE] = "";

                (void) text_append_escaped(detail, sizeof(detail), request->template, strlen(request->template));
                (void) text_append_format(detail, sizeof(detail), " %s", fault);
                refuse(worker, request, OUTCOME_REFUSED, EPERM, detail);
                return;
        }
        if (payload_fd < 0 || worker->place_fd < 0) {
                refuse(worker, request, OUTCOME_FAILED, payload_fd < 0 ? EBADF : ENOENT,
                       "there is nothing that the unit could read, or no place for it");
                return;
        }
        if (count_units(worker) >= UNITS_MAX) {
                refuse(worker, request, OUTCOME_BUSY, EBUSY, "too many units run already");
                return;
        }

        if (request->timeout_usec < USEC_INFINITY - clock_monotonic_usec())
                record.deadline_usec = clock_monotonic_usec() + request->timeout_usec;
        note_stage(&record, worker->place_fd, UNIT_ORDERED);
        r = begin(worker, &record, steal_fd(&payload_fd));
        if (r < 0) {
                unit_record_forget(worker->place_fd, request->job_id);
                refuse(worker, request, r == -ENOMEM ? OUTCOME_NO_MEMORY : OUTCOME_BUSY, -r,
                       "no process for it at this time");
        }
}

static void adopt(const UnitRecord *record, void *userdata) {
        Worker *worker = userdata;
        uint64_t job_id = record->request.job_id;
        int r;

        switch (record->stage) {
        case UNIT_ORDERED:
                unit_record_forget(worker->place_fd, job_id);
                return;
        case UNIT_ENDED:
                unit_place_remove(worker->place_fd, job_id);
                job_keep_result(worker, &record->result);
                return;
        case UNIT_STARTING:
        case UNIT_STARTED:
                r = begin(worker, record, -EBADF);
                if (r < 0)
                        log_warning_errno(r, "nobody waits for the unit of job %" PRIu64 ", which an earlier worker "
                                             "started: %m", job_id);
                return;
        }
}

void start_unit_adopt(Worker *worker) {
        int r;

        worker->place_fd = unit_place_open(worker->options.runtime_dir);
        r = worker->place_fd < 0 ? worker->place_fd : unit_record_each(worker->place_fd, adopt, worker);
        if (r < 0)
                log_warning_errno(r, "%s: no units can be started for the policy: %m", worker->options.runtime_dir);
}
