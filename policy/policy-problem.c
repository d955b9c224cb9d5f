/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Collects what is wrong with policy files and shows it the way compilers do.
 */
#include "policy/policy-problem.h"

#include <stdarg.h>
#include <string.h>

#include "src/basic/text.h"

/* A message quotes at most a few words of a file; what is longer says nothing more. */
#define PROBLEM_TEXT_SIZE 600
/* A longer line is not shown: nobody would find the caret. */
#define PROBLEM_LINE_MAX 400

static const char *const problem_severity_words[] = {
        [PROBLEM_ERROR] = "error",
        [PROBLEM_WARNING] = "warning",
};

void policy_problems_clear(PolicyProblems *problems) {
        for (size_t i = 0; i < problems->n_files; i++) {
                free(problems->files[i].name);
                free(problems->files[i].text);
        }
        for (size_t i = 0; i < problems->n_items; i++)
                free(problems->items[i].text);
        free(problems->files);
        free(problems->items);
        *problems = (PolicyProblems) {};
}

int policy_problems_add_file(PolicyProblems *problems, const char *name, const char *text, size_t length,
                             unsigned *ret_file) {
        _cleanup_(free_at) char *name_copy = NULL, *text_copy = NULL;
        PolicyFile *files;

        name_copy = strdup(name);
        if (!name_copy)
                return -ENOMEM;

        if (text) {
                text_copy = malloc(length + 1);
                if (!text_copy)
                        return -ENOMEM;
                memcpy(text_copy, text, length);
                text_copy[length] = '\0';
        }

        files = reallocarray(problems->files, problems->n_files + 1, sizeof(*files));
        if (!files)
                return -ENOMEM;
        problems->files = files;
        files[problems->n_files] = (PolicyFile) {
                .name = steal_ptr(name_copy),
                .text = steal_ptr(text_copy),
                .length = length,
        };

        *ret_file = (unsigned) problems->n_files++;
        return 0;
}

const char *policy_problems_file_name(const PolicyProblems *problems, unsigned file) {
        return file < problems->n_files ? problems->files[file].name : "";
}

static char *format_escaped(const char *format, va_list arguments) _printf_(1, 0);

static char *format_escaped(const char *format, va_list arguments) {
        char text[PROBLEM_TEXT_SIZE];
        int length;

        length = vsnprintf(text, sizeof(text), format, arguments);
        if (length < 0)
                return NULL;

        return text_escape(text, strlen(text));
}

void policy_problems_add(PolicyProblems *problems, ProblemSeverity severity, SourcePosition position,
                         const char *format, ...) {
        _cleanup_(free_at) char *text = NULL;
        PolicyProblem *items;
        va_list arguments;

        if (severity == PROBLEM_ERROR)
                problems->n_errors++;
        else
                problems->n_warnings++;
        if (problems->n_items >= POLICY_PROBLEMS_MAX) {
                problems->n_omitted++;
                return;
        }

        va_start(arguments, format);
        text = format_escaped(format, arguments);
        va_end(arguments);
        items = reallocarray(problems->items, problems->n_items + 1, sizeof(*items));
        if (items)
                problems->items = items;
        if (!text || !items) {
                problems->out_of_memory = true;
                return;
        }

        items[problems->n_items++] = (PolicyProblem) {
                .severity = severity,
                .position = position,
                .text = steal_ptr(text),
        };
}

static int compare_unsigned(unsigned a, unsigned b) {
        return a < b ? -1 : a > b;
}

static int position_compare(const SourcePosition *a, const SourcePosition *b) {
        if (a->file != b->file)
                return compare_unsigned(a->file, b->file);
        if (a->line != b->line)
                return compare_unsigned(a->line, b->line);
        return compare_unsigned(a->column, b->column);
}

/* Insertion sort: it is stable, and problems are found nearly in order. */
void policy_problems_sort(PolicyProblems *problems) {
        for (size_t i = 1; i < problems->n_items; i++) {
                PolicyProblem item = problems->items[i];
                size_t place = i;

                while (place > 0 && position_compare(&problems->items[place - 1].position, &item.position) > 0) {
                        problems->items[place] = problems->items[place - 1];
                        place--;
                }
                problems->items[place] = item;
        }
}

char *policy_problem_text(const PolicyProblems *problems, const PolicyProblem *problem) {
        const char *name = policy_problems_file_name(problems, problem->position.file);
        const char *word = problem_severity_words[problem->severity];
        char *text = NULL;
        int r;

        if (problem->position.line == 0)
                r = asprintf(&text, "%s: %s: %s", name, word, problem->text);
        else
                r = asprintf(&text, "%s:%u:%u: %s: %s", name, problem->position.line, problem->position.column,
                             word, problem->text);
        return r < 0 ? NULL : text;
}

/* Returns the beginning of a line, counted from 1, and its length without the end; NULL if there is none. */
static const char *file_line(const PolicyFile *file, unsigned line, size_t *ret_length) {
        const char *start = file->text, *end = file->text + file->length;
        const char *newline;

        for (unsigned i = 1; i < line; i++) {
                newline = memchr(start, '\n', (size_t) (end - start));
                if (!newline)
                        return NULL;
                start = newline + 1;
        }

        newline = memchr(start, '\n', (size_t) (end - start));
        *ret_length = (size_t) ((newline ?: end) - start);
        return start;
}

/* Shows the line with control characters as spaces, so that the caret stands below the right character. */
static void print_line(const PolicyFile *file, SourcePosition position, FILE *stream) {
        size_t length;
        const char *line = file_line(file, position.line, &length);

        if (!line || length > PROBLEM_LINE_MAX)
                return;

        fputs("  ", stream);
        for (size_t i = 0; i < length; i++)
                fputc((unsigned char) line[i] < ' ' || line[i] == 0x7f ? ' ' : line[i], stream);
        fprintf(stream, "\n  %*s^\n", (int) min_of(position.column - 1, (unsigned) PROBLEM_LINE_MAX), "");
}

void policy_problem_print(const PolicyProblems *problems, const PolicyProblem *problem, FILE *stream) {
        _cleanup_(free_at) char *text = policy_problem_text(problems, problem);
        const SourcePosition position = problem->position;

        fprintf(stream, "%s\n", text ?: problem->text);
        if (position.line > 0 && position.column > 0 && position.file < problems->n_files &&
            problems->files[position.file].text)
                print_line(&problems->files[position.file], position, stream);
}

void policy_problems_print(const PolicyProblems *problems, FILE *stream) {
        if (problems->n_errors + problems->n_warnings == 0)
                return;

        for (size_t i = 0; i < problems->n_items; i++)
                policy_problem_print(problems, &problems->items[i], stream);

        fprintf(stream, "%zu error%s, %zu warning%s", problems->n_errors, problems->n_errors == 1 ? "" : "s",
                problems->n_warnings, problems->n_warnings == 1 ? "" : "s");
        if (problems->n_omitted > 0)
                fprintf(stream, " (%zu not shown)", problems->n_omitted);
        fputc('\n', stream);
}
