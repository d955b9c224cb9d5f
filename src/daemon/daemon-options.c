/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One table for parser and help: what is not in it does not exist.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "src/basic/macro.h"
#include "src/daemon/daemon-options.h"
#include "src/history/history-protocol.h"
#include "src/protocol/worker-protocol.h"

enum {
        OPTION_DEBUG = 'd',
        OPTION_HELP = 'h',
        OPTION_VERSION = 'V',
        OPTION_WORKER_SOCKET = 0x100,
        OPTION_RECORDER_SOCKET,
        OPTION_POLICY_ROOT,
        OPTION_RECORD,
        OPTION_REPLAY,
        OPTION_NO_BUS,
        OPTION_FORK_WORKER,
        OPTION_WORKER_PROGRAM,
        OPTION_STATE_DIRECTORY,
        OPTION_BOOT_ID,
};

static const struct {
        const char *name;
        int value;
        const char *argument;
        const char *help;
} option_table[] = {
        { "worker-socket", OPTION_WORKER_SOCKET, "PATH",
          "where healer-worker listens\n(default " WORKER_SOCKET_PATH ")" },
        { "recorder-socket", OPTION_RECORDER_SOCKET, "PATH",
          "where healer-recorder listens\n(default " HISTORY_SOCKET_PATH ")" },
        { "policy-root", OPTION_POLICY_ROOT, "DIR", "look for policies below DIR instead of /" },
        { "record", OPTION_RECORD, "FILE", "write every kernel record to FILE as well" },
        { "replay", OPTION_REPLAY, "FILE",
          "decide about a recorded stream instead of the\nkernel's reports, do nothing, and end with it" },
        { "no-bus", OPTION_NO_BUS, NULL, "stay off the system bus" },
        { "fork-worker", OPTION_FORK_WORKER, NULL,
          "without systemd: start as root, run the worker as\na child, go on as user healerd" },
        { "worker-program", OPTION_WORKER_PROGRAM, "PATH", "the worker to run with --fork-worker" },
        { "state-dir", OPTION_STATE_DIRECTORY, "DIR", "the worker's state folder with --fork-worker" },
        { "boot-id", OPTION_BOOT_ID, "ID", "which boot this is, where /proc does not say" },
        { "debug", OPTION_DEBUG, NULL, "log more" },
        { "help", OPTION_HELP, NULL, "show this help" },
        { "version", OPTION_VERSION, NULL, "show the version" },
};

static void print_help(void) {
        printf("healerd [OPTION...]\n\n"
               "Decides, by the administrator's policy, what is done about file system damage that\n"
               "the kernel reports, and publishes it as org.xfs.Healer on the system bus.\n"
               "It is started by systemd; see healerd(8) and healer-policy(5).\n\n");
        for (size_t i = 0; i < ELEMENTSOF(option_table); i++) {
                char left[32];
                const char *help = option_table[i].help, *line;

                (void) snprintf(left, sizeof(left), "--%s%s%s", option_table[i].name,
                                option_table[i].argument ? "=" : "",
                                option_table[i].argument ? option_table[i].argument : "");
                printf("  %-24s", left);
                for (line = help; *line; line++) {
                        (void) putchar(*line);
                        if (*line == '\n')
                                printf("%26s", "");
                }
                (void) putchar('\n');
        }
}

static int take(int value, DaemonOptions *options) {
        switch (value) {
        case OPTION_WORKER_SOCKET:
                options->worker_socket = optarg;
                return 0;
        case OPTION_RECORDER_SOCKET:
                options->recorder_socket = optarg;
                return 0;
        case OPTION_POLICY_ROOT:
                options->policy_root = optarg;
                return 0;
        case OPTION_RECORD:
                options->record_path = optarg;
                return 0;
        case OPTION_REPLAY:
                options->replay_path = optarg;
                return 0;
        case OPTION_NO_BUS:
                options->has_no_bus = true;
                return 0;
        case OPTION_FORK_WORKER:
                options->forks_worker = true;
                return 0;
        case OPTION_WORKER_PROGRAM:
                options->worker_program = optarg;
                return 0;
        case OPTION_STATE_DIRECTORY:
                options->state_directory = optarg;
                return 0;
        case OPTION_BOOT_ID:
                options->boot_id = optarg;
                return 0;
        case OPTION_DEBUG:
                options->is_debug = true;
                return 0;
        case OPTION_HELP:
                print_help();
                return 1;
        case OPTION_VERSION:
                printf("healerd " HEALER_VERSION "\n");
                return 1;
        default:
                fprintf(stderr, "healerd: see healerd --help\n");
                return -EINVAL;
        }
}

int daemon_options_parse(int argc, char *argv[], DaemonOptions *ret_options) {
        struct option options[ELEMENTSOF(option_table) + 1] = {};
        DaemonOptions parsed = {
                .worker_socket = WORKER_SOCKET_PATH,
                .recorder_socket = HISTORY_SOCKET_PATH,
                .worker_program = HEALER_LIBEXECDIR "/healer-worker",
        };
        int value, r;

        for (size_t i = 0; i < ELEMENTSOF(option_table); i++)
                options[i] = (struct option) {
                        .name = option_table[i].name,
                        .has_arg = option_table[i].argument ? required_argument : no_argument,
                        .val = option_table[i].value,
                };

        while ((value = getopt_long(argc, argv, "dhV", options, NULL)) >= 0) {
                r = take(value, &parsed);
                if (r != 0)
                        return r;
        }
        if (optind < argc) {
                fprintf(stderr, "healerd: \"%s\" is too much, see healerd --help\n", argv[optind]);
                return -EINVAL;
        }
        if (parsed.replay_path && parsed.forks_worker) {
                fprintf(stderr, "healerd: a recorded stream (--replay) needs no worker (--fork-worker)\n");
                return -EINVAL;
        }

        *ret_options = parsed;
        return 0;
}
