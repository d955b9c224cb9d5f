/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks from a block device to the hardware: up through its parents, down through what it is stacked on.
 */

#include "src/worker/removable.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

/* Stacks deeper or wider than this give no answer. */
#define STACK_DEPTH_MAX 8
#define STACK_PARTS_MAX 256
#define ATTRIBUTE_LIMIT_BYTES 4096

static const char *const removable_subsystems[] = { "usb", "firewire", "memstick", "thunderbolt" };

static bool attribute_is(const char *directory, const char *name, const char *value) {
        _cleanup_(free_at) char *line = NULL;
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int) sizeof(path))
                return false;

        return file_read_line(path, ATTRIBUTE_LIMIT_BYTES, &line) >= 0 && text_equal(line, value);
}

static bool subsystem_is_removable(const char *directory) {
        char path[PATH_MAX], target[PATH_MAX];
        const char *name;
        ssize_t length;

        if (snprintf(path, sizeof(path), "%s/subsystem", directory) >= (int) sizeof(path))
                return false;
        length = readlink(path, target, sizeof(target) - 1);
        if (length < 0)
                return false;
        target[length] = 0;

        name = strrchr(target, '/');
        name = name ? name + 1 : target;
        for (size_t i = 0; i < ELEMENTSOF(removable_subsystems); i++)
                if (text_equal(name, removable_subsystems[i]))
                        return true;

        /* Soldered memory sits on the same bus as cards. */
        return text_equal(name, "mmc") && attribute_is(directory, "type", "SD");
}

/* From the device itself upwards to the root of sysfs. */
static bool is_removable_upwards(const char *device_path, const char *top) {
        char path[PATH_MAX];
        size_t top_length = strlen(top);

        (void) text_copy(path, sizeof(path), device_path);
        while (strlen(path) > top_length) {
                char *slash = strrchr(path, '/');

                if (attribute_is(path, "removable", "1") || attribute_is(path, "removable", "removable") ||
                    subsystem_is_removable(path))
                        return true;
                if (!slash || slash == path)
                        break;
                *slash = 0;
        }

        return false;
}

static Tristate check_device(const char *link_path, const char *top, unsigned depth, unsigned *n_parts);

static Tristate check_slaves(const char *device_path, const char *top, unsigned depth, unsigned *n_parts) {
        _cleanup_(closedir_at) DIR *directory = NULL;
        Tristate found = TRISTATE_NO;
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/slaves", device_path) >= (int) sizeof(path))
                return TRISTATE_UNKNOWN;
        directory = opendir(path);
        if (!directory)
                return TRISTATE_NO;

        for (const struct dirent *item; (item = readdir(directory));) {
                char slave[PATH_MAX];
                Tristate one;

                if (item->d_name[0] == '.')
                        continue;
                if (snprintf(slave, sizeof(slave), "%s/%s", path, item->d_name) >= (int) sizeof(slave))
                        return TRISTATE_UNKNOWN;

                one = check_device(slave, top, depth + 1, n_parts);
                if (one == TRISTATE_YES)
                        return TRISTATE_YES;
                if (one == TRISTATE_UNKNOWN)
                        found = TRISTATE_UNKNOWN;
        }

        return found;
}

static Tristate check_device(const char *link_path, const char *top, unsigned depth, unsigned *n_parts) {
        char path[PATH_MAX];

        if (depth > STACK_DEPTH_MAX || ++*n_parts > STACK_PARTS_MAX || !realpath(link_path, path))
                return TRISTATE_UNKNOWN;
        if (is_removable_upwards(path, top))
                return TRISTATE_YES;

        return check_slaves(path, top, depth, n_parts);
}

Tristate device_is_removable(const char *sysfs, dev_t device_number) {
        char path[PATH_MAX], top[PATH_MAX];
        unsigned n_parts = 0;

        if (!realpath(sysfs, top))
                return TRISTATE_UNKNOWN;

        (void) snprintf(path, sizeof(path), "%s/dev/block/%u:%u", sysfs, major(device_number), minor(device_number));
        return check_device(path, top, 0, &n_parts);
}

bool mount_point_is_for_media(const char *mount_point) {
        return text_starts_with(mount_point, "/run/media/");
}

bool device_is_rotating(const char *sysfs, dev_t device_number) {
        static const char *const places[] = { "queue", "../queue" };
        char path[PATH_MAX];

        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (snprintf(path, sizeof(path), "%s/dev/block/%u:%u/%s", sysfs, major(device_number),
                             minor(device_number), places[i]) < (int) sizeof(path) &&
                    attribute_is(path, "rotational", "1"))
                        return true;

        return false;
}
