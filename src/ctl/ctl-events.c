/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl events`: what the history holds, in the lines of `healerctl monitor`.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/clock.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-agent.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-line.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-time.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

static int append_arguments(const CtlRequest *request, uint64_t since_usec, sd_bus_message *call) {
        int r;

        r = sd_bus_message_append(call, "tu", since_usec, request->limit);
        if (r < 0)
                return r;
        return request->filesystem ? sd_bus_message_append(call, "a{sv}", 1, "filesystem", "s", request->filesystem)
                                   : sd_bus_message_append(call, "a{sv}", 0);
}

static CtlExit print_entries(json_t *entries, bool is_json) {
        json_t *entry;
        size_t i;

        json_array_foreach(entries, i, entry) {
                _cleanup_(json_decref_at) json_t *line = ctl_line_of_history(json_incref(entry));
                int r = 0;

                if (!line)
                        return CTL_EXIT_FAILED;
                if (is_json)
                        r = ctl_json_print(line, true, stdout);
                else
                        ctl_line_print(line, stdout);
                if (r < 0)
                        return r == -EPIPE ? CTL_EXIT_OK : CTL_EXIT_FAILED;
        }
        return CTL_EXIT_OK;
}

CtlExit ctl_events(const CtlRequest *request) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(json_decref_at) json_t *entries = NULL;
        _cleanup_(ctl_agent_close) CtlAgent agent = {};
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL;
        bool may_ask = !(request->options & CTL_OPTION_NO_ASK_PASSWORD);
        uint64_t since_usec = 0;
        CtlExit exit_code;
        int r;

        if (request->since && ctl_time_parse(request->since, clock_realtime_usec(), &since_usec) < 0) {
                ctl_complain(NULL, "--since needs a time (2026-11-20 12:56, today) or a duration (2h), not \"%s\"",
                             request->since);
                return CTL_EXIT_USAGE;
        }

        exit_code = ctl_bus_open(&bus);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        r = ctl_bus_new_call(bus, BUS_PATH, BUS_INTERFACE_MANAGER, "ListEvents", &call);
        if (r >= 0)
                r = append_arguments(request, since_usec, call);
        if (r < 0) {
                ctl_complain(NULL, "cannot ask healerd: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }

        if (may_ask)
                ctl_agent_open(&agent);
        exit_code = ctl_bus_call(bus, call, may_ask ? CTL_ASK_TIMEOUT_USEC : CTL_ORDER_TIMEOUT_USEC, NULL, &reply);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        r = ctl_value_read(reply, &entries);
        if (r <= 0) {
                ctl_complain(NULL, "cannot read the answer of healerd: %s", strerror(r < 0 ? -r : EBADMSG));
                return CTL_EXIT_FAILED;
        }
        return print_entries(entries, request->options & CTL_OPTION_JSON);
}
