/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a block device down through what it is stacked on.
 */

#include "src/worker/disks.h"

#include <dirent.h>
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

/* What is stacked deeper or wider than this is not looked at. */
#define STACK_DEPTH_MAX 8
#define STACK_PARTS_MAX 256
#define ATTRIBUTE_LIMIT_BYTES 4096

typedef struct Disks {
        dev_t *items;
        size_t n, max;
        unsigned n_parts;
} Disks;

static void add(Disks *disks, dev_t number) {
        for (size_t i = 0; i < disks->n; i++)
                if (disks->items[i] == number)
                        return;
        if (disks->n < disks->max)
                disks->items[disks->n++] = number;
}

static void add_device(Disks *disks, const char *path) {
        _cleanup_(free_at) char *line = NULL;
        unsigned major_number, minor_number;
        char dev[PATH_MAX];

        if (snprintf(dev, sizeof(dev), "%s/dev", path) < (int) sizeof(dev) &&
            file_read_line(dev, ATTRIBUTE_LIMIT_BYTES, &line) >= 0 &&
            sscanf(line, "%u:%u", &major_number, &minor_number) == 2)
                add(disks, makedev(major_number, minor_number));
}

static bool is_partition(const char *path) {
        char attribute[PATH_MAX];

        return snprintf(attribute, sizeof(attribute), "%s/partition", path) < (int) sizeof(attribute) &&
               access(attribute, F_OK) == 0;
}

static void look_at(Disks *disks, const char *link_path, unsigned depth);

/* Returns whether it is stacked on anything. */
static bool look_below(Disks *disks, const char *path, unsigned depth) {
        _cleanup_(closedir_at) DIR *directory = NULL;
        char slaves[PATH_MAX], slave[PATH_MAX];
        bool has_any = false;

        if (snprintf(slaves, sizeof(slaves), "%s/slaves", path) >= (int) sizeof(slaves))
                return false;
        directory = opendir(slaves);
        if (!directory)
                return false;
        for (const struct dirent *item; (item = readdir(directory));) {
                if (item->d_name[0] == '.' ||
                    snprintf(slave, sizeof(slave), "%s/%s", slaves, item->d_name) >= (int) sizeof(slave))
                        continue;
                has_any = true;
                look_at(disks, slave, depth + 1);
        }
        return has_any;
}

static void look_at(Disks *disks, const char *link_path, unsigned depth) {
        char path[PATH_MAX], *slash;

        if (depth > STACK_DEPTH_MAX || ++disks->n_parts > STACK_PARTS_MAX || !realpath(link_path, path))
                return;
        slash = is_partition(path) ? strrchr(path, '/') : NULL;
        if (slash)
                *slash = 0;
        if (!look_below(disks, path, depth))
                add_device(disks, path);
}

size_t device_find_disks(const char *sysfs, dev_t device_number, dev_t *ret_disks, size_t max) {
        Disks disks = { .items = ret_disks, .max = max };
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "%s/dev/block/%u:%u", sysfs, major(device_number), minor(device_number));
        look_at(&disks, path, 0);
        return disks.n;
}
