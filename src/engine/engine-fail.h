/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs that fail or freeze whoever uses a file system, or shut it down: what goes before the worker is told to. Each
 * stage is left by an answer, or by its deadline, from the loop; nothing is done to anybody before FAIL_ORDERED.
 *
 *   BEGIN -> LISTING -> PERMIT -> WARNING -> DELAYED -> ORDERED -> ENDED
 *
 * A shutdown has nobody to list or to warn; a dry run ends with the plan. Shared by the files engine-fail*.c.
 */
#pragma once

#include "src/engine/engine-workloads.h"

typedef enum FailStage {
        FAIL_BEGIN,
        FAIL_LISTING,                   /* who uses it? */
        FAIL_PERMIT,                    /* a unit of the administrator's is asked */
        FAIL_WARNING,                   /* announced, and the time that was promised runs */
        FAIL_DELAYED,                   /* it is over, and somebody still has a lock, or a hook is still there */
        FAIL_ORDERED,                   /* the worker acts */
        FAIL_ENDED,                     /* its result is on its way to the queue */
} FailStage;

/* Somebody else's answer may come after the run is gone. */
typedef struct FailListing FailListing;

#define FAIL_HOOKS_TEXT_SIZE 192

struct FailRun {
        TAILQ_ENTRY(FailRun) entries;
        Engine *engine;
        uint64_t job_id;
        FailStage stage;
        sd_event_source *timer;
        uint64_t give_up_monotonic_usec;        /* FAIL_LISTING */
        FailListing *listing;           /* is being answered; NULL: none */
        WorkloadPlan plan;
        int error;                      /* of the listing: negative errno */
        uint64_t permit_id;             /* FAIL_PERMIT: number of the unit */
        uint64_t hooks_id;              /* number of the hooks that the worker runs; 0: none run */
        char hooks[FAIL_HOOKS_TEXT_SIZE];       /* how each of them ended */
        unsigned n_hooks_untold;        /* for which there was no room */
};

/* How often a look at the users is asked for again because others look, and for how long. */
#define FAIL_ASK_AGAIN_USEC USEC_PER_SEC
#define FAIL_LISTING_USEC (2 * USEC_PER_MINUTE)
/* The worker stops the unit at its deadline and then has to say so. */
#define FAIL_PERMIT_GRACE_USEC (5 * USEC_PER_SEC)
/* Locks, and hooks that are being ended, delay what was announced by no more than this. */
#define FAIL_DELAY_USEC (30 * USEC_PER_SEC)
/* The worker looks at all users again, and at the end whether they are gone, beside the grace that they are given. */
#define FAIL_ORDER_USEC (5 * USEC_PER_MINUTE)
/* It ends its child at that deadline, and says so. */
#define FAIL_ORDER_GRACE_USEC (30 * USEC_PER_SEC)

/* engine-fail.c */
/* NULL: there is none. */
FailRun *engine_fail_find(Engine *engine, uint64_t job_id);
/* NULL: the job has ended meanwhile. */
Job *engine_fail_job(const FailRun *run);
/* What the worker runs for it under this number is told to end, if it is not 0, and the number forgotten. The line may
 * break in here, and the run with it; a line that breaks ends it as well. */
void engine_fail_cancel_unit(Engine *engine, uint64_t *id);
void engine_fail_set_timer(FailRun *run, uint64_t usec);
/* Here, and not by a word of the worker. @detail: one sentence. */
void engine_fail_end(FailRun *run, Outcome outcome, int error, const char *detail);
/* Somebody who was waited for is there no longer: it goes on if nobody else is. */
void engine_fail_look_on(FailRun *run);
/* The plan stands. */
void engine_fail_planned(FailRun *run);
/* It was permitted, or nobody has to be asked. */
void engine_fail_permitted(FailRun *run);

/* engine-fail-list.c */
void engine_fail_list(FailRun *run);
/* What comes of a listing that was asked for is nobody's any more. */
void engine_fail_forget_listing(FailRun *run);

/* engine-fail-permit.c */
void engine_fail_ask_permit(FailRun *run);
/* It did not say yes in time. */
void engine_fail_permit_overdue(FailRun *run);
/* The unit is asked about something that is over. */
void engine_fail_forget_permit(FailRun *run);

/* "permit", "before-fail": the plan, as a unit or a program is given it to read. @unit: NULL: none. @ret_text: new.
 * Returns 0 or -ENOMEM. */
int engine_fail_message(const FailRun *run, const Job *job, const Filesystem *filesystem, const char *type,
                        uint64_t id, const char *unit, char **ret_text);

/* engine-fail-hooks.c */
/* What cannot be run is no reason not to go on. The line may break in here, and @run with it. */
void engine_fail_run_hooks(FailRun *run, const Job *job, const Filesystem *filesystem);
/* Those that run are told to end: nobody waits for them any more. */
void engine_fail_forget_hooks(FailRun *run);
/* "; hooks: save done, copy failed"; "" if there were none. */
const char *engine_fail_hooks_text(const FailRun *run, char buffer[static FAIL_HOOKS_TEXT_SIZE + 32]);

/* engine-fail-order.c */
/* How long the worker has for it. */
uint64_t engine_fail_order_timeout(const Job *job);
/* Returns 0 or a negative errno. The line may break in here, and @run with it. */
int engine_fail_order(FailRun *run, Job *job, const Filesystem *filesystem);
