/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl jobs`: what is being done, waits, or has ended a moment ago. `healerctl cancel`: end one of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-agent.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-filesystem.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-pager.h"
#include "src/ctl/ctl-progress.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"
#include "src/model/decision.h"

#define CELL_SIZE 160
#define NUMBER_SIZE 24

static const char *filesystem_text(const json_t *filesystems, const json_t *job) {
        const json_t *filesystem;
        size_t i;

        json_array_foreach(filesystems, i, filesystem)
                if (text_equal(ctl_value_text(filesystem, "object"), ctl_value_text(job, "filesystem")))
                        return ctl_filesystem_name(filesystem);
        return "";
}

static const char *state_text(const json_t *job, char buffer[static CELL_SIZE]) {
        const char *outcome = ctl_value_text(job, "outcome");

        (void) snprintf(buffer, CELL_SIZE, "%s%s%s", ctl_value_text(job, "state"), *outcome ? ": " : "", outcome);
        return buffer;
}

/* "root", "rule heal", "baseline". Users of another system have numbers. */
static const char *who_text(const json_t *job, char buffer[static CELL_SIZE]) {
        const char *source = ctl_value_text(job, "source"), *rule = ctl_value_text(job, "rule");
        uint64_t uid = ctl_value_number(job, "caller_uid");
        const struct passwd *user;

        if (!text_equal(source, decision_source_to_name(DECISION_CALLER))) {
                (void) snprintf(buffer, CELL_SIZE, "%s%s%s", source, *rule ? " " : "", rule);
                return buffer;
        }
        user = ctl_bus_is_remote() ? NULL : getpwuid((uid_t) uid);
        if (user)
                (void) text_copy(buffer, CELL_SIZE, user->pw_name);
        else
                (void) snprintf(buffer, CELL_SIZE, "user %" PRIu64, uid);
        return buffer;
}

static int add_job(CtlTable *table, const json_t *filesystems, const json_t *job) {
        char id[NUMBER_SIZE], state[CELL_SIZE], share[CTL_SHARE_SIZE], since[CTL_TIME_TEXT_SIZE], who[CELL_SIZE];

        (void) snprintf(id, sizeof(id), "%" PRIu64, ctl_value_number(job, "id"));
        return ctl_table_add(table, (const char *const []) {
                id,
                ctl_value_text(job, "operation"),
                filesystem_text(filesystems, job),
                ctl_value_text(job, "target"),
                state_text(job, state),
                ctl_progress_share(job, share),
                ctl_time_text(ctl_value_number(job, "started"), since),
                who_text(job, who),
        });
}

static int print_table(const CtlWorld *world, bool with_legend) {
        _cleanup_(ctl_table_clear) CtlTable table = { .n_columns = 8, .right = 1 << 0 };
        const json_t *job;
        size_t i;
        int r;

        r = ctl_table_add(&table, (const char *const []) {
                "JOB", "WHAT", "FILE SYSTEM", "TARGET", "STATE", "PROGRESS", "SINCE", "WHO",
        });
        json_array_foreach(world->jobs, i, job)
                if (r >= 0)
                        r = add_job(&table, world->filesystems, job);
        if (r < 0)
                return r;
        if (json_array_size(world->jobs) > 0)
                ctl_table_print(&table, with_legend, stdout);
        else if (with_legend)
                puts("Nothing is being done.");
        return 0;
}

static int print_json(json_t *jobs) {
        _cleanup_(json_decref_at) json_t *all = json_pack("{s:i, s:O}", "schema", CTL_JSON_SCHEMA, "jobs", jobs);

        return all ? ctl_json_print(all, false, stdout) : -ENOMEM;
}

CtlExit ctl_jobs(const CtlRequest *request) {
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL;
        _cleanup_(ctl_world_clear) CtlWorld world = {};
        CtlExit exit_code;
        int r;

        exit_code = ctl_bus_open(&bus);
        if (exit_code == CTL_EXIT_OK)
                exit_code = ctl_world_get(bus, &world);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        ctl_pager_open(request);
        r = request->options & CTL_OPTION_JSON ? print_json(world.jobs)
                                               : print_table(&world, !(request->options & CTL_OPTION_NO_LEGEND));
        if (r != -ENOMEM)
                return CTL_EXIT_OK;
        ctl_complain(NULL, "cannot show what healerd says: %s", strerror(-r));
        return CTL_EXIT_FAILED;
}

/* By its number or its object. NULL: there is none. */
static const json_t *find_job(const json_t *jobs, const char *name) {
        const json_t *job;
        uint64_t id = 0;
        size_t i;

        (void) number_parse_u64(name, 1, UINT64_MAX, &id);
        json_array_foreach(jobs, i, job)
                if (text_equal(ctl_value_text(job, "object"), name) || (id > 0 && ctl_value_number(job, "id") == id))
                        return job;
        return NULL;
}

CtlExit ctl_cancel(const CtlRequest *request) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(ctl_agent_close) CtlAgent agent = {};
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL;
        _cleanup_(ctl_world_clear) CtlWorld world = {};
        bool may_ask = !(request->options & CTL_OPTION_NO_ASK_PASSWORD);
        const json_t *job;
        CtlExit exit_code;
        int r;

        exit_code = ctl_bus_open(&bus);
        if (exit_code == CTL_EXIT_OK)
                exit_code = ctl_world_get(bus, &world);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        job = find_job(world.jobs, request->arguments[0]);
        if (!job) {
                ctl_complain(request->arguments[0], "there is no such job; \"healerctl jobs\" lists them");
                return CTL_EXIT_NO;
        }
        r = ctl_bus_new_call(bus, ctl_value_text(job, "object"), BUS_INTERFACE_JOB, "Cancel", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "a{sv}", 0);
        if (r < 0) {
                ctl_complain(NULL, "cannot ask healerd: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }
        if (may_ask)
                ctl_agent_open(&agent);
        exit_code = ctl_bus_call(bus, call, may_ask ? CTL_ASK_TIMEOUT_USEC : CTL_ORDER_TIMEOUT_USEC,
                                 request->arguments[0], &reply);
        if (exit_code == CTL_EXIT_OK)
                puts("it ends as soon as it can");
        return exit_code;
}
