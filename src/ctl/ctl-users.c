/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl users`: who uses a file system, and why each would be taken or spared if its users were failed. Nothing is
 * done to anybody.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-filesystem-call.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-pager.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

#define CELL_SIZE 160
/* The look itself may take a minute; whoever types a password as long as anywhere. */
#define LOOK_TIMEOUT_USEC (90 * USEC_PER_SEC)

static int append_options(sd_bus_message *call, const CtlRequest *request) {
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0 && request->options & CTL_OPTION_INODE)
                r = sd_bus_message_append(call, "{sv}", "inode", "t", request->inode);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* Whose it is, in the word that says most. */
static const char *workload_text(const json_t *user, char buffer[static CELL_SIZE]) {
        const char *container = ctl_value_text(user, "container"), *unit = ctl_value_text(user, "unit"),
                   *user_unit = ctl_value_text(user, "user_unit"), *pod = ctl_value_text(user, "pod");

        buffer[0] = 0;
        if (*container)
                (void) snprintf(buffer, CELL_SIZE, "%s %.12s%s%s", ctl_value_text(user, "runtime"), container,
                                *pod ? " of pod " : "", pod);
        else if (*user_unit)
                (void) snprintf(buffer, CELL_SIZE, "%s of user %" PRIu64, user_unit,
                                ctl_value_number(user, "owner_uid"));
        else
                (void) text_copy(buffer, CELL_SIZE, unit);
        return buffer;
}

static const char *uses_text(const json_t *user, char buffer[static CELL_SIZE]) {
        const json_t *uses = json_object_get(user, "uses"), *use;
        size_t i;

        buffer[0] = 0;
        if (!text_equal(ctl_value_text(user, "kind"), "process"))
                return ctl_value_text(user, "path");
        json_array_foreach(uses, i, use)
                (void) text_append_format(buffer, CELL_SIZE, "%s%s", i > 0 ? "," : "", json_string_value(use));
        return buffer;
}

static int add_user(CtlTable *table, const json_t *user) {
        char pid[24] = "", uses[CELL_SIZE], workload[CELL_SIZE], verdict[CELL_SIZE];
        bool is_process = text_equal(ctl_value_text(user, "kind"), "process");

        if (is_process)
                (void) snprintf(pid, sizeof(pid), "%" PRIu64, ctl_value_number(user, "pid"));
        if (ctl_value_truth(user, "taken"))
                (void) text_copy(verdict, sizeof(verdict), "taken");
        else
                (void) snprintf(verdict, sizeof(verdict), "spared: %s", ctl_value_text(user, "spared_because"));

        return ctl_table_add(table, (const char *const []) {
                is_process ? pid : ctl_value_text(user, "kind"),
                ctl_value_text(user, "name"),
                workload_text(user, workload),
                uses_text(user, uses),
                verdict,
        });
}

/* What is not in the list has to be seen. */
static void print_left_out(const json_t *totals) {
        static const struct {
                const char *key, *text;
        } rows[] = {
                { "untold",            "more use it; they are not listed" },
                { "hung",              "could not be looked at: they do not answer" },
                { "unlooked",          "were not looked at: there was no time left" },
                { "files_unknown",     "open files are on mounts that no mount namespace shows" },
                { "namespaces_unread", "mount namespaces could not be read" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t n = ctl_value_number(totals, rows[i].key);

                if (n > 0)
                        printf("%" PRIu64 " %s.\n", n, rows[i].text);
        }
}

static int print_table(const json_t *users, const json_t *totals, bool with_legend) {
        _cleanup_(ctl_table_clear) CtlTable table = { .n_columns = 5 };
        const json_t *user;
        size_t i;
        int r;

        r = ctl_table_add(&table, (const char *const []) { "PID", "NAME", "WORKLOAD", "USES", "IF IT FAILED" });
        json_array_foreach(users, i, user)
                if (r >= 0)
                        r = add_user(&table, user);
        if (r < 0)
                return r;

        if (json_array_size(users) > 0)
                ctl_table_print(&table, with_legend, stdout);
        if (with_legend) {
                if (json_array_size(users) > 0)
                        fputc('\n', stdout);
                printf("%" PRIu64 " users among %" PRIu64 " processes.\n", ctl_value_number(totals, "users"),
                       ctl_value_number(totals, "processes"));
                print_left_out(totals);
        }
        return 0;
}

static int print_json(const json_t *filesystem, json_t *users, json_t *totals) {
        _cleanup_(json_decref_at) json_t *all = NULL;

        all = json_pack("{s:i, s:s, s:O, s:O}", "schema", CTL_JSON_SCHEMA, "filesystem",
                        ctl_value_text(filesystem, "object"), "users", users, "totals", totals);
        return all ? ctl_json_print(all, false, stdout) : -ENOMEM;
}

static CtlExit show(const CtlRequest *request, const json_t *filesystem, sd_bus_message *reply) {
        _cleanup_(json_decref_at) json_t *users = NULL, *totals = NULL;
        int r;

        r = ctl_value_read(reply, &users);
        if (r > 0)
                r = ctl_value_read(reply, &totals);
        if (r <= 0) {
                ctl_complain(NULL, "cannot read the answer of healerd: %s", strerror(r < 0 ? -r : EBADMSG));
                return CTL_EXIT_FAILED;
        }

        ctl_pager_open(request);
        r = request->options & CTL_OPTION_JSON ? print_json(filesystem, users, totals)
                                               : print_table(users, totals, !(request->options & CTL_OPTION_NO_LEGEND));
        if (r == -ENOMEM) {
                ctl_complain(NULL, "cannot show what healerd says: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }
        return CTL_EXIT_OK;
}

CtlExit ctl_users(const CtlRequest *request) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(json_decref_at) json_t *filesystem = NULL;
        CtlExit exit_code;

        exit_code = ctl_filesystem_call(request, "ListUsers", append_options, LOOK_TIMEOUT_USEC, &filesystem, &reply);
        return exit_code == CTL_EXIT_OK ? show(request, filesystem, reply) : exit_code;
}
