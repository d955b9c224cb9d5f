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

#define MOUNTINFO_PATH "/proc/self/mountinfo"
#define MOUNTINFO_LIMIT_BYTES ((size_t) 64 * 1024 * 1024)

static const char *const root_places[] = { "/", "/usr" };

typedef struct MountLine {
        dev_t device_number;
        char *mount_point, *type, *options;
} MountLine;

/* Blanks and backslashes stand as three octal digits. In place. */
static void unescape(char *text) {
        char *to = text;

        for (const char *from = text; *from; to++) {
                unsigned value;

                if (from[0] == '\\' && sscanf(from + 1, "%3o", &value) == 1 && strspn(from + 1, "01234567") >= 3) {
                        *to = (char) value;
                        from += 4;
                } else {
                        *to = *from++;
                }
        }
        *to = 0;
}

/* Cuts one line of mountinfo into words, in place. Source: proc(5). */
static int parse_line(char *line, MountLine *ret_line) {
        unsigned major_number, minor_number;
        char *words[6], *rest = NULL, *word;
        char *dash = strstr(line, " - ");

        if (!dash)
                return -EBADMSG;
        *dash = 0;

        word = strtok_r(line, " ", &rest);
        for (size_t i = 0; i < ELEMENTSOF(words); i++, word = strtok_r(NULL, " ", &rest)) {
                if (!word)
                        return -EBADMSG;
                words[i] = word;
        }
        if (sscanf(words[2], "%u:%u", &major_number, &minor_number) != 2)
                return -EBADMSG;

        *ret_line = (MountLine) {
                .device_number = makedev(major_number, minor_number),
                .mount_point = words[4],
                .type = strtok_r(dash + 3, " ", &rest),
        };
        (void) strtok_r(NULL, " ", &rest);
        ret_line->options = strtok_r(NULL, " ", &rest);
        if (!ret_line->type || !ret_line->options)
                return -EBADMSG;

        unescape(ret_line->mount_point);
        return 0;
}

static void add_root(Places *places, dev_t device_number) {
        for (size_t i = 0; i < places->n_roots; i++)
                if (places->roots[i] == device_number)
                        return;

        if (places->n_roots < ELEMENTSOF(places->roots))
                places->roots[places->n_roots++] = device_number;
        else
                places->are_roots_known = false;
}

static void add_layers(Places *places, char *list, int (*find_device)(const char *path, dev_t *ret_device)) {
        char *rest = NULL;

        for (char *layer = strtok_r(list, ":", &rest); layer; layer = strtok_r(NULL, ":", &rest)) {
                dev_t device_number = 0;

                unescape(layer);
                if (find_device(layer, &device_number) >= 0)
                        add_root(places, device_number);
                else
                        /* Out of reach, as after the switch from an initial RAM disk: it could be any. */
                        places->are_roots_known = false;
        }
}

static void add_overlay(Places *places, char *options, int (*find_device)(const char *path, dev_t *ret_device)) {
        static const char *const keys[] = { "lowerdir=", "lowerdir+=", "datadir+=", "upperdir=" };
        char *rest = NULL;

        for (char *option = strtok_r(options, ",", &rest); option; option = strtok_r(NULL, ",", &rest))
                for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                        if (text_starts_with(option, keys[i]))
                                add_layers(places, option + strlen(keys[i]), find_device);
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

                if (parse_line(text, &line) < 0)
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
                        add_overlay(places, found[i].options, find_device);
        }

        return 0;
}

static bool is_below(const char *path, const char *mount_point) {
        size_t length = strlen(mount_point);

        if (text_equal(mount_point, "/"))
                return true;

        return text_starts_with(path, mount_point) && (path[length] == 0 || path[length] == '/');
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

                if (parse_line(text, &line) < 0 || !is_below(path, line.mount_point) ||
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
