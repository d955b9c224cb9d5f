/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * healerd: decides what is done about file system damage.
 */

#include <errno.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/log.h"
#include "src/daemon/daemon.h"
#include "src/daemon/worker-fork.h"

#define DAEMON_USER "healerd"
#define EXIT_USAGE 2

/* Returns the line to the worker, or a negative errno after saying what is wrong. */
static int start_worker(const DaemonOptions *options) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        pid_t pid;
        int r;

        if (geteuid() != 0)
                return log_error_errno(EPERM, "--fork-worker has to be started as root: %m");

        fd = worker_fork(options->worker_program, options->state_directory, &pid);
        if (fd < 0)
                return log_error_errno(fd, "cannot start %s: %m", options->worker_program);
        r = privileges_drop(DAEMON_USER);
        if (r == -ESRCH)
                return log_error_errno(r,
                                       "there is no user " DAEMON_USER " (systemd-sysusers or adduser makes it): %m");
        if (r < 0)
                return log_error_errno(r, "cannot become user " DAEMON_USER ": %m");
        return steal_fd(&fd);
}

int main(int argc, char *argv[]) {
        _cleanup_(close_fd_at) int worker_fd = -EBADF;
        DaemonOptions options;
        int r;

        r = daemon_options_parse(argc, argv, &options);
        if (r != 0)
                return r < 0 ? EXIT_USAGE : 0;

        log_open_auto("healerd");
        if (options.is_debug)
                log_set_max_level(LOG_DEBUG);

        if (options.forks_worker) {
                worker_fd = start_worker(&options);
                if (worker_fd < 0)
                        return 1;
        }
        return daemon_run(&options, steal_fd(&worker_fd));
}
