/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file systems that healerd knows, as JSON objects, and finding the one that somebody means.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

#include "src/ctl/ctl-exit.h"

/* What is on the bus: properties of the manager, and lists of objects with their path under "object". */
typedef struct CtlWorld {
        json_t *manager;
        json_t *filesystems;            /* array, sorted by name */
        json_t *jobs;                   /* array, in the order in which they were ordered */
} CtlWorld;

void ctl_world_clear(CtlWorld *world);
/* Asks healerd; says what is wrong on standard error. */
CtlExit ctl_world_get(sd_bus *bus, CtlWorld *ret_world);

/* The name people know it by: first mount point, else device, else object path. Borrowed. */
const char *ctl_filesystem_name(const json_t *filesystem);

typedef enum CtlFound {
        CTL_FOUND,
        CTL_FOUND_NONE,
        CTL_FOUND_SEVERAL,              /* several have this UUID */
} CtlFound;

/* By mount point, device or UUID, word for word. Pure. @ret_filesystem is borrowed from the list. */
CtlFound ctl_filesystem_match(const json_t *filesystems, const char *name, const json_t **ret_filesystem);

/**
 * ctl_filesystem_find() - which one is meant by @name?
 * @verb: for the advice in an error ("scrub")
 *
 * Follows links and relative paths. A path that is no mount point is an error that names the mount it lies on: what is
 * done is done to a whole file system, and nobody shall be surprised by which.
 * Returns: CTL_EXIT_OK, or CTL_EXIT_NO_FILESYSTEM after saying why.
 */
CtlExit ctl_filesystem_find(const json_t *filesystems, const char *name, const char *verb,
                            const json_t **ret_filesystem);

/* The mount point that a path lies on, found by walking up. Returns 0 or a negative errno. */
int ctl_mount_covering(const char *path, char **ret_mount_point);
