/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-pause.h. As everywhere a handler runs twice when polkit has to be asked.
 */
#include "src/bus/bus-pause.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-filesystem.h"
#include "src/bus/bus-manager.h"
#include "src/bus/bus-options.h"
#include "src/bus/bus-text.h"
#include "src/bus/bus-value.h"

static const char *id_of(const Filesystem *filesystem, char buffer[static FILESYSTEM_KEY_SIZE]) {
        return filesystem ? filesystem_key(&filesystem->facts, buffer) : SUSPENSION_ALL;
}

static int authorize(BusContext *context, sd_bus_message *message, const Filesystem *filesystem, uint32_t *ret_uid,
                     sd_bus_error *error) {
        return bus_authorize(context->authorizer, message, &(BusAuthorizeCall) {
                .filesystem = filesystem,
                .owner_uid = BUS_UID_NONE,
        }, ret_uid, error);
}

static int read_wish(sd_bus_message *message, Suspension *ret_wish, sd_bus_error *error) {
        const BusOption known[] = {
                { "until-usec", 't', &ret_wish->until_usec, NULL },
        };
        const char *reason;
        int r;

        r = sd_bus_message_read(message, "s", &reason);
        if (r >= 0)
                r = bus_options_read(message, known, ELEMENTSOF(known), error);
        if (r < 0)
                return r;
        if (ret_wish->until_usec != 0 && ret_wish->until_usec <= clock_realtime_usec())
                return bus_error_set(error, -EINVAL, "Option \"until-usec\" is a moment that has passed");
        r = bus_reason_check(reason, error);
        if (r < 0)
                return r;
        (void) text_copy(ret_wish->reason, sizeof(ret_wish->reason), reason);
        return 0;
}

static int pause_one(BusContext *context, const Filesystem *filesystem, sd_bus_message *message,
                     sd_bus_error *error) {
        Suspension wish = { .kind = SUSPENSION_PAUSE };
        char key[FILESYSTEM_KEY_SIZE];
        int r;

        r = read_wish(message, &wish, error);
        if (r < 0)
                return r;
        r = authorize(context, message, filesystem, &wish.uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        (void) text_copy(wish.id, sizeof(wish.id), id_of(filesystem, key));
        r = engine_suspend(context->engine, &wish, NULL);
        if (r == -ENOBUFS)
                return bus_error_set(error, r, "More than %d file systems are paused: pause all of them",
                                     ENGINE_SUSPENSIONS_MAX);
        if (r < 0)
                return bus_error_set(error, r, "It cannot be paused: %s", strerror(-r));
        return sd_bus_reply_method_return(message, NULL);
}

int bus_pause_on_pause_all(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return pause_one(userdata, NULL, message, error);
}

int bus_pause_on_pause(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusFilesystem *object = userdata;

        return pause_one(object->base.context, object->filesystem, message, error);
}

/* Also releases the policy's brake, which is older than pauses. */
int bus_pause_on_resume_all(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusContext *context = userdata;
        uint32_t uid;
        int r;

        r = authorize(context, message, NULL, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        (void) engine_resume(context->engine);
        (void) engine_unsuspend(context->engine, SUSPENSION_PAUSE, SUSPENSION_ALL, uid);
        bus_manager_changed(context, BUS_MANAGER_COUNTERS);
        return sd_bus_reply_method_return(message, NULL);
}

int bus_pause_on_resume(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusFilesystem *object = userdata;
        char key[FILESYSTEM_KEY_SIZE];
        uint32_t uid;
        int r;

        r = bus_options_read(message, NULL, 0, error);
        if (r < 0)
                return r;
        r = authorize(object->base.context, message, object->filesystem, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        /* Resume twice is no mistake, as of the machine. */
        (void) engine_unsuspend(object->base.context->engine, SUSPENSION_PAUSE, id_of(object->filesystem, key), uid);
        return sd_bus_reply_method_return(message, NULL);
}

int bus_pause_append(sd_bus_message *reply, const Suspension *pause) {
        return sd_bus_message_append(reply, "b", pause != NULL);
}

static int append_entries(sd_bus_message *reply, const Suspension *pause) {
        int r;

        r = bus_entry_u32(reply, "uid", pause->uid);
        if (r >= 0)
                r = bus_entry_text(reply, "reason", pause->reason);
        if (r >= 0)
                r = bus_entry_u64(reply, "since-usec", pause->since_usec);
        if (r >= 0 && pause->until_usec != 0)
                r = bus_entry_u64(reply, "until-usec", pause->until_usec);
        return r < 0 ? r : bus_entry_bool(reply, "all", text_equal(pause->id, SUSPENSION_ALL));
}

int bus_pause_append_by(sd_bus_message *reply, const Suspension *pause) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0 && pause)
                r = append_entries(reply, pause);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

void bus_pause_changed(BusContext *context) {
        BusObject *base;

        bus_manager_changed(context, BUS_MANAGER_PAUSE);
        TAILQ_FOREACH(base, &context->filesystems, link)
                bus_change_mark(context->changes, &base->change, BUS_FILESYSTEM_PAUSE);
}
