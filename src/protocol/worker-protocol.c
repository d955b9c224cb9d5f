/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records between healerd and healer-worker: what a well-formed one looks like (one table), and
 * how one travels. Both programs link this, so that neither can drift from the other.
 */

#include "src/protocol/worker-protocol.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/packet.h"

static const char *const monitor_state_names[] = {
        [MONITOR_NONE] = "none",
        [MONITOR_OPENED] = "opened",
        [MONITOR_FOREIGN] = "foreign",
        [MONITOR_UNSUPPORTED] = "unsupported",
        [MONITOR_FAILED] = "failed",
        [MONITOR_ENDED] = "ended",
};
DEFINE_NAMES(monitor_state, MonitorState)

static const char *const survey_depth_names[] = {
        [SURVEY_NONE] = "none",
        [SURVEY_GROUPS] = "groups",
        [SURVEY_INODES] = "inodes",
        [SURVEY_PATROL] = "patrol",
        [SURVEY_MEDIA] = "media",
};
DEFINE_NAMES(survey_depth, SurveyDepth)

static const char *const patrol_stage_names[] = {
        [PATROL_GROUPS] = "groups",
        [PATROL_RTGROUPS] = "real-time groups",
        [PATROL_INODES] = "inodes",
        [PATROL_WHOLE] = "whole",
        [PATROL_DONE] = "done",
};
DEFINE_NAMES(patrol_stage, PatrolStage)

typedef enum FieldRule {
        FIELD_TEXT,                     /* has a NUL byte within its size */
        FIELD_BYTE_BELOW,               /* an unsigned byte below the limit */
        FIELD_WORD_BELOW,               /* an unsigned 32-bit value below the limit */
        FIELD_NOT_NEGATIVE,             /* a signed 32-bit value: errno, pid, flag */
        FIELD_ZERO,                     /* reserved bytes */
} FieldRule;

typedef struct FieldCheck {
        WorkerMessageType type;
        FieldRule rule;
        size_t offset, size_bytes;
        uint32_t limit;
} FieldCheck;

#define FIELD(message_type, rule_, member, limit_)                                      \
        { message_type, rule_, offsetof(WorkerMessage, member),                         \
          sizeof(((WorkerMessage *) NULL)->member), limit_ }
#define TEXT(type, member) FIELD(type, FIELD_TEXT, member, 0)
#define BYTE(type, member, limit) FIELD(type, FIELD_BYTE_BELOW, member, limit)
#define WORD(type, member, limit) FIELD(type, FIELD_WORD_BELOW, member, limit)
#define COUNT(type, member) FIELD(type, FIELD_NOT_NEGATIVE, member, 0)
#define ZERO(type, member) FIELD(type, FIELD_ZERO, member, 0)

#define OLD_ERRORS(type, member)                                                        \
        COUNT(type, member.error),                                                      \
        ZERO(type, member.pad),                                                         \
        TEXT(type, member.location)

#define ACCOUNT(type, member)                                                           \
        BYTE(type, member.name_state, N_FACT_STATES),                                   \
        ZERO(type, member.pad),                                                         \
        TEXT(type, member.name)

#define N_BOOLEANS 2
#define N_TRISTATES (TRISTATE_UNKNOWN + 1)
#define N_FACT_STATES (FACT_KNOWN + 1)
#define N_AUTOFSCKS (AUTOFSCK_REPAIR + 1)
#define N_MONITOR_STATES (MONITOR_ENDED + 1)
#define N_MOUNT_WATCHES (MOUNT_WATCH_LIBMOUNT + 1)

static const FieldCheck field_checks[] = {
        TEXT(WORKER_HELLO, hello.program_version),

        TEXT(WORKER_HELLO_REPLY, hello_reply.program_version),
        TEXT(WORKER_HELLO_REPLY, hello_reply.kernel_release),
        BYTE(WORKER_HELLO_REPLY, hello_reply.watches_by, N_MOUNT_WATCHES),
        ZERO(WORKER_HELLO_REPLY, hello_reply.pad),

        BYTE(WORKER_FILESYSTEM, filesystem.monitor_state, N_MONITOR_STATES),
        BYTE(WORKER_FILESYSTEM, filesystem.uuid_state, N_FACT_STATES),
        BYTE(WORKER_FILESYSTEM, filesystem.label_state, N_FACT_STATES),
        BYTE(WORKER_FILESYSTEM, filesystem.autofsck_state, N_FACT_STATES),
        BYTE(WORKER_FILESYSTEM, filesystem.autofsck, N_AUTOFSCKS),
        BYTE(WORKER_FILESYSTEM, filesystem.is_root, N_TRISTATES),
        BYTE(WORKER_FILESYSTEM, filesystem.is_state, N_TRISTATES),
        BYTE(WORKER_FILESYSTEM, filesystem.is_removable, N_TRISTATES),
        BYTE(WORKER_FILESYSTEM, filesystem.is_read_only, N_TRISTATES),
        BYTE(WORKER_FILESYSTEM, filesystem.has_rmapbt, N_BOOLEANS),
        BYTE(WORKER_FILESYSTEM, filesystem.has_parent_pointers, N_BOOLEANS),
        BYTE(WORKER_FILESYSTEM, filesystem.has_error_watch, N_BOOLEANS),
        BYTE(WORKER_FILESYSTEM, filesystem.has_metadir, N_BOOLEANS),
        ZERO(WORKER_FILESYSTEM, filesystem.pad),
        COUNT(WORKER_FILESYSTEM, filesystem.error),
        COUNT(WORKER_FILESYSTEM, filesystem.autofsck_error),
        COUNT(WORKER_FILESYSTEM, filesystem.holder_pid),
        COUNT(WORKER_FILESYSTEM, filesystem.error_watch_error),
        WORD(WORKER_FILESYSTEM, filesystem.n_disks, FILESYSTEM_DISKS_MAX + 1),
        OLD_ERRORS(WORKER_FILESYSTEM, filesystem.old_errors[0]),
        OLD_ERRORS(WORKER_FILESYSTEM, filesystem.old_errors[1]),
        TEXT(WORKER_FILESYSTEM, filesystem.type),
        TEXT(WORKER_FILESYSTEM, filesystem.label),
        TEXT(WORKER_FILESYSTEM, filesystem.holder_name),
        TEXT(WORKER_FILESYSTEM, filesystem.device),

        BYTE(WORKER_MOUNT_ADDED, mount.is_read_only, N_BOOLEANS),
        BYTE(WORKER_MOUNT_ADDED, mount.is_whole, N_BOOLEANS),
        ZERO(WORKER_MOUNT_ADDED, mount.pad),
        TEXT(WORKER_MOUNT_ADDED, mount.mount_point),

        BYTE(WORKER_MOUNT_GONE, mount.is_read_only, N_BOOLEANS),
        BYTE(WORKER_MOUNT_GONE, mount.is_whole, N_BOOLEANS),
        ZERO(WORKER_MOUNT_GONE, mount.pad),
        TEXT(WORKER_MOUNT_GONE, mount.mount_point),

        WORD(WORKER_REPAIR, repair.target.structure, N_STRUCTURES),
        BYTE(WORKER_REPAIR, repair.expects_autofsck, N_BOOLEANS),
        BYTE(WORKER_REPAIR, repair.autofsck, N_AUTOFSCKS),
        BYTE(WORKER_REPAIR, repair.is_forced, N_BOOLEANS),
        ZERO(WORKER_REPAIR, repair.pad),
        TEXT(WORKER_REPAIR, repair.override_harmful),

        BYTE(WORKER_SCRUB, scrub.may_repair, N_BOOLEANS),
        BYTE(WORKER_SCRUB, scrub.is_polite, N_BOOLEANS),
        ZERO(WORKER_SCRUB, scrub.pad),

        BYTE(WORKER_GATHER, gather.wants_path, N_BOOLEANS),
        BYTE(WORKER_GATHER, gather.wants_owner, N_BOOLEANS),
        BYTE(WORKER_GATHER, gather.wants_project, N_BOOLEANS),
        BYTE(WORKER_GATHER, gather.is_lost, N_BOOLEANS),
        WORD(WORKER_GATHER, gather.checked.domain, N_EVENT_DOMAINS),
        WORD(WORKER_GATHER, gather.checked.structure, N_STRUCTURES),
        ZERO(WORKER_GATHER, gather.checked.is_unreadable),

        TEXT(WORKER_START_UNIT, unit.template),
        TEXT(WORKER_START_UNIT, unit.last_words),

        BYTE(WORKER_GATHERED, gathered.autofsck_state, N_FACT_STATES),
        BYTE(WORKER_GATHERED, gathered.autofsck, N_AUTOFSCKS),
        BYTE(WORKER_GATHERED, gathered.path_state, N_FACT_STATES),
        BYTE(WORKER_GATHERED, gathered.is_read_only, N_TRISTATES),
        BYTE(WORKER_GATHERED, gathered.is_sick, N_TRISTATES),
        ZERO(WORKER_GATHERED, gathered.pad),
        COUNT(WORKER_GATHERED, gathered.autofsck_error),
        COUNT(WORKER_GATHERED, gathered.path_error),
        ZERO(WORKER_GATHERED, gathered.pad2),
        OLD_ERRORS(WORKER_GATHERED, gathered.last_error),
        BYTE(WORKER_GATHERED, gathered.owner.state, N_FACT_STATES),
        BYTE(WORKER_GATHERED, gathered.owner.project_state, N_FACT_STATES),
        ZERO(WORKER_GATHERED, gathered.owner.pad),
        COUNT(WORKER_GATHERED, gathered.owner.error),
        COUNT(WORKER_GATHERED, gathered.owner.project_error),
        ACCOUNT(WORKER_GATHERED, gathered.owner.user),
        ACCOUNT(WORKER_GATHERED, gathered.owner.group),
        TEXT(WORKER_GATHERED, gathered.path),

        BYTE(WORKER_JOB_STARTED, result.outcome, N_OUTCOMES),
        BYTE(WORKER_JOB_STARTED, result.was_verified, N_BOOLEANS),
        BYTE(WORKER_JOB_STARTED, result.have_facts_changed, N_BOOLEANS),
        BYTE(WORKER_JOB_STARTED, result.boot_check, N_BOOT_CHECKS),
        COUNT(WORKER_JOB_STARTED, result.error),
        ZERO(WORKER_JOB_STARTED, result.pad2),
        TEXT(WORKER_JOB_STARTED, result.detail),
        TEXT(WORKER_JOB_STARTED, result.path),

        BYTE(WORKER_JOB_RESULT, result.outcome, N_OUTCOMES),
        BYTE(WORKER_JOB_RESULT, result.was_verified, N_BOOLEANS),
        BYTE(WORKER_JOB_RESULT, result.have_facts_changed, N_BOOLEANS),
        BYTE(WORKER_JOB_RESULT, result.boot_check, N_BOOT_CHECKS),
        COUNT(WORKER_JOB_RESULT, result.error),
        ZERO(WORKER_JOB_RESULT, result.pad2),
        TEXT(WORKER_JOB_RESULT, result.detail),
        TEXT(WORKER_JOB_RESULT, result.path),

        WORD(WORKER_INTENT_LEFT, intent.target.structure, N_STRUCTURES),
        BYTE(WORKER_INTENT_LEFT, intent.is_ban, N_BOOLEANS),
        BYTE(WORKER_INTENT_LEFT, intent.is_running, N_BOOLEANS),
        ZERO(WORKER_INTENT_LEFT, intent.pad),
        COUNT(WORKER_INTENT_LEFT, intent.pid),
        TEXT(WORKER_INTENT_LEFT, intent.kernel_release),
        ZERO(WORKER_INTENT_LEFT, intent.pad2),

        BYTE(WORKER_SURVEY, survey.depth, N_SURVEY_DEPTHS),
        BYTE(WORKER_SURVEY, survey.share_percent, 101),
        BYTE(WORKER_SURVEY, survey.on_rotating, N_BOOLEANS),
        BYTE(WORKER_SURVEY, survey.is_all, N_BOOLEANS),
        WORD(WORKER_SURVEY, survey.position.stage, N_PATROL_STAGES),
        WORD(WORKER_SURVEY, survey.media.stage, N_MEDIA_STAGES),
        ZERO(WORKER_SURVEY, survey.media.pad),
        ZERO(WORKER_SURVEY, survey.pad),

        COUNT(WORKER_SURVEY_RESULT, survey_result.error),
        WORD(WORKER_SURVEY_RESULT, survey_result.n_findings, SURVEY_FINDINGS_MAX + 1),
        BYTE(WORKER_SURVEY_RESULT, survey_result.is_last, N_BOOLEANS),
        WORD(WORKER_SURVEY_RESULT, survey_result.position.stage, N_PATROL_STAGES),
        WORD(WORKER_SURVEY_RESULT, survey_result.media.position.stage, N_MEDIA_STAGES),
        ZERO(WORKER_SURVEY_RESULT, survey_result.media.position.pad),
        ZERO(WORKER_SURVEY_RESULT, survey_result.pad),

        TEXT(WORKER_ZONE, zone.name),

        BYTE(WORKER_POWER, power.is_on_battery, N_BOOLEANS),
        ZERO(WORKER_POWER, power.pad),

        WORD(WORKER_JOB_PROGRESS, progress.percent, 101),

        BYTE(WORKER_SCAN, scan.is_running, N_BOOLEANS),
        BYTE(WORKER_SCAN, scan.outcome, N_OUTCOMES),
        ZERO(WORKER_SCAN, scan.pad),
        TEXT(WORKER_SCAN, scan.unit),
        TEXT(WORKER_SCAN, scan.detail),

        BYTE(WORKER_USER, user.kind, N_USER_KINDS),
        BYTE(WORKER_USER, user.runtime, N_CONTAINER_RUNTIMES),
        BYTE(WORKER_USER, user.is_session, N_BOOLEANS),
        ZERO(WORKER_USER, user.pad),
        WORD(WORKER_USER, user.uses, USER_USES_ALL + 1),
        COUNT(WORKER_USER, user.pid),
        TEXT(WORKER_USER, user.name),
        TEXT(WORKER_USER, user.detail),
        TEXT(WORKER_USER, user.unit),
        TEXT(WORKER_USER, user.user_unit),
        TEXT(WORKER_USER, user.slice),
        TEXT(WORKER_USER, user.container),
        TEXT(WORKER_USER, user.pod),
        TEXT(WORKER_USER, user.session),
        TEXT(WORKER_USER, user.cgroup),
        TEXT(WORKER_USER, user.account),
        TEXT(WORKER_USER, user.spared_because),

        COUNT(WORKER_USERS_END, users_end.error),

        TEXT(WORKER_FAIL, fail.rule_id),
        BYTE(WORKER_FAIL, fail.scope.who, N_WORKLOAD_WHOS),
        BYTE(WORKER_FAIL, fail.scope.how, N_WORKLOAD_HOWS),
        BYTE(WORKER_FAIL, fail.scope.is_large_confirmed, N_BOOLEANS),
        BYTE(WORKER_FAIL, fail.scope.even_if_unused, N_BOOLEANS),
        TEXT(WORKER_FAIL, fail.scope.only[WORKLOAD_KEY_UNIT]),
        TEXT(WORKER_FAIL, fail.scope.only[WORKLOAD_KEY_SLICE]),
        TEXT(WORKER_FAIL, fail.scope.only[WORKLOAD_KEY_CONTAINER]),
        TEXT(WORKER_FAIL, fail.scope.only[WORKLOAD_KEY_POD]),

        BYTE(WORKER_WORKLOAD, workload.fate, N_WORKLOAD_FATES),
        BYTE(WORKER_WORKLOAD, workload.runtime, N_CONTAINER_RUNTIMES),
        BYTE(WORKER_WORKLOAD, workload.is_held, N_BOOLEANS),
        ZERO(WORKER_WORKLOAD, workload.pad),
        COUNT(WORKER_WORKLOAD, workload.error),
        ZERO(WORKER_WORKLOAD, workload.pad2),
        TEXT(WORKER_WORKLOAD, workload.unit),
        TEXT(WORKER_WORKLOAD, workload.slice),
        TEXT(WORKER_WORKLOAD, workload.container),
        TEXT(WORKER_WORKLOAD, workload.pod),
        TEXT(WORKER_WORKLOAD, workload.name),
        TEXT(WORKER_WORKLOAD, workload.detail),

        BYTE(WORKER_SET_AUTOFSCK, set_autofsck.is_set, N_BOOLEANS),
        BYTE(WORKER_SET_AUTOFSCK, set_autofsck.autofsck, N_AUTOFSCKS),
        ZERO(WORKER_SET_AUTOFSCK, set_autofsck.pad),

        COUNT(WORKER_AUTOFSCK, autofsck_set.error),
        BYTE(WORKER_AUTOFSCK, autofsck_set.autofsck_state, N_FACT_STATES),
        BYTE(WORKER_AUTOFSCK, autofsck_set.autofsck, N_AUTOFSCKS),
        ZERO(WORKER_AUTOFSCK, autofsck_set.pad),

        TEXT(WORKER_UNHOLD, hold.unit),

        BYTE(WORKER_HOLD, hold.is_over, N_BOOLEANS),
        BYTE(WORKER_HOLD, hold.has_uuid, N_BOOLEANS),
        ZERO(WORKER_HOLD, hold.pad),
        TEXT(WORKER_HOLD, hold.unit),
        TEXT(WORKER_HOLD, hold.rule_id),

        BYTE(WORKER_HOOKS, hooks.action, N_ACTION_KINDS),
        ZERO(WORKER_HOOKS, hooks.pad),
        TEXT(WORKER_HOOKS, hooks.rule_id),

        BYTE(WORKER_HOOK, hook.outcome, N_OUTCOMES),
        ZERO(WORKER_HOOK, hook.pad),
        TEXT(WORKER_HOOK, hook.name),
        TEXT(WORKER_HOOK, hook.detail),
};

typedef struct RecordShape {
        const char *name;               /* NULL: no such type */
        size_t size_bytes;              /* header included */
        bool may_carry_descriptor;
} RecordShape;

#define SHAPE(name_, member, descriptor)                                                \
        { name_, offsetof(WorkerMessage, member) + sizeof(((WorkerMessage *) NULL)->member), descriptor }

static const RecordShape record_shapes[] = {
        [WORKER_HELLO] = SHAPE("hello", hello, false),
        [WORKER_HELD] = SHAPE("held", held, true),
        [WORKER_HELD_END] = { "held-end", sizeof(WorkerHeader), false },
        [WORKER_RELEASED] = SHAPE("released", held, false),
        [WORKER_REPAIR] = SHAPE("repair", repair, true),
        [WORKER_SCRUB] = SHAPE("scrub", scrub, true),
        [WORKER_GATHER] = SHAPE("gather", gather, true),
        [WORKER_CANCEL] = SHAPE("cancel", cancel, false),
        [WORKER_JOB_TAKEN] = SHAPE("job-taken", cancel, false),
        [WORKER_SURVEY] = SHAPE("survey", survey, true),
        [WORKER_SURVEY_CANCEL] = SHAPE("survey-cancel", survey_cancel, false),
        [WORKER_START_UNIT] = SHAPE("start-unit", unit, true),
        [WORKER_LIST_USERS] = SHAPE("list-users", users, false),
        [WORKER_FAIL] = SHAPE("fail", fail, true),
        [WORKER_SHUTDOWN] = SHAPE("shutdown", shutdown, true),
        [WORKER_UNHOLD] = SHAPE("unhold", hold, false),
        [WORKER_RECYCLE] = SHAPE("recycle", recycle, true),
        [WORKER_START_AGAIN] = SHAPE("start-again", recycle, true),
        [WORKER_HOOKS] = SHAPE("hooks", hooks, true),

        [WORKER_SET_AUTOFSCK] = SHAPE("set-autofsck", set_autofsck, true),

        [WORKER_HELLO_REPLY] = SHAPE("hello-reply", hello_reply, false),
        [WORKER_FILESYSTEM] = SHAPE("filesystem", filesystem, true),
        [WORKER_MOUNT_ADDED] = SHAPE("mount-added", mount, false),
        [WORKER_MOUNT_GONE] = SHAPE("mount-gone", mount, false),
        [WORKER_MOUNTS_LISTED] = { "mounts-listed", sizeof(WorkerHeader), false },
        [WORKER_JOB_STARTED] = SHAPE("job-started", result, false),
        [WORKER_JOB_RESULT] = SHAPE("job-result", result, false),
        [WORKER_GATHERED] = SHAPE("gathered", gathered, true),
        [WORKER_INTENT_LEFT] = SHAPE("intent-left", intent, false),
        [WORKER_SURVEY_RESULT] = SHAPE("survey-result", survey_result, false),
        [WORKER_ZONE] = SHAPE("zone", zone, true),
        [WORKER_POWER] = SHAPE("power", power, false),
        [WORKER_SCAN] = SHAPE("scan", scan, false),
        [WORKER_JOB_PROGRESS] = SHAPE("job-progress", progress, false),
        [WORKER_USER] = SHAPE("user", user, false),
        [WORKER_USERS_END] = SHAPE("users-end", users_end, false),
        [WORKER_WORKLOAD] = SHAPE("workload", workload, false),
        [WORKER_HOLD] = SHAPE("hold", hold, false),
        [WORKER_HOOK] = SHAPE("hook", hook, false),
        [WORKER_AUTOFSCK] = SHAPE("autofsck", autofsck_set, false),
};

static const RecordShape *record_shape_find(uint32_t type) {
        return type < ELEMENTSOF(record_shapes) && record_shapes[type].name ? record_shapes + type : NULL;
}

const char *worker_message_type_to_name(WorkerMessageType type) {
        const RecordShape *shape = record_shape_find(type);

        return shape ? shape->name : NULL;
}

void worker_message_init(WorkerMessage *message, WorkerMessageType type) {
        const RecordShape *shape = record_shape_find(type);

        assert(shape);

        memset(message, 0, shape->size_bytes);
        message->header = (WorkerHeader) {
                .magic = WORKER_PROTOCOL_MAGIC,
                .version = WORKER_PROTOCOL_VERSION,
                .type = type,
                .size_bytes = shape->size_bytes,
        };
}

static bool field_is_valid(const FieldCheck *check, const WorkerMessage *message) {
        const uint8_t *field = (const uint8_t *) message + check->offset;
        uint32_t word = 0;

        if (check->size_bytes == sizeof(word))
                memcpy(&word, field, sizeof(word));

        switch (check->rule) {
        case FIELD_TEXT:
                return memchr(field, 0, check->size_bytes);
        case FIELD_BYTE_BELOW:
                return *field < check->limit;
        case FIELD_WORD_BELOW:
                return word < check->limit;
        case FIELD_NOT_NEGATIVE:
                return word <= INT32_MAX;
        case FIELD_ZERO:
                for (size_t i = 0; i < check->size_bytes; i++)
                        if (field[i] != 0)
                                return false;
                return true;
        }

        return false;
}

/* A finding names one structure of its domain, and nothing that its domain does not have. */
static bool finding_is_valid(const SickFinding *finding) {
        bool is_unknown = finding->structure == STRUCTURE_UNRECOGNISED;

        if (finding->domain != DOMAIN_FS && finding->domain != DOMAIN_AG && finding->domain != DOMAIN_RTGROUP &&
            finding->domain != DOMAIN_INODE)
                return false;
        if (!is_unknown && (finding->structure >= N_STRUCTURES ||
                            structure_domain((Structure) finding->structure) != (EventDomain) finding->domain))
                return false;
        if (finding->group != 0 && finding->domain != DOMAIN_AG && finding->domain != DOMAIN_RTGROUP)
                return false;
        if ((finding->inode != 0) != (finding->domain == DOMAIN_INODE) ||
            (finding->generation != 0 && finding->domain != DOMAIN_INODE))
                return false;

        return (finding->unknown_bits != 0) == is_unknown && finding->is_unreadable < N_BOOLEANS;
}

static bool findings_are_valid(const WorkerSurveyResult *result) {
        static const SickFinding none;

        for (size_t i = 0; i < SURVEY_FINDINGS_MAX; i++)
                if (i < result->n_findings ? !finding_is_valid(result->findings + i)
                                           : memcmp(result->findings + i, &none, sizeof(none)) != 0)
                        return false;

        return true;
}

static bool message_is_valid(const WorkerMessage *message) {
        if (message->header.type == WORKER_SURVEY)
                return message->survey.request_id != 0 && message->survey.depth != SURVEY_NONE &&
                       (message->survey.depth == SURVEY_PATROL) == (message->survey.share_percent > 0);
        if (message->header.type == WORKER_START_UNIT)
                return message->unit.job_id != 0;
        if (message->header.type == WORKER_LIST_USERS)
                return message->users.request_id != 0;
        if (message->header.type == WORKER_FAIL)
                return message->fail.job_id != 0 && workload_scope_is_valid(&message->fail.scope);
        if (message->header.type == WORKER_SHUTDOWN)
                return message->shutdown.job_id != 0;
        if (message->header.type == WORKER_RECYCLE || message->header.type == WORKER_START_AGAIN)
                return message->recycle.job_id != 0;
        if (message->header.type == WORKER_HOOKS)
                return message->hooks.job_id != 0 && message->hooks.timeout_usec != 0;
        if (message->header.type == WORKER_SURVEY_RESULT)
                return findings_are_valid(&message->survey_result);

        return true;
}

int worker_message_check(const WorkerMessage *message, size_t size_bytes) {
        const RecordShape *shape;

        if (size_bytes < sizeof(WorkerHeader) || message->header.magic != WORKER_PROTOCOL_MAGIC)
                return -EBADMSG;
        if (message->header.version != WORKER_PROTOCOL_VERSION)
                return -EPROTONOSUPPORT;

        shape = record_shape_find(message->header.type);
        if (!shape || shape->size_bytes != size_bytes || message->header.size_bytes != size_bytes ||
            message->header.reserved != 0)
                return -EBADMSG;

        for (size_t i = 0; i < ELEMENTSOF(field_checks); i++)
                if (field_checks[i].type == message->header.type && !field_is_valid(field_checks + i, message))
                        return -EBADMSG;

        return message_is_valid(message) ? 0 : -EBADMSG;
}

int worker_message_send(int socket_fd, const WorkerMessage *message, int fd) {
        int r;

        /* What we would not take ourselves is our own mistake: it must not look like the peer's. */
        r = worker_message_check(message, message->header.size_bytes);
        return r < 0 ? r : packet_send(socket_fd, message, message->header.size_bytes, fd);
}

int worker_message_receive(int socket_fd, WorkerMessage *ret_message, int *ret_fd) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        WorkerMessage message;
        size_t size_bytes;
        int r;

        r = packet_receive(socket_fd, &message, sizeof(message), &size_bytes, &fd);
        if (r < 0)
                return r;
        r = worker_message_check(&message, size_bytes);
        if (r < 0)
                return r;
        if (fd >= 0 && !record_shapes[message.header.type].may_carry_descriptor)
                return -EBADMSG;

        memcpy(ret_message, &message, size_bytes);
        *ret_fd = steal_fd(&fd);
        return 0;
}
