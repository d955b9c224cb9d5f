/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to the history, which healerd asks its recorder.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "src/ctl/ctl-exit.h"
#include "src/ctl/ctl-options.h"

typedef struct CtlHistoryQuestion {
        uint64_t since_usec;
        uint64_t until_usec;            /* 0: now */
        uint32_t limit;                 /* the newest so many, CTL_LIMIT_MAX at most; 0: as many as healerd thinks
                                         * fit */
        const char *filesystem;         /* NULL: all */
        uint64_t event_id;              /* what belongs to it; 0: to any */
        uint64_t before_serial;         /* only what stands before; 0: all */
        bool wants_facts;
        const char *kind, *structure, *rule, *outcome;  /* only events that have this word somewhere; NULL: any */
} CtlHistoryQuestion;

/* Fills in what the options of the command line say; says what is wrong with them. */
CtlExit ctl_history_question(const CtlRequest *request, CtlHistoryQuestion *ret_question);

/**
 * ctl_history_ask() - rows of the history, oldest first
 * @ret_rows: a list; each row is for ctl_line_of_history()
 *
 * Asks for a password unless @request says not to. Says what is wrong on standard error.
 */
CtlExit ctl_history_ask(const CtlRequest *request, const CtlHistoryQuestion *question, json_t **ret_rows);

/**
 * ctl_history_all() - the same, as often as it takes
 * @question: @limit 0: everything
 * @keys:     what is kept of each row, so that many need no more memory than they have to; ends with NULL
 */
CtlExit ctl_history_all(const CtlRequest *request, const CtlHistoryQuestion *question, const char *const *keys,
                        json_t **ret_rows);

/**
 * ctl_history_export() - events as `policy simulate` reads them, a line each, oldest first
 * @question: @limit 0: everything; facts are asked for in any case
 *
 * Asks as often as it takes. What has no facts is counted and said on standard error.
 */
CtlExit ctl_history_export(const CtlRequest *request, const CtlHistoryQuestion *question, FILE *stream);

/* The arguments of DumpEvents; a CtlAppend for the question. */
int ctl_history_append_dump(sd_bus_message *call, const void *question);
/* `history --dump`, which ctl-dump.c has. */
CtlExit ctl_history_dump(const CtlRequest *request, const CtlHistoryQuestion *question);

/* `events --top`, which ctl-top.c has. */
CtlExit ctl_top(const CtlRequest *request, const CtlHistoryQuestion *question);

/* The facts of a row of an event if they may be printed as they are, else "". Borrowed. */
const char *ctl_history_facts(const json_t *row);
