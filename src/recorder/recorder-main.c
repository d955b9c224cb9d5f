/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * healer-recorder: keeps the history of events, decisions and actions. A process of its own, because what writes to a
 * file system may hang in it or fall with it, and healerd must not.
 */

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/basic/duration.h"
#include "src/basic/log.h"
#include "src/basic/number.h"
#include "src/recorder/recorder.h"

#define DEFAULT_STATE_DIR HEALER_LOCALSTATEDIR "/lib/xfs_healer/history"
#define DEFAULT_PEER_USER "healerd"

static const char help_text[] =
        "Usage: healer-recorder [OPTION…]\n"
        "\n"
        "Keeps the history of events, decisions and actions for healerd; healerctl events\n"
        "shows it. systemd starts it through healer-recorder.socket.\n"
        "\n"
        "  --state-dir=PATH       folder of the history\n"
        "                         (default " DEFAULT_STATE_DIR ")\n"
        "  --listen=PATH          take lines in on a socket of our own\n"
        "  --connection-fd=N      serve the line on this descriptor, then end\n"
        "  --peer-user=NAME       who may speak to us besides root (default " DEFAULT_PEER_USER ")\n"
        "  --max-age=TIME         nothing older (default 366d)\n"
        "  --max-entries=N        no more entries (default 100000)\n"
        "  --max-size=BYTES       no larger file (default 256M)\n"
        "  --debug                say more\n"
        "  -h, --help             this text\n"
        "  -V, --version          the version\n";

typedef struct Arguments {
        RecorderOptions options;
        const char *peer_user;
} Arguments;

enum { STATE_DIR = 256, LISTEN, CONNECTION_FD, PEER_USER, MAX_AGE, MAX_ENTRIES, MAX_SIZE, DEBUG };

/* Those that are numbers: a descriptor, and how much is kept. Returns 0 or -EINVAL. */
static int take_number(int option, const char *value, RecorderOptions *options) {
        uint64_t number;

        switch (option) {
        case CONNECTION_FD:
                if (number_parse_u64(value, 3, INT32_MAX, &number) < 0) {
                        fprintf(stderr, "--connection-fd: %s is no descriptor\n", value);
                        return -EINVAL;
                }
                options->connection_fd = (int) number;
                return 0;
        case MAX_AGE:
                if (duration_parse(value, &options->age_max_usec) >= 0 &&
                    options->age_max_usec >= RECORDER_AGE_MIN_USEC)
                        return 0;
                fprintf(stderr, "--max-age: %s is no time such as 90d, of one hour at least\n", value);
                return -EINVAL;
        case MAX_ENTRIES:
                if (number_parse_u64(value, RECORDER_ROWS_MIN, RECORDER_ROWS_MAX, &options->n_rows_max) >= 0)
                        return 0;
                fprintf(stderr, "--max-entries: %s is no number from %d to %d\n", value, RECORDER_ROWS_MIN,
                        RECORDER_ROWS_MAX);
                return -EINVAL;
        default:
                if (number_parse_bytes(value, &options->size_max_bytes) >= 0 &&
                    options->size_max_bytes >= RECORDER_SIZE_MIN_BYTES &&
                    options->size_max_bytes <= RECORDER_SIZE_MAX_BYTES)
                        return 0;
                fprintf(stderr, "--max-size: %s is no size from 1M to 1T\n", value);
                return -EINVAL;
        }
}

/* Returns 1 to go on, 0 if everything was said, -EINVAL. */
static int parse_arguments(int argc, char *argv[], Arguments *arguments) {
        static const struct option table[] = {
                { "state-dir",     required_argument, NULL, STATE_DIR },
                { "listen",        required_argument, NULL, LISTEN },
                { "connection-fd", required_argument, NULL, CONNECTION_FD },
                { "peer-user",     required_argument, NULL, PEER_USER },
                { "max-age",       required_argument, NULL, MAX_AGE },
                { "max-entries",   required_argument, NULL, MAX_ENTRIES },
                { "max-size",      required_argument, NULL, MAX_SIZE },
                { "debug",         no_argument,       NULL, DEBUG },
                { "help",          no_argument,       NULL, 'h' },
                { "version",       no_argument,       NULL, 'V' },
                {}
        };
        int c;

        while ((c = getopt_long(argc, argv, "hV", table, NULL)) >= 0)
                switch (c) {
                case STATE_DIR:
                        arguments->options.folder = optarg;
                        break;
                case LISTEN:
                        arguments->options.listen_path = optarg;
                        break;
                case PEER_USER:
                        arguments->peer_user = optarg;
                        break;
                case CONNECTION_FD:
                case MAX_AGE:
                case MAX_ENTRIES:
                case MAX_SIZE:
                        if (take_number(c, optarg, &arguments->options) < 0)
                                return -EINVAL;
                        break;
                case DEBUG:
                        log_set_max_level(LOG_DEBUG);
                        break;
                case 'h':
                        fputs(help_text, stdout);
                        return 0;
                case 'V':
                        puts("healer-recorder " HEALER_VERSION);
                        return 0;
                default:
                        return -EINVAL;
                }

        if (optind < argc) {
                fprintf(stderr, "healer-recorder takes no arguments, but got %s\n", argv[optind]);
                return -EINVAL;
        }
        if (arguments->options.folder[0] != '/') {
                fprintf(stderr, "--state-dir: %s is not an absolute path\n", arguments->options.folder);
                return -EINVAL;
        }
        return 1;
}

int main(int argc, char *argv[]) {
        _cleanup_(recorder_free_at) Recorder *recorder = NULL;
        Arguments arguments = {
                .options = {
                        .folder = DEFAULT_STATE_DIR,
                        .connection_fd = -EBADF,
                        .n_rows_max = RECORDER_ROWS_DEFAULT,
                        .age_max_usec = RECORDER_AGE_DEFAULT_USEC,
                        .size_max_bytes = RECORDER_SIZE_DEFAULT_BYTES,
                },
                .peer_user = DEFAULT_PEER_USER,
        };
        const struct passwd *entry;
        int r;

        log_open_auto("healer-recorder");
        r = parse_arguments(argc, argv, &arguments);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;

        entry = getpwnam(arguments.peer_user);
        if (!entry)
                log_notice("there is no user %s, only root can speak to us", arguments.peer_user);
        arguments.options.peer_uid = entry ? entry->pw_uid : (uid_t) -1;

        r = recorder_new(&arguments.options, &recorder);
        if (r < 0) {
                log_error_errno(r, "cannot start: %m");
                return EXIT_FAILURE;
        }
        return recorder_run(recorder) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
