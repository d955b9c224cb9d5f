/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The administrator's hooks: programs in folders, of which those of an earlier one come before those of the same name
 * in later ones. What others than root could have put there is not run.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "src/model/job-report.h"
#include "src/protocol/worker-protocol.h"

/* That are run for one announcement; more are told and not run. */
#define HOOKS_MAX 16
/* That are looked at in all folders together; more are counted. */
#define HOOK_FILES_MAX 256
#define HOOK_PATH_SIZE 320

typedef struct Hook {
        char name[HOOK_NAME_SIZE];      /* of the file; of a folder that is not looked into, its path */
        char path[HOOK_PATH_SIZE];
        bool is_masked;                 /* while the list is read */
        char problem[JOB_DETAIL_SIZE];  /* why it is not run; "": it is */
} Hook;

typedef struct HookList {
        Hook *hooks;                    /* sorted by name */
        size_t n;
        size_t n_unlooked;              /* beyond HOOK_FILES_MAX */
} HookList;

/* Where hooks are that run before a workload is failed or frozen; ends with NULL. */
extern const char *const before_fail_folders[];

void hook_list_clear(HookList *list);

/* NULL: a file of this name may be a hook. Letters, digits, "-" and "_" alone, so that no leftover of an editor or a
 * package manager is one, and that a unit can be called so. */
const char *hook_name_fault(const char *name);

/**
 * hook_list_read() - what there is, in the order of names
 * @root_fd:  where "/" is; borrowed
 * @owner:    whom everything has to belong to: root, but for tests
 * @folders:  absolute; the first one that has a name decides what it is; ends with NULL
 * @ret_list: hook_list_clear()
 *
 * Hidden files are none, and a link to /dev/null takes its name out. A folder that is not there is empty; one that is
 * not root's alone is told as a hook with that problem. May sleep as long as the file systems on the way do.
 *
 * Returns: 0 or -ENOMEM.
 */
int hook_list_read(int root_fd, uid_t owner, const char *const folders[], HookList *ret_list);
