/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl monitor`: subscribes to healerd's signals and prints one line for each, until somebody ends it.
 * Needs no privilege: it asks for copies of broadcast signals (AddMatch) and does not become a monitor of
 * the bus. A healerd that restarts is waited for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-line.h"
#include "src/ctl/ctl-loop.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

typedef struct Monitor {
        CtlLoop loop;
        bool is_json;
} Monitor;

static void monitor_done(Monitor *monitor) {
        ctl_loop_done(&monitor->loop);
}

/* Prints one line, flushed; a reader that left ends the loop in peace. */
static void print_line(Monitor *monitor, const json_t *line) {
        int r;

        if (monitor->is_json) {
                r = ctl_json_print(line, true, stdout);
        } else {
                ctl_line_print(line, stdout);
                r = fflush(stdout) == EOF ? -errno : 0;
        }
        if (r == -EPIPE)
                ctl_loop_end(&monitor->loop, CTL_EXIT_OK);
        else if (r < 0) {
                ctl_complain(NULL, "cannot write to standard output: %s", strerror(-r));
                ctl_loop_end(&monitor->loop, CTL_EXIT_FAILED);
        }
}

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error _unused_) {
        _cleanup_(json_decref_at) json_t *line = NULL;
        Monitor *monitor = userdata;
        int r;

        r = ctl_line_read(message, clock_realtime_usec(), &line);
        if (r < 0) {
                /* One signal that cannot be read is no reason to miss the next. */
                ctl_complain(NULL, "cannot read signal %s: %s", sd_bus_message_get_member(message), strerror(-r));
                return 0;
        }

        print_line(monitor, line);
        return 0;
}

static void on_daemon(CtlLoop *loop, bool is_running) {
        Monitor *monitor = container_of(loop, Monitor, loop);
        _cleanup_(json_decref_at) json_t *line = ctl_line_of_daemon(is_running, clock_realtime_usec());

        if (line)
                print_line(monitor, line);
}

CtlExit ctl_monitor(const CtlRequest *request) {
        _cleanup_(monitor_done) Monitor monitor = {
                .loop.is_stopped_by_reader = true,
                .is_json = request->options & CTL_OPTION_JSON,
        };
        CtlExit exit_code;
        int r;

        exit_code = ctl_loop_init(&monitor.loop, on_daemon);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        r = sd_bus_match_signal(monitor.loop.bus, NULL, BUS_NAME, BUS_PATH, BUS_INTERFACE_MANAGER, NULL, on_signal,
                                &monitor);
        if (r < 0) {
                ctl_complain(NULL, "cannot subscribe to healerd's signals: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }

        if (!ctl_loop_daemon_is_running(&monitor.loop))
                ctl_complain(NULL, "healerd is not running; waiting for it");
        return ctl_loop_run(&monitor.loop);
}
