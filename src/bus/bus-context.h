/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the objects of the bus share: the engine they show, the connection they are on, and each other. Made and
 * owned by bus-server; the objects outlive a connection, so that a bus that comes back finds them under the same paths.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "src/bus/bus-authorize.h"
#include "src/bus/bus-change.h"
#include "src/engine/engine.h"
#include "src/history/history-reader.h"
#include "src/message/notice-reader.h"

typedef struct BusContext BusContext;

/* What a file system and a job on the bus have in common (bus-object.h). */
typedef struct BusObject {
        BusContext *context;
        char *path;
        BusChange change;
        TAILQ_ENTRY(BusObject) link;
} BusObject;
typedef TAILQ_HEAD(BusObjects, BusObject) BusObjects;

/* One file system on the bus. */
typedef struct BusFilesystem {
        BusObject base;
        Filesystem *filesystem;         /* borrowed; the entry goes before it does */
} BusFilesystem;

/* One job on the bus, kept for a while after its end so that clients can read how it ended. */
typedef struct BusJob {
        BusObject base;
        Job *job;                       /* a reference of our own */
        bool is_ended;
        uint64_t forget_usec;           /* monotonic, once it ended */
} BusJob;

/* A lock of bus-inhibit.h. */
typedef struct BusInhibitor BusInhibitor;
/* Of bus-burst.h. */
typedef struct BusBurst BusBurst;
/* Of bus-subscribe.h. */
typedef struct BusSubscription BusSubscription;

/* One of bus-dump.h. */
typedef struct BusDump BusDump;

struct BusContext {
        sd_event *event;
        Engine *engine;
        sd_bus *bus;                    /* NULL: no connection */
        bool is_ready;                  /* signals can go out */
        bool was_ready;                 /* somebody may be listening: what is not sent is counted */
        BusAuthorizer *authorizer;
        BusChangeQueue *changes;
        BusChange manager_change;
        BusObjects filesystems;         /* BusFilesystem */
        BusObjects jobs;                /* BusJob */
        size_t n_ended_jobs;
        TAILQ_HEAD(, BusInhibitor) inhibitors;
        size_t n_inhibitors;
        TAILQ_HEAD(, BusBurst) bursts;
        size_t n_bursts;
        sd_event_source *burst_timer;
        TAILQ_HEAD(, BusSubscription) subscriptions;
        size_t n_subscriptions;
        uint64_t n_subscribers_cut;     /* because they did not read */
        TAILQ_HEAD(, BusDump) dumps;
        size_t n_dumps;
        sd_event_source *job_timer;
        uint64_t job_keep_usec;
        HistoryReader history;          /* no functions: none is kept */
        NoticeReader notices;           /* no functions: none are sent */
        uint64_t n_signals_dropped;     /* no bus, or a bus that does not read */
};
