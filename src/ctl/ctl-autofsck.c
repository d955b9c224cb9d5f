/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl autofsck get` and `set`: the property on the root directory of an XFS that says what may be done to it
 * by itself.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-agent.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-filesystem.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"


static int make_get(sd_bus *bus, const CtlRequest *request _unused_, const char *path, sd_bus_message **ret_call) {
        int r = ctl_bus_new_call(bus, path, BUS_INTERFACE_FILESYSTEM, "GetAutofsck", ret_call);

        return r < 0 ? r : sd_bus_message_append(*ret_call, "a{sv}", 0);
}

static int make_set(sd_bus *bus, const CtlRequest *request, const char *path, sd_bus_message **ret_call) {
        int r = ctl_bus_new_call(bus, path, BUS_INTERFACE_FILESYSTEM, "SetAutofsck", ret_call);

        if (r < 0)
                return r;
        if (!request->reason)
                return sd_bus_message_append(*ret_call, "sa{sv}", request->arguments[1], 0);
        return sd_bus_message_append(*ret_call, "sa{sv}", request->arguments[1], 1, "reason", "s", request->reason);
}

static CtlExit call(const CtlRequest *request, const char *verb, bool may_ask,
                    int (*make)(sd_bus *bus, const CtlRequest *request, const char *path, sd_bus_message **ret_call),
                    char **ret_object, sd_bus_message **ret_reply) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *message = NULL;
        _cleanup_(ctl_agent_close) CtlAgent agent = {};
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL;
        _cleanup_(ctl_world_clear) CtlWorld world = {};
        const json_t *filesystem;
        CtlExit exit_code;
        int r;

        exit_code = ctl_bus_open(&bus);
        if (exit_code == CTL_EXIT_OK)
                exit_code = ctl_world_get(bus, &world);
        if (exit_code == CTL_EXIT_OK)
                exit_code = ctl_filesystem_find(world.filesystems, request->arguments[0], verb, &filesystem);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        *ret_object = strdup(ctl_value_text(filesystem, "object"));
        r = *ret_object ? make(bus, request, *ret_object, &message) : -ENOMEM;
        if (r < 0) {
                ctl_complain(NULL, "cannot ask healerd: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }
        if (may_ask)
                ctl_agent_open(&agent);
        return ctl_bus_call(bus, message, may_ask ? CTL_ASK_TIMEOUT_USEC : CTL_ORDER_TIMEOUT_USEC,
                            ctl_filesystem_name(filesystem), ret_reply);
}

CtlExit ctl_autofsck_get(const CtlRequest *request) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(json_decref_at) json_t *all = NULL;
        _cleanup_(free_at) char *object = NULL;
        const char *value;
        CtlExit exit_code;

        exit_code = call(request, "autofsck get", false, make_get, &object, &reply);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        if (sd_bus_message_read(reply, "s", &value) < 0) {
                ctl_complain(NULL, "cannot read the answer of healerd");
                return CTL_EXIT_FAILED;
        }
        if (!(request->options & CTL_OPTION_JSON)) {
                ctl_print_safe(stdout, value);
                putchar('\n');
                return CTL_EXIT_OK;
        }
        all = json_pack("{s:i, s:s, s:s}", "schema", CTL_JSON_SCHEMA, "filesystem", object, "autofsck", value);
        return all && ctl_json_print(all, false, stdout) >= 0 ? CTL_EXIT_OK : CTL_EXIT_FAILED;
}

CtlExit ctl_autofsck_set(const CtlRequest *request) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(free_at) char *object = NULL;

        return call(request, "autofsck set", !(request->options & CTL_OPTION_NO_ASK_PASSWORD), make_set, &object,
                    &reply);
}
