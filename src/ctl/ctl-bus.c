/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One table says what each error of the bus means to a person: which exit code, and what to do about it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/text.h"
#include "src/basic/translate.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-output.h"

typedef struct BusErrorMeaning {
        const char *name;
        CtlExit exit_code;
        const char *advice;             /* NULL: the message of the error says it better */
} BusErrorMeaning;

#define BUS_AWAY N_("the system bus closed the connection; see: systemctl status dbus")
#define OTHER_VERSION N_("healerd is of another version; restart it after an update")
#define NOT_RUNNING N_("healerd is not running; start it with: systemctl start healerd")

static const BusErrorMeaning meanings[] = {
        { SD_BUS_ERROR_SERVICE_UNKNOWN, CTL_EXIT_NO_DAEMON, NOT_RUNNING },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER, CTL_EXIT_NO_DAEMON, NOT_RUNNING },
        { SD_BUS_ERROR_NO_REPLY, CTL_EXIT_NO_DAEMON, N_("healerd does not answer; see: systemctl status healerd") },
        { SD_BUS_ERROR_TIMEOUT, CTL_EXIT_NO_DAEMON, N_("healerd does not answer; see: systemctl status healerd") },
        { SD_BUS_ERROR_DISCONNECTED, CTL_EXIT_NO_DAEMON, BUS_AWAY },
        /* What sd-bus makes of an errno of its own. */
        { "System.Error.ENOTCONN", CTL_EXIT_NO_DAEMON, BUS_AWAY },
        { "System.Error.ECONNRESET", CTL_EXIT_NO_DAEMON, BUS_AWAY },
        { "System.Error.EPIPE", CTL_EXIT_NO_DAEMON, BUS_AWAY },
        { BUS_ERROR_NO_WORKER, CTL_EXIT_NO_DAEMON,
          N_("healerd cannot reach its worker; see: systemctl status healer-worker") },
        { BUS_ERROR_NO_HISTORY, CTL_EXIT_NO_DAEMON, NULL },
        { SD_BUS_ERROR_ACCESS_DENIED, CTL_EXIT_REFUSED, N_("not authorised; try it as root") },
        { SD_BUS_ERROR_LIMITS_EXCEEDED, CTL_EXIT_JOB_FAILED, NULL },
        { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, CTL_EXIT_REFUSED,
          N_("a password is needed; try it as root, or from a terminal without --no-ask-password") },
        { BUS_ERROR_AUTHORIZATION_DISMISSED, CTL_EXIT_REFUSED, N_("the question for a password was dismissed") },
        { BUS_ERROR_AUTHORIZATION_TIMED_OUT, CTL_EXIT_REFUSED,
          N_("nobody answered the question for a password in time") },
        { BUS_ERROR_NO_POLKIT, CTL_EXIT_REFUSED, N_("polkit is not there to ask; try it as root") },
        { BUS_ERROR_REFUSED, CTL_EXIT_REFUSED, NULL },
        { BUS_ERROR_NO_SUCH_FILESYSTEM, CTL_EXIT_NO_FILESYSTEM, NULL },
        { BUS_ERROR_NO_SUCH_CONDITION, CTL_EXIT_NO, NULL },
        { BUS_ERROR_NO_SUCH_JOB, CTL_EXIT_NO, NULL },
        { BUS_ERROR_POLICY_INVALID, CTL_EXIT_USAGE, NULL },
        { SD_BUS_ERROR_INVALID_ARGS, CTL_EXIT_USAGE, NULL },
        { BUS_ERROR_NOT_SUPPORTED, CTL_EXIT_JOB_FAILED, NULL },
        { BUS_ERROR_SHUT_DOWN, CTL_EXIT_JOB_FAILED, NULL },
        { BUS_ERROR_READ_ONLY, CTL_EXIT_JOB_FAILED, NULL },
        { BUS_ERROR_BUSY, CTL_EXIT_JOB_FAILED, NULL },
        { BUS_ERROR_FAILED, CTL_EXIT_FAILED, NULL },
        { SD_BUS_ERROR_UNKNOWN_METHOD, CTL_EXIT_FAILED, OTHER_VERSION },
        { SD_BUS_ERROR_UNKNOWN_INTERFACE, CTL_EXIT_FAILED, OTHER_VERSION },
        /* Objects come and go with the file systems. */
        { SD_BUS_ERROR_UNKNOWN_OBJECT, CTL_EXIT_NO_FILESYSTEM, N_("it went away meanwhile") },
};

CtlExit ctl_bus_classify(const char *error_name, const char **ret_advice) {
        for (size_t i = 0; i < ELEMENTSOF(meanings); i++)
                if (text_equal(error_name, meanings[i].name)) {
                        *ret_advice = meanings[i].advice;
                        return meanings[i].exit_code;
                }

        *ret_advice = NULL;
        return CTL_EXIT_FAILED;
}

void ctl_complain(const char *subject, const char *format, ...) {
        char text[2048];
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(text, sizeof(text), _(format), arguments);
        va_end(arguments);

        fputs("healerctl: ", stderr);
        if (subject && *subject) {
                ctl_print_safe(stderr, subject);
                fputs(": ", stderr);
        }
        ctl_print_safe_lines(stderr, text);
        fputc('\n', stderr);
}

static const char *chosen_host, *chosen_machine;

void ctl_bus_choose(const char *host, const char *machine) {
        chosen_host = host;
        chosen_machine = machine;
}

bool ctl_bus_is_remote(void) {
        return chosen_host || chosen_machine;
}

CtlExit ctl_bus_open(sd_bus **ret_bus) {
        int r;

        r = chosen_host      ? sd_bus_open_system_remote(ret_bus, chosen_host)
            : chosen_machine ? sd_bus_open_system_machine(ret_bus, chosen_machine)
                             : sd_bus_open_system(ret_bus);
        if (r >= 0)
                return CTL_EXIT_OK;
        if (ctl_bus_is_remote()) {
                ctl_complain(chosen_host ?: chosen_machine, "cannot reach its system bus: %s", strerror(-r));
                return CTL_EXIT_NO_DAEMON;
        }

        ctl_complain(NULL, "cannot reach the system bus: %s; see: systemctl status dbus", strerror(-r));
        return CTL_EXIT_NO_DAEMON;
}

int ctl_bus_new_call(sd_bus *bus, const char *path, const char *interface, const char *member,
                     sd_bus_message **ret_call) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &call, BUS_NAME, path, interface, member);
        if (r < 0)
                return r;

        /* Whether healerd runs is the administrator's business: looking at it starts nothing. */
        r = sd_bus_message_set_auto_start(call, false);
        if (r < 0)
                return r;

        *ret_call = steal_ptr(call);
        return 0;
}

static CtlExit complain_of_error(const char *subject, const sd_bus_error *error) {
        const char *advice, *message = error->message && *error->message ? error->message : error->name;
        CtlExit exit_code = ctl_bus_classify(error->name, &advice);

        if (exit_code == CTL_EXIT_NO_DAEMON)
                subject = chosen_host ?: chosen_machine;
        ctl_complain(subject, "%s", advice ? _(advice) : message);
        return exit_code;
}

CtlExit ctl_bus_call(sd_bus *bus, sd_bus_message *call, uint64_t timeout_usec, const char *subject,
                     sd_bus_message **ret_reply) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        CtlExit exit_code;
        int r;

        r = sd_bus_message_set_allow_interactive_authorization(call, timeout_usec == CTL_ASK_TIMEOUT_USEC);
        if (r >= 0)
                r = sd_bus_call(bus, call, timeout_usec, &error, ret_reply);
        if (r >= 0)
                return CTL_EXIT_OK;

        if (sd_bus_error_is_set(&error)) {
                exit_code = complain_of_error(subject, &error);
        } else {
                ctl_complain(subject, "cannot ask healerd: %s", strerror(-r));
                exit_code = CTL_EXIT_FAILED;
        }
        sd_bus_error_free(&error);
        return exit_code;
}
