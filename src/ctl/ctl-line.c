/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of arguments stand in one table, so that JSON and text speak of the same things; a signal
 * of a newer healerd is shown as it comes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-line.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-value.h"
#include "src/model/health-event.h"
#include "src/model/job-report.h"

#define SIGNAL_ARGUMENTS_MAX 8

typedef struct SignalForm {
        const char *member;             /* NULL: no signal, a line of our own */
        const char *type;
        const char *arguments[SIGNAL_ARGUMENTS_MAX];
        void (*print)(const json_t *line, FILE *stream);
} SignalForm;

/* Where it is, for lines that the daemon does not write itself: the mount point, else the device. */
static void print_subject(const json_t *details, FILE *stream) {
        const char *mount = ctl_value_text(details, "mount"), *device = ctl_value_text(details, "device");

        ctl_print_safe(stream, *mount ? mount : *device ? device : "unmounted file system");
}

/* "agno 0x0 finobt" in the daemon's own grammar, from the words of a job. */
static void print_target(const json_t *details, FILE *stream) {
        char text[EVENT_TEXT_SIZE];
        HealthEvent event = { .kind = EVENT_SICK, .count = 1 };

        if (event_domain_from_name(ctl_value_text(details, "domain"), &event.domain) < 0 ||
            structure_from_name(event.domain, ctl_value_text(details, "structure"), &event.structure) < 0)
                return;
        event.group = (uint32_t) ctl_value_number(details, "group");
        event.inode = ctl_value_number(details, "inode");
        event.generation = (uint32_t) ctl_value_number(details, "generation");

        (void) health_event_target_text(&event, text);
        if (*text) {
                fputc(' ', stream);
                ctl_print_safe(stream, text);
        }
}

static void print_event(const json_t *line, FILE *stream) {
        const json_t *details = json_object_get(line, "details");
        const char *text = ctl_value_text(details, "text");

        if (*text) {
                ctl_print_safe(stream, text);
        } else {
                print_subject(details, stream);
                fputs(": ", stream);
                ctl_print_safe(stream, ctl_value_text(line, "kind"));
        }
        if (ctl_value_number(details, "cause") > 0)
                fprintf(stream, " (after #%" PRIu64 ")", ctl_value_number(details, "cause"));
}

static void print_denied(const json_t *details, FILE *stream) {
        const json_t *pair;
        size_t i;

        json_array_foreach(json_object_get(details, "denied"), i, pair) {
                const char *reason = ctl_value_text(pair, "reason");

                fputs("; no ", stream);
                ctl_print_safe(stream, ctl_value_text(pair, "action"));
                if (*reason) {
                        fputs(" (", stream);
                        ctl_print_safe(stream, reason);
                        fputc(')', stream);
                }
        }
}

static void print_decision(const json_t *line, FILE *stream) {
        const json_t *details = json_object_get(line, "details"), *actions = json_object_get(line, "actions"), *action;
        const char *rule = ctl_value_text(line, "rule");
        size_t i;

        fputs("decided by ", stream);
        ctl_print_safe(stream, ctl_value_text(line, "source"));
        if (*rule) {
                fputc(' ', stream);
                ctl_print_safe(stream, rule);
        }
        if (text_equal(ctl_value_text(line, "mode"), "observe"))
                fputs(" (observing only)", stream);
        fputs(": ", stream);
        if (json_array_size(actions) == 0)
                fputs("nothing to do", stream);
        json_array_foreach(actions, i, action) {
                fputs(i > 0 ? ", " : "", stream);
                ctl_print_safe(stream, json_is_string(action) ? json_string_value(action) : "?");
        }
        print_denied(details, stream);
}

const char *ctl_outcome_sentence(const char *action, const char *word) {
        ActionKind kind;
        Outcome outcome;

        if (outcome_from_name(word, &outcome) < 0)
                return word;
        return action_kind_from_name(action, &kind) < 0 ? outcome_to_sentence(outcome)
                                                        : outcome_to_sentence_of(outcome, kind);
}

bool ctl_detail_adds(const char *word, const char *detail) {
        Outcome outcome;

        if (!*detail)
                return false;
        return outcome_from_name(word, &outcome) < 0 || !text_equal(detail, outcome_to_sentence(outcome));
}

static void print_duration(uint64_t usec, FILE *stream) {
        if (usec >= 10 * USEC_PER_SEC)
                fprintf(stream, "%" PRIu64 " s", usec / USEC_PER_SEC);
        else
                fprintf(stream, "%" PRIu64 " ms", usec / USEC_PER_MSEC);
}

/* "/srv agno 0x0 finobt: Repairs successful. (repair, 21 ms, checked again)" */
static void print_action(const json_t *line, FILE *stream) {
        const json_t *details = json_object_get(line, "details");
        const char *result = ctl_value_text(line, "result"), *detail = ctl_value_text(details, "detail");
        const char *sentence = ctl_outcome_sentence(ctl_value_text(line, "action"), result);

        print_subject(details, stream);
        print_target(details, stream);
        fputs(": ", stream);
        ctl_print_safe(stream, sentence);
        if (ctl_detail_adds(result, detail)) {
                fputc(' ', stream);
                ctl_print_safe(stream, detail);
        }

        fputs(" (", stream);
        ctl_print_safe(stream, ctl_value_text(line, "action"));
        if (ctl_value_number(details, "duration_usec") > 0) {
                fputs(", ", stream);
                print_duration(ctl_value_number(details, "duration_usec"), stream);
        }
        if (ctl_value_truth(details, "verified"))
                fputs(", checked again", stream);
        fputc(')', stream);
}

static void print_notice(const json_t *line, FILE *stream) {
        fputs("notice: ", stream);
        ctl_print_safe(stream, ctl_value_text(line, "severity"));
        fputs(": ", stream);
        ctl_print_safe(stream, ctl_value_text(line, "message"));
}

static void print_policy(const json_t *line, FILE *stream) {
        if (ctl_value_truth(line, "ok"))
                fprintf(stream, "policy loaded, generation %" PRIu64, ctl_value_number(line, "generation"));
        else
                fprintf(stream, "policy not loaded, generation %" PRIu64 " stays; see: healerctl policy check",
                        ctl_value_number(line, "generation"));
}

static void print_daemon(const json_t *line, FILE *stream) {
        fputs(ctl_value_truth(line, "running") ? "healerd is running" : "healerd stopped; waiting for it", stream);
}

static void print_other(const json_t *line, FILE *stream) {
        char *arguments = json_dumps(json_object_get(line, "arguments"), JSON_COMPACT | JSON_ENCODE_ANY);

        ctl_print_safe(stream, ctl_value_text(line, "member"));
        fputc(' ', stream);
        ctl_print_safe(stream, arguments ? arguments : "");
        free(arguments);
}

static const SignalForm forms[] = {
        { "Event", "event", { "id", "kind", "severity", "filesystem", "details" }, print_event },
        { "Decision", "decision", { "id", "source", "rule", "mode", "actions", "details" }, print_decision },
        { "ActionTaken", "action", { "id", "job", "action", "result", "details" }, print_action },
        { "Notice", "notice", { "id", "severity", "message", "filesystem" }, print_notice },
        { "PolicyReloaded", "policy", { "generation", "ok" }, print_policy },
        { NULL, "daemon", {}, print_daemon },
        { NULL, "other", {}, print_other },
};

static json_t *line_new(const char *type, uint64_t now_realtime_usec) {
        return json_pack("{s:i, s:I, s:s}", "schema", CTL_JSON_SCHEMA, "time_usec", (json_int_t) now_realtime_usec,
                         "type", type);
}

json_t *ctl_line_of_daemon(bool is_running, uint64_t now_realtime_usec) {
        json_t *line = line_new("daemon", now_realtime_usec);

        if (line && json_object_set_new(line, "running", json_boolean(is_running)) < 0) {
                json_decref(line);
                return NULL;
        }
        return line;
}

/* All arguments; those without a name in @names go to a list. */
static int read_arguments(sd_bus_message *signal, const char *const *names, json_t *line) {
        json_t *rest = NULL;
        int r;

        for (size_t i = 0;; i++) {
                json_t *value;

                r = ctl_value_read(signal, &value);
                if (r <= 0)
                        return r;

                if (i < SIGNAL_ARGUMENTS_MAX && names[i]) {
                        if (json_object_set_new(line, names[i], value) < 0)
                                return -ENOMEM;
                        continue;
                }
                if (!rest) {
                        rest = json_array();
                        if (json_object_set_new(line, "arguments", rest) < 0) {
                                json_decref(value);
                                return -ENOMEM;
                        }
                }
                if (json_array_append_new(rest, value) < 0)
                        return -ENOMEM;
        }
}

int ctl_line_read(sd_bus_message *signal, uint64_t now_realtime_usec, json_t **ret_line) {
        static const char *const no_names[SIGNAL_ARGUMENTS_MAX] = {};
        static const char *const denied_fields[] = { "action", "reason", NULL };
        _cleanup_(json_decref_at) json_t *line = NULL;
        const char *member = sd_bus_message_get_member(signal);
        const SignalForm *form = NULL;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(forms); i++)
                if (forms[i].member && text_equal(forms[i].member, member))
                        form = forms + i;

        line = line_new(form ? form->type : "other", now_realtime_usec);
        if (!line || (!form && json_object_set_new(line, "member", json_string(member)) < 0))
                return -ENOMEM;

        r = read_arguments(signal, form ? form->arguments : no_names, line);
        if (r >= 0)
                r = ctl_value_name_fields(json_object_get(json_object_get(line, "details"), "denied"), denied_fields);
        if (r < 0)
                return r;

        *ret_line = steal_ptr(line);
        return 0;
}

static bool is_argument(const SignalForm *form, const char *key) {
        for (size_t i = 0; form && i < SIGNAL_ARGUMENTS_MAX; i++)
                if (text_equal(form->arguments[i], key))
                        return true;

        return text_equal(key, "time_usec") || text_equal(key, "type");
}

json_t *ctl_line_of_history(json_t *taken) {
        _cleanup_(json_decref_at) json_t *entry = taken, *line = json_pack("{s:i}", "schema", CTL_JSON_SCHEMA);
        json_t *details = json_object(), *value;
        const SignalForm *form = NULL;
        const char *key;

        for (size_t i = 0; i < ELEMENTSOF(forms); i++)
                if (text_equal(forms[i].type, ctl_value_text(entry, "type")))
                        form = forms + i;

        json_object_foreach(entry, key, value)
                if (json_object_set(is_argument(form, key) ? line : details, key, value) < 0) {
                        json_decref(details);
                        return NULL;
                }
        if (json_object_set_new(line, "details", details) < 0)
                return NULL;
        return steal_ptr(line);
}

/* An event happened when the kernel says so, everything else when we heard of it. */
static uint64_t line_time_usec(const json_t *line) {
        uint64_t nsec = ctl_value_number(json_object_get(line, "details"), "time_nsec");

        return nsec > 0 ? nsec / NSEC_PER_USEC : ctl_value_number(line, "time_usec");
}

void ctl_line_print(const json_t *line, FILE *stream) {
        char time[CTL_TIME_TEXT_SIZE];

        fputs(ctl_time_text(line_time_usec(line), time), stream);
        fputc(' ', stream);
        if (ctl_value_number(line, "id") > 0)
                fprintf(stream, "#%" PRIu64 " ", ctl_value_number(line, "id"));

        for (size_t i = 0; i < ELEMENTSOF(forms); i++)
                if (text_equal(forms[i].type, ctl_value_text(line, "type")))
                        forms[i].print(line, stream);
        fputc('\n', stream);
}
