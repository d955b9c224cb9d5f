/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One signal of healerd -> one JSON object -> one line of text in upstream's grammar. Pure but for the
 * time zone.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

/**
 * ctl_line_read() - take a signal of Manager1 apart
 * @ret_line: new; {"schema", "time_usec", "type", the arguments by name, "details": the trailing a{sv}}
 *
 * A signal that this version does not know gets the type "other" and its arguments as a list.
 * Returns: 0 or a negative errno.
 */
int ctl_line_read(sd_bus_message *signal, uint64_t now_realtime_usec, json_t **ret_line);

/* The line of type "daemon" that says whether healerd is there; new, NULL if out of memory. */
json_t *ctl_line_of_daemon(bool is_running, uint64_t now_realtime_usec);

/* The line of one entry of the history: the same keys as the signal's line. Takes @taken; new, NULL if out of
 * memory. */
json_t *ctl_line_of_history(json_t *taken);

/* "2026-11-20 12:56:03 #17 /srv agno 0x0 finobt: sick" and a new line. */
void ctl_line_print(const json_t *line, FILE *stream);

/* The sentence for the word of an outcome; the word itself if this version does not know it. Borrowed. */
const char *ctl_outcome_sentence(const char *action, const char *word);
/* Does the detail of a result say more than its sentence? */
bool ctl_detail_adds(const char *word, const char *detail);
