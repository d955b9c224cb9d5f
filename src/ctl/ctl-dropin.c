/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A link is ours if it leads to a file of that name in a folder of ours, whatever prefix it was installed with. All
 * else that may be in its place was put there by somebody who knew why, "/dev/null" included.
 */
#include "src/ctl/ctl-dropin.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"

#define OUR_FOLDER "/xfs_healer/takeover/"

static const CtlDropin dropins[] = {
        { "xfs_healer_start.service", "xfs_healer.conf" },
        { "xfs_healer@.service", "xfs_healer.conf" },
        { "xfs_scrub@.service", "xfs_scrub.conf" },
        { "xfs_scrub_all.timer", "xfs_scrub_all.conf" },
        { "xfs_scrub_media@.service", "xfs_scrub.conf" },
};

typedef enum Place {
        PLACE_FREE,
        PLACE_OURS,
        PLACE_FOREIGN,
} Place;

const CtlDropin *ctl_dropins(size_t *ret_n) {
        *ret_n = ELEMENTSOF(dropins);
        return dropins;
}

static int make_path(char path[static PATH_MAX], const char *folder, const char *unit, const char *name) {
        path[0] = '\0';
        return text_append_format(path, PATH_MAX, "%s/%s.d%s%s", folder, unit, *name ? "/" : "", name) < 0
                       ? -ENAMETOOLONG : 0;
}

/* @ret_target: where the link that is there leads; empty if there is none. Returns 0 or a negative errno. */
static int look(const CtlDropin *dropin, const char *path, Place *ret_place, char ret_target[static PATH_MAX]) {
        char ours[PATH_MAX] = "";
        ssize_t length;

        ret_target[0] = '\0';
        length = readlink(path, ret_target, PATH_MAX - 1);
        if (length < 0 && errno != ENOENT && errno != EINVAL)
                return negative_errno();
        if (length < 0) {
                *ret_place = errno == ENOENT ? PLACE_FREE : PLACE_FOREIGN;
                return 0;
        }

        ret_target[length] = '\0';
        (void) text_append_format(ours, sizeof(ours), "%s%s", OUR_FOLDER, dropin->source);
        *ret_place = text_ends_with(ret_target, ours) ? PLACE_OURS : PLACE_FOREIGN;
        return 0;
}

/* Beside it and over it: at no time is it missing. */
static int write_link(const char *source, const char *path) {
        char temporary[PATH_MAX] = "";
        int r = 0;

        if (text_append_format(temporary, sizeof(temporary), "%s.new", path) < 0)
                return -ENAMETOOLONG;
        (void) unlink(temporary);
        if (symlink(source, temporary) < 0)
                return -errno;
        if (rename(temporary, path) < 0) {
                r = -errno;
                (void) unlink(temporary);
        }

        return r;
}

int ctl_dropin_link(const CtlDropin *dropin, const char *units_dir, const char *source_dir, bool dry_run,
                    CtlDropinResult *ret_result, char ret_path[static PATH_MAX]) {
        char source[PATH_MAX] = "", folder[PATH_MAX], target[PATH_MAX];
        Place place;
        int r;

        r = make_path(ret_path, units_dir, dropin->unit, CTL_DROPIN_NAME);
        if (r >= 0)
                r = make_path(folder, units_dir, dropin->unit, "");
        if (r < 0)
                return r;
        if (text_append_format(source, sizeof(source), "%s/%s", source_dir, dropin->source) < 0)
                return -ENAMETOOLONG;
        if (access(source, R_OK) < 0)
                return -errno;
        r = look(dropin, ret_path, &place, target);
        if (r < 0)
                return r;

        *ret_result = place == PLACE_FOREIGN ? CTL_DROPIN_FOREIGN
                    : text_equal(target, source) ? CTL_DROPIN_UNCHANGED : CTL_DROPIN_CHANGED;
        if (*ret_result != CTL_DROPIN_CHANGED || dry_run)
                return 0;

        if (mkdir(folder, 0755) < 0 && errno != EEXIST)
                return -errno;
        return write_link(source, ret_path);
}

int ctl_dropin_unlink(const CtlDropin *dropin, const char *units_dir, bool dry_run, CtlDropinResult *ret_result,
                      char ret_path[static PATH_MAX]) {
        char folder[PATH_MAX], target[PATH_MAX];
        Place place;
        int r;

        r = make_path(ret_path, units_dir, dropin->unit, CTL_DROPIN_NAME);
        if (r >= 0)
                r = make_path(folder, units_dir, dropin->unit, "");
        if (r >= 0)
                r = look(dropin, ret_path, &place, target);
        if (r < 0)
                return r;

        *ret_result = place == PLACE_OURS ? CTL_DROPIN_CHANGED
                    : place == PLACE_FOREIGN ? CTL_DROPIN_FOREIGN : CTL_DROPIN_UNCHANGED;
        if (place != PLACE_OURS || dry_run)
                return 0;

        if (unlink(ret_path) < 0)
                return -errno;
        /* Not empty: somebody has more to say about the unit. */
        (void) rmdir(folder);
        return 0;
}
