/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl holds` and `unhold`: units that are kept from being started; `healerctl inhibit`: a command that runs
 * while the ending of programs is delayed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/duration.h"
#include "src/basic/text.h"
#include "src/basic/translate.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-manager.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

/* Of a command that could not be run, or that a signal ended, as shells have it. */
#define EXIT_NOT_RUN 127
#define EXIT_SIGNAL 128

static const char *until_text(const json_t *hold, char buffer[static 64]) {
        uint64_t until_usec = ctl_value_number(hold, "until_boottime_usec"), now_usec = clock_boottime_usec();
        char duration[DURATION_TEXT_SIZE];

        if (ctl_value_truth(hold, "until_clear"))
                return _("nothing is wrong any more");
        if (ctl_bus_is_remote())
                return ""; /* another clock */
        (void) snprintf(buffer, 64, _("%s from now"),
                        duration_format(until_usec > now_usec ? until_usec - now_usec : 0, duration));
        return buffer;
}

static int print_holds(const json_t *holds, bool with_legend) {
        _cleanup_(ctl_table_clear) CtlTable table = { .n_columns = 4 };
        const json_t *hold;
        size_t i;
        int r;

        if (json_array_size(holds) == 0)
                return 0;
        r = ctl_table_add(&table, (const char *const []) { "UNIT", "UNTIL", "RULE", "FILE SYSTEM" });
        json_array_foreach(holds, i, hold) {
                char until[64];

                if (r >= 0)
                        r = ctl_table_add(&table, (const char *const []) {
                                ctl_value_text(hold, "unit"), until_text(hold, until), ctl_value_text(hold, "rule"),
                                ctl_value_text(hold, "uuid"),
                        });
        }
        if (r >= 0)
                ctl_table_print(&table, with_legend, stdout);
        return r;
}

static int print_json(json_t *holds) {
        _cleanup_(json_decref_at) json_t *all = json_pack("{s:i, s:O}", "schema", CTL_JSON_SCHEMA, "holds", holds);

        return all ? ctl_json_print(all, false, stdout) : -ENOMEM;
}

CtlExit ctl_holds(const CtlRequest *request) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(json_decref_at) json_t *holds = NULL;
        CtlExit exit_code;
        int r;

        exit_code = ctl_manager_call(request, "ListHolds", NULL, NULL, &reply);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        r = ctl_value_read(reply, &holds);
        if (r > 0)
                r = request->options & CTL_OPTION_JSON ? print_json(holds)
                                                       : print_holds(holds, !(request->options & CTL_OPTION_NO_LEGEND));
        if (r >= 0)
                return CTL_EXIT_OK;
        ctl_complain(NULL, "cannot read the answer of healerd: %s", strerror(-r));
        return CTL_EXIT_FAILED;
}

static int append_unit(sd_bus_message *call, const void *arguments) {
        const CtlRequest *request = arguments;

        return sd_bus_message_append(call, "sa{sv}", request->arguments[0], 0);
}

CtlExit ctl_unhold(const CtlRequest *request) {
        CtlExit exit_code = ctl_manager_call(request, "Unhold", append_unit, request, NULL);

        if (exit_code == CTL_EXIT_OK)
                puts(_("it may be started again"));
        return exit_code;
}

static int append_lock(sd_bus_message *call, const void *arguments) {
        const CtlRequest *request = arguments;

        return sd_bus_message_append(call, "ssa{sv}", request->who ?: request->command[0],
                                     request->why ?: "it runs", 0);
}

/* Returns its exit status, as shells have it. */
static int run(char **command) {
        pid_t pid;
        int status;

        pid = fork();
        if (pid < 0) {
                ctl_complain(command[0], "cannot be run: %s", strerror(errno));
                return EXIT_NOT_RUN;
        }
        if (pid == 0) {
                (void) signal(SIGPIPE, SIG_DFL);
                execvp(command[0], command);
                ctl_complain(command[0], "cannot be run: %s", strerror(errno));
                _exit(EXIT_NOT_RUN);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return EXIT_NOT_RUN;
        return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNAL + WTERMSIG(status);
}

CtlExit ctl_inhibit(const CtlRequest *request) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(close_fd_at) int lock = -EBADF;
        CtlExit exit_code;
        int fd, r;

        exit_code = ctl_manager_call(request, "Inhibit", append_lock, request, &reply);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0) {
                ctl_complain(NULL, "cannot read the answer of healerd: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }
        /* The message's own goes with it; the command does not inherit it. */
        lock = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        reply = sd_bus_message_unref(reply);
        if (lock < 0) {
                ctl_complain(NULL, "cannot keep the lock: %s", strerror(errno));
                return CTL_EXIT_FAILED;
        }
        return (CtlExit) run(request->command);
}
