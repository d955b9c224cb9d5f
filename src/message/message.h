/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a unit is told, as the text of its message.json: events and conditions become JSON objects of their own, which
 * are collected and put into one message. The schema is that of healer-route(7); a change that readers could stumble
 * over raises MESSAGE_SCHEMA.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "src/model/filesystem-facts.h"
#include "src/model/health-event.h"
#include "src/model/workload-report.h"

#define MESSAGE_SCHEMA 1
/* An object of a list is never longer than this: what is too long in it is cut. */
#define MESSAGE_OBJECT_MAX ((size_t) 3584)

/**
 * message_event() - one event as a JSON object
 * @severity:   the event's own, or what a rule made of it
 * @filesystem: NULL if it is not known any more
 * @path:       absolute path of the file, NULL if there is none or it is not known; any bytes
 * @rule:       "" for what no rule decided
 * @ret_text:   new; at most MESSAGE_OBJECT_MAX bytes
 *
 * Returns: 0 or -ENOMEM.
 */
int message_event(const HealthEvent *event, Severity severity, const FilesystemFacts *filesystem, const char *path,
                  const char *rule, char **ret_text);

typedef struct MessageCondition {
        const char *code, *state;       /* "sick"; "open", "raised", "cleared" */
        Severity severity;
        const char *target, *message;   /* may be "" */
        uint64_t since_usec;            /* 0: not known */
        uint64_t event_id;              /* 0: none */
} MessageCondition;

/* The same for a condition. */
int message_condition(const MessageCondition *condition, const FilesystemFacts *filesystem, char **ret_text);

/* The same for a unit or container. */
int message_workload(const WorkloadReport *report, char **ret_text);

/* JSON objects, collected. Starts as `MessageList list = {};` */
typedef struct MessageList {
        char *text;                     /* with commas between them; NULL: none */
        size_t length;
        size_t n;
        uint64_t n_omitted;
} MessageList;

void message_list_clear(MessageList *list);
/* Returns 1; 0 if it would be more than @max_bytes or @max_objects in all: counted; -ENOMEM: counted as well. */
int message_list_add(MessageList *list, const char *object, size_t max_bytes, size_t max_objects);

/* Paths, each once, each ended by a NUL byte. Starts as `PathList list = {};` */
typedef struct PathList {
        char *bytes;
        size_t length;
        uint64_t *hashes;               /* of each, to find equal ones quickly */
        size_t n;
        uint64_t n_omitted;
} PathList;

void path_list_clear(PathList *list);
/* Returns 1 new; 0 known, or beyond @max_bytes: counted; -ENOMEM: counted. */
int path_list_add(PathList *list, const char *path, size_t max_bytes);

typedef struct Message {
        const char *type;               /* "start-unit", "notification", "permit", "before-fail" */
        uint64_t id;
        const char *unit;
        const char *rule;               /* NULL: none */
        const char *route;              /* NULL: none */
        const char *status;             /* "open", "resolved"; NULL: says nothing of it */
        const char *reason;             /* NULL: none */
        const char *summary;            /* one line for people; NULL: none */
        Severity severity;
        uint64_t time_usec;             /* on the clock on the wall */
        uint64_t count;                 /* events, merged reports counted once */
        const MessageList *events, *conditions;         /* may be NULL */
        const PathList *paths;          /* may be NULL */
        /* Of "permit" and "before-fail" */
        const char *action;             /* NULL: none */
        uint64_t job_id;                /* 0: none */
        uint64_t n_taken;               /* with @workloads */
        const FilesystemFacts *filesystem;      /* NULL: none */
        const MessageList *workloads;   /* NULL: none */
        uint64_t deadline_usec;         /* when it is going to be done, on the clock on the wall; 0: not known */
} Message;

/* @ret_text: new. Returns 0 or -ENOMEM. */
int message_text(const Message *message, char **ret_text);
