/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Texts of the bus may be escaped already (log lines of the daemon); these are printed as they are, so
 * that nobody sees a backslash escaped twice.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-output.h"

/* What is left of a column says something still. */
#define COLUMN_MIN 8

/* Nothing in it that steers a terminal: the only thing text_escape() would touch is the backslash. */
static bool is_harmless(const char *text, size_t length) {
        _cleanup_(free_at) char *escaped = NULL, *plain = strndup(text, length);

        if (!plain)
                return false;
        for (char *c = plain; *c; c++)
                if (*c == '\\')
                        *c = '/';
        escaped = text_escape(plain, strlen(plain));
        return escaped && text_equal(plain, escaped);
}

/* New; "?" is better than nothing if memory is exhausted. */
static char *safe_text(const char *text, size_t length) {
        char *safe = is_harmless(text, length) ? strndup(text, length) : text_escape(text, length);

        return safe;
}

static void print_safe_part(FILE *stream, const char *text, size_t length) {
        _cleanup_(free_at) char *safe = safe_text(text, length);

        fputs(safe ? safe : "?", stream);
}

void ctl_print_safe(FILE *stream, const char *text) {
        print_safe_part(stream, text, strlen(text));
}

void ctl_print_safe_lines(FILE *stream, const char *text) {
        for (;;) {
                size_t length = strcspn(text, "\n");

                print_safe_part(stream, text, length);
                text += length;
                if (*text == '\0' || text[1] == '\0')
                        return;
                fputc('\n', stream);
                text++;
        }
}

size_t ctl_text_width(const char *text) {
        size_t width = 0;

        for (; *text; text++)
                width += ((unsigned char) *text & 0xc0) != 0x80;
        return width;
}

char *ctl_time_text(uint64_t realtime_usec, char buffer[static CTL_TIME_TEXT_SIZE]) {
        time_t seconds = (time_t) (realtime_usec / USEC_PER_SEC);
        struct tm local;

        if (realtime_usec == 0 || !localtime_r(&seconds, &local) ||
            strftime(buffer, CTL_TIME_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &local) == 0)
                (void) text_copy(buffer, CTL_TIME_TEXT_SIZE, "-");
        return buffer;
}

void ctl_table_clear(CtlTable *table) {
        for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
                free(table->cells[i]);
        free(table->cells);
        free(table->colors);
        *table = (CtlTable) {};
}

int ctl_table_add(CtlTable *table, const char *const *cells) {
        size_t n = table->n_rows * table->n_columns;
        unsigned char *colors;
        char **grown;

        colors = realloc(table->colors, n + table->n_columns);
        if (!colors)
                return -ENOMEM;
        table->colors = colors;
        memset(colors + n, table->n_rows == 0 ? CTL_COLOR_HEADING : CTL_COLOR_NONE, table->n_columns);

        grown = reallocarray(table->cells, n + table->n_columns, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        table->cells = grown;

        for (size_t i = 0; i < table->n_columns; i++) {
                const char *cell = cells[i] && *cells[i] ? cells[i] : "-";

                grown[n + i] = safe_text(cell, strlen(cell));
                if (!grown[n + i]) {
                        while (i-- > 0)
                                free(grown[n + i]);
                        return -ENOMEM;
                }
        }
        for (size_t i = 0; i < table->n_columns; i++)
                table->widths[i] = max_of(table->widths[i], ctl_text_width(grown[n + i]));
        table->n_rows++;
        return 0;
}

void ctl_table_color(CtlTable *table, size_t column, CtlColor color) {
        table->colors[(table->n_rows - 1) * table->n_columns + column] = (unsigned char) color;
}

/* Bytes of @text that take no more than @width places. */
static size_t cut(const char *text, size_t width) {
        size_t n = 0;

        for (const char *c = text; *c; c++)
                if (((unsigned char) *c & 0xc0) != 0x80 && n++ == width)
                        return (size_t) (c - text);
        return strlen(text);
}

static void print_cell(const CtlTable *table, const size_t *widths, size_t row, size_t column, FILE *stream) {
        size_t at = row * table->n_columns + column, width = ctl_text_width(table->cells[at]), padding;
        bool is_right = table->right & 1u << column, is_last = column + 1 == table->n_columns;
        const char *cell = table->cells[at], *ellipsis = "", *color = "", *end = "";
        size_t n_bytes = strlen(cell);

        if (width > widths[column]) {
                ellipsis = ctl_screen_ellipsis();
                n_bytes = cut(cell, widths[column] - ctl_text_width(ellipsis));
                width = widths[column];
        }
        padding = widths[column] - width;
        if (table->colors[at] != CTL_COLOR_NONE) {
                color = ctl_screen_color(table->colors[at], stream);
                end = ctl_screen_color(CTL_COLOR_NONE, stream);
        }
        fprintf(stream, "%*s%s%.*s%s%s%*s", is_right ? (int) padding : 0, "", color, (int) n_bytes, cell, ellipsis, end,
                is_right || is_last ? 0 : (int) padding, "");
        fputs(is_last ? "\n" : "  ", stream);
}

/* A place at a time from the widest, so that short columns stay as they are. */
static void fit(const CtlTable *table, size_t *widths, size_t room) {
        size_t sum = 2 * (table->n_columns - 1);

        for (size_t i = 0; i < table->n_columns; i++)
                sum += widths[i];
        for (; sum > room; sum--) {
                size_t widest = SIZE_MAX;

                for (size_t i = 0; i < table->n_columns; i++)
                        if (!(table->right & 1u << i) && widths[i] > COLUMN_MIN &&
                            (widest == SIZE_MAX || widths[i] > widths[widest]))
                                widest = i;
                if (widest == SIZE_MAX)
                        return; /* narrower is of no use to anybody */
                widths[widest]--;
        }
}

void ctl_table_print(const CtlTable *table, bool with_heading, FILE *stream) {
        size_t widths[CTL_TABLE_COLUMNS_MAX], room = ctl_screen_width(stream);

        memcpy(widths, table->widths, sizeof(widths));
        if (room > 0)
                fit(table, widths, room);
        for (size_t row = with_heading ? 0 : 1; row < table->n_rows; row++)
                for (size_t column = 0; column < table->n_columns; column++)
                        print_cell(table, widths, row, column, stream);
}

json_t *ctl_json_text(const char *bytes) {
        _cleanup_(free_at) char *escaped = NULL;
        json_t *text = json_string(bytes);

        if (text)
                return text;
        escaped = text_escape(bytes, strlen(bytes));
        return escaped ? json_string(escaped) : NULL;
}

int ctl_json_print(const json_t *value, bool on_one_line, FILE *stream) {
        size_t flags = JSON_PRESERVE_ORDER | (on_one_line ? JSON_COMPACT : JSON_INDENT(2));

        errno = 0;
        if (json_dumpf(value, stream, flags) < 0 || fputc('\n', stream) == EOF || fflush(stream) == EOF)
                return errno > 0 ? -errno : -ENOMEM;
        return 0;
}

CtlExit ctl_output_finish(CtlExit exit_code) {
        if (fflush(stdout) == 0 && !ferror(stdout))
                return exit_code;
        if (errno == EPIPE)
                return exit_code;

        fprintf(stderr, "healerctl: cannot write to standard output: %s\n", strerror(errno));
        return CTL_EXIT_FAILED;
}
