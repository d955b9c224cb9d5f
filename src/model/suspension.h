/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a person wants left alone for a while: a pause (nothing is done by itself) or a silence (nothing is told). A
 * plain value; src/engine/engine-suspend.c keeps them and says when they end.
 */
#pragma once

#include "src/model/decision.h"
#include "src/model/filesystem-facts.h"

#define SUSPENSION_REASON_SIZE 257
#define SUSPENSION_ID_SIZE 48
/* How a file system is known over mounts and restarts: its UUID, or its number where it has none. */
#define FILESYSTEM_KEY_SIZE 48

typedef enum SuspensionKind {
        SUSPENSION_PAUSE,
        SUSPENSION_SILENCE,
} SuspensionKind;
DECLARE_NAMES(suspension_kind, SuspensionKind)

/* Everything that is given has to be so; "" or false: whatever it is. */
typedef struct SilenceMatch {
        char filesystem[FILESYSTEM_KEY_SIZE];
        char kind[48];                  /* of an event, or the code of a condition */
        bool has_severity;
        Severity severity_at_most;      /* no worse than this */
        char rule[RULE_ID_SIZE];
        char route[RULE_ID_SIZE];
} SilenceMatch;

typedef struct Suspension {
        SuspensionKind kind;
        char id[SUSPENSION_ID_SIZE];    /* of a silence a number; of a pause the file system, or SUSPENSION_ALL */
        uint32_t uid;                   /* who wants it */
        uint64_t since_usec;            /* clock on the wall, as the next one */
        uint64_t until_usec;            /* 0: until somebody ends it */
        char reason[SUSPENSION_REASON_SIZE];    /* one line */
        SilenceMatch match;             /* SUSPENSION_SILENCE */
        uint64_t n_matched;             /* what it kept from being told, or from being done */
} Suspension;

#define SUSPENSION_ALL "all"

/* Returns @buffer. */
const char *filesystem_key(const FilesystemFacts *facts, char buffer[static FILESYSTEM_KEY_SIZE]);

/* What is about to be told. Texts may be NULL: there is none. */
typedef struct SilenceSubject {
        const char *filesystem;         /* as filesystem_key() */
        const char *kind;
        Severity severity;
        const char *rule, *route;
} SilenceSubject;

bool silence_matches(const SilenceMatch *match, const SilenceSubject *subject);
/* "filesystem=… kind=sick"; "everything". Returns @buffer. */
#define SILENCE_TEXT_SIZE 320
char *silence_text(const SilenceMatch *match, char buffer[static SILENCE_TEXT_SIZE]);

/* "paused by uid 0: reason", "silence 5 by uid 0: reason"; cut where it does not fit. Returns @buffer. */
char *suspension_why(const Suspension *suspension, char buffer[static DENIED_SIZE]);
