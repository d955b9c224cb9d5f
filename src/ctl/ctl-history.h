/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to the history, which healerd asks its recorder.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "src/ctl/ctl-exit.h"
#include "src/ctl/ctl-options.h"

typedef struct CtlHistoryQuestion {
        uint64_t since_usec;
        uint32_t limit;                 /* the newest so many, CTL_LIMIT_MAX at most; 0: as many as healerd thinks
                                         * fit */
        const char *filesystem;         /* NULL: all */
        uint64_t event_id;              /* what belongs to it; 0: to any */
        uint64_t before_serial;         /* only what stands before; 0: all */
        bool wants_facts;
} CtlHistoryQuestion;

/**
 * ctl_history_ask() - rows of the history, oldest first
 * @ret_rows: a list; each row is for ctl_line_of_history()
 *
 * Asks for a password unless @request says not to. Says what is wrong on standard error.
 */
CtlExit ctl_history_ask(const CtlRequest *request, const CtlHistoryQuestion *question, json_t **ret_rows);

/**
 * ctl_history_export() - events as `policy simulate` reads them, a line each, oldest first
 * @question: @limit 0: everything; facts are asked for in any case
 *
 * Asks as often as it takes. What has no facts is counted and said on standard error.
 */
CtlExit ctl_history_export(const CtlRequest *request, const CtlHistoryQuestion *question);

/* The facts of a row of an event if they may be printed as they are, else "". Borrowed. */
const char *ctl_history_facts(const json_t *row);
