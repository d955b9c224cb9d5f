/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "src/ctl/ctl-manager.h"

#include <string.h>

#include "src/basic/cleanup.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-agent.h"
#include "src/ctl/ctl-bus.h"

CtlExit ctl_manager_call(const CtlRequest *request, const char *member, CtlAppend append, const void *arguments,
                         sd_bus_message **ret_reply) {
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
        if (r >= 0 && append)
                r = append(call, arguments);
        if (r < 0) {
                ctl_complain(NULL, "cannot ask healerd: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }

        if (may_ask)
                ctl_agent_open(&agent);
        exit_code = ctl_bus_call(bus, call, may_ask ? CTL_ASK_TIMEOUT_USEC : CTL_ORDER_TIMEOUT_USEC, NULL, &reply);
        if (exit_code == CTL_EXIT_OK && ret_reply)
                *ret_reply = steal_ptr(reply);
        return exit_code;
}
