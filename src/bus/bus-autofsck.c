/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-autofsck.h. As in bus-filesystem-method.c the handler of what is guarded runs twice when polkit has to be
 * asked.
 */
#include "src/bus/bus-autofsck.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/bus/bus-error.h"
#include "src/bus/bus-options.h"
#include "src/engine/engine-autofsck.h"

#define REASON_MAX 256

static int refuse(int r, sd_bus_error *error) {
        static const struct {
                int error, as;
                const char *text;
        } rows[] = {
                { EOPNOTSUPP, EOPNOTSUPP, "Only XFS has the property autofsck" },
                { ESTALE,     ENOENT,     "The file system is not mounted any more" },
                { EROFS,      EROFS,      "The file system is mounted read-only" },
                { EIO,        ESHUTDOWN,  "The file system is shut down, or cannot be read" },
                { ESHUTDOWN,  ESHUTDOWN,  "The file system is shut down" },
                { EBUSY,      EBUSY,      "Something hangs in the kernel on this file system" },
                { ETIMEDOUT,  EBUSY,      "The file system did not answer in time; it may be frozen" },
                { ENOTCONN,   ENOTCONN,   "There is no worker that could do it" },
                { ENOBUFS,    ENOBUFS,    "Too many ask at once" },
                { EINVAL,     EIO,        "The property holds a word that xfs_property does not know" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].error == abs(r))
                        return bus_error_set(error, -rows[i].as, "%s", rows[i].text);
        return bus_error_set(error, -EIO, "The property autofsck: %s", strerror(abs(r)));
}

static void on_done(sd_bus_message *message, int error_number, Autofsck value, bool is_get) {
        sd_bus_error error = SD_BUS_ERROR_NULL;

        if (error_number != 0) {
                (void) refuse(error_number, &error);
                /* Who asked may have left the bus. */
                (void) sd_bus_reply_method_error(message, &error);
                sd_bus_error_free(&error);
        } else if (is_get)
                (void) sd_bus_reply_method_return(message, "s", autofsck_to_name(value));
        else
                (void) sd_bus_reply_method_return(message, NULL);
        sd_bus_message_unref(message);
}

static void on_read(void *userdata, int error, Autofsck value) {
        on_done(userdata, error, value, true);
}

static void on_set(void *userdata, int error, Autofsck value) {
        on_done(userdata, error, value, false);
}

static int order(sd_bus_message *message, const BusFilesystem *object, const AutofsckOrder *what, sd_bus_error *error) {
        int r;

        r = engine_autofsck(object->base.context->engine, what, what->is_set ? on_set : on_read,
                            sd_bus_message_ref(message));
        if (r >= 0)
                return 1;
        sd_bus_message_unref(message);
        return refuse(r, error);
}

int bus_autofsck_on_get(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const BusFilesystem *object = userdata;
        uint32_t uid;
        int r;

        r = bus_options_read(message, NULL, 0, error);
        if (r < 0)
                return r;
        r = bus_authorize(object->base.context->authorizer, message, &(BusAuthorizeCall) {
                .filesystem = object->filesystem,
                .owner_uid = BUS_UID_NONE,
        }, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return order(message, object, &(AutofsckOrder) { .filesystem = object->filesystem }, error);
}

int bus_autofsck_on_set(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const BusFilesystem *object = userdata;
        AutofsckOrder what = { .filesystem = object->filesystem, .is_set = true };
        const BusOption known[] = { { "reason", 's', &what.reason, NULL } };
        const char *value;
        int r;

        r = sd_bus_message_read(message, "s", &value);
        if (r >= 0)
                r = bus_options_read(message, known, ELEMENTSOF(known), error);
        if (r < 0)
                return r;
        if (autofsck_from_name(value, &what.value) < 0)
                return bus_error_set(error, -EINVAL,
                                     "autofsck is \"none\", \"check\", \"optimize\", \"repair\" or \"unset\"");
        if (what.reason && strlen(what.reason) > REASON_MAX)
                return bus_error_set(error, -EINVAL, "Option \"reason\" must not be longer than %d bytes", REASON_MAX);

        const BusDetail details[] = { { "autofsck", value } };
        r = bus_authorize(object->base.context->authorizer, message, &(BusAuthorizeCall) {
                .filesystem = object->filesystem,
                .owner_uid = BUS_UID_NONE,
                .details = details,
                .n_details = ELEMENTSOF(details),
        }, &what.caller_uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return order(message, object, &what, error);
}
