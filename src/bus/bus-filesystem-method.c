/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-filesystem-method.h. A handler runs twice when polkit has to be asked: the arguments are read and the object
 * is looked up anew after the answer, so what is ordered is what is true then.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/bus/bus-context.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-filesystem-method.h"
#include "src/bus/bus-job.h"
#include "src/bus/bus-options.h"

#define REASON_TEXT_SIZE 1024

typedef struct RepairOptions {
        const char *structure, *domain, *override_harmful;
        uint32_t group, generation;
        uint64_t inode, timeout_usec;
        bool has_group, has_inode, has_generation;
} RepairOptions;

/* One word may stand in several domains ("super", "rmapbt"). */
static int find_structure(const RepairOptions *options, Structure *ret_structure, sd_bus_error *error) {
        EventDomain domain;
        unsigned n_found = 0;

        if (options->domain) {
                if (event_domain_from_name(options->domain, &domain) < 0)
                        return bus_error_set(error, -EINVAL, "Option \"domain\": there is no domain \"%s\"",
                                             options->domain);
                if (structure_from_name(domain, options->structure, ret_structure) < 0)
                        return bus_error_set(error, -EINVAL,
                                             "Option \"structure\": there is no \"%s\" in the domain \"%s\"",
                                             options->structure, options->domain);
                return 0;
        }

        for (unsigned i = 0; i < N_EVENT_DOMAINS; i++)
                if (structure_from_name((EventDomain) i, options->structure, ret_structure) >= 0)
                        n_found++;

        if (n_found == 0)
                return bus_error_set(error, -EINVAL, "Option \"structure\": there is no \"%s\"", options->structure);
        if (n_found > 1)
                return bus_error_set(error, -EINVAL, "Option \"structure\": \"%s\" stands for several structures, "
                                     "the option \"domain\" has to say which", options->structure);
        return 0;
}

static int need(bool is_given, bool is_needed, const char *key, const char *structure, sd_bus_error *error) {
        if (is_given == is_needed)
                return 0;

        return bus_error_set(error, -EINVAL, is_needed ? "Option \"%s\" is missing: \"%s\" needs it"
                                                       : "Option \"%s\" does not belong to \"%s\"", key, structure);
}

static int check_location(const RepairOptions *options, EventDomain domain, sd_bus_error *error) {
        bool is_group = domain == DOMAIN_AG || domain == DOMAIN_RTGROUP, is_inode = domain == DOMAIN_INODE;
        int r;

        r = need(options->has_group, is_group, "group", options->structure, error);
        if (r < 0)
                return r;
        r = need(options->has_inode, is_inode, "inode", options->structure, error);
        if (r < 0)
                return r;

        return need(options->has_generation, is_inode, "generation", options->structure, error);
}

static int check_timeout(uint64_t timeout_usec, sd_bus_error *error) {
        return timeout_usec > 0 ? 0 : bus_error_set(error, -EINVAL, "Option \"timeout-usec\" must not be 0");
}

static int read_repair(sd_bus_message *message, RepairOptions *options, RepairTarget *ret_target, sd_bus_error *error) {
        const BusOption known[] = {
                { "structure",        's', &options->structure,        NULL },
                { "domain",           's', &options->domain,           NULL },
                { "group",            'u', &options->group,            &options->has_group },
                { "inode",            't', &options->inode,            &options->has_inode },
                { "generation",       'u', &options->generation,       &options->has_generation },
                { "timeout-usec",     't', &options->timeout_usec,     NULL },
                { "override-harmful", 's', &options->override_harmful, NULL },
        };
        Structure structure = STRUCTURE_NONE;
        int r;

        r = bus_options_read(message, known, ELEMENTSOF(known), error);
        if (r < 0)
                return r;
        if (!options->structure)
                return bus_error_set(error, -EINVAL, "Option \"structure\" is missing");
        r = find_structure(options, &structure, error);
        if (r < 0)
                return r;
        r = check_location(options, structure_domain(structure), error);
        if (r < 0)
                return r;
        r = check_timeout(options->timeout_usec, error);
        if (r < 0)
                return r;
        if (options->override_harmful &&
            (options->override_harmful[0] == '\0' ||
             strlen(options->override_harmful) >= sizeof(((Job *) NULL)->override_harmful)))
                return bus_error_set(error, -EINVAL,
                                     "Option \"override-harmful\" must be the name of one row of the table");

        *ret_target = (RepairTarget) {
                .structure = structure,
                .group = options->group,
                .inode = options->inode,
                .generation = options->generation,
        };
        return 0;
}

/* Whoever asks later why it was done finds it beside the job. */
static void log_reason(const CallerOrder *order, const char *subject) {
        char text[REASON_TEXT_SIZE] = "";

        if (!order->reason || !*order->reason)
                return;
        (void) text_append_escaped(text, sizeof(text), order->reason, strlen(order->reason));
        log_notice("%s: %s is asked for by user %" PRIu32 ": %s", subject, action_kind_to_name(order->action),
                   order->caller_uid, text);
}

/* One user cannot fill the queue of everybody. Root is who can be asked to make room. */
static int check_jobs_of_user(BusContext *context, uint32_t uid, sd_bus_error *error) {
        JobQueue *queue = engine_jobs(context->engine);
        unsigned n = 0;

        if (uid == 0)
                return 0;
        for (const Job *job = job_queue_next(queue, NULL); job; job = job_queue_next(queue, job))
                n += job->report.source == DECISION_CALLER && job->report.caller_uid == uid;
        if (n < BUS_JOBS_PER_USER_MAX)
                return 0;
        return bus_error_set(error, -ENOBUFS, "User %" PRIu32 " has %d jobs already that have not ended", uid,
                             BUS_JOBS_PER_USER_MAX);
}

static int answer_order(BusFilesystem *object, sd_bus_message *message, const CallerOrder *order, sd_bus_error *error) {
        BusContext *context = object->base.context;
        _cleanup_(free_at) char *denied = NULL;
        const char *subject;
        char buffer[32], path[BUS_JOB_PATH_SIZE];
        Job *job;
        int r;

        r = check_jobs_of_user(context, order->caller_uid, error);
        if (r < 0)
                return r;

        subject = filesystem_facts_subject(&object->filesystem->facts, buffer);
        r = engine_order(context->engine, order, &job, &denied);
        switch (r) {
        case -EACCES:
                return bus_error_set(error, r, "%s: %s", subject, denied ? denied : "forbidden by the policy");
        case -ENOBUFS:
                return bus_error_set(error, r, "%s: too many jobs are waiting already", subject);
        case -ESHUTDOWN:
                return bus_error_set(error, r, "%s: the file system is shut down: unmount it, run xfs_repair, "
                                     "and mount it again", subject);
        case -EOPNOTSUPP:
                return bus_error_set(error, r, "%s: this version does not carry out %s", subject,
                                     action_kind_to_name(order->action));
        case -ENOTTY:
                return bus_error_set(error, r, "%s: this kernel has no health monitor for it, so nothing is repaired "
                                     "or verified online", subject);
        default:
                if (r < 0)
                        return bus_error_set(error, r, "%s: cannot take in the job: %s", subject, strerror(-r));
        }

        log_reason(order, subject);
        /* The answer names an object, so it has to be there already. */
        r = bus_job_update(context, job, object->filesystem);
        if (r < 0)
                return r;

        return sd_bus_reply_method_return(message, "o", bus_job_path(job->id, path));
}

static BusVariant repair_variant(const Filesystem *filesystem, bool is_override) {
        if (is_override)
                return BUS_VARIANT_OVERRIDE;

        return filesystem->facts.is_removable == TRISTATE_YES ? BUS_VARIANT_REMOVABLE : BUS_VARIANT_CHANGES;
}

int bus_filesystem_order(BusFilesystem *object, sd_bus_message *message, BusVariant variant, const BusDetail *details,
                         size_t n_details, CallerOrder *order, sd_bus_error *error) {
        int r;

        r = bus_authorize(object->base.context->authorizer, message, &(BusAuthorizeCall) {
                .variant = variant,
                .filesystem = object->filesystem,
                .owner_uid = BUS_UID_NONE,
                .details = details,
                .n_details = n_details,
        }, &order->caller_uid, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* polkit was asked; this runs again when it has answered */

        return answer_order(object, message, order, error);
}

int bus_filesystem_on_repair(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusFilesystem *object = userdata;
        RepairOptions options = { .timeout_usec = USEC_INFINITY };
        char group[16], inode[24];
        RepairTarget target = {};
        int r;

        r = read_repair(message, &options, &target, error);
        if (r < 0)
                return r;

        (void) snprintf(group, sizeof(group), "%" PRIu32, options.group);
        (void) snprintf(inode, sizeof(inode), "%" PRIu64, options.inode);
        const BusDetail details[] = {
                { "structure", options.structure },
                { "domain", event_domain_to_name(structure_domain(target.structure)) },
                { "group", options.has_group ? group : NULL },
                { "inode", options.has_inode ? inode : NULL },
                { "override-harmful", options.override_harmful },
        };
        CallerOrder order = {
                .filesystem = object->filesystem,
                .action = ACTION_REPAIR,
                .target = target,
                .scrub_repair = SCRUB_REPAIR_NEVER,
                .timeout_usec = options.timeout_usec,
                .override_harmful = options.override_harmful,
        };

        return bus_filesystem_order(object, message,
                                repair_variant(object->filesystem, options.override_harmful != NULL), details,
                                ELEMENTSOF(details), &order, error);
}

int bus_filesystem_on_scrub(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusFilesystem *object = userdata;
        uint64_t timeout_usec = USEC_INFINITY;
        int is_repair = false;
        const BusOption known[] = {
                { "repair",       'b', &is_repair,    NULL },
                { "timeout-usec", 't', &timeout_usec, NULL },
        };
        int r;

        r = bus_options_read(message, known, ELEMENTSOF(known), error);
        if (r < 0)
                return r;
        r = check_timeout(timeout_usec, error);
        if (r < 0)
                return r;

        /* A scrub that repairs is a repair of everything. */
        const BusDetail details[] = { { "repair", is_repair ? "true" : "false" } };
        CallerOrder order = {
                .filesystem = object->filesystem,
                .action = ACTION_SCRUB,
                .scrub_repair = is_repair ? SCRUB_REPAIR_IF_ALLOWED : SCRUB_REPAIR_NEVER,
                .timeout_usec = timeout_usec,
        };

        return bus_filesystem_order(object, message,
                                is_repair ? repair_variant(object->filesystem, false) : BUS_VARIANT_CHECKS, details,
                                ELEMENTSOF(details), &order, error);
}

int bus_filesystem_on_verify_media(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusFilesystem *object = userdata;
        uint64_t timeout_usec = USEC_INFINITY, rate = 0;
        VerifySpace space = VERIFY_SPACE_USED;
        const char *word = NULL;
        const BusOption known[] = {
                { "space",        's', &word,         NULL },
                { "rate",         't', &rate,         NULL },
                { "timeout-usec", 't', &timeout_usec, NULL },
        };
        int r;

        r = bus_options_read(message, known, ELEMENTSOF(known), error);
        if (r < 0)
                return r;
        r = check_timeout(timeout_usec, error);
        if (r < 0)
                return r;
        if (word && verify_space_from_name(word, &space) < 0)
                return bus_error_set(error, -EINVAL, "Option \"space\": write \"used\" or \"all\", not \"%s\"", word);

        if (rate > 0 && rate < VERIFY_RATE_MIN_BYTES)
                return bus_error_set(error, -EINVAL, "Option \"rate\": at least %" PRIu64 " bytes in a second, or 0",
                                     VERIFY_RATE_MIN_BYTES);

        const BusDetail details[] = { { "space", verify_space_to_name(space) } };
        CallerOrder order = {
                .filesystem = object->filesystem,
                .action = ACTION_VERIFY_MEDIA,
                .verify_space = space,
                .rate_bytes = rate,
                .timeout_usec = timeout_usec,
        };

        return bus_filesystem_order(object, message, BUS_VARIANT_CHECKS, details, ELEMENTSOF(details), &order, error);
}
