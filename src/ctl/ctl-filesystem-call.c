/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "src/ctl/ctl-filesystem-call.h"

#include <string.h>

#include "src/basic/cleanup.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-agent.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-filesystem.h"
#include "src/ctl/ctl-value.h"

CtlExit ctl_filesystem_call(const CtlRequest *request, const char *member, CtlAppendRequest append,
                            uint64_t timeout_usec, json_t **ret_filesystem, sd_bus_message **ret_reply) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(ctl_agent_close) CtlAgent agent = {};
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL;
        _cleanup_(ctl_world_clear) CtlWorld world = {};
        bool may_ask = !(request->options & CTL_OPTION_NO_ASK_PASSWORD);
        const json_t *filesystem;
        CtlExit exit_code;
        int r;

        exit_code = ctl_bus_open(&bus);
        if (exit_code == CTL_EXIT_OK)
                exit_code = ctl_world_get(bus, &world);
        if (exit_code == CTL_EXIT_OK)
                exit_code = ctl_filesystem_find(world.filesystems, request->arguments[0], request->verb->words[0],
                                                &filesystem);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        r = ctl_bus_new_call(bus, ctl_value_text(filesystem, "object"), BUS_INTERFACE_FILESYSTEM, member, &call);
        if (r >= 0)
                r = append(call, request);
        if (r < 0) {
                ctl_complain(NULL, "cannot ask healerd: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }
        if (may_ask)
                ctl_agent_open(&agent);
        exit_code = ctl_bus_call(bus, call, may_ask ? CTL_ASK_TIMEOUT_USEC : timeout_usec,
                                 ctl_filesystem_name(filesystem), &reply);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        if (ret_filesystem)
                *ret_filesystem = json_incref((json_t *) filesystem);
        if (ret_reply)
                *ret_reply = steal_ptr(reply);
        return CTL_EXIT_OK;
}
