/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks at everything: a full scan by systemd when something is beyond a single repair or reports were lost, and a
 * survey of what the kernel remembers.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/filesystem-probe.h"
#include "kernel/metadata-repair.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/basic/unit-name.h"
#include "src/scrub-guard/scrub-guard.h"
#include "src/source/survey-source.h"
#include "src/worker/process.h"
#include "src/worker/reopen.h"
#include "src/worker/survey.h"
#include "src/worker/unit-run.h"
#include "src/xfs-healer/healer.h"

/* It obeys the property: where that does not say repair, it only checks. */
#define SCRUB_TEMPLATE "xfs_scrub@.service"
/* Only checks, whatever the property says. */
#define CHECK_TEMPLATE "healer-scrub@.service"

/* One that runs goes on when it is asked for again, so nothing is won by asking often. */
#define SCAN_AGAIN_USEC USEC_PER_MINUTE

typedef struct ScanAnswer {
        int error;                      /* negative errno, 0: systemd has accepted it */
        bool only_checks;
        char unit_name[UNIT_NAME_SIZE]; /* "" if it did not come so far */
        char reason[JOB_DETAIL_SIZE];   /* why it only checks, or was not started */
} ScanAnswer;
_Static_assert(sizeof(ScanAnswer) <= CHILD_REPORT_SIZE, "an answer is one packet");

/* In the child */

static int choose_unit(const Healer *healer, const Reopened *place, ScanAnswer *answer) {
        _cleanup_(filesystem_facts_clear) FilesystemFacts facts = { .device_number = healer->facts.device_number };
        _cleanup_(free_at) char *name = NULL;
        const char *reason = "";
        int r;

        r = metadata_check_probe(place->fd);
        if (r < 0)
                return r;
        facts.type = strdup("xfs");
        if (!facts.type)
                return -ENOMEM;
        /* What cannot be found out makes the guard careful. */
        (void) filesystem_probe(place->fd, &facts);
        answer->only_checks = !scrub_guard_allows(healer->host.kernel, &facts, &reason);
        (void) text_copy(answer->reason, sizeof(answer->reason), reason);

        r = unit_name_from_path(answer->only_checks ? CHECK_TEMPLATE : SCRUB_TEMPLATE, place->mount_point, &name);
        return r < 0 ? r : text_copy(answer->unit_name, sizeof(answer->unit_name), name);
}

static int start_scan(const Healer *healer, ScanAnswer *answer) {
        UnitWanted wanted = { .name = answer->unit_name, .only_starts = true };
        Reopened place;
        UnitRun run;
        int error, r;

        if (reopen_superblock(healer->superblock, healer->monitor_fd, REOPEN_TO_SCAN, &place, &error) != OUTCOME_DONE) {
                (void) text_copy(answer->reason, sizeof(answer->reason), place.problem ?: "");
                return error > 0 ? -error : -ESTALE;
        }
        r = choose_unit(healer, &place, answer);
        close_fd(place.fd);
        if (r >= 0)
                r = process_drop_capabilities();
        if (r < 0)
                return r;

        r = unit_run(&wanted, &run);
        if (r < 0)
                (void) text_copy(answer->reason, sizeof(answer->reason), run.problem);
        return r;
}

static int scan_in_child(int report_fd, void *userdata) {
        ScanAnswer answer = {};

        answer.error = start_scan(userdata, &answer);
        return child_report(report_fd, &answer, sizeof(answer), -EBADF) < 0;
}

/* In the loop */

static void scan_continue(Healer *healer);

static void on_scan_report(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        const ScanAnswer *answer = bytes;
        char text[EVENT_TEXT_SIZE] = "";
        Healer *healer = userdata;

        (void) child;
        close_fd(fd);

        if (size_bytes != sizeof(*answer))
                return;
        if (answer->error >= 0) {
                (void) text_append_format(text, sizeof(text), answer->only_checks
                                          ? "Full check in progress, without repairs: %s."
                                          : "Full repairs in progress.", answer->reason);
                healer_say(healer, text);
                return;
        }

        if (answer->unit_name[0])
                (void) text_append_format(text, sizeof(text), "Could not start xfs_scrub service unit: %s: ",
                                          answer->unit_name);
        else
                (void) text_append_format(text, sizeof(text), "Could not start a full scan: ");
        (void) text_append_format(text, sizeof(text), "%s",
                                  answer->reason[0] ? answer->reason : strerror(-answer->error));
        healer_complain(healer, text);
}

static void on_scan_end(Child *child, const ChildEnd *end, void *userdata) {
        Healer *healer = userdata;

        (void) child;

        healer->is_scan_starting = false;
        if (end->ending == CHILD_DIED || end->ending == CHILD_TIMED_OUT)
                healer_complain(healer, "Could not start a full scan: its process did not end by itself");
        scan_continue(healer);
}

static int on_scan_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Healer *healer = userdata;

        (void) source;
        (void) usec;

        healer->scan_timer = sd_event_source_disable_unref(healer->scan_timer);
        scan_continue(healer);
        return 0;
}

static bool may_look(const Healer *healer) {
        return !healer->is_shut_down && !healer->is_unmounted && !healer->is_leaving;
}

static void scan_continue(Healer *healer) {
        const ChildTask task = {
                .name = "scan",
                .run = scan_in_child,
                .on_report = on_scan_report,
                .on_end = on_scan_end,
                .userdata = healer,
                .timeout_usec = SCAN_START_TIMEOUT_USEC,
                .dies_with_us = true,
                .keep_fds = { healer->monitor_fd },
        };
        uint64_t again_usec = healer->scan_started_usec + SCAN_AGAIN_USEC;
        int r;

        if (!healer->is_scan_wanted || healer->is_scan_starting || healer->scan_timer || !may_look(healer))
                return;
        if (healer->scan_started_usec != 0 && clock_monotonic_usec() < again_usec) {
                (void) sd_event_add_time(healer->event, &healer->scan_timer, CLOCK_MONOTONIC, again_usec, 0,
                                         on_scan_timer, healer);
                return;
        }

        healer->is_scan_wanted = false;
        healer->scan_started_usec = clock_monotonic_usec();
        r = child_spawn(healer->children, &task, NULL);
        healer->is_scan_starting = r >= 0;
        if (r < 0)
                healer_complain(healer, "Could not start a full scan: no process for it at this time");
}

void healer_scan_want(Healer *healer) {
        healer->is_scan_wanted = true;
        scan_continue(healer);
}

/* What the kernel remembers */

static void on_finding(void *userdata, const HealthEvent *event) {
        healer_report_remembered(userdata, event);
}

static void on_survey_report(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        const EventSink sink = { .on_event = on_finding, .userdata = userdata };
        const WorkerMessage *message = bytes;
        const Healer *healer = userdata;

        (void) child;
        close_fd(fd);

        if (worker_message_check(message, size_bytes) < 0 || message->header.type != WORKER_SURVEY_RESULT ||
            healer->is_unmounted)
                return;
        (void) survey_source_take(&message->survey_result, 0, &sink);
        if (message->survey_result.is_last && message->survey_result.error != 0)
                log_debug_errno(message->survey_result.error, "what the kernel remembers could not all be read: %m");
}

static void survey_begin(Healer *healer);

static void on_survey_end(Child *child, const ChildEnd *end, void *userdata) {
        Healer *healer = userdata;

        (void) child;
        (void) end;

        healer->is_surveying = false;
        if (healer->is_survey_wanted)
                survey_begin(healer);
}

static int survey_in_child(int report_fd, void *userdata) {
        const Healer *healer = userdata;
        const SurveyTask task = {
                .superblock = healer->superblock,
                .monitor_fd = healer->monitor_fd,
                .request = {
                        .request_id = 1,
                        .device_number = healer->superblock->device_number,
                        .depth = SURVEY_GROUPS,
                },
        };

        return survey_walk_in_child(report_fd, &task);
}

static void survey_begin(Healer *healer) {
        const ChildTask task = {
                .name = "survey",
                .run = survey_in_child,
                .on_report = on_survey_report,
                .on_end = on_survey_end,
                .userdata = healer,
                .timeout_usec = SURVEY_TIMEOUT_USEC,
                .dies_with_us = true,
                .keep_fds = { healer->monitor_fd },
        };

        healer->is_survey_wanted = healer->is_surveying;
        if (healer->is_surveying || !may_look(healer))
                return;
        healer->is_surveying = child_spawn(healer->children, &task, NULL) >= 0;
}

static int on_survey_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Healer *healer = userdata;

        (void) source;
        (void) usec;

        healer->survey_timer = sd_event_source_disable_unref(healer->survey_timer);
        survey_begin(healer);
        return 0;
}

void healer_survey_want(Healer *healer, uint64_t after_usec) {
        if (!healer->survey_timer)
                (void) sd_event_add_time_relative(healer->event, &healer->survey_timer, CLOCK_MONOTONIC, after_usec, 0,
                                                  on_survey_timer, healer);
}

void healer_scan_clear(Healer *healer) {
        sd_event_source_disable_unref(healer->scan_timer);
        sd_event_source_disable_unref(healer->survey_timer);
}
