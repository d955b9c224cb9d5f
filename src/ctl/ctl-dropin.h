/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drop-ins by which `takeover` makes units of xfsprogs stand back: links below /etc/systemd/system to files that
 * our package installs. Links, so that an update renews what they say, and so that nothing is left that counts when
 * our files are gone: systemd passes over a link that leads nowhere. In /etc, because what is in /run is gone when
 * the machine boots, and then xfsprogs' programs would be first.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define CTL_DROPIN_NAME "50-healerd.conf"

typedef struct CtlDropin {
        const char *unit;               /* "xfs_scrub@.service" */
        const char *source;             /* file in our folder */
} CtlDropin;

typedef enum CtlDropinResult {
        CTL_DROPIN_UNCHANGED,           /* is as it shall be */
        CTL_DROPIN_CHANGED,             /* was linked or unlinked, or would be */
        CTL_DROPIN_FOREIGN,             /* something of the administrator's is in its place, and stays there */
} CtlDropinResult;

/* All of them. */
const CtlDropin *ctl_dropins(size_t *ret_n);

/**
 * ctl_dropin_link() - put one in force
 * @units_dir:  "/etc/systemd/system"
 * @source_dir: where our files are
 * @dry_run:    only say what would happen
 * @ret_path:   of the link, also on errors
 *
 * Returns: 0, or a negative errno (-ENOENT if our file is not there).
 */
int ctl_dropin_link(const CtlDropin *dropin, const char *units_dir, const char *source_dir, bool dry_run,
                    CtlDropinResult *ret_result, char ret_path[static PATH_MAX]);

/* Takes one away, and its folder if it is empty then. Returns 0 or a negative errno. */
int ctl_dropin_unlink(const CtlDropin *dropin, const char *units_dir, bool dry_run, CtlDropinResult *ret_result,
                      char ret_path[static PATH_MAX]);
