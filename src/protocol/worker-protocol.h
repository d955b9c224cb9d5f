/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What healerd and healer-worker say to each other: typed, bounded records over SOCK_SEQPACKET, one
 * record a packet, descriptors passed along. The first record in each direction is a hello with the
 * version; a peer of another version is refused by name, and a record of the wrong size, an unknown
 * type or an unterminated text ends the connection (-EBADMSG): the other side is not to be trusted
 * with the rest.
 *
 * The same machine and the same build speak here, so values are in native form.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/media-verify.h"
#include "kernel/metadata-repair.h"
#include "kernel/old-errors.h"
#include "kernel/space-map.h"
#include "kernel/xfs-survey.h"
#include "src/basic/unit-name.h"
#include "src/basic/zone.h"
#include "src/model/file-owner.h"
#include "src/model/filesystem-facts.h"
#include "src/model/job-report.h"
#include "src/model/user-verdict.h"
#include "src/model/workload-facts.h"
#include "src/model/workload-scope.h"

#define WORKER_PROTOCOL_MAGIC UINT32_C(0x484c4457)      /* "WDLH" */
#define WORKER_PROTOCOL_VERSION 11
#define WORKER_SOCKET_PATH "/run/xfs_healer/worker.sock"

typedef enum WorkerMessageType {
        /* healerd -> worker */
        WORKER_HELLO = 1,               /* WorkerHello */
        WORKER_HELD = 2,                /* WorkerHeld + monitor or error watch: "I hold this one" (after hello, or
                                         * adopted later) */
        WORKER_HELD_END = 3,            /* nothing: from here on the worker may open monitors */
        WORKER_RELEASED = 4,            /* WorkerHeld: the monitor or error watch of this superblock ended or was
                                         * closed. If the worker knows mounts of it, it attaches again and says
                                         * WORKER_FILESYSTEM and all its mounts anew. */
        WORKER_REPAIR = 5,              /* WorkerRepairRequest + monitor */
        WORKER_SCRUB = 6,               /* WorkerScrubRequest + monitor (none if the file system has none) */
        WORKER_GATHER = 7,              /* WorkerGatherRequest + monitor: autofsck and what else is wanted */
        WORKER_CANCEL = 8,              /* WorkerCancel */
        WORKER_JOB_TAKEN = 9,           /* WorkerCancel: the result of this job is recorded, its intent may be
                                         * forgotten */
        WORKER_SURVEY = 10,             /* WorkerSurveyRequest + monitor (none if the file system has none) */
        WORKER_SURVEY_CANCEL = 11,      /* WorkerSurveyCancel: nobody waits for its findings any more */
        WORKER_START_UNIT = 12,         /* WorkerUnitRequest + payload (unit-payload.h). Asked again with a job that the
                                         * worker knows, it is not started again: its result comes, or came. */
        WORKER_LIST_USERS = 13,         /* WorkerUsersRequest: who uses this file system, or this inode of it? */
        WORKER_FAIL = 14,               /* WorkerFailRequest + list of who was announced (workload-list.h) */
        WORKER_SHUTDOWN = 15,           /* WorkerShutdownRequest + monitor (none if the file system has none) */
        WORKER_UNHOLD = 16,             /* WorkerHold: this unit may be started again; only @unit is read */
        WORKER_RECYCLE = 17,            /* WorkerRecycleRequest + list of the units that may be stopped for it
                                         * (workload-list.h). Before each step WORKER_JOB_STARTED says in its detail
                                         * which one; before a unit is stopped WORKER_WORKLOAD says so. */
        WORKER_START_AGAIN = 18,        /* WorkerRecycleRequest + list of units: what was stopped for the above is
                                         * started */
        WORKER_HOOKS = 19,              /* WorkerHooksRequest + payload (unit-payload.h): something was announced.
                                         * WORKER_HOOK for each hook, WORKER_JOB_RESULT when none is left. */

        WORKER_SET_AUTOFSCK = 20,       /* WorkerAutofsckRequest + monitor (none if the file system has none) */

        /* worker -> healerd */
        WORKER_HELLO_REPLY = 32,        /* WorkerHelloReply */
        WORKER_FILESYSTEM = 33,         /* WorkerFilesystem (+ monitor if state is MONITOR_OPENED, else error watch if
                                         * it has one) */
        WORKER_MOUNT_ADDED = 34,        /* WorkerMount; again with a number that is known: it was moved or changed */
        WORKER_MOUNT_GONE = 35,         /* WorkerMount */
        WORKER_MOUNTS_LISTED = 36,      /* nothing: everything that was mounted at the start has been said */
        WORKER_JOB_STARTED = 37,        /* WorkerJobResult with only job_id and detail */
        WORKER_JOB_RESULT = 38,         /* WorkerJobResult */
        WORKER_GATHERED = 39,           /* WorkerGathered (+ its further names, if there are any, in sealed memory, each
                                         * ended by a NUL byte) */
        WORKER_INTENT_LEFT = 40,        /* WorkerIntent: a repair that never ended, found at the start */
        WORKER_SURVEY_RESULT = 41,      /* WorkerSurveyResult: some for each request, the last one says so; and what an
                                         * attachment saw */
        WORKER_ZONE = 42,               /* WorkerZone + the machine's zone file in sealed memory (none: UTC): with the
                                         * greeting and whenever it changes */
        WORKER_POWER = 43,              /* WorkerPower: with the greeting and whenever it changes */
        WORKER_SCAN = 44,               /* WorkerScan: a full check that somebody else has begun, or that ended */
        WORKER_JOB_PROGRESS = 45,       /* WorkerJobProgress: how far a scan is */
        WORKER_USER = 46,               /* WorkerUser: one of those asked for */
        WORKER_USERS_END = 47,          /* WorkerUsersEnd: that was all of them, or all there will be */
        WORKER_WORKLOAD = 48,           /* WorkerWorkload: what became of one of those that a job was to fail; all of
                                         * them come before the job's result */
        WORKER_HOLD = 49,               /* WorkerHold: a unit is kept from being started, or no longer; with the
                                         * greeting all that are, from earlier workers as well */
        WORKER_HOOK = 50,               /* WorkerHook: one of the administrator's hooks has ended, or is not run */
        WORKER_AUTOFSCK = 51,           /* WorkerAutofsckResult: the answer to WORKER_SET_AUTOFSCK */
} WorkerMessageType;

typedef enum MonitorState {
        MONITOR_NONE,                   /* not tried yet, or no such thing for this type of file system */
        MONITOR_OPENED,                 /* healerd holds it */
        MONITOR_FOREIGN,                /* another process holds it; holder_pid, holder_name */
        MONITOR_UNSUPPORTED,            /* this kernel or file system has none */
        MONITOR_FAILED,                 /* could not be opened: error */
        MONITOR_ENDED,                  /* it was ours and ended while the file system lives */
} MonitorState;
DECLARE_NAMES(monitor_state, MonitorState)

typedef struct WorkerHeader {
        uint32_t magic;
        uint16_t version;
        uint16_t type;
        uint32_t size_bytes;            /* of the whole record, header included */
        uint32_t reserved;              /* zero */
} WorkerHeader;

typedef struct WorkerHello {
        char program_version[64];
} WorkerHello;

typedef struct WorkerHelloReply {
        char program_version[64];
        char kernel_release[65];
        uint8_t watches_by;             /* WorkerMountWatch */
        uint8_t pad[6];
        uint64_t oops_count;            /* UINT64_MAX: unknown */
} WorkerHelloReply;

typedef enum WorkerMountWatch {
        MOUNT_WATCH_FANOTIFY,
        MOUNT_WATCH_LIBMOUNT,
} WorkerMountWatch;

typedef struct WorkerHeld {
        uint64_t device_number;
} WorkerHeld;

/* A superblock, said when first seen and again whenever one of these values changed. */
typedef struct WorkerFilesystem {
        uint64_t device_number;
        uint8_t monitor_state;          /* MonitorState */
        uint8_t uuid_state, label_state, autofsck_state;        /* FactState */
        uint8_t autofsck;               /* Autofsck */
        uint8_t is_root, is_state, is_removable, is_read_only;  /* Tristate */
        uint8_t has_rmapbt, has_parent_pointers, has_metadir;
        uint8_t has_error_watch;        /* healerd holds one, or gets it with this record */
        uint8_t pad[3];
        int32_t error;                  /* positive errno, with MONITOR_FAILED */
        int32_t autofsck_error;
        int32_t holder_pid;             /* with MONITOR_FOREIGN; 0: could not be found */
        uint32_t n_rtgroups;
        int32_t error_watch_error;      /* positive errno: why it has none; EOPNOTSUPP: the kernel or the file system
                                         * tells no errors */
        uint32_t n_disks;
        uint64_t disks[FILESYSTEM_DISKS_MAX];   /* whole ones that it lies on, by number; beyond @n_disks zero */
        OldErrors old_errors[OLD_ERRORS_MAX];   /* what was counted before we came; said once, with a new error watch */
        uint8_t uuid[UUID_SIZE];
        char type[32];
        char label[256];
        char holder_name[64];
        char device[PATH_MAX];
} WorkerFilesystem;

typedef struct WorkerMount {
        uint64_t device_number;
        uint64_t mount_id;
        uint8_t is_read_only;
        uint8_t is_whole;               /* shows the root of the file system, not a part of it */
        uint8_t pad[6];
        char mount_point[PATH_MAX];
} WorkerMount;

typedef struct WorkerRepairRequest {
        uint64_t job_id;
        uint64_t event_id;
        uint64_t device_number;
        uint64_t timeout_usec;
        RepairTarget target;
        /* Ordered while the facts are still asked for: only to be done if the property is found to be this. */
        uint8_t expects_autofsck;       /* false: it was decided with facts, and they are not looked at again */
        uint8_t autofsck;               /* Autofsck */
        uint8_t is_forced;              /* rebuilt whatever a check says: what lies on the disk cannot be read, and the
                                         * kernel may still know it by heart */
        uint8_t pad[5];
        char override_harmful[64];      /* name of the one row of the table an administrator overruled, or "" */
} WorkerRepairRequest;

typedef struct WorkerScrubRequest {
        uint64_t job_id;
        uint64_t event_id;
        uint64_t device_number;
        uint64_t timeout_usec;
        uint8_t may_repair;
        uint8_t is_polite;              /* nobody waits for it: it is begun when there is little else to do */
        uint8_t pad[6];
} WorkerScrubRequest;

/* Further names of one file, all together; more are left out and counted. */
#define WORKER_NAMES_MAX ((size_t) 256 * 1024)

/* Longest text that the worker writes to the kernel log for somebody else. */
#define WORKER_LAST_WORDS_SIZE 256

typedef struct WorkerUnitRequest {
        uint64_t job_id;                /* not 0; becomes the instance */
        uint64_t event_id;
        uint64_t timeout_usec;          /* then it is stopped */
        char template[UNIT_NAME_SIZE];  /* "restore@.service" */
        char last_words[WORKER_LAST_WORDS_SIZE];        /* for the kernel log if the unit does not end well; "": none */
} WorkerUnitRequest;

typedef struct WorkerGatherRequest {
        uint64_t request_id;
        uint64_t device_number;
        uint64_t inode;                 /* 0: nothing of a file is wanted */
        uint32_t generation;
        uint8_t wants_path, wants_owner, wants_project;
        uint8_t is_lost;                /* contents of it: what type it is is wanted, and with wants_path all its
                                         * names */
        uint64_t error_since_sec;       /* wall clock: the last error that was counted since then is wanted; 0: none
                                         * is */
        SickFinding checked;            /* is it still sick? structure STRUCTURE_NONE: nobody asks */
} WorkerGatherRequest;

typedef struct WorkerAccount {
        uint32_t number;
        uint8_t name_state;             /* FactState; absent: nobody has this number */
        uint8_t pad[3];
        char name[264];
} WorkerAccount;
_Static_assert(sizeof(((WorkerAccount *) NULL)->name) >= ACCOUNT_NAME_SIZE, "a name fits");

typedef struct WorkerOwner {
        uint8_t state, project_state;   /* FactState */
        uint8_t pad[2];
        int32_t error, project_error;
        uint32_t project;
        WorkerAccount user, group;
} WorkerOwner;

typedef struct WorkerGathered {
        uint64_t request_id;
        uint64_t device_number;
        uint8_t autofsck_state, autofsck;
        uint8_t path_state;
        uint8_t is_read_only;           /* Tristate */
        uint8_t is_sick;                /* Tristate; of what was asked for */
        uint8_t pad;
        uint16_t mode;                  /* as in stat, if wanted; 0: not known */
        int32_t autofsck_error;
        int32_t path_error;
        uint32_t n_names_untold;        /* beside its path and what came with this */
        uint32_t pad2;
        OldErrors last_error;           /* if wanted; count 0: the file system counts none */
        WorkerOwner owner;              /* if wanted */
        char path[PATH_MAX];
} WorkerGathered;

typedef struct WorkerCancel {
        uint64_t job_id;
} WorkerCancel;

typedef struct WorkerJobResult {
        uint64_t job_id;
        uint64_t device_number;
        uint8_t outcome;                /* Outcome */
        uint8_t was_verified;
        uint8_t have_facts_changed;     /* what the order expected was not so (OUTCOME_REFUSED): nothing was done */
        uint8_t boot_check;             /* BootCheck; of what was not repaired in the root file system */
        int32_t error;                  /* positive errno */
        uint32_t flags;                 /* as the kernel returned them, repairs only */
        uint32_t pad2;
        uint64_t duration_usec;
        char detail[JOB_DETAIL_SIZE];
        char path[PATH_MAX];            /* of what was not repaired, if a name leads to it: from the root of the file
                                         * system on; "": not known */
} WorkerJobResult;

typedef struct WorkerJobProgress {
        uint64_t job_id;
        uint32_t phase;                 /* of xfs_scrub's, from 1 */
        uint32_t percent;               /* of this phase */
} WorkerJobProgress;

typedef struct WorkerIntent {
        uint64_t job_id;
        uint64_t event_id;
        uint8_t uuid[UUID_SIZE];
        uint64_t started_realtime_usec;
        RepairTarget target;
        uint8_t is_ban;                 /* this repair is not tried again on this kernel */
        uint8_t is_running;             /* a left-over child of an earlier worker still works on it */
        uint8_t pad[2];
        int32_t pid;
        char kernel_release[65];
        char pad2[7];
} WorkerIntent;

typedef enum SurveyDepth {
        SURVEY_NONE,
        SURVEY_GROUPS,                  /* the whole and its groups: milliseconds */
        SURVEY_INODES,                  /* every inode as well: minutes; and it can shut down what is damaged badly */
        SURVEY_PATROL,                  /* has the kernel check structure by structure, for a while from where it was */
        SURVEY_MEDIA,                   /* has the kernel read its devices, for a while from where it was */
} SurveyDepth;
DECLARE_NAMES(survey_depth, SurveyDepth)
#define N_SURVEY_DEPTHS (SURVEY_MEDIA + 1)

/* What a patrol checks, in this order: what others stand on comes first. */
typedef enum PatrolStage {
        PATROL_GROUPS,                  /* headers and b-trees of each allocation group */
        PATROL_RTGROUPS,                /* those of each real-time group */
        PATROL_INODES,                  /* each inode, and what it holds */
        PATROL_WHOLE,                   /* counters, quotas, links */
        PATROL_DONE,
} PatrolStage;
DECLARE_NAMES(patrol_stage, PatrolStage)
#define N_PATROL_STAGES (PATROL_DONE + 1)

/* The next that it checks; all zero: the first of all. */
typedef struct PatrolPosition {
        uint32_t stage;                 /* PatrolStage */
        uint32_t group;                 /* but for PATROL_WHOLE */
        uint64_t next;                  /* PATROL_INODES: number of the inode, 0: the first of the group; else how many
                                         * structures of this group, or of the whole, were checked */
} PatrolPosition;

/* What a verification of the media reads, in this order: what most depends on comes first. */
typedef enum MediaStage {
        MEDIA_STAGE_DATA,
        MEDIA_STAGE_LOG,
        MEDIA_STAGE_REALTIME,
        MEDIA_STAGE_DONE,
} MediaStage;
#define N_MEDIA_STAGES (MEDIA_STAGE_DONE + 1)

/* The next that it reads; all zero: the first of all. */
typedef struct MediaPosition {
        uint32_t stage;                 /* MediaStage */
        uint32_t pad;                   /* zero */
        uint64_t next;                  /* of the device, in units of 512 bytes */
} MediaPosition;

typedef struct WorkerSurveyRequest {
        uint64_t request_id;            /* not 0 */
        uint64_t device_number;
        uint64_t timeout_usec;
        uint8_t depth;                  /* SurveyDepth, not SURVEY_NONE */
        uint8_t share_percent;          /* SURVEY_PATROL: of the time in which it checks, 1 to 100; else 0 */
        uint8_t on_rotating;            /* SURVEY_PATROL: also if the disk rotates */
        uint8_t is_all;                 /* SURVEY_MEDIA: free space as well */
        uint8_t pad[4];
        PatrolPosition position;        /* SURVEY_PATROL */
        MediaPosition media;            /* SURVEY_MEDIA */
        uint64_t rate_bytes;            /* SURVEY_MEDIA: no more than this in a second; 0: no limit */
} WorkerSurveyRequest;

typedef struct WorkerSurveyCancel {
        uint64_t request_id;
} WorkerSurveyCancel;

#define SURVEY_FINDINGS_MAX 64          /* in one record */

/* Files and devices are told by the monitor; findings are metadata that is to be rebuilt elsewhere. */
typedef struct MediaCounts {
        MediaPosition position;
        uint64_t n_bytes;               /* read, or tried to */
        uint64_t n_bytes_left;          /* to be read from the position on, as far as is known */
        uint64_t n_bad, n_bad_bytes;    /* parts that cannot be read */
        uint64_t n_bad_of[N_SPACE_OWNERS];      /* of those, by what lies there; with several owners it counts for
                                                 * each */
} MediaCounts;

/* Findings as they come, in any number of records. Counts are those of the whole survey so far. */
typedef struct WorkerSurveyResult {
        uint64_t request_id;            /* 0: nobody asked, an attachment saw it */
        uint64_t device_number;
        uint64_t n_inodes;              /* looked at */
        uint64_t n_unreadable;          /* groups and inodes that could not be looked at */
        uint64_t n_untold;              /* findings beyond what one survey tells */
        uint32_t n_groups;
        int32_t error;                  /* with is_last: positive errno, 0 if it went to its end; EAGAIN: ask later */
        uint32_t n_findings;            /* in this record; the rest of the array is zero */
        uint8_t is_last;
        uint8_t pad[3];
        /* SURVEY_PATROL: how far it is, and since it was asked. What it finds the kernel tells its monitor. */
        PatrolPosition position;
        uint64_t n_checked, n_damaged;
        uint64_t busy_usec;             /* in the kernel */
        uint64_t read_bytes;            /* from its disks; 0 where the kernel does not count that */
        MediaCounts media;              /* SURVEY_MEDIA: since it was asked */
        SickFinding findings[SURVEY_FINDINGS_MAX];
} WorkerSurveyResult;

typedef struct WorkerZone {
        char name[ZONE_NAME_SIZE];      /* for people: "Europe/Berlin" */
} WorkerZone;

typedef struct WorkerPower {
        uint8_t is_on_battery;
        uint8_t pad[7];
} WorkerPower;

typedef struct WorkerScan {
        uint64_t device_number;
        uint8_t is_running;
        uint8_t outcome;                /* Outcome, when it has ended; OUTCOME_WORKER_LOST: nobody knows */
        uint8_t pad[6];
        char unit[UNIT_NAME_SIZE];      /* of systemd's, "xfs_scrub@srv.service" */
        char detail[JOB_DETAIL_SIZE];
} WorkerScan;

typedef struct WorkerUsersRequest {
        uint64_t request_id;            /* not 0 */
        uint64_t device_number;
        uint64_t inode;                 /* 0: whatever is used of it */
} WorkerUsersRequest;

#define WORKER_USER_DETAIL_SIZE 1024
#define WORKER_USER_WHY_SIZE 64

typedef struct WorkerUser {
        uint64_t request_id;
        uint8_t kind;                   /* UserKind */
        uint8_t runtime;                /* ContainerRuntime */
        uint8_t is_session;             /* it is spared as somebody's session, and for no other reason */
        uint8_t pad;
        uint32_t uses;                  /* bits of UserUse; 0 unless it is a process */
        int32_t pid;                    /* 0 unless it is a process */
        uint32_t uid;                   /* UINT32_MAX: not known */
        uint32_t n_files;
        uint32_t owner;                 /* whose session or manager it runs in; UINT32_MAX: nobody's */
        uint64_t start_ticks;           /* since boot: with the pid it names the process for ever */
        uint64_t pidfd_inode;           /* the same by itself; 0: not told before Linux 6.9 */
        char name[USER_NAME_SIZE];      /* of the program, as it calls itself; of the device */
        char detail[WORKER_USER_DETAIL_SIZE];   /* path of the program, of the file, of the overlay; "": not known */
        char unit[UNIT_NAME_SIZE], user_unit[UNIT_NAME_SIZE], slice[UNIT_NAME_SIZE];
        char container[WORKLOAD_CONTAINER_SIZE];
        char pod[WORKLOAD_POD_SIZE];
        char session[WORKLOAD_SESSION_SIZE];
        char cgroup[WORKLOAD_CGROUP_SIZE];      /* from the root of the hierarchy; "": not known, or too long */
        char account[WORKLOAD_ACCOUNT_SIZE];    /* name of @uid in /etc/passwd; "": it is not there, or too long */
        char spared_because[WORKER_USER_WHY_SIZE];      /* "": it would be taken */
} WorkerUser;

typedef struct WorkerUsersEnd {
        uint64_t request_id;
        int32_t error;                  /* positive errno: not all was looked at; EBUSY: nothing was, ask later */
        uint32_t n_processes;           /* looked at */
        uint32_t n_users;               /* found */
        uint32_t n_untold;              /* found beyond what one answer tells */
        uint32_t n_hung;                /* could not be looked at in time: said to be users, uses unknown */
        uint32_t n_unlooked;            /* left out, because there was no time or no room */
        uint32_t n_changed;             /* ended while they were looked at */
        uint32_t n_files_unknown;       /* descriptors on mounts that are in no namespace */
        uint32_t n_namespaces;          /* of mounts, in which it is mounted */
        uint32_t n_namespaces_unread;
        uint64_t duration_usec;
} WorkerUsersEnd;

typedef struct WorkerFailRequest {
        uint64_t job_id, event_id;      /* job not 0 */
        uint64_t device_number;
        uint64_t inode;                 /* WHO_FILE_USERS; else 0 */
        uint64_t timeout_usec;
        char rule_id[RULE_ID_SIZE];     /* "": a person asked for it */
        WorkloadScope scope;
} WorkerFailRequest;

typedef struct WorkerShutdownRequest {
        uint64_t job_id, event_id;
        uint64_t device_number;
        uint64_t timeout_usec;
} WorkerShutdownRequest;

typedef struct WorkerAutofsckRequest {
        uint64_t request_id;
        uint64_t device_number;
        uint8_t is_set;                 /* false: only read */
        uint8_t autofsck;               /* Autofsck; AUTOFSCK_UNSET removes it */
        uint8_t pad[6];
} WorkerAutofsckRequest;

typedef struct WorkerAutofsckResult {
        uint64_t request_id;
        uint64_t device_number;
        int32_t error;                  /* positive errno, or 0 */
        uint8_t autofsck_state;         /* FactState; known without an error */
        uint8_t autofsck;               /* Autofsck, as it is now */
        uint8_t pad[2];
} WorkerAutofsckResult;

typedef struct WorkerRecycleRequest {
        uint64_t job_id, event_id;      /* job not 0 */
        uint64_t device_number;
        uint64_t timeout_usec;          /* of all steps together */
} WorkerRecycleRequest;

typedef struct WorkerWorkload {
        uint64_t job_id;
        uint8_t fate;                   /* WorkloadFate */
        uint8_t runtime;                /* ContainerRuntime */
        uint8_t is_held;                /* it cannot be started again until that is lifted */
        uint8_t pad;
        uint32_t n_processes;           /* that it had when it was taken, or has if it was spared */
        uint32_t n_left;                /* that still are there */
        uint32_t owner;                 /* UINT32_MAX: nobody's */
        int32_t error;                  /* positive errno, with FATE_LEFT */
        uint32_t pad2;
        char unit[UNIT_NAME_SIZE];      /* "": a container that is no unit, or one of the kernel's users */
        char slice[UNIT_NAME_SIZE];
        char container[WORKLOAD_CONTAINER_SIZE];
        char pod[WORKLOAD_POD_SIZE];
        char name[USER_NAME_SIZE];      /* of its first program */
        char detail[WORKER_USER_DETAIL_SIZE];   /* why it was spared, or what went wrong, in a sentence; may be "" */
} WorkerWorkload;

typedef struct WorkerHold {
        uint64_t job_id, event_id;
        uint64_t since_realtime_usec;
        uint64_t until_boottime_usec;   /* USEC_INFINITY: until the conditions of the file system are gone */
        uint8_t is_over;                /* it was lifted */
        uint8_t has_uuid;
        uint8_t pad[6];
        uint8_t uuid[UUID_SIZE];        /* of the file system */
        char unit[UNIT_NAME_SIZE];
        char rule_id[RULE_ID_SIZE];
} WorkerHold;

typedef struct WorkerHooksRequest {
        uint64_t job_id;                /* of the hooks, not 0 */
        uint64_t announced_job_id, event_id;
        uint64_t device_number;
        uint64_t timeout_usec;          /* not 0: until what was announced is done; what runs then is ended */
        uint64_t act_realtime_usec;     /* the same, for people */
        uint8_t action;                 /* ActionKind: what was announced */
        uint8_t pad[7];
        char rule_id[RULE_ID_SIZE];     /* "": a person asked for it */
} WorkerHooksRequest;

/* Of a hook: its file's; a unit is made of it. */
#define HOOK_NAME_SIZE 128

typedef struct WorkerHook {
        uint64_t job_id;                /* of the hooks */
        uint8_t outcome;                /* Outcome; refused: it is not run */
        uint8_t pad[7];
        char name[HOOK_NAME_SIZE];
        char detail[JOB_DETAIL_SIZE];   /* one sentence; may be "" */
} WorkerHook;

typedef struct WorkerMessage {
        WorkerHeader header;
        union {
                WorkerHello hello;
                WorkerHelloReply hello_reply;
                WorkerHeld held;
                WorkerFilesystem filesystem;
                WorkerMount mount;
                WorkerRepairRequest repair;
                WorkerScrubRequest scrub;
                WorkerUnitRequest unit;
                WorkerGatherRequest gather;
                WorkerGathered gathered;
                WorkerCancel cancel;
                WorkerJobResult result;
                WorkerIntent intent;
                WorkerSurveyRequest survey;
                WorkerSurveyCancel survey_cancel;
                WorkerSurveyResult survey_result;
                WorkerZone zone;
                WorkerPower power;
                WorkerScan scan;
                WorkerJobProgress progress;
                WorkerUsersRequest users;
                WorkerUser user;
                WorkerUsersEnd users_end;
                WorkerFailRequest fail;
                WorkerShutdownRequest shutdown;
                WorkerAutofsckRequest set_autofsck;
                WorkerAutofsckResult autofsck_set;
                WorkerRecycleRequest recycle;
                WorkerWorkload workload;
                WorkerHold hold;
                WorkerHooksRequest hooks;
                WorkerHook hook;
        };
} WorkerMessage;

/* Sets the header for a type and zeroes the payload, which the caller fills in. */
void worker_message_init(WorkerMessage *message, WorkerMessageType type);

/**
 * worker_message_check() - is this a well-formed record?
 * @size_bytes: as received
 *
 * Checks magic, version, type, size, reserved bytes, terminated texts and the ranges of enum values. Pure; fuzzed.
 * Returns: 0; -EPROTONOSUPPORT for another version; -EBADMSG for anything else.
 */
int worker_message_check(const WorkerMessage *message, size_t size_bytes);

/**
 * worker_message_send() - one record, without waiting
 * @fd: descriptor to pass along (borrowed), or a negative value
 *
 * Returns: 0; -EAGAIN if the peer does not read; -EPIPE if it is gone; or another negative errno.
 */
int worker_message_send(int socket_fd, const WorkerMessage *message, int fd);

/**
 * worker_message_receive() - one record, without waiting, checked
 * @ret_fd: the descriptor that came along (new), or -EBADF
 *
 * Returns: 0; -EAGAIN if nothing is there; -ECONNRESET at the end; -EBADMSG or -EPROTONOSUPPORT as
 * worker_message_check(), also for truncated records or more than one descriptor (all of them are closed); or another
 * negative errno.
 */
int worker_message_receive(int socket_fd, WorkerMessage *ret_message, int *ret_fd);

const char *worker_message_type_to_name(WorkerMessageType type);
