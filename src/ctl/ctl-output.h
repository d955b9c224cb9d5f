/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text for people and JSON for programs. Whatever comes from elsewhere (paths, labels, names of
 * programs) is made safe for a terminal here, at the last moment.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "src/ctl/ctl-exit.h"
#include "src/ctl/ctl-screen.h"

/* Version of everything that --json prints; counts up when a key changes its meaning. */
#define CTL_JSON_SCHEMA 1

/* Prints @text as it is if it is harmless, else as text_escape() shows it. */
void ctl_print_safe(FILE *stream, const char *text);
/* The same for each line of a text of several lines. */
void ctl_print_safe_lines(FILE *stream, const char *text);

/* How many places on a terminal valid UTF-8 takes; combining and double-width characters are not known here. */
size_t ctl_text_width(const char *text);

#define CTL_TIME_TEXT_SIZE 64
/* "2026-11-20 12:56:03" in the local time zone, "-" for 0. Returns @buffer. */
char *ctl_time_text(uint64_t realtime_usec, char buffer[static CTL_TIME_TEXT_SIZE]);

#define CTL_TABLE_COLUMNS_MAX 12

/* Rows of cells that a heading names; filled with ctl_table_add(), printed once. */
typedef struct CtlTable {
        size_t n_columns;
        size_t n_rows;
        char **cells;                   /* escaped; owned */
        size_t widths[CTL_TABLE_COLUMNS_MAX];
        unsigned right;                 /* bit for each column of numbers; never shortened */
        unsigned char *colors;          /* CtlColor of each cell; owned */
} CtlTable;

void ctl_table_clear(CtlTable *table);
/* Adds a row of n_columns cells; empty ones become "-". Copied. Returns 0 or -ENOMEM. */
int ctl_table_add(CtlTable *table, const char *const *cells);
/* How a cell of the row that was added last stands out on a terminal. */
void ctl_table_color(CtlTable *table, size_t column, CtlColor color);
/* Prints the rows, the first being the heading unless @with_heading is false. No blanks at the end of lines. On a
 * screen (ctl-screen.h) columns of text are shortened until they fit. */
void ctl_table_print(const CtlTable *table, bool with_heading, FILE *stream);

/* JSON text of bytes from elsewhere: as they are if they are valid UTF-8, else escaped; new. */
json_t *ctl_json_text(const char *bytes);
/* Prints one JSON value and a new line, and flushes. Returns 0, -EPIPE if nobody reads any more, or another negative
 * errno. */
int ctl_json_print(const json_t *value, bool on_one_line, FILE *stream);

/* Flushes standard output at the end: what could not be written is a failure, a reader that left is not. */
CtlExit ctl_output_finish(CtlExit exit_code);
