/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * healer-scrub-run: the program of healer-scrub@.service and healer-scrub-repair@.service. Runs xfs_scrub with the
 * options that it is given, tells systemd how far that is (STATUS=), and ends as it ended.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/notify.h"
#include "src/basic/text.h"
#include "src/model/scan-progress.h"

#define PROGRAM "/usr/sbin/xfs_scrub"
#define ARGUMENTS_MAX 32
/* As systemd has it where a program cannot be started: EXIT_EXEC. */
#define EXIT_NOT_STARTED 203

/* @fd: stays open in it. */
static void run_program(int argc, char *argv[], int fd) {
        char *arguments[ARGUMENTS_MAX + 4];
        char number[16];
        size_t n = 0;
        int copy;

        /* One that survives exec. */
        copy = dup(fd);
        (void) snprintf(number, sizeof(number), "%d", copy);
        arguments[n++] = (char *) PROGRAM;
        if (copy >= 0) {
                arguments[n++] = (char *) "-C";
                arguments[n++] = number;
        }
        for (int i = 1; i < argc && i < ARGUMENTS_MAX; i++)
                arguments[n++] = argv[i];
        arguments[n] = NULL;
        (void) execv(PROGRAM, arguments);
        (void) fprintf(stderr, "cannot run " PROGRAM ": %s\n", strerror(errno));
        _exit(EXIT_NOT_STARTED);
}

static void tell_progress(FILE *lines) {
        ScanProgress told = {}, progress;
        char line[512];

        while (fgets(line, sizeof(line), lines)) {
                char status[SCAN_STATUS_SIZE], text[SCAN_STATUS_SIZE + 8] = "";

                if (!scan_progress_read_line(line, &progress) ||
                    (progress.phase == told.phase && progress.percent == told.percent))
                        continue;
                told = progress;
                (void) text_append_format(text, sizeof(text), "STATUS=%s", scan_progress_status(&progress, status));
                (void) notify_send(text, -EBADF);
        }
}

static int end_as(int status) {
        if (!WIFSIGNALED(status))
                return WEXITSTATUS(status);
        (void) signal(WTERMSIG(status), SIG_DFL);
        (void) raise(WTERMSIG(status));
        return EXIT_FAILURE;
}

/* systemd sends it to both; the program that scans is the one to end. */
static void on_term(_unused_ int number) {
}

int main(int argc, char *argv[]) {
        const struct sigaction term = { .sa_handler = on_term, .sa_flags = SA_RESTART };
        int fds[2], status;
        FILE *lines;
        pid_t pid;

        if (argc < 2 || argc > ARGUMENTS_MAX) {
                (void) fprintf(stderr, "usage: %s OPTIONS-OF-XFS_SCRUB MOUNT-POINT\n", argv[0]);
                return EXIT_FAILURE;
        }
        if (pipe2(fds, O_CLOEXEC) < 0 || sigaction(SIGTERM, &term, NULL) < 0) {
                (void) fprintf(stderr, "cannot make a pipe: %s\n", strerror(errno));
                return EXIT_FAILURE;
        }
        pid = fork();
        if (pid < 0) {
                (void) fprintf(stderr, "cannot fork: %s\n", strerror(errno));
                return EXIT_FAILURE;
        }
        if (pid == 0)
                run_program(argc, argv, fds[1]);

        close_fd(fds[1]);
        lines = fdopen(fds[0], "r");
        if (lines)
                tell_progress(lines);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return EXIT_FAILURE;
        return end_as(status);
}
