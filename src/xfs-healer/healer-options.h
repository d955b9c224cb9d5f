/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of xfs_healer, which is that of xfsprogs' program: the same words with the same meaning.
 */
#pragma once

#include <stdbool.h>

typedef enum HealerTask {
        HEALER_WATCH,                   /* until the file system is unmounted */
        HEALER_SAY_SUPPORTED,           /* could it? Then end. */
        HEALER_SAY_SERVICE,             /* the name of the unit for the mount point */
        HEALER_SAY_VERSION,
        HEALER_SAY_USAGE,
} HealerTask;

typedef struct HealerOptions {
        HealerTask task;
        const char *mount_point;        /* as it was given; borrowed */
        bool everything;                /* hear all that a scrub says */
        bool ignores_autofsck;
        bool is_quiet;
        bool repairs;
        bool says_more;
} HealerOptions;

/* What is written with HEALER_SAY_USAGE, to standard error as xfsprogs' program does. */
extern const char healer_usage[];

/**
 * healer_options_parse() - read the command line
 * @argv: texts are borrowed
 *
 * What cannot be understood gives HEALER_SAY_USAGE, after a line on standard error where there is one to be said.
 * Not for several calls at a time (getopt).
 */
HealerOptions healer_options_parse(int argc, char *argv[]);

/**
 * healer_service_name() - the unit of xfsprogs for a mount point, "xfs_healer@srv.service"
 * @mount_point: as somebody types it: slashes too many and "." are left out, and it begins at the root in any case
 * @ret_name:    new; free()
 *
 * Returns: 0; or as unit_name_from_path().
 */
int healer_service_name(const char *mount_point, char **ret_name);
