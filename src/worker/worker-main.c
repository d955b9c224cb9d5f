/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * healer-worker: the program. Options, and the administrator's word on intents.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/number.h"
#include "src/worker/intent-file.h"
#include "src/worker/worker.h"

#define DEFAULT_STATE_DIR "/var/lib/xfs_healer"
#define DEFAULT_RUNTIME_DIR "/run/xfs_healer"
#define DEFAULT_PEER_USER "healerd"

static const char help_text[] =
        "Usage: healer-worker [OPTION…]\n"
        "\n"
        "The privileged half of healerd: takes health monitors, watches mounts, carries\n"
        "out repairs and scans. systemd starts it through healer-worker.socket.\n"
        "\n"
        "  --state-dir=PATH       folder for the record of begun repairs\n"
        "                         (default " DEFAULT_STATE_DIR ")\n"
        "  --runtime-dir=PATH     folder for what units are given to read\n"
        "                         (default " DEFAULT_RUNTIME_DIR ")\n"
        "  --listen=PATH          take lines in on a socket of our own\n"
        "  --connection-fd=N      serve the line on this descriptor, then end\n"
        "  --peer-user=NAME       who may speak to us besides root (default " DEFAULT_PEER_USER ")\n"
        "  --no-fanotify          watch /proc/self/mountinfo instead of mount events\n"
        "  --debug                say more\n"
        "\n"
        "The administrator's word:\n"
        "  --list-intents         show repairs that were begun and are not settled\n"
        "  --forget-intent=JOB    forget them, so that a banned repair may be tried again\n"
        "\n"
        "  -h, --help             this text\n"
        "  -V, --version          the version\n";

static char *format_time(uint64_t realtime_usec, char buffer[static 32]) {
        time_t seconds = (time_t) (realtime_usec / USEC_PER_SEC);
        struct tm parts;

        if (!localtime_r(&seconds, &parts) || strftime(buffer, 32, "%F %T", &parts) == 0)
                buffer[0] = 0;
        return buffer;
}

static int open_and_read(const char *state_dir, IntentSlots *ret_slots) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        int r;

        fd = intent_file_open(state_dir, false);
        if (fd < 0)
                return fd;
        r = intent_file_read(fd, ret_slots);
        return r < 0 ? r : steal_fd(&fd);
}

static int list_intents(const char *state_dir) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        static IntentSlots slots;

        fd = open_and_read(state_dir, &slots);
        if (fd == -ENOENT)
                return 0;
        if (fd < 0) {
                fprintf(stderr, "%s: cannot read the record of begun repairs: %s\n", state_dir, strerror(-fd));
                return fd;
        }

        for (size_t i = 0; i < INTENT_SLOTS; i++) {
                const Intent *intent = slots.slots + i;
                char began[32], uuid[UUID_TEXT_SIZE];

                if (intent->state == INTENT_FREE)
                        continue;
                printf("%" PRIu64 "  %-11s  %s  %s  %s %s group %" PRIu32 " ino %" PRIu64 "  %s\n", intent->job_id,
                       intent_state_to_name(intent->state), format_time(intent->started_realtime_usec, began),
                       intent->uuid_state == FACT_KNOWN ? uuid_format(intent->uuid, uuid) : "-",
                       event_domain_to_name(structure_domain(intent->target.structure)),
                       structure_to_name(intent->target.structure), intent->target.group, intent->target.inode,
                       intent->kernel_release);
        }

        return 0;
}

static int forget_intent(const char *state_dir, uint64_t job_id) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        static const Intent nothing;
        static IntentSlots slots;
        unsigned n_forgotten = 0;

        fd = open_and_read(state_dir, &slots);
        if (fd < 0) {
                fprintf(stderr, "%s: cannot read the record of begun repairs: %s\n", state_dir, strerror(-fd));
                return fd;
        }

        for (size_t i = 0; i < INTENT_SLOTS; i++) {
                int r;

                if (slots.slots[i].state == INTENT_FREE || slots.slots[i].job_id != job_id)
                        continue;
                r = intent_file_write(fd, i, &nothing);
                if (r < 0) {
                        fprintf(stderr, "%s: cannot write the record of begun repairs: %s\n", state_dir,
                                strerror(-r));
                        return r;
                }
                n_forgotten++;
        }

        if (n_forgotten > 0)
                return 0;

        fprintf(stderr,
                "No repair with job number %" PRIu64 " is recorded; --list-intents shows those that are.\n",
                job_id);
        return -ENOENT;
}

typedef struct Arguments {
        WorkerOptions options;
        const char *peer_user;
        bool is_list;
        bool is_forget;
        uint64_t forget_job_id;
} Arguments;

/* Returns 1 to go on, 0 to end well, -EINVAL after saying what is wrong. */
static int parse_arguments(int argc, char *argv[], Arguments *arguments) {
        enum {
                STATE_DIR = 256, RUNTIME_DIR, LISTEN, CONNECTION_FD, PEER_USER, NO_FANOTIFY, DEBUG, LIST_INTENTS,
                FORGET_INTENT,
        };
        static const struct option options[] = {
                { "state-dir",     required_argument, NULL, STATE_DIR     },
                { "runtime-dir",   required_argument, NULL, RUNTIME_DIR   },
                { "listen",        required_argument, NULL, LISTEN        },
                { "connection-fd", required_argument, NULL, CONNECTION_FD },
                { "peer-user",     required_argument, NULL, PEER_USER     },
                { "no-fanotify",   no_argument,       NULL, NO_FANOTIFY   },
                { "debug",         no_argument,       NULL, DEBUG         },
                { "list-intents",  no_argument,       NULL, LIST_INTENTS  },
                { "forget-intent", required_argument, NULL, FORGET_INTENT },
                { "help",          no_argument,       NULL, 'h'           },
                { "version",       no_argument,       NULL, 'V'           },
                {}
        };
        uint64_t number;
        int option;

        while ((option = getopt_long(argc, argv, "hV", options, NULL)) >= 0)
                switch (option) {
                case STATE_DIR:
                        arguments->options.state_dir = optarg;
                        break;
                case RUNTIME_DIR:
                        arguments->options.runtime_dir = optarg;
                        break;
                case LISTEN:
                        arguments->options.listen_path = optarg;
                        break;
                case CONNECTION_FD:
                        if (number_parse_u64(optarg, STDERR_FILENO + 1, INT32_MAX, &number) < 0) {
                                fprintf(stderr, "--connection-fd: %s is no descriptor\n", optarg);
                                return -EINVAL;
                        }
                        arguments->options.connection_fd = (int) number;
                        break;
                case PEER_USER:
                        arguments->peer_user = optarg;
                        break;
                case NO_FANOTIFY:
                        arguments->options.no_fanotify = true;
                        break;
                case DEBUG:
                        log_set_max_level(LOG_DEBUG);
                        break;
                case LIST_INTENTS:
                        arguments->is_list = true;
                        break;
                case FORGET_INTENT:
                        if (number_parse_u64(optarg, 0, UINT64_MAX, &arguments->forget_job_id) < 0) {
                                fprintf(stderr, "--forget-intent: %s is no job number\n", optarg);
                                return -EINVAL;
                        }
                        arguments->is_forget = true;
                        break;
                case 'h':
                        fputs(help_text, stdout);
                        return 0;
                case 'V':
                        puts("healer-worker " PACKAGE_VERSION);
                        return 0;
                default:
                        return -EINVAL;
                }

        if (optind < argc) {
                fprintf(stderr, "healer-worker takes no arguments, but got %s\n", argv[optind]);
                return -EINVAL;
        }
        if (arguments->options.state_dir[0] != '/') {
                fprintf(stderr, "--state-dir: %s is not an absolute path\n", arguments->options.state_dir);
                return -EINVAL;
        }

        return 1;
}

/* Name services may ask the network: once, before anything depends on us. */
static uid_t find_peer(const char *name) {
        const struct passwd *entry = getpwnam(name);

        if (entry)
                return entry->pw_uid;

        log_notice("there is no user %s, only root can speak to us", name);
        return (uid_t) -1;
}

/* Descriptors 0 to 2 are never ours to give to something else. */
static void occupy_standard_descriptors(void) {
        int fd;

        do
                fd = open("/dev/null", O_RDWR);
        while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd > STDERR_FILENO)
                (void) close(fd);
}

int main(int argc, char *argv[]) {
        _cleanup_(worker_free_at) Worker *worker = NULL;
        Arguments arguments = {
                .options = {
                        .state_dir = DEFAULT_STATE_DIR,
                        .runtime_dir = DEFAULT_RUNTIME_DIR,
                        .connection_fd = -EBADF,
                },
                .peer_user = DEFAULT_PEER_USER,
        };
        int r;

        occupy_standard_descriptors();
        log_open_auto("healer-worker");

        r = parse_arguments(argc, argv, &arguments);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (arguments.is_list)
                return list_intents(arguments.options.state_dir) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (arguments.is_forget)
                return forget_intent(arguments.options.state_dir, arguments.forget_job_id) < 0 ? EXIT_FAILURE
                                                                                               : EXIT_SUCCESS;

        arguments.options.peer_uid = find_peer(arguments.peer_user);
        r = worker_new(&arguments.options, &worker);
        if (r < 0) {
                log_error_errno(r, "cannot start: %m");
                return EXIT_FAILURE;
        }

        r = worker_run(worker);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
