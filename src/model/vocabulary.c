/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of words. A new kind, structure or action is a row here and a constant in the header.
 */
#include <syslog.h>

#include "src/model/vocabulary.h"

static const char *const event_kind_names[] = {
        [EVENT_UNRECOGNISED] = "unrecognised",
        [EVENT_SICK] = "sick",
        [EVENT_CORRUPT] = "corrupt",
        [EVENT_HEALTHY] = "healthy",
        [EVENT_SHUTDOWN] = "shutdown",
        [EVENT_MEDIA_ERROR] = "media-error",
        [EVENT_READ_ERROR] = "read-error",
        [EVENT_WRITE_ERROR] = "write-error",
        [EVENT_DATA_LOST] = "data-lost",
        [EVENT_EVENTS_LOST] = "events-lost",
        [EVENT_WATCHING] = "watching",
        [EVENT_UNMOUNTED] = "unmounted",
        [EVENT_FILESYSTEM_ERROR] = "filesystem-error",
        [EVENT_REPAIR_DONE] = "repair-done",
        [EVENT_REPAIR_FAILED] = "repair-failed",
        [EVENT_SCRUB_DONE] = "scrub-done",
        [EVENT_SCRUB_FAILED] = "scrub-failed",
        [EVENT_SURVEY_DONE] = "survey-done",
        [EVENT_SURVEY_FAILED] = "survey-failed",
        [EVENT_VERIFY_DONE] = "verify-done",
        [EVENT_VERIFY_FAILED] = "verify-failed",
        [EVENT_UNIT_DONE] = "unit-done",
        [EVENT_UNIT_FAILED] = "unit-failed",
        [EVENT_WORKLOAD_FAILED] = "workload-failed",
        [EVENT_WORKLOAD_LEFT] = "workload-left",
        [EVENT_WORKLOAD_FROZEN] = "workload-frozen",
        [EVENT_SHUTDOWN_DONE] = "shutdown-done",
        [EVENT_SHUTDOWN_FAILED] = "shutdown-failed",
        [EVENT_RECYCLE_DONE] = "recycle-done",
        [EVENT_RECYCLE_FAILED] = "recycle-failed",
        [EVENT_ACTION_REFUSED] = "action-refused",
        [EVENT_MONITOR_LOST] = "monitor-lost",
        [EVENT_CHECK_DUE] = "check-due",
};
_Static_assert(ELEMENTSOF(event_kind_names) == N_EVENT_KINDS, "every kind has a word");
DEFINE_NAMES(event_kind, EventKind)

bool event_kind_is_result(EventKind kind) {
        /* The header keeps what comes from the kernel before what is ours. */
        return kind >= EVENT_REPAIR_DONE && kind <= EVENT_CHECK_DUE;
}

static const char *const event_source_names[] = {
        [EVENT_SOURCE_HEALTHMON] = "healthmon",
        [EVENT_SOURCE_FANOTIFY] = "fanotify",
        [EVENT_SOURCE_SURVEY] = "survey",
        [EVENT_SOURCE_HEALERD] = "healerd",
        [EVENT_SOURCE_FOREIGN] = "foreign",
};
DEFINE_NAMES(event_source, EventSource)

static const char *const event_domain_names[] = {
        [DOMAIN_UNRECOGNISED] = "unrecognised",
        [DOMAIN_MOUNT] = "mount",
        [DOMAIN_FS] = "fs",
        [DOMAIN_AG] = "ag",
        [DOMAIN_RTGROUP] = "rtgroup",
        [DOMAIN_INODE] = "inode",
        [DOMAIN_DATADEV] = "datadev",
        [DOMAIN_LOGDEV] = "logdev",
        [DOMAIN_RTDEV] = "rtdev",
        [DOMAIN_FILERANGE] = "filerange",
};
_Static_assert(ELEMENTSOF(event_domain_names) == N_EVENT_DOMAINS, "every domain has a word");
DEFINE_NAMES(event_domain, EventDomain)

static const struct {
        EventDomain domain;
        const char *name;
} structures[] = {
        [STRUCTURE_NONE] = { DOMAIN_UNRECOGNISED, NULL },
        [STRUCTURE_UNRECOGNISED] = { DOMAIN_UNRECOGNISED, "unrecognised" },

        [STRUCTURE_FS_COUNTERS] = { DOMAIN_FS, "fscounters" },
        [STRUCTURE_FS_USRQUOTA] = { DOMAIN_FS, "usrquota" },
        [STRUCTURE_FS_GRPQUOTA] = { DOMAIN_FS, "grpquota" },
        [STRUCTURE_FS_PRJQUOTA] = { DOMAIN_FS, "prjquota" },
        [STRUCTURE_FS_RTBITMAP] = { DOMAIN_FS, "bitmap" },
        [STRUCTURE_FS_RTSUMMARY] = { DOMAIN_FS, "summary" },
        [STRUCTURE_FS_QUOTACHECK] = { DOMAIN_FS, "quotacheck" },
        [STRUCTURE_FS_NLINKS] = { DOMAIN_FS, "nlinks" },
        [STRUCTURE_FS_METADIR] = { DOMAIN_FS, "metadir" },
        [STRUCTURE_FS_METAPATH] = { DOMAIN_FS, "metapath" },

        [STRUCTURE_AG_SUPER] = { DOMAIN_AG, "super" },
        [STRUCTURE_AG_AGF] = { DOMAIN_AG, "agf" },
        [STRUCTURE_AG_AGFL] = { DOMAIN_AG, "agfl" },
        [STRUCTURE_AG_AGI] = { DOMAIN_AG, "agi" },
        [STRUCTURE_AG_BNOBT] = { DOMAIN_AG, "bnobt" },
        [STRUCTURE_AG_CNTBT] = { DOMAIN_AG, "cntbt" },
        [STRUCTURE_AG_INOBT] = { DOMAIN_AG, "inobt" },
        [STRUCTURE_AG_FINOBT] = { DOMAIN_AG, "finobt" },
        [STRUCTURE_AG_RMAPBT] = { DOMAIN_AG, "rmapbt" },
        [STRUCTURE_AG_REFCOUNTBT] = { DOMAIN_AG, "refcountbt" },
        [STRUCTURE_AG_INODES] = { DOMAIN_AG, "inodes" },

        [STRUCTURE_RTGROUP_SUPER] = { DOMAIN_RTGROUP, "super" },
        [STRUCTURE_RTGROUP_BITMAP] = { DOMAIN_RTGROUP, "bitmap" },
        [STRUCTURE_RTGROUP_SUMMARY] = { DOMAIN_RTGROUP, "summary" },
        [STRUCTURE_RTGROUP_RMAPBT] = { DOMAIN_RTGROUP, "rmapbt" },
        [STRUCTURE_RTGROUP_REFCOUNTBT] = { DOMAIN_RTGROUP, "refcountbt" },

        [STRUCTURE_INODE_CORE] = { DOMAIN_INODE, "core" },
        [STRUCTURE_INODE_DATAFORK] = { DOMAIN_INODE, "datafork" },
        [STRUCTURE_INODE_ATTRFORK] = { DOMAIN_INODE, "attrfork" },
        [STRUCTURE_INODE_COWFORK] = { DOMAIN_INODE, "cowfork" },
        [STRUCTURE_INODE_DIRECTORY] = { DOMAIN_INODE, "directory" },
        [STRUCTURE_INODE_XATTR] = { DOMAIN_INODE, "xattr" },
        [STRUCTURE_INODE_SYMLINK] = { DOMAIN_INODE, "symlink" },
        [STRUCTURE_INODE_PARENT] = { DOMAIN_INODE, "parent" },
        [STRUCTURE_INODE_DIRTREE] = { DOMAIN_INODE, "dirtree" },
};
_Static_assert(ELEMENTSOF(structures) == N_STRUCTURES, "every structure has a row");

const char *structure_to_name(Structure structure) {
        return (size_t) structure < ELEMENTSOF(structures) ? structures[structure].name : NULL;
}

EventDomain structure_domain(Structure structure) {
        return (size_t) structure < ELEMENTSOF(structures) ? structures[structure].domain : DOMAIN_UNRECOGNISED;
}

/* @any_domain: look at words alone. A structure without a word and domain is found by nobody. */
static int structure_find(bool any_domain, EventDomain domain, const char *name, Structure *ret_structure) {
        for (size_t i = 0; i < ELEMENTSOF(structures); i++) {
                if (!structures[i].name || strcmp(structures[i].name, name) != 0)
                        continue;
                /* Each domain can report a bit that we do not know. */
                if (any_domain || structures[i].domain == domain || i == STRUCTURE_UNRECOGNISED) {
                        *ret_structure = (Structure) i;
                        return 0;
                }
        }

        return -EINVAL;
}

int structure_from_name(EventDomain domain, const char *name, Structure *ret_structure) {
        return structure_find(false, domain, name, ret_structure);
}

bool structure_name_exists(const char *name) {
        Structure structure;

        return structure_find(true, DOMAIN_UNRECOGNISED, name, &structure) >= 0;
}

static const char *const severity_names[] = {
        [SEVERITY_ALERT] = "alert",
        [SEVERITY_CRITICAL] = "critical",
        [SEVERITY_ERROR] = "error",
        [SEVERITY_WARNING] = "warning",
        [SEVERITY_NOTICE] = "notice",
        [SEVERITY_INFO] = "info",
};
DEFINE_NAMES(severity, Severity)

int severity_to_syslog(Severity severity) {
        static const int levels[] = {
                [SEVERITY_ALERT] = LOG_ALERT,
                [SEVERITY_CRITICAL] = LOG_CRIT,
                [SEVERITY_ERROR] = LOG_ERR,
                [SEVERITY_WARNING] = LOG_WARNING,
                [SEVERITY_NOTICE] = LOG_NOTICE,
                [SEVERITY_INFO] = LOG_INFO,
        };

        return (size_t) severity < ELEMENTSOF(levels) ? levels[severity] : LOG_WARNING;
}

Severity event_kind_severity(EventKind kind) {
        static const Severity severities[] = {
                [EVENT_UNRECOGNISED] = SEVERITY_WARNING,
                [EVENT_SICK] = SEVERITY_ERROR,
                [EVENT_CORRUPT] = SEVERITY_ERROR,
                [EVENT_HEALTHY] = SEVERITY_NOTICE,
                [EVENT_SHUTDOWN] = SEVERITY_CRITICAL,
                [EVENT_MEDIA_ERROR] = SEVERITY_ERROR,
                [EVENT_READ_ERROR] = SEVERITY_ERROR,
                [EVENT_WRITE_ERROR] = SEVERITY_ERROR,
                [EVENT_DATA_LOST] = SEVERITY_CRITICAL,
                [EVENT_EVENTS_LOST] = SEVERITY_ERROR,
                [EVENT_WATCHING] = SEVERITY_INFO,
                [EVENT_UNMOUNTED] = SEVERITY_INFO,
                [EVENT_FILESYSTEM_ERROR] = SEVERITY_ERROR,
                [EVENT_REPAIR_DONE] = SEVERITY_NOTICE,
                [EVENT_REPAIR_FAILED] = SEVERITY_ERROR,
                [EVENT_SCRUB_DONE] = SEVERITY_NOTICE,
                [EVENT_SCRUB_FAILED] = SEVERITY_ERROR,
                [EVENT_SURVEY_DONE] = SEVERITY_NOTICE,
                [EVENT_SURVEY_FAILED] = SEVERITY_WARNING,
                [EVENT_VERIFY_DONE] = SEVERITY_NOTICE,
                [EVENT_VERIFY_FAILED] = SEVERITY_WARNING,
                [EVENT_UNIT_DONE] = SEVERITY_NOTICE,
                [EVENT_UNIT_FAILED] = SEVERITY_ERROR,
                [EVENT_WORKLOAD_FAILED] = SEVERITY_CRITICAL,
                [EVENT_WORKLOAD_LEFT] = SEVERITY_CRITICAL,
                [EVENT_WORKLOAD_FROZEN] = SEVERITY_WARNING,
                [EVENT_SHUTDOWN_DONE] = SEVERITY_CRITICAL,
                [EVENT_SHUTDOWN_FAILED] = SEVERITY_ERROR,
                [EVENT_RECYCLE_DONE] = SEVERITY_WARNING,
                [EVENT_RECYCLE_FAILED] = SEVERITY_CRITICAL,
                [EVENT_ACTION_REFUSED] = SEVERITY_WARNING,
                [EVENT_MONITOR_LOST] = SEVERITY_ERROR,
                [EVENT_CHECK_DUE] = SEVERITY_INFO,
        };
        _Static_assert(ELEMENTSOF(severities) == N_EVENT_KINDS, "every kind has a severity");

        return (size_t) kind < ELEMENTSOF(severities) ? severities[kind] : SEVERITY_WARNING;
}

typedef struct ShutdownReasonRow {
        ShutdownReason reason;
        const char *name;
        const char *text;               /* upstream's words */
} ShutdownReasonRow;

static const ShutdownReasonRow shutdown_reasons[] = {
        { SHUTDOWN_METADATA_IO_ERROR, "metadata-io-error", "metadata I/O error" },
        { SHUTDOWN_LOG_IO_ERROR, "log-io-error", "log I/O error" },
        { SHUTDOWN_FORCED_UNMOUNT, "forced-unmount", "forced unmount" },
        { SHUTDOWN_INCORE_CORRUPTION, "incore-corruption", "in-memory state corruption" },
        { SHUTDOWN_ONDISK_CORRUPTION, "ondisk-corruption", "ondisk metadata corruption" },
        { SHUTDOWN_DEVICE_REMOVED, "device-removed", "device removed" },
};

static const ShutdownReasonRow *shutdown_reason_find(uint32_t reason) {
        for (size_t i = 0; i < ELEMENTSOF(shutdown_reasons); i++)
                if ((uint32_t) shutdown_reasons[i].reason == reason)
                        return shutdown_reasons + i;

        return NULL;
}

const char *shutdown_reason_to_text(uint32_t reason) {
        const ShutdownReasonRow *row = shutdown_reason_find(reason);

        return row ? row->text : NULL;
}

const char *shutdown_reason_to_name(uint32_t reason) {
        const ShutdownReasonRow *row = shutdown_reason_find(reason);

        if (row)
                return row->name;
        return reason != 0 && (reason & (reason - 1)) == 0 ? "unrecognised" : NULL;
}

static const char *const action_kind_names[] = {
        [ACTION_LOG] = "log",
        [ACTION_NOTIFY] = "notify",
        [ACTION_CONDITION] = "condition",
        [ACTION_SURVEY] = "survey",
        [ACTION_REPAIR] = "repair",
        [ACTION_SCRUB] = "scrub",
        [ACTION_VERIFY_MEDIA] = "verify-media",
        [ACTION_FAIL_WORKLOAD] = "fail-workload",
        [ACTION_FREEZE] = "freeze",
        [ACTION_SHUTDOWN] = "shutdown",
        [ACTION_RECYCLE] = "recycle",
        [ACTION_START_UNIT] = "start-unit",
};
_Static_assert(ELEMENTSOF(action_kind_names) == N_ACTION_KINDS, "every action has a word");
DEFINE_NAMES(action_kind, ActionKind)

bool action_kind_is_destructive(ActionKind kind) {
        switch (kind) {
        case ACTION_REPAIR:
        case ACTION_SCRUB: /* can repair; the kind alone does not say whether it will */
        case ACTION_FAIL_WORKLOAD:
        case ACTION_FREEZE:
        case ACTION_SHUTDOWN:
        case ACTION_RECYCLE:
                return true;
        case ACTION_LOG:
        case ACTION_NOTIFY:
        case ACTION_CONDITION:
        case ACTION_SURVEY:
        case ACTION_VERIFY_MEDIA: /* reads only */
        case ACTION_START_UNIT: /* the administrator's own unit, which looks at the facts itself */
                return false;
        }

        return true; /* a value from elsewhere: what we do not know is dangerous */
}

static const char *const autofsck_names[] = {
        [AUTOFSCK_UNSET] = "unset",
        [AUTOFSCK_NONE] = "none",
        [AUTOFSCK_CHECK] = "check",
        [AUTOFSCK_OPTIMIZE] = "optimize",
        [AUTOFSCK_REPAIR] = "repair",
};
DEFINE_NAMES(autofsck, Autofsck)
