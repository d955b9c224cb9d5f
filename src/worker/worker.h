/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The privileged process as a whole: owns every part of it, starts them in order, and says to healerd
 * what they find.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "kernel/kernel-version.h"
#include "src/basic/cleanup.h"
#include "src/protocol/worker-protocol.h"
#include "src/worker/child.h"
#include "src/worker/connection.h"
#include "src/worker/fail-budget.h"
#include "src/worker/intents.h"
#include "src/worker/job.h"
#include "src/worker/mount-watch.h"
#include "src/worker/places.h"
#include "src/worker/power-watch.h"
#include "src/worker/scan-watch.h"
#include "src/worker/superblock-table.h"
#include "src/worker/zone-watch.h"

typedef struct WorkerOptions {
        const char *state_dir;
        const char *runtime_dir;        /* for what units are given to read */
        const char *listen_path;        /* NULL: none */
        int connection_fd;              /* negative: none */
        uid_t peer_uid;
        bool no_fanotify;
} WorkerOptions;

struct Worker {
        WorkerOptions options;
        sd_event *event;
        KernelVersion kernel;
        char kernel_release[65];
        int kmsg_fd;                    /* negative: none */
        int place_fd;                   /* unit-place.h; negative: none */

        ChildTable *children;
        Connection *connection;
        MountWatch *mount_watch;
        ZoneWatch *zone_watch;
        PowerWatch *power_watch;
        ScanWatch *scan_watch;
        Intents *intents;
        SuperblockTable superblocks;
        JobTable jobs;

        Places places;
        bool are_places_wanted_again;
        bool is_looking_for_places;
        bool is_places_tried;
        bool is_intents_loaded;
        bool is_zone_tried;
        bool is_serving;                /* lines are taken in */
        bool may_attach;                /* healerd said all that it holds */
        bool is_list_said;
        bool is_silent_type_said;
        bool is_leaving;                /* ends as soon as its children have */
        bool wants_restart;             /* the same, without hurrying them: a newer worker is installed */
        bool is_only_line;              /* there is no way back to a healerd that leaves */
        unsigned n_attaching;
        unsigned n_users_walks;         /* that go on */
        FailBudget fail_budget;
        struct HoldTable *holds;        /* NULL: none was looked for yet */
        sd_event_source *thaw_source;   /* timer: the first that is to be thawed */
        uint64_t thawed_at_usec;        /* CLOCK_BOOTTIME, the last try; 0: none */
        bool is_thawing;
        sd_event_source *stop_source, *post_source, *term_source, *interrupt_source, *watchdog_source;
        uint64_t watchdog_usec;
};

/* @options is copied; its texts are borrowed for the life of the worker. */
int worker_new(const WorkerOptions *options, Worker **ret_worker);
Worker *worker_free(Worker *worker);
DEFINE_CLEANUP(Worker, worker_free)

/* Runs until a signal or, with a single line, until healerd leaves. Returns 0 or a negative errno. */
int worker_run(Worker *worker);

/* Ends children, closes intents, then leaves the loop; not later than in a few seconds. */
void worker_stop(Worker *worker);

/* Says one record if healerd is there; @fd is borrowed or negative. */
void worker_say(Worker *worker, const WorkerMessage *message, int fd);

/* worker-machine.c: time zone and power, with the greeting and when they change. */
void worker_say_machine(Worker *worker);
void worker_say_power(bool is_on_battery, void *userdata);
extern const ZoneWatchCalls worker_zone_calls;
extern const ScanWatchCalls worker_scan_calls;

/* Says a superblock and the mounts of it that healerd does not know yet; @monitor_fd is borrowed or negative. */
void worker_say_superblock(Worker *worker, Superblock *superblock, int monitor_fd);

/* Records that only healerd sends; @taken_fd may be negative. Negative: nonsense, the line ends. */
int worker_handle_message(Worker *worker, const WorkerMessage *message, int taken_fd);

/* Says "everything has been said" once it has. */
void worker_check_listed(Worker *worker);

/* Frees the entry if nothing needs it any more. */
void worker_forget_unused(Worker *worker, Superblock *superblock);

/* Opens the line once it is known what was left and where the root is, and not before. */
void worker_begin_serving(Worker *worker);

/* "is this fs under /, is it our state folder" for every superblock, again. */
void worker_find_places(Worker *worker);
