/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our place on the system bus: connects, asks for the name, publishes what the engine knows, and does all of it again
 * when the bus went away and came back. Nothing here waits; without a bus the daemon goes on as before.
 */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "src/engine/engine.h"
#include "src/history/history-reader.h"
#include "src/message/notice-reader.h"

typedef struct BusServer BusServer;

/* Called when the name becomes ours, and when it is not any more. */
typedef void (*BusServerReady)(void *userdata, bool is_ready);

typedef struct BusServerOptions {
        const char *address;            /* NULL: the system bus; copied */
        BusServerReady ready;           /* may be NULL */
        void *userdata;
        NoticeReader notices;           /* as history */
        HistoryReader history;          /* must live until the engine has ended; without functions: no history */
        /* Zero: the default of each. Only tests have a reason for other values. */
        uint64_t change_interval_usec;  /* PropertiesChanged of one object: 1 s */
        uint64_t job_keep_usec;         /* an ended job stays on the bus: 30 s */
        uint64_t authorize_interactive_usec, authorize_timeout_usec;
        uint64_t reconnect_min_usec;    /* doubles up to 30 s; 100 ms */
} BusServerOptions;

/**
 * bus_server_new() - publish an engine on the bus
 * @event:   a reference is taken
 * @engine:  borrowed; the server subscribes to it. Neither calls the other any more once the loop has ended: free the
 *           engine first, then the server
 * @options: NULL: defaults; borrowed for the call
 *
 * A bus that cannot be reached is not an error: it is said once and tried again.
 * Returns: 0 or a negative errno (-ENOMEM, or the event loop's).
 */
int bus_server_new(sd_event *event, Engine *engine, const BusServerOptions *options, BusServer **ret_server);

/* The same over a connection that stands (one end of a socketpair, for tests): no name is asked for, ready at once.
 * A reference to @bus is taken; it is attached to the loop. */
int bus_server_new_attached(sd_event *event, Engine *engine, const BusServerOptions *options, sd_bus *bus,
                            BusServer **ret_server);

BusServer *bus_server_free(BusServer *server);
DEFINE_CLEANUP(BusServer, bus_server_free)

bool bus_server_is_ready(const BusServer *server);
