/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks the worker for facts that only a privileged process can read (the autofsck property, the path of an
 * inode) and waits for each answer with a deadline. What does not come is unknown, never guessed.
 */
#pragma once

#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/filesystem/filesystem.h"
#include "src/link/worker-link.h"

/* A worker from which nothing was heard meanwhile is asked for a sign of life before anything is decided without facts:
 * one that stands still is replaced, and the next one answers. Time in which we stood still ourselves counts for
 * nobody. */
#define GATHER_DEADLINE_USEC (5 * USEC_PER_SEC)
#define GATHERS_MAX 1024                /* outstanding; one for each file system is usual */

typedef struct FactGatherer FactGatherer;

/* @answer: borrowed; NULL if none came (deadline, worker lost). @names_fd: what came with it, borrowed; negative:
 * nothing. */
typedef void (*FactGathered)(void *userdata, uint64_t filesystem_id, uint64_t request_id, const WorkerGathered *answer,
                             int names_fd);

int fact_gatherer_new(sd_event *event, WorkerLink *link, FactGathered gathered, void *userdata,
                      FactGatherer **ret_gatherer);
FactGatherer *fact_gatherer_free(FactGatherer *gatherer);
DEFINE_CLEANUP(FactGatherer, fact_gatherer_free)

/* What an event needs beside what is known of its file system. */
typedef struct FactQuestion {
        uint64_t inode;                 /* of which the following are wanted */
        uint32_t generation;
        bool path, owner, project;
        bool is_lost;                   /* contents of it: its type, and with @path all its names */
        uint64_t error_since_sec;       /* where the last error was found that ext4 counted since then (wall clock); 0:
                                         * not wanted */
        SickFinding checked;            /* is it still sick? structure STRUCTURE_NONE: not wanted */
} FactQuestion;

/**
 * fact_gatherer_ask() - ask for what is known about a file system, and for what an event needs
 *
 * Returns: 0; -ENOTCONN without a worker; -ENOBUFS at the limit; or another negative errno. After 0 @gathered is called
 * once.
 */
int fact_gatherer_ask(FactGatherer *gatherer, const Filesystem *filesystem, const FactQuestion *question,
                      uint64_t *ret_request_id);
/* @names_fd: that came with it; borrowed, may be negative. */
void fact_gatherer_on_answer(FactGatherer *gatherer, const WorkerGathered *answer, int names_fd);
void fact_gatherer_on_worker_lost(FactGatherer *gatherer);
