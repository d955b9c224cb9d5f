/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong with policy files, as values: file, line and column, collected in one pass so that
 * people see all of it at once. Nothing here prints by itself; the daemon and `healerctl policy
 * check` show the same list.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"

typedef enum ProblemSeverity {
        PROBLEM_ERROR,          /* the policy is not loaded */
        PROBLEM_WARNING,        /* it is loaded, but hardly does what was meant */
} ProblemSeverity;

/* A place in a file. Lines and columns count from 1, columns in characters; line 0 means the file as a whole. */
typedef struct SourcePosition {
        unsigned file;          /* index out of policy_problems_add_file() */
        unsigned line;
        unsigned column;
} SourcePosition;

typedef struct PolicyProblem {
        ProblemSeverity severity;
        SourcePosition position;
        char *text;             /* "what: what to write instead" */
} PolicyProblem;

/* One file that was read; the text is kept for showing the line with a caret. */
typedef struct PolicyFile {
        char *name;
        char *text;             /* NULL if it could not be read */
        size_t length;
} PolicyFile;

/* More than this many are counted, not kept. */
#define POLICY_PROBLEMS_MAX 1000

/* Starts as `PolicyProblems problems = {};` */
typedef struct PolicyProblems {
        PolicyFile *files;
        size_t n_files;
        PolicyProblem *items;
        size_t n_items;
        size_t n_errors;        /* all of them, also those that were not kept */
        size_t n_warnings;
        size_t n_omitted;
        bool out_of_memory;     /* something could not be added: the list is not whole, load fails with -ENOMEM */
} PolicyProblems;

void policy_problems_clear(PolicyProblems *problems);

/**
 * policy_problems_add_file() - register a file so that positions can name it
 * @name:     as people shall see it; copied
 * @text:     copied; NULL if there is none to show
 * @ret_file: its index for SourcePosition.file
 *
 * Returns: 0 or -ENOMEM.
 */
int policy_problems_add_file(PolicyProblems *problems, const char *name, const char *text, size_t length,
                             unsigned *ret_file);
/* Returns the name given for it; "" for an index that was never given out. Borrowed. */
const char *policy_problems_file_name(const PolicyProblems *problems, unsigned file);

/* Adds one. Control characters in the text are made visible, what is too long is cut. */
void policy_problems_add(PolicyProblems *problems, ProblemSeverity severity, SourcePosition position,
                         const char *format, ...) _printf_(4, 5);
#define policy_error(problems, position, ...) policy_problems_add(problems, PROBLEM_ERROR, position, __VA_ARGS__)
#define policy_warning(problems, position, ...) policy_problems_add(problems, PROBLEM_WARNING, position, __VA_ARGS__)

/* By file, line, column; equal places keep the order they were found in. */
void policy_problems_sort(PolicyProblems *problems);

/**
 * policy_problem_text() - "FILE:LINE:COLUMN: error: TEXT"
 *
 * A problem of the whole file has no line and column. Returns: new text, free(); NULL if out of memory.
 */
char *policy_problem_text(const PolicyProblems *problems, const PolicyProblem *problem);

/* Writes one problem, the line it is in and a caret below the place. */
void policy_problem_print(const PolicyProblems *problems, const PolicyProblem *problem, FILE *stream);
/* Writes all of them and a last line with the counts ("2 errors, 1 warning"); nothing if there is none. */
void policy_problems_print(const PolicyProblems *problems, FILE *stream);
