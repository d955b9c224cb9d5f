/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl reload`: what the daemon thinks of the policy files now. A policy that does not load leaves the
 * one in force that did. `healerctl resume`: what its brake holds is done again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-agent.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-verb.h"

static CtlExit call_manager(const CtlRequest *request, const char *member, const char *done) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(ctl_agent_close) CtlAgent agent = {};
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL;
        bool may_ask = !(request->options & CTL_OPTION_NO_ASK_PASSWORD);
        CtlExit exit_code;
        int r;

        exit_code = ctl_bus_open(&bus);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        r = ctl_bus_new_call(bus, BUS_PATH, BUS_INTERFACE_MANAGER, member, &call);
        if (r < 0) {
                ctl_complain(NULL, "cannot ask healerd: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }

        if (may_ask)
                ctl_agent_open(&agent);
        exit_code = ctl_bus_call(bus, call, may_ask ? CTL_ASK_TIMEOUT_USEC : CTL_ORDER_TIMEOUT_USEC, NULL, &reply);
        if (exit_code == CTL_EXIT_OK)
                puts(done);
        return exit_code;
}

CtlExit ctl_reload(const CtlRequest *request) {
        return call_manager(request, "ReloadPolicy", "policy loaded");
}

CtlExit ctl_resume(const CtlRequest *request) {
        return call_manager(request, "Resume", "actions are done again");
}
