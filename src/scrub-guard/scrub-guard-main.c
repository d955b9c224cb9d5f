/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * healer-scrub-guard: ExecCondition= of xfs_scrub@.service and xfs_scrub_media@.service, see
 * systemd/takeover/xfs_scrub.conf.in. Says yes or no by its exit status, and why not on standard error: lines that come
 * that way stay with their unit in the journal, however short the program lived.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel/filesystem-probe.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/scrub-guard/scrub-guard.h"

/* systemd: 0 goes on, 1 to 254 skip the unit, all else makes it fail. */
enum {
        GUARD_HARMLESS = 0,
        GUARD_KEPT_BACK = 1,
        GUARD_USAGE = 2,
};

/* A mount that does not answer for so long will not answer. */
#define DEADLINE_SECONDS 30

static const char help_text[] =
        "Usage: healer-scrub-guard MOUNT\n"
        "\n"
        "May xfs_scrub of xfsprogs start on the file system at MOUNT, as far as this kernel\n"
        "is concerned? Exit status 0: yes. 1: no, it would repair, and a repair that it may\n"
        "choose crashes this kernel. 2: the command line is wrong.\n"
        "\n"
        "systemd asks it, see \"takeover\" in healerctl(1).\n"
        "\n"
        "  -h, --help             this text\n"
        "  -V, --version          the version\n";

static int keep_back(const char *mount_point, const char *reason) {
        _cleanup_(free_at) char *safe = text_escape(mount_point, strlen(mount_point));

        /* Level "notice", for systemd, which takes it off again. */
        fprintf(stderr, "%sno scan of %s that may repair: %s; to check it: healerctl scrub %s\n",
                getenv("JOURNAL_STREAM") ? "<5>" : "", safe ? safe : "it", reason, safe ? safe : "MOUNT");
        return GUARD_KEPT_BACK;
}

static void on_deadline(int signal_number _unused_) {
        static const char text[] = "<4>the file system does not answer, so no scan is started\n";

        (void) !write(STDERR_FILENO, text, sizeof(text) - 1);
        _exit(GUARD_KEPT_BACK);
}

static int judge(const char *mount_point) {
        _cleanup_(filesystem_facts_clear) FilesystemFacts facts = {};
        _cleanup_(close_fd_at) int fd = -EBADF;
        KernelVersion running;
        struct statfs status;
        const char *reason;
        int r;

        r = kernel_version_running(&running);
        if (r < 0)
                return keep_back(mount_point, "the version of the kernel is not known");
        fd = filesystem_open_root(mount_point, 0);
        if (fd < 0)
                return keep_back(mount_point, strerror(-fd));
        if (fstatfs(fd, &status) < 0)
                return keep_back(mount_point, strerror(errno));
        /* xfs_scrub says itself what it is not for. */
        if (status.f_type != XFS_SUPER_MAGIC)
                return GUARD_HARMLESS;

        facts.type = strdup("xfs");
        if (!facts.type)
                return keep_back(mount_point, strerror(ENOMEM));
        (void) filesystem_probe(fd, &facts);
        if (!scrub_guard_allows(running, &facts, &reason))
                return keep_back(mount_point, reason);

        return GUARD_HARMLESS;
}

int main(int argc, char *argv[]) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                {}
        };
        int option;

        while ((option = getopt_long(argc, argv, "hV", options, NULL)) >= 0)
                switch (option) {
                case 'h':
                        fputs(help_text, stdout);
                        return GUARD_HARMLESS;
                case 'V':
                        puts("healer-scrub-guard " PACKAGE_VERSION);
                        return GUARD_HARMLESS;
                default:
                        return GUARD_USAGE;
                }
        if (optind + 1 != argc) {
                fputs("healer-scrub-guard needs one mount point, see --help\n", stderr);
                return GUARD_USAGE;
        }

        (void) signal(SIGALRM, on_deadline);
        (void) alarm(DEADLINE_SECONDS);
        return judge(argv[optind]);
}
