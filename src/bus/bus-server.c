/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-server.h. The objects (BusContext) live as long as the server; a connection comes and goes below them.
 *
 * The name is asked for with replacement allowed, taken from an older healerd that may hang, and queued for if somebody
 * takes it: the bus gives it back by itself when it is free again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/bus/bus-burst.h"
#include "src/bus/bus-context.h"
#include "src/bus/bus-filesystem.h"
#include "src/bus/bus-dump.h"
#include "src/bus/bus-inhibit.h"
#include "src/bus/bus-job.h"
#include "src/bus/bus-manager.h"
#include "src/bus/bus-names.h"
#include "src/bus/bus-observer.h"
#include "src/bus/bus-server.h"
#include "src/bus/bus-subscribe.h"

#define CHANGE_INTERVAL_USEC USEC_PER_SEC
#define JOB_KEEP_USEC (30 * USEC_PER_SEC)
#define RECONNECT_MIN_USEC (100 * USEC_PER_MSEC)
#define RECONNECT_MAX_USEC (30 * USEC_PER_SEC)

#define SYSTEM_BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"

#define DBUS_NAME "org.freedesktop.DBus"
#define DBUS_PATH "/org/freedesktop/DBus"
/* Where sd-bus itself speaks from. */
#define LOCAL_NAME "org.freedesktop.DBus.Local"
#define LOCAL_PATH "/org/freedesktop/DBus/Local"

/* Answers to RequestName. Source: D-Bus specification. */
#define NAME_PRIMARY_OWNER 1
#define NAME_IN_QUEUE 2
#define NAME_ALREADY_OWNER 4

struct BusServer {
        BusContext context;
        char *address;
        BusServerReady ready;
        void *userdata;
        sd_bus *bus;                    /* also while it is not ready */
        sd_bus_slot *name_slot;
        sd_event_source *reconnect_timer;
        uint64_t reconnect_min_usec, reconnect_usec;
        bool is_outage_said;
        bool is_attached;               /* the connection was given to us; no other is made */
};

static void server_set_ready(BusServer *server, bool is_ready) {
        BusContext *context = &server->context;

        if (context->is_ready == is_ready)
                return;

        context->is_ready = is_ready;
        bus_change_queue_set_bus(context->changes, is_ready ? server->bus : NULL);
        if (is_ready) {
                context->was_ready = true;
                server->reconnect_usec = server->reconnect_min_usec;
                server->is_outage_said = false;
                bus_filesystem_announce(context);
                bus_job_announce(context);
        }
        if (server->ready)
                server->ready(server->userdata, is_ready);
}

/* Said once until it works again: the daemon goes on, and the journal is not filled. */
static void server_say_outage(BusServer *server, int error, const char *what) {
        int level = server->is_outage_said ? LOG_DEBUG : LOG_WARNING;

        server->is_outage_said = true;
        (void) log_errno(level, error, "%s, going on without the bus and trying again: %m", what);
}

static void server_retry_later(BusServer *server) {
        int r;

        server_set_ready(server, false);
        r = sd_event_source_set_time_relative(server->reconnect_timer, server->reconnect_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(server->reconnect_timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "Cannot set a timer, the system bus will not be tried again: %m");
        server->reconnect_usec = min_of(2 * server->reconnect_usec, RECONNECT_MAX_USEC);
}

static void server_drop_bus(BusServer *server) {
        server_set_ready(server, false);
        bus_authorizer_drop_all(server->context.authorizer);
        bus_subscribe_drop_all(&server->context);
        bus_burst_drop_all(&server->context);
        server->context.bus = NULL;
        server->name_slot = sd_bus_slot_unref(server->name_slot);
        if (server->bus)
                (void) sd_bus_detach_event(server->bus);
        server->bus = sd_bus_close_unref(server->bus);
}

static int on_name_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        BusServer *server = userdata;
        uint32_t answer = 0;
        int r;

        r = -sd_bus_message_get_errno(reply);
        if (r == 0)
                r = sd_bus_message_read(reply, "u", &answer);
        if (r < 0) {
                server_say_outage(server, r, "Cannot have the name " BUS_NAME " (is our bus configuration installed?)");
                server_retry_later(server);
                return 0;
        }

        if (answer == NAME_PRIMARY_OWNER || answer == NAME_ALREADY_OWNER)
                server_set_ready(server, true);
        else if (answer == NAME_IN_QUEUE)
                log_warning("Another program has the name " BUS_NAME " and keeps it, waiting for it");
        else
                log_warning("The bus answered %" PRIu32 " to the request for " BUS_NAME ", waiting for the name",
                            answer);
        return 0;
}

static bool is_our_name(sd_bus_message *message) {
        const char *name;

        return sd_bus_message_read(message, "s", &name) >= 0 && text_equal(name, BUS_NAME);
}

static int on_name_acquired(sd_bus_message *message, void *userdata, sd_bus_error *error _unused_) {
        BusServer *server = userdata;

        if (is_our_name(message)) {
                log_info("On the system bus as " BUS_NAME);
                server_set_ready(server, true);
        }
        return 0;
}

static int on_name_lost(sd_bus_message *message, void *userdata, sd_bus_error *error _unused_) {
        BusServer *server = userdata;

        if (is_our_name(message) && server->context.is_ready) {
                log_warning("Another program took the name " BUS_NAME ", going on without it and waiting for it");
                server_set_ready(server, false);
        }
        return 0;
}

static int on_disconnected(sd_bus_message *message _unused_, void *userdata, sd_bus_error *error _unused_) {
        BusServer *server = userdata;

        /* The connection is released by the timer: sd-bus is still busy with it here. */
        server_say_outage(server, -ECONNRESET, "The system bus went away");
        server_retry_later(server);
        return 0;
}

static int server_match(BusServer *server, sd_bus *bus) {
        static const struct {
                const char *name, *path, *member; /* sender and interface have the same name */
                sd_bus_message_handler_t handler;
        } matches[] = {
                { LOCAL_NAME, LOCAL_PATH, "Disconnected", on_disconnected },
                { DBUS_NAME, DBUS_PATH, "NameAcquired", on_name_acquired },
                { DBUS_NAME, DBUS_PATH, "NameLost", on_name_lost },
        };

        for (size_t i = 0; i < ELEMENTSOF(matches); i++) {
                int r = sd_bus_match_signal_async(bus, /* slot= */ NULL, matches[i].name, matches[i].path,
                                                  matches[i].name, matches[i].member, matches[i].handler, NULL,
                                                  server);

                if (r < 0)
                        return r;
        }

        return 0;
}

static int server_attach_objects(BusServer *server, sd_bus *bus) {
        BusContext *context = &server->context;
        int r;

        r = bus_authorizer_attach(context->authorizer, bus);
        if (r < 0)
                return r;
        r = sd_bus_add_object_manager(bus, /* slot= */ NULL, BUS_PATH);
        if (r < 0)
                return r;
        r = bus_manager_attach(context, bus);
        if (r < 0)
                return r;
        r = bus_filesystem_attach(context, bus);
        if (r < 0)
                return r;
        r = bus_job_attach(context, bus);
        if (r < 0)
                return r;

        context->bus = bus;
        return 0;
}

/* On failure what was begun is released by the caller. */
static int server_open_bus(BusServer *server) {
        int r;

        r = sd_bus_new(&server->bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(server->bus, server->address);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(server->bus, true);
        if (r < 0)
                return r;
        /* For Inhibit, which gives one. What comes with a call that takes none goes with the message. */
        r = sd_bus_negotiate_fds(server->bus, true);
        if (r < 0)
                return r;
        (void) sd_bus_set_description(server->bus, "system");
        r = sd_bus_start(server->bus);
        if (r < 0)
                return r;
        r = server_match(server, server->bus);
        if (r < 0)
                return r;
        r = server_attach_objects(server, server->bus);
        if (r < 0)
                return r;
        r = sd_bus_request_name_async(server->bus, &server->name_slot, BUS_NAME,
                                      SD_BUS_NAME_ALLOW_REPLACEMENT|SD_BUS_NAME_REPLACE_EXISTING|SD_BUS_NAME_QUEUE,
                                      on_name_answer, server);
        if (r < 0)
                return r;

        return sd_bus_attach_event(server->bus, server->context.event, SD_EVENT_PRIORITY_NORMAL);
}

static void server_connect(BusServer *server) {
        int r;

        r = server_open_bus(server);
        if (r >= 0)
                return;

        server_say_outage(server, r, "Cannot reach the system bus");
        server_drop_bus(server);
        server_retry_later(server);
}

static int on_reconnect(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        BusServer *server = userdata;

        server_drop_bus(server);
        if (!server->is_attached)
                server_connect(server);
        return 0;
}

static const char *system_bus_address(void) {
        const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");

        return address ? address : SYSTEM_BUS_ADDRESS;
}

static uint64_t or_default(uint64_t value, uint64_t otherwise) {
        return value > 0 ? value : otherwise;
}

static int server_init_context(BusServer *server, sd_event *event, Engine *engine, const BusServerOptions *options) {
        BusContext *context = &server->context;
        int r;

        *context = (BusContext) {
                .event = sd_event_ref(event),
                .engine = engine,
                .job_keep_usec = or_default(options->job_keep_usec, JOB_KEEP_USEC),
        };
        TAILQ_INIT(&context->filesystems);
        TAILQ_INIT(&context->jobs);
        TAILQ_INIT(&context->inhibitors);
        TAILQ_INIT(&context->subscriptions);
        TAILQ_INIT(&context->bursts);
        TAILQ_INIT(&context->dumps);

        r = bus_authorizer_new(
                event, or_default(options->authorize_interactive_usec, BUS_AUTHORIZE_INTERACTIVE_USEC),
                or_default(options->authorize_timeout_usec, BUS_AUTHORIZE_TIMEOUT_USEC), &context->authorizer);
        if (r < 0)
                return r;
        r = bus_change_queue_new(event, or_default(options->change_interval_usec, CHANGE_INTERVAL_USEC),
                                 &context->changes);
        if (r < 0)
                return r;
        context->history = options->history;
        bus_subscribe_init(context);
        context->notices = options->notices;
        bus_manager_init(context);
        r = bus_job_init(context);
        if (r < 0)
                return r;

        return bus_observer_add(context);
}

static int server_new(sd_event *event, Engine *engine, const BusServerOptions *options, BusServer **ret_server) {
        _cleanup_(bus_server_free_at) BusServer *server = NULL;
        int r;

        server = calloc(1, sizeof(*server));
        if (!server)
                return -ENOMEM;

        server->ready = options->ready;
        server->userdata = options->userdata;
        server->reconnect_usec = server->reconnect_min_usec =
                or_default(options->reconnect_min_usec, RECONNECT_MIN_USEC);
        server->address = strdup(options->address ? options->address : system_bus_address());
        if (!server->address)
                return -ENOMEM;

        r = sd_event_add_time(event, &server->reconnect_timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_reconnect, server);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(server->reconnect_timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = server_init_context(server, event, engine, options);
        if (r < 0)
                return r;

        *ret_server = steal_ptr(server);
        return 0;
}

int bus_server_new(sd_event *event, Engine *engine, const BusServerOptions *options, BusServer **ret_server) {
        int r;

        r = server_new(event, engine, options ? options : &(BusServerOptions) {}, ret_server);
        if (r < 0)
                return r;

        server_connect(*ret_server);
        return 0;
}

int bus_server_new_attached(sd_event *event, Engine *engine, const BusServerOptions *options, sd_bus *bus,
                            BusServer **ret_server) {
        _cleanup_(bus_server_free_at) BusServer *server = NULL;
        int r;

        r = server_new(event, engine, options ? options : &(BusServerOptions) {}, &server);
        if (r < 0)
                return r;

        server->is_attached = true;
        server->bus = sd_bus_ref(bus);
        r = server_match(server, bus);
        if (r < 0)
                return r;
        r = server_attach_objects(server, bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        server_set_ready(server, true);

        *ret_server = steal_ptr(server);
        return 0;
}

BusServer *bus_server_free(BusServer *server) {
        BusContext *context;

        if (!server)
                return NULL;

        context = &server->context;
        /* Nobody hears of the end: the name going away says it all. */
        server->ready = NULL;
        context->is_ready = false;
        if (context->changes) {
                bus_change_queue_set_bus(context->changes, NULL);
                bus_filesystem_remove_all(context);
                bus_job_remove_all(context);
                bus_inhibit_drop_all(context);
                bus_dump_drop_all(context);
                bus_subscribe_done(context);
                server_drop_bus(server);
        }
        bus_authorizer_free(context->authorizer);
        bus_change_queue_free(context->changes);
        sd_event_source_disable_unref(context->job_timer);
        sd_event_source_disable_unref(server->reconnect_timer);
        sd_event_unref(context->event);
        free(server->address);
        free(server);
        return NULL;
}

bool bus_server_is_ready(const BusServer *server) {
        return server->context.is_ready;
}
