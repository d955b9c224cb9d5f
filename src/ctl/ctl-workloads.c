/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl fail-workloads`, `freeze-workloads` and `shutdown`: what is done to those who use a file system, or would
 * be, and why each is taken or spared.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/basic/translate.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-job.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

#define CELL_SIZE 320

static int append_only(sd_bus_message *call, const CtlRequest *request, WorkloadKey key) {
        char name[32];
        int r;

        if (request->n_only[key] == 0)
                return 0;
        (void) snprintf(name, sizeof(name), "only-%s", workload_key_to_name(key));
        r = sd_bus_message_open_container(call, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(call, 's', name);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "s");
        for (size_t i = 0; r >= 0 && i < request->n_only[key]; i++)
                r = sd_bus_message_append_basic(call, 's', request->only[key][i]);
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(call);
        return r;
}

static int append_texts(sd_bus_message *call, const CtlRequest *request) {
        const struct {
                const char *key, *text;
        } rows[] = {
                { "who",    request->who },
                { "how",    request->how },
                { "reason", request->reason },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(rows); i++)
                if (rows[i].text)
                        r = sd_bus_message_append(call, "{sv}", rows[i].key, "s", rows[i].text);
        return r;
}

static int append_numbers(sd_bus_message *call, const CtlRequest *request) {
        const struct {
                CtlOptionId id;
                const char *key;
                uint64_t value;
        } rows[] = {
                { CTL_OPTION_INODE, "inode",     request->inode },
                { CTL_OPTION_WARN,  "warn-usec", request->warn_usec },
                { CTL_OPTION_TERM,  "term-usec", request->term_usec },
                { CTL_OPTION_THAW,  "thaw-usec", request->thaw_usec },
                { CTL_OPTION_HOLD,  "hold-usec", request->hold_usec },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(rows); i++)
                if (request->options & rows[i].id)
                        r = sd_bus_message_append(call, "{sv}", rows[i].key, "t", rows[i].value);
        if (r >= 0 && request->options & CTL_OPTION_MAX)
                r = sd_bus_message_append(call, "{sv}", "max", "u", request->max);
        return r;
}

static int append_options(sd_bus_message *call, const CtlRequest *request) {
        static const struct {
                CtlOptionId id;
                const char *key;
        } flags[] = {
                { CTL_OPTION_CONFIRM_LARGE,  "confirm-large" },
                { CTL_OPTION_EVEN_IF_UNUSED, "even-if-unused" },
                { CTL_OPTION_DRY_RUN,        "dry-run" },
        };
        int r;

        r = append_texts(call, request);
        if (r >= 0)
                r = append_numbers(call, request);
        for (unsigned key = 0; r >= 0 && key < N_WORKLOAD_KEYS; key++)
                r = append_only(call, request, (WorkloadKey) key);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(flags); i++)
                if (request->options & flags[i].id)
                        r = sd_bus_message_append(call, "{sv}", flags[i].key, "b", true);
        return r;
}

static const char *workload_text(const json_t *workload, char buffer[static CELL_SIZE]) {
        const char *container = ctl_value_text(workload, "container"), *unit = ctl_value_text(workload, "unit"),
                   *pod = ctl_value_text(workload, "pod");

        buffer[0] = 0;
        if (*container)
                (void) snprintf(buffer, CELL_SIZE, "%s %.12s%s%s", ctl_value_text(workload, "runtime"), container,
                                *pod ? _(" of pod ") : "", pod);
        else
                (void) text_copy(buffer, CELL_SIZE, *unit ? unit : ctl_value_text(workload, "kind"));
        return buffer;
}

static const char *verdict_text(const json_t *workload, char buffer[static CELL_SIZE]) {
        const char *fate = ctl_value_text(workload, "fate"), *why = ctl_value_text(workload, "why");

        if (!ctl_value_truth(workload, "taken"))
                (void) snprintf(buffer, CELL_SIZE, _("spared: %s"), why);
        else
                (void) snprintf(buffer, CELL_SIZE, "%s%s%s%s", *fate ? fate : _("taken"),
                                ctl_value_truth(workload, "held") ? _(", held") : "", *why ? ": " : "", why);
        return buffer;
}

static int print_table(const json_t *workloads, bool with_legend) {
        _cleanup_(ctl_table_clear) CtlTable table = { .n_columns = 4 };
        const json_t *workload;
        size_t i;
        int r;

        if (json_array_size(workloads) == 0)
                return 0;
        r = ctl_table_add(&table, (const char *const []) { "WORKLOAD", "NAME", "PROCESSES", "VERDICT" });
        json_array_foreach(workloads, i, workload) {
                char name[CELL_SIZE], verdict[CELL_SIZE], n[24];

                (void) snprintf(n, sizeof(n), "%" PRIu64, ctl_value_number(workload, "processes"));
                if (r >= 0)
                        r = ctl_table_add(&table, (const char *const []) {
                                workload_text(workload, name), ctl_value_text(workload, "name"), n,
                                verdict_text(workload, verdict),
                        });
        }
        if (r >= 0)
                ctl_table_print(&table, with_legend, stdout);
        return r;
}

static int print_json(const json_t *workloads) {
        const json_t *workload;
        size_t i;
        int r = 0;

        json_array_foreach(workloads, i, workload) {
                _cleanup_(json_decref_at) json_t *line = json_pack("{s:i, s:s}", "schema", CTL_JSON_SCHEMA, "type",
                                                                   "workload");

                if (!line || json_object_update(line, (json_t *) workload) < 0)
                        return -ENOMEM;
                r = ctl_json_print(line, true, stdout);
        }
        return r;
}

/* Whoever may order this need not be allowed to read it: the result is printed already. */
static void show(const CtlRequest *request, const char *job) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(json_decref_at) json_t *workloads = NULL;
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL;
        int r;

        if (ctl_bus_open(&bus) != CTL_EXIT_OK)
                return;
        r = ctl_bus_new_call(bus, job, BUS_INTERFACE_JOB, "ListWorkloads", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "a{sv}", 0);
        if (r < 0 || ctl_bus_call(bus, call, CTL_ORDER_TIMEOUT_USEC, NULL, &reply) != CTL_EXIT_OK)
                return;
        r = ctl_value_read(reply, &workloads);
        if (r > 0)
                r = request->options & CTL_OPTION_JSON ? print_json(workloads)
                                                       : print_table(workloads,
                                                                     !(request->options & CTL_OPTION_NO_LEGEND));
        if (r < 0)
                ctl_complain(NULL, "cannot show who uses it: %s", strerror(-r));
}

CtlExit ctl_fail_workloads(const CtlRequest *request) {
        return ctl_job_run(request, ACTION_FAIL_WORKLOAD, "FailWorkloads", append_options, show);
}

CtlExit ctl_freeze_workloads(const CtlRequest *request) {
        return ctl_job_run(request, ACTION_FREEZE, "FreezeWorkloads", append_options, show);
}

CtlExit ctl_shutdown(const CtlRequest *request) {
        return ctl_job_run(request, ACTION_SHUTDOWN, "Shutdown", append_texts, NULL);
}
