/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * healerd's end of the line to healer-recorder: sends what happened without waiting, keeps it until the recorder has
 * confirmed it, offers it again on the next line. healerd starts, decides and repairs without it; what finds no room in
 * the queue is counted.
 */
#pragma once

#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/engine/engine.h"
#include "src/history/history-reader.h"

/* Records that are not confirmed; about 4 MB. */
#define HISTORY_QUEUE_MAX 4096
#define HISTORY_QUERIES_MAX 16
#define HISTORY_QUERY_DEADLINE_USEC (10 * USEC_PER_SEC)
/* A record that waits for longer than this says that the recorder hangs. */
#define HISTORY_STALL_USEC (10 * USEC_PER_SEC)

typedef struct HistoryLink HistoryLink;

/* Starts connecting. @socket_path: borrowed for the life of the link. */
int history_link_new(sd_event *event, const char *socket_path, HistoryLink **ret_link);
/* Whoever still asks is told -ESHUTDOWN. */
HistoryLink *history_link_free(HistoryLink *link);
DEFINE_CLEANUP(HistoryLink, history_link_free)

/* Whoever keeps state over the same line (kept-state), at most one. */
typedef struct HistoryLinkListener {
        /* The recorder said something, whatever it is: the line is there, and what was not read may find room now. */
        void (*on_record)(void *userdata, const HistoryMessage *message);
        void (*on_lost)(void *userdata);
        void *userdata;
} HistoryLinkListener;

/* Before the loop runs; all zero to take it back. */
void history_link_set_listener(HistoryLink *link, const HistoryLinkListener *listener);
/* Past the queue of rows, and kept by the sender. Returns as line_send_now(). */
int history_link_send_now(HistoryLink *link, const HistoryMessage *message);

/* Queues one row. */
void history_link_add(HistoryLink *link, const HistoryValues *values);

int history_link_query(HistoryLink *link, const HistoryQuery *query, HistoryAnswer on_answer, void *answer_userdata);
uint64_t history_link_n_dropped(const HistoryLink *link);
HistoryPlace history_link_place(const HistoryLink *link);
size_t history_link_n_waiting(const HistoryLink *link);
HistoryReader history_link_reader(HistoryLink *link);
