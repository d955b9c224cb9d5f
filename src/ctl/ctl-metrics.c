/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl metrics`. That healerd is absent is something to tell, too: whoever collects a file would otherwise go on
 * reading the last one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/clock.h"
#include "src/basic/file.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-filesystem.h"
#include "src/ctl/ctl-metrics-text.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

/* Nobody who reads a file sees half of it. */
static int write_file(const char *path, const CtlWorld *world, uint64_t now_usec) {
        _cleanup_(free_at) char *text = NULL;
        size_t length;
        FILE *stream = open_memstream(&text, &length);
        int r;

        if (!stream)
                return -ENOMEM;
        r = ctl_metrics_print(world->manager, world->filesystems, CTL_METRICS_TEXTFILE, now_usec, stream);
        if (fclose(stream) != 0 && r == 0)
                r = -ENOMEM;
        return r < 0 ? r : file_write_atomic(path, text, length, 0644);
}

CtlExit ctl_metrics(const CtlRequest *request) {
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL;
        _cleanup_(ctl_world_clear) CtlWorld world = {};
        uint64_t now_usec = clock_realtime_usec();
        CtlExit exit_code;
        int r;

        exit_code = ctl_bus_open(&bus);
        if (exit_code == CTL_EXIT_OK)
                exit_code = ctl_world_get(bus, &world);
        if (exit_code != CTL_EXIT_OK && exit_code != CTL_EXIT_NO_DAEMON)
                return exit_code;

        if (request->output)
                r = write_file(request->output, &world, now_usec);
        else
                r = ctl_metrics_print(world.manager, world.filesystems, CTL_METRICS_OPENMETRICS, now_usec, stdout);
        if (r < 0 && request->output) {
                ctl_complain(request->output, "%s", strerror(-r));
                return CTL_EXIT_FAILED;
        }
        return exit_code;
}
