/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-acknowledge.h. As in bus-filesystem-method.c a handler runs twice when polkit has to be asked.
 */
#include "src/bus/bus-acknowledge.h"

#include <errno.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-options.h"

static int check(const char *code, Acknowledgement *acknowledgement, sd_bus_error *error) {
        if (condition_code_from_name(code, &acknowledgement->code) < 0)
                return bus_error_set(error, -EINVAL, "There is no condition \"%s\"", code);
        if (acknowledgement->is_all && acknowledgement->target[0])
                return bus_error_set(error, -EINVAL, "Option \"all\" and a target exclude each other");
        if (strlen(acknowledgement->target) >= CONDITION_TARGET_SIZE)
                return bus_error_set(error, -EINVAL, "No target is as long as this one");
        return bus_reason_check(acknowledgement->reason, error);
}

static size_t count(const ConditionList *list, ConditionCode code) {
        size_t n = 0;

        for (size_t i = 0; i < list->n_items; i++)
                n += list->items[i].code == code;
        return n;
}

static int refuse(const Filesystem *filesystem, const Acknowledgement *acknowledgement, int r, sd_bus_error *error) {
        const char *code = condition_code_to_name(acknowledgement->code), *target = acknowledgement->target, *subject;
        size_t n = count(&filesystem->conditions, acknowledgement->code);
        char number[32];

        subject = filesystem_facts_subject(&filesystem->facts, number);
        if (r == -EACCES)
                return bus_error_set(error, r, "%s: %s cannot be acknowledged: %s", subject, code,
                                     condition_still_so(acknowledgement->code));
        if (r == -ENOMSG && n > 0)
                return bus_error_set(error, r, "%s: %s has no target \"%s\", but others (%zu): name one, or say all",
                                     subject, code, target, n);
        if (r == -ENOMSG)
                return bus_error_set(error, r, "%s: it has no condition %s", subject, code);
        return bus_error_set(error, r, "%s: %s cannot be acknowledged: %s", subject, code, strerror(-r));
}

int bus_acknowledge_on_acknowledge(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Acknowledgement acknowledgement = {};
        BusFilesystem *object = userdata;
        BusContext *context = object->base.context;
        int is_all = false, r;
        const BusOption known[] = {
                { "reason", 's', &acknowledgement.reason, NULL },
                { "all",    'b', &is_all,                 NULL },
        };
        const char *code;

        r = sd_bus_message_read(message, "ss", &code, &acknowledgement.target);
        if (r >= 0)
                r = bus_options_read(message, known, ELEMENTSOF(known), error);
        if (r < 0)
                return r;
        acknowledgement.is_all = is_all != 0;
        r = check(code, &acknowledgement, error);
        if (r < 0)
                return r;

        const BusDetail details[] = {
                { "condition", code },
                { "target", acknowledgement.target },
                { "all", is_all ? "true" : "false" },
        };
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) {
                .filesystem = object->filesystem,
                .owner_uid = BUS_UID_NONE,
                .details = details,
                .n_details = ELEMENTSOF(details),
        }, &acknowledgement.caller_uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = engine_acknowledge(context->engine, object->filesystem, &acknowledgement);
        if (r < 0)
                return refuse(object->filesystem, &acknowledgement, r, error);
        return sd_bus_reply_method_return(message, NULL);
}
