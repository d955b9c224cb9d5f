/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xfs_healer: the program.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/filesystem-probe.h"
#include "src/basic/log.h"
#include "src/xfs-healer/healer.h"

/* Set in xfsprogs' units, for what is asked first as well as for what is started. */
#define SERVICE_VARIABLE "SERVICE_MODE"

static int say_service(const char *mount_point) {
        _cleanup_(free_at) char *name = NULL;

        if (healer_service_name(mount_point, &name) < 0) {
                fprintf(stderr, "%s: this path has no unit\n", mount_point);
                return EXIT_FAILURE;
        }

        puts(name);
        return EXIT_SUCCESS;
}

/* Who sent it sees that we ended by it. */
static int end_by_signal(int number) {
        sigset_t none;

        (void) signal(number, SIG_DFL);
        (void) raise(number);
        sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        return EXIT_FAILURE;
}

static int watch(const HealerOptions *options) {
        _cleanup_(healer_free_at) Healer *healer = healer_new(options);
        HealerEnd end;
        int r, stop_signal;

        if (!healer) {
                fputs("xfs_healer: cannot begin, out of memory or descriptors\n", stderr);
                return healer_exit_status(options->task, HEALER_FAILED, false);
        }

        end = healer_start(healer);
        if (end != HEALER_WELL || options->task == HEALER_SAY_SUPPORTED) {
                healer_output_drain(healer->output);
                return healer_exit_status(options->task, end, getenv(SERVICE_VARIABLE));
        }

        r = healer_run(healer);
        if (r < 0) {
                healer_complain(healer, strerror(-r));
                return healer_exit_status(options->task, HEALER_FAILED, false);
        }

        end = healer->end;
        stop_signal = healer->stop_signal;
        healer = healer_free(healer);
        return stop_signal != 0 ? end_by_signal(stop_signal) : healer_exit_status(options->task, end, false);
}

int main(int argc, char *argv[]) {
        HealerOptions options = healer_options_parse(argc, argv);

        /* Somebody who does not read any more does not end repairs. */
        (void) signal(SIGPIPE, SIG_IGN);
        filesystem_open_by_own_root();
        log_open_auto("xfs_healer");
        if (options.says_more)
                log_set_max_level(LOG_DEBUG);

        switch (options.task) {
        case HEALER_SAY_VERSION:
                puts("xfs_healer version " HEALER_VERSION "+healerd");
                return EXIT_SUCCESS;
        case HEALER_SAY_SERVICE:
                return say_service(options.mount_point);
        case HEALER_WATCH:
        case HEALER_SAY_SUPPORTED:
                return watch(&options);
        case HEALER_SAY_USAGE:
                break;
        }

        fputs(healer_usage, stderr);
        return EXIT_FAILURE;
}
