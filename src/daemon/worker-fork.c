/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Only for machines without systemd as process 1: there is no descriptor store then, and nobody starts a
 * worker that died.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/daemon/worker-fork.h"

int worker_fork(const char *program, const char *state_directory, pid_t *ret_pid) {
        _cleanup_(close_fd_at) int ours = -EBADF, theirs = -EBADF;
        int fds[2], flags;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        ours = fds[0];
        theirs = fds[1];

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                char number[16];

                /* The copy without close-on-exec is the one that the new program inherits. */
                (void) snprintf(number, sizeof(number), "%d", fcntl(theirs, F_DUPFD, 3));
                if (state_directory)
                        execl(program, program, "--connection-fd", number, "--state-dir", state_directory, NULL);
                else
                        execl(program, program, "--connection-fd", number, NULL);
                fprintf(stderr, "healerd: cannot run %s: %m\n", program);
                _exit(127);
        }

        flags = fcntl(ours, F_GETFL);
        if (flags < 0 || fcntl(ours, F_SETFL, flags|O_NONBLOCK) < 0)
                return -errno;

        *ret_pid = pid;
        return steal_fd(&ours);
}

int privileges_drop(const char *user) {
        const struct passwd *entry;

        errno = 0;
        entry = getpwnam(user);
        if (!entry)
                return errno > 0 ? -errno : -ESRCH;

        if (setgroups(0, NULL) < 0 || setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) < 0 ||
            setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) < 0)
                return -errno;
        /* Nothing that is run from here on can get them back. */
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        /* A uid that is not 0 has no capability left unless something kept them: then this is not the process we
         * meant. */
        if (setuid(0) == 0)
                return -EPERM;
        return 0;
}
