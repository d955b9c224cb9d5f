/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl pause`, `resume`, `silence`, `silences`, `unsilence`: what is not done or not told for a while; and
 * `test-event`: what would be.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-agent.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-filesystem.h"
#include "src/ctl/ctl-manager.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

static CtlExit complain_answer(int r) {
        ctl_complain(NULL, "cannot read the answer of healerd: %s", strerror(-r));
        return CTL_EXIT_FAILED;
}

static bool has_reason(const CtlRequest *request) {
        if (request->reason)
                return true;
        ctl_complain(NULL, "say why with --reason: whoever looks later finds it in the journal");
        return false;
}

/* A call of one file system's object; its path is appended by @append. */
static CtlExit call_filesystem(const CtlRequest *request, const char *member, CtlAppend append) {
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
        return ctl_bus_call(bus, call, may_ask ? CTL_ASK_TIMEOUT_USEC : CTL_ORDER_TIMEOUT_USEC,
                            ctl_filesystem_name(filesystem), &reply);
}

static int append_pause(sd_bus_message *call, const void *arguments) {
        const CtlRequest *request = arguments;

        if (request->for_usec == 0)
                return sd_bus_message_append(call, "sa{sv}", request->reason, 0);
        return sd_bus_message_append(call, "sa{sv}", request->reason, 1, "until-usec", "t",
                                     clock_realtime_usec() + request->for_usec);
}

CtlExit ctl_pause(const CtlRequest *request) {
        CtlExit exit_code;

        if (!has_reason(request))
                return CTL_EXIT_USAGE;
        exit_code = request->n_arguments > 0 ? call_filesystem(request, "Pause", append_pause)
                                             : ctl_manager_call(request, "Pause", append_pause, request, NULL);
        if (exit_code == CTL_EXIT_OK)
                puts("paused: nothing is begun by itself; healerctl resume ends it");
        return exit_code;
}

static int append_no_options(sd_bus_message *call, _unused_ const void *arguments) {
        return sd_bus_message_append(call, "a{sv}", 0);
}

CtlExit ctl_resume(const CtlRequest *request) {
        CtlExit exit_code;

        exit_code = request->n_arguments > 0 ? call_filesystem(request, "Resume", append_no_options)
                                             : ctl_manager_call(request, "Resume", NULL, NULL, NULL);
        if (exit_code == CTL_EXIT_OK)
                puts("actions are done again");
        return exit_code;
}

static int append_text(sd_bus_message *call, const char *key, const char *text) {
        return text ? sd_bus_message_append(call, "{sv}", key, "s", text) : 0;
}

static int append_silence(sd_bus_message *call, const void *arguments) {
        const CtlRequest *request = arguments;
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = append_text(call, "filesystem", request->arguments[0]);
        if (r >= 0)
                r = append_text(call, "kind", request->kind);
        if (r >= 0)
                r = append_text(call, "severity", request->severity);
        if (r >= 0)
                r = append_text(call, "rule", request->rule);
        if (r >= 0)
                r = append_text(call, "route", request->route);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r >= 0)
                r = sd_bus_message_append(call, "ts", clock_realtime_usec() + request->for_usec, request->reason);
        if (r < 0)
                return r;
        if (request->options & CTL_OPTION_ALL)
                return sd_bus_message_append(call, "a{sv}", 1, "all", "b", true);
        return sd_bus_message_append(call, "a{sv}", 0);
}

CtlExit ctl_silence(const CtlRequest *request) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        CtlExit exit_code;
        const char *id;
        int r;

        if (!has_reason(request))
                return CTL_EXIT_USAGE;
        if (request->for_usec == 0) {
                ctl_complain(NULL, "say for how long with --for: 2h");
                return CTL_EXIT_USAGE;
        }
        exit_code = ctl_manager_call(request, "Silence", append_silence, request, &reply);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        r = sd_bus_message_read(reply, "s", &id);
        if (r < 0)
                return complain_answer(r);
        if (request->options & CTL_OPTION_JSON) {
                _cleanup_(json_decref_at) json_t *all = json_pack("{s:i, s:s}", "schema", CTL_JSON_SCHEMA, "id", id);

                return all && ctl_json_print(all, false, stdout) >= 0 ? CTL_EXIT_OK : CTL_EXIT_FAILED;
        }
        printf("silence %s\n", id);
        return CTL_EXIT_OK;
}

static int append_id(sd_bus_message *call, const void *arguments) {
        return sd_bus_message_append(call, "sa{sv}", ((const CtlRequest *) arguments)->arguments[0], 0);
}

CtlExit ctl_unsilence(const CtlRequest *request) {
        CtlExit exit_code = ctl_manager_call(request, "Unsilence", append_id, request, NULL);

        if (exit_code == CTL_EXIT_OK)
                puts("it is told again");
        return exit_code;
}

/* "kind=sick route=page" */
static const char *match_text(const json_t *silence, char buffer[static 512]) {
        static const char *const keys[] = { "filesystem", "kind", "severity", "rule", "route" };

        buffer[0] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (*ctl_value_text(silence, keys[i]))
                        (void) text_append_format(buffer, 512, "%s%s=%s", buffer[0] ? " " : "", keys[i],
                                                  ctl_value_text(silence, keys[i]));
        return buffer[0] ? buffer : "everything";
}

static int print_silences(const json_t *silences, bool with_legend) {
        _cleanup_(ctl_table_clear) CtlTable table = { .n_columns = 6, .right = 1 << 4 };
        const json_t *silence;
        size_t i;
        int r;

        if (json_array_size(silences) == 0)
                return 0;
        r = ctl_table_add(&table, (const char *const []) { "ID", "WHAT", "UNTIL", "USER", "KEPT", "WHY" });
        json_array_foreach(silences, i, silence) {
                char match[512], until[CTL_TIME_TEXT_SIZE], uid[16], n[24];

                (void) snprintf(uid, sizeof(uid), "%" PRIu64, ctl_value_number(silence, "uid"));
                (void) snprintf(n, sizeof(n), "%" PRIu64, ctl_value_number(silence, "matched"));
                if (r >= 0)
                        r = ctl_table_add(&table, (const char *const []) {
                                ctl_value_text(silence, "id"), match_text(silence, match),
                                ctl_time_text(ctl_value_number(silence, "until_usec"), until), uid, n,
                                ctl_value_text(silence, "reason"),
                        });
        }
        if (r >= 0)
                ctl_table_print(&table, with_legend, stdout);
        return r;
}

static int print_json(json_t *silences) {
        _cleanup_(json_decref_at) json_t *all = json_pack("{s:i, s:O}", "schema", CTL_JSON_SCHEMA, "silences",
                                                          silences);

        return all ? ctl_json_print(all, false, stdout) : -ENOMEM;
}

CtlExit ctl_silences(const CtlRequest *request) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(json_decref_at) json_t *silences = NULL;
        CtlExit exit_code;
        int r;

        exit_code = ctl_manager_call(request, "ListSilences", NULL, NULL, &reply);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        r = ctl_value_read(reply, &silences);
        if (r > 0)
                r = request->options & CTL_OPTION_JSON ? print_json(silences)
                                                       : print_silences(silences,
                                                                        !(request->options & CTL_OPTION_NO_LEGEND));
        return r < 0 ? complain_answer(r) : CTL_EXIT_OK;
}

static int append_event(sd_bus_message *call, const void *arguments) {
        const CtlRequest *request = arguments;
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = append_text(call, "filesystem", request->arguments[0]);
        if (r >= 0)
                r = append_text(call, "kind", request->arguments[1]);
        if (r >= 0)
                r = append_text(call, "structure", request->arguments[2]);
        if (r >= 0)
                r = append_text(call, "domain", request->domain);
        if (r >= 0 && request->options & CTL_OPTION_GROUP)
                r = sd_bus_message_append(call, "{sv}", "group", "u", request->group);
        if (r >= 0 && request->options & CTL_OPTION_INODE)
                r = sd_bus_message_append(call, "{sv}", "inode", "t", request->inode);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? r : sd_bus_message_append(call, "a{sv}", 0);
}

CtlExit ctl_test_event(const CtlRequest *request) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        CtlExit exit_code;
        uint64_t id;
        int r;

        exit_code = ctl_manager_call(request, "InjectTestEvent", append_event, request, &reply);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        r = sd_bus_message_read(reply, "t", &id);
        if (r < 0)
                return complain_answer(r);
        if (request->options & CTL_OPTION_JSON) {
                _cleanup_(json_decref_at) json_t *all = json_pack("{s:i, s:I}", "schema", CTL_JSON_SCHEMA, "id",
                                                                  (json_int_t) id);

                return all && ctl_json_print(all, false, stdout) >= 0 ? CTL_EXIT_OK : CTL_EXIT_FAILED;
        }
        printf("event %" PRIu64 "; what became of it: journalctl XFS_HEALER_EVENT=%" PRIu64 "\n", id, id);
        return CTL_EXIT_OK;
}
