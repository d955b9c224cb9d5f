/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which file systems are mounted in the first mount namespace, from now on: by fanotify mount events
 * where the kernel has them, by libmount's monitor and looking again elsewhere. Both tell the same.
 */
#pragma once

#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/protocol/worker-protocol.h"
#include "src/worker/mount-diff.h"

typedef struct MountWatch MountWatch;

/**
 * mount_watch_new() - start to listen; nothing is said before mount_watch_list()
 * @event: borrowed
 * @no_fanotify: use the other way even if the kernel has this one
 * @calls: what to tell; only mounts of watched types with a reachable mount point are said; borrowed for ever
 *
 * Returns: 0; -ENOMEM; or a negative errno if neither way works.
 */
int mount_watch_new(sd_event *event, bool no_fanotify, const MountDiffCalls *calls, void *userdata,
                    MountWatch **ret_watch);
MountWatch *mount_watch_free(MountWatch *watch);
DEFINE_CLEANUP(MountWatch, mount_watch_free)

/* Looks at the whole table and tells what differs from what was told. Returns 0 or a negative errno. */
int mount_watch_list(MountWatch *watch);

WorkerMountWatch mount_watch_kind(const MountWatch *watch);
