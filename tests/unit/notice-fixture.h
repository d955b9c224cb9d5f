/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A queue of notifications on a clock of the test's own, with a worker, a store and file systems that are played.
 * Include <cmocka.h> and what it needs first.
 */
#pragma once

#include "src/notice/notice-queue.h"

#define START_USEC (USEC_PER_DAY)
#define WALL_USEC UINT64_C(1767225600000000)
#define FS "3f000000-0000-0000-0000-000000000000"
#define OTHER "8:17"

typedef struct Kept {
        char key[NOTICE_KEY_SIZE];
        uint8_t value[NOTICE_ROW_MAX];
        size_t size_bytes;
} Kept;

typedef struct Open {
        const char *filesystem, *code, *target;
} Open;

typedef struct Setup {
        NoticeQueue *queue;
        NoticeTime now;
        uint64_t next_number;

        Kept kept[1024];
        size_t n_kept;
        bool is_store_dead;
        size_t n_earlier;               /* so many rows at its beginning are an earlier run's, and not told yet */

        Open open[8];
        size_t n_open;
        bool is_gone;                   /* FS */
        bool is_silent;                 /* a silence keeps everything from all routes */
        unsigned n_silenced;

        int send_result;
        unsigned n_sent, n_taken;
        uint64_t last_id;
        char last_route[RULE_ID_SIZE], last_unit[UNIT_NAME_SIZE], last_reason[16], last_status[16], last_summary[512];
        char *last_events, *last_conditions;
        size_t last_n_events, last_n_conditions;
        uint64_t last_count, last_omitted;
        unsigned last_attempt;
        Severity last_severity;

        unsigned n_failing, n_working;
        char failing_why[128], failing_filesystem[64];
} Setup;

/* cmocka's fixtures: a worker is there, and the store is empty. */
int notice_setup(void **state);
int notice_teardown(void **state);

/* Over the one before, which is to be freed. */
void new_queue(Setup *s);
void new_queue_without_policy(Setup *s);
/* As a healerd that is killed and started: the store tells all that it has. */
void restart(Setup *s);
/* "page", which collects, and "ticket", which does not; the first @n of them. */
void set_routes(Setup *s, size_t n);
#define N_ROUTES 2

/* The store. */
Kept *kept_find(Setup *s, const char *key);
void keep_row(void *userdata, const char *key, const void *value, size_t size_bytes);

/* Time goes on, and what is due happens when it is due. */
void pass_time(Setup *s, uint64_t usec);
/* It is told in the next round of the loop. */
int tell_event(Setup *s, const NoticeEvent *event);
int tell(Setup *s, const char *route, const char *filesystem, const char *text);
void change_condition(Setup *s, const char *filesystem, const char *code, bool is_raised);
/* The worker says what became of the last message. */
void end_message(Setup *s, Outcome outcome);
