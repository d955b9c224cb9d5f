/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notifications on their way to routes: collected into messages, sent one at a time for each route, tried again, told
 * again while what they are about goes on, and told once more when it is over. Pure: time comes in, sending and keeping
 * go out through NoticeCalls, so that a test plays hours in no time.
 *
 * A route has at most one message that is being sent and one that is being collected. As long as the first does not
 * come through, all that happens is collected in the second: nobody who was away finds a thousand messages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/basic/cleanup.h"
#include "src/model/job-report.h"
#include "src/notice/notice-row.h"

/* Of one route, and of all of them, collected and being sent; more is dropped, counted, and said in the message. */
#define NOTICE_ROUTE_ITEMS_MAX 128
#define NOTICE_ITEMS_MAX 512
/* Routes that are known, with those that only have something left. */
#define NOTICE_ROUTES_MAX 64
/* File systems that a route has told of and that are not all well yet. The oldest is forgotten, and counted. */
#define NOTICE_TOLD_MAX 256

/* A file system that is there again is given this long to say what is open. */
#define NOTICE_LOOK_USEC USEC_PER_MINUTE

/* A unit that tells has this long. */
#define NOTICE_TIMEOUT_USEC (2 * USEC_PER_MINUTE)
/* After that, and this, the silence is the worker's. */
#define NOTICE_ANSWER_GRACE_USEC (45 * USEC_PER_SEC)
/* Between two tries, doubling, up to a fifth longer. */
#define NOTICE_PAUSE_MIN_USEC (10 * USEC_PER_SEC)
#define NOTICE_PAUSE_MAX_USEC USEC_PER_HOUR

/* What is longer ends in "...". */
#define NOTICE_SUBJECT_SIZE 96

typedef struct NoticeQueue NoticeQueue;

/* One moment on two clocks: what is waited for, and what people read. */
typedef struct NoticeTime {
        uint64_t boottime_usec, realtime_usec;
} NoticeTime;

typedef struct NoticeRoute {
        const char *name, *unit;
        uint64_t group_usec;
        uint64_t resend_usec;           /* 0: never */
} NoticeRoute;

/* A condition that is open. @text: JSON object; borrowed. */
typedef void (*NoticeOpen)(void *userdata, const char *code, const char *target, Severity severity, const char *text);

typedef struct NoticeMessage {
        uint64_t id;                    /* becomes the instance; the same at every try */
        const char *route, *unit;
        const char *reason, *status;    /* words of healer-route(7) */
        const char *summary;            /* one line */
        Severity severity;              /* the worst in it */
        uint64_t count;                 /* events */
        unsigned attempt;               /* from 1 on */
        const MessageList *events, *conditions;
} NoticeMessage;

typedef struct NoticeCalls {
        /* Hands a message over; its end comes to notice_queue_on_result(). Returns 0; -ENOTCONN: nobody is there to
         * take it, notice_queue_on_worker() says when somebody is; any other error is one of the route. */
        int (*send)(void *userdata, const NoticeMessage *message);
        /* Its result was taken in: it may be forgotten. Also before a further try. */
        void (*taken)(void *userdata, uint64_t id);
        /* Goes up, over restarts as well. */
        uint64_t (*new_number)(void *userdata);
        /* Calls @open for each condition that is open and that nobody has acknowledged. False: no such file system is
         * there. */
        bool (*each_open)(void *userdata, const char *filesystem, NoticeOpen open, void *open_userdata);
        /* Does a silence keep @route from being told this of @filesystem? @code "": that nothing is open any more.
         * @counts: it is not told because of that, now. NULL: nothing ever is silenced. */
        bool (*is_silenced)(void *userdata, const char *route, const char *filesystem, const char *code,
                            Severity severity, bool counts);
        /* What people call it: a mount point, if it is there. Returns @buffer. */
        char *(*subject)(void *userdata, const char *filesystem, char buffer[static NOTICE_SUBJECT_SIZE]);
        /* The object that says that nothing of it is open any more. Returns 0 or a negative errno. */
        int (*ended)(void *userdata, const char *filesystem, char **ret_text);
        /* @why NULL: it works again. */
        void (*on_failing)(void *userdata, const char *route, const char *filesystem, const char *why);
        void (*keep)(void *userdata, const char *key, const void *value, size_t size_bytes);
        void (*forget)(void *userdata, const char *key);
        void *userdata;
} NoticeCalls;

int notice_queue_new(const NoticeCalls *calls, NoticeQueue **ret_queue);
/* What waits stays where it is kept. */
NoticeQueue *notice_queue_free(NoticeQueue *queue);
DEFINE_CLEANUP(NoticeQueue, notice_queue_free)

/* What was kept by an earlier queue, as it was given to NoticeCalls.keep: before notice_queue_loaded(). Returns as
 * notice_row_read(); what makes no sense is forgotten. */
int notice_queue_adopt(NoticeQueue *queue, const char *key, const void *value, size_t size_bytes);
/* All that there is was adopted: from now on messages are sent. Again if more came later. */
void notice_queue_loaded(NoticeQueue *queue, const NoticeTime *now);

/* The routes of the policy in force. One that is gone sends what it has by the unit that it had. Returns 0 or
 * -ENOMEM. */
int notice_queue_set_routes(NoticeQueue *queue, const NoticeRoute *routes, size_t n, const NoticeTime *now);

typedef struct NoticeEvent {
        const char *route;
        const char *filesystem;         /* "": it is gone */
        Severity severity;
        uint64_t count;
        const char *line;
        const char *text;               /* JSON object */
        uint64_t origin;                /* the same for the same decision about the same event, over restarts */
        bool is_repeated;               /* it may have been told before a restart: then it is not told again */
        uint64_t n_more;                /* that came with it and are only counted */
        bool is_test;                   /* nothing is open because of it, and nothing follows */
} NoticeEvent;

/* Everything is copied, and told from notice_queue_run() on. Returns 1; 0 if it was told already; -ENOENT for a route
 * that there is not; -ENOBUFS if there is no room (counted); -ENOMEM. */
int notice_queue_event(NoticeQueue *queue, const NoticeEvent *event, const NoticeTime *now);

typedef struct NoticeCondition {
        const char *filesystem, *code, *target;
        Severity severity;
        bool is_raised;                 /* else cleared */
        const char *line;
        const char *text;               /* JSON object */
} NoticeCondition;

/* Goes to every route that has told of the file system, as an event does. */
void notice_queue_condition(NoticeQueue *queue, const NoticeCondition *condition, const NoticeTime *now);

/* A silence that kept the route @name from being told of @filesystem is over: told what is open, or that nothing is any
 * more. */
void notice_queue_unsilenced(NoticeQueue *queue, const char *name, const char *filesystem, const NoticeTime *now);

/* It is there, or it changed. Conditions end unsaid with a mount: if the route has told of any, it tells a while later
 * that there is none any more. */
void notice_queue_filesystem(NoticeQueue *queue, const char *filesystem, const NoticeTime *now);

/* Returns true if it is the result of a message of this queue. */
bool notice_queue_on_result(NoticeQueue *queue, uint64_t id, Outcome outcome, const char *detail,
                            const NoticeTime *now);
void notice_queue_on_worker(NoticeQueue *queue, bool is_there, const NoticeTime *now);

/* When something is due, on the clock of boottime_usec; USEC_INFINITY: nothing is. */
uint64_t notice_queue_due(const NoticeQueue *queue);
void notice_queue_run(NoticeQueue *queue, const NoticeTime *now);

/* What waits to be told; what was dropped since the routes are known. */
size_t notice_queue_n_waiting(const NoticeQueue *queue);
uint64_t notice_queue_n_dropped(const NoticeQueue *queue);
/* The names of routes that fail, in the order of the policy; NULL: no more. */
const char *notice_queue_failing(const NoticeQueue *queue, size_t index);
