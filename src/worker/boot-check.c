/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sources: initramfs-tools 0.142 (hooks/fsck, scripts/functions), xfsprogs 7.2.0 (its hook "xfs", fsck.xfs), dracut 059
 * (99fs-lib).
 */
#include "src/worker/boot-check.h"

#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

#define LINE_SIZE 4096

static const char *below(const char *root, const char *path, char buffer[static PATH_MAX]) {
        buffer[0] = 0;
        (void) text_append_format(buffer, PATH_MAX, "%s%s", root, path);
        return buffer;
}

/* One of the files is there: NULL ends the list. */
static bool has_one(const char *root, const char *const paths[]) {
        char path[PATH_MAX];

        for (; *paths; paths++)
                if (access(below(root, *paths, path), F_OK) >= 0)
                        return true;
        return false;
}

static const char *const programs[][3] = {
        { "/usr/sbin/fsck.xfs", "/sbin/fsck.xfs" },
        { "/usr/sbin/xfs_repair", "/sbin/xfs_repair" },
        { "/usr/sbin/fsck", "/sbin/fsck" },
};

static bool has_programs(const char *root) {
        for (size_t i = 0; i < ELEMENTSOF(programs); i++)
                if (!has_one(root, programs[i]))
                        return false;
        return true;
}

/* The hook of xfsprogs wants the type, that of fsck a number in the last field that is not 0. Later lines, and those of
 * /etc/fstab.d, are not looked at by the hooks either once there was one. */
static BootCheck look_at_fstab(const char *root) {
        char path[PATH_MAX], line[LINE_SIZE];
        struct mntent entry;
        BootCheck found = BOOT_CHECK_NOT_IN_FSTAB;
        FILE *file;

        file = setmntent(below(root, "/etc/fstab", path), "re");
        if (!file)
                return BOOT_CHECK_UNKNOWN;
        while (getmntent_r(file, &entry, line, sizeof(line)))
                if (text_equal(entry.mnt_dir, "/")) {
                        if (text_equal(entry.mnt_type, "xfs") && entry.mnt_passno != 0)
                                found = BOOT_CHECK_POSSIBLE;
                        break;
                }
        endmntent(file);
        return found;
}

static BootCheck look_at_initramfs_tools(const char *root) {
        static const char *const hooks[][3] = {
                { "/usr/share/initramfs-tools/hooks/xfs", "/etc/initramfs-tools/hooks/xfs" },
                { "/usr/share/initramfs-tools/hooks/fsck", "/etc/initramfs-tools/hooks/fsck" },
        };

        for (size_t i = 0; i < ELEMENTSOF(hooks); i++)
                if (!has_one(root, hooks[i]))
                        return BOOT_CHECK_NO_PROGRAM;
        return look_at_fstab(root);
}

/* It takes along what belongs to the type of the root, unless it was told not to, which can be said in many places. */
static BootCheck look_at_dracut(const char *root) {
        static const char *const modules[] = {
                "/usr/lib/dracut/modules.d/99fs-lib", "/usr/lib/dracut/modules.d/80fs-lib",
                "/usr/lib/dracut/modules.d/70fs-lib", NULL,
        };

        return has_one(root, modules) ? BOOT_CHECK_POSSIBLE : BOOT_CHECK_UNKNOWN;
}

BootCheck boot_check_look(const char *root) {
        static const struct {
                const char *const paths[3];
                BootCheck (*look)(const char *root);
        } generators[] = {
                { { "/usr/sbin/mkinitramfs", "/sbin/mkinitramfs" }, look_at_initramfs_tools },
                { { "/usr/bin/dracut", "/usr/sbin/dracut" }, look_at_dracut },
        };
        BootCheck found = BOOT_CHECK_UNKNOWN;
        bool has_generator = false;

        for (size_t i = 0; i < ELEMENTSOF(generators); i++) {
                if (!has_one(root, generators[i].paths))
                        continue;
                /* Which of two made the image nobody can say. */
                if (has_generator)
                        return BOOT_CHECK_UNKNOWN;
                has_generator = true;
                found = generators[i].look(root);
        }
        return has_generator && !has_programs(root) ? BOOT_CHECK_NO_PROGRAM : found;
}
