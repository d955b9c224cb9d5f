/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One mounted file system as the daemon knows it, and the table of all of them. Told by the worker, read by
 * engine and bus; changed only through these functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/filesystem/check-state.h"
#include "src/filesystem/condition.h"
#include "src/filesystem/patrol-state.h"
#include "src/filesystem/verify-state.h"
#include "src/model/filesystem-facts.h"
#include "src/protocol/worker-protocol.h"

typedef struct FilesystemMount {
        uint64_t mount_id;
        bool is_read_only;
        bool is_whole;                  /* shows the root of the file system */
        bool is_stale;                  /* not confirmed yet by the worker that came after the one who told it */
        char *mount_point;
} FilesystemMount;

/* Totals since the daemon saw it first. */
/* From the kernel's time stamp of the damage to the end of the repair that mended it. */
typedef struct HealTimes {
        uint64_t n, last_usec, max_usec, total_usec;
} HealTimes;

typedef struct FilesystemTotals {
        uint64_t n_events;              /* after merging */
        uint64_t n_reports;             /* before merging */
        uint64_t n_lost;                /* reports the kernel could not keep */
        uint64_t n_healed;
        uint64_t n_refused;
        uint64_t n_failed;
        uint64_t n_handed_over;         /* conditions raised that only a person can end, offline */
        HealTimes heal_times;
        uint64_t n_records;             /* read from its monitor, by every healerd that held it */
} FilesystemTotals;

typedef struct Filesystem {
        uint64_t id;                    /* never reused in a run */
        FilesystemFacts facts;
        FilesystemMount *mounts;
        size_t n_mounts;
        MonitorState monitor_state;
        int monitor_error;              /* positive errno, with MONITOR_FAILED */
        int monitor_fd;                 /* owned; -EBADF unless MONITOR_OPENED */
        bool has_error_watch;           /* FAN_FS_ERROR of ours is open; never beside a monitor of ours */
        int error_watch_error;          /* positive errno: why not, as the worker said; 0: not tried or not needed */
        pid_t holder_pid;               /* with MONITOR_FOREIGN; 0: not found */
        char holder_name[64];
        bool is_shut_down;
        uint64_t autofsck_read_monotonic_usec;  /* because somebody asked; 0: nobody did */
        BootCheck boot_check;           /* as a repair saw it last */
        uint64_t first_bad_realtime_usec;       /* 0: never seen bad */
        uint64_t last_event_realtime_usec;      /* 0: none */
        FilesystemTotals totals;
        ConditionList conditions;
        PatrolState patrol;
        CheckState check;
        bool is_checked_by_other;       /* a scan that is not ours runs */
        uint64_t next_check_usec;       /* wall clock: when a schedule has it checked next; 0: none does */
        char next_check[RULE_ID_SIZE];  /* which one */
        VerifyState verify;
        uint64_t good_realtime_usec;    /* end of the last check that found nothing; 0: none */
} Filesystem;

typedef struct FilesystemTable FilesystemTable;

FilesystemTable *filesystem_table_new(void);
FilesystemTable *filesystem_table_free(FilesystemTable *table);
DEFINE_CLEANUP(FilesystemTable, filesystem_table_free)

/* Adds an empty one for a superblock; fails with -EEXIST if a living one has this device number. */
int filesystem_table_add(FilesystemTable *table, dev_t device_number, Filesystem **ret_filesystem);
/* Releases it; pointers to it end here. */
void filesystem_table_remove(FilesystemTable *table, Filesystem *filesystem);

Filesystem *filesystem_table_find_id(FilesystemTable *table, uint64_t id);
Filesystem *filesystem_table_find_device(FilesystemTable *table, dev_t device_number);
/* By mount point, device path, "MAJ:MIN", or UUID text. -ENOENT; -ENOTUNIQ if several have this UUID. */
int filesystem_table_find_name(FilesystemTable *table, const char *name, Filesystem **ret_filesystem);
/* Iteration: start with NULL. Order of arrival. */
Filesystem *filesystem_table_next(FilesystemTable *table, const Filesystem *previous);
size_t filesystem_table_count(FilesystemTable *table);

/* Takes over what the worker says; the monitor descriptor is not part of it. Returns 1 if something changed, 0, or
 * -ENOMEM. */
int filesystem_update(Filesystem *filesystem, const WorkerFilesystem *told);
/* Return 1 if it changed, 0, or a negative errno; facts.mounts follows. */
int filesystem_add_mount(Filesystem *filesystem, const WorkerMount *told);
int filesystem_remove_mount(Filesystem *filesystem, uint64_t mount_id);

/* Between two workers: what the new one does not say again is gone. The second returns how many were dropped. */
void filesystem_mark_mounts_stale(Filesystem *filesystem);
size_t filesystem_drop_stale_mounts(Filesystem *filesystem);

/* A check of all of it found nothing at this time; 0: none did. */
void filesystem_note_good(Filesystem *filesystem, uint64_t realtime_usec);

typedef enum WatchedBy {
        WATCHED_BY_NONE,
        WATCHED_BY_HEALTHMON,
        WATCHED_BY_FANOTIFY,            /* errors by number alone: where there is a health monitor, a part of what it
                                         * says */
} WatchedBy;
DECLARE_NAMES(watched_by, WatchedBy)

WatchedBy filesystem_watched_by(const Filesystem *filesystem);
/* Somebody would be told of all damage that the kernel tells of: a monitor of ours is open, or an error watch where no
 * file system of this type has a monitor. */
bool filesystem_is_watched(const Filesystem *filesystem);
