/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * healerctl: the command line client of healerd. It holds no privilege and decides nothing: it asks over the
 * system bus and shows the answer. `policy`, `takeover` and `release` work without the daemon.
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "src/basic/translate.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-pager.h"
#include "src/ctl/ctl-screen.h"
#include "src/ctl/ctl-verb.h"

static CtlExit run(const CtlRequest *request) {
        switch (request->verb->id) {
        case CTL_VERB_STATUS:
        case CTL_VERB_SHOW:
                return ctl_status(request);
        case CTL_VERB_MONITOR:
                return ctl_monitor(request);
        case CTL_VERB_EVENTS:
                return ctl_events(request);
        case CTL_VERB_HISTORY:
                return ctl_history(request);
        case CTL_VERB_EXPLAIN:
                return ctl_explain(request);
        case CTL_VERB_JOBS:
                return ctl_jobs(request);
        case CTL_VERB_CANCEL:
                return ctl_cancel(request);
        case CTL_VERB_METRICS:
                return ctl_metrics(request);
        case CTL_VERB_REPAIR:
                return ctl_repair(request);
        case CTL_VERB_SCRUB:
                return ctl_scrub(request);
        case CTL_VERB_VERIFY:
                return ctl_verify(request);
        case CTL_VERB_USERS:
                return ctl_users(request);
        case CTL_VERB_FAIL_WORKLOADS:
                return ctl_fail_workloads(request);
        case CTL_VERB_FREEZE_WORKLOADS:
                return ctl_freeze_workloads(request);
        case CTL_VERB_SHUTDOWN:
                return ctl_shutdown(request);
        case CTL_VERB_ACKNOWLEDGE:
                return ctl_acknowledge(request);
        case CTL_VERB_AUTOFSCK_GET:
                return ctl_autofsck_get(request);
        case CTL_VERB_AUTOFSCK_SET:
                return ctl_autofsck_set(request);
        case CTL_VERB_HOLDS:
                return ctl_holds(request);
        case CTL_VERB_UNHOLD:
                return ctl_unhold(request);
        case CTL_VERB_INHIBIT:
                return ctl_inhibit(request);
        case CTL_VERB_POLICY_CHECK:
                return ctl_policy_check(request);
        case CTL_VERB_POLICY_SHOW:
                return ctl_policy_show(request);
        case CTL_VERB_POLICY_EXPLAIN:
                return ctl_policy_explain(request);
        case CTL_VERB_POLICY_SIMULATE:
                return ctl_policy_simulate(request);
        case CTL_VERB_POLICY_SCHEMA:
                return ctl_policy_schema(request);
        case CTL_VERB_RELOAD:
                return ctl_reload(request);
        case CTL_VERB_PAUSE:
                return ctl_pause(request);
        case CTL_VERB_SILENCE:
                return ctl_silence(request);
        case CTL_VERB_SILENCES:
                return ctl_silences(request);
        case CTL_VERB_UNSILENCE:
                return ctl_unsilence(request);
        case CTL_VERB_TEST_EVENT:
                return ctl_test_event(request);
        case CTL_VERB_RESUME:
                return ctl_resume(request);
        case CTL_VERB_TAKEOVER:
                return ctl_takeover(request);
        case CTL_VERB_RELEASE:
                return ctl_release(request);
        case CTL_VERB_HELP:
                return ctl_help(request);
        case CTL_VERB_VERSION:
                return ctl_version(request);
        }

        return CTL_EXIT_FAILED;
}

int main(int argc, char **argv) {
        char text[CTL_USAGE_TEXT_SIZE];
        CtlRequest request;
        CtlExit exit_code;

        /* A reader that leaves ("| head") shall end us with EPIPE, which we know how to treat. */
        (void) signal(SIGPIPE, SIG_IGN);
        translate_begin();
        tzset();

        if (ctl_request_parse(argc, argv, &request, text) < 0) {
                fprintf(stderr, "healerctl: %s\n", text);
                return CTL_EXIT_USAGE;
        }

        ctl_bus_choose(request.host, request.machine);
        ctl_screen_init(request.options & CTL_OPTION_FULL);
        exit_code = ctl_output_finish(run(&request));
        ctl_pager_close();
        return (int) exit_code;
}
