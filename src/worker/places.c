/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads mountinfo, because it names superblocks without opening anything. Of several mounts on one place
 * the last one counts.
 */

#include "src/worker/places.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/proc-text.h"

#define MOUNTINFO_PATH "/proc/self/mountinfo"
#define MOUNTINFO_LIMIT_BYTES ((size_t) 64 * 1024 * 1024)

static const char *const root_places[] = { "/", "/usr" };

static void add_root(Places *places, dev_t device_number) {
        for (size_t i = 0; i < places->n_roots; i++)
                if (places->roots[i] == device_number)
                        return;

        if (places->n_roots < ELEMENTSOF(places->roots))
                places->roots[places->n_roots++] = device_number;
        else
                places->are_roots_known = false;
}

typedef struct Layers {
        Places *places;
        int (*find_device)(const char *path, dev_t *ret_device);
} Layers;

static int add_layer(const char *layer, void *userdata) {
        const Layers *layers = userdata;
        dev_t device_number = 0;

        if (layers->find_device(layer, &device_number) >= 0)
                add_root(layers->places, device_number);
        else
                /* Out of reach, as after the switch from an initial RAM disk: it could be any. */
                layers->places->are_roots_known = false;
        return 0;
}

int places_parse_roots(const char *mountinfo, Places *places,
                       int (*find_device)(const char *path, dev_t *ret_device)) {
        _cleanup_(free_at) char *copy = strdup(mountinfo);
        MountLine found[ELEMENTSOF(root_places)] = {};
        char *rest = NULL;

        if (!copy)
                return -ENOMEM;

        for (char *text = strtok_r(copy, "\n", &rest); text; text = strtok_r(NULL, "\n", &rest)) {
                MountLine line;

                if (mount_line_parse(text, &line) < 0)
                        continue;
                for (size_t i = 0; i < ELEMENTSOF(root_places); i++)
                        if (text_equal(line.mount_point, root_places[i]))
                                found[i] = line;
        }

        places->n_roots = 0;
        places->are_roots_known = found[0].mount_point;
        for (size_t i = 0; i < ELEMENTSOF(found); i++) {
                if (!found[i].mount_point)
                        continue;
                add_root(places, found[i].device_number);
                if (text_equal(found[i].type, "overlay"))
                        (void) overlay_each_layer(found[i].options, add_layer, &(Layers) { places, find_device });
        }

        return 0;
}

int places_parse_state(const char *mountinfo, const char *path, Places *places) {
        _cleanup_(free_at) char *copy = strdup(mountinfo);
        size_t longest = 0;
        char *rest = NULL;

        if (!copy)
                return -ENOMEM;

        places->is_state_known = false;
        for (char *text = strtok_r(copy, "\n", &rest); text; text = strtok_r(NULL, "\n", &rest)) {
                MountLine line;

                if (mount_line_parse(text, &line) < 0 || !path_is_below(path, line.mount_point) ||
                    strlen(line.mount_point) < longest)
                        continue;
                longest = strlen(line.mount_point);
                places->state = line.device_number;
                places->is_state_known = true;
        }

        return places->is_state_known ? 0 : -ENOENT;
}

static int device_of_path(const char *path, dev_t *ret_device) {
        struct stat status;

        if (stat(path, &status) < 0)
                return -errno;

        *ret_device = status.st_dev;
        return 0;
}

int places_find_roots(Places *places) {
        _cleanup_(free_at) char *text = NULL;
        size_t length;
        int r;

        r = file_read(AT_FDCWD, MOUNTINFO_PATH, MOUNTINFO_LIMIT_BYTES, &text, &length);
        return r < 0 ? r : places_parse_roots(text, places, device_of_path);
}

int places_find_state(Places *places, const char *state_dir) {
        _cleanup_(free_at) char *text = NULL;
        char path[PATH_MAX], real[PATH_MAX];
        size_t length;
        int r;

        if (text_copy(path, sizeof(path), state_dir) < 0)
                return -ENAMETOOLONG;

        /* Not made yet: then it will be where the nearest folder above it is. */
        while (!realpath(path, real)) {
                char *slash = strrchr(path, '/');

                if (errno != ENOENT || !slash)
                        return -errno;
                slash[slash == path] = 0;
        }

        r = file_read(AT_FDCWD, MOUNTINFO_PATH, MOUNTINFO_LIMIT_BYTES, &text, &length);
        return r < 0 ? r : places_parse_state(text, real, places);
}

Tristate places_is_root(const Places *places, dev_t device_number) {
        for (size_t i = 0; i < places->n_roots; i++)
                if (places->roots[i] == device_number)
                        return TRISTATE_YES;

        return places->are_roots_known ? TRISTATE_NO : TRISTATE_UNKNOWN;
}

Tristate places_is_state(const Places *places, dev_t device_number) {
        if (!places->is_state_known)
                return TRISTATE_UNKNOWN;

        return places->state == device_number ? TRISTATE_YES : TRISTATE_NO;
}
