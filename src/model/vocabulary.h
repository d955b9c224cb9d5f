/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All words for what can happen and what can be done: one place for parser, journal, bus, command
 * line and documentation. Words are lower case with dashes, untranslated and never renamed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "src/basic/names.h"

/* What happened. The first group comes from the kernel, the second is ours. */
typedef enum EventKind {
        EVENT_UNRECOGNISED,             /* a type this version does not know; raw values are kept */
        EVENT_SICK,                     /* the kernel stumbled over damage in ordinary use */
        EVENT_CORRUPT,                  /* a scrub found damage */
        EVENT_HEALTHY,                  /* a scrub found it good, or it was repaired */
        EVENT_SHUTDOWN,
        EVENT_MEDIA_ERROR,
        EVENT_READ_ERROR,
        EVENT_WRITE_ERROR,
        EVENT_DATA_LOST,
        EVENT_EVENTS_LOST,              /* count = how many the kernel could not keep */
        EVENT_WATCHING,                 /* the monitor began */
        EVENT_UNMOUNTED,
        EVENT_FILESYSTEM_ERROR,         /* an error that the file system tells by its errno alone (FAN_FS_ERROR,
                                         * counters) */

        EVENT_REPAIR_DONE,
        EVENT_REPAIR_FAILED,
        EVENT_SCRUB_DONE,
        EVENT_SCRUB_FAILED,
        EVENT_SURVEY_DONE,
        EVENT_SURVEY_FAILED,
        EVENT_VERIFY_DONE,
        EVENT_VERIFY_FAILED,
        EVENT_UNIT_DONE,
        EVENT_UNIT_FAILED,
        EVENT_WORKLOAD_FAILED,          /* all that were to be ended are */
        EVENT_WORKLOAD_LEFT,            /* not all of them */
        EVENT_WORKLOAD_FROZEN,          /* they stood still for their time, and run again */
        EVENT_SHUTDOWN_DONE,            /* the file system was shut down because somebody wanted it */
        EVENT_SHUTDOWN_FAILED,
        EVENT_RECYCLE_DONE,             /* unmounted, mounted again, well, and its units started again */
        EVENT_RECYCLE_FAILED,
        EVENT_ACTION_REFUSED,
        EVENT_MONITOR_LOST,             /* the file system lives, but nobody watches it any more */
        EVENT_CHECK_DUE,                /* by a schedule */
} EventKind;
DECLARE_NAMES(event_kind, EventKind)
#define N_EVENT_KINDS (EVENT_CHECK_DUE + 1)

/* Results of our own actions: rules on them may tell, never act (no loops). */
bool event_kind_is_result(EventKind kind);

/* Who told it. */
typedef enum EventSource {
        EVENT_SOURCE_HEALTHMON,         /* the health monitor of XFS, the moment it happened */
        EVENT_SOURCE_FANOTIFY,          /* FAN_FS_ERROR, the moment it happened */
        EVENT_SOURCE_SURVEY,            /* what the kernel or the disk remembered when we asked: older than the event */
        EVENT_SOURCE_HEALERD,           /* ourselves: results, the end of watching */
        EVENT_SOURCE_FOREIGN,           /* another program on this machine, by its unit: results of its scans */
} EventSource;
DECLARE_NAMES(event_source, EventSource)

/* Where it happened. */
typedef enum EventDomain {
        DOMAIN_UNRECOGNISED,
        DOMAIN_MOUNT,                   /* the mounted file system as an object */
        DOMAIN_FS,                      /* metadata of the whole file system */
        DOMAIN_AG,
        DOMAIN_RTGROUP,
        DOMAIN_INODE,
        DOMAIN_DATADEV,
        DOMAIN_LOGDEV,
        DOMAIN_RTDEV,
        DOMAIN_FILERANGE,
} EventDomain;
DECLARE_NAMES(event_domain, EventDomain)
#define N_EVENT_DOMAINS (DOMAIN_FILERANGE + 1)

/* One metadata structure. The same word ("super", "rmapbt") may stand in several domains. */
typedef enum Structure {
        STRUCTURE_NONE,                 /* the event names none */
        STRUCTURE_UNRECOGNISED,         /* a bit this version does not know; HealthEvent.unknown_bits */

        STRUCTURE_FS_COUNTERS,
        STRUCTURE_FS_USRQUOTA,
        STRUCTURE_FS_GRPQUOTA,
        STRUCTURE_FS_PRJQUOTA,
        STRUCTURE_FS_RTBITMAP,
        STRUCTURE_FS_RTSUMMARY,
        STRUCTURE_FS_QUOTACHECK,
        STRUCTURE_FS_NLINKS,
        STRUCTURE_FS_METADIR,
        STRUCTURE_FS_METAPATH,

        STRUCTURE_AG_SUPER,
        STRUCTURE_AG_AGF,
        STRUCTURE_AG_AGFL,
        STRUCTURE_AG_AGI,
        STRUCTURE_AG_BNOBT,
        STRUCTURE_AG_CNTBT,
        STRUCTURE_AG_INOBT,
        STRUCTURE_AG_FINOBT,
        STRUCTURE_AG_RMAPBT,
        STRUCTURE_AG_REFCOUNTBT,
        STRUCTURE_AG_INODES,

        STRUCTURE_RTGROUP_SUPER,
        STRUCTURE_RTGROUP_BITMAP,
        STRUCTURE_RTGROUP_SUMMARY,
        STRUCTURE_RTGROUP_RMAPBT,
        STRUCTURE_RTGROUP_REFCOUNTBT,

        STRUCTURE_INODE_CORE,
        STRUCTURE_INODE_DATAFORK,
        STRUCTURE_INODE_ATTRFORK,
        STRUCTURE_INODE_COWFORK,
        STRUCTURE_INODE_DIRECTORY,
        STRUCTURE_INODE_XATTR,
        STRUCTURE_INODE_SYMLINK,
        STRUCTURE_INODE_PARENT,
        STRUCTURE_INODE_DIRTREE,
} Structure;
#define N_STRUCTURES (STRUCTURE_INODE_DIRTREE + 1)

/* The word upstream's log lines use ("finobt", "core"); "unrecognised"; NULL for STRUCTURE_NONE. */
const char *structure_to_name(Structure structure);
/* DOMAIN_UNRECOGNISED for STRUCTURE_NONE and STRUCTURE_UNRECOGNISED, which belong to no domain. */
EventDomain structure_domain(Structure structure);
/* The structure with this word in this domain ("unrecognised": in each). Returns 0 or -EINVAL. */
int structure_from_name(EventDomain domain, const char *name, Structure *ret_structure);
/* True if any domain has this word ("unrecognised" included). */
bool structure_name_exists(const char *name);

/* How bad, in syslog's order; SEVERITY_ALERT is the worst that rules may name. */
typedef enum Severity {
        SEVERITY_ALERT,
        SEVERITY_CRITICAL,
        SEVERITY_ERROR,
        SEVERITY_WARNING,
        SEVERITY_NOTICE,
        SEVERITY_INFO,
} Severity;
DECLARE_NAMES(severity, Severity)
int severity_to_syslog(Severity severity);
/* The severity an event has by its kind alone (man page healer-policy(5) shows this table). */
Severity event_kind_severity(EventKind kind);

/* Bits of HealthEvent.shutdown_reasons. Source: XFS_HEALTH_SHUTDOWN_*, Linux 7.2. */
typedef enum ShutdownReason {
        SHUTDOWN_METADATA_IO_ERROR = 1 << 0,
        SHUTDOWN_LOG_IO_ERROR = 1 << 1,
        SHUTDOWN_FORCED_UNMOUNT = 1 << 2,
        SHUTDOWN_INCORE_CORRUPTION = 1 << 3,
        SHUTDOWN_ONDISK_CORRUPTION = 1 << 4,
        SHUTDOWN_DEVICE_REMOVED = 1 << 5,
} ShutdownReason;
/* The phrase of one bit ("log I/O error"); NULL for a bit without one. */
const char *shutdown_reason_to_text(uint32_t reason);
#define N_SHUTDOWN_REASONS 32           /* bits that there can be */
/* The word of one bit ("log-io-error"), "unrecognised" for one that this version does not know; NULL if @reason is not
 * one bit. */
const char *shutdown_reason_to_name(uint32_t reason);

typedef enum IoPath {
        IO_PATH_NONE,
        IO_PATH_BUFFERED,
        IO_PATH_DIRECT,
        IO_PATH_MEDIA,
} IoPath;

/* What may be done. Actions that this build does not carry out are refused by name at load time. */
typedef enum ActionKind {
        ACTION_LOG,
        ACTION_NOTIFY,
        ACTION_CONDITION,
        ACTION_SURVEY,
        ACTION_REPAIR,
        ACTION_SCRUB,
        ACTION_VERIFY_MEDIA,
        ACTION_FAIL_WORKLOAD,
        ACTION_FREEZE,
        ACTION_SHUTDOWN,
        ACTION_RECYCLE,
        ACTION_START_UNIT,
} ActionKind;
DECLARE_NAMES(action_kind, ActionKind)
#define N_ACTION_KINDS (ACTION_START_UNIT + 1)
/* Touches data, processes or availability: never chosen on an unknown or empty match. */
bool action_kind_is_destructive(ActionKind kind);

typedef enum Autofsck {
        AUTOFSCK_UNSET,                 /* no property on the root directory */
        AUTOFSCK_NONE,
        AUTOFSCK_CHECK,
        AUTOFSCK_OPTIMIZE,
        AUTOFSCK_REPAIR,
} Autofsck;
DECLARE_NAMES(autofsck, Autofsck)       /* AUTOFSCK_UNSET is "unset" */

/* errno <-> "ENOSPC". Returns NULL / -EINVAL for what Linux does not have. */
const char *errno_to_name(int error);
int errno_from_name(const char *name, int *ret_error);
