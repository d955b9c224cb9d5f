/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl repair`, `scrub` and `verify`: order a job, wait for its end, say how it ended. The signals that tell how
 * far it is and the end are asked for before the job is ordered, so that a job that ends at once is not missed.
 *
 * Ctrl-C cancels the job and waits for its end; a second one leaves at once. A job that somebody else began, and that
 * this order only joined, is not ours to cancel.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/text.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-agent.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-filesystem.h"
#include "src/ctl/ctl-job.h"
#include "src/ctl/ctl-line.h"
#include "src/ctl/ctl-loop.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-progress.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"
#include "src/model/decision.h"
#include "src/model/job-report.h"
#include "src/model/vocabulary.h"

typedef struct JobWait {
        CtlLoop loop;
        const CtlRequest *request;
        const char *action;             /* "repair", "scrub", "verify-media": the word of the bus */
        char *name;                     /* of the file system, for what is printed */
        char *object;
        char *job;                      /* object path, once it is known */
        CtlProgress progress;
        bool is_cancelled;              /* we asked for it */
} JobWait;

/* How often the time that has passed is drawn. */
#define TICK_USEC USEC_PER_SEC

static void job_wait_done(JobWait *wait) {
        ctl_progress_done(&wait->progress);
        ctl_loop_done(&wait->loop);
        free(wait->name);
        free(wait->object);
        free(wait->job);
}

/* The outcomes that say more than "it did not work". */
static CtlExit exit_of_outcome(const char *word, bool is_success) {
        static const struct {
                Outcome outcome;
                CtlExit exit_code;
        } rows[] = {
                { OUTCOME_FOUND_CORRUPTION, CTL_EXIT_NO },
                { OUTCOME_REFUSED_HARMFUL, CTL_EXIT_REFUSED },
                { OUTCOME_REFUSED_UNFINISHED, CTL_EXIT_REFUSED },
                { OUTCOME_REFUSED, CTL_EXIT_REFUSED },
        };
        Outcome outcome;

        if (is_success)
                return CTL_EXIT_OK;
        if (outcome_from_name(word, &outcome) >= 0)
                for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                        if (rows[i].outcome == outcome)
                                return rows[i].exit_code;
        return CTL_EXIT_JOB_FAILED;
}

static void print_result(const JobWait *wait, bool is_success, const char *outcome, const char *detail) {
        bool is_plan = is_success && wait->request->options & CTL_OPTION_DRY_RUN;

        ctl_print_safe(stdout, wait->name);
        if (wait->request->n_arguments > 1) {
                fputc(' ', stdout);
                ctl_print_safe(stdout, wait->request->arguments[1]);
        }
        fputs(": ", stdout);
        ctl_print_safe(stdout, is_plan ? "Nothing was done." : ctl_outcome_sentence(wait->action, outcome));
        if (ctl_detail_adds(outcome, detail)) {
                fputc(' ', stdout);
                ctl_print_safe(stdout, detail);
        }
        fputc('\n', stdout);
}

static int print_result_json(const JobWait *wait, bool is_ended, bool is_success, const char *outcome,
                             const char *detail) {
        _cleanup_(json_decref_at) json_t *line = NULL;

        line = json_pack("{s:i, s:s, s:s, s:s, s:s}", "schema", CTL_JSON_SCHEMA, "type", "job", "action", wait->action,
                         "filesystem", wait->object, "job", wait->job);
        if (!line)
                return -ENOMEM;
        if (is_ended && (json_object_set_new(line, "success", json_boolean(is_success)) < 0 ||
                         json_object_set_new(line, "outcome", json_string(outcome)) < 0 ||
                         json_object_set_new(line, "detail", json_string(detail)) < 0))
                return -ENOMEM;
        return ctl_json_print(line, true, stdout);
}

static int on_completed(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error _unused_) {
        JobWait *wait = userdata;
        const char *outcome, *detail;
        int r, is_success;

        if (!wait->job || !text_equal(sd_bus_message_get_path(message), wait->job))
                return 0;

        ctl_progress_clear(&wait->progress);
        r = sd_bus_message_read(message, "bss", &is_success, &outcome, &detail);
        if (r < 0) {
                ctl_complain(wait->name, "the job ended, but healerd's report cannot be read: %s", strerror(-r));
                ctl_loop_end(&wait->loop, CTL_EXIT_FAILED);
                return 0;
        }

        if (wait->request->options & CTL_OPTION_JSON)
                (void) print_result_json(wait, true, is_success, outcome, detail);
        else
                print_result(wait, is_success, outcome, detail);
        ctl_loop_end(&wait->loop, wait->is_cancelled ? CTL_EXIT_INTERRUPTED : exit_of_outcome(outcome, is_success));
        return 0;
}

static void take_properties(JobWait *wait, sd_bus_message *message) {
        _cleanup_(json_decref_at) json_t *properties = NULL;

        /* What cannot be read is not shown; the end is told by itself. */
        if (ctl_value_read(message, &properties) > 0)
                (void) ctl_progress_take(&wait->progress, properties);
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error _unused_) {
        JobWait *wait = userdata;

        if (wait->job && text_equal(sd_bus_message_get_path(message), wait->job) &&
            sd_bus_message_skip(message, "s") >= 0)
                take_properties(wait, message);
        return 0;
}

static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *reterr_error _unused_) {
        if (!sd_bus_message_is_method_error(reply, NULL))
                take_properties(userdata, reply);
        return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata) {
        JobWait *wait = userdata;

        ctl_progress_draw(&wait->progress);
        (void) sd_event_source_set_time(source, usec + TICK_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_resize(sd_event_source *source _unused_, const struct signalfd_siginfo *info _unused_, void *userdata) {
        JobWait *wait = userdata;

        ctl_progress_resize(&wait->progress);
        if (wait->progress.is_drawn)
                ctl_progress_draw(&wait->progress);
        return 0;
}

/* From the moment it is ordered. What does not work leaves less to see, nothing else. */
static void show_progress(JobWait *wait) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL;
        sigset_t resize;
        uint64_t now_usec;

        if (ctl_bus_new_call(wait->loop.bus, wait->job, "org.freedesktop.DBus.Properties", "GetAll", &call) >= 0 &&
            sd_bus_message_append(call, "s", BUS_INTERFACE_JOB) >= 0)
                (void) sd_bus_call_async(wait->loop.bus, NULL, call, on_properties, wait, CTL_CALL_TIMEOUT_USEC);

        wait->progress.name = wait->name;
        ctl_progress_init(&wait->progress, wait->request->options & CTL_OPTION_JSON);
        if (!wait->progress.is_terminal)
                return;
        (void) sigemptyset(&resize);
        (void) sigaddset(&resize, SIGWINCH);
        if (sigprocmask(SIG_BLOCK, &resize, NULL) >= 0)
                (void) sd_event_add_signal(wait->loop.event, NULL, SIGWINCH, on_resize, wait);
        if (sd_event_now(wait->loop.event, CLOCK_MONOTONIC, &now_usec) >= 0)
                (void) sd_event_add_time(wait->loop.event, NULL, CLOCK_MONOTONIC, now_usec + TICK_USEC, 0, on_tick,
                                         wait);
}

/* Somebody else's, or healerd's own, that this order joined. What is not known yet was just ordered. */
static bool is_ours(const JobWait *wait) {
        const json_t *job = wait->progress.job;

        if (!job)
                return true;
        if (!text_equal(ctl_value_text(job, "source"), decision_source_to_name(DECISION_CALLER)))
                return false;
        /* Elsewhere we are somebody else. */
        return ctl_bus_is_remote() || ctl_value_number(job, "caller_uid") == getuid();
}

/* What "healerctl cancel" is told. */
static const char *number_of(const JobWait *wait) {
        return wait->job + strlen(BUS_JOB_PREFIX "/");
}

static int on_cancelled(sd_bus_message *reply, void *userdata, sd_bus_error *reterr_error _unused_) {
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        JobWait *wait = userdata;

        /* It has ended just now: that is told as well. */
        if (!error || text_equal(error->name, BUS_ERROR_NO_SUCH_JOB))
                return 0;
        ctl_progress_clear(&wait->progress);
        ctl_complain(wait->name, "the job cannot be cancelled and goes on as %s: %s", wait->job,
                     error->message ?: error->name);
        ctl_loop_end(&wait->loop, CTL_EXIT_INTERRUPTED);
        return 0;
}

static bool on_interrupt(CtlLoop *loop) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL;
        JobWait *wait = container_of(loop, JobWait, loop);
        int r;

        ctl_progress_clear(&wait->progress);
        if (wait->is_cancelled) {
                ctl_complain(wait->name, "not waiting for the end of %s, which is being cancelled", wait->job);
                return true;
        }
        if (!is_ours(wait)) {
                ctl_complain(wait->name,
                             "somebody else began this job, it goes on as %s; to end it: healerctl cancel %s",
                             wait->job, number_of(wait));
                return true;
        }
        r = ctl_bus_new_call(wait->loop.bus, wait->job, BUS_INTERFACE_JOB, "Cancel", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "a{sv}", 0);
        if (r >= 0)
                r = sd_bus_call_async(wait->loop.bus, NULL, call, on_cancelled, wait, CTL_ORDER_TIMEOUT_USEC);
        if (r < 0) {
                ctl_complain(wait->name, "the job cannot be cancelled and goes on as %s: %s", wait->job, strerror(-r));
                return true;
        }
        wait->is_cancelled = true;
        ctl_complain(wait->name, "cancelling; once more leaves without waiting for the end");
        return false;
}

static void on_daemon(CtlLoop *loop, bool is_running) {
        JobWait *wait = container_of(loop, JobWait, loop);

        /* Whoever comes next numbers its jobs anew. */
        if (is_running)
                return;
        ctl_progress_clear(&wait->progress);
        ctl_complain(wait->name, "healerd stopped before it said how the job ended; see: journalctl -u healerd");
        ctl_loop_end(loop, CTL_EXIT_NO_DAEMON);
}

/* Words of structures are a closed set: a slip is found here, before anybody is asked for a password. */
static CtlExit check_words(const CtlRequest *request) {
        const char *structure = request->arguments[1], *nearest = NULL;
        size_t nearest_distance = 3;
        EventDomain domain;
        Structure found;

        if (request->domain) {
                if (event_domain_from_name(request->domain, &domain) < 0) {
                        ctl_complain(request->domain, "no domain; those with structures are fs, ag, rtgroup and inode");
                        return CTL_EXIT_USAGE;
                }
                if (structure_from_name(domain, structure, &found) < 0) {
                        ctl_complain(structure, "the domain %s has no such structure", request->domain);
                        return CTL_EXIT_USAGE;
                }
        }
        if (structure_name_exists(structure) && !text_equal(structure, structure_to_name(STRUCTURE_UNRECOGNISED)))
                return CTL_EXIT_OK;

        for (unsigned i = 0; i < N_STRUCTURES; i++) {
                const char *known = structure_to_name((Structure) i);
                size_t distance = known ? text_distance(structure, known) : SIZE_MAX;

                if (distance < nearest_distance && i != STRUCTURE_UNRECOGNISED) {
                        nearest = known;
                        nearest_distance = distance;
                }
        }
        if (nearest)
                ctl_complain(structure, "no structure; did you mean \"%s\"?", nearest);
        else
                ctl_complain(structure, "no structure; healerctl(1) lists them");
        return CTL_EXIT_USAGE;
}

static int append_repair_options(sd_bus_message *call, const CtlRequest *request) {
        int r;

        r = sd_bus_message_append(call, "{sv}", "structure", "s", request->arguments[1]);
        if (r >= 0 && request->domain)
                r = sd_bus_message_append(call, "{sv}", "domain", "s", request->domain);
        if (r >= 0 && request->options & CTL_OPTION_GROUP)
                r = sd_bus_message_append(call, "{sv}", "group", "u", request->group);
        if (r >= 0 && request->options & CTL_OPTION_INODE)
                r = sd_bus_message_append(call, "{sv}{sv}", "inode", "t", request->inode,
                                          "generation", "u", request->generation);
        if (r >= 0 && request->override_harmful)
                r = sd_bus_message_append(call, "{sv}", "override-harmful", "s", request->override_harmful);
        return r;
}

static int append_scrub_options(sd_bus_message *call, const CtlRequest *request) {
        if (!(request->options & CTL_OPTION_REPAIR))
                return 0;
        return sd_bus_message_append(call, "{sv}", "repair", "b", true);
}

static int append_verify_options(sd_bus_message *call, const CtlRequest *request) {
        int r;

        r = sd_bus_message_append(call, "{sv}", "space", "s",
                                  verify_space_to_name(request->options & CTL_OPTION_ALL ? VERIFY_SPACE_ALL
                                                                                         : VERIFY_SPACE_USED));
        if (r >= 0 && request->rate_bytes > 0)
                r = sd_bus_message_append(call, "{sv}", "rate", "t", request->rate_bytes);
        return r;
}

static int make_call(JobWait *wait, const char *member, CtlAppendOptions append, sd_bus_message **ret_call) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL;
        int r;

        r = ctl_bus_new_call(wait->loop.bus, wait->object, BUS_INTERFACE_FILESYSTEM, member, &call);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r < 0)
                return r;
        r = append(call, wait->request);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(call);
        if (r < 0)
                return r;

        *ret_call = steal_ptr(call);
        return 0;
}

/* Which file system, by what name. */
static CtlExit find_filesystem(JobWait *wait) {
        _cleanup_(ctl_world_clear) CtlWorld world = {};
        const json_t *filesystem;
        CtlExit exit_code;

        exit_code = ctl_world_get(wait->loop.bus, &world);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        exit_code = ctl_filesystem_find(world.filesystems, wait->request->arguments[0], wait->action, &filesystem);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        wait->name = strdup(ctl_filesystem_name(filesystem));
        wait->object = strdup(ctl_value_text(filesystem, "object"));
        if (wait->name && wait->object)
                return CTL_EXIT_OK;
        ctl_complain(NULL, "%s", strerror(ENOMEM));
        return CTL_EXIT_FAILED;
}

static CtlExit order(JobWait *wait, const char *member, CtlAppendOptions append) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(ctl_agent_close) CtlAgent agent = {};
        bool may_ask = !(wait->request->options & CTL_OPTION_NO_ASK_PASSWORD);
        const char *job;
        CtlExit exit_code;
        int r;

        r = make_call(wait, member, append, &call);
        if (r < 0) {
                ctl_complain(wait->name, "cannot ask healerd: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }
        if (may_ask)
                ctl_agent_open(&agent);
        exit_code = ctl_bus_call(wait->loop.bus, call, may_ask ? CTL_ASK_TIMEOUT_USEC : CTL_ORDER_TIMEOUT_USEC, NULL,
                                 &reply);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        r = sd_bus_message_read(reply, "o", &job);
        if (r < 0) {
                ctl_complain(wait->name, "cannot read the answer of healerd: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }
        wait->job = strdup(job);
        if (wait->job)
                return CTL_EXIT_OK;
        ctl_complain(NULL, "%s", strerror(ENOMEM));
        return CTL_EXIT_FAILED;
}

static int listen(JobWait *wait) {
        int r;

        r = sd_bus_match_signal(wait->loop.bus, NULL, BUS_NAME, NULL, BUS_INTERFACE_JOB, "Completed", on_completed,
                                wait);
        if (r < 0)
                return r;
        return sd_bus_add_match(wait->loop.bus, NULL,
                                "type='signal',sender='" BUS_NAME "',path_namespace='" BUS_JOB_PREFIX "',"
                                "interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',"
                                "arg0='" BUS_INTERFACE_JOB "'",
                                on_changed, wait);
}

CtlExit ctl_job_run(const CtlRequest *request, ActionKind action, const char *member, CtlAppendOptions append,
                    CtlJobEnded ended) {
        _cleanup_(job_wait_done) JobWait wait = {
                .request = request,
                .action = action_kind_to_name(action),
                .loop.interrupted = CTL_EXIT_INTERRUPTED,
                .loop.on_interrupt = on_interrupt,
        };
        bool is_waiting = !(request->options & CTL_OPTION_NO_WAIT);
        CtlExit exit_code;
        int r;

        exit_code = ctl_loop_init(&wait.loop, on_daemon);
        if (exit_code == CTL_EXIT_OK)
                exit_code = find_filesystem(&wait);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        r = listen(&wait);
        if (r < 0) {
                ctl_complain(NULL, "cannot listen to healerd: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }
        exit_code = order(&wait, member, append);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        if (!is_waiting) {
                if (request->options & CTL_OPTION_JSON)
                        (void) print_result_json(&wait, false, false, "", "");
                else
                        printf("%s\n", wait.job);
                return CTL_EXIT_OK;
        }

        show_progress(&wait);
        exit_code = ctl_loop_run(&wait.loop);
        if (ended && exit_code != CTL_EXIT_INTERRUPTED && exit_code != CTL_EXIT_NO_DAEMON)
                ended(request, wait.job);
        return exit_code;
}

CtlExit ctl_repair(const CtlRequest *request) {
        CtlExit exit_code;

        exit_code = check_words(request);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        return ctl_job_run(request, ACTION_REPAIR, "Repair", append_repair_options, NULL);
}

CtlExit ctl_scrub(const CtlRequest *request) {
        return ctl_job_run(request, ACTION_SCRUB, "Scrub", append_scrub_options, NULL);
}

CtlExit ctl_verify(const CtlRequest *request) {
        return ctl_job_run(request, ACTION_VERIFY_MEDIA, "VerifyMedia", append_verify_options, NULL);
}
