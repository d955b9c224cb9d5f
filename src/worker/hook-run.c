/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In the child: each hook becomes a transient unit of systemd's, which has it started by itself, without a shell, in a
 * control group of its own, and ends it at the deadline. All are started at once, in the order of their names.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/worker/hook-list.h"
#include "src/worker/hooks.h"
#include "src/worker/job.h"
#include "src/worker/process.h"
#include "src/worker/unit-bus.h"
#include "src/worker/unit-place.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE SYSTEMD_NAME ".Manager"
#define UNIT_INTERFACE SYSTEMD_NAME ".Unit"
#define SERVICE_INTERFACE SYSTEMD_NAME ".Service"

/* From SIGTERM to SIGKILL. */
#define STOP_USEC (5 * USEC_PER_SEC)
/* With less time a unit is not begun at all. */
#define TIMEOUT_MIN_USEC (100 * USEC_PER_MSEC)
/* A copy of data, a signal to a program, another user's programs: that, and no way to the machine itself. Whoever needs
 * more starts a unit of his own. */
#define CAPABILITY(name) (UINT64_C(1) << (name))
#define HOOK_CAPABILITIES                                                               \
        (CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_DAC_READ_SEARCH) |      \
         CAPABILITY(CAP_FOWNER) | CAPABILITY(CAP_KILL) | CAPABILITY(CAP_SETGID) | CAPABILITY(CAP_SETUID))

#define N_VARIABLES 7
#define VARIABLE_SIZE 4352

typedef struct HookRun {
        const Hook *hook;
        char unit[UNIT_NAME_SIZE];
        char *job_path;
        char job_result[32];            /* "": it runs */
        bool is_over;
} HookRun;

typedef struct HookRuns {
        const HooksTask *task;
        int report_fd;
        sd_bus *bus;
        sd_event *event;
        char message_path[HOOK_PATH_SIZE];
        char variables[N_VARIABLES][VARIABLE_SIZE];
        size_t n_variables;
        HookRun runs[HOOKS_MAX];
        size_t n;
        size_t n_ended_well, n_not_run;
        bool is_told_to_end, is_bus_gone;
} HookRuns;

static void report(HookRuns *runs, const char *name, Outcome outcome, const char *detail) {
        WorkerMessage message = {};

        if (outcome == OUTCOME_DONE)
                runs->n_ended_well++;
        if (outcome == OUTCOME_REFUSED)
                runs->n_not_run++;
        worker_message_init(&message, WORKER_HOOK);
        message.hook.outcome = (uint8_t) outcome;
        (void) text_copy(message.hook.name, sizeof(message.hook.name), name);
        (void) text_copy(message.hook.detail, sizeof(message.hook.detail), detail);
        (void) child_report(runs->report_fd, &message, message.header.size_bytes, -EBADF);
}

static void report_end(HookRuns *runs, HookRun *run, Outcome outcome, const char *detail) {
        run->is_over = true;
        report(runs, run->hook->name, outcome, detail);
}

static bool are_all_over(const HookRuns *runs) {
        for (size_t i = 0; i < runs->n; i++)
                if (!runs->runs[i].is_over)
                        return false;
        return true;
}

static int on_job_removed(sd_bus_message *message, void *userdata, _unused_ sd_bus_error *reterr_error) {
        const char *path, *unit, *result;
        HookRuns *runs = userdata;
        uint32_t id;

        if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
                return 0;
        for (size_t i = 0; i < runs->n; i++)
                if (runs->runs[i].job_path && text_equal(runs->runs[i].job_path, path))
                        (void) text_copy(runs->runs[i].job_result, sizeof(runs->runs[i].job_result), result);
        return 0;
}

static int on_disconnected(_unused_ sd_bus_message *message, void *userdata, _unused_ sd_bus_error *reterr_error) {
        HookRuns *runs = userdata;

        runs->is_bus_gone = true;
        return 0;
}

static int on_term(_unused_ sd_event_source *source, _unused_ const struct signalfd_siginfo *info, void *userdata) {
        HookRuns *runs = userdata;

        runs->is_told_to_end = true;
        for (size_t i = 0; i < runs->n; i++)
                if (!runs->runs[i].is_over)
                        (void) unit_bus_stop(runs->bus, runs->runs[i].unit, NULL);
        return 0;
}

/* Values that others chose are made safe: systemd takes neither bytes that are no text nor control characters. */
static void set_variable(HookRuns *runs, const char *name, const char *value) {
        char *variable = runs->variables[runs->n_variables++];

        variable[0] = 0;
        (void) text_append_format(variable, VARIABLE_SIZE, "%s=", name);
        (void) text_append_escaped(variable, VARIABLE_SIZE, value, strlen(value));
}

static void set_number_variable(HookRuns *runs, const char *name, uint64_t value) {
        char text[32];

        if (value == 0)
                return;
        (void) snprintf(text, sizeof(text), "%" PRIu64, value);
        set_variable(runs, name, text);
}

static void set_variables(HookRuns *runs) {
        const WorkerHooksRequest *request = &runs->task->request;
        char uuid[UUID_TEXT_SIZE];

        set_variable(runs, "XFS_HEALER_ACTION", action_kind_to_name((ActionKind) request->action));
        set_variable(runs, "XFS_HEALER_MOUNTPOINT", runs->task->subject);
        if (runs->task->has_uuid)
                set_variable(runs, "XFS_HEALER_FS_UUID", uuid_format(runs->task->uuid, uuid));
        set_number_variable(runs, "XFS_HEALER_JOB", request->announced_job_id);
        set_number_variable(runs, "XFS_HEALER_EVENT", request->event_id);
        set_number_variable(runs, "XFS_HEALER_DEADLINE_USEC", request->act_realtime_usec);
        if (request->rule_id[0])
                set_variable(runs, "XFS_HEALER_RULE", request->rule_id);
}

static int add_environment(sd_bus_message *message, HookRuns *runs) {
        char *texts[N_VARIABLES + 1] = {};
        int r;

        for (size_t i = 0; i < runs->n_variables; i++)
                texts[i] = runs->variables[i];
        r = sd_bus_message_open_container(message, 'r', "sv");
        if (r >= 0)
                r = sd_bus_message_append(message, "s", "Environment");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(message, texts);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r >= 0 ? sd_bus_message_close_container(message) : r;
}

/* What is the same for all. */
static int add_sandbox(sd_bus_message *message) {
        static const char *const switches[] = {
                "AddRef",               /* it is not forgotten before it was asked how it ended */
                "NoNewPrivileges",
                "RestrictSUIDSGID",
                "RestrictRealtime",
                "LockPersonality",
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(switches) && r >= 0; i++)
                r = sd_bus_message_append(message, "(sv)", switches[i], "b", true);
        if (r >= 0)
                r = sd_bus_message_append(message, "(sv)(sv)(sv)(sv)",
                                          "Type", "s", "oneshot",
                                          "CollectMode", "s", "inactive-or-failed",
                                          "TimeoutStopUSec", "t", (uint64_t) STOP_USEC,
                                          "CapabilityBoundingSet", "t", (uint64_t) HOOK_CAPABILITIES);
        return r;
}

static int add_properties(sd_bus_message *message, HookRuns *runs, const Hook *hook) {
        uint64_t now_usec = clock_monotonic_usec(), left_usec = 0;
        char description[HOOK_NAME_SIZE + 64] = "";
        int r;

        if (runs->task->deadline_usec > now_usec)
                left_usec = runs->task->deadline_usec - now_usec;
        (void) text_append_format(description, sizeof(description), "Hook %s of healerd before %s", hook->name,
                                  action_kind_to_name((ActionKind) runs->task->request.action));
        r = sd_bus_message_append(message, "(sv)(sv)(sv)(sv)",
                                  "Description", "s", description,
                                  "StandardInputFile", "s", runs->message_path,
                                  "TimeoutStartUSec", "t", (uint64_t) max_of(left_usec, TIMEOUT_MIN_USEC),
                                  "ExecStart", "a(sasb)", 1, hook->path, 1, hook->path, false);
        if (r >= 0)
                r = add_sandbox(message);
        return r >= 0 ? add_environment(message, runs) : r;
}

static int start(HookRuns *runs, HookRun *run, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
        const char *path;
        int r;

        r = sd_bus_message_new_method_call(runs->bus, &message, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE,
                                           "StartTransientUnit");
        if (r >= 0)
                r = sd_bus_message_append(message, "ss", run->unit, "fail");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "(sv)");
        if (r >= 0)
                r = add_properties(message, runs, run->hook);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        if (r >= 0)
                r = sd_bus_message_append(message, "a(sa(sv))", 0);
        if (r >= 0)
                r = sd_bus_call(runs->bus, message, 0, error, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return r;
        run->job_path = strdup(path);
        return run->job_path ? 0 : -ENOMEM;
}

static void start_all(HookRuns *runs, const HookList *list) {
        for (size_t i = 0; i < list->n; i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                const Hook *hook = list->hooks + i;
                HookRun *run;
                int r;

                if (hook->problem[0]) {
                        report(runs, hook->name, OUTCOME_REFUSED, hook->problem);
                        continue;
                }
                run = runs->runs + runs->n++;
                run->hook = hook;
                (void) snprintf(run->unit, sizeof(run->unit), "healer-hook-%" PRIu64 "-%s.service",
                                runs->task->request.announced_job_id, hook->name);
                r = start(runs, run, &error);
                if (r < 0)
                        report_end(runs, run, OUTCOME_FAILED, error.message ?: strerror(-r));
        }
}

/* How it ended, as systemd says. */
static void judge(HookRuns *runs, HookRun *run) {
        _cleanup_(free_at) char *path = NULL, *result = NULL;
        char detail[JOB_DETAIL_SIZE] = "";
        int32_t status = 0;
        int r;

        r = sd_bus_path_encode(SYSTEMD_PATH "/unit", run->unit, &path);
        if (r >= 0)
                r = sd_bus_get_property_string(runs->bus, SYSTEMD_NAME, path, SERVICE_INTERFACE, "Result", NULL,
                                               &result);
        if (r >= 0)
                r = sd_bus_get_property_trivial(runs->bus, SYSTEMD_NAME, path, SERVICE_INTERFACE, "ExecMainStatus",
                                                NULL, 'i', &status);
        /* systemd need not remember it any longer. */
        if (path)
                (void) sd_bus_call_method(runs->bus, SYSTEMD_NAME, path, UNIT_INTERFACE, "Unref", NULL, NULL, NULL);
        if (runs->is_told_to_end)
                report_end(runs, run, OUTCOME_CANCELLED, "");
        else if (r < 0)
                report_end(runs, run, OUTCOME_FAILED, "it ended, and systemd does not say how");
        else if (text_equal(result, "success") && text_equal(run->job_result, "done"))
                report_end(runs, run, OUTCOME_DONE, "");
        else if (text_equal(result, "timeout"))
                report_end(runs, run, OUTCOME_TIMED_OUT, "");
        else {
                (void) text_append_format(detail, sizeof(detail), "%s, status %d",
                                          text_equal(result, "success") ? run->job_result : result, status);
                report_end(runs, run, OUTCOME_FAILED, detail);
        }
}

static void wait_for_all(HookRuns *runs) {
        while (!are_all_over(runs) && !runs->is_bus_gone) {
                if (sd_event_run(runs->event, UINT64_MAX) < 0)
                        return;
                for (size_t i = 0; i < runs->n; i++)
                        if (!runs->runs[i].is_over && runs->runs[i].job_result[0])
                                judge(runs, runs->runs + i);
        }
        /* systemd ends them at the deadline, whoever asks. */
        for (size_t i = 0; i < runs->n; i++)
                if (!runs->runs[i].is_over)
                        report_end(runs, runs->runs + i, OUTCOME_FAILED, "the bus went away, its end is not known");
}

static int connect_bus(HookRuns *runs, char *problem) {
        int r;

        r = unit_bus_open(&runs->bus, problem);
        if (r < 0)
                return r;
        r = sd_event_new(&runs->event);
        if (r >= 0)
                r = sd_bus_set_close_on_exit(runs->bus, false);
        /* Without a subscription systemd sends no signals. */
        if (r >= 0)
                r = sd_bus_call_method(runs->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "Subscribe", NULL,
                                       NULL, NULL);
        if (r >= 0)
                r = sd_bus_match_signal(runs->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "JobRemoved",
                                        on_job_removed, runs);
        if (r >= 0)
                r = sd_bus_match_signal(runs->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, runs);
        if (r >= 0)
                r = sd_event_add_signal(runs->event, NULL, SIGTERM, on_term, runs);
        if (r >= 0)
                r = sd_bus_attach_event(runs->bus, runs->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0 && !problem[0])
                (void) text_append_format(problem, JOB_DETAIL_SIZE, "cannot listen to systemd: %s", strerror(-r));
        return r;
}

static int write_message(HookRuns *runs, int payload_fd) {
        uint64_t job_id = runs->task->request.job_id;
        _cleanup_(free_at) char *buffer = NULL;
        UnitPayload payload;
        int r;

        r = unit_payload_read(payload_fd, &buffer, &payload);
        if (r >= 0)
                r = unit_place_write(runs->task->place_fd, job_id, &payload);
        if (r >= 0)
                r = text_append_format(runs->message_path, sizeof(runs->message_path), "%s/%s/%" PRIu64 "/%s",
                                       runs->task->runtime_dir, UNIT_PLACE_NAME, job_id,
                                       unit_file_to_name(UNIT_FILE_MESSAGE));
        return r;
}

static Outcome run_all(HookRuns *runs, const HookList *list, int payload_fd, WorkerJobResult *result) {
        char problem[JOB_DETAIL_SIZE] = "";
        int r;

        r = write_message(runs, payload_fd);
        if (r < 0)
                (void) text_copy(problem, sizeof(problem), "what they are to read cannot be written");
        else
                r = connect_bus(runs, problem);
        if (r < 0) {
                result->error = -r;
                (void) text_copy(result->detail, sizeof(result->detail), problem);
                return OUTCOME_FAILED;
        }
        set_variables(runs);
        start_all(runs, list);
        wait_for_all(runs);

        (void) text_append_format(result->detail, sizeof(result->detail), "%zu of %zu ended well, %zu were not run",
                                  runs->n_ended_well, runs->n, runs->n_not_run + list->n_unlooked);
        if (runs->is_told_to_end)
                return OUTCOME_CANCELLED;
        return runs->n_ended_well < runs->n ? OUTCOME_FAILED : OUTCOME_DONE;
}

static Outcome hooks_steps(HookRuns *runs, int payload_fd, WorkerJobResult *result) {
        _cleanup_(hook_list_clear) HookList list = {};
        _cleanup_(close_fd_at) int root_fd = -EBADF;
        sigset_t term;
        Outcome outcome;
        int r;

        /* From the start: what was started must also be stopped. */
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        r = sigprocmask(SIG_BLOCK, &term, NULL) < 0 ? -errno : process_drop_capabilities();
        if (r >= 0) {
                root_fd = open("/", O_PATH|O_DIRECTORY|O_CLOEXEC);
                r = root_fd < 0 ? -errno : hook_list_read(root_fd, 0, before_fail_folders, &list);
        }
        if (r < 0) {
                result->error = -r;
                (void) text_copy(result->detail, sizeof(result->detail), "the hooks cannot be looked up");
                return OUTCOME_FAILED;
        }
        if (list.n == 0 && list.n_unlooked == 0)
                return OUTCOME_NOT_NEEDED;

        outcome = run_all(runs, &list, payload_fd, result);
        for (size_t i = 0; i < runs->n; i++)
                free(runs->runs[i].job_path);
        runs->bus = unit_bus_close(runs->bus);
        sd_event_unref(runs->event);
        unit_place_remove(runs->task->place_fd, runs->task->request.job_id);
        return outcome;
}

int hooks_run(int report_fd, const HooksTask *task, int payload_fd) {
        static HookRuns runs;
        WorkerJobResult result = {};

        runs = (HookRuns) { .task = task, .report_fd = report_fd };
        result.outcome = (uint8_t) hooks_steps(&runs, payload_fd, &result);
        return job_report_result(report_fd, &result) < 0;
}
