/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl status` and `healerctl show`: everything that healerd knows about file systems; and with the exit code of
 * status the one answer a script wants: is it being watched?
 */
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-filesystem.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-pager.h"
#include "src/ctl/ctl-status-text.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

static int print_json(const CtlWorld *world, json_t *filesystems) {
        _cleanup_(json_decref_at) json_t *all = NULL;

        all = json_pack("{s:i, s:O, s:O}",
                        "schema", CTL_JSON_SCHEMA,
                        "daemon", world->manager,
                        "filesystems", filesystems);
        if (!all)
                return -ENOMEM;
        return ctl_json_print(all, false, stdout);
}

static int print_one_json(const json_t *filesystem) {
        _cleanup_(json_decref_at) json_t *all = json_pack("{s:i, s:O}", "schema", CTL_JSON_SCHEMA, "filesystem",
                                                          filesystem);

        return all ? ctl_json_print(all, false, stdout) : -ENOMEM;
}

static int print(const CtlRequest *request, const CtlWorld *world, json_t *shown) {
        if (request->options & CTL_OPTION_JSON)
                return print_json(world, shown);
        if (request->n_arguments > 0)
                return ctl_status_print_one(json_array_get(shown, 0), stdout);
        return ctl_status_print_table(world->manager, shown, !(request->options & CTL_OPTION_NO_LEGEND), stdout);
}

/*
 * For one file system anything but watching is a no, for all of them only what could be watched and is not. Without
 * the worker nobody knows what is mounted.
 */
static CtlExit answer(const json_t *manager, const json_t *shown, bool is_one) {
        if (!is_one && json_is_false(json_object_get(manager, "worker_connected")))
                return CTL_EXIT_NO;
        for (size_t i = 0; i < json_array_size(shown); i++)
                switch (ctl_filesystem_watch(json_array_get(shown, i))) {
                case CTL_WATCHED:
                        break;
                case CTL_NOT_WATCHED:
                        return CTL_EXIT_NO;
                case CTL_NOT_WATCHABLE:
                        if (is_one)
                                return CTL_EXIT_NO;
                        break;
                }

        return CTL_EXIT_OK;
}

CtlExit ctl_status(const CtlRequest *request) {
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL;
        _cleanup_(ctl_world_clear) CtlWorld world = {};
        _cleanup_(json_decref_at) json_t *shown = NULL;
        const json_t *one;
        CtlExit exit_code;
        int r;

        exit_code = ctl_bus_open(&bus);
        if (exit_code == CTL_EXIT_OK)
                exit_code = ctl_world_get(bus, &world);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        if (request->n_arguments > 0) {
                exit_code = ctl_filesystem_find(world.filesystems, request->arguments[0], request->verb->words[0],
                                                &one);
                if (exit_code != CTL_EXIT_OK)
                        return exit_code;
                shown = json_pack("[O]", one);
        } else {
                shown = json_incref(world.filesystems);
        }

        ctl_pager_open(request);
        if (request->verb->id == CTL_VERB_SHOW && shown && request->options & CTL_OPTION_JSON)
                r = print_one_json(json_array_get(shown, 0));
        else
                r = shown ? print(request, &world, shown) : -ENOMEM;
        if (r == -ENOMEM) {
                ctl_complain(NULL, "cannot show what healerd says: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }
        /* Shown is shown; whether it is watched is what status answers. */
        if (request->verb->id == CTL_VERB_SHOW)
                return CTL_EXIT_OK;
        return answer(world.manager, shown, request->n_arguments > 0);
}
