/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See ctl-status-text.h. Words of the bus are shown as they are: they are what man pages, rules and logs
 * speak of.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-filesystem.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-status-text.h"
#include "src/ctl/ctl-value.h"

#define NUMBER_SIZE 24

/* Of the table, counted from 0. */
#define COLUMN_MONITOR 3
#define COLUMN_STATE 5

/* What each state of the monitor means to a person; the words are MonitorState's. */
static const struct {
        const char *state;
        CtlWatch watch;
        const char *advice;             /* NULL: nothing to do */
} monitor_meanings[] = {
        { "none", CTL_NOT_WATCHED, "not tried yet; look again in a moment" },
        { "opened", CTL_WATCHED, NULL },
        { "foreign", CTL_NOT_WATCHED, "stop that program, or wait for its end; healerd takes over then" },
        { "unsupported", CTL_NOT_WATCHABLE, "this kernel or file system has no health monitor" },
        { "failed", CTL_NOT_WATCHED, "see: journalctl -u healerd -u healer-worker" },
        { "ended", CTL_NOT_WATCHED, "see: journalctl -u healerd -u healer-worker" },
};

/* The only type with a health monitor; of others "none" is all there will ever be. */
#define WATCHABLE_TYPE "xfs"

CtlWatch ctl_filesystem_watch(const json_t *filesystem) {
        const char *state = ctl_value_text(filesystem, "monitor_state");

        if (ctl_value_truth(filesystem, "watched"))
                return CTL_WATCHED;
        if (!text_equal(ctl_value_text(filesystem, "type"), WATCHABLE_TYPE) && text_equal(state, "none"))
                return CTL_NOT_WATCHABLE;
        for (size_t i = 0; i < ELEMENTSOF(monitor_meanings); i++)
                if (text_equal(state, monitor_meanings[i].state) && monitor_meanings[i].watch != CTL_WATCHED)
                        return monitor_meanings[i].watch;
        return CTL_NOT_WATCHED;
}

/* WatchedBy: no health monitor of healerd's, but errors are heard of. */
static bool hears_errors_only(const json_t *filesystem) {
        return text_equal(ctl_value_text(filesystem, "watched_by"), "fanotify");
}

static const char *monitor_advice(const json_t *filesystem) {
        const char *state = ctl_value_text(filesystem, "monitor_state");

        switch (ctl_filesystem_watch(filesystem)) {
        case CTL_WATCHED:
                return hears_errors_only(filesystem) ?
                        "it tells its errors by their number alone: they can be told, not repaired" :
                        NULL;
        case CTL_NOT_WATCHABLE:
                return hears_errors_only(filesystem) ?
                        "this kernel or file system has no health monitor; errors are heard of" :
                        "this kernel or file system has no health monitor";
        case CTL_NOT_WATCHED:
                break;
        }
        for (size_t i = 0; i < ELEMENTSOF(monitor_meanings); i++)
                if (text_equal(state, monitor_meanings[i].state))
                        return monitor_meanings[i].advice;
        return NULL;
}

/* "watched", "errors only", "foreign: xfs_healer[812], errors only", "failed: EPERM". */
static void print_monitor(const json_t *filesystem, FILE *stream) {
        const char *state = ctl_value_text(filesystem, "monitor_state");
        const char *error = ctl_value_text(filesystem, "monitor_error");
        const char *holder = ctl_value_text(filesystem, "holder_name");
        uint64_t pid = ctl_value_number(filesystem, "holder_pid");

        if (ctl_value_truth(filesystem, "watched")) {
                fputs(hears_errors_only(filesystem) ? "errors only" : "watched", stream);
                return;
        }
        fputs(*state ? state : "none", stream);
        if (*holder || pid > 0)
                fprintf(stream, ": %s[%" PRIu64 "]", *holder ? holder : "unknown", pid);
        else if (*error)
                fprintf(stream, ": %s", error);
        if (hears_errors_only(filesystem))
                fputs(", errors only", stream);
}

/* Each code once, with a count if it stands for several targets. */
static size_t print_codes(const json_t *conditions, FILE *stream) {
        size_t n_printed = 0;

        for (size_t i = 0; i < json_array_size(conditions); i++) {
                const char *code = ctl_value_text(json_array_get(conditions, i), "code");
                size_t n_before = 0, n = 0;

                for (size_t j = 0; j < json_array_size(conditions); j++)
                        if (text_equal(code, ctl_value_text(json_array_get(conditions, j), "code"))) {
                                n++;
                                n_before += j < i;
                        }
                if (n_before > 0)
                        continue;
                fprintf(stream, "%s%s", n_printed++ > 0 ? ", " : "", code);
                if (n > 1)
                        fprintf(stream, " x%zu", n);
        }

        return n_printed;
}

char *ctl_filesystem_state_text(const json_t *filesystem) {
        char *text = NULL;
        size_t size, n;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return NULL;
        n = print_codes(json_object_get(filesystem, "conditions"), stream);
        if (n == 0 && ctl_value_truth(filesystem, "shut_down"))
                fputs("shut-down", stream);
        else if (n == 0)
                /* No news is good news only where somebody listens. */
                fputs(ctl_value_truth(filesystem, "watched") ? "good" : "unknown", stream);
        if (fclose(stream) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static char *monitor_text(const json_t *filesystem) {
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return NULL;
        print_monitor(filesystem, stream);
        if (fclose(stream) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static const char *number_text(const json_t *filesystem, const char *key, char buffer[static NUMBER_SIZE]) {
        (void) snprintf(buffer, NUMBER_SIZE, "%" PRIu64, ctl_value_number(filesystem, key));
        return buffer;
}

static int add_row(CtlTable *table, const json_t *filesystem) {
        const char *mount = json_string_value(json_array_get(json_object_get(filesystem, "mount_points"), 0));
        _cleanup_(free_at) char *state = ctl_filesystem_state_text(filesystem), *monitor = monitor_text(filesystem);
        char events[NUMBER_SIZE], healed[NUMBER_SIZE];
        CtlWatch watch = ctl_filesystem_watch(filesystem);
        int r;

        if (!state || !monitor)
                return -ENOMEM;
        r = ctl_table_add(table, (const char *[]) {
                mount,
                ctl_value_text(filesystem, "device"),
                ctl_value_text(filesystem, "type"),
                monitor,
                ctl_value_text(filesystem, "autofsck"),
                state,
                number_text(filesystem, "events_total", events),
                number_text(filesystem, "healed", healed),
        });
        if (r < 0)
                return r;
        if (watch == CTL_NOT_WATCHED)
                ctl_table_color(table, COLUMN_MONITOR, CTL_COLOR_WARNING);
        ctl_table_color(table, COLUMN_STATE, text_equal(state, "good") ? CTL_COLOR_GOOD
                                             : text_equal(state, "unknown") ? CTL_COLOR_NONE : CTL_COLOR_BAD);
        return 0;
}

static void print_routes(const json_t *manager, FILE *stream) {
        const json_t *failing = json_object_get(manager, "routes_failing");
        uint64_t n_dropped = ctl_value_number(manager, "notifications_dropped");

        if (json_array_size(failing) > 0) {
                fputs("Notifications do not come through over:", stream);
                for (size_t i = 0; i < json_array_size(failing); i++) {
                        fputs(i > 0 ? ", " : " ", stream);
                        ctl_print_safe(stream, json_string_value(json_array_get(failing, i)));
                }
                fprintf(stream, "; waiting: %" PRIu64 "; see: journalctl -u healerd\n",
                        ctl_value_number(manager, "notifications_waiting"));
        }
        if (n_dropped > 0)
                fprintf(stream, "Notifications that found no room and were only counted: %" PRIu64 "\n", n_dropped);
}

/* @by: PausedBy; empty or not there: nothing is paused. */
static void print_paused(const json_t *by, const char *what, FILE *stream) {
        char until[CTL_TIME_TEXT_SIZE];

        if (json_object_size(by) == 0)
                return;
        fprintf(stream, "%s: paused by user %" PRIu64, what, ctl_value_number(by, "uid"));
        if (ctl_value_number(by, "until_usec") > 0)
                fprintf(stream, " until %s", ctl_time_text(ctl_value_number(by, "until_usec"), until));
        fputs(": ", stream);
        ctl_print_safe(stream, ctl_value_text(by, "reason"));
        fputs("; see: healerctl resume\n", stream);
}

static void print_legend(const json_t *manager, const json_t *filesystems, FILE *stream) {
        size_t n[] = { [CTL_WATCHED] = 0, [CTL_NOT_WATCHED] = 0, [CTL_NOT_WATCHABLE] = 0 };

        for (size_t i = 0; i < json_array_size(filesystems); i++)
                n[ctl_filesystem_watch(json_array_get(filesystems, i))]++;

        if (json_array_size(filesystems) > 0)
                fputc('\n', stream);
        fprintf(stream, "file systems: %zu, watched: %zu, not watched: %zu", json_array_size(filesystems),
                n[CTL_WATCHED], n[CTL_NOT_WATCHED]);
        if (n[CTL_NOT_WATCHABLE] > 0)
                fprintf(stream, ", cannot be watched: %zu", n[CTL_NOT_WATCHABLE]);
        fputc('\n', stream);

        if (*ctl_value_text(manager, "policy_state") && !text_equal(ctl_value_text(manager, "policy_state"), "ok"))
                fputs("The policy files have errors, an older policy is in force; see: healerctl policy check\n",
                      stream);
        if (text_equal(ctl_value_text(manager, "mode"), "observe"))
                fputs("The policy only observes: decisions of rules are recorded, not carried out.\n", stream);
        if (json_integer_value(json_object_get(manager, "braked_until_usec")) > 0)
                fputs("So many file systems failed at once that nothing is done any more; see: healerctl events, "
                      "then: healerctl resume\n", stream);
        print_paused(json_object_get(manager, "paused_by"), "Nothing is done by itself", stream);
        if (ctl_value_number(manager, "silences") > 0)
                fprintf(stream, "Silences: %" PRIu64 "; see: healerctl silences\n",
                        ctl_value_number(manager, "silences"));
        print_routes(manager, stream);
        if (json_is_false(json_object_get(manager, "worker_connected")))
                fputs("The worker is not connected, nothing can be repaired; see: systemctl status healer-worker\n",
                      stream);
        else if (json_object_get(manager, "time_zone") && !*ctl_value_text(manager, "time_zone"))
                fputs("No time zone is known, windows of time are those of UTC; see: journalctl -u healer-worker\n",
                      stream);
}

static void clear_table_at(CtlTable *table) {
        ctl_table_clear(table);
}

int ctl_status_print_table(const json_t *manager, const json_t *filesystems, bool with_legend, FILE *stream) {
        _cleanup_(clear_table_at) CtlTable table = { .n_columns = 8, .right = 1 << 6 | 1 << 7 };
        int r;

        r = ctl_table_add(&table, (const char *[]) {
                "MOUNT", "DEVICE", "TYPE", "MONITOR", "AUTOFSCK", "STATE", "EVENTS", "HEALED",
        });
        for (size_t i = 0; r >= 0 && i < json_array_size(filesystems); i++)
                r = add_row(&table, json_array_get(filesystems, i));
        if (r < 0)
                return r;

        if (json_array_size(filesystems) > 0)
                ctl_table_print(&table, with_legend, stream);
        if (with_legend)
                print_legend(manager, filesystems, stream);
        return 0;
}

static void print_field(const char *name, const char *value, FILE *stream) {
        if (!value || !*value)
                return;
        fprintf(stream, "  %-14s", name);
        ctl_print_safe(stream, value);
        fputc('\n', stream);
}

static void print_device(const json_t *filesystem, FILE *stream) {
        const char *device = ctl_value_text(filesystem, "device");
        const char *number = ctl_value_text(filesystem, "device_number");

        fprintf(stream, "  %-14s", "device");
        ctl_print_safe(stream, *device ? device : "-");
        if (*number)
                fprintf(stream, " (%s)", number);
        fputc('\n', stream);
}

static void print_time(const char *name, const json_t *filesystem, const char *key, FILE *stream) {
        char time[CTL_TIME_TEXT_SIZE];

        if (ctl_value_number(filesystem, key) > 0)
                print_field(name, ctl_time_text(ctl_value_number(filesystem, key), time), stream);
}

/* "  2026-11-20 12:56:03 #17 sick agno 0x0 finobt (error): MESSAGE" */
static void print_condition(const json_t *condition, FILE *stream) {
        const char *target = ctl_value_text(condition, "target"), *message = ctl_value_text(condition, "message");
        uint64_t event_id = ctl_value_number(condition, "event_id");
        char time[CTL_TIME_TEXT_SIZE];

        fprintf(stream, "    %s ", ctl_time_text(ctl_value_number(condition, "since"), time));
        if (event_id > 0)
                fprintf(stream, "#%" PRIu64 " ", event_id);
        ctl_print_safe(stream, ctl_value_text(condition, "code"));
        if (*target) {
                fputc(' ', stream);
                ctl_print_safe(stream, target);
        }
        fputs(" (", stream);
        ctl_print_safe(stream, ctl_value_text(condition, "severity"));
        fputc(')', stream);
        if (*message) {
                fputs(": ", stream);
                ctl_print_safe(stream, message);
        }
        fputc('\n', stream);
}

static void print_heal_times(const json_t *filesystem, FILE *stream) {
        uint64_t n = ctl_value_number(filesystem, "time_to_heal_count");

        if (n == 0)
                return;
        fprintf(stream, "  %-14slast: %" PRIu64 " ms, longest: %" PRIu64 " ms, on average: %" PRIu64 " ms\n",
                "time to heal", ctl_value_number(filesystem, "time_to_heal_last_usec") / USEC_PER_MSEC,
                ctl_value_number(filesystem, "time_to_heal_max_usec") / USEC_PER_MSEC,
                ctl_value_number(filesystem, "time_to_heal_total_usec") / n / USEC_PER_MSEC);
}

static void print_totals(const json_t *filesystem, FILE *stream) {
        fprintf(stream, "  %-14s%" PRIu64 " (reports: %" PRIu64 ", lost: %" PRIu64 ")\n", "events",
                ctl_value_number(filesystem, "events_total"), ctl_value_number(filesystem, "reports_total"),
                ctl_value_number(filesystem, "events_lost"));
        fprintf(stream, "  %-14shealed: %" PRIu64 ", refused: %" PRIu64 ", failed: %" PRIu64 "\n", "actions",
                ctl_value_number(filesystem, "healed"), ctl_value_number(filesystem, "refused"),
                ctl_value_number(filesystem, "failed"));
        print_heal_times(filesystem, stream);
        if (ctl_value_number(filesystem, "handed_over") > 0)
                fprintf(stream, "  %-14s%" PRIu64 " times: no online repair mends it\n", "handed over",
                        ctl_value_number(filesystem, "handed_over"));
}

static void print_checks(const json_t *filesystem, FILE *stream) {
        const char *schedule = ctl_value_text(filesystem, "next_check_schedule");
        const char *outcome = ctl_value_text(filesystem, "last_check_outcome");

        print_time("last check", filesystem, "last_check", stream);
        if (outcome && *outcome)
                fprintf(stream, "  %-14s%s\n", "", outcome);
        print_time("next check", filesystem, "next_check", stream);
        if (schedule && *schedule)
                fprintf(stream, "  %-14sby schedule %s\n", "", schedule);
}

/* Of the pass that goes on, or of the last one. */
static void print_patrol_cost(const json_t *filesystem, FILE *stream) {
        uint64_t began = ctl_value_number(filesystem, "patrol_began"), busy_usec;
        uint64_t ended = ctl_value_number(filesystem, "patrol_ended");

        if (began == 0)
                return;
        if (ended < began)
                ended = max_of(clock_realtime_usec(), began + 1);
        busy_usec = ctl_value_number(filesystem, "patrol_busy_usec");
        fprintf(stream, "  %-14s%" PRIu64 " ms in the kernel (%.1f %% of the time), %" PRIu64 " KiB read\n",
                "patrol cost", busy_usec / USEC_PER_MSEC,
                100.0 * (double) busy_usec / (double) max_of(ended - began, UINT64_C(1)),
                ctl_value_number(filesystem, "patrol_read_bytes") / 1024);
}

static void print_patrol(const json_t *filesystem, FILE *stream) {
        const char *stage = ctl_value_text(filesystem, "patrol_stage");

        /* Of an older healerd there is none. */
        if (!*stage || text_equal(stage, "none"))
                return;
        fprintf(stream, "  %-14s%s (checked: %" PRIu64 ", damaged: %" PRIu64 ", not checked: %" PRIu64 ")\n", "patrol",
                stage, ctl_value_number(filesystem, "patrol_checked"), ctl_value_number(filesystem, "patrol_damaged"),
                ctl_value_number(filesystem, "patrol_unchecked"));
        print_patrol_cost(filesystem, stream);
        print_time("patrol ended", filesystem, "patrol_ended", stream);
}

static void print_traits(const json_t *filesystem, FILE *stream) {
        static const struct {
                const char *key, *text;
        } traits[] = {
                { "read_only", "read-only" },
                { "root", "root" },
                { "removable", "removable" },
                { "shut_down", "shut down" },
        };
        char text[64] = "";

        for (size_t i = 0; i < ELEMENTSOF(traits); i++)
                if (ctl_value_truth(filesystem, traits[i].key))
                        (void) text_append_format(text, sizeof(text), "%s%s", *text ? ", " : "", traits[i].text);
        print_field("is", text, stream);
}

int ctl_status_print_one(const json_t *filesystem, FILE *stream) {
        _cleanup_(free_at) char *state = ctl_filesystem_state_text(filesystem), *monitor = monitor_text(filesystem);
        const json_t *mounts = json_object_get(filesystem, "mount_points");
        const json_t *conditions = json_object_get(filesystem, "conditions");
        const char *job = ctl_value_text(filesystem, "active_job");

        if (!state || !monitor)
                return -ENOMEM;

        ctl_print_safe(stream, ctl_filesystem_name(filesystem));
        fprintf(stream, ": %s\n", state);
        for (size_t i = 1; i < json_array_size(mounts); i++)
                print_field("also at", json_string_value(json_array_get(mounts, i)), stream);
        print_device(filesystem, stream);
        print_field("type", ctl_value_text(filesystem, "type"), stream);
        print_field("uuid", ctl_value_text(filesystem, "uuid"), stream);
        print_field("label", ctl_value_text(filesystem, "label"), stream);
        print_traits(filesystem, stream);
        print_field("monitor", monitor, stream);
        print_field("", monitor_advice(filesystem), stream);
        print_field("autofsck", ctl_value_text(filesystem, "autofsck"), stream);
        print_totals(filesystem, stream);
        print_time("last event", filesystem, "last_event_time", stream);
        print_time("first bad", filesystem, "first_bad_time", stream);
        print_time("known good", filesystem, "last_known_good", stream);
        print_checks(filesystem, stream);
        print_patrol(filesystem, stream);
        print_paused(json_object_get(filesystem, "paused_by"), "  nothing is done by itself", stream);
        if (!text_equal(job, "/"))
                print_field("job", job, stream);
        if (json_array_size(conditions) > 0)
                fputs("  conditions\n", stream);
        for (size_t i = 0; i < json_array_size(conditions); i++)
                print_condition(json_array_get(conditions, i), stream);
        return 0;
}
