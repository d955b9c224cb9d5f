/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by the files notice-queue*.c, and by nobody else.
 */
#pragma once

#include <sys/queue.h>

#include "src/notice/notice-queue.h"

typedef struct Item {
        TAILQ_ENTRY(Item) entries;
        NoticeRecord record;
        char *text;                     /* JSON object; NULL: NOTICE_REMINDER */
        bool is_early;                  /* collected before everything was adopted */
} Item;

/* A file system that a route has told of. */
typedef struct Told {
        TAILQ_ENTRY(Told) entries;
        char filesystem[NOTICE_FILESYSTEM_SIZE];
        NoticeToldRecord record;        /* kept */
        uint64_t resend_due_usec;       /* boottime; USEC_INFINITY: not */
        uint64_t look_due_usec;         /* boottime: whether all is well with it; USEC_INFINITY: not */
} Told;

typedef struct Route {
        TAILQ_ENTRY(Route) entries;
        char name[RULE_ID_SIZE];
        NoticeRouteRecord state;        /* kept */
        uint64_t group_usec, resend_usec;
        uint64_t group_due_usec;        /* boottime; USEC_INFINITY: nothing is collected */
        uint64_t try_due_usec;          /* boottime; of the message */
        uint64_t answer_due_usec;       /* boottime, of the try that is going on; USEC_INFINITY: none is */
        char failing_why[JOB_DETAIL_SIZE];      /* "": it is not */
        bool is_in_policy;
        TAILQ_HEAD(Items, Item) items;  /* by their numbers */
        size_t n_items;
        TAILQ_HEAD(, Told) told;
} Route;

typedef struct EarlyResult {
        uint64_t id;
        Outcome outcome;
        char detail[JOB_DETAIL_SIZE];
} EarlyResult;

/* More than there can be units that run. */
#define NOTICE_EARLY_MAX 64

struct NoticeQueue {
        NoticeCalls calls;
        TAILQ_HEAD(, Route) routes;
        size_t n_routes, n_items, n_told;
        uint64_t n_dropped_elsewhere;   /* of routes that are gone */
        uint64_t highest_number;        /* of an item, ever: the next one is higher, whatever the clock says */
        NoticeOrigins origins;
        bool is_loaded, is_worker_there;
        bool has_policy;                /* else nobody knows which routes there are: no policy could be loaded yet */
        EarlyResult early[NOTICE_EARLY_MAX];    /* results that came before what they are about was adopted */
        size_t n_early;
};

/* notice-queue-kept.c: every change of what is kept goes through these. Before everything was adopted only items are
 * kept: the others have keys that an earlier run may have used, and what it kept there is not to be lost. */
void notice_keep_item(NoticeQueue *queue, const Route *route, const Item *item);
void notice_keep_route(NoticeQueue *queue, const Route *route);
void notice_keep_told(NoticeQueue *queue, const Route *route, const Told *told);
void notice_keep_origins(NoticeQueue *queue);

/* notice-queue.c */
Route *notice_route_find(NoticeQueue *queue, const char *name);
/* Returns 0, -ENOBUFS or -ENOMEM. */
int notice_route_add(NoticeQueue *queue, const char *name, Route **ret_route);
/* Frees those that have nothing left and are no more in the policy. */
void notice_routes_clean(NoticeQueue *queue);
/* The number of the next item. */
uint64_t notice_item_number(NoticeQueue *queue);
/* Neither kept nor forgotten where it is kept. In the order of numbers. @text is copied. @ret_item: borrowed. */
int notice_item_insert(NoticeQueue *queue, Route *route, const NoticeRecord *record, const char *text,
                       Item **ret_item);
/* Also where it is kept. */
void notice_item_remove(NoticeQueue *queue, Route *route, Item *item);
Told *notice_told_find(Route *route, const char *filesystem);
int notice_told_insert(NoticeQueue *queue, Route *route, const char *filesystem, Told **ret_told);
void notice_told_remove(NoticeQueue *queue, Route *route, Told *told);
/* Gives @record its number, and begins to collect if nothing is collected. Returns as notice_item_insert(); what finds
 * no room is counted. */
int notice_collect(NoticeQueue *queue, Route *route, NoticeRecord *record, const char *text, const NoticeTime *now);

/* notice-queue-send.c */
static inline bool notice_item_is_sent(const Route *route, const Item *item) {
        return route->state.message_id != 0 && item->record.number <= route->state.last_number;
}
/* Something of it is open: its end is told. */
void notice_told_mark_open(NoticeQueue *queue, Route *route, Told *told);
/* Returns false if the file system is not there. */
bool notice_has_open(NoticeQueue *queue, const char *filesystem, size_t *ret_n);
void notice_route_run(NoticeQueue *queue, Route *route, const NoticeTime *now);
/* A silence is over: see notice_queue_unsilenced(). */
void notice_route_unsilenced(NoticeQueue *queue, Route *route, const char *filesystem, const NoticeTime *now);
bool notice_is_silenced(const NoticeQueue *queue, const Route *route, const char *filesystem, const char *code,
                        Severity severity, bool counts);
/* Everything was adopted. */
void notice_early_results(NoticeQueue *queue, const NoticeTime *now);
/* Its next reminder, from now on. */
void notice_told_arm(const Route *route, Told *told, const NoticeTime *now);
