/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-object.h.
 */

#include "src/bus/bus-object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/bus/bus-signal.h"

static void paths_free(char **paths) {
        for (char **path = paths; *path; path++)
                free(*path);
        free(paths);
}
DEFINE_CLEANUP(char *, paths_free)

BusObject *bus_object_find(const BusObjects *objects, const char *path) {
        BusObject *object;

        TAILQ_FOREACH(object, objects, link)
                if (text_equal(object->path, path))
                        return object;

        return NULL;
}

static int on_find(_unused_ sd_bus *bus, const char *path, _unused_ const char *interface, void *userdata,
                   void **ret_found, _unused_ sd_bus_error *error) {
        BusObject *object = bus_object_find(userdata, path);

        if (!object)
                return 0;
        *ret_found = object;
        return 1;
}

static int on_enumerate(_unused_ sd_bus *bus, _unused_ const char *prefix, void *userdata, char ***ret_paths,
                        _unused_ sd_bus_error *error) {
        _cleanup_(paths_free_at) char **paths = NULL;
        const BusObjects *objects = userdata;
        BusObject *object;
        size_t n = 0;

        TAILQ_FOREACH(object, objects, link)
                n++;
        paths = calloc(n + 1, sizeof(*paths));
        if (!paths)
                return -ENOMEM;

        n = 0;
        TAILQ_FOREACH(object, objects, link) {
                paths[n] = strdup(object->path);
                if (!paths[n++])
                        return -ENOMEM;
        }

        *ret_paths = steal_ptr(paths);
        return 1;
}

int bus_objects_attach(BusObjects *objects, sd_bus *bus, const char *prefix, const char *interface,
                       const sd_bus_vtable *vtable) {
        int r;

        r = sd_bus_add_fallback_vtable(bus, /* slot= */ NULL, prefix, interface, vtable, on_find, objects);
        if (r < 0)
                return r;

        return sd_bus_add_node_enumerator(bus, /* slot= */ NULL, prefix, on_enumerate, objects);
}

int bus_object_add(BusObjects *objects, BusObject *object, BusContext *context, const char *path, const char *interface,
                   const BusChangeName *names) {
        char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;

        *object = (BusObject) {
                .context = context,
                .path = copy,
                .change = { .path = copy, .interface = interface, .names = names },
        };
        TAILQ_INSERT_TAIL(objects, object, link);
        bus_signal_object_added(context, copy, interface);
        return 0;
}

void bus_object_remove(BusObjects *objects, BusObject *object) {
        bus_change_forget(object->context->changes, &object->change);
        TAILQ_REMOVE(objects, object, link);
        bus_signal_object_removed(object->context, object->path, object->change.interface);
        free(object->path);
        object->path = NULL;
}

void bus_objects_announce(const BusObjects *objects) {
        const BusObject *object;

        TAILQ_FOREACH(object, objects, link)
                bus_signal_object_added(object->context, object->path, object->change.interface);
}
