/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * $SYSTEMD_PAGER or $PAGER is a command for the shell; without one it is less, which is told to run no other programs
 * and to open no other files.
 */
#include "src/ctl/ctl-pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-screen.h"

/* Ends by itself if all fits (F), shows colours (R), cuts long lines (S), leaves on Ctrl-C (K). */
#define LESS_OPTIONS "FRSXMK"

static pid_t pager;

/* NULL: none is wanted. */
static const char *command(void) {
        const char *terminal = getenv("TERM"), *said = getenv("SYSTEMD_PAGER") ?: getenv("PAGER");

        if (!terminal || text_equal(terminal, "dumb"))
                return NULL;
        if (said)
                return *said && !text_equal(said, "cat") ? said : NULL;
        return "less";
}

static pid_t spawn(const char *program, int read_fd) {
        const char *file;
        char *plain[] = { (char *) program, NULL }, *shell[] = { (char *) "sh", (char *) "-c", (char *) program, NULL };
        bool is_plain = strspn(program, "abcdefghijklmnopqrstuvwxyz") == strlen(program);
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t defaults;
        pid_t pid = 0;
        int r;

        file = is_plain ? program : "sh";
        (void) sigemptyset(&defaults);
        (void) sigaddset(&defaults, SIGPIPE);
        if (posix_spawnattr_init(&attributes) != 0)
                return 0;
        (void) posix_spawnattr_setsigdefault(&attributes, &defaults);
        (void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
        r = posix_spawn_file_actions_init(&actions);
        if (r == 0) {
                r = posix_spawn_file_actions_adddup2(&actions, read_fd, STDIN_FILENO);
                if (r == 0)
                        r = posix_spawnp(&pid, file, &actions, &attributes, is_plain ? plain : shell, environ);
                (void) posix_spawn_file_actions_destroy(&actions);
        }
        (void) posix_spawnattr_destroy(&attributes);
        return r == 0 ? pid : 0;
}

void ctl_pager_open(const CtlRequest *request) {
        _cleanup_(close_fd_at) int read_fd = -EBADF, write_fd = -EBADF;
        const char *program, *less = getenv("SYSTEMD_LESS");
        int fds[2];

        if (request->options & (CTL_OPTION_NO_PAGER | CTL_OPTION_JSON) || !ctl_screen_is_terminal() || pager > 0)
                return;
        program = command();
        if (!program || pipe2(fds, O_CLOEXEC) < 0)
                return;
        read_fd = fds[0];
        write_fd = fds[1];
        (void) setenv("LESS", less ?: LESS_OPTIONS, 1);
        (void) setenv("LESSSECURE", "1", 1);

        (void) fflush(stdout);
        pager = spawn(program, read_fd);
        if (pager <= 0)
                return;
        if (dup2(write_fd, STDOUT_FILENO) < 0) {
                (void) kill(pager, SIGTERM);
                return;
        }
        /* Ctrl-C is the pager's: it gives the terminal back as it was, and then we end as well. */
        (void) signal(SIGINT, SIG_IGN);
}

void ctl_pager_close(void) {
        if (pager <= 0)
                return;
        (void) fclose(stdout);
        while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
                ;
        pager = 0;
}
