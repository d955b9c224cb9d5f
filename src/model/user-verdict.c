/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * First what holds for everything on a file system, then for one process, then by the names of units and programs.
 */
#include "src/model/user-verdict.h"

#include <fnmatch.h>
#include <stddef.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"

static const char *const user_kind_names[] = {
        [USER_PROCESS] = "process",
        [USER_LOOP] = "loop",
        [USER_STACKED] = "stacked-device",
        [USER_SWAP] = "swap",
        [USER_EXPORT] = "nfs-export",
        [USER_OVERLAY] = "overlay",
};
DEFINE_NAMES(user_kind, UserKind)

static const char *const use_names[] = {
        "open", "mapped", "working-directory", "root-directory", "program", "unknown",
};
_Static_assert(1 << ELEMENTSOF(use_names) == USE_UNKNOWN << 1, "a word for each bit");

const char *user_use_to_name(unsigned use) {
        for (size_t i = 0; i < ELEMENTSOF(use_names); i++)
                if (use == 1U << i)
                        return use_names[i];
        return NULL;
}

typedef enum SparedBy {
        BY_UNIT,                        /* of the machine's manager */
        BY_PROGRAM,                     /* root's alone: anybody else could call himself so to be spared */
} SparedBy;

typedef struct SparedRow {
        SparedBy by;
        const char *pattern;
        const char *why;                /* NULL: not spared by a later row */
} SparedRow;

#define OURS "is healerd itself"
#define SYSTEMD "belongs to systemd"
#define SESSION "is somebody's session"
#define LOGIN "is how people log in"
#define RUNTIME "runs containers or machines of others"
#define STORAGE "keeps file systems and disks alive"
#define CLUSTER "keeps a cluster together"

/* The first row that fits counts. */
static const SparedRow spared_rows[] = {
        { BY_UNIT, "healerd*", OURS },
        { BY_UNIT, "healer-*", OURS },
        { BY_UNIT, "init.scope", "is the first process of the machine" },
        { BY_UNIT, "systemd-nspawn@*", NULL },
        { BY_UNIT, "systemd-*", SYSTEMD },
        { BY_UNIT, "initrd-*", SYSTEMD },
        { BY_UNIT, "emergency*", SYSTEMD },
        { BY_UNIT, "rescue*", SYSTEMD },
        { BY_UNIT, "dbus*", "is the system bus" },
        { BY_UNIT, "polkit*", "grants permissions" },
        { BY_UNIT, "session-*", SESSION },
        { BY_UNIT, "user@*", SESSION },
        { BY_UNIT, "user-runtime-dir@*", SESSION },
        { BY_UNIT, "ssh.*", LOGIN },
        { BY_UNIT, "ssh@*", LOGIN },
        { BY_UNIT, "sshd*", LOGIN },
        { BY_UNIT, "getty@*", LOGIN },
        { BY_UNIT, "autovt@*", LOGIN },
        { BY_UNIT, "*-getty@*", LOGIN },
        { BY_UNIT, "console-getty*", LOGIN },
        { BY_UNIT, "display-manager*", LOGIN },
        { BY_UNIT, "gdm*", LOGIN },
        { BY_UNIT, "sddm*", LOGIN },
        { BY_UNIT, "lightdm*", LOGIN },
        { BY_UNIT, "containerd*", RUNTIME },
        { BY_UNIT, "docker.*", RUNTIME },
        { BY_UNIT, "podman.*", RUNTIME },
        { BY_UNIT, "crio.*", RUNTIME },
        { BY_UNIT, "cri-o*", RUNTIME },
        { BY_UNIT, "cri-docker*", RUNTIME },
        { BY_UNIT, "kubelet*", RUNTIME },
        { BY_UNIT, "k3s*", RUNTIME },
        { BY_UNIT, "rke2*", RUNTIME },
        { BY_UNIT, "libvirt*", RUNTIME },
        { BY_UNIT, "virt*d.*", RUNTIME },
        { BY_UNIT, "lxc.*", RUNTIME },
        { BY_UNIT, "lxcfs*", RUNTIME },
        { BY_UNIT, "lxd*", RUNTIME },
        { BY_UNIT, "incus*", RUNTIME },
        { BY_UNIT, "libpod-conmon-*", RUNTIME },
        { BY_UNIT, "crio-conmon-*", RUNTIME },
        { BY_UNIT, "*.mount", STORAGE },
        { BY_UNIT, "*.swap", STORAGE },
        { BY_UNIT, "multipathd*", STORAGE },
        { BY_UNIT, "iscsi*", STORAGE },
        { BY_UNIT, "open-iscsi*", STORAGE },
        { BY_UNIT, "tgt*", STORAGE },
        { BY_UNIT, "target.*", STORAGE },
        { BY_UNIT, "nvmf*", STORAGE },
        { BY_UNIT, "lvm*", STORAGE },
        { BY_UNIT, "dm-event*", STORAGE },
        { BY_UNIT, "mdmon*", STORAGE },
        { BY_UNIT, "drbd*", STORAGE },
        { BY_UNIT, "stratis*", STORAGE },
        { BY_UNIT, "udisks*", STORAGE },
        { BY_UNIT, "zfs-*", STORAGE },
        { BY_UNIT, "ceph*", STORAGE },
        { BY_UNIT, "gluster*", STORAGE },
        { BY_UNIT, "nfs-*", STORAGE },
        { BY_UNIT, "rpc*", STORAGE },
        { BY_UNIT, "xfs_scrub*", "checks file systems" },
        { BY_UNIT, "xfs_healer*", "watches file systems" },
        { BY_UNIT, "corosync*", CLUSTER },
        { BY_UNIT, "pacemaker*", CLUSTER },
        { BY_UNIT, "dlm*", CLUSTER },
        { BY_UNIT, "sbd*", CLUSTER },
        { BY_PROGRAM, "systemd", SYSTEMD },
        { BY_PROGRAM, "systemd-*", SYSTEMD },
        { BY_PROGRAM, "(sd-*)", SYSTEMD },
        { BY_PROGRAM, "dbus-*", "is the system bus" },
        { BY_PROGRAM, "sshd*", LOGIN },
        { BY_PROGRAM, "conmon", RUNTIME },
        { BY_PROGRAM, "conmonrs", RUNTIME },
        { BY_PROGRAM, "containerd*", RUNTIME },
        { BY_PROGRAM, "dockerd", RUNTIME },
        { BY_PROGRAM, "docker-proxy", RUNTIME },
        { BY_PROGRAM, "kubelet", RUNTIME },
        { BY_PROGRAM, "runc*", RUNTIME },
        { BY_PROGRAM, "crun*", RUNTIME },
        { BY_PROGRAM, "pause", RUNTIME },
        { BY_PROGRAM, "dmeventd", STORAGE },
        { BY_PROGRAM, "mdmon", STORAGE },
        { BY_PROGRAM, "multipathd", STORAGE },
        { BY_PROGRAM, "iscsid", STORAGE },
        { BY_PROGRAM, "ceph-*", STORAGE },
        { BY_PROGRAM, "xfs_*", "works on file systems" },
        { BY_PROGRAM, "e2fsck", "works on file systems" },
        { BY_PROGRAM, "mount*", "works on file systems" },
        { BY_PROGRAM, "umount*", "works on file systems" },
};

/* Somebody's session is spared as a whole, a container that he runs is not; and what a container calls its own programs
 * is its own affair, but for those that its runtime has put there. */
static bool row_fits(const SparedRow *row, const UserFacts *facts) {
        bool is_container = facts->workload->runtime != RUNTIME_NONE;

        switch (row->by) {
        case BY_UNIT:
                return !(is_container && text_equal(row->why, SESSION)) &&
                       fnmatch(row->pattern, facts->workload->unit, 0) == 0;
        case BY_PROGRAM:
                return !(is_container && !text_equal(row->why, RUNTIME)) && facts->uid == 0 &&
                       fnmatch(row->pattern, facts->name, 0) == 0;
        }
        return false;
}

static const char *find_row(const UserFacts *facts, bool with_sessions) {
        for (size_t i = 0; i < ELEMENTSOF(spared_rows); i++)
                if (row_fits(spared_rows + i, facts) && (with_sessions || !text_equal(spared_rows[i].why, SESSION)))
                        return spared_rows[i].why;
        return NULL;
}

static const char *find_reason(const UserFacts *facts, bool with_sessions) {
        const char *why;

        if (facts->kind != USER_PROCESS)
                return "belongs to the kernel";
        if (facts->is_root_filesystem)
                return "uses the root file system";
        if (facts->is_state_filesystem)
                return "healerd's own state is there";
        if (facts->pid == 1)
                return "is the first process of the machine";
        if (facts->is_kernel_thread)
                return "belongs to the kernel";
        if (facts->is_ourselves)
                return OURS;
        if (facts->is_storage)
                return STORAGE;
        if (facts->is_marked)
                return "its control group is marked to be left alone";
        if (!facts->workload)
                return "it is not known to what it belongs";

        why = find_row(facts, with_sessions);
        if (why)
                return why;
        if (facts->workload->runtime == RUNTIME_NONE && !facts->workload->unit[0])
                return "belongs to no unit and no container";
        if (!(facts->uses & ~(unsigned) USE_UNKNOWN))
                return "it is not known whether it uses it";
        return NULL;
}

const char *user_spared_because(const UserFacts *facts) {
        return find_reason(facts, true);
}

bool user_is_spared_as_session(const UserFacts *facts) {
        return text_equal(find_reason(facts, true), SESSION) && !find_reason(facts, false);
}
