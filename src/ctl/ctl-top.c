/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl events --top=WORD`: how often, and when last, the most frequent first. Events are counted by where they
 * are and what they are about, decisions by their rule.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-history.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-value.h"

#define NAME_SIZE 1200

static const char *name_of_structure(const json_t *row, _unused_ char buffer[static NAME_SIZE]) {
        return ctl_value_text(row, "structure");
}

/* "rule heal"; what was decided without one by its source, which is no name of a rule. */
static const char *name_of_rule(const json_t *row, char buffer[static NAME_SIZE]) {
        const char *rule = ctl_value_text(row, "rule");

        if (*rule)
                return rule;
        (void) snprintf(buffer, NAME_SIZE, "(%s)", ctl_value_text(row, "source"));
        return buffer;
}

/* "/srv group 3", "/srv inode 133", "/srv". */
static const char *name_of_location(const json_t *row, char buffer[static NAME_SIZE]) {
        static const char *const places[] = { "mount", "device", "uuid" }, *const parts[] = { "group", "inode" };
        const char *place = "";

        for (size_t i = 0; !*place && i < ELEMENTSOF(places); i++)
                place = ctl_value_text(row, places[i]);
        buffer[0] = 0;
        (void) text_append_format(buffer, NAME_SIZE, "%s", *place ? place : "unmounted file system");
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                if (json_object_get(row, parts[i]))
                        (void) text_append_format(buffer, NAME_SIZE, " %s %" PRIu64, parts[i],
                                                  ctl_value_number(row, parts[i]));
        return buffer;
}

typedef struct Ranking {
        const char *word, *heading, *type;      /* of the rows that are counted */
        const char *(*name)(const json_t *row, char buffer[static NAME_SIZE]);
} Ranking;

static const Ranking rankings[] = {
        { "location",  "LOCATION",  "event",    name_of_location },
        { "structure", "STRUCTURE", "event",    name_of_structure },
        { "rule",      "RULE",      "decision", name_of_rule },
};

static int count_row(json_t *counts, const char *name, uint64_t time_usec) {
        json_t *entry = json_object_get(counts, name);

        if (!entry) {
                entry = json_pack("{s:s, s:i, s:i}", "name", name, "count", 0, "last_usec", 0);
                if (!entry || json_object_set_new(counts, name, entry) < 0)
                        return -ENOMEM;
        }
        (void) json_integer_set(json_object_get(entry, "count"), (json_int_t) ctl_value_number(entry, "count") + 1);
        (void) json_integer_set(json_object_get(entry, "last_usec"),
                                (json_int_t) max_of(ctl_value_number(entry, "last_usec"), time_usec));
        return 0;
}

static int count_rows(const Ranking *ranking, const json_t *rows, json_t *counts) {
        char buffer[NAME_SIZE];
        json_t *row;
        size_t i;

        json_array_foreach(rows, i, row) {
                const char *name = ranking->name(row, buffer);

                if (*name && text_equal(ctl_value_text(row, "type"), ranking->type) &&
                    count_row(counts, name, ctl_value_number(row, "time_usec")) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int compare(const void *a, const void *b) {
        json_t *x = *(json_t *const *) a, *y = *(json_t *const *) b;
        uint64_t n_x = ctl_value_number(x, "count"), n_y = ctl_value_number(y, "count");

        return n_x != n_y ? (n_x < n_y ? 1 : -1) : strcmp(ctl_value_text(x, "name"), ctl_value_text(y, "name"));
}

/* New: a list, the most frequent first. */
static json_t *sorted(json_t *counts) {
        size_t n = json_object_size(counts), i = 0;
        _cleanup_(free_at) json_t **entries = calloc(n + 1, sizeof(*entries));
        json_t *list = json_array(), *entry;
        const char *name;

        if (!entries || !list)
                return list;
        json_object_foreach(counts, name, entry)
                entries[i++] = entry;
        qsort(entries, n, sizeof(*entries), compare);
        for (i = 0; i < n; i++)
                (void) json_array_append(list, entries[i]);
        return list;
}

static int print_table(const Ranking *ranking, const json_t *list, bool with_legend) {
        _cleanup_(ctl_table_clear) CtlTable table = { .n_columns = 3, .right = 1 };
        const json_t *entry;
        size_t i;
        int r;

        r = ctl_table_add(&table, (const char *const []) { "COUNT", "LAST", ranking->heading });
        json_array_foreach(list, i, entry) {
                char count[32], time[CTL_TIME_TEXT_SIZE];

                (void) snprintf(count, sizeof(count), "%" PRIu64, ctl_value_number(entry, "count"));
                (void) ctl_time_text(ctl_value_number(entry, "last_usec"), time);
                if (r >= 0)
                        r = ctl_table_add(&table, (const char *const []) {
                                count, time, ctl_value_text(entry, "name"),
                        });
        }
        if (r >= 0)
                ctl_table_print(&table, with_legend, stdout);
        return r;
}

static int print_json(const Ranking *ranking, json_t *list) {
        _cleanup_(json_decref_at) json_t *all = json_pack("{s:i, s:s, s:O}", "schema", CTL_JSON_SCHEMA, "top",
                                                          ranking->word, "entries", list);

        return all ? ctl_json_print(all, false, stdout) : -ENOMEM;
}

CtlExit ctl_top(const CtlRequest *request, const CtlHistoryQuestion *question) {
        static const char *const keys[] = {
                "type", "serial", "time_usec", "mount", "device", "uuid", "group", "inode", "structure", "rule",
                "source", NULL,
        };
        _cleanup_(json_decref_at) json_t *rows = NULL, *counts = json_object(), *list = NULL;
        const Ranking *ranking = NULL;
        CtlExit exit_code;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(rankings); i++)
                if (text_equal(rankings[i].word, request->top))
                        ranking = rankings + i;
        if (!ranking) {
                ctl_complain(NULL, "--top needs location, structure or rule, not \"%s\"", request->top);
                return CTL_EXIT_USAGE;
        }
        exit_code = ctl_history_all(request, question, keys, &rows);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        r = counts ? count_rows(ranking, rows, counts) : -ENOMEM;
        if (r >= 0) {
                list = sorted(counts);
                r = !list ? -ENOMEM
                    : request->options & CTL_OPTION_JSON
                            ? print_json(ranking, list)
                            : print_table(ranking, list, !(request->options & CTL_OPTION_NO_LEGEND));
        }
        if (r >= 0 || r == -EPIPE)
                return CTL_EXIT_OK;
        ctl_complain(NULL, "cannot count the history: %s", strerror(-r));
        return CTL_EXIT_FAILED;
}
