/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent closes the pipe it was given once it is registered: only then does a question find it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/ctl/ctl-agent.h"
#include "src/ctl/ctl-bus.h"

#define AGENT "pkttyagent"
#define AGENT_READY_TIMEOUT_MSEC 5000
/* It only has to give the terminal back. */
#define AGENT_END_TIMEOUT_MSEC 2000

static pid_t spawn_agent(int ready_fd) {
        /* --fallback: an agent of the desktop goes first. */
        char *arguments[] = { (char *) AGENT, (char *) "--notify-fd", NULL, (char *) "--fallback", NULL }, fd_text[16];
        posix_spawnattr_t attributes;
        sigset_t defaults;
        pid_t pid;
        int r;

        (void) snprintf(fd_text, sizeof(fd_text), "%d", ready_fd);
        arguments[2] = fd_text;
        (void) sigemptyset(&defaults);
        (void) sigaddset(&defaults, SIGPIPE);
        if (posix_spawnattr_init(&attributes) != 0)
                return 0;
        (void) posix_spawnattr_setsigdefault(&attributes, &defaults);
        (void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
        r = posix_spawnp(&pid, AGENT, NULL, &attributes, arguments, environ);
        (void) posix_spawnattr_destroy(&attributes);
        return r == 0 ? pid : 0;
}

void ctl_agent_open(CtlAgent *agent) {
        _cleanup_(close_fd_at) int read_fd = -EBADF, write_fd = -EBADF;
        struct pollfd wait = { .events = 0 };
        int fds[2];

        /* polkit of another system does not ask here. */
        if (ctl_bus_is_remote() || geteuid() == 0 || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
                return;
        /* Only the agent's end survives exec. */
        if (pipe2(fds, O_CLOEXEC) < 0)
                return;
        read_fd = fds[0];
        write_fd = fds[1];
        if (fcntl(write_fd, F_SETFD, 0) < 0)
                return;

        agent->pid = spawn_agent(write_fd);
        write_fd = close_fd(write_fd);
        if (agent->pid == 0)
                return;
        wait.fd = read_fd;
        (void) poll(&wait, 1, AGENT_READY_TIMEOUT_MSEC);
}

void ctl_agent_close(CtlAgent *agent) {
        _cleanup_(close_fd_at) int pidfd = -EBADF;
        struct pollfd wait = { .events = POLLIN };

        if (agent->pid <= 0)
                return;

        /* SIGTERM lets it give the terminal back as it was. */
        (void) kill(agent->pid, SIGTERM);
        (void) kill(agent->pid, SIGCONT);
        pidfd = pidfd_open(agent->pid, 0);
        wait.fd = pidfd;
        if (pidfd < 0 || poll(&wait, 1, AGENT_END_TIMEOUT_MSEC) <= 0)
                (void) kill(agent->pid, SIGKILL);
        while (waitpid(agent->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        agent->pid = 0;
}
