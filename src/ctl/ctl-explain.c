/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl explain`: what healerd would make of an event at this moment, with the policy in force and all that it
 * remembers, and whom that would hit. `healerctl policy explain` is the same without the daemon and without a past.
 */
#include <errno.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-manager.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-policy-events.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

/* As much as Manager1.Explain takes. */
#define EVENT_MAX ((size_t) 64 * 1024)

typedef struct Asked {
        const char *event, *filesystem;
} Asked;

static int append(sd_bus_message *call, const void *arguments) {
        const Asked *asked = arguments;

        if (!asked->filesystem)
                return sd_bus_message_append(call, "sa{sv}", asked->event, 0);
        return sd_bus_message_append(call, "sa{sv}", asked->event, 1, "filesystem", "s", asked->filesystem);
}

static void print_workload(const json_t *workload) {
        static const char *const keys[] = { "unit", "container", "name" };
        const char *why = ctl_value_text(workload, "why"), *name = "";

        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !*name; i++)
                name = ctl_value_text(workload, keys[i]);
        fputs("    ", stdout);
        ctl_print_safe(stdout, name);
        fputs(ctl_value_truth(workload, "taken") ? ": taken" : ": spared", stdout);
        if (*why) {
                fputs(": ", stdout);
                ctl_print_safe(stdout, why);
        }
        fputc('\n', stdout);
}

static void print_plan(const json_t *plan) {
        const json_t *workloads = json_object_get(plan, "workloads"), *workload;
        const char *refused = ctl_value_text(plan, "refused"), *error = ctl_value_text(plan, "errno");
        size_t i;

        printf("%s of rule ", ctl_value_text(plan, "action"));
        ctl_print_safe(stdout, ctl_value_text(plan, "rule"));
        fputs(text_equal(ctl_value_text(plan, "mode"), "observe") ? ", which only observes" : "", stdout);
        if (*error)
                printf(": who uses the file system could not be found out: %s\n", error);
        else if (*refused) {
                fputs(": nobody would be taken: ", stdout);
                ctl_print_safe(stdout, refused);
                fputc('\n', stdout);
        } else
                fputs(" would take:\n", stdout);
        json_array_foreach(workloads, i, workload)
                print_workload(workload);
}

static void print_text(const char *explanation, const json_t *more) {
        const json_t *plans = json_object_get(more, "plans"), *plan;
        size_t i;

        ctl_print_safe_lines(stdout, explanation);
        fputc('\n', stdout);
        json_array_foreach(plans, i, plan)
                print_plan(plan);
        if (ctl_value_number(more, "plans_untold") > 0)
                fputs("further actions would fail or freeze programs; nobody looked whom\n", stdout);
}

static int print_json(json_t *explanation, json_t *more) {
        _cleanup_(json_decref_at) json_t *all = json_pack("{s:i, s:O}", "schema", CTL_JSON_SCHEMA, "explanation",
                                                          explanation);

        if (!all || json_object_update(all, more) < 0)
                return -ENOMEM;
        return ctl_json_print(all, false, stdout);
}

static CtlExit show(const CtlRequest *request, sd_bus_message *reply) {
        _cleanup_(json_decref_at) json_t *explanation = NULL, *more = NULL;
        int r;

        r = ctl_value_read(reply, &explanation);
        if (r > 0)
                r = ctl_value_read(reply, &more);
        if (r <= 0) {
                ctl_complain(NULL, "cannot read the answer of healerd: %s", strerror(r < 0 ? -r : EBADMSG));
                return CTL_EXIT_FAILED;
        }
        if (!(request->options & CTL_OPTION_JSON))
                print_text(json_string_value(explanation), more);
        else if (print_json(explanation, more) == -ENOMEM) {
                ctl_complain(NULL, "cannot show what healerd says: %s", strerror(ENOMEM));
                return CTL_EXIT_FAILED;
        }
        return CTL_EXIT_OK;
}

CtlExit ctl_explain(const CtlRequest *request) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        const char *argument = request->arguments[0];
        Asked asked = { .event = argument, .filesystem = request->filesystem };
        _cleanup_(free_at) char *text = NULL;
        uint64_t number;
        CtlExit exit_code;

        if (number_parse_u64(argument + (argument[0] == '#'), 1, UINT64_MAX, &number) < 0) {
                if (ctl_events_text(argument, EVENT_MAX, &text) < 0)
                        return CTL_EXIT_USAGE;
                asked.event = text;
        }
        exit_code = ctl_manager_call(request, "Explain", append, &asked, &reply);
        return exit_code == CTL_EXIT_OK ? show(request, reply) : exit_code;
}
