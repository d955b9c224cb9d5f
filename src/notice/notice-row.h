/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of the notifications outlives healerd, as rows of at most 4 KiB under keys of their own: what waits to be told,
 * how far each route is, and of which file systems it has told. Plain structs of this machine and this version; a row
 * of another version is none.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "src/basic/unit-name.h"
#include "src/message/message.h"
#include "src/model/decision.h"
#include "src/model/suspension.h"

#define NOTICE_KEY_PREFIX "notice/"
#define NOTICE_KEY_SIZE 192
#define NOTICE_ROW_MAX 4096

/* As filesystem_key(). */
#define NOTICE_FILESYSTEM_SIZE FILESYSTEM_KEY_SIZE
#define NOTICE_CODE_SIZE 32
#define NOTICE_TARGET_SIZE 128
#define NOTICE_LINE_SIZE 128

typedef enum NoticeKind {
        NOTICE_EVENT,                   /* a rule said so */
        NOTICE_RAISED,                  /* a condition of a file system that the route has told of */
        NOTICE_CLEARED,
        NOTICE_REMINDER,                /* what was told is still so; has no text of its own */
        NOTICE_ENDED,                   /* nothing is open any more, as an unmount ends it */
} NoticeKind;
#define N_NOTICE_KINDS (NOTICE_ENDED + 1)

/* One thing to be told over one route. */
typedef struct NoticeRecord {
        uint64_t number;                /* goes up, over restarts as well */
        uint64_t count;                 /* NOTICE_EVENT: reports in it */
        uint32_t kind;                  /* NoticeKind */
        uint32_t severity;              /* Severity */
        char filesystem[NOTICE_FILESYSTEM_SIZE];
        char code[NOTICE_CODE_SIZE];    /* of a condition */
        char target[NOTICE_TARGET_SIZE];
        char line[NOTICE_LINE_SIZE];    /* the same in one line for people */
} NoticeRecord;

/* What is said of a route. Times on the clock on the wall, because nothing else survives a reboot. */
typedef struct NoticeRouteRecord {
        uint64_t message_id;            /* that is being told; 0: none */
        uint64_t last_number;           /* of its last item; what comes after is the next one's */
        uint64_t n_attempts;
        uint64_t n_message_omitted;     /* what found no room */
        uint64_t group_since_usec;      /* the first of what is being collected; 0: nothing is */
        uint64_t n_group_omitted;
        uint64_t n_dropped;             /* all that found no room, ever */
        char unit[UNIT_NAME_SIZE];      /* for what is left when the policy has no such route any more */
} NoticeRouteRecord;

/* Of a file system that a route has told of. */
typedef struct NoticeToldRecord {
        uint64_t sent_usec;             /* on the clock on the wall; 0: not yet */
        uint64_t had_open;              /* 1: since then something about it was open, whose end is to be told */
} NoticeToldRecord;

/* Decisions that were carried out, so that an event which comes again after a restart is not told twice. */
#define NOTICE_ORIGINS_MAX 256
typedef struct NoticeOrigins {
        uint64_t next;                  /* place; the oldest is written over */
        uint64_t items[NOTICE_ORIGINS_MAX];
} NoticeOrigins;

typedef enum NoticeRowKind {
        NOTICE_ROW_ITEM,
        NOTICE_ROW_ROUTE,
        NOTICE_ROW_TOLD,
        NOTICE_ROW_ORIGINS,
} NoticeRowKind;

typedef struct NoticeRow {
        NoticeRowKind kind;
        char route[RULE_ID_SIZE];       /* "" for NOTICE_ROW_ORIGINS */
        char filesystem[NOTICE_FILESYSTEM_SIZE];        /* NOTICE_ROW_TOLD */
        NoticeRecord item;
        NoticeRouteRecord state;
        NoticeToldRecord told;
        NoticeOrigins origins;
        const char *text;               /* NOTICE_ROW_ITEM: JSON object; borrowed from the value, terminated */
} NoticeRow;

/* Keys. Each returns @buffer. */
char *notice_key_item(const char *route, uint64_t number, char buffer[static NOTICE_KEY_SIZE]);
char *notice_key_route(const char *route, char buffer[static NOTICE_KEY_SIZE]);
char *notice_key_told(const char *route, const char *filesystem, char buffer[static NOTICE_KEY_SIZE]);
#define NOTICE_KEY_ORIGINS NOTICE_KEY_PREFIX "origins"

/* Values. Each returns the size of what it wrote. */
size_t notice_row_of_item(const NoticeRecord *record, const char *text, uint8_t buffer[static NOTICE_ROW_MAX]);
size_t notice_row_of_route(const NoticeRouteRecord *record, uint8_t buffer[static NOTICE_ROW_MAX]);
size_t notice_row_of_told(const NoticeToldRecord *record, uint8_t buffer[static NOTICE_ROW_MAX]);
size_t notice_row_of_origins(const NoticeOrigins *origins, uint8_t buffer[static NOTICE_ROW_MAX]);

/**
 * notice_row_read() - what was kept under a key
 * @value: borrowed as long as @ret_row is used
 *
 * Returns: 0; -ENOENT for a key that is none of ours; -EPROTONOSUPPORT for a row of another version; -EBADMSG if it
 * makes no sense. Fuzzed.
 */
int notice_row_read(const char *key, const void *value, size_t size_bytes, NoticeRow *ret_row);
