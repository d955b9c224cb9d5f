/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names, as shell patterns. What is not here is the administrator's: the worker looks besides at who can write the
 * unit's files.
 */
#include "src/model/startable-unit.h"

#include <fnmatch.h>
#include <stddef.h>

#include "src/basic/macro.h"

typedef struct RefusedUnit {
        const char *pattern;
        const char *why;
} RefusedUnit;

static const RefusedUnit refused_units[] = {
        { "systemd-*", "belongs to systemd" },
        { "user@*", "is somebody's session" },
        { "user-runtime-dir@*", "is somebody's session" },
        { "session-*", "is somebody's session" },
        { "getty@*", "is a login" },
        { "autovt@*", "is a login" },
        { "serial-getty@*", "is a login" },
        { "container-getty@*", "is a login" },
        { "console-getty*", "is a login" },
        { "ssh@*", "is a login" },
        { "sshd@*", "is a login" },
        { "emergency*", "stops the machine's services" },
        { "rescue*", "stops the machine's services" },
        { "initrd-*", "belongs to the start of the machine" },
        { "dracut-*", "belongs to the start of the machine" },
        { "modprobe@*", "belongs to the kernel's modules" },
        { "dbus*", "is the system bus" },
        { "polkit*", "grants permissions" },
        { "quotaon@*", "belongs to the mounts of the machine" },
        { "healerd*", "is healerd's own" },
        { "healer-worker*", "is healerd's own" },
        { "healer-recorder*", "is healerd's own" },
        { "healer-scrub@*", "is healerd's own: write scrub" },
        { "healer-scrub-repair@*", "is healerd's own: write scrub" },
        { "xfs_scrub@*", "repairs: write scrub" },
        { "xfs_scrub_media@*", "repairs: write scrub" },
        { "xfs_healer@*", "would take the health monitor" },
};

const char *startable_unit_fault(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(refused_units); i++)
                if (fnmatch(refused_units[i].pattern, name, 0) == 0)
                        return refused_units[i].why;

        return NULL;
}
