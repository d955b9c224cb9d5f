/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A family is a heading and all of its samples, so the outer loop is that of families. Texts of labels come from mount
 * points, labels and names of programs, which anybody may have chosen: they are escaped as the format wants it.
 */
#include "src/ctl/ctl-metrics-text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-filesystem.h"
#include "src/ctl/ctl-status-text.h"
#include "src/ctl/ctl-value.h"
#include "src/model/vocabulary.h"

typedef enum Reading {
        READ_NUMBER,
        READ_TRUTH,
        READ_NON_ZERO,                  /* 1 if the number is not 0 */
        READ_DURATION,                  /* microseconds */
        READ_TIME,                      /* microseconds since 1970; 0: no sample */
        READ_LENGTH,                    /* of an array */
        READ_IS_WORD,                   /* 1 if the text is .word */
        READ_IS_OBJECT,                 /* 1 if the path is not "/" */
        READ_STATE,                     /* always 1; the text is the label "state" */
} Reading;

typedef struct Family {
        const char *name;               /* without _total */
        const char *key;                /* of the JSON object */
        Reading reading;
        bool is_counter;
        const char *help;
        const char *word;
} Family;

static const Family manager_families[] = {
        { "healerd_policy_ok", "policy_state", READ_IS_WORD, false, "Whether the policy files have no errors.", "ok" },
        { "healerd_policy_generation", "policy_generation", READ_NUMBER, false,
          "Counts up with every policy loaded.", NULL },
        { "healerd_policy_observing", "mode", READ_IS_WORD, false,
          "Whether it only decides and does nothing.", "observe" },
        { "healerd_events", "events_total", READ_NUMBER, true, "Events since healerd started.", NULL },
        { "healerd_reports", "reports_total", READ_NUMBER, true, "Reports that became events.", NULL },
        { "healerd_events_lost", "events_lost", READ_NUMBER, true, "Reports that the kernel could not keep.", NULL },
        { "healerd_events_dropped", "events_dropped", READ_NUMBER, true, "Events that healerd had no room for.", NULL },
        { "healerd_conditions_forgotten", "conditions_forgotten", READ_NUMBER, true,
          "Conditions of unmounted file systems that there was no room for.", NULL },
        { "healerd_signals_dropped", "signals_dropped", READ_NUMBER, true, "Signals that the bus did not take.", NULL },
        { "healerd_history_dropped", "history_dropped", READ_NUMBER, true,
          "Entries that the history did not take.", NULL },
        { "healerd_history_removed", "history_removed", READ_NUMBER, true,
          "Entries that the history removed to make room.", NULL },
        { "healerd_notifications_dropped", "notifications_dropped", READ_NUMBER, true,
          "Messages that routes had no room for.", NULL },
        { "healerd_healed", "healed", READ_NUMBER, true, "Repairs that helped.", NULL },
        { "healerd_refused", "refused", READ_NUMBER, true, "Actions that were refused.", NULL },
        { "healerd_failed", "failed", READ_NUMBER, true, "Actions that failed.", NULL },
        { "healerd_handed_over", "handed_over", READ_NUMBER, true,
          "What only a person can repair, offline.", NULL },
        { "healerd_timed_heals", "time_to_heal_count", READ_NUMBER, true,
          "Heals of which it is known how long they took.", NULL },
        { "healerd_time_to_heal_seconds", "time_to_heal_total_usec", READ_DURATION, true,
          "From the first report of damage to its repair, all together.", NULL },
        { "healerd_time_to_heal_last_seconds", "time_to_heal_last_usec", READ_DURATION, false,
          "The same of the last one.", NULL },
        { "healerd_time_to_heal_max_seconds", "time_to_heal_max_usec", READ_DURATION, false,
          "The same of the longest one.", NULL },
        { "healerd_last_event_timestamp_seconds", "last_event_usec", READ_TIME, false,
          "Time of the last event.", NULL },
        { "healerd_lag_seconds", "lag_usec", READ_DURATION, false,
          "From the kernel's time stamp of the last event to its decision.", NULL },
        { "healerd_unwatched_filesystems", "mounted_unwatched", READ_NUMBER, false,
          "Mounted file systems that have a monitor and are not watched by healerd.", NULL },
        { "healerd_braked", "braked_until_usec", READ_NON_ZERO, false,
          "Whether nothing is done because so many file systems failed at once.", NULL },
        { "healerd_worker_connected", "worker_connected", READ_TRUTH, false,
          "Whether the process that works on file systems is there.", NULL },
        { "healerd_paused", "paused", READ_TRUTH, false, "Whether somebody wants nothing begun by itself.", NULL },
        { "healerd_silences", "silences", READ_NUMBER, false, "Silences: what routes are not told of.", NULL },
        { "healerd_subscribers", "subscribers", READ_NUMBER, false, "Who is sent full records.", NULL },
        { "healerd_subscribers_cut", "subscribers_cut", READ_NUMBER, true,
          "Subscribers cut off because they did not read.", NULL },
        { "healerd_inhibitors", "inhibited_by", READ_LENGTH, false, "Locks that delay the end of programs.", NULL },
        { "healerd_units_held", "units_held", READ_NUMBER, false, "Units that are kept from being started.", NULL },
        { "healerd_history_state", "history_state", READ_STATE, false,
          "Where the history goes; 1 for what is so.", NULL },
        { "healerd_notifications_waiting", "notifications_waiting", READ_NUMBER, false,
          "Messages on their way over the routes.", NULL },
        { "healerd_routes_failing", "routes_failing", READ_LENGTH, false,
          "Routes over which nothing comes through.", NULL },
};

static const Family filesystem_families[] = {
        { "healerd_filesystem_watched", "watched", READ_TRUTH, false, "Whether healerd hears of all damage.", NULL },
        { "healerd_filesystem_monitor_state", "monitor_state", READ_STATE, false,
          "How its health monitor is; 1 for what is so.", NULL },
        { "healerd_filesystem_shut_down", "shut_down", READ_TRUTH, false, "Whether it is shut down.", NULL },
        { "healerd_filesystem_read_only", "read_only", READ_TRUTH, false, "Whether it is mounted read-only.", NULL },
        { "healerd_filesystem_events", "events_total", READ_NUMBER, true, "Events since healerd saw it first.", NULL },
        { "healerd_filesystem_reports", "reports_total", READ_NUMBER, true, "Reports that became events.", NULL },
        { "healerd_filesystem_events_lost", "events_lost", READ_NUMBER, true,
          "Reports that the kernel could not keep.", NULL },
        { "healerd_filesystem_records_read", "records_read", READ_NUMBER, true,
          "Records read from its monitor.", NULL },
        { "healerd_filesystem_healed", "healed", READ_NUMBER, true, "Repairs that helped.", NULL },
        { "healerd_filesystem_refused", "refused", READ_NUMBER, true, "Actions that were refused.", NULL },
        { "healerd_filesystem_failed", "failed", READ_NUMBER, true, "Actions that failed.", NULL },
        { "healerd_filesystem_handed_over", "handed_over", READ_NUMBER, true,
          "What only a person can repair, offline.", NULL },
        { "healerd_filesystem_timed_heals", "time_to_heal_count", READ_NUMBER, true,
          "Heals of which it is known how long they took.", NULL },
        { "healerd_filesystem_time_to_heal_seconds", "time_to_heal_total_usec", READ_DURATION, true,
          "From the first report of damage to its repair, all together.", NULL },
        { "healerd_filesystem_time_to_heal_last_seconds", "time_to_heal_last_usec", READ_DURATION, false,
          "The same of the last one.", NULL },
        { "healerd_filesystem_time_to_heal_max_seconds", "time_to_heal_max_usec", READ_DURATION, false,
          "The same of the longest one.", NULL },
        { "healerd_filesystem_first_bad_timestamp_seconds", "first_bad_time", READ_TIME, false,
          "When it was first seen bad.", NULL },
        { "healerd_filesystem_last_known_good_timestamp_seconds", "last_known_good", READ_TIME, false,
          "When everything was last checked and nothing found wrong.", NULL },
        { "healerd_filesystem_last_event_timestamp_seconds", "last_event_time", READ_TIME, false,
          "Time of its last event.", NULL },
        { "healerd_filesystem_next_check_timestamp_seconds", "next_check", READ_TIME, false,
          "When a schedule has it checked next.", NULL },
        { "healerd_filesystem_last_check_timestamp_seconds", "last_check", READ_TIME, false,
          "When its last full check ended.", NULL },
        { "healerd_filesystem_patrol_began_timestamp_seconds", "patrol_began", READ_TIME, false,
          "When the last pass of the patrol began.", NULL },
        { "healerd_filesystem_patrol_ended_timestamp_seconds", "patrol_ended", READ_TIME, false,
          "When the last pass of the patrol ended.", NULL },
        { "healerd_filesystem_patrol_checked", "patrol_checked", READ_NUMBER, false,
          "Structures checked by the last pass of the patrol.", NULL },
        { "healerd_filesystem_patrol_damaged", "patrol_damaged", READ_NUMBER, false,
          "Structures found damaged by the last pass of the patrol.", NULL },
        { "healerd_filesystem_patrol_unchecked", "patrol_unchecked", READ_NUMBER, false,
          "Structures that the last pass of the patrol could not check.", NULL },
        { "healerd_filesystem_patrol_busy_seconds", "patrol_busy_usec", READ_DURATION, false,
          "How long the kernel was busy with the last pass of the patrol.", NULL },
        { "healerd_filesystem_patrol_read_bytes", "patrol_read_bytes", READ_NUMBER, false,
          "What the last pass of the patrol read.", NULL },
        { "healerd_filesystem_paused", "paused", READ_TRUTH, false,
          "Whether somebody wants nothing begun on it by itself.", NULL },
        { "healerd_filesystem_job_active", "active_job", READ_IS_OBJECT, false,
          "Whether a job runs or waits for it.", NULL },
};

/* The last word of a name, where it is one. */
static const char *const units[] = { "seconds", "bytes" };

typedef struct Page {
        CtlMetricsFormat format;
        const json_t *shown[CTL_METRICS_FILESYSTEMS_MAX];
        size_t n_shown;
        FILE *stream;
} Page;

static void print_heading(const Page *page, const char *name, bool is_counter, const char *help) {
        const char *suffix = is_counter && page->format == CTL_METRICS_TEXTFILE ? "_total" : "";
        const char *last = strrchr(name, '_');

        fprintf(page->stream, "# TYPE %s%s %s\n", name, suffix, is_counter ? "counter" : "gauge");
        for (size_t i = 0; page->format == CTL_METRICS_OPENMETRICS && i < ELEMENTSOF(units); i++)
                if (text_equal(last + 1, units[i]))
                        fprintf(page->stream, "# UNIT %s %s\n", name, units[i]);
        fprintf(page->stream, "# HELP %s%s %s\n", name, suffix, help);
}

static void print_label(const Page *page, const char *separator, const char *name, const char *text) {
        fprintf(page->stream, "%s%s=\"", separator, name);
        for (const char *c = text; *c; c++)
                if (*c == '\n')
                        fputs("\\n", page->stream);
                else {
                        if (*c == '"' || *c == '\\')
                                fputc('\\', page->stream);
                        fputc(*c, page->stream);
                }
        fputc('"', page->stream);
}

/* The number tells apart what is mounted over each other; the rest is for people, and to join with node_exporter's. */
static void print_filesystem_labels(const Page *page, const json_t *filesystem) {
        const char *mount = json_string_value(json_array_get(json_object_get(filesystem, "mount_points"), 0));

        print_label(page, "", "device", ctl_value_text(filesystem, "device"));
        print_label(page, ",", "device_number", ctl_value_text(filesystem, "device_number"));
        print_label(page, ",", "mountpoint", mount ? mount : "");
}

/* Exact, as doubles are not beyond some years of microseconds. Returns @buffer. */
static char *seconds_text(uint64_t usec, char buffer[static 32]) {
        size_t length;

        (void) snprintf(buffer, 32, "%" PRIu64 ".%06" PRIu64, usec / USEC_PER_SEC, usec % USEC_PER_SEC);
        for (length = strlen(buffer); buffer[length - 1] == '0'; length--)
                buffer[length - 1] = '\0';
        if (buffer[length - 1] == '.')
                buffer[length - 1] = '\0';
        return buffer;
}

/* False: there is nothing to tell. */
static bool read_value(const Family *family, const json_t *object, char ret_text[static 32]) {
        const json_t *value = json_object_get(object, family->key);
        uint64_t number = (uint64_t) json_integer_value(value);

        switch (family->reading) {
        case READ_TRUTH:
                number = json_is_true(value);
                break;
        case READ_NON_ZERO:
                number = number != 0;
                break;
        case READ_DURATION:
        case READ_TIME:
                if (!json_is_integer(value) || (number == 0 && family->reading == READ_TIME))
                        return false;
                seconds_text(number, ret_text);
                return true;
        case READ_LENGTH:
                number = json_array_size(value);
                break;
        case READ_IS_WORD:
                number = text_equal(json_string_value(value), family->word);
                break;
        case READ_IS_OBJECT:
                number = !text_equal(json_string_value(value), "/");
                break;
        case READ_STATE:
                number = 1;
                break;
        case READ_NUMBER:
                break;
        }

        (void) snprintf(ret_text, 32, "%" PRIu64, number);
        return value && !json_is_null(value);
}

static void print_sample(const Page *page, const Family *family, const json_t *object, bool is_filesystem) {
        bool has_state = family->reading == READ_STATE;
        char value[32];

        if (!read_value(family, object, value))
                return;
        fprintf(page->stream, "%s%s", family->name, family->is_counter ? "_total" : "");
        if (is_filesystem || has_state)
                fputc('{', page->stream);
        if (is_filesystem)
                print_filesystem_labels(page, object);
        if (has_state)
                print_label(page, is_filesystem ? "," : "", "state", ctl_value_text(object, family->key));
        fprintf(page->stream, "%s %s\n", is_filesystem || has_state ? "}" : "", value);
}

static void print_gauge(const Page *page, const char *name, const char *help, uint64_t value) {
        print_heading(page, name, false, help);
        fprintf(page->stream, "%s %" PRIu64 "\n", name, value);
}

typedef struct Label {
        const char *name, *key;
} Label;

static void print_info(const Page *page, const char *name, const json_t *object, const Label *labels, size_t n,
                       bool is_filesystem) {
        fprintf(page->stream, "%s{", name);
        if (is_filesystem)
                print_filesystem_labels(page, object);
        for (size_t i = 0; i < n; i++)
                print_label(page, is_filesystem || i > 0 ? "," : "", labels[i].name,
                            ctl_value_text(object, labels[i].key));
        fputs("} 1\n", page->stream);
}

static void print_manager(const Page *page, const json_t *manager) {
        static const Label build[] = { { "version", "version" }, { "kernel", "kernel_release" } };
        static const Label policy[] = { { "hash", "policy_hash" }, { "mode", "mode" }, { "state", "policy_state" } };

        print_heading(page, "healerd_build_info", false, "Which healerd, on which kernel.");
        print_info(page, "healerd_build_info", manager, build, ELEMENTSOF(build), false);
        print_heading(page, "healerd_policy_info", false, "Which policy rules; the hash is equal where the files are.");
        print_info(page, "healerd_policy_info", manager, policy, ELEMENTSOF(policy), false);
        for (size_t i = 0; i < ELEMENTSOF(manager_families); i++) {
                const Family *family = manager_families + i;

                print_heading(page, family->name, family->is_counter, family->help);
                print_sample(page, family, manager, false);
        }
}

static void print_filesystems(const Page *page) {
        static const Label labels[] = {
                { "uuid", "uuid" }, { "fstype", "type" }, { "label", "label" }, { "watched_by", "watched_by" },
                { "holder", "holder_name" }, { "autofsck", "autofsck" }, { "last_check_outcome", "last_check_outcome" },
        };

        print_heading(page, "healerd_filesystem_info", false, "What it is and who watches it.");
        for (size_t i = 0; i < page->n_shown; i++)
                print_info(page, "healerd_filesystem_info", page->shown[i], labels, ELEMENTSOF(labels), true);
        for (size_t k = 0; k < ELEMENTSOF(filesystem_families); k++) {
                const Family *family = filesystem_families + k;

                print_heading(page, family->name, family->is_counter, family->help);
                for (size_t i = 0; i < page->n_shown; i++)
                        print_sample(page, family, page->shown[i], true);
        }
}

/* All conditions with one code: how many targets, the worst severity, the earliest beginning. */
typedef struct Raised {
        const char *code;
        const char *severity;
        uint64_t n, since_usec;
} Raised;

static uint64_t severity_rank(const char *name) {
        Severity severity;

        return severity_from_name(name, &severity) < 0 ? UINT64_MAX : (uint64_t) severity;
}

/* The first of a code stands for all of its code; false for the others, so that there is one series of each. */
static bool gather_raised(const json_t *conditions, size_t at, Raised *ret_raised) {
        Raised raised = { .code = ctl_value_text(json_array_get(conditions, at), "code") };
        const json_t *condition;
        size_t i;

        json_array_foreach(conditions, i, condition) {
                const char *severity = ctl_value_text(condition, "severity");
                uint64_t since_usec = ctl_value_number(condition, "since");

                if (!text_equal(ctl_value_text(condition, "code"), raised.code))
                        continue;
                if (i < at)
                        return false;
                /* alert is the first word of the list of severities. */
                if (raised.n == 0 || severity_rank(severity) < severity_rank(raised.severity))
                        raised.severity = severity;
                if (raised.n++ == 0 || since_usec < raised.since_usec)
                        raised.since_usec = since_usec;
        }
        *ret_raised = raised;
        return true;
}

typedef enum ConditionFamily {
        CONDITION_FAMILY_RAISED,
        CONDITION_FAMILY_TARGETS,
        CONDITION_FAMILY_SINCE,
} ConditionFamily;

static const struct {
        const char *name, *help;
} condition_families[] = {
        [CONDITION_FAMILY_RAISED] = { "healerd_filesystem_condition", "1 while such a condition is raised." },
        [CONDITION_FAMILY_TARGETS] = { "healerd_filesystem_condition_targets",
                                       "How many structures or files have it." },
        [CONDITION_FAMILY_SINCE] = { "healerd_filesystem_condition_since_timestamp_seconds",
                                     "When the first of them was raised." },
};

static void print_raised(const Page *page, ConditionFamily family, const json_t *filesystem, const Raised *raised) {
        char since[32];

        fprintf(page->stream, "%s{", condition_families[family].name);
        print_filesystem_labels(page, filesystem);
        print_label(page, ",", "code", raised->code);
        if (family == CONDITION_FAMILY_RAISED)
                print_label(page, ",", "severity", raised->severity);
        if (family == CONDITION_FAMILY_SINCE)
                fprintf(page->stream, "} %s\n", seconds_text(raised->since_usec, since));
        else
                fprintf(page->stream, "} %" PRIu64 "\n",
                        family == CONDITION_FAMILY_TARGETS ? raised->n : UINT64_C(1));
}

static void print_conditions(const Page *page) {
        for (ConditionFamily family = 0; family < ELEMENTSOF(condition_families); family++) {
                print_heading(page, condition_families[family].name, false, condition_families[family].help);
                for (size_t i = 0; i < page->n_shown; i++) {
                        const json_t *conditions = json_object_get(page->shown[i], "conditions");

                        for (size_t k = 0; k < json_array_size(conditions); k++) {
                                Raised raised;

                                if (gather_raised(conditions, k, &raised))
                                        print_raised(page, family, page->shown[i], &raised);
                        }
                }
        }
}

static bool is_fine(const json_t *filesystem) {
        return json_array_size(json_object_get(filesystem, "conditions")) == 0 &&
               ctl_filesystem_watch(filesystem) != CTL_NOT_WATCHED;
}

/* Those that something is wrong with first: they are never what is left out, unless they are too many themselves. */
static void choose_shown(Page *page, const json_t *filesystems) {
        for (int pass = 0; pass < 2; pass++)
                for (size_t i = 0; i < json_array_size(filesystems) && page->n_shown < ELEMENTSOF(page->shown); i++)
                        if (is_fine(json_array_get(filesystems, i)) == (pass == 1))
                                page->shown[page->n_shown++] = json_array_get(filesystems, i);
}

int ctl_metrics_print(const json_t *manager, const json_t *filesystems, CtlMetricsFormat format, uint64_t now_usec,
                      FILE *stream) {
        Page page = { .format = format, .stream = stream };
        char now[32];

        print_gauge(&page, "healerd_up", "Whether healerd answers.", manager != NULL);
        print_heading(&page, "healerd_metrics_timestamp_seconds", false, "When this was written.");
        fprintf(stream, "healerd_metrics_timestamp_seconds %s\n", seconds_text(now_usec, now));
        if (manager) {
                choose_shown(&page, filesystems);
                print_manager(&page, manager);
                print_gauge(&page, "healerd_filesystems", "Mounted file systems that healerd knows.",
                            json_array_size(filesystems));
                print_gauge(&page, "healerd_filesystems_left_out",
                            "File systems without series of their own because there are so many.",
                            json_array_size(filesystems) - page.n_shown);
                print_filesystems(&page);
                print_conditions(&page);
        }
        if (format == CTL_METRICS_OPENMETRICS)
                fputs("# EOF\n", stream);
        return ferror(stream) ? -ENOMEM : 0;
}
