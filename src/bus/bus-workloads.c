/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-workloads.h. As in bus-filesystem-method.c a handler runs twice when polkit has to be asked.
 */
#include "src/bus/bus-workloads.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-filesystem-method.h"
#include "src/bus/bus-filesystem.h"
#include "src/bus/bus-options.h"
#include "src/bus/bus-value.h"

/* Shown to a person who is asked for a password, and to polkit's rules. */
#define UNITS_TEXT_SIZE 512
#define REASON_MAX 256

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

typedef struct WorkloadOptions {
        const char *who, *how, *reason;
        BusTexts only[N_WORKLOAD_KEYS];
        uint64_t inode;
        int is_dry_run, is_confirmed, is_unused;
        WorkloadScope scope;
} WorkloadOptions;

/* What it is then hangs on another option. */
#define TERM_NOT_SAID UINT64_MAX

static int check_words(WorkloadOptions *options, sd_bus_error *error) {
        WorkloadWho who = (WorkloadWho) options->scope.who;
        WorkloadHow how = (WorkloadHow) options->scope.how;

        if (options->who && workload_who_from_name(options->who, &who) < 0)
                return bus_error_set(error, -EINVAL, "Option \"who\": write \"file-users\", \"fs-users\" or "
                                     "\"volume-users\", not \"%s\"", options->who);
        if (options->how && (workload_how_from_name(options->how, &how) < 0 || how == HOW_FREEZE))
                return bus_error_set(error, -EINVAL, "Option \"how\": write \"stop\" or \"fail\", not \"%s\"",
                                     options->how);
        if (who == WHO_FILE_USERS && options->inode == 0)
                return bus_error_set(error, -EINVAL, "Option \"inode\" is missing: \"file-users\" needs it");
        if (who != WHO_FILE_USERS && options->inode != 0)
                return bus_error_set(error, -EINVAL, "Option \"inode\" belongs to \"file-users\" alone");
        options->scope.who = (uint8_t) who;
        options->scope.how = (uint8_t) how;
        if (options->scope.term_usec == TERM_NOT_SAID)
                options->scope.term_usec = workload_scope_default(how).term_usec;
        return 0;
}

static int check_patterns(WorkloadOptions *options, sd_bus_error *error) {
        for (unsigned key = 0; key < N_WORKLOAD_KEYS; key++)
                for (size_t i = 0; i < options->only[key].n; i++) {
                        const char *pattern = options->only[key].items[i];
                        int r = workload_scope_add_only(&options->scope, (WorkloadKey) key, pattern);

                        if (r < 0)
                                return bus_error_set(error, -EINVAL,
                                                     r == -ENOBUFS ? "Option \"only-%s\" is too long with \"%s\""
                                                                   : "Option \"only-%s\": nothing is called \"%s\"",
                                                     workload_key_to_name((WorkloadKey) key), pattern);
                }
        return 0;
}

static int check_limits(const WorkloadOptions *options, sd_bus_error *error) {
        const WorkloadScope *scope = &options->scope;
        const struct {
                const char *key;
                uint64_t value, max;
        } rows[] = {
                { "warn-usec", scope->warn_usec, WORKLOAD_WARN_MAX_USEC },
                { "term-usec", scope->term_usec, WORKLOAD_TERM_MAX_USEC },
                { "thaw-usec", scope->thaw_usec, WORKLOAD_THAW_MAX_USEC },
                { "max",       scope->max,       WORKLOADS_MAX_LIMIT },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].value > rows[i].max)
                        return bus_error_set(error, -EINVAL, "Option \"%s\" must not be more than %" PRIu64,
                                             rows[i].key, rows[i].max);
        if (scope->how == HOW_FREEZE && scope->thaw_usec == 0)
                return bus_error_set(error, -EINVAL, "Option \"thaw-usec\" is missing: what is frozen has to thaw");
        if (options->reason && strlen(options->reason) > REASON_MAX)
                return bus_error_set(error, -EINVAL, "Option \"reason\" must not be longer than %d bytes", REASON_MAX);
        if (!workload_scope_is_valid(scope))
                return bus_error_set(error, -EINVAL, "These options do not go together");
        return 0;
}

static int read_options(sd_bus_message *message, WorkloadHow how, WorkloadOptions *options, sd_bus_error *error) {
        WorkloadScope *scope = &options->scope;
        const BusOption common[] = {
                { "who",            's', &options->who,                              NULL },
                { "only-unit",      BUS_OPTION_TEXTS, &options->only[WORKLOAD_KEY_UNIT],      NULL },
                { "only-slice",     BUS_OPTION_TEXTS, &options->only[WORKLOAD_KEY_SLICE],     NULL },
                { "only-container", BUS_OPTION_TEXTS, &options->only[WORKLOAD_KEY_CONTAINER], NULL },
                { "only-pod",       BUS_OPTION_TEXTS, &options->only[WORKLOAD_KEY_POD],       NULL },
                { "inode",          't', &options->inode,                            NULL },
                { "warn-usec",      't', &scope->warn_usec,                          NULL },
                { "max",            'u', &scope->max,                                NULL },
                { "confirm-large",  'b', &options->is_confirmed,                     NULL },
                { "even-if-unused", 'b', &options->is_unused,                        NULL },
                { "dry-run",        'b', &options->is_dry_run,                       NULL },
                { "reason",         's', &options->reason,                           NULL },
                { "thaw-usec",      't', &scope->thaw_usec,                          NULL },
        };
        BusOption known[BUS_OPTIONS_MAX];
        size_t n = ELEMENTSOF(common);
        int r;

        memcpy(known, common, sizeof(common));
        if (how != HOW_FREEZE) {
                scope->term_usec = TERM_NOT_SAID;
                n--; /* the last one is of freezing alone */
                known[n++] = (BusOption) { "how", 's', &options->how, NULL };
                known[n++] = (BusOption) { "term-usec", 't', &scope->term_usec, NULL };
                known[n++] = (BusOption) { "hold-usec", 't', &scope->hold_usec, NULL };
        }
        r = bus_options_read(message, known, n, error);
        if (r >= 0)
                r = check_words(options, error);
        if (r >= 0)
                r = check_patterns(options, error);
        if (r < 0)
                return r;
        scope->is_large_confirmed = options->is_confirmed != 0;
        scope->even_if_unused = options->is_unused != 0;
        return check_limits(options, error);
}

/* "db.service web.service": what a person says yes to. */
static const char *units_text(const WorkloadScope *scope, char buffer[static UNITS_TEXT_SIZE]) {
        (void) text_copy(buffer, UNITS_TEXT_SIZE, scope->only[WORKLOAD_KEY_UNIT]);
        for (char *c = buffer; *c; c++)
                if (*c == '\n')
                        *c = ' ';
        return buffer[0] ? buffer : NULL;
}

/* How many are meant, where all are named exactly; NULL: nobody knows yet. */
static const char *count_text(const WorkloadOptions *options, char buffer[static 16]) {
        const BusTexts *units = &options->only[WORKLOAD_KEY_UNIT];

        for (size_t i = 0; i < units->n; i++)
                if (!workload_pattern_is_exact(units->items[i]))
                        return NULL;
        (void) snprintf(buffer, 16, "%zu", units->n);
        return units->n > 0 ? buffer : NULL;
}

static int on_order(sd_bus_message *message, BusFilesystem *object, WorkloadHow how, sd_bus_error *error) {
        WorkloadOptions options = { .scope = workload_scope_default(how) };
        char units[UNITS_TEXT_SIZE], max[16], count[16];
        int r;

        r = read_options(message, how, &options, error);
        if (r < 0)
                return r;

        (void) snprintf(max, sizeof(max), "%" PRIu32, options.scope.max);
        const BusDetail details[] = {
                { "who", workload_who_to_name((WorkloadWho) options.scope.who) },
                { "how", workload_how_to_name((WorkloadHow) options.scope.how) },
                { "unit", units_text(&options.scope, units) },
                { "units.count", count_text(&options, count) },
                { "units.max", max },
                { "confirm-large", options.is_confirmed ? "true" : "false" },
                { "dry-run", options.is_dry_run ? "true" : "false" },
        };
        CallerOrder order = {
                .filesystem = object->filesystem,
                .action = how == HOW_FREEZE ? ACTION_FREEZE : ACTION_FAIL_WORKLOAD,
                .target.inode = options.inode,
                .workloads = &options.scope,
                .is_dry_run = options.is_dry_run != 0,
                .timeout_usec = USEC_INFINITY,
                .reason = options.reason,
        };

        return bus_filesystem_order(object, message, options.is_dry_run ? BUS_VARIANT_CHECKS : BUS_VARIANT_WORKLOADS,
                                    details, ELEMENTSOF(details), &order, error);
}

int bus_workloads_on_fail(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return on_order(message, userdata, HOW_STOP, error);
}

int bus_workloads_on_freeze(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return on_order(message, userdata, HOW_FREEZE, error);
}

int bus_workloads_on_shutdown(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusFilesystem *object = userdata;
        const char *reason = NULL;
        const BusOption known[] = { { "reason", 's', &reason, NULL } };
        CallerOrder order = {
                .filesystem = object->filesystem,
                .action = ACTION_SHUTDOWN,
                .timeout_usec = USEC_INFINITY,
        };
        int r;

        r = bus_options_read(message, known, ELEMENTSOF(known), error);
        if (r < 0)
                return r;
        if (reason && strlen(reason) > REASON_MAX)
                return bus_error_set(error, -EINVAL, "Option \"reason\" must not be longer than %d bytes", REASON_MAX);
        order.reason = reason;
        return bus_filesystem_order(object, message, BUS_VARIANT_PLAIN, NULL, 0, &order, error);
}

static int append_process(sd_bus_message *reply, const WorkloadReport *report) {
        const Workload *workload = &report->workload;
        int r = 0;

        if (workload->user_unit[0])
                r = bus_entry_text(reply, "user-unit", workload->user_unit);
        if (r >= 0 && workload->session[0])
                r = bus_entry_text(reply, "session", workload->session);
        if (r >= 0 && workload->user != WORKLOAD_USER_NONE)
                r = bus_entry_u32(reply, "owner-uid", workload->user);
        if (r >= 0)
                r = bus_entry_u32(reply, "processes", report->n_processes);
        return r;
}

int bus_workloads_append(sd_bus_message *reply, const WorkloadReport *report) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = bus_entry_text(reply, "kind", user_kind_to_name(report->kind));
        if (r >= 0)
                r = bus_entry_text(reply, "name", report->name);
        if (r >= 0)
                r = bus_append_workload_names(reply, report);
        if (r >= 0 && report->kind == USER_PROCESS)
                r = append_process(reply, report);
        if (r >= 0)
                r = bus_entry_bool(reply, "taken", report->is_taken);
        if (r >= 0 && report->why[0])
                r = bus_entry_text(reply, "why", report->why);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_workloads_on_list(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        const BusJob *object = userdata;
        BusContext *context = object->base.context;
        const Job *job = object->job;
        uint32_t uid;
        int r;

        r = bus_options_read(message, NULL, 0, error);
        if (r < 0)
                return r;
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) {
                .filesystem = filesystem_table_find_id(engine_filesystems(context->engine), job->filesystem_id),
                .owner_uid = BUS_UID_NONE,
        }, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < job->workloads.n_items; i++)
                r = bus_workloads_append(reply, job->workloads.items + i);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static Filesystem *filesystem_of(BusContext *context, const WorkerHold *hold) {
        FilesystemTable *table = engine_filesystems(context->engine);

        if (!hold->has_uuid)
                return NULL;
        for (Filesystem *filesystem = NULL; (filesystem = filesystem_table_next(table, filesystem));)
                if (filesystem->facts.uuid_state == FACT_KNOWN &&
                    memcmp(filesystem->facts.uuid, hold->uuid, UUID_SIZE) == 0)
                        return filesystem;
        return NULL;
}

static int append_hold(BusContext *context, sd_bus_message *reply, const WorkerHold *hold) {
        bool is_until_clear = hold->until_boottime_usec == WORKLOAD_HOLD_UNTIL_CLEAR;
        char uuid[UUID_TEXT_SIZE];
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = bus_entry_text(reply, "unit", hold->unit);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "filesystem", "o",
                                          bus_filesystem_path(context, filesystem_of(context, hold)));
        if (r >= 0 && hold->has_uuid)
                r = bus_entry_text(reply, "uuid", uuid_format(hold->uuid, uuid));
        if (r >= 0)
                r = bus_entry_text(reply, "rule", hold->rule_id);
        if (r >= 0)
                r = bus_entry_u64(reply, "job", hold->job_id);
        if (r >= 0)
                r = bus_entry_u64(reply, "event", hold->event_id);
        if (r >= 0)
                r = bus_entry_u64(reply, "since-usec", hold->since_realtime_usec);
        if (r >= 0)
                r = bus_entry_bool(reply, "until-clear", is_until_clear);
        if (r >= 0 && !is_until_clear)
                r = bus_entry_u64(reply, "until-boottime-usec", hold->until_boottime_usec);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_workloads_on_list_holds(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        BusContext *context = userdata;
        uint32_t uid;
        int r;

        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) { .owner_uid = BUS_UID_NONE }, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (const WorkerHold *hold = NULL; r >= 0 && (hold = engine_hold_next(context->engine, hold));)
                r = append_hold(context, reply, hold);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int bus_workloads_on_unhold(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusContext *context = userdata;
        const char *unit;
        uint32_t uid;
        int r;

        r = sd_bus_message_read(message, "s", &unit);
        if (r >= 0)
                r = bus_options_read(message, NULL, 0, error);
        if (r < 0)
                return r;
        const BusDetail details[] = { { "unit", unit } };
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) {
                .owner_uid = BUS_UID_NONE,
                .details = details,
                .n_details = ELEMENTSOF(details),
        }, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = engine_unhold(context->engine, unit);
        if (r == -ENOENT)
                return bus_error_set(error, -EINVAL, "%s is not held", unit);
        if (r < 0)
                return bus_error_set(error, r, "The worker cannot be told: %s", strerror(-r));
        log_notice("%s may be started again, user %" PRIu32 " says", unit, uid);
        return sd_bus_reply_method_return(message, NULL);
}
