/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-inhibit.h. The holder has the writing end of a pipe; when its last copy is closed, the reading end hangs up.
 * Nothing is ever read from it.
 */
#include "src/bus/bus-inhibit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-manager.h"
#include "src/bus/bus-options.h"
#include "src/bus/bus-value.h"

struct BusInhibitor {
        TAILQ_ENTRY(BusInhibitor) link;
        BusContext *context;
        int fd;
        sd_event_source *source;
        uint32_t uid;
        char who[BUS_INHIBITOR_TEXT_MAX + 1], why[BUS_INHIBITOR_TEXT_MAX + 1];
};

static BusInhibitor *inhibitor_free(BusInhibitor *inhibitor) {
        if (!inhibitor)
                return NULL;
        sd_event_source_disable_unref(inhibitor->source);
        close_fd(inhibitor->fd);
        free(inhibitor);
        return NULL;
}
DEFINE_CLEANUP(BusInhibitor, inhibitor_free)

static void forget(BusInhibitor *inhibitor) {
        BusContext *context = inhibitor->context;

        TAILQ_REMOVE(&context->inhibitors, inhibitor, link);
        context->n_inhibitors--;
        inhibitor_free(inhibitor);
}

static int on_released(_unused_ sd_event_source *source, _unused_ int fd, _unused_ uint32_t events, void *userdata) {
        BusInhibitor *inhibitor = userdata;
        BusContext *context = inhibitor->context;

        forget(inhibitor);
        engine_set_n_inhibitors(context->engine, context->n_inhibitors);
        bus_manager_changed(context, BUS_MANAGER_INHIBITORS);
        return 0;
}

void bus_inhibit_drop_all(BusContext *context) {
        BusInhibitor *inhibitor;

        while ((inhibitor = TAILQ_FIRST(&context->inhibitors)))
                forget(inhibitor);
}

static int check_room(const BusContext *context, uint32_t uid, sd_bus_error *error) {
        const BusInhibitor *inhibitor;
        size_t n = 0;

        TAILQ_FOREACH(inhibitor, &context->inhibitors, link)
                n += inhibitor->uid == uid;
        if (context->n_inhibitors >= BUS_INHIBITORS_MAX)
                return bus_error_set(error, -ENOBUFS, "There are %d locks already", BUS_INHIBITORS_MAX);
        if (n >= BUS_INHIBITORS_PER_USER_MAX)
                return bus_error_set(error, -ENOBUFS, "User %" PRIu32 " has %d locks already", uid,
                                     BUS_INHIBITORS_PER_USER_MAX);
        return 0;
}

/* @ret_fd: the holder's end, new. */
static int inhibitor_new(BusContext *context, const char *who, const char *why, uint32_t uid, int *ret_fd) {
        _cleanup_(inhibitor_free_at) BusInhibitor *inhibitor = calloc(1, sizeof(*inhibitor));
        int fds[2], r;

        if (!inhibitor)
                return -ENOMEM;
        *inhibitor = (BusInhibitor) { .context = context, .fd = -EBADF, .uid = uid };
        (void) text_copy(inhibitor->who, sizeof(inhibitor->who), who);
        (void) text_copy(inhibitor->why, sizeof(inhibitor->why), why);
        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        inhibitor->fd = fds[0];
        /* That it hangs up is told whatever is asked for. */
        r = sd_event_add_io(context->event, &inhibitor->source, inhibitor->fd, 0, on_released, inhibitor);
        if (r < 0) {
                close_fd(fds[1]);
                return r;
        }
        TAILQ_INSERT_TAIL(&context->inhibitors, inhibitor, link);
        context->n_inhibitors++;
        (void) steal_ptr(inhibitor);
        *ret_fd = fds[1];
        return 0;
}

static int check_text(const char *key, const char *text, sd_bus_error *error) {
        if (text[0] && strlen(text) <= BUS_INHIBITOR_TEXT_MAX)
                return 0;
        return bus_error_set(error, -EINVAL, "\"%s\" must not be empty, nor longer than %d bytes", key,
                             BUS_INHIBITOR_TEXT_MAX);
}

int bus_inhibit_on_inhibit(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        BusContext *context = userdata;
        const char *who, *why;
        uint32_t uid;
        int r;

        r = sd_bus_message_read(message, "ss", &who, &why);
        if (r >= 0)
                r = bus_options_read(message, NULL, 0, error);
        if (r >= 0)
                r = check_text("who", who, error);
        if (r >= 0)
                r = check_text("why", why, error);
        if (r < 0)
                return r;
        const BusDetail details[] = { { "who", who }, { "why", why } };
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) {
                .owner_uid = BUS_UID_NONE,
                .details = details,
                .n_details = ELEMENTSOF(details),
        }, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = check_room(context, uid, error);
        if (r < 0)
                return r;
        r = inhibitor_new(context, who, why, uid, &fd);
        if (r < 0)
                return bus_error_set(error, r, "Cannot make a lock: %s", strerror(-r));
        engine_set_n_inhibitors(context->engine, context->n_inhibitors);
        bus_manager_changed(context, BUS_MANAGER_INHIBITORS);
        return sd_bus_reply_method_return(message, "h", fd);
}

int bus_inhibit_get(_unused_ sd_bus *bus, _unused_ const char *path, _unused_ const char *interface,
                    _unused_ const char *property, sd_bus_message *reply, void *userdata,
                    _unused_ sd_bus_error *error) {
        BusContext *context = userdata;
        const BusInhibitor *inhibitor;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(ssu)");
        TAILQ_FOREACH(inhibitor, &context->inhibitors, link) {
                if (r >= 0)
                        r = sd_bus_message_open_container(reply, 'r', "ssu");
                if (r >= 0)
                        r = bus_append_text(reply, inhibitor->who);
                if (r >= 0)
                        r = bus_append_text(reply, inhibitor->why);
                if (r >= 0)
                        r = sd_bus_message_append_basic(reply, 'u', &inhibitor->uid);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
