/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which superblocks are mounted where, and what is going on with each: one entry per superblock however
 * many bind mounts it has. Plain bookkeeping: nothing is opened or asked here.
 *
 * An entry lives while it has a mount, while healerd holds its monitor, or while a child works on it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "kernel/kernel-version.h"
#include "kernel/mount-table.h"
#include "src/basic/cleanup.h"
#include "src/protocol/worker-protocol.h"

typedef struct Worker Worker;
typedef struct Survey Survey;

/* A type of file systems that is reported. */
typedef struct WatchedType {
        const char *name;
        bool has_monitor;               /* it can have a health monitor */
        bool must_be_ext4;              /* the driver of ext4 may have mounted it, or one that tells nothing */
        KernelVersion tells_errors_since;       /* through FAN_FS_ERROR; 0.0: the call itself says */
} WatchedType;

typedef struct Mount {
        uint64_t mount_id;
        char *mount_point;
        bool is_read_only;
        bool is_whole;
        bool is_said;                   /* healerd knows it */
        TAILQ_ENTRY(Mount) entry;
} Mount;

typedef enum AttachStage {
        ATTACH_NEEDED,                  /* waits for its turn */
        ATTACH_RUNNING,
        ATTACH_TRIED,                   /* facts.monitor_state tells the rest */
} AttachStage;

typedef struct Superblock {
        Worker *worker;                 /* for callbacks; not used here */
        dev_t device_number;
        const WatchedType *type;        /* NULL: of no type that is reported */
        bool has_monitor_type;          /* a type that can have a health monitor */
        WorkerFilesystem facts;         /* as last found out */
        bool is_said;                   /* facts were said to this healerd */
        uint64_t said_hash;             /* and these they were: superblock_facts_hash() */
        uint64_t mounted_usec;          /* CLOCK_MONOTONIC, of the first mount; 0: it was there before us */

        int error_watch_fd;             /* a copy of the one that healerd has; negative: none */
        uint64_t n_old_told[OLD_ERRORS_MAX];    /* errors counted before we came that healerd was told of */

        /* Each monitor given to healerd or said to be held by it counts one until it is released. */
        unsigned n_held;

        AttachStage attach_stage;
        bool must_attach_again;         /* something was mounted while an attempt ran */
        unsigned n_attempts;            /* since the last success */
        uint64_t retry_delay_usec;
        sd_event_source *retry_source;  /* timer */
        sd_event_source *holder_source; /* pidfd of a foreign holder */

        uint64_t repair_job_id;         /* the one repair that may run; 0: none */
        Survey *survey;                 /* the one that may run; its child owns it */
        unsigned n_children;            /* that work on it */
        unsigned n_stuck;               /* of these, hanging in the kernel: leave the file system alone */
        bool is_crashed;                /* a repair oopsed here: locks stay taken until a reboot */

        size_t n_mounts;
        TAILQ_HEAD(MountList, Mount) mounts;    /* oldest first */
        TAILQ_ENTRY(Superblock) entry;
} Superblock;

typedef TAILQ_HEAD(SuperblockTable, Superblock) SuperblockTable;

/* NULL for types of file systems that are not reported at all. */
const WatchedType *watched_type_find(const char *type);

void superblock_table_clear(SuperblockTable *table);

Superblock *superblock_find(SuperblockTable *table, dev_t device_number);

/* Finds it or makes an entry without mounts. Returns 0 or -ENOMEM. */
int superblock_ensure(SuperblockTable *table, dev_t device_number, const char *type, Superblock **ret_superblock);

typedef enum MountNews {
        MOUNT_NEWS_NONE,                /* known already */
        MOUNT_NEWS_CHANGED,             /* was known, looks different now (moved, read-only) */
        MOUNT_NEWS_FURTHER,             /* one more mount of a superblock that is mounted */
        MOUNT_NEWS_FIRST,               /* there was none just before: it may be another superblock */
} MountNews;

/**
 * superblock_add_mount() - take in what a mount table says
 *
 * Returns: 0; or -ENOMEM.
 */
int superblock_add_mount(SuperblockTable *table, const MountInfo *info, Superblock **ret_superblock,
                         Mount **ret_mount, MountNews *ret_news);

/* Finds a mount by its unique number. NULL if it is not known. */
Mount *superblock_find_mount(SuperblockTable *table, uint64_t mount_id, Superblock **ret_superblock);

void superblock_remove_mount(Superblock *superblock, Mount *mount);

/* The one to reach it through: writable before read-only, whole before a folder, then the oldest. NULL: it has none. */
const Mount *superblock_best_mount(const Superblock *superblock);

/* healerd has an error watch of it, or has none any more; @fd is borrowed. */
void superblock_set_error_watch(Superblock *superblock, int fd);
void superblock_drop_error_watch(Superblock *superblock);
/* True if the superblock that was watched is unmounted, whatever is mounted there now: the number of a mount can be
 * used again. */
bool superblock_is_another(const Superblock *superblock);

/* True if nothing needs the entry any more. */
bool superblock_is_unused(const Superblock *superblock);
Superblock *superblock_free(SuperblockTable *table, Superblock *superblock);

/* Tells whether its facts are those that were said, without keeping them twice: they are some kilobytes for each file
 * system. Errors of before are left out, because they are said once. */
uint64_t superblock_facts_hash(const Superblock *superblock);

/* The record for one mount. */
void mount_fill_message(const Superblock *superblock, const Mount *mount, WorkerMount *ret_record);

/* The name people know it by: oldest mount point, else device, else "MAJ:MIN" in @buffer. */
const char *superblock_subject(const Superblock *superblock, char buffer[static 32]);
