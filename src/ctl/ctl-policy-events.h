/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events that somebody wrote down, for `healerctl policy explain` and `policy simulate`.
 */
#pragma once

#include <jansson.h>

#include "policy/policy-stream.h"
#include "src/ctl/ctl-exit.h"

typedef struct CtlEvents {
        char *text;
        YamlTree *tree;
        PolicyProblems problems;
        const YamlNode *first;
} CtlEvents;

/* The items of a list, of the list `cases` in a map, or one alone; from a file, standard input ("-"), or the argument
 * itself. What is wrong is said. Returns 0 or a negative errno; ctl_events_clear() in any case. */
int ctl_events_read(const char *argument, CtlEvents *events);
/* The same of a text, which is borrowed for the life of @events. @name: for what is said of it. */
int ctl_events_parse(const char *name, const char *text, size_t length, CtlEvents *events);
/* The text itself: of a file, standard input ("-"), or the argument; what is wrong is said. @ret_text: new. Returns 0
 * or a negative errno. */
int ctl_events_text(const char *argument, size_t max_bytes, char **ret_text);
void ctl_events_clear(CtlEvents *events);

/* Calls @each for every event, and says what is wrong with one. Returns what it returned last, or a negative errno. */
int ctl_events_each(CtlEvents *events, int (*each)(const EventExample *example, void *userdata), void *userdata);

/* "sick in line 3", or the name it was given. */
const char *ctl_event_name(const EventExample *example, char buffer[static 64]);

/* A line for each decision. */
typedef struct DecisionTexts {
        size_t n_items, n_allocated;
        char **items;
} DecisionTexts;

void decision_texts_clear(DecisionTexts *texts);

/* Takes the texts of @n decisions, which are cleared; also to @list if there is one. Returns 0 or -ENOMEM. */
int decision_texts_take(DecisionTexts *texts, json_t *list, Decision *decisions, size_t n);

/* What is decided about one event. Returns 0 or a negative errno. */
int ctl_decide(PolicyStream *stream, const EventExample *example, DecisionTexts *texts, json_t *list);

/* What waited and comes due before @until (NULL: ever). Returns 0 or a negative errno. */
int ctl_decide_due(PolicyStream *stream, const EventExample *until, DecisionTexts *texts, json_t *list);

/* Says why nothing could be decided. */
CtlExit ctl_decide_failed(int error);
