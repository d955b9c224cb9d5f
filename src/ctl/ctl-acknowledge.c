/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl acknowledge`: what a condition stands for was seen to.
 */
#include <stdio.h>

#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-filesystem-call.h"
#include "src/ctl/ctl-verb.h"

static int append_condition(sd_bus_message *call, const CtlRequest *request) {
        const char *target = request->arguments[2] ? request->arguments[2] : "";

        if (request->options & CTL_OPTION_ALL)
                return sd_bus_message_append(call, "ssa{sv}", request->arguments[1], target, 2,
                                             "reason", "s", request->reason, "all", "b", true);
        return sd_bus_message_append(call, "ssa{sv}", request->arguments[1], target, 1,
                                     "reason", "s", request->reason);
}

CtlExit ctl_acknowledge(const CtlRequest *request) {
        CtlExit exit_code;

        if (!request->reason) {
                ctl_complain(NULL, "say why with --reason: whoever looks later finds it in the journal");
                return CTL_EXIT_USAGE;
        }
        exit_code = ctl_filesystem_call(request, "Acknowledge", append_condition, CTL_ORDER_TIMEOUT_USEC, NULL, NULL);
        if (exit_code == CTL_EXIT_OK)
                puts("acknowledged");
        return exit_code;
}
