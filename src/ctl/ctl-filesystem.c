/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One call for all objects, one for the manager: what is shown together was read together. Paths come
 * from the bus with strange bytes escaped, so what somebody typed is escaped as well before comparing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "src/basic/text.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-filesystem.h"
#include "src/ctl/ctl-value.h"

void ctl_world_clear(CtlWorld *world) {
        json_decref(world->manager);
        json_decref(world->filesystems);
        json_decref(world->jobs);
        *world = (CtlWorld) {};
}

const char *ctl_filesystem_name(const json_t *filesystem) {
        const char *mount = json_string_value(json_array_get(json_object_get(filesystem, "mount_points"), 0));
        const char *device = ctl_value_text(filesystem, "device");

        return mount ? mount : *device ? device : ctl_value_text(filesystem, "object");
}

static int compare_names(const void *a, const void *b) {
        const json_t *const *first = a, *const *second = b;

        return strcmp(ctl_filesystem_name(*first), ctl_filesystem_name(*second));
}

/* jansson has no sort of its own. */
static int sort(json_t *list, int (*compare)(const void *a, const void *b)) {
        size_t n = json_array_size(list);
        _cleanup_(free_at) json_t **items = calloc(n > 0 ? n : 1, sizeof(*items));

        if (!items)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++)
                items[i] = json_incref(json_array_get(list, i));
        qsort(items, n, sizeof(*items), compare);
        (void) json_array_clear(list);
        for (size_t i = 0; i < n; i++)
                if (json_array_append_new(list, items[i]) < 0) {
                        while (++i < n)
                                json_decref(items[i]);
                        return -ENOMEM;
                }
        return 0;
}

/* What the bus packs into structs gets names; "8:17" is how everybody writes a device number. */
static int name_fields(json_t *properties) {
        static const char *const condition_fields[] = {
                "code", "severity", "target", "since", "event_id", "message", NULL,
        };
        const json_t *number = json_object_get(properties, "device_number");
        char text[32];
        int r;

        r = ctl_value_name_fields(json_object_get(properties, "conditions"), condition_fields);
        if (r < 0 || json_array_size(number) != 2)
                return r;

        (void) snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT,
                        json_integer_value(json_array_get(number, 0)), json_integer_value(json_array_get(number, 1)));
        return json_object_set_new(properties, "device_number", json_string(text)) < 0 ? -ENOMEM : 0;
}

static int take_filesystems(json_t *objects, json_t **ret_list) {
        _cleanup_(json_decref_at) json_t *list = json_array();
        const char *path;
        json_t *interfaces;
        int r;

        if (!list)
                return -ENOMEM;

        json_object_foreach(objects, path, interfaces) {
                json_t *properties = json_object_get(interfaces, BUS_INTERFACE_FILESYSTEM);

                if (!properties)
                        continue;
                r = name_fields(properties);
                if (r < 0)
                        return r;
                if (json_object_set_new(properties, "object", json_string(path)) < 0 ||
                    json_array_append(list, properties) < 0)
                        return -ENOMEM;
        }

        r = sort(list, compare_names);
        if (r < 0)
                return r;

        *ret_list = steal_ptr(list);
        return 0;
}

static int compare_ids(const void *a, const void *b) {
        const json_t *const *first = a, *const *second = b;
        uint64_t i = ctl_value_number(*first, "id"), j = ctl_value_number(*second, "id");

        return (i > j) - (i < j);
}

static int take_jobs(json_t *objects, json_t **ret_list) {
        _cleanup_(json_decref_at) json_t *list = json_array();
        const char *path;
        json_t *interfaces;
        int r;

        if (!list)
                return -ENOMEM;
        json_object_foreach(objects, path, interfaces) {
                json_t *properties = json_object_get(interfaces, BUS_INTERFACE_JOB);

                if (properties && (json_object_set_new(properties, "object", json_string(path)) < 0 ||
                                   json_array_append(list, properties) < 0))
                        return -ENOMEM;
        }
        r = sort(list, compare_ids);
        if (r < 0)
                return r;

        *ret_list = steal_ptr(list);
        return 0;
}

/* Calls a method without arguments and takes its only result. */
static CtlExit get_value(sd_bus *bus, sd_bus_message *call, json_t **ret_value) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        CtlExit exit_code;
        int r;

        exit_code = ctl_bus_call(bus, call, CTL_CALL_TIMEOUT_USEC, NULL, &reply);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        r = ctl_value_read(reply, ret_value);
        if (r > 0)
                return CTL_EXIT_OK;

        ctl_complain(NULL, "cannot read the answer of healerd: %s", strerror(r < 0 ? -r : EBADMSG));
        return CTL_EXIT_FAILED;
}

CtlExit ctl_world_get(sd_bus *bus, CtlWorld *ret_world) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *ask_objects = NULL, *ask_manager = NULL;
        _cleanup_(json_decref_at) json_t *objects = NULL;
        _cleanup_(ctl_world_clear) CtlWorld world = {};
        CtlExit exit_code;
        int r;

        r = ctl_bus_new_call(bus, BUS_PATH, "org.freedesktop.DBus.Properties", "GetAll", &ask_manager);
        if (r >= 0)
                r = sd_bus_message_append(ask_manager, "s", BUS_INTERFACE_MANAGER);
        if (r >= 0)
                r = ctl_bus_new_call(bus, BUS_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
                                     &ask_objects);
        if (r < 0) {
                ctl_complain(NULL, "cannot ask healerd: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }

        exit_code = get_value(bus, ask_manager, &world.manager);
        if (exit_code == CTL_EXIT_OK)
                exit_code = get_value(bus, ask_objects, &objects);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        r = take_filesystems(objects, &world.filesystems);
        if (r >= 0)
                r = take_jobs(objects, &world.jobs);
        if (r < 0) {
                ctl_complain(NULL, "cannot read the answer of healerd: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }

        *ret_world = world;
        world = (CtlWorld) {};
        return CTL_EXIT_OK;
}

static bool has_mount_point(const json_t *filesystem, const char *name) {
        const json_t *mount;
        size_t i;

        json_array_foreach(json_object_get(filesystem, "mount_points"), i, mount)
                if (text_equal(json_string_value(mount), name))
                        return true;
        return false;
}

CtlFound ctl_filesystem_match(const json_t *filesystems, const char *name, const json_t **ret_filesystem) {
        _cleanup_(free_at) char *escaped = text_escape(name, strlen(name));
        const json_t *filesystem, *found = NULL;
        size_t i, n_with_uuid = 0;

        if (!escaped || !*escaped)
                return CTL_FOUND_NONE;

        json_array_foreach(filesystems, i, filesystem)
                if (has_mount_point(filesystem, escaped) || text_equal(ctl_value_text(filesystem, "device"), escaped) ||
                    text_equal(ctl_value_text(filesystem, "device_number"), escaped))
                        found = filesystem;
        if (!found)
                json_array_foreach(filesystems, i, filesystem)
                        if (strcasecmp(ctl_value_text(filesystem, "uuid"), escaped) == 0) {
                                found = filesystem;
                                n_with_uuid++;
                        }

        if (!found)
                return CTL_FOUND_NONE;
        if (n_with_uuid > 1)
                return CTL_FOUND_SEVERAL;
        *ret_filesystem = found;
        return CTL_FOUND;
}

int ctl_mount_covering(const char *path, char **ret_mount_point) {
        _cleanup_(free_at) char *at = realpath(path, NULL);

        if (!at)
                return -errno;

        for (;;) {
                struct statx about;
                char *slash;

                if (statx(AT_FDCWD, at, AT_NO_AUTOMOUNT, 0, &about) < 0)
                        return -errno;
                if ((about.stx_attributes & STATX_ATTR_MOUNT_ROOT) || text_equal(at, "/"))
                        break;

                slash = strrchr(at, '/');
                slash[slash == at] = '\0';
        }

        *ret_mount_point = steal_ptr(at);
        return 0;
}

/* Says what @name is, since it is nothing that healerd knows. */
static CtlExit complain_of_name(const char *name, const char *verb) {
        _cleanup_(free_at) char *path = NULL, *mount_point = NULL;
        struct stat about;

        if (ctl_bus_is_remote()) {
                ctl_complain(name, "healerd knows no file system by this name there; \"healerctl status\" lists them");
                return CTL_EXIT_NO_FILESYSTEM;
        }
        path = realpath(name, NULL);
        if (!path || stat(path, &about) < 0) {
                if (strchr(name, '/'))
                        ctl_complain(name, "%s", strerror(errno));
                else
                        ctl_complain(name, "no file system that healerd knows has this name or UUID; "
                                     "\"healerctl status\" lists them");
                return CTL_EXIT_NO_FILESYSTEM;
        }
        if (S_ISBLK(about.st_mode)) {
                ctl_complain(name, "no file system on this device is mounted, or healerd does not know its type");
                return CTL_EXIT_NO_FILESYSTEM;
        }
        if (ctl_mount_covering(path, &mount_point) < 0) {
                ctl_complain(name, "not a mount point");
                return CTL_EXIT_NO_FILESYSTEM;
        }
        if (text_equal(path, mount_point))
                ctl_complain(name, "healerd does not know the file system mounted here; "
                             "\"healerctl status\" lists those it knows");
        else
                ctl_complain(name, "not a mount point, it lies on %s; use: healerctl %s %s", mount_point, verb,
                             mount_point);
        return CTL_EXIT_NO_FILESYSTEM;
}

/*
 * Several file systems may be mounted on one point, and a device has many names: the number of the device says which
 * is meant. Nothing is asked of the file system itself, so a sick one does not hold us up.
 */
static CtlFound match_path(const json_t *filesystems, const char *path, const json_t **ret_filesystem) {
        char number[32];
        struct statx about;
        CtlFound found;

        if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE, &about) < 0)
                return ctl_filesystem_match(filesystems, path, ret_filesystem);

        if (S_ISBLK(about.stx_mode)) {
                (void) snprintf(number, sizeof(number), "%u:%u", about.stx_rdev_major, about.stx_rdev_minor);
                return ctl_filesystem_match(filesystems, number, ret_filesystem);
        }
        found = ctl_filesystem_match(filesystems, path, ret_filesystem);
        if (found == CTL_FOUND) {
                (void) snprintf(number, sizeof(number), "%u:%u", about.stx_dev_major, about.stx_dev_minor);
                (void) ctl_filesystem_match(filesystems, number, ret_filesystem);
        }
        return found;
}

CtlExit ctl_filesystem_find(const json_t *filesystems, const char *name, const char *verb,
                            const json_t **ret_filesystem) {
        _cleanup_(free_at) char *path = NULL;
        CtlFound found;

        /* Paths of another system are words here. */
        found = ctl_bus_is_remote() ? ctl_filesystem_match(filesystems, name, ret_filesystem)
                                    : match_path(filesystems, name, ret_filesystem);
        if (found == CTL_FOUND_NONE && !ctl_bus_is_remote()) {
                path = realpath(name, NULL);
                if (path)
                        found = match_path(filesystems, path, ret_filesystem);
        }

        switch (found) {
        case CTL_FOUND:
                return CTL_EXIT_OK;
        case CTL_FOUND_SEVERAL:
                ctl_complain(name, "several file systems have this UUID; use a mount point");
                return CTL_EXIT_NO_FILESYSTEM;
        case CTL_FOUND_NONE:
                break;
        }
        return complain_of_name(name, verb);
}
