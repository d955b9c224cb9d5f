/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl acknowledge`: what a condition stands for was seen to.
 */
#include <stdio.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-agent.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-filesystem.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

static int make_call(sd_bus *bus, const CtlRequest *request, const char *path, sd_bus_message **ret_call) {
        const char *target = request->arguments[2] ? request->arguments[2] : "";
        int r;

        r = ctl_bus_new_call(bus, path, BUS_INTERFACE_FILESYSTEM, "Acknowledge", ret_call);
        if (r < 0)
                return r;
        if (request->options & CTL_OPTION_ALL)
                return sd_bus_message_append(*ret_call, "ssa{sv}", request->arguments[1], target, 2,
                                             "reason", "s", request->reason, "all", "b", true);
        return sd_bus_message_append(*ret_call, "ssa{sv}", request->arguments[1], target, 1,
                                     "reason", "s", request->reason);
}

CtlExit ctl_acknowledge(const CtlRequest *request) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(ctl_agent_close) CtlAgent agent = {};
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL;
        _cleanup_(ctl_world_clear) CtlWorld world = {};
        bool may_ask = !(request->options & CTL_OPTION_NO_ASK_PASSWORD);
        const json_t *filesystem;
        CtlExit exit_code;
        int r;

        if (!request->reason) {
                ctl_complain(NULL, "say why with --reason: whoever looks later finds it in the journal");
                return CTL_EXIT_USAGE;
        }
        exit_code = ctl_bus_open(&bus);
        if (exit_code == CTL_EXIT_OK)
                exit_code = ctl_world_get(bus, &world);
        if (exit_code == CTL_EXIT_OK)
                exit_code = ctl_filesystem_find(world.filesystems, request->arguments[0], "acknowledge", &filesystem);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        r = make_call(bus, request, ctl_value_text(filesystem, "object"), &call);
        if (r < 0) {
                ctl_complain(NULL, "cannot ask healerd: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }
        if (may_ask)
                ctl_agent_open(&agent);
        exit_code = ctl_bus_call(bus, call, may_ask ? CTL_ASK_TIMEOUT_USEC : CTL_ORDER_TIMEOUT_USEC,
                                 ctl_filesystem_name(filesystem), &reply);
        if (exit_code == CTL_EXIT_OK)
                puts("acknowledged");
        return exit_code;
}
